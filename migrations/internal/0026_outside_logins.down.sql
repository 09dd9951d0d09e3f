-- only postgres
drop function if exists account_session(text);
-- end
delete from account_sessions where outside is not null;
alter table account_sessions drop column outside;
drop table outside_links;
drop table outside_providers;
