-- only postgres
-- The trail by months of `at` (UTC). A month is a partition that can be dropped as a whole; what has no month lies in
-- audit_events_other until there is one, so that no record is ever refused. Records that were there stay as and where they are:
-- their table becomes the partition of all months up to that of the newest one. On SQLite nothing changes.

-- Of records that are of no chain the key is their place: it is given by the database alone.
create sequence audit_events_keys as bigint;

-- The tables' owner, too, is bound by forced policies: these are made anew for the table that takes this one's name.
alter table audit_events no force row level security, disable row level security;
drop policy if exists tenant on audit_events;
drop policy if exists audit_reader on audit_events;
revoke all on audit_events from public, fhir_gateway_app, fhir_gateway_audit_reader, fhir_gateway_eraser;

do $$
declare
    keys text := pg_catalog.pg_get_serial_sequence('audit_events', 'seq');
    last bigint;
begin
    execute pg_catalog.format('select case when is_called then last_value else 0 end from %s', keys) into last;
    select greatest(last, max(seq)) into last from audit_events;
    perform pg_catalog.setval('audit_events_keys', last + 1, false);
end $$;

alter table audit_events rename to audit_events_old;
alter table audit_events_old alter column seq drop identity;
alter table audit_events_old drop constraint audit_events_pkey;
drop index audit_events_at;
drop index audit_events_patient;
drop index audit_events_of_patient;
-- It stays on what was there: a unique index of all partitions would have to have `at` in it.
alter index audit_events_place rename to audit_events_old_place;

create table audit_events (like audit_events_old including storage including compression) partition by range (at);
alter table audit_events alter column seq set default nextval('fhir_gateway.audit_events_keys');
alter sequence audit_events_keys owned by audit_events.seq;
grant usage on sequence audit_events_keys to fhir_gateway_app;
-- Pages go by organization, time and key.
alter table audit_events add primary key (organization_id, at, seq);
create index audit_events_patient on audit_events (organization_id, patient, at) where patient is not null;
create index audit_events_of_patient on audit_events (organization_id, id, at) where type = 'Patient';
create index audit_events_before on audit_events (organization_id, seq) where chain is null;

-- The first instant of a month, so many months after the one of `ms`.
create function audit_month(ms bigint, months integer) returns bigint
language sql immutable set search_path = pg_catalog, pg_temp as $$
    select (extract(epoch from date_trunc('month', timestamp '1970-01-01' + ms * interval '1 millisecond')
        + months * interval '1 month') * 1000)::bigint
$$;

-- The partitions with what they have: both ends as in the catalog (NULL: open), the end excluded.
create view audit_partitions as
    select c.oid, c.relname::text as name, b.bound = 'DEFAULT' as other,
           (regexp_match(b.bound, 'FROM \(''?(-?\d+)''?\)'))[1]::bigint as low,
           (regexp_match(b.bound, 'TO \(''?(-?\d+)''?\)'))[1]::bigint as high
    from pg_catalog.pg_inherits i join pg_catalog.pg_class c on c.oid = i.inhrelid,
         lateral (select pg_catalog.pg_get_expr(c.relpartbound, c.oid) as bound) b
    where i.inhparent = 'fhir_gateway.audit_events'::pg_catalog.regclass;

