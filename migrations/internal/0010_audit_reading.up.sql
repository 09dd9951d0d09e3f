-- The trail by whose record it is: for the patient, the privacy officer and the accounting of disclosures.
create index audit_events_patient on audit_events (organization_id, patient, at) where patient is not null;
create index audit_events_of_patient on audit_events (organization_id, id, at) where type = 'Patient';
