-- SOAP notes: the note and the tables of its four sections.

create table soap_notes (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  provider_id text,
  encounter_id text,
  status text not null default 'draft' check (status in ('draft', 'signed', 'amended')),
  written_at timestamptz,
  subjective text,
  objective text,
  assessment text,
  plan text,
  updated_at timestamptz,
  deleted_at timestamptz
);
create index soap_notes_by_patient on soap_notes (organization_id, patient_id);
create index soap_notes_by_encounter on soap_notes (organization_id, encounter_id);

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
