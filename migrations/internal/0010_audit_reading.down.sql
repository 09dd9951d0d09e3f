drop index audit_events_of_patient;
drop index audit_events_patient;
