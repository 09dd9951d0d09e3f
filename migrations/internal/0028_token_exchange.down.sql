-- only postgres
drop function if exists oauth_client(text);
drop function if exists oauth_approval(text);
drop function if exists outside_provider(text, text);
-- end
drop table oauth_refusals;
delete from oauth_tokens where approval in (select id from oauth_approvals where exchange is not null);
delete from oauth_approvals where exchange is not null;
alter table oauth_approvals drop column exchange;
alter table oauth_clients drop column exchanges;
alter table outside_links drop column said;
alter table outside_providers drop column introspection_sealed;
alter table outside_providers drop column introspection_client;
alter table outside_providers drop column introspection;
alter table outside_providers drop column exchange_audiences;
alter table outside_providers drop column jwks_url;
