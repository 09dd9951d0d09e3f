-- Takes the notes away, rows and all, and the cumulative record with them.

-- only sqlite
drop trigger soap_subjective_allergies_merge_insert;
drop trigger soap_subjective_allergies_merge_update;
drop trigger soap_subjective_allergies_merge_delete;
drop trigger soap_subjective_current_medications_merge_insert;
drop trigger soap_subjective_current_medications_merge_update;
drop trigger soap_subjective_current_medications_merge_delete;
drop trigger soap_assessment_problem_list_merge_insert;
drop trigger soap_assessment_problem_list_merge_update;
drop trigger soap_assessment_problem_list_merge_delete;
drop trigger soap_plan_medication_merge_insert;
drop trigger soap_plan_medication_merge_update;
drop trigger soap_plan_medication_merge_delete;
drop trigger soap_plan_orders_and_procedures_merge_insert;
drop trigger soap_plan_orders_and_procedures_merge_update;
drop trigger soap_plan_orders_and_procedures_merge_delete;
drop trigger soap_notes_merge_insert;
drop trigger soap_notes_merge_update;
drop trigger soap_notes_merge_delete;
drop trigger soap_merge_queue_merge;
-- end
-- only postgres
drop table soap_merge_queue;
drop function soap_merge_queue_merge();
drop function merge_soap_into_cumulative_record(text, bigint);
drop function soap_merged_section(jsonb, bigint, text, text);
-- end
drop view soap_record_entries;
drop view soap_record_items;
-- only sqlite
drop table soap_merge_queue;
-- end
drop table clinic_settings;
alter table patient_profiles drop column medical_record_last_soap_note_id;
alter table patient_profiles drop column medical_record_last_updated_at;
alter table patient_profiles drop column cumulative_medical_record;
drop table soap_plan_follow_up_and_education;
drop table soap_plan_orders_and_procedures;
drop table soap_plan_medication;
drop table soap_assessment_differential_diagnoses;
drop table soap_assessment_problem_list;
drop table soap_objective_results;
drop table soap_objective_physical_examination;
drop table soap_objective_vital_signs;
drop table soap_subjective_current_medications;
drop table soap_subjective_allergies;
drop table soap_subjective_review_of_systems;
drop table soap_subjective_history_of_present_illness;
drop table soap_notes;
-- only postgres
drop function soap_items_changed();
drop function soap_notes_changed();
drop function soap_enqueue_merge(text, bigint);
drop function soap_utc(timestamptz);
-- end
