-- only postgres
drop function if exists oauth_client(text);
drop function if exists oauth_token(text);
drop function if exists oauth_registration(text);
drop policy if exists unused on oauth_clients;
-- end
drop table oauth_registrations;
drop index oauth_clients_registered;
drop index oauth_clients_name;
delete from oauth_clients where registered = 1;
create unique index oauth_clients_name on oauth_clients (organization_id, name) where disabled is null;
alter table oauth_clients drop column used;
alter table oauth_clients drop column registration_hash;
alter table oauth_clients drop column registered;
alter table oauth_clients drop column administrator;
alter table oauth_tokens drop column purposes;
