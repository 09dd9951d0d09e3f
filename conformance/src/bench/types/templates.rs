//! One resource for each map that a client can write to by itself, the spine's three first.

/// The map that keeps it, and the resource. `ID` and `PATIENT` stand for ids, `NUMBER` for a number.
pub(super) const TEMPLATES: &[(&str, &str)] = &[
    (
        "patient",
        r#"{"resourceType":"Patient","id":"ID","identifier":[{"use":"usual","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"MR"}]},"system":"urn:example:mrn","value":"B-NUMBER"}],"active":true,"name":[{"use":"official","family":"Moen","given":["Twyla","J."]}],"telecom":[{"system":"phone","value":"555-0100","use":"home"}],"gender":"female","birthDate":"1961-04-02","address":[{"line":["1 Main Street"],"city":"Springfield","state":"MA","postalCode":"01101"}],"maritalStatus":{"text":"Married"},"communication":[{"language":{"text":"English"}}]}"#,
    ),
    (
        "medication_request",
        r#"{"resourceType":"MedicationRequest","id":"ID","status":"active","intent":"order","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG Oral Tablet"}],"text":"lisinopril 10 mg"},"subject":{"reference":"Patient/PATIENT"},"authoredOn":"2026-01-02T08:00:00Z","requester":{"reference":"Practitioner/world"},"dosageInstruction":[{"text":"one a day","timing":{"repeat":{"frequency":1,"period":1,"periodUnit":"d"}},"doseAndRate":[{"doseQuantity":{"value":10,"unit":"mg"}}]}]}"#,
    ),
    (
        "lab_results",
        r#"{"resourceType":"Observation","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"2345-7","display":"Glucose"}],"text":"Glucose"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","issued":"2026-01-02T09:00:00Z","valueQuantity":{"value":95,"unit":"mg/dL","system":"http://unitsofmeasure.org","code":"mg/dL"},"referenceRange":[{"low":{"value":70},"high":{"value":99},"text":"70 to 99"}]}"#,
    ),
    (
        "organization",
        r#"{"resourceType":"Organization","id":"ID","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"NUMBER"}],"active":true,"name":"Springfield Clinic","telecom":[{"system":"phone","value":"555-0100"}],"address":[{"line":["1 Main Street"],"city":"Springfield","state":"MA","postalCode":"01101"}]}"#,
    ),
    (
        "practitioner",
        r#"{"resourceType":"Practitioner","id":"ID","identifier":[{"system":"http://hl7.org/fhir/sid/us-npi","value":"NUMBER"}],"active":true,"name":[{"family":"Ray","given":["Ann"]}],"telecom":[{"system":"phone","value":"555-0101"}],"gender":"female"}"#,
    ),
    (
        "practitioner_role",
        r#"{"resourceType":"PractitionerRole","id":"ID","active":true,"practitioner":{"reference":"Practitioner/world"},"organization":{"reference":"Organization/world"},"code":[{"text":"Physician"}],"specialty":[{"text":"Family medicine"}],"telecom":[{"system":"phone","value":"555-0101"}]}"#,
    ),
    (
        "location",
        r#"{"resourceType":"Location","id":"ID","status":"active","name":"Room NUMBER","mode":"instance","telecom":[{"system":"phone","value":"555-0102"}],"address":{"line":["1 Main Street"],"city":"Springfield"}}"#,
    ),
    (
        "related_person",
        r#"{"resourceType":"RelatedPerson","id":"ID","active":true,"patient":{"reference":"Patient/PATIENT"},"relationship":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"SPS"}],"text":"spouse"}],"name":[{"family":"Moen","given":["Karl"]}],"telecom":[{"system":"phone","value":"555-0103"}]}"#,
    ),
    (
        "encounter",
        r#"{"resourceType":"Encounter","id":"ID","status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB"},"type":[{"text":"Office visit"}],"subject":{"reference":"Patient/PATIENT"},"participant":[{"individual":{"reference":"Practitioner/world"}}],"period":{"start":"2026-01-02T08:00:00Z","end":"2026-01-02T08:30:00Z"},"reasonCode":[{"text":"cough"}]}"#,
    ),
    (
        "appointment",
        r#"{"resourceType":"Appointment","id":"ID","status":"booked","description":"Follow up","start":"2026-02-02T08:00:00Z","end":"2026-02-02T08:30:00Z","minutesDuration":30,"participant":[{"actor":{"reference":"Patient/PATIENT"},"status":"accepted"},{"actor":{"reference":"Practitioner/world"},"status":"accepted"}]}"#,
    ),
    (
        "allergies",
        r#"{"resourceType":"AllergyIntolerance","id":"ID","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-clinical","code":"active"}]},"verificationStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/allergyintolerance-verification","code":"confirmed"}]},"type":"allergy","category":["medication"],"code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"7980","display":"penicillin G"}],"text":"penicillin"},"patient":{"reference":"Patient/PATIENT"},"recordedDate":"2026-01-02T08:00:00Z","reaction":[{"manifestation":[{"text":"hives"}],"severity":"mild"}]}"#,
    ),
    (
        "problems",
        r#"{"resourceType":"Condition","id":"ID","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I10","display":"Essential (primary) hypertension"}],"text":"Hypertension"},"subject":{"reference":"Patient/PATIENT"},"onsetDateTime":"2020-03-01","recordedDate":"2020-03-01T08:00:00Z"}"#,
    ),
    (
        "encounter_diagnoses",
        r#"{"resourceType":"Condition","id":"ID","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"J20.9","display":"Acute bronchitis, unspecified"}],"text":"Bronchitis"},"subject":{"reference":"Patient/PATIENT"},"onsetDateTime":"2026-01-01","recordedDate":"2026-01-02T08:00:00Z"}"#,
    ),
    (
        "health_concerns",
        r#"{"resourceType":"Condition","id":"ID","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/condition-category","code":"health-concern"}]}],"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"Z59.41","display":"Food insecurity"}],"text":"Food"},"subject":{"reference":"Patient/PATIENT"},"onsetDateTime":"2026-01-01","recordedDate":"2026-01-02T08:00:00Z"}"#,
    ),
    (
        "conditions",
        r#"{"resourceType":"Condition","id":"ID","clinicalStatus":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-clinical","code":"active"}]},"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"R05.9","display":"Cough, unspecified"}],"text":"Cough"},"subject":{"reference":"Patient/PATIENT"},"onsetDateTime":"2026-01-01","recordedDate":"2026-01-02T08:00:00Z"}"#,
    ),
    (
        "orders",
        r#"{"resourceType":"ServiceRequest","id":"ID","status":"active","intent":"order","priority":"routine","code":{"coding":[{"system":"http://loinc.org","code":"24323-8","display":"Comprehensive metabolic panel"}],"text":"CMP"},"subject":{"reference":"Patient/PATIENT"},"occurrenceDateTime":"2026-01-03T08:00:00Z","authoredOn":"2026-01-02T08:00:00Z","requester":{"reference":"Practitioner/world"},"reasonCode":[{"text":"check"}]}"#,
    ),
    (
        "specimens",
        r#"{"resourceType":"Specimen","id":"ID","identifier":[{"system":"urn:example:specimen","value":"S-NUMBER"}],"status":"available","type":{"text":"Serum"},"subject":{"reference":"Patient/PATIENT"},"receivedTime":"2026-01-02T09:00:00Z","collection":{"collectedDateTime":"2026-01-02T08:00:00Z"}}"#,
    ),
    (
        "diagnostic_reports",
        r#"{"resourceType":"DiagnosticReport","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0074","code":"LAB"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"24323-8","display":"Comprehensive metabolic panel"}],"text":"CMP"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","issued":"2026-01-02T10:00:00Z","conclusion":"Nothing of note."}"#,
    ),
    (
        "immunizations",
        r#"{"resourceType":"Immunization","id":"ID","status":"completed","vaccineCode":{"coding":[{"system":"http://hl7.org/fhir/sid/cvx","code":"158","display":"influenza, injectable, quadrivalent"}],"text":"Influenza"},"patient":{"reference":"Patient/PATIENT"},"occurrenceDateTime":"2025-10-02","primarySource":true,"lotNumber":"L1","performer":[{"actor":{"reference":"Practitioner/world"}}]}"#,
    ),
    (
        "procedures",
        r#"{"resourceType":"Procedure","id":"ID","status":"completed","code":{"coding":[{"system":"urn:example:procedures","code":"ekg","display":"Electrocardiogram"}],"text":"EKG"},"subject":{"reference":"Patient/PATIENT"},"performedDateTime":"2026-01-02T08:00:00Z","performer":[{"actor":{"reference":"Practitioner/world"}}],"reasonCode":[{"text":"palpitations"}]}"#,
    ),
    (
        "family_history",
        r#"{"resourceType":"FamilyMemberHistory","id":"ID","status":"completed","patient":{"reference":"Patient/PATIENT"},"date":"2026-01-02","relationship":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"FTH"}],"text":"father"},"condition":[{"code":{"coding":[{"system":"http://hl7.org/fhir/sid/icd-10-cm","code":"I21.9"}],"text":"heart attack"}}]}"#,
    ),
    (
        "social_history",
        r#"{"resourceType":"Observation","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"social-history"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"11341-5","display":"History of Occupation"}],"text":"Occupation"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","valueCodeableConcept":{"text":"Teacher"}}"#,
    ),
    (
        "social_determinants",
        r#"{"resourceType":"Observation","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"88122-7","display":"Worried food would run out"}],"text":"Food"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","valueCodeableConcept":{"text":"Never true"}}"#,
    ),
    (
        "clinical_observations",
        r#"{"resourceType":"Observation","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"imaging"}]}],"code":{"coding":[{"system":"http://loinc.org","code":"10230-1","display":"Left ventricular Ejection fraction"}],"text":"Ejection fraction"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","valueQuantity":{"value":55,"unit":"%"}}"#,
    ),
    (
        "goal",
        r#"{"resourceType":"Goal","id":"ID","lifecycleStatus":"active","description":{"text":"Walk daily"},"subject":{"reference":"Patient/PATIENT"},"startDate":"2026-01-02","target":[{"measure":{"text":"Steps a day"},"detailQuantity":{"value":5000,"unit":"steps"},"dueDate":"2026-06-30"}]}"#,
    ),
    (
        "care_team",
        r#"{"resourceType":"CareTeam","id":"ID","status":"active","name":"Back team","subject":{"reference":"Patient/PATIENT"},"period":{"start":"2026-01-01"},"participant":[{"role":[{"text":"Physio"}],"member":{"reference":"Practitioner/world","display":"Dr. Ray"}}]}"#,
    ),
    (
        "care_plan",
        r#"{"resourceType":"CarePlan","id":"ID","status":"active","intent":"plan","category":[{"coding":[{"system":"http://hl7.org/fhir/us/core/CodeSystem/careplan-category","code":"assess-plan"}]}],"title":"Back","description":"Back to work","subject":{"reference":"Patient/PATIENT"},"period":{"start":"2026-01-01"},"activity":[{"detail":{"status":"not-started","scheduledString":"every morning"}}]}"#,
    ),
    (
        "device",
        r#"{"resourceType":"Device","id":"ID","status":"active","manufacturer":"Acme","serialNumber":"S-NUMBER","modelNumber":"M9","deviceName":[{"name":"Acme Hip","type":"user-friendly-name"}],"type":{"text":"Hip joint"},"patient":{"reference":"Patient/PATIENT"}}"#,
    ),
    (
        "medication",
        r#"{"resourceType":"Medication","id":"ID","code":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076","display":"lisinopril 10 MG Oral Tablet"}],"text":"lisinopril 10 mg"},"status":"active","form":{"text":"tablet"}}"#,
    ),
    (
        "medication_statement",
        r#"{"resourceType":"MedicationStatement","id":"ID","status":"active","medicationCodeableConcept":{"coding":[{"system":"http://www.nlm.nih.gov/research/umls/rxnorm","code":"314076"}],"text":"lisinopril 10 mg"},"subject":{"reference":"Patient/PATIENT"},"effectivePeriod":{"start":"2026-01-02"},"dateAsserted":"2026-01-02T08:00:00Z","dosage":[{"text":"one a day"}]}"#,
    ),
    (
        "medication_administration",
        r#"{"resourceType":"MedicationAdministration","id":"ID","status":"completed","medicationCodeableConcept":{"text":"ketorolac"},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","performer":[{"actor":{"reference":"Practitioner/world"}}],"dosage":{"text":"once","dose":{"value":30,"unit":"mg"}}}"#,
    ),
    (
        "medication_dispense",
        r#"{"resourceType":"MedicationDispense","id":"ID","status":"completed","medicationCodeableConcept":{"text":"lisinopril 10 mg"},"subject":{"reference":"Patient/PATIENT"},"quantity":{"value":30,"unit":"tablets"},"whenHandedOver":"2026-01-02T08:00:00Z","dosageInstruction":[{"text":"one a day"}]}"#,
    ),
    (
        "coverage",
        r#"{"resourceType":"Coverage","id":"ID","status":"active","type":{"text":"HMO"},"subscriberId":"M-NUMBER","beneficiary":{"reference":"Patient/PATIENT"},"relationship":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/subscriber-relationship","code":"self"}]},"period":{"start":"2026-01-01"},"payor":[{"reference":"Organization/world"}]}"#,
    ),
    (
        "consent",
        r#"{"resourceType":"Consent","id":"ID","status":"active","scope":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/consentscope","code":"treatment"}]},"category":[{"text":"treatment"}],"patient":{"reference":"Patient/PATIENT"},"dateTime":"2026-01-02T08:00:00Z","provision":{"type":"permit","period":{"start":"2026-01-02"}}}"#,
    ),
    (
        "questionnaire_response",
        r#"{"resourceType":"QuestionnaireResponse","id":"ID","questionnaire":"http://example.org/phq-2","status":"completed","subject":{"reference":"Patient/PATIENT"},"authored":"2026-01-02T08:00:00Z","item":[{"linkId":"1","text":"Little interest?","answer":[{"valueInteger":1}]},{"linkId":"2","text":"Feeling down?","answer":[{"valueInteger":0}]}]}"#,
    ),
    (
        "provenance",
        r#"{"resourceType":"Provenance","id":"ID","target":[{"reference":"Patient/PATIENT"}],"recorded":"2026-01-02T08:00:00Z","agent":[{"who":{"reference":"Practitioner/world"}}]}"#,
    ),
    (
        "document_reference",
        r#"{"resourceType":"DocumentReference","id":"ID","status":"current","type":{"text":"Letter"},"subject":{"reference":"Patient/PATIENT"},"date":"2026-01-02T08:00:00Z","content":[{"attachment":{"contentType":"text/plain","title":"Letter","data":"VG8gd2hvbSBpdCBtYXkgY29uY2Vybi4="}}]}"#,
    ),
    (
        "composition",
        r#"{"resourceType":"Composition","id":"ID","status":"preliminary","type":{"coding":[{"system":"http://loinc.org","code":"11506-3"}]},"subject":{"reference":"Patient/PATIENT"},"date":"2026-01-02T08:00:00Z","author":[{"reference":"Practitioner/world"}],"title":"Progress note","section":[{"title":"Plan","code":{"coding":[{"system":"http://loinc.org","code":"18776-5"}]},"text":{"status":"generated","div":"<div xmlns=\"http://www.w3.org/1999/xhtml\">rest</div>"}}]}"#,
    ),
    (
        "event_mood",
        r#"{"resourceType":"Observation","id":"ID","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],"code":{"coding":[{"system":"https://fhir-gateway.dev/CodeSystem/health-event","code":"mood"}]},"subject":{"reference":"Patient/PATIENT"},"effectiveDateTime":"2026-01-02T08:00:00Z","valueInteger":6}"#,
    ),
];
