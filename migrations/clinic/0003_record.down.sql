-- Takes away what 0003_record.up.sql made, rows and all.

drop table clinical_observation_parts;
drop table clinical_observations;
drop table vital_signs;
drop table social_determinants;
drop table social_history;
drop table family_history_conditions;
drop table family_history;
drop table procedure_performers;
drop table procedures;
drop table immunizations;
drop table diagnostic_reports;
drop table specimens;
drop table orders;
drop table encounter_diagnoses;
drop table problems;
drop table allergy_reactions;
drop table allergies;
