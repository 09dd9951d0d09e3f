-- only sqlite
drop trigger health_events_never_deleted;
create trigger health_events_never_deleted before delete on health_events
begin select raise(abort, 'health_events is append-only: insert a row with supersedes_id and status entered-in-error'); end;
-- end
-- only postgres
create or replace function health_events_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'health_events is append-only: insert a row with supersedes_id (and status entered-in-error to take one back)';
end $$;
-- end
