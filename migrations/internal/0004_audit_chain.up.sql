-- The audit trail as chains of batches: nothing can be changed, taken out, put in or cut off without being found.
-- Records from before have no chain; the first chain of each organization holds their number and their Merkle root.

-- which chain the record is of, and its place in it (1, 2, 3, ... without gaps)
alter table audit_events add column chain bigint;
alter table audit_events add column place bigint;
-- the first eight bytes of the record's leaf hash: they say which record of a batch was changed
alter table audit_events add column mark bigint;
-- the client program, and on whose behalf it acted
alter table audit_events add column client text;
alter table audit_events add column on_behalf text;
-- where the request came from
alter table audit_events add column source text;
-- the version that was shown or made
alter table audit_events add column version bigint;
-- versions of the policy and the consents that were decided on
alter table audit_events add column policy text;

create unique index audit_events_place on audit_events (organization_id, chain, place);

-- One chain for each organization and each writer of a process. `joined` names the heads that were found when it began.
create table audit_chains (
    organization_id bigint not null,
    chain           bigint not null,
    began           bigint not null,
    joined          text not null,
    before_count    bigint not null,
    before_root     text not null,
    head            text not null,
    primary key (organization_id, chain)
);

-- One link for each batch: the records from `first` to `last`, and the head of the chain with them.
create table audit_links (
    organization_id bigint not null,
    chain           bigint not null,
    number          bigint not null,
    first           bigint not null,
    last            bigint not null,
    at              bigint not null,
    previous        text not null,
    root            text not null,
    head            text not null,
    signer          text,
    signature       text,
    primary key (organization_id, chain, number)
);
