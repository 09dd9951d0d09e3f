//! Who may see which rows on PostgreSQL: the application role, row-level security, and what must hold before the gateway
//! is ready.
//!
//! The gateway's connections take a role that owns nothing. It sees the rows of the organization named by the
//! transaction's `app.current_organization_id`; unset = no rows. The policies are forced, so they bind the tables' owner
//! too. Tables of users keep working for everybody else: there the policy is restrictive and for our role alone.
//!
//! <https://www.postgresql.org/docs/current/ddl-rowsecurity.html>

use mappers::schema::ColumnKind;

use super::connection::{Arg, Connection, DbError, Engine};
use super::consents;
use super::dialect::{literal, quote};
use super::pools::APPLICATION_ROLE;

/// The statements that create the roles: the application's, the audit reader's, who may read the trail of every
/// organization and nothing else, and the eraser's.
pub(super) fn create_roles() -> String {
    let roles = [APPLICATION_ROLE, AUDIT_READER, ERASER];
    format!(
        "{}
create schema if not exists fhir_gateway;
grant usage on schema fhir_gateway to {};
grant usage on schema public to {APPLICATION_ROLE};",
        roles.map(create_role).concat(),
        roles.join(", ")
    )
}

/// Creates a role that this one can take. Roles belong to the cluster, and other databases of it may do the same at this moment.
fn create_role(role: &str) -> String {
    format!(
        "
do $$ begin
    if not exists (select from pg_catalog.pg_roles where rolname = '{role}') then
        create role {role} nologin noinherit nosuperuser nobypassrls nocreatedb nocreaterole noreplication;
    end if;
exception when duplicate_object or unique_violation then null;
end $$;
do $$ begin
    if current_setting('server_version_num')::int >= 160000 then
        -- Whoever creates a role there may give it away but not take it; and the owner must not inherit our policies.
        if not pg_catalog.pg_has_role(current_user, '{role}', 'set') then
            execute pg_catalog.format('grant {role} to %I with inherit false, set true', current_user);
        end if;
    elsif not pg_catalog.pg_has_role(current_user, '{role}', 'member') then
        execute pg_catalog.format('grant {role} to %I', current_user);
    end if;
end $$;"
    )
}

/// What the role may do with the tables of the gateway's own, and whether their rows belong to organizations.
/// Versions and audit events can be added, never changed.
const INTERNAL: [(&str, &str, bool); 46] = [
    ("account_sessions", "select, insert, update (seen), delete", true),
    // Neither whose an account is changes, nor its id or login name; and none is removed.
    (
        "accounts",
        "select, insert, update (name, password, password_set, must_change, roles, actors, failures, locked_until, totp_secret, \
         totp_step, recovery, activation, activation_until, revision, changed, changed_by, disabled)",
        true,
    ),
    ("alerts", "select, insert, update, delete", true),
    ("audit_chains", "select, insert", true),
    // All but its key, which the database gives.
    (
        "audit_events",
        "select, insert (organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, \
         client, on_behalf, source, version, policy, chain, place, mark)",
        true,
    ),
    ("audit_links", "select, insert", true),
    ("audit_retired", "select", true),
    (
        "break_glass_grants",
        "select, insert, update (expires, closed, closed_by, reviewed, verdict, reviewer, note)",
        true,
    ),
    ("checkpoints", "select, insert, update, delete", true),
    ("consent_epochs", "select, insert, update, delete", true),
    ("consent_rule_related", "select, insert, update, delete", true),
    ("consent_rules", "select, insert, update, delete", true),
    ("consent_versions", "select, insert", true),
    ("database_identity", "select, update (journal)", false),
    ("derived_under", "select, insert, update", true),
    ("directory", "select, insert, update, delete", true),
    ("encounter_labels", "select, insert, update, delete", true),
    ("erased_content", "select, insert, delete", true),
    ("erasure_journal", "select, insert", true),
    ("incidents", "select, insert, update", true),
    ("index_date", "select, insert, update, delete", true),
    ("index_quantity", "select, insert, update, delete", true),
    ("index_reference", "select, insert, update, delete", true),
    ("index_string", "select, insert, update, delete", true),
    ("index_token", "select, insert, update, delete", true),
    ("labellings", "select, insert, update", false),
    ("legal_holds", "select, insert, update", true),
    ("map_state", "select, insert, update, delete", false),
    ("migrations", "select", false),
    ("gateway_organizations", "select, insert, update", false),
    ("notifications", "select, insert, update (sent)", true),
    // What was approved stays as it was approved, until it ends.
    ("oauth_approvals", "select, insert, update (ended, ended_by), delete", true),
    ("oauth_assertions", "select, insert, delete", true),
    // Neither whose a client is changes, nor its id or kind; and none is removed.
    (
        "oauth_clients",
        "select, insert, update (name, secret_hash, secret_before, secret_until, jwks, jwks_url, scopes, purposes, \
         default_purpose, actors, officer, redirect_uris, networks, revision, changed, changed_by, disabled)",
        true,
    ),
    ("oauth_handles", "select, insert, update (used), delete", true),
    ("oauth_tokens", "select, insert, update (revoked), delete", true),
    ("outbox", "select, insert, update, delete", true),
    ("outside_links", "select, insert, update (subject), delete", true),
    (
        "outside_providers",
        "select, insert, update (name, sealed, audience, roles, second_factor, removed, removed_by)",
        true,
    ),
    ("purges", "select, insert, update", true),
    ("resource_versions", "select, insert", true),
    ("rid_block", "select, update", false),
    ("search_parameters", "select, insert, update, delete", true),
    ("search_registry", "select, insert, update", true),
    // Neither the public part nor who made it changes, and none is removed: what it signed can be told from what it did not.
    ("signing_keys", "select, insert, update (sealed, signs_from, signs_until, retired, retired_by)", false),
    ("statutes", "select, insert", false),
];

