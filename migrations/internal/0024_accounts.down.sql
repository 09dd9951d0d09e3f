-- only postgres
drop function if exists account_session(text);
drop function if exists account_of_activation(text);
drop function if exists account_of_login(text);
drop function if exists account_of_id(text);
-- end
drop table account_sessions;
drop table accounts;
