-- The patients' Consents as rules that a search can ask, row by row. Made anew for a patient in the transaction of whatever
-- changes one of the patient's Consents; what supersedes what, and what is in doubt, has been decided by then.

create table consent_rules (
    organization_id bigint not null,
    -- the patient's id, as directory.patient has it
    patient         text collate "C" not null,
    -- the Consent
    rid             bigint not null,
    position        bigint not null,
    deny            smallint not null,
    -- an exception, which goes before the base rule of its Consent
    nested          smallint not null,
    -- ticks of 100 ns since 1970 (UTC), the end excluded
    valid_from      bigint not null,
    valid_until     bigint not null,
    -- null: any. Lists have a line feed around each value
    actors          text,
    purposes        text,
    actions         bigint,
    classes         text,
    codes           text,
    labels          bigint,
    psychotherapy   smallint not null default 0,
    data_from       bigint,
    data_until      bigint,
    data            text,
    primary key (organization_id, patient, rid, position)
) /* clustered */;

-- Resources whose own references count (data.meaning = related).
create table consent_rule_related (
    organization_id bigint not null,
    rid             bigint not null,
    position        bigint not null,
    type            text collate "C" not null,
    id              text collate "C" not null,
    primary key (organization_id, rid, position, type, id)
) /* clustered */;

-- How often a patient's Consents changed. Whoever changes them takes this row first, so that each sees what the other did.
create table consent_epochs (
    organization_id bigint not null,
    patient         text collate "C" not null,
    epoch           bigint not null,
    primary key (organization_id, patient)
) /* clustered */;

-- The clinical time of a resource, in the ticks of rules; null where it has none that is known.
alter table directory add column span_low bigint;
alter table directory add column span_high bigint;

-- A patient's Consents.
create index directory_consents on directory (organization_id, patient) where type = 'Consent';