/// Whether a table is one of the gateway's own.
pub(crate) fn is_internal(table: &str) -> bool {
    INTERNAL.iter().any(|(name, ..)| *name == table)
}

/// The role that `audit verify` and other readers of the whole trail take.
pub(crate) const AUDIT_READER: &str = "fhir_gateway_audit_reader";

/// The role that removes versions, and may do nothing else: no connection of a serving gateway takes it, only the transaction of
/// an erasure that two people have asked for (and of one that is done again in a database from a backup). Row-level security
/// binds it to the transaction's organization.
pub(crate) const ERASER: &str = "fhir_gateway_eraser";

/// What the audit reader may read.
const AUDIT: [&str; 4] = ["audit_chains", "audit_events", "audit_links", "audit_retired"];

const TENANT: &str = "nullif(current_setting('app.current_organization_id', true), '')";

/// One read in one round trip: names the organization for this transaction alone, then looks. It always gives one row;
/// `version` is NULL where there is no such resource. `pending`: other programs' changes of this organization wait.
const READ_CURRENT: &str = "
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

/// Who asks for a token, or sends one, says no organization: it is that of the client or token, and row-level security shows
/// neither before the organization is named. So these look with the owner's rights, and give the one row whose id or hash the
/// caller knows already: there is no way to list or to guess by them (a hash is of 256 random bits, an id of an approval of 128, an id
/// of a client is public). All
/// else, and every write, goes by the policies, under the organization that was found.
const OAUTH: &str = "
drop function if exists fhir_gateway.oauth_client(text);
create function fhir_gateway.oauth_client(client text)
returns table (organization_id bigint, id text, name text, kind text, secret_hash text, secret_before text, secret_until bigint,
    jwks text, jwks_url text, scopes text, purposes text, default_purpose text, actors text, officer smallint, created bigint,
    created_by text, revision bigint, changed bigint, changed_by text, disabled bigint, redirect_uris text,
    provider text, networks text)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select c.organization_id, c.id, c.name, c.kind, c.secret_hash, c.secret_before, c.secret_until, c.jwks, c.jwks_url, c.scopes,
        c.purposes, c.default_purpose, c.actors, c.officer, c.created, c.created_by, c.revision, c.changed, c.changed_by, c.disabled,
        c.redirect_uris, c.provider, c.networks
    from fhir_gateway.oauth_clients c where c.id = $1
