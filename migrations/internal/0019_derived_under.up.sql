-- Under which circumstances what is stored beside resources was derived: where they are others at a start, it is derived anew before
-- anything is served. Written with the last of what was derived, so that a start that was broken off is done again.

create table derived_under (
    organization_id bigint not null,
    -- `addresses`, `address` (store/addresses), `statutes`, `making` (store/consents/stored)
    name            text collate "C" not null,
    value           text not null,
    primary key (organization_id, name)
) /* clustered */;
