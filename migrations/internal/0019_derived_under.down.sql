drop table derived_under;
