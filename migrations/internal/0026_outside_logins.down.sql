-- only postgres
drop function if exists outside_provider(text, text);
drop function if exists account_session(text);
drop function if exists oauth_client(text);
-- end
delete from account_sessions where outside is not null;
alter table account_sessions drop column outside;
delete from oauth_clients where provider is not null;
alter table oauth_clients drop column provider;
drop table outside_links;
drop table outside_providers;
