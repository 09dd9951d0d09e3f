//! Who may see which rows on PostgreSQL: the application role, row-level security, and what must hold before the gateway
//! is ready.
//!
//! The gateway's connections take a role that owns nothing. It sees the rows of the organization named by the
//! transaction's `app.current_organization_id`; unset = no rows. The policies are forced, so they bind the tables' owner
//! too. Tables of users keep working for everybody else: there the policy is restrictive and for our role alone.
//!
//! <https://www.postgresql.org/docs/current/ddl-rowsecurity.html>

mod functions;

use mappers::schema::ColumnKind;

use self::functions::{ACCOUNTS, OAUTH, READ_CURRENT, STAYS_USED};
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
const INTERNAL: [(&str, &str, bool); 52] = [
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
    // What takes the place of another ends it.
    ("code_maps", "select, insert, update (ended, ended_by)", true),
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
    ("normalization_policies", "select, insert, update", true),
    // What was told stays, until an erasure leaves nothing of it.
    ("normalizations", "select, insert, delete", true),
    ("normalized_codings", "select, insert, update (ended), delete", true),
    ("notifications", "select, insert, update (sent)", true),
    // What was approved stays as it was approved, until it ends.
    ("oauth_approvals", "select, insert, update (ended, ended_by), delete", true),
    ("oauth_assertions", "select, insert, delete", true),
    // Neither whose a client is changes, nor its id or kind; and none is removed, but what registered itself and was never used (below).
    (
        "oauth_clients",
        "select, insert, delete, update (name, secret_hash, secret_before, secret_until, jwks, jwks_url, scopes, purposes, \
         default_purpose, actors, officer, redirect_uris, networks, provider, exchanges, used, revision, changed, changed_by, disabled)",
        true,
    ),
    ("oauth_handles", "select, insert, update (used), delete", true),
    ("oauth_refusals", "select, insert, delete", true),
    ("oauth_registrations", "select, insert, update (uses, ended, ended_by), delete", true),
    ("oauth_tokens", "select, insert, update (revoked), delete", true),
    ("outbox", "select, insert, update, delete", true),
    ("outside_links", "select, insert, update (subject, said), delete", true),
    (
        "outside_providers",
        "select, insert, update (name, sealed, audience, roles, second_factor, exchange_audiences, introspection_sealed, removed, removed_by)",
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
        "oauth_registrations",
        "oauth_tokens",
        "outside_providers",
    ] {
        statements.push(format!("drop policy if exists found on fhir_gateway.{table}"));
        statements.push(format!("create policy found on fhir_gateway.{table} for select to current_user using (true)"));
    }
    // Whoever an administrator has added, or somebody has used, stays on register for ever.
    statements.push("drop policy if exists unused on fhir_gateway.oauth_clients".to_owned());
    statements.push(
        "create policy unused on fhir_gateway.oauth_clients as restrictive for delete using (registered = 1 and used is null)"
            .to_owned(),
    );
    statements.push(STAYS_USED.to_owned());
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
