//! Functions: what is read in one round trip, and, with their owner's rights, what is found before anybody knows whose it is.

/// One read in one round trip: names the organization for this transaction alone, then looks. It always gives one row;
/// `version` is NULL where there is no such resource. `pending`: other programs' changes of this organization wait.
pub(super) const READ_CURRENT: &str = "
drop function if exists fhir_gateway.read_current(bigint, text, text);
create function fhir_gateway.read_current(org bigint, kind text, logical text)
returns table (pending boolean, version bigint, updated bigint, deleted smallint, method text, body text, patient text,
    epoch bigint, labels bigint)
language plpgsql volatile security invoker rows 1 as $$
begin
    perform pg_catalog.set_config('app.current_organization_id', $1::text, true);
    return query
    select exists (select from fhir_gateway.outbox o where o.organization_id = $1),
           d.version, d.updated, d.deleted, v.method, v.body, d.patient,
           (select e.epoch from fhir_gateway.consent_epochs e
               where e.organization_id = d.organization_id and e.patient = d.patient),
           case when d.labels = 0 then 0 else d.labels | d.labels_ever end
    from (values (1)) one (n)
    left join fhir_gateway.directory d on d.organization_id = $1 and d.type = $2 and d.id = $3
    left join fhir_gateway.resource_versions v on v.rid = d.rid and v.version = d.version;
end $$;
create or replace function fhir_gateway.refresh_statistics() returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    grown regclass;
begin
    if not pg_try_advisory_xact_lock(-7036874417766400) then
        return;
    end if;
    for grown in
        select c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind in ('r', 'p') and (n.nspname = 'fhir_gateway'
                -- Months of the audit trail that have not grown are left alone, so the whole of it is, too.
                and case when c.relispartition
                    then pg_relation_size(c.oid) / current_setting('block_size')::integer > 2 * c.relpages else c.relkind = 'r' end
            or exists (select from pg_trigger t where t.tgrelid = c.oid and starts_with(t.tgname::text, 'fhir_gateway_')))
    loop
        execute format('analyze %s', grown);
    end loop;
end $$;
create or replace function fhir_gateway.refresh_outgrown_statistics() returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
    grown regclass;
begin
    if not pg_try_advisory_xact_lock(-7036874417766400) then
        return;
    end if;
    for grown in
        select c.oid::regclass from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and (n.nspname = 'fhir_gateway'
            or exists (select from pg_trigger t where t.tgrelid = c.oid and starts_with(t.tgname::text, 'fhir_gateway_')))
            and pg_relation_size(c.oid) / current_setting('block_size')::integer > 4 * c.relpages
    loop
        -- Somebody waits for us: nobody else is waited for.
        execute format('analyze (skip_locked) %s', grown);
    end loop;
end $$;
revoke all on function fhir_gateway.refresh_outgrown_statistics() from public;
grant execute on function fhir_gateway.refresh_outgrown_statistics() to fhir_gateway_app;
revoke all on function fhir_gateway.refresh_statistics() from public;
grant execute on function fhir_gateway.refresh_statistics() to fhir_gateway_app;
create or replace function fhir_gateway.has_pending(org bigint) returns boolean
language plpgsql volatile security invoker as $$
begin
    perform pg_catalog.set_config('app.current_organization_id', $1::text, true);
    return exists (select from fhir_gateway.outbox o where o.organization_id = $1);
end $$;
revoke all on function fhir_gateway.has_pending(bigint) from public;
grant execute on function fhir_gateway.has_pending(bigint) to fhir_gateway_app;
revoke all on function fhir_gateway.read_current(bigint, text, text) from public;
grant execute on function fhir_gateway.read_current(bigint, text, text) to fhir_gateway_app;";

/// What somebody has used was used: our role may remove clients that nobody has (`unused`), and makes none into such a one first.
pub(super) const STAYS_USED: &str = "
create or replace function fhir_gateway.stays_used() returns trigger language plpgsql set search_path = pg_catalog, pg_temp as $$
begin
    raise exception 'a client that was used stays so' using errcode = 'check_violation';
end $$;
drop trigger if exists stays_used on fhir_gateway.oauth_clients;
create trigger stays_used before update on fhir_gateway.oauth_clients for each row
    when (old.used is not null and new.used is null) execute function fhir_gateway.stays_used();";

/// Who asks for a token, or sends one, says no organization: it is that of the client or token, and row-level security shows
/// neither before the organization is named. So these look with the owner's rights, and give the one row whose id or hash the
/// caller knows already: there is no way to list or to guess by them (a hash is of 256 random bits, an id of an approval of 128, an id
/// of a client is public). All else, and every write, goes by the policies, under the organization that was found.
pub(super) const OAUTH: &str = "
drop function if exists fhir_gateway.oauth_client(text);
create function fhir_gateway.oauth_client(client text)
returns table (organization_id bigint, id text, name text, kind text, secret_hash text, secret_before text, secret_until bigint,
    jwks text, jwks_url text, scopes text, purposes text, default_purpose text, actors text, officer smallint, created bigint,
    created_by text, revision bigint, changed bigint, changed_by text, disabled bigint, redirect_uris text,
    provider text, networks text, exchanges text, administrator smallint, registered smallint, used bigint, registration_hash text)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select c.organization_id, c.id, c.name, c.kind, c.secret_hash, c.secret_before, c.secret_until, c.jwks, c.jwks_url, c.scopes,
        c.purposes, c.default_purpose, c.actors, c.officer, c.created, c.created_by, c.revision, c.changed, c.changed_by, c.disabled,
        c.redirect_uris, c.provider, c.networks, c.exchanges, c.administrator, c.registered, c.used, c.registration_hash
    from fhir_gateway.oauth_clients c where c.id = $1
