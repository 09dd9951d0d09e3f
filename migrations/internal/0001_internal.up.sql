-- The gateway's own tables: one text for both engines. It is written for PostgreSQL (schema fhir_gateway); for SQLite
-- store/dialect.rs reads `bigint` as `integer`, drops `collate "C"` (SQLite's own order), takes an identity for the rowid,
-- and `/* clustered */` for a table without a rowid.
-- Times are milliseconds since 1970 (UTC). Booleans are 0 or 1.

create table gateway_organizations (
    id        bigint not null primary key,
    name      text not null,
    time_zone text not null,
    created   bigint not null
);

insert into gateway_organizations (id, name, time_zone, created) values (1, 'Default organization', 'UTC', 0);

-- Where every resource is: in the row `key` of the map's table, or (map is null) in its versions alone.
create table directory (
    rid             bigint not null primary key,
    organization_id bigint not null,
    type            text collate "C" not null,
    id              text collate "C" not null,
    map             text collate "C",
    key             text collate "C" not null,
    version         bigint not null,
    updated         bigint not null,
    deleted         smallint not null default 0,
    -- facts that consent and search ask of a row
    patient         text collate "C",
    author          text collate "C",
    encounter       text collate "C",
    occurred        text,
    labels          bigint not null default 0,
    -- for rows whose table has no column for it
    residue         text,
    shadow          text,
    holes           text,
    flag            text
);

create unique index directory_id on directory (organization_id, type, id);
create unique index directory_key on directory (organization_id, map, key) where map is not null;
create index directory_page on directory (organization_id, type, rid);
create index directory_updated on directory (organization_id, type, updated, rid);

-- Every version as it was served. Append-only; the current version's body is what a read serves.
create table resource_versions (
    rid             bigint not null,
    version         bigint not null,
    organization_id bigint not null,
    type            text collate "C" not null,
    id              text collate "C" not null,
    updated         bigint not null,
    method          text collate "C" not null,
    deleted         smallint not null default 0,
    body            text not null,
    primary key (rid, version)
);

create index resource_versions_type on resource_versions (organization_id, type, updated, rid, version);
create index resource_versions_all on resource_versions (organization_id, updated, rid, version);

-- The current bodies, for people who look with SQL.
create view resources as
    select d.organization_id, d.type, d.id, d.version, d.updated, v.body
    from directory d join resource_versions v on v.rid = d.rid and v.version = d.version
    where d.deleted = 0;

-- Search values of the current versions, a table for each kind. `path` is the number of the place a value comes from
-- (mappers::search::index_path), so that parameters that share a place share its rows; `item` tells which values stand
-- together in one item of a list (0: the resource itself). Long texts are cut, with a digest in place of the rest.

-- Codes, identifiers, yes and no, addresses. An absent system is ''.
create table index_token (
    organization_id bigint not null,
    path            bigint not null,
    code            text collate "C" not null,
    rid             bigint not null,
    system          text collate "C" not null default '',
    item            bigint not null default 0,
    primary key (organization_id, path, code, rid, system, item)
) /* clustered */;

create index index_token_rid on index_token (rid, path);

-- Texts: in small letters without accents, the whole of it where that was cut, and as they are.
create table index_string (
    organization_id bigint not null,
    path            bigint not null,
    normal          text collate "C" not null,
    rid             bigint not null,
    item            bigint not null default 0,
    whole           text,
    text            text collate "C" not null
);

create index index_string_value on index_string (organization_id, path, normal, rid);
create index index_string_rid on index_string (rid, path);

-- Ranges of time: from `low` to before `high`, in units of 100 ns since 1970 (UTC).
create table index_date (
    organization_id bigint not null,
    path            bigint not null,
    low             bigint not null,
    high            bigint not null,
    rid             bigint not null,
    item            bigint not null default 0,
    primary key (organization_id, path, low, high, rid, item)
) /* clustered */;

create index index_date_high on index_date (organization_id, path, high, rid);
create index index_date_rid on index_date (rid, path);

-- Numbers and quantities as they are, and in the base units of UCUM where the unit has one.
create table index_quantity (
    organization_id bigint not null,
    path            bigint not null,
    low             double precision not null,
    high            double precision not null,
    rid             bigint not null,
    item            bigint not null default 0,
    system          text collate "C" not null default '',
    code            text collate "C" not null default '',
    unit            text collate "C" not null default '',
    base            text collate "C",
    base_low        double precision,
    base_high       double precision
);

create index index_quantity_value on index_quantity (organization_id, path, low, rid);
create index index_quantity_base on index_quantity (organization_id, path, base, base_low, rid) where base is not null;
create index index_quantity_rid on index_quantity (rid, path);

-- References, from what refers to what is referred to and back.
create table index_reference (
    organization_id bigint not null,
    path            bigint not null,
    target_id       text collate "C" not null,
    target_type     text collate "C" not null default '',
    rid             bigint not null,
    item            bigint not null default 0,
    primary key (organization_id, path, target_id, target_type, rid, item)
) /* clustered */;

create index index_reference_rid on index_reference (rid, path);

-- Row ids are handed out in blocks: update rid_block set next = next + 1024 where name = 'rid' returning next - 1024
create table rid_block (
    name text collate "C" not null primary key,
    next bigint not null
);

insert into rid_block (name, next) values ('rid', 1);

-- Rows that another program changed and the gateway has not looked at yet; filled by triggers. Not unique on purpose: a
-- second change must not wait for, or vanish behind, an entry that is just being worked off.
create table outbox (
    seq             bigint generated always as identity primary key,
    map_table       text collate "C" not null,
    key             text collate "C" not null,
    organization_id bigint not null
);

create index outbox_organization on outbox (organization_id, seq);

-- Units of an import that are done; each commits with the rows it speaks of.
create table checkpoints (
    organization_id bigint not null,
    job             text collate "C" not null,
    unit            bigint not null,
    primary key (organization_id, job, unit)
) /* clustered */;

-- The maps that are installed (their triggers and adopted rows).
create table map_state (
    name        text collate "C" not null primary key,
    fingerprint text not null,
    installed   bigint not null
);

-- only sqlite
-- Holds a row only inside a transaction of the gateway's own: triggers see it and keep silent.
create table gateway_writing (
    writing integer not null
);
-- end
