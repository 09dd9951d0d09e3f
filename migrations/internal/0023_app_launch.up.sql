-- What apps are let do for people who logged in: SMART App Launch.
-- Where codes may be sent, to the letter; words with spaces between. None: nobody logs in for the client.
alter table oauth_clients add column redirect_uris text not null default '';

-- What somebody approved for a client. Tokens and refresh tokens count as long as it does.
create table oauth_approvals (
    organization_id bigint not null,
    id              text collate "C" not null primary key,
    client          text collate "C" not null,
    account         text collate "C" not null,
    scopes          text not null,
    purpose         text not null,
    -- whose record it is about; null where it is about nobody's in particular
    patient         text collate "C",
    encounter       text collate "C",
    -- what else was in context (JSON)
    context         text not null,
    -- SHA-256 (hexadecimal) of the session that it ends with; null where it outlives sessions
    session         text collate "C",
    -- when the person logged in, when they approved, until when it counts
    authenticated   bigint not null,
    created         bigint not null,
    expires         bigint not null,
    ended           bigint,
    ended_by        text
);

create index oauth_approvals_of_account on oauth_approvals (organization_id, account, created);
create index oauth_approvals_of_client on oauth_approvals (organization_id, client);
create index oauth_approvals_of_patient on oauth_approvals (organization_id, patient);
create index oauth_approvals_expired on oauth_approvals (organization_id, expires);

-- What is handed out and comes back once: authorizations under way, launches, codes, refresh tokens. That a row is used already is the
-- check: it holds between all processes.
create table oauth_handles (
    organization_id bigint not null,
    -- SHA-256 (hexadecimal) of 256 random bits
    hash            text collate "C" not null primary key,
    -- request, launch, code, refresh
    kind            text not null,
    client          text collate "C" not null,
    approval        text collate "C",
    -- what it stands for (JSON)
    content         text not null,
    issued          bigint not null,
    expires         bigint not null,
    used            bigint
);

create index oauth_handles_expired on oauth_handles (organization_id, expires);
create index oauth_handles_of_approval on oauth_handles (organization_id, approval);

alter table oauth_tokens add column approval text collate "C";
create index oauth_tokens_of_approval on oauth_tokens (organization_id, approval);
