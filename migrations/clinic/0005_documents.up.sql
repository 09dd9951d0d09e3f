-- Documents and their content: in the database, in files, in an object store.

-- One row a document. Its content lies in one of three places, or (all of them empty) elsewhere, at url.
create table documents (
  id text primary key,
  organization_id bigint not null,
  patient_id text references patients (id) deferrable initially deferred,
  encounter_id text,
  -- The practitioner who wrote it, the one who vouches for it, the organization that keeps it.
  author_id text,
  authenticator_id text,
  custodian_id text,
  -- What the outside world calls it.
  identifier_system text,
  identifier_value text,
  -- Of the entry: http://hl7.org/fhir/ValueSet/document-reference-status
  status text check (status in ('current', 'superseded', 'entered-in-error')),
  -- Of the document itself: http://hl7.org/fhir/ValueSet/composition-status
  doc_status text check (doc_status in ('preliminary', 'final', 'amended', 'entered-in-error')),
  -- LOINC
  type_code text,
  type_display text,
  type_text text,
  -- http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category: clinical-note
  category_code text,
  category_text text,
  description text,
  -- When the entry was made, when the document was.
  indexed_at timestamptz,
  created_at timestamptz,
  -- HL7 v3 Confidentiality: N normal, R restricted, V very restricted, ...
  confidentiality text,
  -- The MIME type: application/pdf, text/plain; charset=utf-8, ...
  content_type text,
  -- BCP 47: en, en-US, de, ...
  language text,
  -- Its title or file name.
  title text,
  -- In bytes, and the SHA-1 in base64: as they were when the document was filed.
  size_bytes bigint,
  sha1 text,
  content bytea,
  -- Relative to the content directory: no .. and no leading slash.
  file_path text,
  -- A key in the object store.
  object_key text,
  url text,
  -- IHE format code, with its system.
  format_system text,
  format_code text,
  format_display text,
  -- What time of care it speaks of, in what kind of place and department.
  period_start timestamptz,
  period_end timestamptz,
  facility_type text,
  practice_setting text,
  -- replaces, transforms, signs, appends: the document of this table that it does this to.
  relation text check (relation in ('replaces', 'transforms', 'signs', 'appends')),
  related_document_id text,
  updated_at timestamptz,
  fhir_residue text,
  constraint documents_content_once check (
    (content is null or file_path is null) and (content is null or object_key is null)
    and (file_path is null or object_key is null)
  )
);
create index documents_by_patient on documents (organization_id, patient_id, indexed_at);
create index documents_by_encounter on documents (organization_id, encounter_id);
create index documents_by_author on documents (organization_id, author_id);
create index documents_by_type on documents (organization_id, type_code);
create index documents_by_identifier on documents (organization_id, identifier_value, identifier_system);

-- Content without a record around it: what a document's url ("Binary/..." in FHIR) or a report's attachment names.
create table binaries (
  id text primary key,
  organization_id bigint not null,
  -- Whose data it is, where it is one patient's.
  patient_id text references patients (id) deferrable initially deferred,
  -- The MIME type.
  content_type text,
  content bytea,
  -- Relative to the content directory: no .. and no leading slash.
  file_path text,
  -- A key in the object store.
  object_key text,
  updated_at timestamptz,
  fhir_residue text,
  constraint binaries_content_once check (
    (content is null or file_path is null) and (content is null or object_key is null)
    and (file_path is null or object_key is null)
  )
);
create index binaries_by_patient on binaries (organization_id, patient_id);
