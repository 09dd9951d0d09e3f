-- only postgres
drop function if exists oauth_client(text);
-- end
alter table oauth_clients drop column networks;
