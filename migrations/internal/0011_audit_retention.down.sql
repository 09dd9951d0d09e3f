drop table audit_retired;
