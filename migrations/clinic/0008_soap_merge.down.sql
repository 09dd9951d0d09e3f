-- The triggers merge at every update again.

-- only sqlite
drop trigger soap_notes_merge_update;
create trigger soap_notes_merge_update after update on soap_notes
when new.status in ('signed', 'amended') or old.status in ('signed', 'amended')
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select new.patient_id, new.organization_id where not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
  insert into soap_merge_queue (patient_id, organization_id)
    select old.patient_id, old.organization_id where not exists (select 1 from clinic_settings where organization_id = old.organization_id and name = 'merge_soap_notes' and value = 'off') and old.patient_id <> new.patient_id;
end;

drop trigger soap_subjective_allergies_merge_update;
create trigger soap_subjective_allergies_merge_update after update on soap_subjective_allergies
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_subjective_current_medications_merge_update;
create trigger soap_subjective_current_medications_merge_update after update on soap_subjective_current_medications
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_assessment_problem_list_merge_update;
create trigger soap_assessment_problem_list_merge_update after update on soap_assessment_problem_list
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_plan_medication_merge_update;
create trigger soap_plan_medication_merge_update after update on soap_plan_medication
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

drop trigger soap_plan_orders_and_procedures_merge_update;
create trigger soap_plan_orders_and_procedures_merge_update after update on soap_plan_orders_and_procedures
begin
  insert into soap_merge_queue (patient_id, organization_id)
    select distinct patient_id, organization_id from soap_notes
    where id in (old.soap_note_id, new.soap_note_id) and organization_id = new.organization_id and status in ('signed', 'amended')
      and not exists (select 1 from clinic_settings where organization_id = new.organization_id and name = 'merge_soap_notes' and value = 'off');
end;

-- end

-- only postgres
drop trigger soap_notes_merge on soap_notes;
create trigger soap_notes_merge after insert or update or delete on soap_notes
  for each row execute function soap_notes_changed();
drop trigger soap_subjective_allergies_merge on soap_subjective_allergies;
create trigger soap_subjective_allergies_merge after insert or update or delete on soap_subjective_allergies
  for each row execute function soap_items_changed();
drop trigger soap_subjective_current_medications_merge on soap_subjective_current_medications;
create trigger soap_subjective_current_medications_merge after insert or update or delete on soap_subjective_current_medications
  for each row execute function soap_items_changed();
drop trigger soap_assessment_problem_list_merge on soap_assessment_problem_list;
create trigger soap_assessment_problem_list_merge after insert or update or delete on soap_assessment_problem_list
  for each row execute function soap_items_changed();
drop trigger soap_plan_medication_merge on soap_plan_medication;
create trigger soap_plan_medication_merge after insert or update or delete on soap_plan_medication
  for each row execute function soap_items_changed();
drop trigger soap_plan_orders_and_procedures_merge on soap_plan_orders_and_procedures;
create trigger soap_plan_orders_and_procedures_merge after insert or update or delete on soap_plan_orders_and_procedures
  for each row execute function soap_items_changed();
-- end
