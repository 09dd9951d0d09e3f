-- What is not counted by looking at labels and rules of every row: what labels or a patient's denies may hide, found by itself.

-- There, with a sensitive label, or looked at by nobody.
create index directory_sensitive on directory (organization_id, type, labels, patient, rid) where deleted = 0 and (labels = 0 or (labels & -16) <> 0);
-- A patient's resources, and among them the Consents.
drop index directory_consents;
create index directory_patient on directory (organization_id, patient, type, rid);
-- Any deny: most patients have none.
create index consent_rules_any_deny on consent_rules (organization_id, patient) where deny = 1;
