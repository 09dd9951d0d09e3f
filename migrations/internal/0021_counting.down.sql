drop index consent_rules_any_deny;
drop index directory_patient;
create index directory_consents on directory (organization_id, patient) where type = 'Consent';
drop index directory_sensitive;
