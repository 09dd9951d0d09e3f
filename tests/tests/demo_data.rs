//! The demo's data: twenty records of five years and what the clinic's own programs wrote besides. Every mapped table has
//! rows, every mapped type is served, nothing differs from what was sent, and nothing is wrong with what is kept.
#![allow(missing_docs, clippy::unwrap_used)]

use std::collections::BTreeSet;
use std::path::Path;

use gateway_tests::{Command, Engine, Json, Server, json_lines, suite};

async fn written(folder: &Path, seed: &str) -> (Vec<u8>, Vec<u8>) {
    let folder = folder.join(seed);
    let place = folder.display().to_string();
    Command::run(&["demo", "--seed", seed, "--write", &place]).await.expect(0);
    (std::fs::read(folder.join("bundles.ndjson")).unwrap(), std::fs::read(folder.join("rows.sql")).unwrap())
}

#[tokio::test]
async fn the_same_seed_writes_the_same_bytes() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = written(one.path(), "20").await;
    assert!(first == written(two.path(), "20").await);
    assert!(first.0 != written(two.path(), "21").await.0);
}

/// The built-in maps: name, type, and every table they write.
async fn maps() -> Vec<(String, String, BTreeSet<String>)> {
    let list = Command::run(&["map", "show"]).await.expect(0).stdout;
    let mut maps = Vec::new();
    for line in list.lines() {
        let words: Vec<&str> = line.split_whitespace().collect();
        let shown = Command::run(&["map", "show", words[0]]).await.expect(0).stdout;
        let rows = shown.split("rows of ").skip(1).filter_map(|rest| rest.split_whitespace().next());
        let tables = rows.chain([words[2]]).map(str::to_owned).collect();
        maps.push((words[0].to_owned(), words[1].to_owned(), tables));
    }
    maps
}

suite! {
    async fn every_mapped_table_has_rows_and_nothing_is_wrong_with_them(engine: Engine) {
        let server = Server::start(engine);
        let folder = tempfile::tempdir().unwrap();
        let (_, rows) = written(folder.path(), "20").await;
        let bundles = folder.path().join("20/bundles.ndjson");
        let data_dir = server.data_dir().display().to_string();
        let database = ["--database", &server.database.url, "--data-dir", &data_dir];
        Command::run(&[&["import", bundles.to_str().unwrap()][..], &database].concat()).await.expect(0);
        let mut sql = server.sql().await;
        sql.run(std::str::from_utf8(&rows).unwrap()).await;

        // Whole records: the first differences would name what was lost.
        let report = Command::run(&[&["map", "verify", "--json"][..], &database].concat()).await.expect(0).stdout;
        let report = Json::of(&report);
        let quality = Command::run(&[&["map", "quality", "--json"][..], &database].concat()).await.stdout;
        let errors: Vec<Json> = Json::of(&quality)
            .items("findings")
            .iter()
            .filter(|finding| finding.str("severity") == Some("error"))
            .cloned()
            .collect();
        assert!(errors.is_empty(), "{errors:?}");

        let mut empty = BTreeSet::new();
        let mut types = BTreeSet::new();
        for (name, kind, tables) in maps().await {
            types.insert(kind);
            for table in tables {
                if sql.count(&format!("select count(*) from {table}")).await == 0 {
                    empty.insert(format!("{table} ({name})"));
                }
            }
        }
        assert!(empty.is_empty(), "no rows in {empty:?}; {report}");

        let api = server.client();
        for kind in &types {
            let page = api.get(&format!("/{kind}?_count=1")).await.expect(200).json();
            assert_eq!(page.items("entry").len(), 1, "{kind}");
        }
        assert_eq!(api.get("/Patient?_summary=count").await.expect(200).json().str("total"), Some("20"));
        // As it was sent, after rows and back.
        for bundle in json_lines(&bundles).iter().take(2) {
            for entry in bundle.items("entry") {
                let sent = entry.at("resource").unwrap().clone().sorted();
                let url = entry.str("request.url").unwrap();
                let served = api.get(&format!("/{url}")).await.expect(200).json().without_server_meta().sorted();
                assert_eq!(served.difference(&sent), None, "{url}");
            }
        }
        let summary = api.get("/Patient/p0001/$summary").await.expect(200).json();
        assert_eq!(summary.str("type"), Some("document"));
    }
}
