-- What signed notes say is merged into the cumulative record (0007_soap) when it changes. `fhir_residue` says nothing of it: the
-- gateway writes that column alone, of every row that it sees for the first time, and a merge for each of them was most of the
-- time of looking at notes. So merging waits for the other columns, all of them (a column that is added later belongs here).

-- only sqlite
drop trigger soap_notes_merge_update;
create trigger soap_notes_merge_update after update of
  id, organization_id, patient_id, provider_id, encounter_id, appointment_id, status, generated, title, written_at,
  signed_at, signed_by, subjective, objective, assessment, plan, updated_at, deleted_at
on soap_notes
when new.status in ('signed', 'amended') or old.status in ('signed', 'amended')
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select new.patient_id, new.organization_id where not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
  insert into soap_merge_queue (patient_id, organization_id)
    select old.patient_id, old.organization_id where not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off') and old.patient_id <> new.patient_id;
end;

drop trigger soap_subjective_allergies_merge_update;
create trigger soap_subjective_allergies_merge_update after update of
  id, organization_id, soap_note_id, clinical_status, verification_status, allergy_type, category, criticality,
  code_system, code, display, allergen, reaction, severity, onset_at, recorded_at, recorded_by, note, updated_at,
  deleted_at
on soap_subjective_allergies
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_subjective_current_medications_merge_update;
create trigger soap_subjective_current_medications_merge_update after update of
  id, organization_id, soap_note_id, status, rxnorm_code, rxnorm_display, medication_name, dosage_text, started_at,
  ended_at, reported_at, note, updated_at, deleted_at
on soap_subjective_current_medications
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_assessment_problem_list_merge_update;
create trigger soap_assessment_problem_list_merge_update after update of
  id, organization_id, soap_note_id, clinical_status, verification_status, icd10_code, icd10_display, problem, severity,
  onset_at, resolved_at, recorded_at, note, updated_at, deleted_at
on soap_assessment_problem_list
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_plan_medication_merge_update;
create trigger soap_plan_medication_merge_update after update of
  id, organization_id, soap_note_id, status, intent, rxnorm_code, rxnorm_display, medication_name, dosage_text,
  dose_value, dose_unit, frequency, period, period_unit, route, dispense_quantity, dispense_unit, refills, authored_at,
  note, updated_at, deleted_at
on soap_plan_medication
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_plan_orders_and_procedures_merge_update;
create trigger soap_plan_orders_and_procedures_merge_update after update of
  id, organization_id, soap_note_id, kind, status, intent, priority, code_system, code, display, name, reason,
  occurs_at, authored_at, note, updated_at, deleted_at
on soap_plan_orders_and_procedures
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

-- end

-- only postgres
drop trigger soap_notes_merge on soap_notes;
create trigger soap_notes_merge after insert or delete or update of
  id, organization_id, patient_id, provider_id, encounter_id, appointment_id, status, generated, title, written_at,
  signed_at, signed_by, subjective, objective, assessment, plan, updated_at, deleted_at
on soap_notes for each row execute function soap_notes_changed();
drop trigger soap_subjective_allergies_merge on soap_subjective_allergies;
create trigger soap_subjective_allergies_merge after insert or delete or update of
  id, organization_id, soap_note_id, clinical_status, verification_status, allergy_type, category, criticality,
  code_system, code, display, allergen, reaction, severity, onset_at, recorded_at, recorded_by, note, updated_at,
  deleted_at
on soap_subjective_allergies for each row execute function soap_items_changed();
drop trigger soap_subjective_current_medications_merge on soap_subjective_current_medications;
create trigger soap_subjective_current_medications_merge after insert or delete or update of
  id, organization_id, soap_note_id, status, rxnorm_code, rxnorm_display, medication_name, dosage_text, started_at,
  ended_at, reported_at, note, updated_at, deleted_at
on soap_subjective_current_medications for each row execute function soap_items_changed();
drop trigger soap_assessment_problem_list_merge on soap_assessment_problem_list;
create trigger soap_assessment_problem_list_merge after insert or delete or update of
  id, organization_id, soap_note_id, clinical_status, verification_status, icd10_code, icd10_display, problem, severity,
  onset_at, resolved_at, recorded_at, note, updated_at, deleted_at
on soap_assessment_problem_list for each row execute function soap_items_changed();
drop trigger soap_plan_medication_merge on soap_plan_medication;
create trigger soap_plan_medication_merge after insert or delete or update of
  id, organization_id, soap_note_id, status, intent, rxnorm_code, rxnorm_display, medication_name, dosage_text,
  dose_value, dose_unit, frequency, period, period_unit, route, dispense_quantity, dispense_unit, refills, authored_at,
  note, updated_at, deleted_at
on soap_plan_medication for each row execute function soap_items_changed();
drop trigger soap_plan_orders_and_procedures_merge on soap_plan_orders_and_procedures;
create trigger soap_plan_orders_and_procedures_merge after insert or delete or update of
  id, organization_id, soap_note_id, kind, status, intent, priority, code_system, code, display, name, reason,
  occurs_at, authored_at, note, updated_at, deleted_at
on soap_plan_orders_and_procedures for each row execute function soap_items_changed();
-- end
