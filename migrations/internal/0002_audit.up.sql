-- Who saw or changed what, and why. Append-only. On SQLite it is a file of its own (audit.db).

create table audit_events (
    seq             bigint generated always as identity primary key,
    organization_id bigint not null,
    at              bigint not null,
    request         text not null,
    caller          text not null,
    purpose         text not null,
    interaction     text not null,
    type            text,
    id              text,
    patient         text,
    status          bigint not null,
    decision        text not null
);

create index audit_events_at on audit_events (organization_id, at);
