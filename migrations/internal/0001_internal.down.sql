-- only sqlite
drop table gateway_writing;
-- end
drop table checkpoints;
drop table map_state;
drop table outbox;
drop table rid_block;
drop table index_reference;
drop table index_quantity;
drop table index_date;
drop table index_string;
drop table index_token;
drop view resources;
drop table resource_versions;
drop table directory;
drop table gateway_organizations;
