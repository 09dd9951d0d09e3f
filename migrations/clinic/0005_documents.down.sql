-- Takes away what 0005_documents.up.sql made, rows and all.

drop table binaries;
drop table documents;