-- Makes a table a partition with all that a partition has, `bounds` as in ATTACH PARTITION. Nobody but the owner comes near it by
-- its own name, and the owner as everybody only to the rows of its organization, but for the upkeep below.
create function attach_audit_partition(name text, bounds text) returns void
language plpgsql set search_path = pg_catalog, pg_temp as $$
declare
    owner constant name := (select pg_get_userbyid(c.relowner) from pg_class c where c.oid = 'fhir_gateway.audit_events'::regclass);
    tenant constant text := 'organization_id = nullif(current_setting(''app.current_organization_id'', true), '''')::bigint';
begin
    if to_regclass(format('fhir_gateway.%I', name || '_place')) is null then
        execute format('create unique index %I on fhir_gateway.%I (organization_id, chain, place)', name || '_place', name);
    end if;
    -- A superuser may have made it.
    execute format('alter table fhir_gateway.%I owner to %I', name, owner);
    execute format('revoke all on fhir_gateway.%I from public, fhir_gateway_app, fhir_gateway_audit_reader, fhir_gateway_eraser', name);
    execute format('alter table fhir_gateway.audit_events attach partition fhir_gateway.%I %s', name, bounds);
    execute format('alter table fhir_gateway.%I enable row level security, force row level security', name);
    execute format('create policy tenant on fhir_gateway.%I using (%s) with check (%s)', name, tenant, tenant);
    execute format('create policy upkeep on fhir_gateway.%I to %I using (current_setting(''app.audit_upkeep'', true) = ''on'')', name, owner);
end $$;

-- Makes what is missing of this month, the two after it and the months of records that have none: those move into theirs. It takes no
-- arguments, and a month that is far from now gets none, so whoever may call it decides next to nothing. How many were made.
create function prepare_audit_partitions() returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    month bigint;
    following bigint;
    name text;
    made integer := 0;
    now_ms constant bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
    waiting bigint[];
begin
    -- "month" as ASCII: of several processes one makes them, and the others find them made.
    perform pg_advisory_xact_lock(470020878440);
    perform set_config('app.audit_upkeep', 'on', true);
    -- At most so many at once: there is another day. What is not of these times stays.
    waiting := array(select distinct fhir_gateway.audit_month(o.at, 0) from fhir_gateway.audit_events_other o
        where o.at >= fhir_gateway.audit_month(now_ms, -240) and o.at < fhir_gateway.audit_month(now_ms, 4) limit 24);
    for month in
        select distinct m from unnest(waiting || array[fhir_gateway.audit_month(now_ms, 0),
            fhir_gateway.audit_month(now_ms, 1), fhir_gateway.audit_month(now_ms, 2)]) m order by m
    loop
        following := fhir_gateway.audit_month(month, 1);
        continue when exists (select from fhir_gateway.audit_partitions p
            where not p.other and coalesce(p.low < following, true) and coalesce(p.high > month, true));
        name := 'audit_events_' || to_char(timestamp '1970-01-01' + month * interval '1 millisecond', 'YYYY_MM');
        execute format('create table fhir_gateway.%I (like fhir_gateway.audit_events including storage including compression)', name);
        if month = any (waiting) then
            -- Nobody adds a record of that month in between.
            lock table fhir_gateway.audit_events_other in access exclusive mode;
            execute format('with moved as (delete from fhir_gateway.audit_events_other where at >= $1 and at < $2 returning *) '
                'insert into fhir_gateway.%I select * from moved', name) using month, following;
        end if;
        perform fhir_gateway.attach_audit_partition(name, format('for values from (%s) to (%s)', month, following));
        made := made + 1;
    end loop;
    perform set_config('app.audit_upkeep', '', true);
    return made;
end $$;

create table audit_events_other (like audit_events including storage including compression);
do $$
declare
    now_ms constant bigint := (extract(epoch from clock_timestamp()) * 1000)::bigint;
    last bigint;
    until bigint;
    name text;
begin
    perform pg_catalog.set_config('app.audit_upkeep', 'on', true);
    select max(at) into last from audit_events_old;
    if last is null then
        drop table audit_events_old;
    else
        -- A record from the future keeps no month from its partition.
        until := audit_month(least(last, now_ms), 1);
        with moved as (delete from audit_events_old where at >= until returning *)
        insert into audit_events_other select * from moved;
        name := 'audit_events_to_' || to_char(timestamp '1970-01-01' + (until - 1) * interval '1 millisecond', 'YYYY_MM');
        execute format('alter table audit_events_old rename to %I', name);
        execute format('alter index audit_events_old_place rename to %I', name || '_place');
        perform attach_audit_partition(name, format('for values from (minvalue) to (%s)', until));
    end if;
end $$;
select attach_audit_partition('audit_events_other', 'default');
revoke all on function attach_audit_partition(text, text) from public;
revoke all on function prepare_audit_partitions() from public;
grant execute on function prepare_audit_partitions() to fhir_gateway_app;
select prepare_audit_partitions();
-- end
