-- The built-in clinic schema: one text for SQLite and PostgreSQL.
--
-- Every row belongs to an organization (the store puts row-level security on every table with organization_id).
-- Keys are text: a new row's key is the resource's id. fhir_residue holds what has no column of its own; other programs
-- leave it alone. Columns are nullable wherever FHIR lets the element be absent and a clinic can work without it.
-- Foreign keys are checked at commit, so that the rows of one transaction may come in any order.

create table patients (
  id text primary key,
  organization_id bigint not null,
  active boolean,
  first_name text,
  middle_name text,
  last_name text,
  name_prefix text,
  name_suffix text,
  sex text check (sex in ('M', 'F', 'O', 'U')),
  date_of_birth date,
  -- FHIR says one of the two: that the patient is dead, or since when.
  deceased boolean,
  deceased_at timestamptz,
  marital_status text,
  -- Again one of the two: that it was a multiple birth, or which of the children.
  multiple_birth boolean,
  birth_order integer,
  primary_provider_id text,
  managing_organization_id text,
  updated_at timestamptz,
  fhir_residue text,
  constraint patients_deceased_once check (deceased is null or deceased_at is null),
  constraint patients_multiple_birth_once check (multiple_birth is null or birth_order is null),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index patients_by_name on patients (organization_id, last_name, first_name);
create index patients_by_birth on patients (organization_id, date_of_birth);
create index patients_by_provider on patients (organization_id, primary_provider_id);
create index patients_by_managing_organization on patients (organization_id, managing_organization_id);

-- What else is known of a person; one row a patient at most, written together with the patient.
create table patient_profiles (
  patient_id text not null,
  organization_id bigint not null,
  birth_sex text,
  mothers_maiden_name text,
  birth_city text,
  birth_state text,
  birth_country text,
  -- Since when, and for how long, the name of patients is theirs; and the other names they go or went by.
  name_from date,
  name_until date,
  previous_first_name text,
  previous_middle_name text,
  previous_last_name text,
  previous_name_from date,
  previous_name_until date,
  maiden_name text,
  preferred_name text,
  -- US Core race and ethnicity: OMB categories (CDC Race and Ethnicity, urn:oid:2.16.840.1.113883.6.238, where the system column
  -- says nothing else), the first detailed code, and the text for people.
  race_code text,
  race_system text,
  race_display text,
  race_detailed_code text,
  race_detailed_system text,
  race_detailed_display text,
  race text,
  ethnicity_code text,
  ethnicity_system text,
  ethnicity_display text,
  ethnicity_detailed_code text,
  ethnicity_detailed_system text,
  ethnicity_detailed_display text,
  ethnicity text,
  -- http://terminology.hl7.org/CodeSystem/v3-TribalEntityUS where the system column says nothing else
  tribe_code text,
  tribe_system text,
  tribe_display text,
  tribe text,
  tribe_enrolled boolean,
  -- SNOMED CT or HL7 v3 NullFlavor
  gender_identity_system text,
  gender_identity_code text,
  gender_identity_display text,
  gender_identity text,
  primary key (organization_id, patient_id),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);

create table patient_identifiers (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: MR medical record number, SS social security number, DL driver's licence, ...
  type_code text,
  system text,
  value text,
  assigner_id text,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index patient_identifiers_by_value on patient_identifiers (organization_id, value, system);

create table patient_telecoms (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index patient_telecoms_by_value on patient_telecoms (organization_id, value);

create table patient_addresses (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  address_use text,
  address_type text,
  address_text text,
  line1 text,
  line2 text,
  city text,
  district text,
  state text,
  postal_code text,
  country text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index patient_addresses_by_city on patient_addresses (organization_id, city);

create table patient_contacts (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- HL7 v2 table 0131: N next of kin, C emergency contact, ...
  relationship_code text,
  relationship text,
  first_name text,
  middle_name text,
  last_name text,
  phone text,
  email text,
  line1 text,
  line2 text,
  city text,
  state text,
  postal_code text,
  country text,
  sex text check (sex in ('M', 'F', 'O', 'U')),
  contact_organization_id text,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);

create table patient_communications (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- BCP 47: en, en-US, de, ...
  language text,
  preferred boolean,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- Other records of the same person: a duplicate that was merged, a record elsewhere.
create table patient_links (
  patient_id text not null,
  position integer not null,
  organization_id bigint not null,
  other_patient_id text,
  -- replaced-by, replaces, refer, seealso
  link_type text,
  fhir_residue text,
  primary key (organization_id, patient_id, position),
  foreign key (organization_id, patient_id) references patients (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index patient_links_by_other on patient_links (organization_id, other_patient_id);

create table medications (
  id text primary key,
  organization_id bigint not null,
  rxnorm_code text,
  rxnorm_display text,
  name text,
  status text,
  form text,
  manufacturer_id text,
  lot_number text,
  expires_on date,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index medications_by_code on medications (organization_id, rxnorm_code);

create table patient_medications (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- http://hl7.org/fhir/ValueSet/medicationrequest-status and -intent
  status text not null check (status in (
    'active', 'on-hold', 'cancelled', 'completed', 'entered-in-error', 'stopped', 'draft', 'unknown')),
  intent text not null check (intent in (
    'proposal', 'plan', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option')),
  priority text,
  -- inpatient, outpatient, community, discharge
  category text,
  -- The order says not to take it.
  do_not_perform boolean,
  status_reason text,
  -- Not ordered here but told: that it was, or by whom (with the type: Patient/17, Practitioner/3).
  reported boolean,
  reported_by text,
  -- One of the two: an entry of medications, or a code or text of its own.
  medication_id text references medications (id) deferrable initially deferred,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  authored_at timestamptz,
  requester_id text,
  recorder_id text,
  reason text,
  -- An entry of problems.
  reason_problem_id text,
  -- The first dosage instruction.
  dosage_text text,
  patient_instruction text,
  as_needed boolean,
  dose_value numeric,
  dose_unit text,
  frequency integer,
  period numeric,
  period_unit text,
  -- BID, every morning, ...
  timing text,
  route text,
  dispense_quantity numeric,
  dispense_unit text,
  days_supply numeric,
  days_supply_unit text,
  dispense_from date,
  dispense_until date,
  refills integer,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint patient_medications_reported_once check (reported is null or reported_by is null),
  constraint patient_medications_medication_once check (
    medication_id is null or (rxnorm_code is null and rxnorm_display is null and medication_name is null)
  ),
  constraint patient_medications_of_something check (
    fhir_residue is not null or medication_id is not null or rxnorm_code is not null or medication_name is not null
  )
);
create index patient_medications_by_patient on patient_medications (organization_id, patient_id);
create index patient_medications_by_encounter on patient_medications (organization_id, encounter_id);
create index patient_medications_by_medication on patient_medications (organization_id, medication_id);
create index patient_medications_by_code on patient_medications (organization_id, rxnorm_code);

create table lab_results (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- The diagnostic report it is part of (its row's id), the order it answers, and what was tested.
  report_id text,
  order_id text,
  specimen_id text,
  performer_id text,
  -- http://hl7.org/fhir/ValueSet/observation-status
  status text not null check (status in (
    'registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown')),
  -- LOINC
  code text,
  display text,
  name text,
  -- When it was true of the patient: a time, or from and until (24-hour urine).
  collected_at timestamptz,
  collected_from timestamptz,
  collected_until timestamptz,
  issued_at timestamptz,
  -- One of the three: a number with its unit, a text, or a concept (detected, blood group A, ...).
  value_number numeric,
  -- The number is a bound: below or above what can be measured.
  comparator text check (comparator in ('<', '<=', '>=', '>')),
  unit text,
  value_text text,
  value_system text,
  value_code text,
  value_display text,
  value_name text,
  -- http://terminology.hl7.org/CodeSystem/data-absent-reason: why there is no value
  absent_reason text,
  -- HL7 v3 ObservationInterpretation: H, L, N, A, ...
  interpretation text,
  reference_low numeric,
  reference_high numeric,
  reference_text text,
  method_system text,
  method_code text,
  method text,
  body_site_system text,
  body_site_code text,
  body_site text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  -- What other programs write says what was measured; a resource may say it in its residue.
  constraint lab_results_of_something check (fhir_residue is not null or code is not null or name is not null),
  constraint lab_results_collected_once check (
    collected_at is null or (collected_from is null and collected_until is null)),
  constraint lab_results_value_once check (
    (value_text is null or (value_number is null and unit is null and comparator is null))
    and (value_system is null and value_code is null and value_display is null and value_name is null
      or value_text is null and value_number is null and unit is null and comparator is null))
);
create index lab_results_by_patient on lab_results (organization_id, patient_id, collected_at);
create index lab_results_by_code on lab_results (organization_id, code, collected_at);
create index lab_results_by_report on lab_results (organization_id, report_id);
create index lab_results_by_encounter on lab_results (organization_id, encounter_id);
