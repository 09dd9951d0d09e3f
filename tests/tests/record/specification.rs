//! Which column shows at which element, written down a second time, apart from the maps.

use std::collections::BTreeSet;

/// One table of the record.
pub(super) struct Table {
    pub(super) name: &'static str,
    pub(super) resource: &'static str,
    /// Of the ids of its rows.
    pub(super) prefix: &'static str,
    /// The least resource of it.
    pub(super) bare: &'static str,
    /// Columns that the least resource fills too.
    pub(super) required: &'static [&'static str],
    /// Rows: see [`columns`]. Several where columns exclude each other.
    pub(super) rows: &'static [&'static str],
    /// The table of a list.
    pub(super) child: Option<Child>,
}

/// A table of child rows.
pub(super) struct Child {
    pub(super) name: &'static str,
    /// Its column for the parent's key.
    pub(super) parent: &'static str,
    /// The list.
    pub(super) path: &'static str,
    /// Rows, one a row of the parent (the last one for all that follow).
    rows: &'static [&'static str],
}

impl Child {
    /// The child row of the parent's row of that number.
    pub(super) fn row(&self, number: usize) -> Vec<Column> {
        columns(self.rows[number.min(self.rows.len() - 1)])
    }

    /// Every column of every row, and the parent's key.
    pub(super) fn covered(&self) -> BTreeSet<String> {
        let names = self.rows.iter().flat_map(|text| columns(text)).map(|column| column.name);
        names.chain([self.parent.to_owned()]).collect()
    }
}

/// A column that is filled.
pub(super) struct Column {
    pub(super) name: String,
    value: String,
    pub(super) place: String,
    pub(super) shown: String,
}

impl Column {
    /// The value in SQL.
    pub(super) fn literal(&self) -> String {
        match self.value.as_str() {
            "true" | "false" => self.value.clone(),
            text => format!("'{text}'"),
        }
    }
}

/// One column a line: name, value, place in the resource, and what is shown there unless it is the value itself.
pub(super) fn columns(text: &str) -> Vec<Column> {
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let parts: Vec<String> = line.split(" | ").map(|part| part.trim().to_owned()).collect();
            let [name, value, place] = &parts[..3] else { panic!("{line}") };
            let shown = parts.get(3).unwrap_or(value).clone();
            Column { name: name.clone(), value: value.clone(), place: place.clone(), shown }
        })
        .collect()
}

