//! One case a type: rows with every column filled, and the resource that they are.

/// Rows of one table: column and SQL literal.
pub(crate) struct Rows {
    pub(crate) table: &'static str,
    /// `id`, or the column of the parent's key.
    pub(crate) key: &'static str,
    pub(crate) columns: &'static [(&'static str, &'static str)],
}

pub(crate) struct Case {
    pub(crate) kind: &'static str,
    /// The main table's row first.
    pub(crate) rows: &'static [Rows],
    /// The resource, without type and id.
    pub(crate) reads: &'static str,
    /// Searches that find the row.
    pub(crate) finds: &'static [&'static str],
    /// The least resource of the type that the table takes, and how many columns it fills.
    pub(crate) least: &'static str,
    pub(crate) stays: usize,
}

macro_rules! identifiers {
    ($table:literal, $key:literal) => {
        Rows {
            table: $table,
            key: $key,
            columns: &[
                ("identifier_use", "'official'"),
                ("type_code", "'NPI'"),
                ("type_text", "'a number'"),
                ("system", "'http://hl7.org/fhir/sid/us-npi'"),
                ("value", "'1234567893'"),
                ("assigner_id", "'peo-org'"),
                ("valid_from", "'2020-01-01'"),
                ("valid_until", "'2030-12-31'"),
            ],
        }
    };
}

macro_rules! telecoms {
    ($table:literal, $key:literal) => {
        Rows {
            table: $table,
            key: $key,
            columns: &[
                ("system", "'phone'"),
                ("value", "'555-0100'"),
                ("telecom_use", "'work'"),
                ("preference", "2"),
                ("valid_from", "'2020-01-01'"),
                ("valid_until", "'2030-12-31'"),
            ],
        }
    };
}

macro_rules! addresses {
    ($table:literal, $key:literal) => {
        Rows {
            table: $table,
            key: $key,
            columns: &[
                ("address_use", "'work'"),
                ("address_type", "'both'"),
                ("address_text", "'1 Main St, Salem'"),
                ("line1", "'1 Main St'"),
                ("line2", "'Suite 2'"),
                ("city", "'Salem'"),
                ("district", "'Essex'"),
                ("state", "'MA'"),
                ("postal_code", "'01970'"),
                ("country", "'US'"),
                ("valid_from", "'2020-01-01'"),
                ("valid_until", "'2030-12-31'"),
            ],
        }
    };
}

macro_rules! concepts {
    ($table:literal, $key:literal) => {
        Rows {
            table: $table,
            key: $key,
            columns: &[
                ("code_system", "'urn:list'"),
                ("code", "'c1'"),
                ("display", "'C one'"),
                ("name", "'c in words'"),
            ],
        }
    };
}

macro_rules! identifier {
    () => {
        r#""identifier":[{"use":"official","type":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0203","code":"NPI"}],"text":"a number"},
        "system":"http://hl7.org/fhir/sid/us-npi","value":"1234567893","assigner":{"reference":"Organization/peo-org"},"period":{"start":"2020-01-01","end":"2030-12-31"}}]"#
    };
}

macro_rules! telecom {
    () => {
        r#""telecom":[{"system":"phone","value":"555-0100","use":"work","rank":2,"period":{"start":"2020-01-01","end":"2030-12-31"}}]"#
    };
}

macro_rules! address {
    () => {
        r#""address":[{"use":"work","type":"both","text":"1 Main St, Salem","line":["1 Main St","Suite 2"],"city":"Salem","district":"Essex","state":"MA",
        "postalCode":"01970","country":"US","period":{"start":"2020-01-01","end":"2030-12-31"}}]"#
    };
}

macro_rules! name {
    () => {
        r#""name":[{"use":"usual","text":"Dr. Ada M. Moen, MD","family":"Moen","given":["Ada","M."],"prefix":["Dr."],"suffix":["MD"]}]"#
    };
}

macro_rules! concept {
    () => {
        r#"{"coding":[{"system":"urn:list","code":"c1","display":"C one"}],"text":"c in words"}"#
    };
}

pub(crate) const CASES: &[Case] = &[ORGANIZATION, PRACTITIONER, LOCATION, ROLE, RELATIVE, ENCOUNTER, APPOINTMENT];

