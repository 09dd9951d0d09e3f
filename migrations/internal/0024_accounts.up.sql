-- People who log in here, and the browsers in which they have. No password, no second factor and no session is here in clear: passwords
-- are argon2id, tokens and recovery codes SHA-256 (hexadecimal) of random bits, the secret of a second factor is sealed under a key
-- outside of the database.
create table accounts (
    organization_id  bigint not null,
    -- public, and one over all organizations
    id               text collate "C" not null primary key,
    -- in lower case; one over all organizations: who logs in says no organization
    login            text collate "C" not null,
    name             text not null,
    -- a PHC string; none until somebody has set one
    password         text,
    -- in milliseconds since 1970 (UTC) as all times here
    password_set     bigint,
    must_change      smallint not null,
    -- words with spaces between
    roles            text not null,
    -- who it is in FHIR: references with spaces between; the first is fhirUser
    actors           text not null,
    -- attempts since the last login, and until when there is none
    failures         bigint not null,
    locked_until     bigint,
    totp_secret      text,
    -- the last step of 30 seconds whose code was used: none is used twice
    totp_step        bigint,
    -- hashes of the codes that are left, with spaces between
    recovery         text not null,
    -- of the one link by which a password is set
    activation       text collate "C",
    activation_until bigint,
    created          bigint not null,
    created_by       text not null,
    -- counts what an administrator or its owner changed
    revision         bigint not null,
    changed          bigint,
    changed_by       text,
    disabled         bigint
);

create unique index accounts_login on accounts (login);
create unique index accounts_activation on accounts (activation);
create index accounts_of_organization on accounts (organization_id, login);

create table account_sessions (
    organization_id bigint not null,
    hash            text collate "C" not null primary key,
    account         text collate "C" not null,
    -- when who it is was shown
    authenticated   bigint not null,
    -- whether by a second factor, too
    second          smallint not null,
    seen            bigint not null,
    -- whatever is done with it
    expires         bigint not null
);

create index account_sessions_of_account on account_sessions (organization_id, account);
create index account_sessions_expired on account_sessions (organization_id, expires);
