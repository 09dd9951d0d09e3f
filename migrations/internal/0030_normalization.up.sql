-- What an organization wants of normalization (DESIGN 8). No row: nothing.
create table normalization_policies (
    organization_id bigint not null primary key,
    -- off; beside: kept and found; merged: shown, too
    mode            text not null,
    changed         bigint not null,
    changed_by      text not null
);

-- What codes mean in an organization: what somebody decided, and maps that were imported. Nothing is taken away: what takes the place
-- of another ends that.
create table code_maps (
    organization_id bigint not null,
    id              text collate "C" not null,
    -- the code; words alone have neither system nor code
    system          text collate "C" not null,
    code            text collate "C" not null,
    words           text collate "C" not null,
    -- what it means; none: it stays as it is
    target_system   text,
    target_code     text,
    target_display  text,
    equivalence     text not null,
    -- the map, or that somebody reviewed it
    source          text not null,
    created         bigint not null,
    created_by      text not null,
    ended           bigint,
    ended_by        text,
    primary key (organization_id, id)
);

create unique index code_maps_counting on code_maps (organization_id, system, code, words) where ended is null;

-- What was told of a code: each once, by what it says (a hash).
create table normalizations (
    organization_id bigint not null,
    id              text collate "C" not null,
    -- as it came
    system          text collate "C" not null,
    version         text not null,
    code            text collate "C" not null,
    display         text not null,
    -- standard, review
    verdict         text not null,
    target_system   text,
    target_version  text,
    target_code     text,
    target_display  text,
    -- how it is known, how near the two are, and who says so (a release or a map, url|version)
    method          text,
    equivalence     text,
    source          text,
    -- why somebody has to decide, and between what (JSON)
    why             text,
    candidates      text,
    primary key (organization_id, id)
);

create index normalizations_reviewed on normalizations (organization_id, system, code) where verdict = 'review';

-- Where it was told: of which coding of which version.
create table normalized_codings (
    organization_id bigint not null,
    rid             bigint not null,
    version         bigint not null,
    -- how often that version was looked at anew
    turn            bigint not null,
    -- which of its concepts, and which coding of that; -1: its words
    concept         bigint not null,
    coding          bigint not null,
    place           text not null,
    normalization   text collate "C" not null,
    at              bigint not null,
    -- another one has taken its place
    ended           bigint,
    primary key (organization_id, rid, version, turn, concept, coding)
);

create index normalized_codings_told on normalized_codings (organization_id, normalization);
