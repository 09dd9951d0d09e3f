-- Programs that OAuth knows here, the access tokens they were given, and the assertions they came with. No secret and no token: what is
-- compared is a SHA-256 (hexadecimal) of 256 random bits.
create table oauth_clients (
    organization_id bigint not null,
    -- one over all organizations: the token endpoint learns from it whose client asks
    id              text collate "C" not null primary key,
    name            text not null,
    -- confidential-asymmetric or confidential-symmetric
    kind            text not null,
    secret_hash     text,
    -- the one before, and until when it counts, in milliseconds since 1970 (UTC) as all times here
    secret_before   text,
    secret_until    bigint,
    -- of the public keys what verifying needs (JSON), or where they are
    jwks            text,
    jwks_url        text,
    -- words with spaces between
    scopes          text not null,
    purposes        text not null,
    default_purpose text,
    -- who it is to Consents: references with spaces between
    actors          text not null,
    officer         smallint not null,
    created         bigint not null,
    created_by      text not null,
    -- counts what was changed: no token is given for what it may no longer do
    revision        bigint not null,
    changed         bigint,
    changed_by      text,
    disabled        bigint
);

create unique index oauth_clients_name on oauth_clients (organization_id, name) where disabled is null;

create table oauth_tokens (
    organization_id bigint not null,
    hash            text collate "C" not null primary key,
    client          text collate "C" not null,
    scopes          text not null,
    purpose         text not null,
    issued          bigint not null,
    expires         bigint not null,
    revoked         bigint
);

create index oauth_tokens_of_client on oauth_tokens (organization_id, client, expires);
create index oauth_tokens_expired on oauth_tokens (organization_id, expires);

-- What is here was used. That a second row does not fit is the check: it holds between all processes.
create table oauth_assertions (
    organization_id bigint not null,
    client          text collate "C" not null,
    -- SHA-256 (hexadecimal) of the assertion's id
    jti             text collate "C" not null,
    -- until then the row stays: somewhat longer than the assertion could be used
    expires         bigint not null,
    primary key (client, jti)
);

create index oauth_assertions_expired on oauth_assertions (organization_id, expires);
