-- Takes the clinic schema away, rows and all; the gateway's own tables stay.

drop table lab_results;
drop table patient_medications;
drop table medications;
drop table patient_links;
drop table patient_communications;
drop table patient_contacts;
drop table patient_addresses;
drop table patient_telecoms;
drop table patient_identifiers;
drop table patient_profiles;
drop table patients;
