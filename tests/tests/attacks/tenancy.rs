//! F: tenancy and storage, 64 to 67. The database itself is asked as the gateway's role is, under another organization's name.

use gateway_tests::{Engine, Server, Sql, hidden_organization, on_postgres, suite};

use crate::record;

/// Every table that has an `organization_id`, with its schema.
const TABLES: &str = "select quote_ident(n.nspname) || '.' || quote_ident(c.relname) from pg_class c join pg_namespace n on n.oid = c.relnamespace \
    join pg_attribute a on a.attrelid = c.oid where c.relkind in ('r', 'p') and a.attname = 'organization_id' and not a.attisdropped \
    and n.nspname in ('fhir_gateway', 'public') and pg_catalog.has_table_privilege('fhir_gateway_app', c.oid, 'select') order by 1";

suite! {
    async fn f66_f67_ids_and_numbers_of_another_organization_are_free_here(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let before = api.get("/Patient/hidden-0-1").await.expect(404);
        let mut sql = Sql::connect(engine, &server.database.url).await;
        assert!(hidden_organization(&mut sql).await > 0);
        let after = api.get("/Patient/hidden-0-1").await.expect(404);
        assert_eq!(crate::spelt(&before, "hidden-0-1"), crate::spelt(&after, "hidden-0-1"));
        for path in ["/Patient", "/Observation", "/MedicationRequest"] {
            assert_eq!(api.search(path).await, Vec::<String>::new(), "{path}");
        }
        // The same key and the same number of a patient: no clash tells that they are taken there.
        let text = r#"{"resourceType":"Patient","id":"hidden-0-1","identifier":[{"system":"urn:example:mrn","value":"mrn-twin-1"}],"name":[{"family":"Ours"}]}"#;
        api.put("/Patient/hidden-0-1", text).await.expect(201);
        assert_eq!(api.search("/Patient?identifier=urn:example:mrn%7Cmrn-twin-1").await, ["Patient/hidden-0-1"]);
        assert_eq!(sql.count("select count(*) from patients where id = 'hidden-0-1' and organization_id = 2 and last_name = 'Hidden'").await, 1);
    }
}

on_postgres! {
    /// Roles are PostgreSQL's; on SQLite `f66_f67` asks the gateway itself.
    async fn f64_f65_no_table_shows_or_takes_another_organizations_rows(engine: Engine) {
        let server = Server::start(engine);
        for resource in record("ada") {
            server.client().save(&resource).await.expect(201);
        }
        let mut sql = Sql::connect(engine, &server.database.url).await;
        let tables: Vec<String> = sql.rows(TABLES).await.into_iter().map(|mut row| row.remove(0).unwrap()).collect();
        assert!(tables.len() > 40, "{}", tables.len());
        let mut filled = 0;
        for table in &tables {
            filled += i64::from(sql.count(&format!("select count(*) from {table} where organization_id = 1")).await > 0);
        }
        assert!(filled >= 12, "{filled} tables have rows");
        sql.run("set role fhir_gateway_app").await;
        for organization in ["2", ""] {
            sql.run(&format!("select set_config('app.current_organization_id', '{organization}', false)")).await;
            for table in &tables {
                assert_eq!(sql.count(&format!("select count(*) from {table}")).await, 0, "{table} under '{organization}'");
                // Where there is a right to, it reaches nothing.
                for change in [format!("update {table} set organization_id = 2"), format!("delete from {table}")] {
                    let changed = sql.attempt(&change).await;
                    assert!(
                        changed.as_ref().map_or(true, |rows| *rows == 0),
                        "{change} under '{organization}': {changed:?} rows"
                    );
                }
            }
        }
        // Nor do one's own rows become another's.
        sql.run("select set_config('app.current_organization_id', '1', false)").await;
        for table in &tables {
            let moved = sql.attempt(&format!("update {table} set organization_id = 2")).await;
            assert!(reaches_nothing(&moved), "{table}: {moved:?}");
        }
    }

    async fn f65_the_role_is_no_owner_and_no_superuser_and_the_organization_ends_with_its_transaction(engine: Engine) {
        let server = Server::start(engine);
        server.client().save(&record("ada")[0]).await.expect(201);
        let mut sql = Sql::connect(engine, &server.database.url).await;
        let weak = "select count(*) from pg_roles where rolname = 'fhir_gateway_app' and (rolsuper or rolbypassrls)";
        assert_eq!(sql.count(weak).await, 0);
        let unforced = "select count(*) from pg_class c join pg_namespace n on n.oid = c.relnamespace join pg_attribute a on a.attrelid = c.oid \
            where n.nspname = 'fhir_gateway' and c.relkind in ('r', 'p') and a.attname = 'organization_id' and not (c.relrowsecurity and c.relforcerowsecurity)";
        assert_eq!(sql.count(unforced).await, 0, "row-level security is not forced on a table");
        let definers = "select count(*) from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'fhir_gateway' and p.prosecdef \
            and (p.proconfig is null or not exists (select from unnest(p.proconfig) c where c like 'search_path=%'))";
        assert_eq!(sql.count(definers).await, 0, "a function with its owner's rights has no search path of its own");
        // Many at once, some of whom go away in the middle: the next one on a connection has its own organization or none.
        let api = server.client();
        let asked: Vec<_> = (0..64)
            .map(|number| {
                let api = api.clone();
                tokio::spawn(async move {
                    let request = async move { api.get("/Patient?_count=50").await };
                    if number % 3 == 0 {
                        _ = tokio::time::timeout(std::time::Duration::from_millis(1), request).await;
                    } else {
                        request.await.expect(200);
                    }
                })
            })
            .collect();
        for one in asked {
            one.await.unwrap();
        }
        assert_eq!(server.client().search("/Patient").await, ["Patient/ada"]);
    }
}

/// A change that rights or policies refuse, or that finds no row; any other error would prove nothing.
fn reaches_nothing(changed: &Result<u64, sqlx::Error>) -> bool {
    match changed {
        Ok(rows) => *rows == 0,
        Err(error) => ["permission denied", "row-level security"].iter().any(|why| error.to_string().contains(why)),
    }
}