$$;
drop function if exists fhir_gateway.oauth_token(text);
create function fhir_gateway.oauth_token(token text)
returns table (organization_id bigint, client text, scopes text, purpose text, issued bigint, expires bigint, revoked bigint,
    approval text)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select t.organization_id, t.client, t.scopes, t.purpose, t.issued, t.expires, t.revoked, t.approval
    from fhir_gateway.oauth_tokens t where t.hash = $1
$$;
drop function if exists fhir_gateway.oauth_approval(text);
create function fhir_gateway.oauth_approval(approval text)
returns table (organization_id bigint, id text, client text, account text, scopes text, purpose text, patient text, encounter text,
    context text, session text, authenticated bigint, created bigint, expires bigint, ended bigint)
language sql stable security definer rows 1 set search_path = pg_catalog, pg_temp as $$
    select a.organization_id, a.id, a.client, a.account, a.scopes, a.purpose, a.patient, a.encounter, a.context, a.session,
        a.authenticated, a.created, a.expires, a.ended
    from fhir_gateway.oauth_approvals a where a.id = $1
$$;
revoke all on function fhir_gateway.oauth_approval(text) from public;
grant execute on function fhir_gateway.oauth_approval(text) to fhir_gateway_app;
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
const ACCOUNTS: &str = "
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

/// Everything about the gateway's own tables, for the owner to run; can be run again.
pub(super) fn internal() -> Vec<String> {
    let mut statements = Vec::new();
    for (table, rights, by_organization) in INTERNAL {
        statements.push(format!("grant {rights} on fhir_gateway.{table} to {APPLICATION_ROLE}"));
        if by_organization {
            let check = format!("organization_id = {TENANT}::bigint");
            statements
                .push(format!("alter table fhir_gateway.{table} enable row level security, force row level security"));
            statements.push(format!("drop policy if exists tenant on fhir_gateway.{table}"));
            statements
                .push(format!("create policy tenant on fhir_gateway.{table} using ({check}) with check ({check})"));
        }
    }
    for table in AUDIT {
        statements.push(format!("grant select on fhir_gateway.{table} to {AUDIT_READER}"));
        statements.push(format!("drop policy if exists audit_reader on fhir_gateway.{table}"));
        statements.push(format!(
            "create policy audit_reader on fhir_gateway.{table} for select to {AUDIT_READER} using (true)"
        ));
    }
    // Each month of the trail, whatever anybody has granted since it was made.
    statements.push(format!(
        "do $$ declare month text; begin for month in select name from fhir_gateway.audit_partitions loop \
         execute format('revoke all on fhir_gateway.%I from public, {APPLICATION_ROLE}, {AUDIT_READER}, {ERASER}', month); \
         execute format('alter table fhir_gateway.%I enable row level security, force row level security', month); \
         end loop; end $$"
    ));
    for table in ["break_glass_grants", "consent_versions", "notifications", "resource_versions"] {
        statements.push(format!("grant select, delete on fhir_gateway.{table} to {ERASER}"));
    }
    // Triggers run as the owner and add what any program changed in any organization. The owner is bound by the forced
    // policy unless it is a superuser.
    statements.push("drop policy if exists enqueue on fhir_gateway.outbox".to_owned());
    statements
        .push("create policy enqueue on fhir_gateway.outbox for insert to current_user with check (true)".to_owned());
    // A view answers with its owner's rights before PostgreSQL 15; there our role does not get it.
    statements.push(
        "do $$ begin if current_setting('server_version_num')::int >= 150000 then \
         execute 'alter view fhir_gateway.resources set (security_invoker = true)'; \
         grant select on fhir_gateway.resources to fhir_gateway_app; end if; end $$"
            .to_owned(),
    );
    // Bodies are compressed on their way to disk; lz4, where the server has it, takes a fifth of the time.
    statements.push(
        "do $$ begin alter table fhir_gateway.resource_versions alter column body set compression lz4; \
         exception when feature_not_supported then null; end $$"
            .to_owned(),
    );
    // The owner, whom the forced policies bind too, looks by these functions alone; our role is no member of it.
    for table in [
        "account_sessions",
        "accounts",
        "oauth_approvals",
        "oauth_clients",
        "oauth_handles",
        "oauth_tokens",
        "outside_providers",
    ] {
        statements.push(format!("drop policy if exists found on fhir_gateway.{table}"));
        statements.push(format!("create policy found on fhir_gateway.{table} for select to current_user using (true)"));
    }
    statements.push(OAUTH.to_owned());
    statements.push(ACCOUNTS.to_owned());
    statements.push(READ_CURRENT.to_owned());
    statements.push(consents::predicate::FUNCTION.clone());
    statements
}

