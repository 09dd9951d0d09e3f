-- only postgres
drop function if exists oauth_token(text);
-- end
alter table oauth_tokens drop column purposes;
