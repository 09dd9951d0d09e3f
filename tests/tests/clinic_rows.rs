//! What the clinic's own programs see in their tables of what came by FHIR, and what FHIR shows of rows that are not as they
//! should be.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Json, Server, look, suite};

fn named(id: &str, names: &str) -> Json {
    Json::of(&format!(r#"{{"resourceType":"Patient","id":"{id}","name":[{names}]}}"#))
}

suite! {
    /// Most senders give a name without a use, or the usual one. The columns have it, and another program's word for them wins.
    async fn a_name_without_use_is_in_the_columns(server: &'static Server) {
        let api = server.client();
        let mut sql = server.sql().await;
        let columns = async |sql: &mut gateway_tests::Sql, id: &str| {
            sql.value(&format!("select coalesce(last_name, '-') || '/' || coalesce(first_name, '-') from patients where id = '{id}'")).await
        };
        for (id, names, held) in [
            ("cr-n1", r#"{"family":"Moen","given":["Ada"]}"#, "Moen/Ada"),
            ("cr-n2", r#"{"use":"usual","family":"Moen","given":["Ada"]}"#, "Moen/Ada"),
            ("cr-n3", r#"{"family":"First"},{"use":"usual","family":"Second"},{"use":"official","family":"Third"}"#, "Third/-"),
            ("cr-n4", r#"{"use":"old","family":"Before"},{"family":"First"},{"use":"usual","family":"Second"}"#, "Second/-"),
            ("cr-n5", r#"{"use":"anonymous","family":"Nobody"},{"use":"temp","family":"Guest"}"#, "-/-"),
            ("cr-n6", r#"{"family":"Moen","_family":{"id":"f"},"given":["A","B","C"]}"#, "Moen/A"),
        ] {
            let sent = named(id, names);
            api.save(&sent).await.expect(201);
            assert_eq!(columns(&mut sql, id).await, held, "{names}");
            let got = api.get(&format!("/Patient/{id}")).await.expect(200).json();
            assert_eq!(got.at("name"), sent.at("name"));
            api.save(&got).await.expect(200);
            assert_eq!(columns(&mut sql, id).await, held, "{names}");
        }
        sql.run("update patients set last_name = 'Berg' where id in ('cr-n1', 'cr-n4', 'cr-n5')").await;
        for (id, names) in [
            ("cr-n1", r#"[{"family":"Berg","given":["Ada"]}]"#),
            ("cr-n4", r#"[{"use":"old","family":"Before"},{"family":"First"},{"use":"usual","family":"Berg"}]"#),
            ("cr-n5", r#"[{"use":"anonymous","family":"Nobody"},{"use":"temp","family":"Guest"},{"use":"official","family":"Berg"}]"#),
        ] {
            let got = api.get(&format!("/Patient/{id}")).await.expect(200).json();
            assert_eq!(got.at("name"), Some(&Json::of(names)), "{id}");
        }
        // A PUT without a name clears the columns, however the name came to be there.
        api.save(&Json::of(r#"{"resourceType":"Patient","id":"cr-n1"}"#)).await.expect(200);
        assert_eq!(columns(&mut sql, "cr-n1").await, "-/-");
        sql.run("update patients set last_name = 'Dahl' where id = 'cr-n1'").await;
        let got = api.get("/Patient/cr-n1").await.expect(200).json();
        assert_eq!(look(&got, "name[use=official].family").and_then(Json::as_str), Some("Dahl"));
    }
}
