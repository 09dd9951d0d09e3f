//! A row of each care table with its child rows, and the resource that says the same.

/// What is written by SQL on one side, by FHIR on the other.
#[derive(Debug)]
pub(crate) struct Case {
    /// The resource's type.
    pub(crate) kind: &'static str,
    /// Its row: the table, and columns with their SQL values.
    pub(crate) table: &'static str,
    pub(crate) row: &'static [(&'static str, &'static str)],
    /// Child rows: the table, the column of the parent's key, columns with their values. Of one table in their order.
    pub(crate) children: &'static [Child],
    /// The resource without id and meta.
    pub(crate) resource: &'static str,
    /// The members that a resource of the type cannot be without.
    pub(crate) least: &'static [&'static str],
}

type Child = (&'static str, &'static str, &'static [(&'static str, &'static str)]);

const PATIENT: (&str, &str) = ("patient_id", "'p'");
const ENCOUNTER: (&str, &str) = ("encounter_id", "'e'");

pub(crate) const CASES: &[Case] = &[
    Case {
        kind: "Goal",
        table: "goals",
        row: &[
            PATIENT, ("status", "'active'"), ("status_on", "'2026-01-05'"), ("status_reason", "'agreed'"),
            ("achievement_status", "'improving'"), ("category", "'dietary'"), ("priority", "'high-priority'"),
            ("description", "'Walk daily'"), ("code_system", "'urn:goals'"), ("code", "'walk'"), ("display", "'Walking'"),
            ("starts_on", "'2026-01-02'"), ("expressed_by", "'Patient/p'"), ("note", "'slowly'"),
        ],
        children: &[
            ("goal_targets", "goal_id", &[
                ("measure_system", "'http://loinc.org'"), ("measure_code", "'55423-8'"), ("measure_display", "'Steps'"),
                ("measure", "'Steps a day'"), ("target_value", "5000"), ("target_unit", "'steps'"), ("due_on", "'2026-06-30'"),
            ]),
            ("goal_targets", "goal_id", &[("low_value", "60"), ("low_unit", "'kg'"), ("high_value", "70.5"), ("high_unit", "'kg'")]),
            ("goal_targets", "goal_id", &[("target_text", "'feels well'")]),
            ("goal_problems", "goal_id", &[("problem_id", "'c'"), ("diagnosis_id", "null"), ("label", "'Back pain'")]),
        ],
        resource: r#"{
            "lifecycleStatus": "active", "statusDate": "2026-01-05", "statusReason": "agreed",
            "achievementStatus": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-achievement", "code": "improving"}]},
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-category", "code": "dietary"}]}],
            "priority": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/goal-priority", "code": "high-priority"}]},
            "description": {"coding": [{"system": "urn:goals", "code": "walk", "display": "Walking"}], "text": "Walk daily"},
            "subject": {"reference": "Patient/p"}, "startDate": "2026-01-02", "expressedBy": {"reference": "Patient/p"},
            "note": [{"text": "slowly"}],
            "target": [
                {"measure": {"coding": [{"system": "http://loinc.org", "code": "55423-8", "display": "Steps"}], "text": "Steps a day"},
                 "detailQuantity": {"value": 5000, "unit": "steps"}, "dueDate": "2026-06-30"},
                {"detailRange": {"low": {"value": 60, "unit": "kg"}, "high": {"value": 70.5, "unit": "kg"}}},
                {"detailString": "feels well"}
            ],
            "addresses": [{"reference": "Condition/c", "display": "Back pain"}]
        }"#,
        least: &["lifecycleStatus", "description", "subject"],
    },
    Case {
        kind: "CareTeam",
        table: "care_teams",
        row: &[
            PATIENT, ENCOUNTER, ("status", "'active'"), ("category", "'LA28865-6'"), ("name", "'Back team'"),
            ("starts_on", "'2026-01-01'"), ("ends_on", "'2026-12-31'"), ("reason", "'back pain'"),
            ("managing_organization_id", "'o'"), ("phone", "'555'"), ("note", "'small'"),
        ],
        children: &[
            ("care_team_members", "care_team_id", &[
                ("role_system", "'urn:roles'"), ("role_code", "'pt'"), ("role_display", "'Physiotherapist'"), ("role", "'Physio'"),
                ("member", "'Practitioner/dr'"), ("member_name", "'Dr. Ray'"), ("on_behalf_of_organization_id", "'o'"),
                ("starts_on", "'2026-01-01'"), ("ends_on", "'2026-06-30'"),
            ]),
            ("care_team_members", "care_team_id", &[("role", "'Patient'"), ("member", "'Patient/p'")]),
        ],
        resource: r#"{
            "status": "active", "category": [{"coding": [{"system": "http://loinc.org", "code": "LA28865-6"}]}], "name": "Back team",
            "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"},
            "period": {"start": "2026-01-01", "end": "2026-12-31"}, "reasonCode": [{"text": "back pain"}],
            "managingOrganization": [{"reference": "Organization/o"}], "telecom": [{"system": "phone", "value": "555"}],
            "note": [{"text": "small"}],
            "participant": [
                {"role": [{"coding": [{"system": "urn:roles", "code": "pt", "display": "Physiotherapist"}], "text": "Physio"}],
                 "member": {"reference": "Practitioner/dr", "display": "Dr. Ray"}, "onBehalfOf": {"reference": "Organization/o"},
                 "period": {"start": "2026-01-01", "end": "2026-06-30"}},
                {"role": [{"text": "Patient"}], "member": {"reference": "Patient/p"}}
            ]
        }"#,
        least: &["status"],
    },
    Case {
        kind: "CarePlan",
        table: "care_plans",
        row: &[
            PATIENT, ENCOUNTER, ("status", "'active'"), ("intent", "'plan'"), ("category", "'assess-plan'"),
            ("category_text", "'Assessment and plan'"), ("title", "'Back'"), ("description", "'Back to work'"),
            ("starts_on", "'2026-01-01'"), ("ends_on", "'2026-12-31'"), ("created_at", "'2026-01-01T08:00:00Z'"),
            ("author_id", "'dr'"), ("note", "'review in May'"),
        ],
        children: &[
            ("care_plan_activities", "care_plan_id", &[
                ("kind", "'ServiceRequest'"), ("code_system", "'urn:acts'"), ("code", "'ex'"), ("display", "'Exercise'"), ("name", "'Exercise at home'"),
                ("status", "'in-progress'"), ("status_reason", "'going well'"), ("do_not_perform", "false"),
                ("scheduled_from", "'2026-01-02'"), ("scheduled_until", "'2026-03-01'"), ("location_id", "'l'"),
                ("performer_id", "'dr'"), ("description", "'ten minutes'"), ("progress", "'stronger'"),
            ]),
            ("care_plan_activities", "care_plan_id", &[("scheduled_text", "'every morning'"), ("status", "'not-started'")]),
            ("care_plan_activities", "care_plan_id", &[("service_request_id", "'s'")]),
            ("care_plan_goals", "care_plan_id", &[("goal_id", "'g'"), ("label", "'Walk'")]),
            ("care_plan_teams", "care_plan_id", &[("care_team_id", "'t'"), ("label", "'Team'")]),
            ("care_plan_problems", "care_plan_id", &[("problem_id", "'c'"), ("diagnosis_id", "null"), ("label", "'Pain'")]),
        ],
        resource: r#"{
            "status": "active", "intent": "plan",
            "category": [{"coding": [{"system": "http://hl7.org/fhir/us/core/CodeSystem/careplan-category", "code": "assess-plan"}], "text": "Assessment and plan"}],
            "title": "Back", "description": "Back to work", "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"},
            "period": {"start": "2026-01-01", "end": "2026-12-31"}, "created": "2026-01-01T08:00:00Z",
            "author": {"reference": "Practitioner/dr"}, "note": [{"text": "review in May"}],
            "activity": [
                {"progress": [{"text": "stronger"}], "detail": {
                    "kind": "ServiceRequest",
                    "code": {"coding": [{"system": "urn:acts", "code": "ex", "display": "Exercise"}], "text": "Exercise at home"},
                    "status": "in-progress", "statusReason": {"text": "going well"}, "doNotPerform": false,
                    "scheduledPeriod": {"start": "2026-01-02", "end": "2026-03-01"}, "location": {"reference": "Location/l"},
                    "performer": [{"reference": "Practitioner/dr"}], "description": "ten minutes"}},
                {"detail": {"status": "not-started", "scheduledString": "every morning"}},
                {"reference": {"reference": "ServiceRequest/s"}}
            ],
            "goal": [{"reference": "Goal/g", "display": "Walk"}],
            "careTeam": [{"reference": "CareTeam/t", "display": "Team"}],
            "addresses": [{"reference": "Condition/c", "display": "Pain"}]
        }"#,
        least: &["status", "intent", "subject"],
    },
    Case {
        kind: "Device",
        table: "devices",
        row: &[
            PATIENT, ("status", "'active'"), ("status_reason", "'online'"), ("udi_device_identifier", "'09504000059118'"),
            ("udi_carrier", "'(01)09504000059118(17)141120'"), ("udi_issuer", "'urn:gs1'"), ("udi_entry_type", "'barcode'"),
            ("distinct_identifier", "'A99'"), ("manufacturer", "'Acme'"), ("manufactured_on", "'2025-01-01'"), ("expires_on", "'2030-01-01'"),
            ("lot_number", "'L7'"), ("serial_number", "'S8'"), ("model_number", "'M9'"), ("part_number", "'P1'"),
            ("type_system", "'urn:devices'"), ("type_code", "'hip'"), ("type_display", "'Hip'"), ("type", "'Hip joint'"),
            ("owner_organization_id", "'o'"), ("location_id", "'l'"), ("note", "'left'"),
        ],
        children: &[
            ("device_names", "device_id", &[("name", "'Acme Hip'"), ("name_type", "'user-friendly-name'")]),
            ("device_names", "device_id", &[("name", "'AH-1'"), ("name_type", "'model-name'")]),
        ],
        resource: r#"{
            "udiCarrier": [{"deviceIdentifier": "09504000059118", "carrierHRF": "(01)09504000059118(17)141120", "issuer": "urn:gs1", "entryType": "barcode"}],
            "status": "active", "statusReason": [{"text": "online"}], "distinctIdentifier": "A99", "manufacturer": "Acme",
            "manufactureDate": "2025-01-01", "expirationDate": "2030-01-01", "lotNumber": "L7", "serialNumber": "S8", "modelNumber": "M9", "partNumber": "P1",
            "type": {"coding": [{"system": "urn:devices", "code": "hip", "display": "Hip"}], "text": "Hip joint"},
            "patient": {"reference": "Patient/p"}, "owner": {"reference": "Organization/o"}, "location": {"reference": "Location/l"},
            "note": [{"text": "left"}],
            "deviceName": [{"name": "Acme Hip", "type": "user-friendly-name"}, {"name": "AH-1", "type": "model-name"}]
        }"#,
        least: &["status"],
    },
    Case {
        kind: "MedicationStatement",
        table: "medication_statements",
        row: &[
            PATIENT, ENCOUNTER, ("status", "'active'"), ("status_reason", "'told'"), ("category", "'community'"),
            ("rxnorm_code", "'161'"), ("rxnorm_display", "'Paracetamol'"), ("medication_name", "'paracetamol'"),
            ("starts_on", "'2026-01-01'"), ("ends_on", "'2026-01-31'"), ("asserted_at", "'2026-01-02T08:00:00Z'"),
            ("information_source", "'Patient/p'"), ("reason", "'pain'"), ("dosage_text", "'one a day'"), ("patient_instruction", "'with water'"),
            ("as_needed", "true"), ("dose_value", "500"), ("dose_unit", "'mg'"), ("frequency", "1"), ("period", "1"), ("period_unit", "'d'"),
            ("timing", "'QD'"), ("route", "'oral'"), ("note", "'helps'"),
        ],
        children: &[],
        resource: r#"{
            "status": "active", "statusReason": [{"text": "told"}],
            "category": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medication-statement-category", "code": "community"}]},
            "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "paracetamol"},
            "subject": {"reference": "Patient/p"}, "context": {"reference": "Encounter/e"}, "effectivePeriod": {"start": "2026-01-01", "end": "2026-01-31"},
            "dateAsserted": "2026-01-02T08:00:00Z", "informationSource": {"reference": "Patient/p"}, "reasonCode": [{"text": "pain"}], "note": [{"text": "helps"}],
            "dosage": [{"text": "one a day", "patientInstruction": "with water", "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}, "code": {"text": "QD"}},
                "asNeededBoolean": true, "route": {"text": "oral"}, "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mg"}}]}]
        }"#,
        least: &["status", "subject", "medicationCodeableConcept"],
    },
    Case {
        kind: "MedicationStatement",
        table: "medication_statements",
        row: &[PATIENT, ("status", "'completed'"), ("medication_id", "'m'"), ("taken_at", "'2026-01-02T08:00:00Z'")],
        children: &[],
        resource: r#"{"status": "completed", "medicationReference": {"reference": "Medication/m"}, "subject": {"reference": "Patient/p"},
            "effectiveDateTime": "2026-01-02T08:00:00Z"}"#,
        least: &["status", "subject", "medicationReference"],
    },
    Case {
        kind: "MedicationAdministration",
        table: "medication_administrations",
        row: &[
            PATIENT, ENCOUNTER, ("prescription_id", "'rx'"), ("status", "'completed'"), ("status_reason", "'as ordered'"), ("category", "'inpatient'"),
            ("rxnorm_code", "'161'"), ("rxnorm_display", "'Paracetamol'"), ("medication_name", "'paracetamol'"),
            ("started_at", "'2026-01-02T08:00:00Z'"), ("ended_at", "'2026-01-02T09:00:00Z'"), ("performer_id", "'dr'"), ("reason", "'pain'"),
            ("dosage_text", "'drip'"), ("site", "'left arm'"), ("route", "'iv'"), ("method", "'infusion'"),
            ("dose_value", "1000"), ("dose_unit", "'mg'"), ("rate_value", "16.5"), ("rate_unit", "'mg/min'"), ("note", "'no reaction'"),
        ],
        children: &[],
        resource: r#"{
            "status": "completed", "statusReason": [{"text": "as ordered"}],
            "category": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medication-admin-category", "code": "inpatient"}]},
            "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "paracetamol"},
            "subject": {"reference": "Patient/p"}, "context": {"reference": "Encounter/e"},
            "effectivePeriod": {"start": "2026-01-02T08:00:00Z", "end": "2026-01-02T09:00:00Z"},
            "performer": [{"actor": {"reference": "Practitioner/dr"}}], "request": {"reference": "MedicationRequest/rx"},
            "reasonCode": [{"text": "pain"}], "note": [{"text": "no reaction"}],
            "dosage": {"text": "drip", "site": {"text": "left arm"}, "route": {"text": "iv"}, "method": {"text": "infusion"},
                "dose": {"value": 1000, "unit": "mg"}, "rateQuantity": {"value": 16.5, "unit": "mg/min"}}
        }"#,
        least: &["status", "subject", "medicationCodeableConcept", "effectivePeriod"],
    },
    Case {
        kind: "MedicationAdministration",
        table: "medication_administrations",
        row: &[PATIENT, ("status", "'not-done'"), ("medication_id", "'m'"), ("given_at", "'2026-01-02T08:00:00Z'")],
        children: &[],
        resource: r#"{"status": "not-done", "medicationReference": {"reference": "Medication/m"}, "subject": {"reference": "Patient/p"},
            "effectiveDateTime": "2026-01-02T08:00:00Z"}"#,
        least: &["status", "subject", "medicationReference", "effectiveDateTime"],
    },
    Case {
        kind: "MedicationDispense",
        table: "medication_dispenses",
        row: &[
            PATIENT, ENCOUNTER, ("prescription_id", "'rx'"), ("status", "'completed'"), ("status_reason", "'picked up'"), ("category", "'community'"),
            ("dispense_type", "'RF'"), ("rxnorm_code", "'161'"), ("rxnorm_display", "'Paracetamol'"), ("medication_name", "'paracetamol'"),
            ("quantity", "30"), ("quantity_unit", "'tablets'"), ("days_supply", "10"), ("days_supply_unit", "'days'"),
            ("prepared_at", "'2026-01-02T08:00:00Z'"), ("handed_over_at", "'2026-01-02T09:00:00Z'"), ("performer_id", "'dr'"), ("location_id", "'l'"),
            ("dosage_text", "'three a day'"), ("patient_instruction", "'with water'"), ("as_needed", "false"), ("dose_value", "500"), ("dose_unit", "'mg'"),
            ("frequency", "3"), ("period", "1"), ("period_unit", "'d'"), ("timing", "'TID'"), ("route", "'oral'"), ("substituted", "true"), ("note", "'generic'"),
        ],
        children: &[],
        resource: r#"{
            "status": "completed", "statusReasonCodeableConcept": {"text": "picked up"},
            "category": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationdispense-category", "code": "community"}]},
            "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "paracetamol"},
            "subject": {"reference": "Patient/p"}, "context": {"reference": "Encounter/e"}, "performer": [{"actor": {"reference": "Practitioner/dr"}}],
            "location": {"reference": "Location/l"}, "authorizingPrescription": [{"reference": "MedicationRequest/rx"}],
            "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "RF"}]},
            "quantity": {"value": 30, "unit": "tablets"}, "daysSupply": {"value": 10, "unit": "days"},
            "whenPrepared": "2026-01-02T08:00:00Z", "whenHandedOver": "2026-01-02T09:00:00Z", "note": [{"text": "generic"}],
            "dosageInstruction": [{"text": "three a day", "patientInstruction": "with water", "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}, "code": {"text": "TID"}},
                "asNeededBoolean": false, "route": {"text": "oral"}, "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mg"}}]}],
            "substitution": {"wasSubstituted": true}
        }"#,
        least: &["status", "subject", "medicationCodeableConcept"],
    },
    Case {
        kind: "MedicationDispense",
        table: "medication_dispenses",
        row: &[PATIENT, ("status", "'preparation'"), ("medication_id", "'m'")],
        children: &[],
        resource: r#"{"status": "preparation", "medicationReference": {"reference": "Medication/m"}, "subject": {"reference": "Patient/p"}}"#,
        least: &["status", "subject", "medicationReference"],
    },
    Case {
        kind: "Medication",
        table: "medications",
        row: &[
            ("rxnorm_code", "'161'"), ("rxnorm_display", "'Paracetamol'"), ("name", "'Cold syrup'"), ("status", "'active'"), ("form", "'syrup'"),
            ("manufacturer_id", "'o'"), ("lot_number", "'L1'"), ("expires_on", "'2027-01-31'"),
        ],
        children: &[("medication_ingredients", "medication_id", &[
            ("rxnorm_code", "'161'"), ("rxnorm_display", "'Paracetamol'"), ("name", "'paracetamol'"), ("is_active", "true"),
            ("strength_value", "120"), ("strength_unit", "'mg'"), ("per_value", "5"), ("per_unit", "'mL'"),
        ])],
        resource: r#"{
            "code": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "Cold syrup"},
            "status": "active", "manufacturer": {"reference": "Organization/o"}, "form": {"text": "syrup"},
            "ingredient": [{
                "itemCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "paracetamol"},
                "isActive": true, "strength": {"numerator": {"value": 120, "unit": "mg"}, "denominator": {"value": 5, "unit": "mL"}}}],
            "batch": {"lotNumber": "L1", "expirationDate": "2027-01-31"}
        }"#,
        least: &["status"],
    },
    Case {
        kind: "MedicationRequest",
        table: "patient_medications",
        row: &[
            PATIENT, ENCOUNTER, ("status", "'active'"), ("intent", "'order'"), ("priority", "'routine'"), ("category", "'outpatient'"),
            ("do_not_perform", "false"), ("status_reason", "'new'"), ("reported", "true"), ("medication_id", "'m'"), ("authored_at", "'2026-01-02T08:00:00Z'"),
            ("requester_id", "'dr'"), ("recorder_id", "'dr'"), ("reason", "'pain'"), ("reason_problem_id", "'c'"), ("dosage_text", "'three a day'"),
            ("patient_instruction", "'with water'"), ("as_needed", "false"), ("dose_value", "500"), ("dose_unit", "'mg'"), ("frequency", "3"), ("period", "1"),
            ("period_unit", "'d'"), ("timing", "'TID'"), ("route", "'oral'"), ("dispense_quantity", "30"), ("dispense_unit", "'tablets'"),
            ("days_supply", "10"), ("days_supply_unit", "'days'"), ("dispense_from", "'2026-01-02'"), ("dispense_until", "'2026-12-31'"), ("refills", "2"),
            ("note", "'short'"),
        ],
        children: &[],
        resource: r#"{
            "status": "active", "intent": "order", "priority": "routine",
            "category": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/medicationrequest-category", "code": "outpatient"}]}],
            "doNotPerform": false, "statusReason": {"text": "new"}, "reportedBoolean": true, "medicationReference": {"reference": "Medication/m"},
            "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"}, "authoredOn": "2026-01-02T08:00:00Z",
            "requester": {"reference": "Practitioner/dr"}, "recorder": {"reference": "Practitioner/dr"}, "reasonCode": [{"text": "pain"}],
            "reasonReference": [{"reference": "Condition/c"}], "note": [{"text": "short"}],
            "dosageInstruction": [{"text": "three a day", "patientInstruction": "with water", "timing": {"repeat": {"frequency": 3, "period": 1, "periodUnit": "d"}, "code": {"text": "TID"}},
                "asNeededBoolean": false, "route": {"text": "oral"}, "doseAndRate": [{"doseQuantity": {"value": 500, "unit": "mg"}}]}],
            "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": {"value": 30, "unit": "tablets"},
                "expectedSupplyDuration": {"value": 10, "unit": "days"}, "validityPeriod": {"start": "2026-01-02", "end": "2026-12-31"}}
        }"#,
        least: &["status", "intent", "subject", "medicationReference"],
    },
    Case {
        kind: "MedicationRequest",
        table: "patient_medications",
        row: &[
            PATIENT, ("status", "'stopped'"), ("intent", "'plan'"), ("reported_by", "'Patient/p'"), ("rxnorm_code", "'161'"),
            ("rxnorm_display", "'Paracetamol'"), ("medication_name", "'paracetamol'"),
        ],
        children: &[],
        resource: r#"{"status": "stopped", "intent": "plan", "reportedReference": {"reference": "Patient/p"}, "subject": {"reference": "Patient/p"},
            "medicationCodeableConcept": {"coding": [{"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "161", "display": "Paracetamol"}], "text": "paracetamol"}}"#,
        least: &["status", "intent", "subject", "medicationCodeableConcept"],
    },
    Case {
        kind: "Coverage",
        table: "coverages",
        row: &[
            PATIENT, ("status", "'active'"), ("type_system", "'urn:types'"), ("type_code", "'EHCPOL'"), ("type_display", "'Health'"), ("type", "'Health plan'"),
            ("member_number", "'M-1'"), ("subscriber_patient_id", "'p'"), ("subscriber_number", "'S-1'"), ("dependent", "'01'"), ("relationship", "'self'"),
            ("starts_on", "'2026-01-01'"), ("ends_on", "'2026-12-31'"), ("payor_organization_id", "'o'"), ("priority", "1"), ("network", "'N'"),
        ],
        children: &[
            ("coverage_classes", "coverage_id", &[("class_type", "'group'"), ("value", "'G1'"), ("name", "'Acme workers'")]),
            ("coverage_classes", "coverage_id", &[("class_type", "'plan'"), ("value", "'P1'"), ("name", "'Gold'")]),
        ],
        resource: r#"{
            "identifier": [{"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v2-0203", "code": "MB"}]}, "value": "M-1"}],
            "status": "active", "type": {"coding": [{"system": "urn:types", "code": "EHCPOL", "display": "Health"}], "text": "Health plan"},
            "subscriber": {"reference": "Patient/p"}, "subscriberId": "S-1", "beneficiary": {"reference": "Patient/p"}, "dependent": "01",
            "relationship": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship", "code": "self"}]},
            "period": {"start": "2026-01-01", "end": "2026-12-31"}, "payor": [{"reference": "Organization/o"}], "order": 1, "network": "N",
            "class": [
                {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "group"}]}, "value": "G1", "name": "Acme workers"},
                {"type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/coverage-class", "code": "plan"}]}, "value": "P1", "name": "Gold"}
            ]
        }"#,
        least: &["status", "beneficiary", "payor"],
    },
    Case {
        kind: "Consent",
        table: "consents",
        row: &[
            PATIENT, ("status", "'active'"), ("scope", "'patient-privacy'"), ("category_system", "'http://loinc.org'"), ("category_code", "'59284-0'"),
            ("category_display", "'Consent Document'"), ("consented_at", "'2026-01-02T08:00:00Z'"), ("performer", "'Patient/p'"),
            ("custodian_organization_id", "'o'"), ("source_title", "'Form 7'"), ("source_url", "'http://x.example/7'"), ("source_content_type", "'application/pdf'"),
            ("policy_rule_system", "'http://terminology.hl7.org/CodeSystem/v3-ActCode'"), ("policy_rule_code", "'OPTIN'"), ("verified", "true"),
            ("verified_at", "'2026-01-02T09:00:00Z'"), ("provision_type", "'permit'"), ("valid_from", "'2026-01-02'"), ("valid_until", "'2027-01-01'"),
            ("data_from", "'2020-01-01'"), ("data_until", "'2026-12-31'"),
        ],
        children: &[
            ("consent_policies", "consent_id", &[("authority", "'http://hhs.example'"), ("uri", "'http://hhs.example/rule'")]),
            ("consent_purposes", "consent_id", &[("system", "'http://terminology.hl7.org/CodeSystem/v3-ActReason'"), ("code", "'TREAT'"), ("display", "'treatment'")]),
            ("consent_purposes", "consent_id", &[("system", "'http://terminology.hl7.org/CodeSystem/v3-ActReason'"), ("code", "'HPAYMT'")]),
            ("consent_actors", "consent_id", &[("role_system", "'urn:roles'"), ("role_code", "'PRCP'"), ("role_display", "'recipient'"), ("actor", "'Practitioner/dr'"), ("actor_name", "'Dr. Ray'")]),
            ("consent_actions", "consent_id", &[("system", "'http://terminology.hl7.org/CodeSystem/consentaction'"), ("code", "'access'"), ("display", "'Access'"), ("action", "'see'")]),
            ("consent_classes", "consent_id", &[("system", "'http://hl7.org/fhir/resource-types'"), ("code", "'Observation'"), ("display", "'Observation'")]),
            ("consent_codes", "consent_id", &[("system", "'http://loinc.org'"), ("code", "'2339-0'"), ("display", "'Glucose'"), ("label", "'sugar'")]),
            ("consent_labels", "consent_id", &[("system", "'http://terminology.hl7.org/CodeSystem/v3-Confidentiality'"), ("code", "'R'"), ("display", "'restricted'")]),
        ],
        resource: r#"{
            "status": "active", "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "patient-privacy"}]},
            "category": [{"coding": [{"system": "http://loinc.org", "code": "59284-0", "display": "Consent Document"}]}],
            "patient": {"reference": "Patient/p"}, "dateTime": "2026-01-02T08:00:00Z", "performer": [{"reference": "Patient/p"}], "organization": [{"reference": "Organization/o"}],
            "sourceAttachment": {"title": "Form 7", "url": "http://x.example/7", "contentType": "application/pdf"},
            "policy": [{"authority": "http://hhs.example", "uri": "http://hhs.example/rule"}],
            "policyRule": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "OPTIN"}]},
            "verification": [{"verified": true, "verificationDate": "2026-01-02T09:00:00Z"}],
            "provision": {
                "type": "permit", "period": {"start": "2026-01-02", "end": "2027-01-01"},
                "actor": [{"role": {"coding": [{"system": "urn:roles", "code": "PRCP", "display": "recipient"}]}, "reference": {"reference": "Practitioner/dr", "display": "Dr. Ray"}}],
                "action": [{"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentaction", "code": "access", "display": "Access"}], "text": "see"}],
                "securityLabel": [{"system": "http://terminology.hl7.org/CodeSystem/v3-Confidentiality", "code": "R", "display": "restricted"}],
                "purpose": [{"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "TREAT", "display": "treatment"},
                    {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HPAYMT"}],
                "class": [{"system": "http://hl7.org/fhir/resource-types", "code": "Observation", "display": "Observation"}],
                "code": [{"coding": [{"system": "http://loinc.org", "code": "2339-0", "display": "Glucose"}], "text": "sugar"}],
                "dataPeriod": {"start": "2020-01-01", "end": "2026-12-31"}
            }
        }"#,
        least: &["status", "scope", "category", "patient"],
    },
    Case {
        kind: "Consent",
        table: "consents",
        row: &[PATIENT, ("status", "'draft'"), ("scope", "'adr'"), ("category_code", "'acd'"), ("source_document_id", "'d'")],
        children: &[],
        resource: r#"{"status": "draft", "scope": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/consentscope", "code": "adr"}]},
            "category": [{"coding": [{"code": "acd"}]}], "patient": {"reference": "Patient/p"}, "sourceReference": {"reference": "DocumentReference/d"}}"#,
        least: &["status", "scope", "category", "patient"],
    },
    Case {
        kind: "QuestionnaireResponse",
        table: "questionnaire_responses",
        row: &[
            PATIENT, ENCOUNTER, ("status", "'completed'"), ("questionnaire", "'http://x.example/q'"), ("authored_at", "'2026-01-02T08:00:00Z'"),
            ("author", "'Practitioner/dr'"), ("source", "'Patient/p'"), ("identifier_system", "'urn:q'"), ("identifier", "'7'"),
        ],
        children: &[
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'1'"), ("question", "'Smoker?'"), ("answer_boolean", "false")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'2'"), ("answer_decimal", "1.5")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'3'"), ("answer_integer", "3")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'4'"), ("answer_date", "'2026-01-01'")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'5'"), ("answer_at", "'2026-01-01T10:00:00Z'")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'6'"), ("answer_text", "'tired'")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'7'"), ("answer_system", "'urn:a'"), ("answer_code", "'often'"), ("answer_display", "'Often'")]),
            ("questionnaire_answers", "questionnaire_response_id", &[("link_id", "'8'"), ("answer_quantity", "72.5"), ("answer_unit", "'kg'")]),
        ],
        resource: r#"{
            "identifier": {"system": "urn:q", "value": "7"}, "questionnaire": "http://x.example/q", "status": "completed",
            "subject": {"reference": "Patient/p"}, "encounter": {"reference": "Encounter/e"}, "authored": "2026-01-02T08:00:00Z",
            "author": {"reference": "Practitioner/dr"}, "source": {"reference": "Patient/p"},
            "item": [
                {"linkId": "1", "text": "Smoker?", "answer": [{"valueBoolean": false}]},
                {"linkId": "2", "answer": [{"valueDecimal": 1.5}]},
                {"linkId": "3", "answer": [{"valueInteger": 3}]},
                {"linkId": "4", "answer": [{"valueDate": "2026-01-01"}]},
                {"linkId": "5", "answer": [{"valueDateTime": "2026-01-01T10:00:00Z"}]},
                {"linkId": "6", "answer": [{"valueString": "tired"}]},
                {"linkId": "7", "answer": [{"valueCoding": {"system": "urn:a", "code": "often", "display": "Often"}}]},
                {"linkId": "8", "answer": [{"valueQuantity": {"value": 72.5, "unit": "kg"}}]}
            ]
        }"#,
        least: &["status"],
    },
    Case {
        kind: "Provenance",
        table: "provenances",
        row: &[
            ("occurred_from", "'2026-01-02T08:00:00Z'"), ("occurred_until", "'2026-01-02T09:00:00Z'"), ("recorded_at", "'2026-01-02T10:00:00Z'"),
            ("activity_system", "'http://terminology.hl7.org/CodeSystem/v3-DataOperation'"), ("activity_code", "'CREATE'"), ("activity_display", "'create'"),
            ("reason", "'import'"), ("location_id", "'l'"), ("policy", "'http://x.example/policy'"),
        ],
        children: &[
            ("provenance_targets", "provenance_id", &[("target", "'Patient/p'"), ("label", "'Pat'")]),
            ("provenance_targets", "provenance_id", &[("target", "'Goal/g'")]),
            ("provenance_agents", "provenance_id", &[
                ("agent_system", "'http://terminology.hl7.org/CodeSystem/provenance-participant-type'"), ("agent_type", "'author'"), ("agent_display", "'Author'"),
                ("agent_text", "'writer'"), ("role_system", "'urn:roles'"), ("role_code", "'AUT'"), ("who", "'Practitioner/dr'"), ("who_name", "'Dr. Ray'"),
                ("on_behalf_of_organization_id", "'o'"),
            ]),
        ],
        resource: r#"{
            "target": [{"reference": "Patient/p", "display": "Pat"}, {"reference": "Goal/g"}],
            "occurredPeriod": {"start": "2026-01-02T08:00:00Z", "end": "2026-01-02T09:00:00Z"}, "recorded": "2026-01-02T10:00:00Z",
            "policy": ["http://x.example/policy"], "location": {"reference": "Location/l"}, "reason": [{"text": "import"}],
            "activity": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/v3-DataOperation", "code": "CREATE", "display": "create"}]},
            "agent": [{
                "type": {"coding": [{"system": "http://terminology.hl7.org/CodeSystem/provenance-participant-type", "code": "author", "display": "Author"}], "text": "writer"},
                "role": [{"coding": [{"system": "urn:roles", "code": "AUT"}]}],
                "who": {"reference": "Practitioner/dr", "display": "Dr. Ray"}, "onBehalfOf": {"reference": "Organization/o"}}]
        }"#,
        least: &["target", "recorded", "agent"],
    },
    Case {
        kind: "Provenance",
        table: "provenances",
        row: &[("occurred_at", "'2026-01-02T08:00:00Z'"), ("recorded_at", "'2026-01-02T10:00:00Z'")],
        children: &[
            ("provenance_targets", "provenance_id", &[("target", "'Goal/g'")]),
            ("provenance_agents", "provenance_id", &[("who", "'Practitioner/dr'")]),
        ],
        resource: r#"{"target": [{"reference": "Goal/g"}], "occurredDateTime": "2026-01-02T08:00:00Z", "recorded": "2026-01-02T10:00:00Z",
            "agent": [{"who": {"reference": "Practitioner/dr"}}]}"#,
        least: &["target", "recorded", "agent"],
    },
];
