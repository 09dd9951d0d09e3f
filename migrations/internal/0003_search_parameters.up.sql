-- Search parameters that organizations define for themselves by SearchParameter resources.

-- Which state of the definitions counts: every change of them, and every parameter that becomes complete, adds one.
-- `next` is the number of the next place that is free; numbers are never given again.
create table search_registry (
    organization_id bigint not null primary key,
    version         bigint not null,
    next            bigint not null
);

-- The parameters. Index rows name their places by the negative of `number` and of those after it.
create table search_parameters (
    organization_id bigint not null,
    number          bigint not null,
    -- the SearchParameter resource
    id              text collate "C" not null,
    -- indexing: what was stored before is at work; ready; removing: the index rows are on their way out
    state           text collate "C" not null,
    -- what was read of it, as JSON of ours
    definition      text not null,
    -- how far the work has come: this type, up to this row id of the directory
    at_type         text collate "C" not null default '',
    at_rid          bigint not null default 0,
    percent         bigint not null default 0,
    -- for operators: resources that were looked at, and those that the expression failed for
    looked_at       bigint not null default 0,
    unfit           bigint not null default 0,
    primary key (organization_id, number)
);
