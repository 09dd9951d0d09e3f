delete from index_date where path < 0;
delete from index_quantity where path < 0;
delete from index_reference where path < 0;
delete from index_string where path < 0;
delete from index_token where path < 0;
drop table search_parameters;
drop table search_registry;
