-- only postgres
-- One table again, with the rights and policies that an older program gives it when it starts.
alter table audit_events no force row level security;
create table audit_events_one (like audit_events including storage);
insert into audit_events_one select * from audit_events;
drop view audit_partitions;
drop function prepare_audit_partitions();
drop function attach_audit_partition(text, text);
drop function audit_month(bigint, integer);
do $$
declare
    last bigint;
begin
    select max(seq) into last from audit_events_one;
    last := greatest(last, (select case when is_called then last_value else 0 end from audit_events_keys));
    drop table audit_events;
    alter table audit_events_one rename to audit_events;
    execute pg_catalog.format('alter table audit_events alter column seq add generated always as identity (start with %s)', last + 1);
end $$;
alter table audit_events add primary key (seq);
create index audit_events_at on audit_events (organization_id, at);
create unique index audit_events_place on audit_events (organization_id, chain, place);
create index audit_events_patient on audit_events (organization_id, patient, at) where patient is not null;
create index audit_events_of_patient on audit_events (organization_id, id, at) where type = 'Patient';
-- end
