-- health_events: what people report of themselves, and what their devices do. Rows are only appended: a row that corrects
-- another names it in supersedes_id, a row that takes another back has status 'entered-in-error' besides.

create table health_events (
  id text primary key,
  organization_id bigint not null,
  patient_id text not null references patients (id) deferrable initially deferred,
  event_type text not null check (event_type in ('mood', 'confidence', 'symptom', 'activity', 'sleep', 'vital', 'medication', 'checkin')),
  -- What kind of it: the symptom, the activity, the vital sign (heart_rate, body_weight, ...), ...
  event_subtype text,
  -- What was reported, as the form or the device has it. Members that the maps know: score and note (mood, confidence),
  -- severity 0 to 10, location and note (symptom), minutes, steps and note (activity), hours and note (sleep), value and unit (vital),
  -- name, dose, taken and note (medication), mood, confidence, medication_taken and note (checkin). All others are kept and served as well.
  event_data jsonb,
  -- When it happened, and when this row was written: of two rows that correct one, the one written later counts.
  occurred_at timestamptz,
  recorded_at timestamptz,
  -- The program or device it comes from.
  source text,
  status text default 'final' check (status in ('registered', 'preliminary', 'final', 'amended', 'corrected', 'cancelled', 'unknown', 'entered-in-error')),
  -- The row that this one stands in the place of.
  supersedes_id text references health_events (id) deferrable initially deferred
);
create index health_events_by_patient on health_events (organization_id, patient_id, event_type, occurred_at);
create index health_events_by_time on health_events (organization_id, occurred_at);
create index health_events_by_supersedes on health_events (supersedes_id);

-- Rows are never changed and never go, whoever asks for it.
-- only sqlite
create trigger health_events_never_changed before update on health_events
begin select raise(abort, 'health_events is append-only: insert a row with supersedes_id'); end;
create trigger health_events_never_deleted before delete on health_events
begin select raise(abort, 'health_events is append-only: insert a row with supersedes_id and status entered-in-error'); end;
-- end
-- only postgres
create function health_events_append_only() returns trigger language plpgsql as $$
begin
  raise exception 'health_events is append-only: insert a row with supersedes_id (and status entered-in-error to take one back)';
end $$;
create trigger health_events_never_changed before update or delete on health_events
  for each row execute function health_events_append_only();
create trigger health_events_never_truncated before truncate on health_events
  for each statement execute function health_events_append_only();
-- end

-- The check-ins as programs of before know them: one row each, values as text.
create view daily_checkins_legacy as
select e.id, e.organization_id, e.patient_id, e.occurred_at as checked_in_at,
  cast(e.event_data ->> 'mood' as text) as mood_today,
  cast(e.event_data ->> 'confidence' as text) as confidence_today,
  case when cast(e.event_data ->> 'medication_taken' as text) in ('true', '1') then 'yes'
       when cast(e.event_data ->> 'medication_taken' as text) in ('false', '0') then 'no' end as medication_taken
from health_events e
where e.event_type = 'checkin' and (e.status is null or e.status <> 'entered-in-error')
  and not exists (select 1 from health_events later where later.supersedes_id = e.id);
-- only postgres
-- Whoever looks sees the rows of its own organization.
alter view daily_checkins_legacy set (security_invoker = true);
-- end
