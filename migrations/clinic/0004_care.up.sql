-- Care plans, teams and goals, devices, what was dispensed, given and taken, coverage, consents, preferences, questionnaires,
-- provenance.
--
-- A column that ends in _id holds another row's key. Where FHIR lets several types be referred to, the column holds the
-- type as well, as in 'Practitioner/17', and its comment says so.

-- What is to be achieved for a patient: weight, blood pressure, walking again.
create table goals (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/goal-status
  status text not null check (status in (
    'proposed', 'planned', 'accepted', 'active', 'on-hold', 'completed', 'cancelled', 'entered-in-error', 'rejected')),
  status_on date,
  status_reason text,
  -- in-progress, improving, worsening, no-change, achieved, sustaining, not-achieved, no-progress, not-attainable
  achievement_status text,
  -- dietary, safety, behavioral, nursing, physiotherapy, ...
  category text,
  -- high-priority, medium-priority, low-priority
  priority text,
  description text,
  -- A code for the description, of whatever system (mostly SNOMED CT).
  code_system text,
  code text,
  display text,
  starts_on date,
  -- Who set it, with the type: Patient/17, Practitioner/3.
  expressed_by text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint goals_of_something check (fhir_residue is not null or description is not null or code is not null),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index goals_by_patient on goals (organization_id, patient_id, starts_on);

-- How one knows that a goal is reached, and until when.
create table goal_targets (
  goal_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- What is measured, mostly LOINC.
  measure_system text,
  measure_code text,
  measure_display text,
  measure text,
  -- One of the three: a number with its unit, a range, or a text.
  target_value numeric,
  target_unit text,
  low_value numeric,
  low_unit text,
  high_value numeric,
  high_unit text,
  target_text text,
  due_on date,
  fhir_residue text,
  primary key (organization_id, goal_id, position),
  foreign key (organization_id, goal_id) references goals (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint goal_targets_detail_once check (
    (target_value is null and target_unit is null or
      low_value is null and low_unit is null and high_value is null and high_unit is null) and
    (target_text is null or target_value is null and target_unit is null and
      low_value is null and low_unit is null and high_value is null and high_unit is null)
  )
);

-- The problems that a goal is about.
create table goal_problems (
  goal_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The Condition, one of the two: an entry of problems (of whatever kind), or an encounter's diagnosis in encounter_diagnoses.
  problem_id text,
  diagnosis_id text,
  label text,
  fhir_residue text,
  primary key (organization_id, goal_id, position),
  foreign key (organization_id, goal_id) references goals (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint goal_problems_once check (problem_id is null or diagnosis_id is null)
);

-- Who looks after a patient together. A team may exist before it has a patient.
create table care_teams (
  id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) deferrable initially deferred,
  encounter_id text,
  -- http://hl7.org/fhir/ValueSet/care-team-status
  status text check (status in ('proposed', 'active', 'suspended', 'inactive', 'entered-in-error')),
  -- LOINC, as LA27976-2 (encounter-focused), LA28865-6 (longitudinal)
  category text,
  name text,
  starts_on date,
  ends_on date,
  reason text,
  managing_organization_id text,
  phone text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index care_teams_by_patient on care_teams (organization_id, patient_id);
create index care_teams_by_encounter on care_teams (organization_id, encounter_id);

create table care_team_members (
  care_team_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- What the member does in the team: a code of whatever system (mostly SNOMED CT), its name, or a text.
  role_system text,
  role_code text,
  role_display text,
  role text,
  -- With the type: Practitioner/3, Patient/17, RelatedPerson/5, Organization/1.
  member text,
  member_name text,
  -- For whom the member acts.
  on_behalf_of_organization_id text,
  starts_on date,
  ends_on date,
  fhir_residue text,
  primary key (organization_id, care_team_id, position),
  foreign key (organization_id, care_team_id) references care_teams (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index care_team_members_by_member on care_team_members (organization_id, member);

-- What is planned for a patient.
create table care_plans (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- http://hl7.org/fhir/ValueSet/request-status and care-plan-intent
  status text not null check (status in (
    'draft', 'active', 'on-hold', 'revoked', 'completed', 'entered-in-error', 'unknown')),
  intent text not null check (intent in ('proposal', 'plan', 'order', 'option')),
  -- US Core: assess-plan for the assessment and plan of a visit.
  category text,
  category_text text,
  title text,
  description text,
  starts_on date,
  ends_on date,
  created_at timestamptz,
  author_id text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index care_plans_by_patient on care_plans (organization_id, patient_id, starts_on);
create index care_plans_by_encounter on care_plans (organization_id, encounter_id);

-- The steps of a plan.
create table care_plan_activities (
  care_plan_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The order that the step became; what follows then says it no more.
  service_request_id text,
  -- ServiceRequest, MedicationRequest, Appointment, Task, ...: what the step would be ordered as.
  kind text,
  code_system text,
  code text,
  display text,
  name text,
  -- http://hl7.org/fhir/ValueSet/care-plan-activity-status
  status text check (status in (
    'not-started', 'scheduled', 'in-progress', 'on-hold', 'completed', 'cancelled', 'stopped', 'unknown', 'entered-in-error')),
  status_reason text,
  do_not_perform boolean,
  -- One of the two: a text, or from when until when.
  scheduled_text text,
  scheduled_from date,
  scheduled_until date,
  location_id text,
  performer_id text,
  description text,
  -- How it went.
  progress text,
  fhir_residue text,
  primary key (organization_id, care_plan_id, position),
  foreign key (organization_id, care_plan_id) references care_plans (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint care_plan_activities_scheduled_once check (
    scheduled_text is null or (scheduled_from is null and scheduled_until is null)
  )
);

create table care_plan_goals (
  care_plan_id text not null,
  position integer not null,
  organization_id bigint not null,
  goal_id text references goals (id) deferrable initially deferred,
  label text,
  fhir_residue text,
  primary key (organization_id, care_plan_id, position),
  foreign key (organization_id, care_plan_id) references care_plans (organization_id, id)
    on delete cascade deferrable initially deferred
);

create table care_plan_teams (
  care_plan_id text not null,
  position integer not null,
  organization_id bigint not null,
  care_team_id text references care_teams (id) deferrable initially deferred,
  label text,
  fhir_residue text,
  primary key (organization_id, care_plan_id, position),
  foreign key (organization_id, care_plan_id) references care_plans (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- The problems that a plan is about.
create table care_plan_problems (
  care_plan_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The Condition, one of the two: an entry of problems (of whatever kind), or an encounter's diagnosis in encounter_diagnoses.
  problem_id text,
  diagnosis_id text,
  label text,
  fhir_residue text,
  primary key (organization_id, care_plan_id, position),
  foreign key (organization_id, care_plan_id) references care_plans (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint care_plan_problems_once check (problem_id is null or diagnosis_id is null)
);

-- Implants and other devices. A device in store has no patient.
create table devices (
  id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/device-status
  status text check (status in ('active', 'inactive', 'entered-in-error', 'unknown')),
  status_reason text,
  -- The unique device identifier: its device part, and all of it as the label has it.
  udi_device_identifier text,
  udi_carrier text,
  udi_issuer text,
  -- barcode, rfid, manual, card, self-reported, unknown
  udi_entry_type text,
  -- The identifier of tissue and cells.
  distinct_identifier text,
  manufacturer text,
  manufactured_on date,
  expires_on date,
  lot_number text,
  serial_number text,
  model_number text,
  part_number text,
  type_system text,
  type_code text,
  type_display text,
  type text,
  owner_organization_id text,
  location_id text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index devices_by_patient on devices (organization_id, patient_id);
create index devices_by_udi on devices (organization_id, udi_device_identifier);

create table device_names (
  device_id text not null,
  position integer not null,
  organization_id bigint not null,
  name text not null,
  -- http://hl7.org/fhir/ValueSet/device-nametype
  name_type text check (name_type in (
    'udi-label-name', 'user-friendly-name', 'patient-reported-name', 'manufacturer-name', 'model-name', 'other')),
  fhir_residue text,
  primary key (organization_id, device_id, position),
  foreign key (organization_id, device_id) references devices (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- What an entry of medications is made of.
create table medication_ingredients (
  medication_id text not null,
  position integer not null,
  organization_id bigint not null,
  rxnorm_code text,
  rxnorm_display text,
  name text,
  is_active boolean,
  -- So much of it in so much of the medication: 5 mg in 1 mL.
  strength_value numeric,
  strength_unit text,
  per_value numeric,
  per_unit text,
  fhir_residue text,
  primary key (organization_id, medication_id, position),
  foreign key (organization_id, medication_id) references medications (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- What a patient takes, as the patient or somebody else says.
create table medication_statements (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- http://hl7.org/fhir/ValueSet/medication-statement-status
  status text not null check (status in (
    'active', 'completed', 'entered-in-error', 'intended', 'stopped', 'on-hold', 'unknown', 'not-taken')),
  status_reason text,
  -- inpatient, outpatient, community, patientspecified
  category text,
  -- One of the two: an entry of medications, or a code or text of its own.
  medication_id text references medications (id) deferrable initially deferred,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  -- One of the two: when it was taken, or from when until when it is.
  taken_at timestamptz,
  starts_on date,
  ends_on date,
  asserted_at timestamptz,
  -- Who said so, with the type: Patient/17, RelatedPerson/5, Practitioner/3.
  information_source text,
  reason text,
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
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint medication_statements_medication_once check (
    medication_id is null or (rxnorm_code is null and rxnorm_display is null and medication_name is null)
  ),
  constraint medication_statements_of_something check (
    fhir_residue is not null or medication_id is not null or rxnorm_code is not null or medication_name is not null
  ),
  constraint medication_statements_time_once check (taken_at is null or (starts_on is null and ends_on is null))
);
create index medication_statements_by_patient on medication_statements (organization_id, patient_id);
create index medication_statements_by_medication on medication_statements (organization_id, medication_id);
create index medication_statements_by_code on medication_statements (organization_id, rxnorm_code);

-- What was given to a patient (or was not).
create table medication_administrations (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  prescription_id text references patient_medications (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/medication-admin-status
  status text not null check (status in (
    'in-progress', 'not-done', 'on-hold', 'completed', 'entered-in-error', 'stopped', 'unknown')),
  status_reason text,
  -- inpatient, outpatient, community
  category text,
  -- One of the two: an entry of medications, or a code or text of its own.
  medication_id text references medications (id) deferrable initially deferred,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  -- One of the two: when it was given, or from when until when (an infusion).
  given_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  performer_id text,
  reason text,
  dosage_text text,
  site text,
  route text,
  method text,
  dose_value numeric,
  dose_unit text,
  rate_value numeric,
  rate_unit text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint medication_administrations_medication_once check (
    medication_id is null or (rxnorm_code is null and rxnorm_display is null and medication_name is null)
  ),
  constraint medication_administrations_of_something check (
    fhir_residue is not null or medication_id is not null or rxnorm_code is not null or medication_name is not null
  ),
  constraint medication_administrations_time_once check (given_at is null or (started_at is null and ended_at is null))
);
create index medication_administrations_by_patient on medication_administrations (organization_id, patient_id, given_at);
create index medication_administrations_by_prescription on medication_administrations (organization_id, prescription_id);
create index medication_administrations_by_medication on medication_administrations (organization_id, medication_id);

-- What a pharmacy handed out.
create table medication_dispenses (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- The prescription (the first, where there are several).
  prescription_id text references patient_medications (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/medicationdispense-status
  status text not null check (status in (
    'preparation', 'in-progress', 'cancelled', 'on-hold', 'completed', 'entered-in-error', 'stopped', 'declined', 'unknown')),
  status_reason text,
  -- inpatient, outpatient, community, discharge
  category text,
  -- HL7 v3 ActCode: FF first fill, RF refill, EM emergency supply, ...
  dispense_type text,
  -- One of the two: an entry of medications, or a code or text of its own.
  medication_id text references medications (id) deferrable initially deferred,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  quantity numeric,
  quantity_unit text,
  days_supply numeric,
  days_supply_unit text,
  prepared_at timestamptz,
  handed_over_at timestamptz,
  performer_id text,
  location_id text,
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
  substituted boolean,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint medication_dispenses_medication_once check (
    medication_id is null or (rxnorm_code is null and rxnorm_display is null and medication_name is null)
  ),
  constraint medication_dispenses_of_something check (
    fhir_residue is not null or medication_id is not null or rxnorm_code is not null or medication_name is not null
  )
);
create index medication_dispenses_by_patient on medication_dispenses (organization_id, patient_id, handed_over_at);
create index medication_dispenses_by_prescription on medication_dispenses (organization_id, prescription_id);
create index medication_dispenses_by_medication on medication_dispenses (organization_id, medication_id);

-- Who pays for a patient's care.
create table coverages (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/fm-status
  status text not null check (status in ('active', 'cancelled', 'draft', 'entered-in-error')),
  -- The kind of insurance, of whatever system (v3 ActCode: EHCPOL, HIP, ...; or source of payment typology).
  type_system text,
  type_code text,
  type_display text,
  type text,
  -- The patient's own number with the payor.
  member_number text,
  -- Whose insurance it is, where that is a patient too, and the number it gave.
  subscriber_patient_id text references patients (id) deferrable initially deferred,
  subscriber_number text,
  dependent text,
  -- What the patient is to the subscriber: self, spouse, child, parent, common, other, injured
  relationship text,
  starts_on date,
  ends_on date,
  payor_organization_id text,
  -- Which coverage is asked first.
  priority integer,
  network text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index coverages_by_patient on coverages (organization_id, patient_id);
create index coverages_by_payor on coverages (organization_id, payor_organization_id);
create index coverages_by_member_number on coverages (organization_id, member_number);
create index coverages_by_subscriber_number on coverages (organization_id, subscriber_number);

-- Group, plan and the like of an insurance.
create table coverage_classes (
  coverage_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- http://terminology.hl7.org/CodeSystem/coverage-class: group, subgroup, plan, subplan, class, rxid, rxbin, rxgroup, rxpcn, ...
  class_type text,
  value text,
  name text,
  fhir_residue text,
  primary key (organization_id, coverage_id, position),
  foreign key (organization_id, coverage_id) references coverages (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- What a patient allowed or forbade, as FHIR says it. Exceptions within exceptions stay in fhir_residue.
create table consents (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- http://hl7.org/fhir/ValueSet/consent-state-codes
  status text not null check (status in (
    'draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error')),
  -- http://terminology.hl7.org/CodeSystem/consentscope: adr, research, patient-privacy, treatment
  scope text,
  category_system text,
  category_code text,
  category_display text,
  consented_at timestamptz,
  -- Who gave it, with the type: Patient/17, RelatedPerson/5.
  performer text,
  -- Who keeps it.
  custodian_organization_id text,
  -- One of the two: a document of ours, or one elsewhere.
  source_document_id text,
  source_title text,
  source_url text,
  source_content_type text,
  -- The rule that holds where nothing else is said (v3 ActCode: OPTIN, OPTOUT, ...).
  policy_rule_system text,
  policy_rule_code text,
  verified boolean,
  verified_at timestamptz,
  -- permit or deny
  provision_type text check (provision_type in ('permit', 'deny')),
  valid_from date,
  valid_until date,
  -- Data of this time only.
  data_from date,
  data_until date,
  updated_at timestamptz,
  fhir_residue text,
  constraint consents_source_once check (
    source_document_id is null or (source_title is null and source_url is null and source_content_type is null)
  ),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index consents_by_patient on consents (organization_id, patient_id, consented_at);

-- The laws and policies a consent refers to.
create table consent_policies (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  authority text,
  uri text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- For what the data may (or may not) be used: v3 ActReason, as TREAT, HPAYMT, HRESCH.
create table consent_purposes (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  code text,
  display text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- Who may (or may not): with the type, as Practitioner/3, Organization/1.
create table consent_actors (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- v3 ParticipationType or RoleCode: PRCP, CST, IRCP, ...
  role_system text,
  role_code text,
  role_display text,
  actor text,
  actor_name text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- What may (or may not) be done: access, correct, collect, use, disclose.
create table consent_actions (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  code text,
  display text,
  action text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- Kinds of data: resource types, document types, profiles.
create table consent_classes (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  code text,
  display text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- Single codes that the data have: a LOINC code, a diagnosis.
create table consent_codes (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  code text,
  display text,
  label text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- Labels that the data have: R restricted, V very restricted, PSY, ETH, ...
create table consent_labels (
  consent_id text not null,
  position integer not null,
  organization_id bigint not null,
  system text,
  code text,
  display text,
  fhir_residue text,
  primary key (organization_id, consent_id, position),
  foreign key (organization_id, consent_id) references consents (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- What patients said yes or no to, one row a question: the simple form of a consent, for programs that ask.
-- Such rows are Consents as well, and bind like those in consents.
create table patient_consents (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  -- A consent that no longer holds is inactive; one that never did is entered-in-error.
  status text not null default 'active' check (status in (
    'draft', 'proposed', 'active', 'rejected', 'inactive', 'entered-in-error')),
  consent_type text not null check (consent_type in ('privacy', 'treatment', 'research', 'advance_directive')),
  -- For what: a purpose that the table does not know would read as any purpose, hence the list. NULL is any purpose.
  purpose text check (purpose in (
    'treatment', 'payment', 'operations', 'research', 'marketing', 'public_health', 'patient_request', 'emergency')),
  granted boolean not null,
  given_at timestamptz,
  valid_from date,
  valid_until date,
  -- What shows that it was given: the name of the form, where the form is.
  evidence text,
  evidence_url text,
  -- Nobody asked: the row was made on the assumption that those who were users already agree.
  presumed boolean,
  updated_at timestamptz,
  fhir_residue text
);
create index patient_consents_by_patient on patient_consents (organization_id, patient_id, consent_type);

-- How a user wants to be addressed. No resource of its own: the languages of a patient are in patient_communications.
create table user_preferences (
  user_id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) on delete set null deferrable initially deferred,
  -- BCP 47: en, en-US, de, ...
  language text,
  -- IANA: Europe/Berlin
  timezone text,
  -- {"email": true, "sms": false, ...}
  notification_channels jsonb,
  updated_at timestamptz
);
create index user_preferences_by_patient on user_preferences (organization_id, patient_id);

-- A questionnaire as somebody filled it in.
create table questionnaire_responses (
  id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) deferrable initially deferred,
  encounter_id text,
  identifier_system text,
  identifier text,
  -- http://hl7.org/fhir/ValueSet/questionnaire-answers-status
  status text not null check (status in ('in-progress', 'completed', 'amended', 'entered-in-error', 'stopped')),
  -- The questionnaire's canonical address.
  questionnaire text,
  authored_at timestamptz,
  -- Who filled it in and who gave the answers, with the type: Practitioner/3, Patient/17.
  author text,
  source text,
  updated_at timestamptz,
  fhir_residue text,
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index questionnaire_responses_by_patient on questionnaire_responses (organization_id, patient_id, authored_at);
create index questionnaire_responses_by_questionnaire on questionnaire_responses (organization_id, questionnaire);

-- Its questions and their (first) answers. Questions within questions stay in fhir_residue.
create table questionnaire_answers (
  questionnaire_response_id text not null,
  position integer not null,
  organization_id bigint not null,
  link_id text not null,
  question text,
  -- The answer is in one of these, by its type.
  answer_boolean boolean,
  answer_decimal numeric,
  answer_integer integer,
  answer_date date,
  answer_at timestamptz,
  answer_text text,
  answer_system text,
  answer_code text,
  answer_display text,
  answer_quantity numeric,
  answer_unit text,
  fhir_residue text,
  primary key (organization_id, questionnaire_response_id, position),
  foreign key (organization_id, questionnaire_response_id) references questionnaire_responses (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint questionnaire_answers_once check (
    case when answer_boolean is null then 0 else 1 end +
    case when answer_decimal is null then 0 else 1 end +
    case when answer_integer is null then 0 else 1 end +
    case when answer_date is null then 0 else 1 end +
    case when answer_at is null then 0 else 1 end +
    case when answer_text is null then 0 else 1 end +
    case when coalesce(answer_system, answer_code, answer_display) is null then 0 else 1 end +
    case when answer_quantity is null and answer_unit is null then 0 else 1 end <= 1
  )
);
create index questionnaire_answers_by_question on questionnaire_answers (organization_id, link_id);

-- Where records come from: who made, changed or sent them.
create table provenances (
  id text primary key,
  organization_id bigint not null,
  -- One of the two: when it happened, or from when until when.
  occurred_at timestamptz,
  occurred_from timestamptz,
  occurred_until timestamptz,
  recorded_at timestamptz,
  -- v3 DataOperation: CREATE, UPDATE, ...; or a code of another system
  activity_system text,
  activity_code text,
  activity_display text,
  reason text,
  location_id text,
  policy text,
  updated_at timestamptz,
  fhir_residue text,
  constraint provenances_occurred_once check (
    occurred_at is null or (occurred_from is null and occurred_until is null)
  ),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index provenances_by_time on provenances (organization_id, recorded_at);

create table provenance_targets (
  provenance_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- What this is the origin of, with the type: Observation/lab-7.
  target text,
  label text,
  fhir_residue text,
  primary key (organization_id, provenance_id, position),
  foreign key (organization_id, provenance_id) references provenances (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index provenance_targets_by_target on provenance_targets (organization_id, target);

create table provenance_agents (
  provenance_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- author, transmitter, enterer, performer, verifier, legal, attester, informant, custodian, assembler, composer
  agent_system text,
  agent_type text,
  agent_display text,
  agent_text text,
  role_system text,
  role_code text,
  -- With the type: Practitioner/3, Organization/1, Device/9.
  who text,
  who_name text,
  on_behalf_of_organization_id text,
  fhir_residue text,
  primary key (organization_id, provenance_id, position),
  foreign key (organization_id, provenance_id) references provenances (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index provenance_agents_by_who on provenance_agents (organization_id, who);
