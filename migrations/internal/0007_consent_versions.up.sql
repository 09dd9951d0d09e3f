-- Which versions of a patient's Consents held in which epoch: for each Consent the row with the greatest epoch up to that one
-- names its version, which says nothing if it is a deletion or another patient's. Written with the epoch, never changed.

create table consent_versions (
    organization_id bigint not null,
    patient         text collate "C" not null,
    epoch           bigint not null,
    -- the Consent
    rid             bigint not null,
    version         bigint not null,
    primary key (organization_id, patient, epoch, rid)
) /* clustered */;
