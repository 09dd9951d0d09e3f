-- The clinical record: allergies, problems and diagnoses, reports and specimens, immunizations, procedures, orders, family
-- history, social history.
--
-- A concept has up to four columns: `..._system` (the URL of the code system), `..._code`, `..._display` (the system's words)
-- and a text in the clinician's words. They are the first coding; further ones are in fhir_residue. Ids of practitioners,
-- organizations, encounters and the like are plain text, as what they name may be elsewhere.

-- What a person reacts to, or is not known to react to.
create table allergies (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  clinical_status text check (clinical_status in ('active', 'inactive', 'resolved')),
  verification_status text check (verification_status in ('unconfirmed', 'confirmed', 'refuted', 'entered-in-error')),
  allergy_type text check (allergy_type in ('allergy', 'intolerance')),
  category text check (category in ('food', 'medication', 'environment', 'biologic')),
  criticality text check (criticality in ('low', 'high', 'unable-to-assess')),
  -- RxNorm for drugs, SNOMED CT for the rest.
  code_system text,
  code text,
  code_display text,
  substance text,
  onset_on date,
  recorded_at timestamptz,
  recorder_id text,
  asserter_id text,
  last_occurred_on date,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint allergies_to_something check (fhir_residue is not null or code is not null or substance is not null),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index allergies_by_patient on allergies (organization_id, patient_id);
create index allergies_by_code on allergies (organization_id, code, code_system);

-- What happened when the person met the substance.
create table allergy_reactions (
  allergy_id text not null,
  position integer not null,
  organization_id bigint not null,
  -- The very substance, where the allergy is to a class of them.
  substance_system text,
  substance_code text,
  substance_display text,
  substance text,
  -- The first manifestation: hives, wheezing, ...
  manifestation_system text,
  manifestation_code text,
  manifestation_display text,
  manifestation text,
  -- A second one, in words.
  further_manifestation text,
  description text,
  onset_at timestamptz,
  severity text check (severity in ('mild', 'moderate', 'severe')),
  exposure_route text,
  note text,
  fhir_residue text,
  primary key (organization_id, allergy_id, position),
  foreign key (organization_id, allergy_id) references allergies (organization_id, id)
    on delete cascade deferrable initially deferred
);

-- The problem list: conditions that are followed beyond one encounter.
create table problems (
  id text primary key,
  organization_id bigint not null,
  -- problem: of the problem list; concern: what somebody worries about (US Core health-concern); other: a condition of which
  -- its source does not say whether it is on the list.
  kind text not null default 'problem' check (kind in ('problem', 'concern', 'other')),
  patient_id text not null references patients (id) deferrable initially deferred,
  -- Where it was first noted.
  encounter_id text,
  clinical_status text check (clinical_status in (
    'active', 'recurrence', 'relapse', 'inactive', 'remission', 'resolved')),
  verification_status text check (verification_status in (
    'unconfirmed', 'provisional', 'differential', 'confirmed', 'refuted', 'entered-in-error')),
  severity_system text,
  severity_code text,
  severity text,
  -- ICD-10-CM
  icd10_code text,
  icd10_display text,
  -- SNOMED CT
  snomed_code text,
  snomed_display text,
  name text,
  body_site_system text,
  body_site_code text,
  body_site text,
  onset_on date,
  -- The onset in words: since childhood, ...
  onset_text text,
  abated_on date,
  -- When somebody first stated it, and when it was written down.
  asserted_on date,
  recorded_at timestamptz,
  recorder_id text,
  asserter_id text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint problems_of_something check (
    fhir_residue is not null or icd10_code is not null or snomed_code is not null or name is not null)
);
create index problems_by_patient on problems (organization_id, patient_id);
create index problems_by_icd10 on problems (organization_id, icd10_code);
create index problems_by_snomed on problems (organization_id, snomed_code);

-- What an encounter was about. Their order within the encounter is encounter_conditions.rank.
create table encounter_diagnoses (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  clinical_status text check (clinical_status in (
    'active', 'recurrence', 'relapse', 'inactive', 'remission', 'resolved')),
  verification_status text check (verification_status in (
    'unconfirmed', 'provisional', 'differential', 'confirmed', 'refuted', 'entered-in-error')),
  severity_system text,
  severity_code text,
  severity text,
  -- ICD-10-CM
  icd10_code text,
  icd10_display text,
  -- SNOMED CT
  snomed_code text,
  snomed_display text,
  name text,
  body_site_system text,
  body_site_code text,
  body_site text,
  onset_on date,
  onset_text text,
  abated_on date,
  asserted_on date,
  recorded_at timestamptz,
  recorder_id text,
  asserter_id text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint encounter_diagnoses_of_something check (
    fhir_residue is not null or icd10_code is not null or snomed_code is not null or name is not null)
);
create index encounter_diagnoses_by_patient on encounter_diagnoses (organization_id, patient_id);
create index encounter_diagnoses_by_encounter on encounter_diagnoses (organization_id, encounter_id);
create index encounter_diagnoses_by_icd10 on encounter_diagnoses (organization_id, icd10_code);
create index encounter_diagnoses_by_snomed on encounter_diagnoses (organization_id, snomed_code);

-- What was ordered: laboratory tests, imaging, referrals, procedures, interventions.
create table orders (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- The first identifier, as a rule the placer's number.
  order_number_system text,
  order_number text,
  -- Shared by what was ordered together.
  requisition_system text,
  requisition_number text,
  status text not null check (status in (
    'draft', 'active', 'on-hold', 'revoked', 'completed', 'entered-in-error', 'unknown')),
  intent text not null check (intent in (
    'proposal', 'plan', 'directive', 'order', 'original-order', 'reflex-order', 'filler-order', 'instance-order', 'option')),
  priority text check (priority in ('routine', 'urgent', 'asap', 'stat')),
  -- True: it is an order not to do this.
  do_not_perform boolean,
  category_system text,
  category_code text,
  category text,
  code_system text,
  code text,
  code_display text,
  name text,
  order_detail text,
  -- When it should be done: a time, or from and until.
  planned_at timestamptz,
  planned_from timestamptz,
  planned_until timestamptz,
  as_needed boolean,
  ordered_at timestamptz,
  requester_id text,
  -- Who should do it: a practitioner.
  performer_id text,
  reason_system text,
  reason_code text,
  reason text,
  specimen_id text,
  body_site_system text,
  body_site_code text,
  body_site text,
  note text,
  patient_instruction text,
  updated_at timestamptz,
  fhir_residue text,
  constraint orders_planned_once check (planned_at is null or (planned_from is null and planned_until is null)),
  constraint orders_of_something check (fhir_residue is not null or code is not null or name is not null)
);
create index orders_by_patient on orders (organization_id, patient_id, ordered_at);
create index orders_by_encounter on orders (organization_id, encounter_id);
create index orders_by_number on orders (organization_id, order_number);
create index orders_by_code on orders (organization_id, code, code_system);

-- What was taken for a test. A sample of water or of a surface has no patient.
create table specimens (
  id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) deferrable initially deferred,
  order_id text,
  specimen_number_system text,
  specimen_number text,
  -- The laboratory's own number.
  accession_system text,
  accession_number text,
  status text check (status in ('available', 'unavailable', 'unsatisfactory', 'entered-in-error')),
  type_system text,
  type_code text,
  type_display text,
  type_name text,
  received_at timestamptz,
  collected_at timestamptz,
  collected_from timestamptz,
  collected_until timestamptz,
  collector_id text,
  method_system text,
  method_code text,
  method text,
  body_site_system text,
  body_site_code text,
  body_site text,
  quantity numeric,
  quantity_unit text,
  -- The first container: tube, jar, ...
  container text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint specimens_collected_once check (
    collected_at is null or (collected_from is null and collected_until is null))
);
create index specimens_by_patient on specimens (organization_id, patient_id);
create index specimens_by_accession on specimens (organization_id, accession_number);

-- Reports of laboratory, imaging and other departments; the single results are lab_results of the same report_id.
create table diagnostic_reports (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  order_id text,
  specimen_id text,
  report_number_system text,
  report_number text,
  -- http://hl7.org/fhir/ValueSet/diagnostic-report-status
  status text not null check (status in (
    'registered', 'partial', 'preliminary', 'final', 'amended', 'corrected', 'appended', 'cancelled', 'entered-in-error',
    'unknown')),
  -- HL7 v2 table 0074: LAB, RAD, ...; for notes LOINC: LP29684-5 radiology, LP29708-2 cardiology, LP7839-6 pathology
  category_system text,
  category_code text,
  category text,
  -- LOINC
  code_system text,
  code text,
  code_display text,
  name text,
  -- When what it reports was true: a time, or from and until.
  effective_at timestamptz,
  effective_from timestamptz,
  effective_until timestamptz,
  issued_at timestamptz,
  -- The organization that answers for it, and the practitioner who read the results.
  performer_id text,
  interpreter_id text,
  conclusion text,
  conclusion_system text,
  conclusion_code text,
  -- An image or recording beside the text (Media).
  media_id text,
  -- The report as a document: its media type (application/pdf, text/html, ...), title, and address or text.
  document_type text,
  document_title text,
  document_url text,
  document_text text,
  updated_at timestamptz,
  fhir_residue text,
  constraint diagnostic_reports_effective_once check (
    effective_at is null or (effective_from is null and effective_until is null)),
  constraint diagnostic_reports_of_something check (fhir_residue is not null or code is not null or name is not null)
);
create index diagnostic_reports_by_patient on diagnostic_reports (organization_id, patient_id, effective_at);
create index diagnostic_reports_by_encounter on diagnostic_reports (organization_id, encounter_id);
create index diagnostic_reports_by_code on diagnostic_reports (organization_id, code, code_system);
create index diagnostic_reports_by_number on diagnostic_reports (organization_id, report_number);

-- Vaccines given, and vaccines that were not given with the reason why.
create table immunizations (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  location_id text,
  status text not null check (status in ('completed', 'entered-in-error', 'not-done')),
  status_reason_system text,
  status_reason_code text,
  status_reason text,
  -- CVX
  cvx_code text,
  cvx_display text,
  -- National Drug Code
  ndc_code text,
  vaccine text,
  -- One of the two: when, or in words ("as a child").
  given_at timestamptz,
  given_text text,
  recorded_at timestamptz,
  -- False: told by the patient or read in somebody else's record.
  primary_source boolean,
  lot_number text,
  expires_on date,
  manufacturer_id text,
  site_system text,
  site_code text,
  site text,
  route_system text,
  route_code text,
  route text,
  dose numeric,
  dose_unit text,
  performer_id text,
  reason text,
  series text,
  dose_number integer,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint immunizations_given_once check (given_at is null or given_text is null),
  constraint immunizations_of_something check (
    fhir_residue is not null or cvx_code is not null or ndc_code is not null or vaccine is not null)
);
create index immunizations_by_patient on immunizations (organization_id, patient_id, given_at);
create index immunizations_by_code on immunizations (organization_id, cvx_code);
create index immunizations_by_lot on immunizations (organization_id, lot_number);

-- What was done to or for a person: surgery, endoscopy, counselling, ...
create table procedures (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  location_id text,
  order_id text,
  -- http://hl7.org/fhir/ValueSet/event-status
  status text not null check (status in (
    'preparation', 'in-progress', 'not-done', 'on-hold', 'stopped', 'completed', 'entered-in-error', 'unknown')),
  status_reason text,
  category_system text,
  category_code text,
  category text,
  code_system text,
  code text,
  code_display text,
  name text,
  -- A time, or from and until.
  performed_at timestamptz,
  started_at timestamptz,
  ended_at timestamptz,
  recorder_id text,
  asserter_id text,
  reason_system text,
  reason_code text,
  reason text,
  body_site_system text,
  body_site_code text,
  body_site text,
  outcome text,
  follow_up text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint procedures_performed_once check (performed_at is null or (started_at is null and ended_at is null)),
  constraint procedures_of_something check (fhir_residue is not null or code is not null or name is not null),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index procedures_by_patient on procedures (organization_id, patient_id, performed_at);
create index procedures_by_encounter on procedures (organization_id, encounter_id);
create index procedures_by_code on procedures (organization_id, code, code_system);

-- Who did it, and as what.
create table procedure_performers (
  procedure_id text not null,
  position integer not null,
  organization_id bigint not null,
  function_system text,
  function_code text,
  function text,
  performer_id text,
  on_behalf_of_id text,
  fhir_residue text,
  primary key (organization_id, procedure_id, position),
  foreign key (organization_id, procedure_id) references procedures (organization_id, id)
    on delete cascade deferrable initially deferred
);
create index procedure_performers_by_performer on procedure_performers (organization_id, performer_id);

-- One row a relative.
create table family_history (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  status text not null check (status in ('partial', 'completed', 'entered-in-error', 'health-unknown')),
  recorded_on date,
  name text,
  -- HL7 v3 RoleCode: FTH father, MTH mother, SIS sister, ...
  relationship_system text,
  relationship_code text,
  relationship text,
  sex text check (sex in ('M', 'F', 'O', 'U')),
  born_on date,
  born_text text,
  -- UCUM: a years, mo months, wk weeks, d days
  age numeric,
  age_unit text,
  -- FHIR says one of the three: that the relative is dead, since when, or at what age.
  deceased boolean,
  deceased_on date,
  age_at_death numeric,
  age_at_death_unit text,
  reason text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint family_history_born_once check (born_on is null or born_text is null),
  constraint family_history_deceased_once check (
    (deceased is null or deceased_on is null)
    and (age_at_death is null and age_at_death_unit is null or deceased is null and deceased_on is null)),
  constraint family_history_ages_have_units check (
    fhir_residue is not null
    or (age is null or age_unit is not null) and (age_at_death is null or age_at_death_unit is not null)),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index family_history_by_patient on family_history (organization_id, patient_id);

-- What the relative had.
create table family_history_conditions (
  family_history_id text not null,
  position integer not null,
  organization_id bigint not null,
  code_system text,
  code text,
  code_display text,
  name text,
  outcome text,
  contributed_to_death boolean,
  -- At what age it began (UCUM unit, see family_history), or in words.
  onset_age numeric,
  onset_age_unit text,
  onset_text text,
  note text,
  fhir_residue text,
  primary key (organization_id, family_history_id, position),
  foreign key (organization_id, family_history_id) references family_history (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint family_history_conditions_onset_once check (
    onset_text is null or (onset_age is null and onset_age_unit is null))
);
create index family_history_conditions_by_code on family_history_conditions (organization_id, code, code_system);

-- Smoking, occupation, pregnancy and the wish for it, alcohol, ...: one row a statement.
create table social_history (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  performer_id text,
  -- http://hl7.org/fhir/ValueSet/observation-status
  status text not null check (status in (
    'registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown')),
  -- LOINC: 72166-2 smoking status, 11341-5 occupation, 82810-3 pregnancy status, 86645-9 pregnancy intention, ...
  code text,
  code_display text,
  name text,
  -- When it was true: a time, or from and until.
  observed_at timestamptz,
  observed_from timestamptz,
  observed_until timestamptz,
  issued_at timestamptz,
  -- One of the three: a concept, a number with its unit, or a text.
  value_system text,
  value_code text,
  value_display text,
  value_name text,
  value_number numeric,
  unit text,
  value_text text,
  -- http://terminology.hl7.org/CodeSystem/data-absent-reason: why there is no value
  absent_reason text,
  -- The industry that an occupation is in
  industry_system text,
  industry_code text,
  industry text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint social_history_of_something check (fhir_residue is not null or code is not null or name is not null),
  constraint social_history_observed_once check (
    observed_at is null or (observed_from is null and observed_until is null)),
  constraint social_history_value_once check (
    (value_text is null or (value_number is null and unit is null))
    and (value_system is null and value_code is null and value_display is null and value_name is null
      or value_text is null and value_number is null and unit is null))
);
create index social_history_by_patient on social_history (organization_id, patient_id, observed_at);
create index social_history_by_code on social_history (organization_id, code, value_code);

-- Answers to screening questions (PRAPARE, AHC-HRSN, PHQ-9, ...): housing, food, transport, mood, function. One row an answer;
-- a row that others name as panel is the questionnaire as a whole.
create table social_determinants (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  performer_id text,
  questionnaire_response_id text,
  -- The row of the panel or questionnaire that it is an answer of.
  panel_id text,
  -- http://hl7.org/fhir/ValueSet/observation-status
  status text not null check (status in (
    'registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown')),
  -- What it asks about: sdoh, functional-status, disability-status, cognitive-status, ...
  domain text,
  -- LOINC code of the question (or of the instrument)
  question_code text,
  question_display text,
  question text,
  answered_at timestamptz,
  issued_at timestamptz,
  -- One of the three: one of the given answers (LOINC answer codes), a number or score, or a text.
  answer_system text,
  answer_code text,
  answer_display text,
  answer text,
  answer_number numeric,
  answer_unit text,
  answer_text text,
  -- http://terminology.hl7.org/CodeSystem/data-absent-reason: asked-declined, ...
  absent_reason text,
  -- What the answer means: HL7 v3 ObservationInterpretation (POS: at risk, NEG: no risk, ...) and words.
  risk_code text,
  risk text,
  note text,
  updated_at timestamptz,
  fhir_residue text,
  constraint social_determinants_of_something check (
    fhir_residue is not null or question_code is not null or question is not null),
  constraint social_determinants_answer_once check (
    (answer_text is null or (answer_number is null and answer_unit is null))
    and (answer_system is null and answer_code is null and answer_display is null and answer is null
      or answer_text is null and answer_number is null and answer_unit is null))
);
create index social_determinants_by_patient on social_determinants (organization_id, patient_id, answered_at);
create index social_determinants_by_panel on social_determinants (organization_id, panel_id);
create index social_determinants_by_question on social_determinants (organization_id, question_code, answer_code);

-- Vital signs that belong to no SOAP note. One row a measurement round; every filled column is an Observation of its own.
create table vital_signs (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- http://hl7.org/fhir/ValueSet/observation-status
  status text check (status in (
    'registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown')),
  measured_at timestamptz,
  issued_at timestamptz,
  recorded_by text,
  device_id text,
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
  -- cm
  head_circumference numeric,
  -- What the saturation was measured with: percent of oxygen breathed in, and its flow in L/min
  inhaled_oxygen numeric,
  oxygen_flow numeric,
  -- Where a child stands among those of its age and sex (weight: of its height): percent
  head_circumference_percentile numeric,
  bmi_percentile numeric,
  weight_for_height_percentile numeric,
  -- http://terminology.hl7.org/CodeSystem/data-absent-reason: why there is no value, asked-declined or not-performed. Of a blood
  -- pressure as a whole, or of one of its two.
  heart_rate_absent text,
  respiratory_rate_absent text,
  body_temperature_absent text,
  oxygen_saturation_absent text,
  blood_pressure_absent text,
  systolic_absent text,
  diastolic_absent text,
  height_absent text,
  weight_absent text,
  bmi_absent text,
  head_circumference_absent text,
  updated_at timestamptz,
  deleted_at timestamptz,
  constraint vital_signs_heart_rate_once check (heart_rate is null or heart_rate_absent is null),
  constraint vital_signs_respiratory_rate_once check (respiratory_rate is null or respiratory_rate_absent is null),
  constraint vital_signs_body_temperature_once check (body_temperature is null or body_temperature_absent is null),
  constraint vital_signs_oxygen_saturation_once check (oxygen_saturation is null or oxygen_saturation_absent is null),
  constraint vital_signs_systolic_once check (systolic is null or systolic_absent is null),
  constraint vital_signs_diastolic_once check (diastolic is null or diastolic_absent is null),
  constraint vital_signs_height_once check (height is null or height_absent is null),
  constraint vital_signs_weight_once check (weight is null or weight_absent is null),
  constraint vital_signs_bmi_once check (bmi is null or bmi_absent is null),
  constraint vital_signs_head_circumference_once check (head_circumference is null or head_circumference_absent is null)
);
create index vital_signs_by_patient on vital_signs (organization_id, patient_id, measured_at);
create index vital_signs_by_encounter on vital_signs (organization_id, encounter_id);

-- What was found on examination, seen in an image or measured in a procedure, and belongs to no SOAP note: Observations that are
-- no laboratory results, vital signs, answers or social history.
create table clinical_observations (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  encounter_id text,
  -- The diagnostic report it is part of (its row's id), and the order it answers.
  report_id text,
  order_id text,
  performer_id text,
  device_id text,
  -- http://hl7.org/fhir/ValueSet/observation-status
  status text not null check (status in (
    'registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'entered-in-error', 'unknown')),
  -- http://terminology.hl7.org/CodeSystem/observation-category
  category text not null check (category in ('exam', 'imaging', 'procedure', 'therapy', 'activity')),
  code_system text,
  code text,
  code_display text,
  name text,
  -- When it was true of the patient: a time, or from and until.
  observed_at timestamptz,
  observed_from timestamptz,
  observed_until timestamptz,
  issued_at timestamptz,
  -- One of these: a number with its unit, yes or no, a text, or a concept.
  value_number numeric,
  unit text,
  value_boolean boolean,
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
  constraint clinical_observations_of_something check (fhir_residue is not null or code is not null or name is not null),
  constraint clinical_observations_once check (
    observed_at is null or (observed_from is null and observed_until is null)),
  constraint clinical_observations_value_once check (
    case when value_number is null and unit is null then 0 else 1 end +
    case when value_boolean is null then 0 else 1 end +
    case when value_text is null then 0 else 1 end +
    case when coalesce(value_system, value_code, value_display, value_name) is null then 0 else 1 end +
    case when absent_reason is null then 0 else 1 end <= 1
  ),
  -- What hangs on a row is of the same organization.
  unique (organization_id, id)
);
create index clinical_observations_by_patient on clinical_observations (organization_id, patient_id, observed_at);
create index clinical_observations_by_code on clinical_observations (organization_id, code, code_system);
create index clinical_observations_by_report on clinical_observations (organization_id, report_id);
create index clinical_observations_by_encounter on clinical_observations (organization_id, encounter_id);

-- Its parts: each of the measures of one echo, each joint of one examination.
create table clinical_observation_parts (
  clinical_observation_id text not null,
  position integer not null,
  organization_id bigint not null,
  code_system text,
  code text,
  code_display text,
  name text,
  -- One of these, as of the whole.
  value_number numeric,
  unit text,
  value_boolean boolean,
  value_text text,
  value_system text,
  value_code text,
  value_display text,
  value_name text,
  absent_reason text,
  interpretation text,
  fhir_residue text,
  primary key (organization_id, clinical_observation_id, position),
  foreign key (organization_id, clinical_observation_id) references clinical_observations (organization_id, id)
    on delete cascade deferrable initially deferred,
  constraint clinical_observation_parts_value_once check (
    case when value_number is null and unit is null then 0 else 1 end +
    case when value_boolean is null then 0 else 1 end +
    case when value_text is null then 0 else 1 end +
    case when coalesce(value_system, value_code, value_display, value_name) is null then 0 else 1 end +
    case when absent_reason is null then 0 else 1 end <= 1
  )
);