pub(super) const TABLES: &[Table] = &[
    Table {
        name: "allergies",
        resource: "AllergyIntolerance",
        prefix: "",
        bare: r#"{"resourceType":"AllergyIntolerance","patient":{"reference":"Patient/p"}}"#,
        required: &["patient_id"],
        rows: &["
            patient_id | p | patient.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            clinical_status | active | clinicalStatus.coding[0].code
            verification_status | confirmed | verificationStatus.coding[0].code
            allergy_type | allergy | type
            category | food | category[0]
            criticality | high | criticality
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            substance | code in words | code.text
            onset_on | 1990-04-01 | onsetDateTime
            recorded_at | 2024-01-02T03:04:05Z | recordedDate
            recorder_id | d | recorder.reference | Practitioner/d
            asserter_id | d | asserter.reference | Practitioner/d
            last_occurred_on | 2023-09-08 | lastOccurrence
            note | told twice | note[0].text
        "],
        child: Some(Child {
            name: "allergy_reactions",
            parent: "allergy_id",
            path: "reaction",
            rows: &["
            substance_system | urn:s-substance | substance.coding[0].system
            substance_code | c-substance | substance.coding[0].code
            substance_display | Words of substance | substance.coding[0].display
            substance | substance in words | substance.text
            manifestation_system | urn:s-manifestation | manifestation[0].coding[0].system
            manifestation_code | c-manifestation | manifestation[0].coding[0].code
            manifestation_display | Words of manifestation | manifestation[0].coding[0].display
            manifestation | manifestation in words | manifestation[0].text
            further_manifestation | wheezing | manifestation[1].text
            description | at night | description
            onset_at | 2023-09-08T01:02:03Z | onset
            severity | severe | severity
            exposure_route | oral | exposureRoute.text
            note | rash | note[0].text
        "],
        }),
    },
    Table {
        name: "problems",
        resource: "Condition",
        prefix: "",
        bare: r#"{"resourceType":"Condition","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"problem-list-item"}]}],"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            clinical_status | active | clinicalStatus.coding[0].code
            verification_status | confirmed | verificationStatus.coding[0].code
            severity_system | urn:s-severity | severity.coding[0].system
            severity_code | c-severity | severity.coding[0].code
            severity | severity in words | severity.text
            icd10_code | E11.9 | code.coding[system=http://hl7.org/fhir/sid/icd-10-cm].code
            icd10_display | diabetes | code.coding[system=http://hl7.org/fhir/sid/icd-10-cm].display
            snomed_code | 123 | code.coding[system=http://snomed.info/sct].code
            snomed_display | concept | code.coding[system=http://snomed.info/sct].display
            name | sugar | code.text
            body_site_system | urn:s-body_site | bodySite[0].coding[0].system
            body_site_code | c-body_site | bodySite[0].coding[0].code
            body_site | body_site in words | bodySite[0].text
            onset_on | 2001-02-03 | onsetDateTime
            abated_on | 2024-02-03 | abatementDateTime
            asserted_on | 2001-02-04 | extension[url=http://hl7.org/fhir/StructureDefinition/condition-assertedDate].valueDateTime
            recorded_at | 2024-01-02T03:04:05Z | recordedDate
            recorder_id | d | recorder.reference | Practitioner/d
            asserter_id | d | asserter.reference | Practitioner/d
            note | stable | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            name | eczema | code.text
            onset_text | since childhood | onsetString
        "],
        child: None,
    },
    Table {
        name: "encounter_diagnoses",
        resource: "Condition",
        prefix: "dx-",
        bare: r#"{"resourceType":"Condition","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/condition-category","code":"encounter-diagnosis"}]}],"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            clinical_status | active | clinicalStatus.coding[0].code
            verification_status | confirmed | verificationStatus.coding[0].code
            severity_system | urn:s-severity | severity.coding[0].system
            severity_code | c-severity | severity.coding[0].code
            severity | severity in words | severity.text
            icd10_code | E11.9 | code.coding[system=http://hl7.org/fhir/sid/icd-10-cm].code
            icd10_display | diabetes | code.coding[system=http://hl7.org/fhir/sid/icd-10-cm].display
            snomed_code | 123 | code.coding[system=http://snomed.info/sct].code
            snomed_display | concept | code.coding[system=http://snomed.info/sct].display
            name | sugar | code.text
            body_site_system | urn:s-body_site | bodySite[0].coding[0].system
            body_site_code | c-body_site | bodySite[0].coding[0].code
            body_site | body_site in words | bodySite[0].text
            onset_on | 2001-02-03 | onsetDateTime
            abated_on | 2024-02-03 | abatementDateTime
            asserted_on | 2001-02-04 | extension[url=http://hl7.org/fhir/StructureDefinition/condition-assertedDate].valueDateTime
            recorded_at | 2024-01-02T03:04:05Z | recordedDate
            recorder_id | d | recorder.reference | Practitioner/d
            asserter_id | d | asserter.reference | Practitioner/d
            note | stable | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            name | eczema | code.text
            onset_text | since childhood | onsetString
        "],
        child: None,
    },
    Table {
        name: "orders",
        resource: "ServiceRequest",
        prefix: "",
        bare: r#"{"resourceType":"ServiceRequest","status":"active","intent":"order","subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status", "intent"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            order_number_system | urn:n | identifier[0].system
            order_number | 17 | identifier[0].value
            requisition_system | urn:g | requisition.system
            requisition_number | 4 | requisition.value
            status | active | status
            intent | order | intent
            priority | stat | priority
            do_not_perform | false | doNotPerform
            category_system | urn:s-category | category[0].coding[0].system
            category_code | c-category | category[0].coding[0].code
            category | category in words | category[0].text
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            name | code in words | code.text
            order_detail | fasting | orderDetail[0].text
            planned_at | 2024-03-01T08:00:00Z | occurrenceDateTime
            as_needed | true | asNeededBoolean
            ordered_at | 2024-02-28T08:00:00Z | authoredOn
            requester_id | d | requester.reference | Practitioner/d
            performer_id | d | performer[0].reference | Practitioner/d
            reason_system | urn:s-reason | reasonCode[0].coding[0].system
            reason_code | c-reason | reasonCode[0].coding[0].code
            reason | reason in words | reasonCode[0].text
            specimen_id | t | specimen[0].reference | Specimen/t
            body_site_system | urn:s-body_site | bodySite[0].coding[0].system
            body_site_code | c-body_site | bodySite[0].coding[0].code
            body_site | body_site in words | bodySite[0].text
            note | call first | note[0].text
            patient_instruction | nothing to eat | patientInstruction
        ", "
            patient_id | p | subject.reference | Patient/p
            status | draft | status
            intent | plan | intent
            name | physiotherapy | code.text
            planned_from | 2024-03-01T08:00:00Z | occurrencePeriod.start
            planned_until | 2024-04-01T08:00:00Z | occurrencePeriod.end
        "],
        child: None,
    },
    Table {
        name: "specimens",
        resource: "Specimen",
        prefix: "",
        bare: r#"{"resourceType":"Specimen"}"#,
        required: &[],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            order_id | s | request[0].reference | ServiceRequest/s
            specimen_number_system | urn:n | identifier[0].system
            specimen_number | 17 | identifier[0].value
            accession_system | urn:a | accessionIdentifier.system
            accession_number | A-1 | accessionIdentifier.value
            status | available | status
            type_system | urn:s-type | type.coding[0].system
            type_code | c-type | type.coding[0].code
            type_display | Words of type | type.coding[0].display
            type_name | type in words | type.text
            received_at | 2024-03-01T09:00:00Z | receivedTime
            collected_at | 2024-03-01T08:00:00Z | collection.collectedDateTime
            collector_id | d | collection.collector.reference | Practitioner/d
            method_system | urn:s-method | collection.method.coding[0].system
            method_code | c-method | collection.method.coding[0].code
            method | method in words | collection.method.text
            body_site_system | urn:s-body_site | collection.bodySite.coding[0].system
            body_site_code | c-body_site | collection.bodySite.coding[0].code
            body_site | body_site in words | collection.bodySite.text
            quantity | 2.5 | collection.quantity.value
            quantity_unit | mL | collection.quantity.unit
            container | tube | container[0].type.text
            note | hemolytic | note[0].text
        ", "
            collected_from | 2024-03-01T08:00:00Z | collection.collectedPeriod.start
            collected_until | 2024-03-02T08:00:00Z | collection.collectedPeriod.end
        "],
        child: None,
    },
    Table {
        name: "diagnostic_reports",
        resource: "DiagnosticReport",
        prefix: "",
        bare: r#"{"resourceType":"DiagnosticReport","status":"final","code":{"extension":[{"url":"urn:x","valueString":"x"}]},"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            order_id | s | basedOn[0].reference | ServiceRequest/s
            specimen_id | t | specimen[0].reference | Specimen/t
            report_number_system | urn:n | identifier[0].system
            report_number | 17 | identifier[0].value
            status | final | status
            category_system | urn:s-category | category[0].coding[0].system
            category_code | c-category | category[0].coding[0].code
            category | category in words | category[0].text
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            name | code in words | code.text
            effective_at | 2024-03-01T08:00:00Z | effectiveDateTime
            issued_at | 2024-03-01T09:00:00Z | issued
            performer_id | o | performer[0].reference | Organization/o
            interpreter_id | d | resultsInterpreter[0].reference | Practitioner/d
            conclusion | nothing found | conclusion
            conclusion_system | urn:c | conclusionCode[0].coding[0].system
            conclusion_code | none | conclusionCode[0].coding[0].code
            media_id | m | media[0].link.reference | Media/m
            document_type | text/plain | presentedForm[0].contentType
            document_title | Report | presentedForm[0].title
            document_url | https://reports.example/1 | presentedForm[0].url
            document_text | clear | presentedForm[0].data | Y2xlYXI=
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | Holter | code.text
            effective_from | 2024-03-01T08:00:00Z | effectivePeriod.start
            effective_until | 2024-03-02T08:00:00Z | effectivePeriod.end
        "],
        child: None,
    },
    Table {
        name: "immunizations",
        resource: "Immunization",
        prefix: "",
        bare: r#"{"resourceType":"Immunization","status":"completed","vaccineCode":{"extension":[{"url":"urn:x","valueString":"x"}]},"_occurrenceString":{"extension":[{"url":"urn:x","valueString":"x"}]},"patient":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | patient.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            location_id | l | location.reference | Location/l
            status | not-done | status
            status_reason_system | urn:s-status_reason | statusReason.coding[0].system
            status_reason_code | c-status_reason | statusReason.coding[0].code
            status_reason | status_reason in words | statusReason.text
            cvx_code | 140 | vaccineCode.coding[system=http://hl7.org/fhir/sid/cvx].code
            cvx_display | influenza | vaccineCode.coding[system=http://hl7.org/fhir/sid/cvx].display
            ndc_code | 49281 | vaccineCode.coding[system=http://hl7.org/fhir/sid/ndc].code
            vaccine | flu | vaccineCode.text
            given_at | 2024-10-01T08:00:00Z | occurrenceDateTime
            recorded_at | 2024-10-01T08:05:00Z | recorded
            primary_source | true | primarySource
            lot_number | L1 | lotNumber
            expires_on | 2025-01-31 | expirationDate
            manufacturer_id | o | manufacturer.reference | Organization/o
            site_system | urn:s-site | site.coding[0].system
            site_code | c-site | site.coding[0].code
            site | site in words | site.text
            route_system | urn:s-route | route.coding[0].system
            route_code | c-route | route.coding[0].code
            route | route in words | route.text
            dose | 0.5 | doseQuantity.value
            dose_unit | mL | doseQuantity.unit
            performer_id | d | performer[0].actor.reference | Practitioner/d
            reason | yearly | reasonCode[0].text
            series | primary | protocolApplied[0].series
            dose_number | 1 | protocolApplied[0].doseNumberPositiveInt
            note | left arm | note[0].text
        ", "
            patient_id | p | patient.reference | Patient/p
            status | completed | status
            vaccine | measles | vaccineCode.text
            given_text | as a child | occurrenceString
        "],
        child: None,
    },
    Table {
        name: "procedures",
        resource: "Procedure",
        prefix: "",
        bare: r#"{"resourceType":"Procedure","status":"completed","subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            encounter_id | e | encounter.reference | Encounter/e
            location_id | l | location.reference | Location/l
            order_id | s | basedOn[0].reference | ServiceRequest/s
            status | stopped | status
            status_reason | pain | statusReason.text
            category_system | urn:s-category | category.coding[0].system
            category_code | c-category | category.coding[0].code
            category | category in words | category.text
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            name | code in words | code.text
            performed_at | 2024-03-01T08:00:00Z | performedDateTime
            recorder_id | d | recorder.reference | Practitioner/d
            asserter_id | d | asserter.reference | Practitioner/d
            reason_system | urn:s-reason | reasonCode[0].coding[0].system
            reason_code | c-reason | reasonCode[0].coding[0].code
            reason | reason in words | reasonCode[0].text
            body_site_system | urn:s-body_site | bodySite[0].coding[0].system
            body_site_code | c-body_site | bodySite[0].coding[0].code
            body_site | body_site in words | bodySite[0].text
            outcome | good | outcome.text
            follow_up | in a week | followUp[0].text
            note | no bleeding | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | completed | status
            name | dialysis | code.text
            started_at | 2024-03-01T08:00:00Z | performedPeriod.start
            ended_at | 2024-03-01T12:00:00Z | performedPeriod.end
        "],
        child: Some(Child {
            name: "procedure_performers",
            parent: "procedure_id",
            path: "performer",
            rows: &["
            function_system | urn:s-function | function.coding[0].system
            function_code | c-function | function.coding[0].code
            function | function in words | function.text
            performer_id | d | actor.reference | Practitioner/d
            on_behalf_of_id | o | onBehalfOf.reference | Organization/o
        "],
        }),
    },
    Table {
        name: "family_history",
        resource: "FamilyMemberHistory",
        prefix: "",
        bare: r#"{"resourceType":"FamilyMemberHistory","status":"partial","relationship":{"extension":[{"url":"urn:x","valueString":"x"}]},"patient":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | patient.reference | Patient/p
            status | completed | status
            recorded_on | 2024-03-01 | date
            name | Old Row | name
            relationship_system | urn:s-relationship | relationship.coding[0].system
            relationship_code | c-relationship | relationship.coding[0].code
            relationship | relationship in words | relationship.text
            sex | M | sex.coding[0].code | male
            born_on | 1931-05-06 | bornDate
            age | 71 | ageAge.value
            age_unit | a | ageAge.code
            deceased | true | deceasedBoolean
            reason | asked | reasonCode[0].text
            note | by phone | note[0].text
        ", "
            patient_id | p | patient.reference | Patient/p
            status | completed | status
            relationship | aunt | relationship.text
            born_text | in the war | bornString
            deceased_on | 1999-01-02 | deceasedDate
        ", "
            patient_id | p | patient.reference | Patient/p
            status | completed | status
            relationship | uncle | relationship.text
            age_at_death | 3 | deceasedAge.value
            age_at_death_unit | mo | deceasedAge.code
        "],
        child: Some(Child {
            name: "family_history_conditions",
            parent: "family_history_id",
            path: "condition",
            rows: &["
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            name | code in words | code.text
            outcome | died | outcome.text
            contributed_to_death | true | contributedToDeath
            onset_age | 70.5 | onsetAge.value
            onset_age_unit | a | onsetAge.code
            note | sudden | note[0].text
        ", "
            name | dementia | code.text
            onset_text | late in life | onsetString
        "],
        }),
    },
    Table {
        name: "social_history",
        resource: "Observation",
        prefix: "social-",
        bare: r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"social-history"}]}],"code":{"extension":[{"url":"urn:x","valueString":"x"}]},"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            status | final | status
            encounter_id | e | encounter.reference | Encounter/e
            performer_id | d | performer[0].reference | Practitioner/d
            code | 11341-5 | code.coding[system=http://loinc.org].code
            code_display | occupation | code.coding[system=http://loinc.org].display
            name | work | code.text
            observed_at | 2024-03-01T08:00:00Z | effectiveDateTime
            issued_at | 2024-03-01T09:00:00Z | issued
            value_system | urn:s-value | valueCodeableConcept.coding[0].system
            value_code | c-value | valueCodeableConcept.coding[0].code
            value_display | Words of value | valueCodeableConcept.coding[0].display
            value_name | value in words | valueCodeableConcept.text
            industry_system | urn:i | component[0].valueCodeableConcept.coding[0].system
            industry_code | 311812 | component[0].valueCodeableConcept.coding[0].code
            industry | bakeries | component[0].valueCodeableConcept.text
            note | nights | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | cigarettes a day | code.text
            observed_from | 2001-03-01T08:00:00Z | effectivePeriod.start
            observed_until | 2009-03-01T08:00:00Z | effectivePeriod.end
            value_number | 12.5 | valueQuantity.value
            unit | a day | valueQuantity.unit
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | hobbies | code.text
            value_text | chess | valueString
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | alcohol | code.text
            absent_reason | asked-declined | dataAbsentReason.coding[0].code
        "],
        child: None,
    },
    Table {
        name: "social_determinants",
        resource: "Observation",
        prefix: "survey-",
        bare: r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"survey"}]}],"code":{"extension":[{"url":"urn:x","valueString":"x"}]},"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            status | final | status
            encounter_id | e | encounter.reference | Encounter/e
            performer_id | d | performer[0].reference | Practitioner/d
            questionnaire_response_id | q | derivedFrom[0].reference | QuestionnaireResponse/q
            domain | sdoh | category[1].coding[0].code
            question_code | 88122-7 | code.coding[system=http://loinc.org].code
            question_display | food | code.coding[system=http://loinc.org].display
            question | Was there enough? | code.text
            answered_at | 2024-03-01T08:00:00Z | effectiveDateTime
            issued_at | 2024-03-01T09:00:00Z | issued
            answer_system | urn:s-answer | valueCodeableConcept.coding[0].system
            answer_code | c-answer | valueCodeableConcept.coding[0].code
            answer_display | Words of answer | valueCodeableConcept.coding[0].display
            answer | answer in words | valueCodeableConcept.text
            risk_code | POS | interpretation[0].coding[0].code
            risk | at risk | interpretation[0].text
            note | alone | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            question | score | code.text
            answer_number | 17 | valueQuantity.value
            answer_unit | points | valueQuantity.unit
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            question | what else | code.text
            answer_text | no | valueString
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            question | income | code.text
            absent_reason | asked-declined | dataAbsentReason.coding[0].code
        "],
        child: None,
    },
    Table {
        name: "lab_results",
        resource: "Observation",
        prefix: "lab-",
        bare: r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"laboratory"}]}],"code":{"extension":[{"url":"urn:x","valueString":"x"}]},"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            status | final | status
            encounter_id | e | encounter.reference | Encounter/e
            order_id | s | basedOn[0].reference | ServiceRequest/s
            specimen_id | t | specimen.reference | Specimen/t
            performer_id | o | performer[0].reference | Organization/o
            code | 2345-7 | code.coding[system=http://loinc.org].code
            display | glucose | code.coding[system=http://loinc.org].display
            name | sugar | code.text
            collected_at | 2024-03-01T08:00:00Z | effectiveDateTime
            issued_at | 2024-03-01T09:00:00Z | issued
            value_number | 1.5 | valueQuantity.value
            comparator | < | valueQuantity.comparator
            unit | mg/dL | valueQuantity.unit
            interpretation | L | interpretation[0].coding[0].code
            reference_low | 70 | referenceRange[0].low.value
            reference_high | 99 | referenceRange[0].high.value
            reference_text | fasting | referenceRange[0].text
            method_system | urn:s-method | method.coding[0].system
            method_code | c-method | method.coding[0].code
            method | method in words | method.text
            body_site_system | urn:s-body_site | bodySite.coding[0].system
            body_site_code | c-body_site | bodySite.coding[0].code
            body_site | body_site in words | bodySite.text
            note | twice | note[0].text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | growth | code.text
            collected_from | 2024-03-01T08:00:00Z | effectivePeriod.start
            collected_until | 2024-03-02T08:00:00Z | effectivePeriod.end
            value_system | urn:s-value | valueCodeableConcept.coding[0].system
            value_code | c-value | valueCodeableConcept.coding[0].code
            value_display | Words of value | valueCodeableConcept.coding[0].display
            value_name | value in words | valueCodeableConcept.text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | remark | code.text
            value_text | lost | valueString
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            name | lost | code.text
            absent_reason | error | dataAbsentReason.coding[0].code
        "],
        child: None,
    },
    Table {
        name: "clinical_observations",
        resource: "Observation",
        prefix: "finding-",
        bare: r#"{"resourceType":"Observation","status":"final","category":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/observation-category","code":"exam"}]}],"code":{"extension":[{"url":"urn:x","valueString":"x"}]},"subject":{"reference":"Patient/p"}}"#,
        required: &["patient_id", "status", "category"],
        rows: &["
            patient_id | p | subject.reference | Patient/p
            status | final | status
            category | exam | category[0].coding[0].code
            encounter_id | e | encounter.reference | Encounter/e
            order_id | s | basedOn[0].reference | ServiceRequest/s
            performer_id | d | performer[0].reference | Practitioner/d
            device_id | v | device.reference | Device/v
            code_system | urn:s-code | code.coding[0].system
            code | c-code | code.coding[0].code
            code_display | Words of code | code.coding[0].display
            name | code in words | code.text
            observed_at | 2024-03-01T08:00:00Z | effectiveDateTime
            issued_at | 2024-03-01T09:00:00Z | issued
            interpretation | L | interpretation[0].coding[0].code
            reference_low | 70 | referenceRange[0].low.value
            reference_high | 99 | referenceRange[0].high.value
            reference_text | of her age | referenceRange[0].text
            method_system | urn:s-method | method.coding[0].system
            method_code | c-method | method.coding[0].code
            method | method in words | method.text
            body_site_system | urn:s-body_site | bodySite.coding[0].system
            body_site_code | c-body_site | bodySite.coding[0].code
            body_site | body_site in words | bodySite.text
            note | twice | note[0].text
            value_number | 1.5 | valueQuantity.value
            unit | cm | valueQuantity.unit
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            category | imaging | category[0].coding[0].code
            name | finding | code.text
            value_boolean | true | valueBoolean
            observed_from | 2024-03-01T08:00:00Z | effectivePeriod.start
            observed_until | 2024-03-01T09:00:00Z | effectivePeriod.end
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            category | procedure | category[0].coding[0].code
            name | finding | code.text
            value_text | as before | valueString
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            category | therapy | category[0].coding[0].code
            name | finding | code.text
            value_system | urn:s-value | valueCodeableConcept.coding[0].system
            value_code | c-value | valueCodeableConcept.coding[0].code
            value_display | Words of value | valueCodeableConcept.coding[0].display
            value_name | value in words | valueCodeableConcept.text
        ", "
            patient_id | p | subject.reference | Patient/p
            status | final | status
            category | activity | category[0].coding[0].code
            name | finding | code.text
            absent_reason | not-performed | dataAbsentReason.coding[0].code
        "],
        child: Some(Child {
            name: "clinical_observation_parts",
            parent: "clinical_observation_id",
            path: "component",
            rows: &["
            code_system | urn:s-part | code.coding[0].system
            code | c-part | code.coding[0].code
            code_display | Words of part | code.coding[0].display
            name | part in words | code.text
            interpretation | H | interpretation[0].coding[0].code
            value_number | 1.5 | valueQuantity.value
            unit | cm | valueQuantity.unit
        ", "
            name | part | code.text
            value_boolean | true | valueBoolean
        ", "
            name | part | code.text
            value_text | as before | valueString
        ", "
            name | part | code.text
            value_system | urn:s-value | valueCodeableConcept.coding[0].system
            value_code | c-value | valueCodeableConcept.coding[0].code
            value_display | Words of value | valueCodeableConcept.coding[0].display
            value_name | value in words | valueCodeableConcept.text
        ", "
            name | part | code.text
            absent_reason | not-performed | dataAbsentReason.coding[0].code
        "],
        }),
    },
];
