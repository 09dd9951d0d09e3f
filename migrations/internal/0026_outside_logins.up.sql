-- OpenID providers outside of here, who say who somebody is. Who logs in says no organization, so they are found by a function. The
-- secret that we have there is sealed.
create table outside_providers (
    organization_id bigint not null,
    id              text collate "C" not null primary key,
    name            text not null,
    issuer          text not null,
    -- what we are there to log people in, and the secret; both empty where nobody logs in by it
    client_id       text not null,
    sealed          text not null,
    -- the claim that says who somebody is in FHIR; without it only accounts that are linked log in
    claim_actor     text,
    -- the claim that says what staff is here, and which of its values is which role: a JSON object
    claim_roles     text,
    roles           text not null,
    -- what its access tokens call this gateway; without it none of them counts here
    audience        text,
    -- whether it asks for a second factor itself
    second_factor   smallint not null,
    created         bigint not null,
    created_by      text not null,
    removed         bigint,
    removed_by      text
);

-- Which account somebody is whom a provider knows by a subject.
create table outside_links (
    organization_id bigint not null,
    provider        text collate "C" not null,
    subject         text collate "C" not null,
    account         text collate "C" not null,
    -- 1: the account is as the provider's claims say; 0: an administrator has tied it
    asserted        smallint not null,
    created         bigint not null,
    created_by      text not null,
    primary key (provider, subject)
);

create index outside_links_of_account on outside_links (organization_id, account);

-- Who vouched for it, where that was not a password.
alter table account_sessions add column outside text collate "C";

-- Whose access tokens it has, where it gets none here.
alter table oauth_clients add column provider text collate "C";
