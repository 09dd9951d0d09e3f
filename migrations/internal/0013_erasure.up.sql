-- Erasure under two people's approval, legal holds, which entries of the journal of revocations and erasures this database
-- has, and the register of incidents. Texts that people write here may say something about patients: they stay here.

-- Requests to erase. `state`: waiting, rejected, erased (what is outside the database or in its free pages is still to go), done.
create table purges (
    organization_id  bigint not null,
    id               text collate "C" not null,
    -- Patient/ID, Type/ID or Type/ID/_history/N
    target           text collate "C" not null,
    preset           text not null,
    retention_years  bigint not null,
    include_copies   smallint not null,
    include_unmapped smallint not null,
    reason           text not null,
    requested_by     text not null,
    requested        bigint not null,
    -- what was shown to whoever asked: ids and counts, as JSON; taken away when it is decided
    plan             text,
    state            text not null,
    decided_by       text,
    decided          bigint,
    -- as it was signed
    certificate      text,
    signer           text,
    signature        text,
    primary key (organization_id, id)
);

-- Files and objects that nothing names any more and that are to go: whoever finds a line here removes what it names.
create table erased_content (
    organization_id bigint not null,
    purge           text collate "C" not null,
    kind            text not null,
    name            text not null,
    primary key (organization_id, purge, kind, name)
);

-- Records that nobody may erase. It takes two to lift one.
create table legal_holds (
    organization_id bigint not null,
    id              text collate "C" not null,
    patient         text collate "C" not null,
    reason          text not null,
    placed_by       text not null,
    placed          bigint not null,
    lift_reason     text,
    lift_asked_by   text,
    lift_asked      bigint,
    lifted_by       text,
    lifted          bigint,
    primary key (organization_id, id)
);

create index legal_holds_patient on legal_holds (organization_id, patient);

-- The entries of the journal that are in this database. A backup that is put back lacks those that came later.
create table erasure_journal (
    organization_id bigint not null,
    entry           text collate "C" not null,
    at              bigint not null,
    primary key (organization_id, entry)
);

-- Which database this is: journals name it, so that none is replayed into another one. `journal`: the key that signs the journal
-- in the data directory of whoever serves it; an erasure that is written into another journal would come back with a backup.
create table database_identity (
    id      text not null,
    journal text
);

-- only sqlite
insert into database_identity (id) values (lower(hex(randomblob(16))));
-- end
-- only postgres
insert into database_identity (id) values (replace(gen_random_uuid()::text, '-', ''));
-- end

-- Incidents and breaches. `details` is what the program or a person says of it.
create table incidents (
    organization_id bigint not null,
    id              text collate "C" not null,
    kind            text not null,
    recorded_by     text not null,
    recorded        bigint not null,
    discovered      bigint not null,
    -- the register's entry as JSON: what, how, persons, categories, assessment, what was notified when
    entry           text not null,
    closed_by       text,
    closed          bigint,
    primary key (organization_id, id)
);