$$;
drop function if exists fhir_gateway.oauth_token(text);
create function fhir_gateway.oauth_token(token text)
returns table (organization_id bigint, client text, scopes text, purpose text, issued bigint, expires bigint, revoked bigint,
    approval text, purposes text)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select t.organization_id, t.client, t.scopes, t.purpose, t.issued, t.expires, t.revoked, t.approval, t.purposes
    from fhir_gateway.oauth_tokens t where t.hash = $1
$$;
drop function if exists fhir_gateway.oauth_approval(text);
create function fhir_gateway.oauth_approval(approval text)
returns table (organization_id bigint, id text, client text, account text, scopes text, purpose text, patient text, encounter text,
    context text, session text, authenticated bigint, created bigint, expires bigint, ended bigint,
    exchange text)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select a.organization_id, a.id, a.client, a.account, a.scopes, a.purpose, a.patient, a.encounter, a.context, a.session,
        a.authenticated, a.created, a.expires, a.ended, a.exchange
    from fhir_gateway.oauth_approvals a where a.id = $1
$$;
revoke all on function fhir_gateway.oauth_approval(text) from public;
grant execute on function fhir_gateway.oauth_approval(text) to fhir_gateway_app;
drop function if exists fhir_gateway.oauth_registration(text);
create function fhir_gateway.oauth_registration(registration text)
returns table (organization_id bigint, id text, name text, uses bigint, created bigint, created_by text, expires bigint, ended bigint)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select r.organization_id, r.id, r.name, r.uses, r.created, r.created_by, r.expires, r.ended
    from fhir_gateway.oauth_registrations r where r.hash = $1
$$;
revoke all on function fhir_gateway.oauth_registration(text) from public;
grant execute on function fhir_gateway.oauth_registration(text) to fhir_gateway_app;
drop function if exists fhir_gateway.oauth_handle(text);
create function fhir_gateway.oauth_handle(handle text)
returns table (organization_id bigint, kind text, client text, approval text, content text, issued bigint, expires bigint, used bigint)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select h.organization_id, h.kind, h.client, h.approval, h.content, h.issued, h.expires, h.used
    from fhir_gateway.oauth_handles h where h.hash = $1
$$;
revoke all on function fhir_gateway.oauth_handle(text) from public;
grant execute on function fhir_gateway.oauth_handle(text) to fhir_gateway_app;
revoke all on function fhir_gateway.oauth_client(text) from public;
grant execute on function fhir_gateway.oauth_client(text) to fhir_gateway_app;
revoke all on function fhir_gateway.oauth_token(text) from public;
grant execute on function fhir_gateway.oauth_token(text) to fhir_gateway_app;";

/// Who logs in says no organization either: as [`OAUTH`], by a login name, or by what only its owner has (the hash of 256 random bits).
/// A login name finds at most the one account that a password is then checked against. Providers are offered to everybody who opens the
/// login page; what is secret of them is sealed.
pub(super) const ACCOUNTS: &str = "
drop function if exists fhir_gateway.account_of_id(text);
create function fhir_gateway.account_of_id(account text) returns setof fhir_gateway.accounts
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select a.* from fhir_gateway.accounts a where a.id = $1
$$;
drop function if exists fhir_gateway.account_of_login(text);
create function fhir_gateway.account_of_login(login text) returns setof fhir_gateway.accounts
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select a.* from fhir_gateway.accounts a where a.login = $1
$$;
drop function if exists fhir_gateway.account_of_activation(text);
create function fhir_gateway.account_of_activation(activation text) returns setof fhir_gateway.accounts
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select a.* from fhir_gateway.accounts a where a.activation = $1
$$;
drop function if exists fhir_gateway.account_session(text);
create function fhir_gateway.account_session(session text) returns setof fhir_gateway.account_sessions
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select s.* from fhir_gateway.account_sessions s where s.hash = $1
$$;
drop function if exists fhir_gateway.outside_provider(text, text);
create function fhir_gateway.outside_provider(provider text, issuer text) returns setof fhir_gateway.outside_providers
language sql stable security definer rows 20 set search_path = pg_catalog, pg_temp as $$
    select p.* from fhir_gateway.outside_providers p
    where p.removed is null and ($1 is null or p.id = $1) and ($2 is null or p.issuer = $2)
$$;
revoke all on function fhir_gateway.outside_provider(text, text) from public;
grant execute on function fhir_gateway.outside_provider(text, text) to fhir_gateway_app;
revoke all on function fhir_gateway.account_of_id(text) from public;
grant execute on function fhir_gateway.account_of_id(text) to fhir_gateway_app;
revoke all on function fhir_gateway.account_of_login(text) from public;
grant execute on function fhir_gateway.account_of_login(text) to fhir_gateway_app;
revoke all on function fhir_gateway.account_of_activation(text) from public;
grant execute on function fhir_gateway.account_of_activation(text) to fhir_gateway_app;
revoke all on function fhir_gateway.account_session(text) from public;
grant execute on function fhir_gateway.account_session(text) to fhir_gateway_app;";