const ORGANIZATION: Case = Case {
    kind: "Organization",
    rows: &[
        Rows {
            table: "organizations",
            key: "id",
            columns: &[
                ("active", "true"),
                ("name", "'Holy Family Hospital'"),
                ("alias", "'HFH'"),
                ("type_code", "'prov'"),
                ("type_display", "'Healthcare Provider'"),
                ("type_text", "'a hospital'"),
                ("part_of_id", "'peo-org'"),
                ("endpoint_id", "'peo-end'"),
            ],
        },
        identifiers!("organization_identifiers", "of_organization_id"),
        telecoms!("organization_telecoms", "of_organization_id"),
        addresses!("organization_addresses", "of_organization_id"),
    ],
    reads: concat!(
        r#"{"active":true,"name":"Holy Family Hospital","alias":["HFH"],"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/organization-type","code":"prov","display":"Healthcare Provider"}],"text":"a hospital"}],
        "partOf":{"reference":"Organization/peo-org"},"endpoint":[{"reference":"Endpoint/peo-end"}],"#,
        identifier!(),
        ",",
        telecom!(),
        ",",
        address!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893"],
    least: r#"{"name":"Left"}"#,
    stays: 1,
};

const PRACTITIONER: Case = Case {
    kind: "Practitioner",
    rows: &[
        Rows {
            table: "practitioners",
            key: "id",
            columns: &[
                ("active", "false"),
                ("name_use", "'usual'"),
                ("name_text", "'Dr. Ada M. Moen, MD'"),
                ("first_name", "'Ada'"),
                ("middle_name", "'M.'"),
                ("last_name", "'Moen'"),
                ("name_prefix", "'Dr.'"),
                ("name_suffix", "'MD'"),
                ("sex", "'F'"),
                ("date_of_birth", "'1970-02-28'"),
                ("language", "'nl'"),
            ],
        },
        identifiers!("practitioner_identifiers", "practitioner_id"),
        telecoms!("practitioner_telecoms", "practitioner_id"),
        addresses!("practitioner_addresses", "practitioner_id"),
        Rows {
            table: "practitioner_qualifications",
            key: "practitioner_id",
            columns: &[
                ("identifier_system", "'urn:licences'"),
                ("identifier_value", "'L-1'"),
                ("code_system", "'http://terminology.hl7.org/CodeSystem/v2-0360'"),
                ("code", "'MD'"),
                ("display", "'Doctor of Medicine'"),
                ("name", "'M.D.'"),
                ("valid_from", "'1995-01-01'"),
                ("valid_until", "'2035-01-01'"),
                ("issuer_id", "'peo-org'"),
            ],
        },
    ],
    reads: concat!(
        r#"{"active":false,"gender":"female","birthDate":"1970-02-28","communication":[{"coding":[{"system":"urn:ietf:bcp:47","code":"nl"}]}],
        "qualification":[{"identifier":[{"system":"urn:licences","value":"L-1"}],"code":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0360","code":"MD","display":"Doctor of Medicine"}],"text":"M.D."},
        "period":{"start":"1995-01-01","end":"2035-01-01"},"issuer":{"reference":"Organization/peo-org"}}],"#,
        name!(),
        ",",
        identifier!(),
        ",",
        telecom!(),
        ",",
        address!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893"],
    least: r#"{"gender":"other"}"#,
    stays: 1,
};

const LOCATION: Case = Case {
    kind: "Location",
    rows: &[
        Rows {
            table: "locations",
            key: "id",
            columns: &[
                ("status", "'suspended'"),
                ("mode", "'instance'"),
                ("name", "'South Wing'"),
                ("alias", "'SW'"),
                ("description", "'the old one'"),
                ("type_code", "'HOSP'"),
                ("type_display", "'Hospital'"),
                ("type_text", "'wards'"),
                ("physical_type_code", "'wi'"),
                ("physical_type_display", "'Wing'"),
                ("address_use", "'work'"),
                ("address_text", "'1 Main St'"),
                ("line1", "'1 Main St'"),
                ("line2", "'Floor 2'"),
                ("city", "'Salem'"),
                ("district", "'Essex'"),
                ("state", "'MA'"),
                ("postal_code", "'01970'"),
                ("country", "'US'"),
                ("latitude", "42.25475478"),
                ("longitude", "-83.6945691"),
                ("altitude", "12"),
                ("managing_organization_id", "'peo-org'"),
                ("part_of_id", "'peo-room'"),
            ],
        },
        identifiers!("location_identifiers", "location_id"),
        telecoms!("location_telecoms", "location_id"),
    ],
    reads: concat!(
        r#"{"status":"suspended","mode":"instance","name":"South Wing","alias":["SW"],"description":"the old one",
        "type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-RoleCode","code":"HOSP","display":"Hospital"}],"text":"wards"}],
        "physicalType":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/location-physical-type","code":"wi","display":"Wing"}]},
        "address":{"use":"work","text":"1 Main St","line":["1 Main St","Floor 2"],"city":"Salem","district":"Essex","state":"MA","postalCode":"01970","country":"US"},
        "position":{"latitude":42.25475478,"longitude":-83.6945691,"altitude":12},
        "managingOrganization":{"reference":"Organization/peo-org"},"partOf":{"reference":"Location/peo-room"},"#,
        identifier!(),
        ",",
        telecom!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893"],
    least: r#"{"name":"Left"}"#,
    stays: 1,
};

