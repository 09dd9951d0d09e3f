-- SOAP notes: the note and the twelve tables of its four sections, and what a patient's signed notes come to: the cumulative
-- medical record. A note reads as a Composition; its rows are resources of their own, which the Composition's sections name.
--
-- Drafts, whoever or whatever wrote them, are no part of the record: what was measured reads as preliminary, the rest (what
-- is prescribed, ordered, diagnosed) is served once the note is signed, and only signed and amended notes are merged.

create table soap_notes (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  provider_id text,
  encounter_id text,
  appointment_id text,
  -- A draft becomes signed, a signed note is amended; an error is marked, never removed.
  status text not null default 'draft' check (status in ('draft', 'signed', 'amended', 'entered-in-error')),
  -- Written by a program (a generator of drafts), not by the provider. Signing makes it the provider's.
  generated boolean,
  title text,
  written_at timestamptz,
  signed_at timestamptz,
  signed_by text,
  -- Plain text of the four sections.
  subjective text,
  objective text,
  assessment text,
  plan text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text,
  constraint soap_notes_signed_by_somebody check (
    generated is not true or signed_by is not null or status not in ('signed', 'amended')
  )
);
create index soap_notes_by_patient on soap_notes (organization_id, patient_id, written_at);
create index soap_notes_by_encounter on soap_notes (organization_id, encounter_id);
create index soap_notes_by_appointment on soap_notes (organization_id, appointment_id);

-- Subjective ----------------------------------------------------------------------------------------------------------

