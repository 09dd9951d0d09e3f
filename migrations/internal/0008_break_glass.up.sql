-- Glasses that were broken: who looks at a patient's record in spite of its Consents, why and until when, and what the
-- privacy officer says of it. Rows are added; of what is there only the end, the review and an extension are written.

create table break_glass_grants (
    organization_id bigint not null,
    id              text collate "C" not null,
    -- the patient's id, as directory.patient has it, whether there is such a patient or not
    patient         text collate "C" not null,
    caller          text collate "C" not null,
    -- who the caller was in the terms of Consents: in order, with a line feed around each
    actors          text collate "C" not null,
    purpose         text collate "C" not null,
    -- health data
    reason          text not null,
    -- milliseconds since 1970 (UTC)
    opened          bigint not null,
    expires         bigint not null,
    -- ended before its time, by whom
    closed          bigint,
    closed_by       text,
    reviewed        bigint,
    -- justified or unjustified
    verdict         text,
    reviewer        text,
    note            text,
    primary key (organization_id, id)
);

create index break_glass_of_patient on break_glass_grants (organization_id, patient, caller);
create index break_glass_of_caller on break_glass_grants (caller, expires);
-- The review queue.
create index break_glass_unreviewed on break_glass_grants (organization_id, opened) where reviewed is null;

-- What is to be told to somebody, for whoever sends it. Nothing of the record is in it but where the text is.
create table notifications (
    organization_id bigint not null,
    id              text collate "C" not null,
    kind            text not null,
    at              bigint not null,
    patient         text collate "C" not null,
    -- the resource that says what is told
    type            text collate "C" not null,
    resource        text collate "C" not null,
    -- null until it was sent
    sent            bigint,
    primary key (organization_id, id)
);

create index notifications_waiting on notifications (organization_id, at) where sent is null;
