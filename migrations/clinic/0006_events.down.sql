-- Takes away what 0006_events.up.sql made, rows and all.
drop view daily_checkins_legacy;
drop table health_events;
-- only postgres
drop function health_events_append_only();
-- end
