-- only postgres
drop function if exists oauth_token(text);
drop function if exists oauth_client(text);
-- end
drop table oauth_assertions;
drop table oauth_tokens;
drop table oauth_clients;
