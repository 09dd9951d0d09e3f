-- Organizations, users and roles, practitioners, locations, related persons, encounters, appointments.
--
-- organization_id is the tenant here as everywhere: whose record a row belongs to. An organization that the record speaks of (a
-- hospital, a laboratory, a payer) is a row of organizations, and columns that name one are called after the part it plays.

create table organizations (
  id text primary key,
  organization_id bigint not null,
  active boolean,
  name text,
  alias text,
  -- http://terminology.hl7.org/CodeSystem/organization-type: prov provider, dept department, pay payer, ...
  type_code text,
  type_display text,
  type_text text,
  part_of_id text,
  endpoint_id text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index organizations_by_name on organizations (organization_id, name);
create index organizations_by_part_of on organizations (organization_id, part_of_id);

-- National Provider Identifiers have the system http://hl7.org/fhir/sid/us-npi, CLIA numbers urn:oid:2.16.840.1.113883.4.7.
create table organization_identifiers (
  of_organization_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, of_organization_id, position),
  foreign key (organization_id, of_organization_id) references organizations (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index organization_identifiers_by_value on organization_identifiers (organization_id, value, system);

create table organization_telecoms (
  of_organization_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- phone, fax, email, pager, url, sms, other
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, of_organization_id, position),
  foreign key (organization_id, of_organization_id) references organizations (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index organization_telecoms_by_value on organization_telecoms (organization_id, value);

create table organization_addresses (
  of_organization_id text not null,
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
  primary key (organization_id, of_organization_id, position),
  foreign key (organization_id, of_organization_id) references organizations (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index organization_addresses_by_city on organization_addresses (organization_id, city);

create table practitioners (
  id text primary key,
  organization_id bigint not null,
  active boolean,
  -- The first name of the resource; further names are in the residue.
  name_use text,
  name_text text,
  first_name text,
  middle_name text,
  last_name text,
  name_prefix text,
  name_suffix text,
  sex text check (sex in ('M', 'F', 'O', 'U')),
  date_of_birth date,
  -- BCP 47
  language text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index practitioners_by_name on practitioners (organization_id, last_name, first_name);

-- National Provider Identifiers have the system http://hl7.org/fhir/sid/us-npi.
create table practitioner_identifiers (
  practitioner_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, practitioner_id, position),
  foreign key (organization_id, practitioner_id) references practitioners (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_identifiers_by_value on practitioner_identifiers (organization_id, value, system);

create table practitioner_telecoms (
  practitioner_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- phone, fax, email, pager, url, sms, other
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, practitioner_id, position),
  foreign key (organization_id, practitioner_id) references practitioners (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_telecoms_by_value on practitioner_telecoms (organization_id, value);

create table practitioner_addresses (
  practitioner_id text not null,
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
  primary key (organization_id, practitioner_id, position),
  foreign key (organization_id, practitioner_id) references practitioners (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_addresses_by_city on practitioner_addresses (organization_id, city);

-- Degrees, licences, certificates.
create table practitioner_qualifications (
  practitioner_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The number of the licence or certificate.
  identifier_system text,
  identifier_value text,
  -- Often HL7 v2 table 0360: MD, RN, PA, ...
  code_system text,
  code text,
  display text,
  name text,
  valid_from date,
  valid_until date,
  issuer_id text,
  fhir_residue text,
  primary key (organization_id, practitioner_id, position),
  foreign key (organization_id, practitioner_id) references practitioners (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_qualifications_by_code on practitioner_qualifications (organization_id, code);

create table locations (
  id text primary key,
  organization_id bigint not null,
  status text check (status in ('active', 'suspended', 'inactive')),
  -- instance: this very place; kind: any place of this kind.
  mode text check (mode in ('instance', 'kind')),
  name text,
  alias text,
  description text,
  -- HL7 v3 RoleCode (ServiceDeliveryLocationRoleType): HOSP, ER, ICU, OF, ...
  type_code text,
  type_display text,
  type_text text,
  -- http://terminology.hl7.org/CodeSystem/location-physical-type: si site, bu building, wi wing, ro room, bd bed, ...
  physical_type_code text,
  physical_type_display text,
  address_use text,
  address_text text,
  line1 text,
  line2 text,
  city text,
  district text,
  state text,
  postal_code text,
  country text,
  -- WGS84, degrees
  latitude numeric,
  longitude numeric,
  -- metres
  altitude numeric,
  managing_organization_id text,
  part_of_id text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index locations_by_name on locations (organization_id, name);
create index locations_by_city on locations (organization_id, city);
create index locations_by_managing_organization on locations (organization_id, managing_organization_id);
create index locations_by_part_of on locations (organization_id, part_of_id);

create table location_identifiers (
  location_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, location_id, position),
  foreign key (organization_id, location_id) references locations (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index location_identifiers_by_value on location_identifiers (organization_id, value, system);

create table location_telecoms (
  location_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- phone, fax, email, pager, url, sms, other
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, location_id, position),
  foreign key (organization_id, location_id) references locations (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index location_telecoms_by_value on location_telecoms (organization_id, value);

-- What a practitioner does for which organization, where and since when.
create table practitioner_roles (
  id text primary key,
  organization_id bigint not null,
  active boolean,
  practitioner_id text,
  for_organization_id text,
  starts_on date,
  ends_on date,
  availability_exceptions text,
  endpoint_id text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index practitioner_roles_by_practitioner on practitioner_roles (organization_id, practitioner_id);
create index practitioner_roles_by_organization on practitioner_roles (organization_id, for_organization_id);

create table practitioner_role_identifiers (
  practitioner_role_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, practitioner_role_id, position),
  foreign key (organization_id, practitioner_role_id) references practitioner_roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_role_identifiers_by_value on practitioner_role_identifiers (organization_id, value, system);

-- What the role is; often the NUCC provider taxonomy, http://nucc.org/provider-taxonomy.
create table practitioner_role_codes (
  practitioner_role_id text not null,
  position integer not null,
  organization_id bigint not null,
  code_system text,
  code text,
  display text,
  name text,
  fhir_residue text,
  primary key (organization_id, practitioner_role_id, position),
  foreign key (organization_id, practitioner_role_id) references practitioner_roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_role_codes_by_code on practitioner_role_codes (organization_id, code, code_system);

-- SNOMED CT or the NUCC provider taxonomy.
create table practitioner_role_specialties (
  practitioner_role_id text not null,
  position integer not null,
  organization_id bigint not null,
  code_system text,
  code text,
  display text,
  name text,
  fhir_residue text,
  primary key (organization_id, practitioner_role_id, position),
  foreign key (organization_id, practitioner_role_id) references practitioner_roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_role_specialties_by_code on practitioner_role_specialties (organization_id, code, code_system);

create table practitioner_role_locations (
  practitioner_role_id text not null,
  position integer not null,
  organization_id bigint not null,
  location_id text,
  fhir_residue text,
  primary key (organization_id, practitioner_role_id, position),
  foreign key (organization_id, practitioner_role_id) references practitioner_roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_role_locations_by_location on practitioner_role_locations (organization_id, location_id);

create table practitioner_role_telecoms (
  practitioner_role_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- phone, fax, email, pager, url, sms, other
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, practitioner_role_id, position),
  foreign key (organization_id, practitioner_role_id) references practitioner_roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index practitioner_role_telecoms_by_value on practitioner_role_telecoms (organization_id, value);

-- Who logs in. No FHIR resource: the person is a row of practitioners or patients. Secrets are never kept in clear.
create table users (
  id text primary key,
  organization_id bigint not null,
  username text not null,
  email text,
  display_name text,
  -- PHC string of the password (Argon2id); null: login by an identity provider only.
  password_hash text,
  password_changed_at timestamptz,
  must_change_password boolean not null default false,
  -- Encrypted with the gateway's key, which lies outside the database; null: no second factor.
  second_factor_sealed text,
  -- The identity provider's issuer and subject.
  external_issuer text,
  external_subject text,
  practitioner_id text,
  patient_id text,
  active boolean not null default true,
  failed_logins integer not null default 0,
  locked_until timestamptz,
  last_login_at timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  unique (organization_id, username),
  unique (organization_id, external_issuer, external_subject),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index users_by_email on users (organization_id, email);
create index users_by_practitioner on users (organization_id, practitioner_id);
create index users_by_patient on users (organization_id, patient_id);

-- What users may do, by name: OWNER, ADMIN, DOCTOR, PATIENT, ...
create table roles (
  id text primary key,
  organization_id bigint not null,
  name text not null,
  description text,
  updated_at timestamptz,
  unique (organization_id, name),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);

create table user_roles (
  user_id text not null,
  role_id text not null,
  organization_id bigint not null,
  granted_by text,
  granted_at timestamptz,
  expires_at timestamptz,
  primary key (organization_id, user_id, role_id),
  foreign key (organization_id, user_id) references users (organization_id, id)
    on delete cascade deferrable initially deferred,
  foreign key (organization_id, role_id) references roles (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index user_roles_by_role on user_roles (organization_id, role_id);

-- A patient's relatives, guardians and friends.
create table related_persons (
  id text primary key,
  organization_id bigint not null,
  active boolean,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- HL7 v3 RoleCode (MTH mother, SPS spouse, ...) or v2 table 0131 (C emergency contact, ...)
  relationship_system text,
  relationship_code text,
  relationship_display text,
  relationship text,
  -- The first name of the resource; further names are in the residue.
  name_use text,
  name_text text,
  first_name text,
  middle_name text,
  last_name text,
  name_prefix text,
  name_suffix text,
  sex text check (sex in ('M', 'F', 'O', 'U')),
  date_of_birth date,
  -- BCP 47
  language text,
  starts_on date,
  ends_on date,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index related_persons_by_patient on related_persons (organization_id, patient_id);
create index related_persons_by_name on related_persons (organization_id, last_name, first_name);

create table related_person_identifiers (
  related_person_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, related_person_id, position),
  foreign key (organization_id, related_person_id) references related_persons (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index related_person_identifiers_by_value on related_person_identifiers (organization_id, value, system);

create table related_person_telecoms (
  related_person_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- phone, fax, email, pager, url, sms, other
  system text,
  value text,
  telecom_use text,
  preference integer,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, related_person_id, position),
  foreign key (organization_id, related_person_id) references related_persons (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index related_person_telecoms_by_value on related_person_telecoms (organization_id, value);

create table related_person_addresses (
  related_person_id text not null,
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
  primary key (organization_id, related_person_id, position),
  foreign key (organization_id, related_person_id) references related_persons (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index related_person_addresses_by_city on related_person_addresses (organization_id, city);

create table encounters (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/encounter-status
  status text not null check (status in (
    'planned', 'arrived', 'triaged', 'in-progress', 'onleave', 'finished', 'cancelled', 'entered-in-error', 'unknown')),
  -- HL7 v3 ActCode where class_system says nothing else: AMB ambulatory, EMER emergency, IMP inpatient, VR virtual, HH home, ...
  class_code text,
  class_system text,
  class_display text,
  -- CPT, SNOMED CT or a list of the clinic's own
  type_system text,
  type_code text,
  type_display text,
  type_text text,
  service_type_system text,
  service_type_code text,
  service_type_display text,
  service_type_text text,
  priority_system text,
  priority_code text,
  priority_display text,
  starts_at timestamptz,
  ends_at timestamptz,
  length_value numeric,
  length_unit text,
  -- The entry of problems it is about, where there is one (a diagnosis is no key here); reasons in words or codes are in encounter_reasons.
  reason_problem_id text,
  appointment_id text,
  service_provider_id text,
  part_of_id text,
  admit_source text,
  -- http://terminology.hl7.org/CodeSystem/discharge-disposition or http://www.nubc.org/patient-discharge
  discharge_system text,
  discharge_code text,
  discharge_display text,
  discharge_text text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index encounters_by_patient on encounters (organization_id, patient_id, starts_at);
create index encounters_by_start on encounters (organization_id, starts_at);
create index encounters_by_status on encounters (organization_id, status);
create index encounters_by_appointment on encounters (organization_id, appointment_id);
create index encounters_by_provider on encounters (organization_id, service_provider_id);
create index encounters_by_part_of on encounters (organization_id, part_of_id);

create table encounter_identifiers (
  encounter_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, encounter_id, position),
  foreign key (organization_id, encounter_id) references encounters (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index encounter_identifiers_by_value on encounter_identifiers (organization_id, value, system);

create table encounter_participants (
  encounter_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- HL7 v3 ParticipationType: ATND attender, PPRF primary performer, ADM admitter, ...
  type_code text,
  type_display text,
  type_text text,
  starts_at timestamptz,
  ends_at timestamptz,
  practitioner_id text,
  fhir_residue text,
  primary key (organization_id, encounter_id, position),
  foreign key (organization_id, encounter_id) references encounters (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index encounter_participants_by_practitioner on encounter_participants (organization_id, practitioner_id);

-- Why the patient came.
create table encounter_reasons (
  encounter_id text not null,
  position integer not null,
  organization_id bigint not null,
  code_system text,
  code text,
  display text,
  name text,
  fhir_residue text,
  primary key (organization_id, encounter_id, position),
  foreign key (organization_id, encounter_id) references encounters (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index encounter_reasons_by_code on encounter_reasons (organization_id, code, code_system);

-- Which conditions an encounter was about, and in what part.
create table encounter_conditions (
  encounter_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The Condition, one of the two: an entry of problems (of whatever kind), or an encounter's diagnosis in encounter_diagnoses.
  problem_id text,
  diagnosis_id text,
  -- http://terminology.hl7.org/CodeSystem/diagnosis-role: AD admission, DD discharge, CC chief complaint, billing, ...
  use_code text,
  use_display text,
  rank integer,
  fhir_residue text,
  primary key (organization_id, encounter_id, position),
  foreign key (organization_id, encounter_id) references encounters (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint encounter_conditions_once check (problem_id is null or diagnosis_id is null)
);
create index encounter_conditions_by_problem on encounter_conditions (organization_id, problem_id);
create index encounter_conditions_by_diagnosis on encounter_conditions (organization_id, diagnosis_id);

create table encounter_locations (
  encounter_id text not null,
  position integer not null,
  organization_id bigint not null,
  location_id text,
  -- planned, active, reserved, completed
  status text,
  starts_at timestamptz,
  ends_at timestamptz,
  fhir_residue text,
  primary key (organization_id, encounter_id, position),
  foreign key (organization_id, encounter_id) references encounters (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index encounter_locations_by_location on encounter_locations (organization_id, location_id);

create table appointments (
  id text primary key,
  organization_id bigint not null,
  -- http://hl7.org/fhir/ValueSet/appointmentstatus
  status text not null check (status in (
    'proposed', 'pending', 'booked', 'arrived', 'fulfilled', 'cancelled', 'noshow', 'entered-in-error', 'checked-in', 'waitlist')),
  cancellation_reason text,
  -- Who meets whom where, each with his answer (accepted, declined, tentative, needs-action): the first participant of each
  -- kind. Further participants are in the residue.
  patient_id text references patients (id) deferrable initially deferred,
  patient_status text,
  practitioner_id text,
  practitioner_status text,
  location_id text,
  location_status text,
  service_category_system text,
  service_category_code text,
  service_category_display text,
  service_category_text text,
  service_type_system text,
  service_type_code text,
  service_type_display text,
  service_type_text text,
  specialty_system text,
  specialty_code text,
  specialty_display text,
  specialty_text text,
  -- HL7 v2 table 0276: CHECKUP, EMERGENCY, FOLLOWUP, ROUTINE, WALKIN
  appointment_type_code text,
  appointment_type_display text,
  appointment_type_text text,
  reason_system text,
  reason_code text,
  reason_display text,
  reason text,
  -- An entry of problems.
  reason_problem_id text,
  -- 0 undefined, 1 highest to 9 lowest (RFC 5545)
  priority integer,
  description text,
  starts_at timestamptz,
  ends_at timestamptz,
  minutes integer,
  created_at timestamptz,
  comment text,
  patient_instruction text,
  based_on_id text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index appointments_by_patient on appointments (organization_id, patient_id, starts_at);
create index appointments_by_practitioner on appointments (organization_id, practitioner_id, starts_at);
create index appointments_by_location on appointments (organization_id, location_id, starts_at);
create index appointments_by_start on appointments (organization_id, starts_at);
create index appointments_by_status on appointments (organization_id, status);

create table appointment_identifiers (
  appointment_id text not null,
  position integer not null,
  organization_id bigint not null,
  identifier_use text,
  -- HL7 v2 table 0203: NPI, MD medical licence, VN visit number, ...
  type_code text,
  type_text text,
  system text,
  value text,
  assigner_id text,
  valid_from date,
  valid_until date,
  fhir_residue text,
  primary key (organization_id, appointment_id, position),
  foreign key (organization_id, appointment_id) references appointments (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index appointment_identifiers_by_value on appointment_identifiers (organization_id, value, system);
