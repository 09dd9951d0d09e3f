drop table statutes;