/// A table of a user's that maps name.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub struct UserTable {
    /// Its name.
    pub name: String,
    /// Column that holds the organization.
    pub tenant: Option<String>,
    /// Nothing is ever written to it.
    pub readonly: bool,
}

/// What is still missing for the gateway's role to work on `table`, as statements for the table's owner.
pub async fn user_table(connection: &mut Connection, table: &UserTable) -> Result<Vec<String>, DbError> {
    if connection.engine() == Engine::Sqlite {
        return Ok(Vec::new());
    }
    let name = quote(&table.name);
    let rights = if table.readonly { "select" } else { "select, insert, update, delete" };
    let mut statements = vec![format!("grant {rights} on {name} to {APPLICATION_ROLE}")];
    statements.extend(sequences(connection, &name).await?);
    if let Some(tenant) = &table.tenant {
        statements.extend(policies(connection, &name, tenant).await?);
    }
    Ok(statements)
}

/// Sequences behind `serial` columns, whose defaults run with the writer's rights.
async fn sequences(connection: &mut Connection, name: &str) -> Result<Vec<String>, DbError> {
    let sql = "select s.oid::regclass::text from pg_catalog.pg_depend d join pg_catalog.pg_class s on s.oid = d.objid \
               where d.refobjid = $1::text::regclass and s.relkind = 'S' and d.deptype = 'a'";
    let rows = connection.fetch(sql, &[Arg::Text(name)]).await?;
    let grant = |sequence: &str| format!("grant usage on sequence {sequence} to {APPLICATION_ROLE}");
    Ok(rows.iter().filter_map(|row| row.text(0)).map(grant).collect())
}

/// Row-level security of a user's table: restrictive for our role, and as before for everybody else.
async fn policies(connection: &mut Connection, name: &str, tenant: &str) -> Result<Vec<String>, DbError> {
    let sql = "select c.relrowsecurity, \
               exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'fhir_gateway_tenant'), \
               (select t.typcategory::text from pg_catalog.pg_attribute a join pg_catalog.pg_type t on t.oid = a.atttypid \
                where a.attrelid = c.oid and a.attname = $2 and not a.attisdropped), c.relkind::text, \
               current_setting('server_version_num')::int >= 160000 \
               or (select rolsuper from pg_catalog.pg_roles where rolname = current_user) \
               from pg_catalog.pg_class c where c.oid = $1::text::regclass";
    let Some(row) = connection.fetch_optional(sql, &[Arg::Text(name), Arg::Text(tenant)]).await? else {
        return Ok(Vec::new());
    };
    // A view has no policies of its own: its tables are guarded by whoever made it.
    if !matches!(row.text(3), Some("r" | "p")) || (row.flag(0) && row.flag(1)) {
        return Ok(Vec::new());
    }
    let column = quote(tenant);
    let check = match row.text(2) {
        Some("N") => format!("{column} = {TENANT}::bigint"),
        _ => format!("{column}::text = {TENANT}"),
    };
    // Before PostgreSQL 16 an owner who may take our role inherits its policies, and our triggers run as the owner.
    let check = if row.flag(4) { check } else { format!("(current_user <> '{APPLICATION_ROLE}' or {check})") };
    // Where the owner has no row-level security yet, everybody keeps the rights that the grants give. Where the owner
    // has, only our role is added, with the owner (whom our triggers run as) able to find keys.
    let everybody = if row.flag(0) { APPLICATION_ROLE } else { "public" };
    let mut statements = vec![
        format!("drop policy if exists fhir_gateway_everyone on {name}"),
        format!("drop policy if exists fhir_gateway_owner on {name}"),
        format!("drop policy if exists fhir_gateway_tenant on {name}"),
        format!("create policy fhir_gateway_everyone on {name} to {everybody} using (true) with check (true)"),
        format!(
            "create policy fhir_gateway_tenant on {name} as restrictive to {APPLICATION_ROLE} \
             using ({check}) with check ({check})"
        ),
    ];
    if row.flag(0) {
        statements.push(format!("create policy fhir_gateway_owner on {name} for select to current_user using (true)"));
    } else {
        statements.push(format!("alter table {name} enable row level security, force row level security"));
    }
    Ok(statements)
}

