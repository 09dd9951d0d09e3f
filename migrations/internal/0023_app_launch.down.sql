-- only postgres
drop function if exists oauth_handle(text);
drop function if exists oauth_approval(text);
drop function if exists oauth_token(text);
drop function if exists oauth_client(text);
-- end
drop index oauth_tokens_of_approval;
alter table oauth_tokens drop column approval;
drop table oauth_handles;
drop table oauth_approvals;
alter table oauth_clients drop column redirect_uris;