-- What brought the patient, in the patient's words and the provider's.
create table soap_subjective_history_of_present_illness (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  chief_complaint text,
  narrative text,
  onset_at timestamptz,
  recorded_at timestamptz,
  recorded_by text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_subjective_history_of_present_illness_by_note on soap_subjective_history_of_present_illness (organization_id, soap_note_id);

-- One row an organ system asked about.
create table soap_subjective_review_of_systems (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- Constitutional, Cardiovascular, Respiratory, ...
  system_name text,
  finding text,
  recorded_at timestamptz,
  recorded_by text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_subjective_review_of_systems_by_note on soap_subjective_review_of_systems (organization_id, soap_note_id);

-- Allergies and intolerances that the patient reports.
create table soap_subjective_allergies (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- http://hl7.org/fhir/ValueSet/allergyintolerance-clinical: active, inactive, resolved
  clinical_status text,
  -- http://hl7.org/fhir/ValueSet/allergyintolerance-verification: unconfirmed, confirmed, refuted, entered-in-error
  verification_status text,
  -- allergy or intolerance
  allergy_type text,
  -- food, medication, environment or biologic
  category text,
  -- low, high or unable-to-assess
  criticality text,
  -- What the code is of (RxNorm, UNII, ...) and the code
  code_system text,
  code text,
  display text,
  allergen text,
  -- The reaction that is remembered best; severity mild, moderate or severe
  reaction text,
  severity text,
  onset_at timestamptz,
  recorded_at timestamptz,
  recorded_by text,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_subjective_allergies_by_note on soap_subjective_allergies (organization_id, soap_note_id);

-- What the patient says they take.
create table soap_subjective_current_medications (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- http://hl7.org/fhir/ValueSet/medication-statement-status: active, completed, stopped, on-hold, not-taken, ...
  status text,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  dosage_text text,
  started_at timestamptz,
  ended_at timestamptz,
  reported_at timestamptz,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_subjective_current_medications_by_note on soap_subjective_current_medications (organization_id, soap_note_id);

-- Objective -----------------------------------------------------------------------------------------------------------

-- One row a measurement round of a note; every filled column is an Observation of its own.
create table soap_objective_vital_signs (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,
  measured_at timestamptz,
  recorded_by text,
  -- /min
  heart_rate numeric,
  -- /min
  respiratory_rate numeric,
  -- degrees Celsius
  body_temperature numeric,
  -- percent
  oxygen_saturation numeric,
  -- mm[Hg]
  systolic numeric,
  -- mm[Hg]
  diastolic numeric,
  -- cm
  height numeric,
  -- kg
  weight numeric,
  -- kg/m2
  bmi numeric,
  updated_at timestamptz,
  deleted_at timestamptz
);
create index soap_objective_vital_signs_by_note on soap_objective_vital_signs (organization_id, soap_note_id);

-- One row a body system examined.
create table soap_objective_physical_examination (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- General, Heart, Lungs, Abdomen, ...
  body_system text,
  finding text,
  -- HL7 v3 ObservationInterpretation: N, A, ...
  interpretation text,
  examined_at timestamptz,
  recorded_by text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_objective_physical_examination_by_note on soap_objective_physical_examination (organization_id, soap_note_id);

-- Results that the note cites, or that were measured at the visit.
create table soap_objective_results (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- LOINC
  code text,
  display text,
  name text,
  -- One of the two: a number with its unit, or a text
  value_number numeric,
  unit text,
  value_text text,
  interpretation text,
  reference_low numeric,
  reference_high numeric,
  resulted_at timestamptz,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text,
  constraint soap_objective_results_value_once check (value_text is null or (value_number is null and unit is null))
);
create index soap_objective_results_by_note on soap_objective_results (organization_id, soap_note_id);

-- Assessment ----------------------------------------------------------------------------------------------------------

-- What the provider found the patient to have.
create table soap_assessment_problem_list (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- http://hl7.org/fhir/ValueSet/condition-clinical: active, recurrence, relapse, inactive, remission, resolved
  clinical_status text,
  -- http://hl7.org/fhir/ValueSet/condition-ver-status: unconfirmed, provisional, confirmed, ...
  verification_status text,
  -- ICD-10-CM
  icd10_code text,
  icd10_display text,
  problem text,
  -- mild, moderate, severe, in words
  severity text,
  onset_at timestamptz,
  resolved_at timestamptz,
  recorded_at timestamptz,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_assessment_problem_list_by_note on soap_assessment_problem_list (organization_id, soap_note_id);

-- What else it may be.
create table soap_assessment_differential_diagnoses (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  verification_status text not null default 'differential' check (verification_status in (
    'differential', 'provisional', 'unconfirmed')),
  icd10_code text,
  icd10_display text,
  diagnosis text,
  recorded_at timestamptz,
  rationale text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_assessment_differential_diagnoses_by_note on soap_assessment_differential_diagnoses (organization_id, soap_note_id);

-- Plan ----------------------------------------------------------------------------------------------------------------

-- What is prescribed, changed or stopped.
create table soap_plan_medication (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- http://hl7.org/fhir/ValueSet/medicationrequest-status and -intent
  status text,
  intent text,
  rxnorm_code text,
  rxnorm_display text,
  medication_name text,
  dosage_text text,
  dose_value numeric,
  dose_unit text,
  frequency integer,
  period numeric,
  -- s, min, h, d, wk, mo, a
  period_unit text,
  route text,
  dispense_quantity numeric,
  dispense_unit text,
  refills integer,
  authored_at timestamptz,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_plan_medication_by_note on soap_plan_medication (organization_id, soap_note_id);

-- What is ordered (kind order) and what was done at the visit (kind procedure).
create table soap_plan_orders_and_procedures (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  kind text not null default 'order' check (kind in ('order', 'procedure')),
  -- An order's or an event's status: http://hl7.org/fhir/ValueSet/request-status, .../event-status
  status text,
  -- Orders: http://hl7.org/fhir/ValueSet/request-intent and request-priority
  intent text,
  priority text,
  code_system text,
  code text,
  display text,
  name text,
  reason text,
  -- When it is to be done, or was
  occurs_at timestamptz,
  authored_at timestamptz,
  note text,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_plan_orders_and_procedures_by_note on soap_plan_orders_and_procedures (organization_id, soap_note_id);

-- When the patient comes back, what they were told to do until then.
create table soap_plan_follow_up_and_education (
  id text primary key,
  organization_id bigint not null,
  soap_note_id text not null references soap_notes (id) deferrable initially deferred,

  -- http://hl7.org/fhir/ValueSet/request-status and care-plan-intent
  status text,
  intent text,
  title text,
  instructions text,
  education text,
  follow_up_from timestamptz,
  follow_up_until timestamptz,
  created_at timestamptz,
  updated_at timestamptz,
  deleted_at timestamptz,
  fhir_residue text
);
create index soap_plan_follow_up_and_education_by_note on soap_plan_follow_up_and_education (organization_id, soap_note_id);

-- The cumulative medical record --------------------------------------------------------------------------------------
--
-- patient_profiles.cumulative_medical_record: {"allergies": [...], "conditions": [...], "medications": [...], "procedures":
-- [...]}. An entry from a note has soap_note_id, row_id, first_noted and last_noted; where several notes speak of one thing
-- the latest counts. Entries without soap_note_id, and every other member, are somebody else's and stay as they are
-- (a section that is no list becomes the first entry of one).
-- Merging is the triggers' work, in the transaction that changed the notes, whoever wrote it; it is computed anew from the
-- signed notes each time, so that merging twice changes nothing. To turn it off for an organization (and on again):
--   insert into clinic_settings (organization_id, name, value) values (1, 'merge_soap_notes', 'off')
-- Turned on again, a note is merged at its next change; to merge all at once:
--   insert into soap_merge_queue (patient_id, organization_id) select distinct patient_id, organization_id from soap_notes

-- What an organization has set for its clinic.
create table clinic_settings (
  organization_id bigint not null,
  name text not null,
  value text not null,
  primary key (organization_id, name)
);

-- only sqlite
alter table patient_profiles add column cumulative_medical_record text;
-- end
-- only postgres
alter table patient_profiles add column cumulative_medical_record jsonb;
-- end
alter table patient_profiles add column medical_record_last_updated_at timestamptz;
alter table patient_profiles add column medical_record_last_soap_note_id text;

-- Patients whose notes have changed in the running transaction: empty before and after it. Nothing in it is unique, so that
-- nobody who writes a note waits for another writer's transaction to end.
create table soap_merge_queue (
  patient_id text not null,
  organization_id bigint not null
);
create index soap_merge_queue_by_patient on soap_merge_queue (organization_id, patient_id);

-- only sqlite
-- What the signed notes say, an entry a row: what the record is merged from. From a patient's notes to their rows (`cross
-- join` on SQLite, `lateral` on PostgreSQL): the other way round every row of the organization would be looked at.
create view soap_record_items as
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'allergies' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join (
    select soap_note_id, organization_id, id as row_id, coalesce(coalesce(code_system, '') || '|' || nullif(code, ''), nullif(lower(allergen), ''), nullif(lower(display), '')) as identity, recorded_at as noted_at, 1 as decided,
      json_object('name', coalesce(nullif(allergen, ''), display), 'code', code, 'system', code_system, 'status', clinical_status, 'verification', verification_status, 'criticality', criticality, 'reaction', reaction, 'severity', severity) as entry
    from soap_subjective_allergies where deleted_at is null and coalesce(verification_status, '') <> 'entered-in-error'
  ) r on r.soap_note_id = n.id and r.organization_id = n.organization_id
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'conditions' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join (
    select soap_note_id, organization_id, id as row_id, coalesce(nullif(icd10_code, ''), nullif(lower(problem), ''), nullif(lower(icd10_display), '')) as identity, recorded_at as noted_at, 1 as decided,
      json_object('name', coalesce(nullif(problem, ''), icd10_display), 'code', icd10_code, 'system', case when icd10_code is not null then 'http://hl7.org/fhir/sid/icd-10-cm' end, 'status', clinical_status, 'verification', verification_status, 'onset', onset_at) as entry
    from soap_assessment_problem_list where deleted_at is null and coalesce(verification_status, '') <> 'entered-in-error'
  ) r on r.soap_note_id = n.id and r.organization_id = n.organization_id
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'medications' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join (
    select soap_note_id, organization_id, id as row_id, coalesce(nullif(rxnorm_code, ''), nullif(lower(medication_name), ''), nullif(lower(rxnorm_display), '')) as identity, authored_at as noted_at, 1 as decided,
      json_object('name', coalesce(nullif(medication_name, ''), rxnorm_display), 'code', rxnorm_code, 'system', case when rxnorm_code is not null then 'http://www.nlm.nih.gov/research/umls/rxnorm' end, 'status', status, 'dosage', dosage_text) as entry
    from soap_plan_medication where deleted_at is null and coalesce(status, '') <> 'entered-in-error'
  ) r on r.soap_note_id = n.id and r.organization_id = n.organization_id
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'medications' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join (
    select soap_note_id, organization_id, id as row_id, coalesce(nullif(rxnorm_code, ''), nullif(lower(medication_name), ''), nullif(lower(rxnorm_display), '')) as identity, reported_at as noted_at, 0 as decided,
      json_object('name', coalesce(nullif(medication_name, ''), rxnorm_display), 'code', rxnorm_code, 'system', case when rxnorm_code is not null then 'http://www.nlm.nih.gov/research/umls/rxnorm' end, 'status', status, 'dosage', dosage_text) as entry
    from soap_subjective_current_medications where deleted_at is null and coalesce(status, '') <> 'entered-in-error'
  ) r on r.soap_note_id = n.id and r.organization_id = n.organization_id
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'procedures' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join (
    select soap_note_id, organization_id, id as row_id, coalesce(coalesce(code_system, '') || '|' || nullif(code, ''), nullif(lower(name), ''), nullif(lower(display), '')) as identity, occurs_at as noted_at, 1 as decided,
      json_object('name', coalesce(nullif(name, ''), display), 'code', code, 'system', code_system, 'status', status, 'performed', occurs_at) as entry
    from soap_plan_orders_and_procedures where deleted_at is null and kind = 'procedure' and coalesce(status, '') <> 'entered-in-error'
  ) r on r.soap_note_id = n.id and r.organization_id = n.organization_id
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null;
-- end
-- only postgres
-- A time as the record says it, whatever the session's zone.
create function soap_utc(moment timestamptz) returns text language sql immutable as $$
  select to_char(moment at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')
$$;

-- As above. `offset 0` keeps the planner from turning it round while it knows nothing of the tables' sizes.
create view soap_record_items as
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'allergies' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join lateral (
    select id as row_id, coalesce(coalesce(code_system, '') || '|' || nullif(code, ''), nullif(lower(allergen), ''), nullif(lower(display), '')) as identity, recorded_at as noted_at, 1 as decided,
      jsonb_build_object('name', coalesce(nullif(allergen, ''), display), 'code', code, 'system', code_system, 'status', clinical_status, 'verification', verification_status, 'criticality', criticality, 'reaction', reaction, 'severity', severity) as entry
    from soap_subjective_allergies where organization_id = n.organization_id and soap_note_id = n.id and deleted_at is null and coalesce(verification_status, '') <> 'entered-in-error'
    offset 0
  ) r
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'conditions' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join lateral (
    select id as row_id, coalesce(nullif(icd10_code, ''), nullif(lower(problem), ''), nullif(lower(icd10_display), '')) as identity, recorded_at as noted_at, 1 as decided,
      jsonb_build_object('name', coalesce(nullif(problem, ''), icd10_display), 'code', icd10_code, 'system', case when icd10_code is not null then 'http://hl7.org/fhir/sid/icd-10-cm' end, 'status', clinical_status, 'verification', verification_status, 'onset', soap_utc(onset_at)) as entry
    from soap_assessment_problem_list where organization_id = n.organization_id and soap_note_id = n.id and deleted_at is null and coalesce(verification_status, '') <> 'entered-in-error'
    offset 0
  ) r
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'medications' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join lateral (
    select id as row_id, coalesce(nullif(rxnorm_code, ''), nullif(lower(medication_name), ''), nullif(lower(rxnorm_display), '')) as identity, authored_at as noted_at, 1 as decided,
      jsonb_build_object('name', coalesce(nullif(medication_name, ''), rxnorm_display), 'code', rxnorm_code, 'system', case when rxnorm_code is not null then 'http://www.nlm.nih.gov/research/umls/rxnorm' end, 'status', status, 'dosage', dosage_text) as entry
    from soap_plan_medication where organization_id = n.organization_id and soap_note_id = n.id and deleted_at is null and coalesce(status, '') <> 'entered-in-error'
    offset 0
  ) r
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'medications' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join lateral (
    select id as row_id, coalesce(nullif(rxnorm_code, ''), nullif(lower(medication_name), ''), nullif(lower(rxnorm_display), '')) as identity, reported_at as noted_at, 0 as decided,
      jsonb_build_object('name', coalesce(nullif(medication_name, ''), rxnorm_display), 'code', rxnorm_code, 'system', case when rxnorm_code is not null then 'http://www.nlm.nih.gov/research/umls/rxnorm' end, 'status', status, 'dosage', dosage_text) as entry
    from soap_subjective_current_medications where organization_id = n.organization_id and soap_note_id = n.id and deleted_at is null and coalesce(status, '') <> 'entered-in-error'
    offset 0
  ) r
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null
  union all
  select n.organization_id, n.patient_id, n.id as soap_note_id, 'procedures' as section, r.row_id, r.identity,
    coalesce(r.noted_at, n.written_at, n.signed_at) as noted_at, r.entry, r.decided
  from soap_notes n
  cross join lateral (
    select id as row_id, coalesce(coalesce(code_system, '') || '|' || nullif(code, ''), nullif(lower(name), ''), nullif(lower(display), '')) as identity, occurs_at as noted_at, 1 as decided,
      jsonb_build_object('name', coalesce(nullif(name, ''), display), 'code', code, 'system', code_system, 'status', status, 'performed', soap_utc(occurs_at)) as entry
    from soap_plan_orders_and_procedures where organization_id = n.organization_id and soap_note_id = n.id and deleted_at is null and kind = 'procedure' and coalesce(status, '') <> 'entered-in-error'
    offset 0
  ) r
  where n.status in ('signed', 'amended') and n.deleted_at is null and r.identity is not null;
-- end

-- only sqlite
-- The latest word on each thing, with when it was first noted. A problem that it refutes is none; of one note's words on a
-- medication what is prescribed counts, not what was reported.
create view soap_record_entries as
  select organization_id, patient_id, section, identity, soap_note_id, noted_at,
    json_set(json_patch('{}', entry), '$.soap_note_id', soap_note_id, '$.row_id', row_id, '$.first_noted', first_noted,
      '$.last_noted', noted_at) as entry
  from (
    select i.*, min(noted_at) over (partition by organization_id, patient_id, section, identity) as first_noted,
      row_number() over (partition by organization_id, patient_id, section, identity
        order by noted_at desc, soap_note_id desc, decided desc, row_id desc) as place
    from soap_record_items i
  ) where place = 1 and not (section = 'conditions' and coalesce(json_extract(entry, '$.verification'), '') = 'refuted');

create trigger soap_merge_queue_merge after insert on soap_merge_queue
begin
  insert into patient_profiles (patient_id, organization_id)
    select new.patient_id, new.organization_id
    where exists (select 1 from patients where id = new.patient_id and organization_id = new.organization_id)
      and not exists (select 1 from patient_profiles
        where patient_id = new.patient_id and organization_id = new.organization_id);
  update patient_profiles set
    cumulative_medical_record = fresh.record,
    medical_record_last_updated_at = strftime('%Y-%m-%dT%H:%M:%fZ', 'now'),
    medical_record_last_soap_note_id = fresh.last_note
  from (
    select json_set(held.record,
      '$.allergies', json((
        select json_group_array(json(entry)) from (
          select held.record -> fullkey as entry, 0 as rank, key as place, '' as identity
            from json_each(held.record, '$.allergies')
            where json_type(held.record, '$.allergies') = 'array'
              and json_extract(held.record, fullkey || '.soap_note_id') is null
          union all
          select held.record -> '$.allergies', 0, 0, ''
            where json_type(held.record, '$.allergies') not in ('array', 'null')
          union all
          select entry, 1, 0, identity from soap_record_entries
            where organization_id = new.organization_id and patient_id = new.patient_id and section = 'allergies'
          order by rank, place, identity))),
      '$.conditions', json((
        select json_group_array(json(entry)) from (
          select held.record -> fullkey as entry, 0 as rank, key as place, '' as identity
            from json_each(held.record, '$.conditions')
            where json_type(held.record, '$.conditions') = 'array'
              and json_extract(held.record, fullkey || '.soap_note_id') is null
          union all
          select held.record -> '$.conditions', 0, 0, ''
            where json_type(held.record, '$.conditions') not in ('array', 'null')
          union all
          select entry, 1, 0, identity from soap_record_entries
            where organization_id = new.organization_id and patient_id = new.patient_id and section = 'conditions'
          order by rank, place, identity))),
      '$.medications', json((
        select json_group_array(json(entry)) from (
          select held.record -> fullkey as entry, 0 as rank, key as place, '' as identity
            from json_each(held.record, '$.medications')
            where json_type(held.record, '$.medications') = 'array'
              and json_extract(held.record, fullkey || '.soap_note_id') is null
          union all
          select held.record -> '$.medications', 0, 0, ''
            where json_type(held.record, '$.medications') not in ('array', 'null')
          union all
          select entry, 1, 0, identity from soap_record_entries
            where organization_id = new.organization_id and patient_id = new.patient_id and section = 'medications'
          order by rank, place, identity))),
      '$.procedures', json((
        select json_group_array(json(entry)) from (
          select held.record -> fullkey as entry, 0 as rank, key as place, '' as identity
            from json_each(held.record, '$.procedures')
            where json_type(held.record, '$.procedures') = 'array'
              and json_extract(held.record, fullkey || '.soap_note_id') is null
          union all
          select held.record -> '$.procedures', 0, 0, ''
            where json_type(held.record, '$.procedures') not in ('array', 'null')
          union all
          select entry, 1, 0, identity from soap_record_entries
            where organization_id = new.organization_id and patient_id = new.patient_id and section = 'procedures'
          order by rank, place, identity)))) as record,
      (select id from soap_notes where organization_id = new.organization_id and patient_id = new.patient_id
        and status in ('signed', 'amended') and deleted_at is null
        order by coalesce(signed_at, written_at) desc, id desc limit 1) as last_note
    from (select coalesce((select cumulative_medical_record from patient_profiles where patient_id = new.patient_id
        and organization_id = new.organization_id and json_valid(cumulative_medical_record)), '{}') as record) held
  ) fresh
  where patient_id = new.patient_id and organization_id = new.organization_id
    -- What is no JSON object is somebody's own: it is left alone.
    and case when json_valid(coalesce(cumulative_medical_record, '{}'))
      then json_type(coalesce(cumulative_medical_record, '{}')) = 'object' else 0 end
    and (cumulative_medical_record is not fresh.record or medical_record_last_soap_note_id is not fresh.last_note);
  delete from soap_merge_queue where organization_id = new.organization_id and patient_id = new.patient_id;
end;

create trigger soap_notes_merge_insert after insert on soap_notes when new.status in ('signed', 'amended')
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select new.patient_id, new.organization_id where not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_notes_merge_update after update on soap_notes
when new.status in ('signed', 'amended') or old.status in ('signed', 'amended')
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select new.patient_id, new.organization_id where not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
  insert into soap_merge_queue (patient_id, organization_id)
    select old.patient_id, old.organization_id where not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off') and old.patient_id <> new.patient_id;
end;

create trigger soap_notes_merge_delete after delete on soap_notes when old.status in ('signed', 'amended')
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select old.patient_id, old.organization_id where not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_allergies_merge_insert after insert on soap_subjective_allergies
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_allergies_merge_update after update on soap_subjective_allergies
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_allergies_merge_delete after delete on soap_subjective_allergies
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id) and organization_id = old.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_current_medications_merge_insert after insert on soap_subjective_current_medications
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_current_medications_merge_update after update on soap_subjective_current_medications
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_subjective_current_medications_merge_delete after delete on soap_subjective_current_medications
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id) and organization_id = old.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_assessment_problem_list_merge_insert after insert on soap_assessment_problem_list
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_assessment_problem_list_merge_update after update on soap_assessment_problem_list
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_assessment_problem_list_merge_delete after delete on soap_assessment_problem_list
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id) and organization_id = old.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_medication_merge_insert after insert on soap_plan_medication
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_medication_merge_update after update on soap_plan_medication
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_medication_merge_delete after delete on soap_plan_medication
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id) and organization_id = old.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_orders_and_procedures_merge_insert after insert on soap_plan_orders_and_procedures
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_orders_and_procedures_merge_update after update on soap_plan_orders_and_procedures
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

create trigger soap_plan_orders_and_procedures_merge_delete after delete on soap_plan_orders_and_procedures
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id) and organization_id = old.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

-- end

-- only postgres
-- The latest word on each thing, with when it was first noted. A problem that it refutes is none; of one note's words on a
-- medication what is prescribed counts, not what was reported.
create view soap_record_entries as
  select organization_id, patient_id, section, identity, soap_note_id, noted_at,
    jsonb_strip_nulls(entry) || jsonb_build_object('soap_note_id', soap_note_id, 'row_id', row_id,
      'first_noted', soap_utc(first_noted), 'last_noted', soap_utc(noted_at)) as entry
  from (
    select i.*, min(noted_at) over (partition by organization_id, patient_id, section, identity) as first_noted,
      row_number() over (partition by organization_id, patient_id, section, identity
        order by noted_at desc nulls last, soap_note_id collate "C" desc, decided desc, row_id collate "C" desc) as place
    from soap_record_items i
  ) latest where place = 1 and not (section = 'conditions' and coalesce(entry ->> 'verification', '') = 'refuted');

-- A section of the record: what others wrote stays, what notes say is computed anew.
create function soap_merged_section(held jsonb, organization bigint, patient text, wanted text) returns jsonb
language plpgsql stable as $$
begin
  -- plpgsql keeps the plan, which takes longer to make than to follow.
  return (
    select coalesce(jsonb_agg(entry order by rank, place, identity collate "C"), '[]'::jsonb) from (
      select e.value as entry, 0 as rank, e.ordinality as place, '' as identity
        from jsonb_array_elements(case
            when held is null or jsonb_typeof(held) = 'null' then '[]'::jsonb
            when jsonb_typeof(held) = 'array' then held
            else jsonb_build_array(held) end) with ordinality as e
        where e.value ->> 'soap_note_id' is null
      union all
      select entry, 1, 0, identity from soap_record_entries
        where organization_id = organization and patient_id = patient and section = wanted
    ) entries
  );
end
$$;

create function merge_soap_into_cumulative_record(patient text, organization bigint) returns void
language plpgsql security definer set search_path = public, pg_temp as $$
declare
  held jsonb;
  fresh jsonb;
  last_note text;
begin
  perform 1 from patients p where p.id = patient and p.organization_id = organization;
  if not found then
    return;
  end if;
  insert into patient_profiles (patient_id, organization_id) values (patient, organization)
    on conflict (organization_id, patient_id) do nothing;
  select coalesce(cumulative_medical_record, '{}'::jsonb) into held
    from patient_profiles where patient_id = patient and organization_id = organization for update;
  -- What is no JSON object is somebody's own: it is left alone, as is what is another organization's.
  if held is null or jsonb_typeof(held) <> 'object' then
    return;
  end if;
  fresh := held || jsonb_build_object(
    'allergies', soap_merged_section(held -> 'allergies', organization, patient, 'allergies'),
    'conditions', soap_merged_section(held -> 'conditions', organization, patient, 'conditions'),
    'medications', soap_merged_section(held -> 'medications', organization, patient, 'medications'),
    'procedures', soap_merged_section(held -> 'procedures', organization, patient, 'procedures'));
  select id into last_note from soap_notes
    where organization_id = organization and patient_id = patient and status in ('signed', 'amended')
      and deleted_at is null
    order by coalesce(signed_at, written_at) desc nulls last, id collate "C" desc limit 1;
  update patient_profiles set cumulative_medical_record = fresh, medical_record_last_soap_note_id = last_note,
      medical_record_last_updated_at = current_timestamp
    where patient_id = patient and organization_id = organization and (cumulative_medical_record is distinct from fresh
      or medical_record_last_soap_note_id is distinct from last_note);
end
$$;

-- Once a patient and transaction, when it commits.
create function soap_merge_queue_merge() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  delete from soap_merge_queue where organization_id = new.organization_id and patient_id = new.patient_id;
  if found then
    perform merge_soap_into_cumulative_record(new.patient_id, new.organization_id);
  end if;
  return null;
end
$$;
create constraint trigger soap_merge_queue_merge after insert on soap_merge_queue
  deferrable initially deferred for each row execute function soap_merge_queue_merge();

create function soap_enqueue_merge(patient text, organization bigint) returns void
language sql security definer set search_path = public, pg_temp as $$
  insert into soap_merge_queue (patient_id, organization_id)
    select patient, organization where not exists (
      select 1 from clinic_settings
      where organization_id = organization and name = 'merge_soap_notes' and value = 'off')
      and not exists (
        select 1 from soap_merge_queue where organization_id = organization and patient_id = patient)
$$;

-- They act with their owner's rights, for any organization: triggers call them, and nobody else.
revoke all on function merge_soap_into_cumulative_record(text, bigint) from public;
revoke all on function soap_enqueue_merge(text, bigint) from public;

create function soap_notes_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op <> 'DELETE' and new.status in ('signed', 'amended') then
    perform soap_enqueue_merge(new.patient_id, new.organization_id);
  end if;
  if tg_op <> 'INSERT' and old.status in ('signed', 'amended') then
    perform soap_enqueue_merge(old.patient_id, old.organization_id);
  end if;
  return null;
end
$$;
create trigger soap_notes_merge after insert or update or delete on soap_notes
  for each row execute function soap_notes_changed();

-- They run as their owner: nobody but the triggers calls them.
revoke execute on function merge_soap_into_cumulative_record(text, bigint), soap_enqueue_merge(text, bigint),
  soap_merged_section(jsonb, bigint, text, text) from public;

create function soap_items_changed() returns trigger
language plpgsql security definer set search_path = public, pg_temp as $$
begin
  if tg_op <> 'DELETE' then
    perform soap_enqueue_merge(patient_id, organization_id) from soap_notes
      where id = new.soap_note_id and organization_id = new.organization_id and status in ('signed', 'amended');
  end if;
  if tg_op <> 'INSERT' then
    perform soap_enqueue_merge(patient_id, organization_id) from soap_notes
      where id = old.soap_note_id and organization_id = old.organization_id and status in ('signed', 'amended');
  end if;
  return null;
end
$$;
create trigger soap_subjective_allergies_merge after insert or update or delete on soap_subjective_allergies
  for each row execute function soap_items_changed();
create trigger soap_subjective_current_medications_merge after insert or update or delete on soap_subjective_current_medications
  for each row execute function soap_items_changed();
create trigger soap_assessment_problem_list_merge after insert or update or delete on soap_assessment_problem_list
  for each row execute function soap_items_changed();
create trigger soap_plan_medication_merge after insert or update or delete on soap_plan_medication
  for each row execute function soap_items_changed();
create trigger soap_plan_orders_and_procedures_merge after insert or update or delete on soap_plan_orders_and_procedures
  for each row execute function soap_items_changed();
-- end
