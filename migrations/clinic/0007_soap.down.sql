-- Takes away what 0007_soap.up.sql made, rows and all.

drop table soap_objective_vital_signs;
drop table soap_notes;