/// The statements that give users' tables back as they were: no rights and no policies of ours.
pub(super) async fn release_user_tables(connection: &mut Connection) -> Result<Vec<String>, DbError> {
    if connection.engine() == Engine::Sqlite {
        return Ok(Vec::new());
    }
    let sql = "select c.oid::regclass::text, not exists (select from pg_catalog.pg_policy o where o.polrelid = c.oid \
                   and o.polname not in ('fhir_gateway_everyone', 'fhir_gateway_owner', 'fhir_gateway_tenant')) \
               from pg_catalog.pg_class c join pg_catalog.pg_policy p on p.polrelid = c.oid \
               where p.polname = 'fhir_gateway_tenant'";
    let mut statements = Vec::new();
    for row in connection.fetch(sql, &[]).await? {
        let Some(name) = row.text(0) else { continue };
        for policy in ["everyone", "owner", "tenant"] {
            statements.push(format!("drop policy if exists fhir_gateway_{policy} on {name}"));
        }
        if row.flag(1) {
            statements.push(format!("alter table {name} no force row level security, disable row level security"));
        }
        statements.push(format!("revoke all on {name} from {APPLICATION_ROLE}"));
    }
    Ok(statements)
}

/// The kinds of columns that can hold an organization.
pub fn is_tenant_kind(kind: ColumnKind) -> bool {
    kind == ColumnKind::Integer
}

/// Why the gateway must not serve with this connection's role; empty when all is well. The connection is one of the
/// application's.
pub async fn objections(connection: &mut Connection) -> Result<Vec<String>, DbError> {
    if connection.engine() == Engine::Sqlite {
        return Ok(Vec::new());
    }
    let mut objections = Vec::new();
    let role = "select rolsuper, rolbypassrls from pg_catalog.pg_roles where rolname = current_user";
    if let Some(row) = connection.fetch_optional(role, &[]).await? {
        if row.flag(0) {
            objections.push("the role is a superuser: row-level security does not bind it".to_owned());
        }
        if row.flag(1) {
            objections.push("the role has BYPASSRLS".to_owned());
        }
    }
    let tables = format!(
        "select n.nspname || '.' || c.relname, pg_catalog.pg_has_role(current_user, c.relowner, 'usage'), \
         c.relrowsecurity and (c.relforcerowsecurity or n.nspname <> 'fhir_gateway') \
         from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace \
         where c.relkind in ('r', 'p') and (n.nspname = 'fhir_gateway' and (c.relispartition or c.relname in ({internal})) \
         or exists (select from pg_catalog.pg_policy p where p.polrelid = c.oid and p.polname = 'fhir_gateway_tenant')) \
         order by 1",
        internal = INTERNAL.iter().filter(|table| table.2).map(|table| literal(table.0)).collect::<Vec<_>>().join(", ")
    );
    for row in connection.fetch(&tables, &[]).await? {
        let table = row.text(0).unwrap_or_default();
        if row.flag(1) {
            objections.push(format!("the role owns {table} (or is a member of its owner)"));
        }
        if !row.flag(2) {
            objections.push(format!("row-level security is not in force on {table}"));
        }
    }
    Ok(objections)
}
