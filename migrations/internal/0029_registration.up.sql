-- Why a program's token may ask: words with spaces between. None: tokens from before, for their one purpose, and people's, for their client's.
alter table oauth_tokens add column purposes text;

-- Who looks after the organization's clients over HTTP.
alter table oauth_clients add column administrator smallint not null default 0;
-- 1: it registered itself (RFC 7591); nobody here has looked at what it says of itself.
alter table oauth_clients add column registered smallint not null default 0;
-- SHA-256 (hexadecimal) of the token by which it looks after its registration (RFC 7592).
alter table oauth_clients add column registration_hash text;
-- When somebody last approved what it asks, of those that registered themselves, to the day.
alter table oauth_clients add column used bigint;

-- Every copy of an app that registers itself has the app's name.
drop index oauth_clients_name;
create unique index oauth_clients_name on oauth_clients (organization_id, name) where disabled is null and registered = 0;
create index oauth_clients_registered on oauth_clients (organization_id, created) where registered = 1;

-- Initial access tokens: by which programs register themselves where not everybody may.
create table oauth_registrations (
    organization_id bigint not null,
    hash            text collate "C" not null primary key,
    id              text collate "C" not null unique,
    -- for whom
    name            text not null,
    -- how often it may still be used
    uses            bigint not null,
    created         bigint not null,
    created_by      text not null,
    expires         bigint not null,
    ended           bigint,
    ended_by        text
);

create index oauth_registrations_expired on oauth_registrations (organization_id, expires);
