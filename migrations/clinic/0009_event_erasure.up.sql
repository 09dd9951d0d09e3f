-- Health events stay only appended to, for everybody and for the gateway as well; but a record that two people erase goes whole.
-- The gateway marks the transaction of an erasure, and no other.

-- only sqlite
drop trigger health_events_never_deleted;
create trigger health_events_never_deleted before delete on health_events
when not exists (select 1 from gateway_writing where writing = 2)
begin select raise(abort, 'health_events is append-only: insert a row with supersedes_id and status entered-in-error'); end;
-- end
-- only postgres
create or replace function health_events_append_only() returns trigger language plpgsql as $$
begin
  if tg_op = 'DELETE' and current_user = 'fhir_gateway_app' and current_setting('app.gateway_erasing', true) = 'on' then
    return old;
  end if;
  raise exception 'health_events is append-only: insert a row with supersedes_id (and status entered-in-error to take one back)';
end $$;
-- end
