-- Labels of which a permit reaches none: a proxy's permits reach nothing that is sensitive.
alter table consent_rules add column not_labels bigint;

-- Permits of proxies were not among the rules: a patient without an epoch gets all of them anew when a server starts. (Row-level
-- security lets nobody delete the rows of all organizations.)
drop table consent_epochs;
create table consent_epochs (
    organization_id bigint not null,
    patient         text collate "C" not null,
    epoch           bigint not null,
    primary key (organization_id, patient)
) /* clustered */;
