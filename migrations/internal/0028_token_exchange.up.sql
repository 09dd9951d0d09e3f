-- What apps hold already, of providers where nobody logs in for us, and tokens that say nothing by themselves.
-- Where a provider's keys are, where it has no discovery document that says so.
alter table outside_providers add column jwks_url text;
-- Whom its ID tokens are for that clients exchange here; words with spaces between. None: none of them is good for anything.
alter table outside_providers add column exchange_audiences text not null default '';
-- Where it says what an opaque access token is, who we are to it there, and the secret that we have for that, sealed.
alter table outside_providers add column introspection text;
alter table outside_providers add column introspection_client text;
alter table outside_providers add column introspection_sealed text;

-- When the latest word was signed that an account of the provider's claims is by, in seconds since 1970: an older one changes nothing.
alter table outside_links add column said bigint;

-- The providers whose ID tokens a client may exchange, each alone or as provider=audience where it has several; words with spaces between.
alter table oauth_clients add column exchanges text not null default '';

-- The provider whose ID token it came of: then an administrator approved it, in the person's stead.
alter table oauth_approvals add column exchange text collate "C";

-- Clients that somebody has closed out, for each of their accounts: they exchange nothing of theirs.
create table oauth_refusals (
    organization_id bigint not null,
    account         text collate "C" not null,
    client          text collate "C" not null,
    created         bigint not null,
    primary key (account, client)
);
