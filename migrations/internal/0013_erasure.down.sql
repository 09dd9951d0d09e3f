drop table incidents;
drop table database_identity;
drop table erasure_journal;
drop table legal_holds;
drop table erased_content;
drop table purges;
