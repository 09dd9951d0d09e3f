-- What a privacy or security officer must hear of, for whoever sends it to the webhook. Ids and counts of the program's own: nothing
-- of anybody's record, no reason, no address of a receiver, no secret.
create table alerts (
    organization_id bigint not null,
    -- the receiver drops what it has had by this
    id              text collate "C" not null,
    kind            text not null,
    -- what is told once: a second alert with the same word is none
    once            text collate "C" not null,
    -- when it happened, in milliseconds since 1970 (UTC)
    at              bigint not null,
    -- counts and references, as JSON
    entry           text not null,
    -- who is meant, for who asks here; never sent
    about           text,
    -- waiting, sent or given-up
    state           text not null,
    tries           bigint not null,
    -- the receiver refused this one: others do not wait behind it
    aside           smallint not null,
    -- by the database's clock, in milliseconds since 1970 (UTC): since when it waits, when it is tried next, until when whoever sends
    -- it has it alone, and when it was sent or given up
    written         bigint not null,
    due             bigint not null,
    lease           text,
    lease_until     bigint,
    ended           bigint,
    -- why it was not taken the last time: a word of the program's
    problem         text,
    primary key (organization_id, id)
);

create unique index alerts_once on alerts (organization_id, once);
create index alerts_waiting on alerts (organization_id, aside, at, id) where state = 'waiting';
create index alerts_ended on alerts (organization_id, written);
