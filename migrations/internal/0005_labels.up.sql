-- Security labels: which tables of codes count, what encounters pass on, and what of the directory is to be labelled.

-- The tables of codes that were in force, the last of them is. `own` is the organization's own rows (system, code and label
-- apart by tabs, a row a line). `cleared` is 0 while rows with labels of the one before are still there.
create table labellings (
    id       bigint not null primary key,
    built_in text not null,
    own      text not null,
    cleared  smallint not null default 0
);

-- The high-water mark of each encounter: what its notes inherit. N (8) is in it where a code tells what it was about.
create table encounter_labels (
    organization_id bigint not null,
    encounter       text collate "C" not null,
    labels          bigint not null,
    -- Every transaction that looks changes it: two that do so at once must see each other.
    looked          bigint not null,
    primary key (organization_id, encounter)
) /* clustered */;

-- The labels of all versions there ever were, for whoever asks for history.
alter table directory add column labels_ever bigint not null default 0;
-- It has words that inherit the labels of its encounter.
alter table directory add column hears smallint not null default 0;

-- What is to be labelled: 0 is what nobody has looked at.
create index directory_unlabelled on directory (organization_id, rid) where labels = 0;
create index directory_hears on directory (organization_id, encounter) where hears = 1;