const ROLE: Case = Case {
    kind: "PractitionerRole",
    rows: &[
        Rows {
            table: "practitioner_roles",
            key: "id",
            columns: &[
                ("active", "true"),
                ("practitioner_id", "'peo-doc'"),
                ("for_organization_id", "'peo-org'"),
                ("starts_on", "'2012-01-01'"),
                ("ends_on", "'2012-03-31'"),
                ("availability_exceptions", "'not at Christmas'"),
                ("endpoint_id", "'peo-end'"),
            ],
        },
        identifiers!("practitioner_role_identifiers", "practitioner_role_id"),
        concepts!("practitioner_role_codes", "practitioner_role_id"),
        concepts!("practitioner_role_specialties", "practitioner_role_id"),
        Rows {
            table: "practitioner_role_locations",
            key: "practitioner_role_id",
            columns: &[("location_id", "'peo-room'")],
        },
        telecoms!("practitioner_role_telecoms", "practitioner_role_id"),
    ],
    reads: concat!(
        r#"{"active":true,"period":{"start":"2012-01-01","end":"2012-03-31"},"practitioner":{"reference":"Practitioner/peo-doc"},"organization":{"reference":"Organization/peo-org"},
        "availabilityExceptions":"not at Christmas","endpoint":[{"reference":"Endpoint/peo-end"}],"location":[{"reference":"Location/peo-room"}],"code":["#,
        concept!(),
        r#"],"specialty":["#,
        concept!(),
        "],",
        identifier!(),
        ",",
        telecom!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893"],
    least: r#"{"active":true}"#,
    stays: 1,
};

const RELATIVE: Case = Case {
    kind: "RelatedPerson",
    rows: &[
        Rows {
            table: "related_persons",
            key: "id",
            columns: &[
                ("active", "true"),
                ("patient_id", "'peo-pat'"),
                ("relationship_system", "'urn:list'"),
                ("relationship_code", "'c1'"),
                ("relationship_display", "'C one'"),
                ("relationship", "'c in words'"),
                ("name_use", "'usual'"),
                ("name_text", "'Dr. Ada M. Moen, MD'"),
                ("first_name", "'Ada'"),
                ("middle_name", "'M.'"),
                ("last_name", "'Moen'"),
                ("name_prefix", "'Dr.'"),
                ("name_suffix", "'MD'"),
                ("sex", "'M'"),
                ("date_of_birth", "'1970-02-28'"),
                ("language", "'de'"),
                ("starts_on", "'2012-03-11'"),
                ("ends_on", "'2020-03-11'"),
            ],
        },
        identifiers!("related_person_identifiers", "related_person_id"),
        telecoms!("related_person_telecoms", "related_person_id"),
        addresses!("related_person_addresses", "related_person_id"),
    ],
    reads: concat!(
        r#"{"active":true,"patient":{"reference":"Patient/peo-pat"},"gender":"male","birthDate":"1970-02-28","period":{"start":"2012-03-11","end":"2020-03-11"},
        "communication":[{"language":{"coding":[{"system":"urn:ietf:bcp:47","code":"de"}]}}],"relationship":["#,
        concept!(),
        "],",
        name!(),
        ",",
        identifier!(),
        ",",
        telecom!(),
        ",",
        address!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893", "patient=Patient/peo-pat"],
    least: r#"{"patient":{"reference":"Patient/peo-pat"}}"#,
    stays: 1,
};

const ENCOUNTER: Case = Case {
    kind: "Encounter",
    rows: &[
        Rows {
            table: "encounters",
            key: "id",
            columns: &[
                ("patient_id", "'peo-pat'"),
                ("status", "'finished'"),
                ("class_code", "'AMB'"),
                ("class_system", "'http://terminology.hl7.org/CodeSystem/v3-ActCode'"),
                ("class_display", "'ambulatory'"),
                ("type_system", "'urn:list'"),
                ("type_code", "'c1'"),
                ("type_display", "'C one'"),
                ("type_text", "'c in words'"),
                ("service_type_system", "'urn:list'"),
                ("service_type_code", "'c1'"),
                ("service_type_display", "'C one'"),
                ("service_type_text", "'c in words'"),
                ("priority_system", "'urn:list'"),
                ("priority_code", "'p1'"),
                ("priority_display", "'Urgent'"),
                ("starts_at", "'2024-05-01T09:00:00Z'"),
                ("ends_at", "'2024-05-01T09:30:00Z'"),
                ("length_value", "30"),
                ("length_unit", "'min'"),
                ("reason_problem_id", "'peo-sick'"),
                ("appointment_id", "'peo-app'"),
                ("service_provider_id", "'peo-org'"),
                ("part_of_id", "'peo-enc'"),
                ("admit_source", "'from home'"),
                ("discharge_system", "'urn:list'"),
                ("discharge_code", "'c1'"),
                ("discharge_display", "'C one'"),
                ("discharge_text", "'c in words'"),
            ],
        },
        identifiers!("encounter_identifiers", "encounter_id"),
        Rows {
            table: "encounter_participants",
            key: "encounter_id",
            columns: &[
                ("type_code", "'PPRF'"),
                ("type_display", "'primary performer'"),
                ("type_text", "'saw the patient'"),
                ("starts_at", "'2024-05-01T09:00:00Z'"),
                ("ends_at", "'2024-05-01T09:30:00Z'"),
                ("practitioner_id", "'peo-doc'"),
            ],
        },
        concepts!("encounter_reasons", "encounter_id"),
        Rows {
            table: "encounter_conditions",
            key: "encounter_id",
            columns: &[
                ("problem_id", "'peo-sick'"),
                ("diagnosis_id", "null"),
                ("use_code", "'CC'"),
                ("use_display", "'Chief complaint'"),
                ("rank", "1"),
            ],
        },
        Rows {
            table: "encounter_locations",
            key: "encounter_id",
            columns: &[
                ("location_id", "'peo-room'"),
                ("status", "'completed'"),
                ("starts_at", "'2024-05-01T09:00:00Z'"),
                ("ends_at", "'2024-05-01T09:30:00Z'"),
            ],
        },
    ],
    reads: concat!(
        r#"{"status":"finished","class":{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"AMB","display":"ambulatory"},"subject":{"reference":"Patient/peo-pat"},
        "priority":{"coding":[{"system":"urn:list","code":"p1","display":"Urgent"}]},"period":{"start":"2024-05-01T09:00:00Z","end":"2024-05-01T09:30:00Z"},"length":{"value":30,"unit":"min"},
        "reasonReference":[{"reference":"Condition/peo-sick"}],"appointment":[{"reference":"Appointment/peo-app"}],"serviceProvider":{"reference":"Organization/peo-org"},"partOf":{"reference":"Encounter/peo-enc"},
        "participant":[{"type":[{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v3-ParticipationType","code":"PPRF","display":"primary performer"}],"text":"saw the patient"}],
        "period":{"start":"2024-05-01T09:00:00Z","end":"2024-05-01T09:30:00Z"},"individual":{"reference":"Practitioner/peo-doc"}}],
        "diagnosis":[{"condition":{"reference":"Condition/peo-sick"},"use":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/diagnosis-role","code":"CC","display":"Chief complaint"}]},"rank":1}],
        "location":[{"location":{"reference":"Location/peo-room"},"status":"completed","period":{"start":"2024-05-01T09:00:00Z","end":"2024-05-01T09:30:00Z"}}],
        "hospitalization":{"admitSource":{"text":"from home"},"dischargeDisposition":"#,
        concept!(),
        r#"},"type":["#,
        concept!(),
        r#"],"serviceType":"#,
        concept!(),
        r#","reasonCode":["#,
        concept!(),
        "],",
        identifier!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893", "patient=Patient/peo-pat"],
    least: r#"{"status":"planned","class":{"code":"AMB"},"subject":{"reference":"Patient/peo-pat"}}"#,
    stays: 3,
};

const APPOINTMENT: Case = Case {
    kind: "Appointment",
    rows: &[
        Rows {
            table: "appointments",
            key: "id",
            columns: &[
                ("status", "'cancelled'"),
                ("cancellation_reason", "'ill'"),
                ("patient_id", "'peo-pat'"),
                ("patient_status", "'accepted'"),
                ("practitioner_id", "'peo-doc'"),
                ("practitioner_status", "'tentative'"),
                ("location_id", "'peo-room'"),
                ("location_status", "'needs-action'"),
                ("service_category_system", "'urn:list'"),
                ("service_category_code", "'c1'"),
                ("service_category_display", "'C one'"),
                ("service_category_text", "'c in words'"),
                ("service_type_system", "'urn:list'"),
                ("service_type_code", "'c1'"),
                ("service_type_display", "'C one'"),
                ("service_type_text", "'c in words'"),
                ("specialty_system", "'urn:list'"),
                ("specialty_code", "'c1'"),
                ("specialty_display", "'C one'"),
                ("specialty_text", "'c in words'"),
                ("appointment_type_code", "'FOLLOWUP'"),
                ("appointment_type_display", "'A follow up visit'"),
                ("appointment_type_text", "'again'"),
                ("reason_system", "'urn:list'"),
                ("reason_code", "'c1'"),
                ("reason_display", "'C one'"),
                ("reason", "'c in words'"),
                ("reason_problem_id", "'peo-sick'"),
                ("priority", "5"),
                ("description", "'results'"),
                ("starts_at", "'2024-05-01T09:00:00Z'"),
                ("ends_at", "'2024-05-01T09:30:00Z'"),
                ("minutes", "30"),
                ("created_at", "'2024-04-01T08:00:00Z'"),
                ("comment", "'bring them'"),
                ("patient_instruction", "'come sober'"),
                ("based_on_id", "'peo-req'"),
            ],
        },
        identifiers!("appointment_identifiers", "appointment_id"),
    ],
    reads: concat!(
        r#"{"status":"cancelled","cancelationReason":{"text":"ill"},"participant":[{"actor":{"reference":"Patient/peo-pat"},"status":"accepted"},
        {"actor":{"reference":"Practitioner/peo-doc"},"status":"tentative"},{"actor":{"reference":"Location/peo-room"},"status":"needs-action"}],
        "appointmentType":{"coding":[{"system":"http://terminology.hl7.org/CodeSystem/v2-0276","code":"FOLLOWUP","display":"A follow up visit"}],"text":"again"},
        "reasonReference":[{"reference":"Condition/peo-sick"}],"priority":5,"description":"results","start":"2024-05-01T09:00:00Z","end":"2024-05-01T09:30:00Z",
        "minutesDuration":30,"created":"2024-04-01T08:00:00Z","comment":"bring them","patientInstruction":"come sober","basedOn":[{"reference":"ServiceRequest/peo-req"}],"serviceCategory":["#,
        concept!(),
        r#"],"serviceType":["#,
        concept!(),
        r#"],"specialty":["#,
        concept!(),
        r#"],"reasonCode":["#,
        concept!(),
        "],",
        identifier!(),
        "}"
    ),
    finds: &["identifier=http://hl7.org/fhir/sid/us-npi|1234567893", "patient=Patient/peo-pat"],
    least: r#"{"status":"waitlist","participant":[{"type":[{"text":"anybody"}],"status":"accepted"}]}"#,
    stays: 1,
};
