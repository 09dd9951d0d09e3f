//! Documents: content in the row, in a file, in the object store, by other programs and by FHIR.
#![allow(missing_docs, clippy::unwrap_used)]

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use gateway_tests::{
    Command, Engine, Json, Options, Server, Sql, own, patient, residue_stays, suite, true_everywhere, with_residue,
};
use tempfile::TempDir;

suite! {
    async fn rows_of_other_programs_are_read_wherever_their_content_lies(engine: Engine) {
        let (server, store) = start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("dr", "x")).await.expect(201);
        put_file(&files(&server), "letters/2024/a letter.txt", b"from a file");
        put_file(store.path(), "scans/1.tif", b"from the object store");
        for (id, column, value) in [
            ("in-row", "content", hex(engine, b"from the row")),
            ("in-file", "file_path", "'letters/2024/a letter.txt'".to_owned()),
            ("in-store", "object_key", "'scans/1.tif'".to_owned()),
            ("elsewhere", "url", "'Binary/x'".to_owned()),
        ] {
            sql.run(&format!(
                "insert into documents (id, organization_id, patient_id, status, type_code, content_type, title, size_bytes, sha1, {column})
                 values ('{id}', 1, 'dr', 'current', '34133-9', 'text/plain', 'Letter', 4711, 'aGFzaA==', {value})"
            )).await;
        }
        for (id, content) in [("in-row", "from the row"), ("in-file", "from a file"), ("in-store", "from the object store")] {
            let body = true_everywhere(&api, &format!("/DocumentReference/{id}"), 1).await;
            assert_eq!(data(&body), content.as_bytes(), "{body}");
            assert_eq!(body.str("content.0.attachment.size"), Some("4711"), "the column's word counts: {body}");
            assert_eq!(body.str("content.0.attachment.hash"), Some("aGFzaA=="), "{body}");
            assert_eq!(body.str("type.coding.0.code"), Some("34133-9"));
            assert_eq!((body.str("subject.reference"), body.str("status")), (Some("Patient/dr"), Some("current")));
        }
        let body = api.get("/DocumentReference/elsewhere").await.expect(200).json();
        assert_eq!(body.str("content.0.attachment.url"), Some("Binary/x"), "{body}");
        assert_eq!(body.at("content.0.attachment.data"), None, "{body}");
        assert_eq!(api.search("/DocumentReference?patient=dr").await.len(), 4);

        // Content that moves is the same document.
        sql.run("update documents set file_path = null, object_key = 'scans/1.tif' where id = 'in-file'").await;
        let body = true_everywhere(&api, "/DocumentReference/in-file", 2).await;
        assert_eq!(data(&body), b"from the object store");
        assert_eq!(data(&api.get("/DocumentReference/in-file/_history/1").await.expect(200).json()), b"from a file");
        assert!(verified(&server, Some(&store)).await, "nothing differs");
    }

    async fn what_a_client_sends_lies_in_the_row_or_beside_it(engine: Engine) {
        let (server, store) = start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("dw", "x")).await.expect(201);
        let small = with_residue(document("small", "dw", b"short"));
        let large = with_residue(document("large", "dw", &bytes(300_000, 1)));
        for resource in [&small, &large] {
            api.save(resource).await.expect(201);
            let id = resource.str("id").unwrap();
            let body = true_everywhere(&api, &format!("/DocumentReference/{id}"), 1).await;
            residue_stays(&body);
            assert_eq!(data(&body), data(resource));
        }
        assert_eq!(content_of(&mut sql, "small").await, b"short");
        let rows = sql.rows("select file_path, object_key from documents where id = 'large'").await;
        let key = rows[0][1].clone().expect("the object store comes first");
        assert_eq!(rows[0][0], None);
        assert_eq!(fs::read(store.path().join(&key)).unwrap(), bytes(300_000, 1));

        // Writing back what was read changes nothing, and leaves nothing behind.
        let read = api.get("/DocumentReference/large").await.expect(200).json();
        api.save(&read).await.expect(200);
        assert_eq!(sql.rows("select file_path, object_key from documents where id = 'large'").await, rows);
        assert_eq!(count_files(store.path()), 1, "what was stored for nothing is gone");
        assert!(verified(&server, Some(&store)).await, "nothing differs");
    }

    async fn without_an_object_store_long_content_lies_in_files(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("df", "x")).await.expect(201);
        let long = bytes(20_000_000, 2);
        api.save(&document("long", "df", &long)).await.expect(201);
        let path = sql.value("select file_path from documents where id = 'long'").await;
        assert!(fs::read(files(&server).join(&path)).unwrap() == long, "the exact bytes");
        assert!(data(&api.get("/DocumentReference/long").await.expect(200).json()) == long, "the exact bytes");

        // Replacing content writes another file; the version before is what it was.
        let other = bytes(400_000, 3);
        api.save(&document("long", "df", &other)).await.expect(200);
        let new = sql.value("select file_path from documents where id = 'long'").await;
        assert_ne!(new, path);
        assert_eq!(fs::read(files(&server).join(&new)).unwrap(), other);
        assert!(data(&api.get("/DocumentReference/long/_history/1").await.expect(200).json()) == long);
        assert!(data(&true_everywhere(&api, "/DocumentReference/long", 2).await) == other);

        // Clear: no content, no column.
        let empty = document("long", "df", b"x").with("content", Json::of(r#"[{"attachment":{"url":"Binary/x"}}]"#));
        api.save(&empty).await.expect(200);
        assert_eq!(sql.rows("select content is null, file_path, url from documents where id = 'long'").await[0][1..], [None, Some("Binary/x".to_owned())]);
        api.delete("/DocumentReference/long").await;
        assert_eq!(sql.count("select count(*) from documents").await, 0);
    }

    async fn base64_with_line_ends_stays_as_the_client_wrote_it(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("db", "x")).await.expect(201);
        for (id, text) in [("lines", r"aGVs\r\nbG8="), ("large-lines", &format!(r"{}\n{}", BASE64.encode(bytes(300_000, 4)), BASE64.encode("tail")))] {
            let resource = document(id, "db", b"x").to_string().replace("\"eA==\"", &format!("\"{text}\""));
            api.put(&format!("/DocumentReference/{id}"), &resource).await.expect(201);
            let read = api.get(&format!("/DocumentReference/{id}")).await.expect(200);
            assert!(String::from_utf8_lossy(&read.body).contains(&format!("\"data\":\"{text}\"")), "{id}");
        }
        assert_eq!(content_of(&mut sql, "lines").await, b"hello", "the column has the bytes all the same");
        let path = sql.value("select file_path from documents where id = 'large-lines'").await;
        assert_eq!(fs::read(files(&server).join(path)).unwrap(), [&bytes(300_000, 4)[..], b"tail"].concat());
    }

    async fn hostile_and_missing_content_is_absent_and_flagged(engine: Engine) {
        let (server, _store) = start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("dh", "x")).await.expect(201);
        put_file(&files(&server), "plain.txt", b"plain");
        symlink("/etc/passwd", files(&server).join("link")).unwrap();
        symlink("/etc", files(&server).join("etc")).unwrap();
        let hostile = ["/etc/passwd", "../../../../etc/passwd", "link", "etc/passwd", "missing.txt", "", ".", "a/../plain.txt"];
        for (number, path) in hostile.iter().enumerate() {
            for column in ["file_path", "object_key"] {
                let id = format!("{}-{number}", column.replace('_', "-"));
                sql.run(&format!(
                    "insert into documents (id, organization_id, patient_id, status, content_type, title, {column})
                     values ('{id}', 1, 'dh', 'current', 'text/plain', 'T', '{path}')"
                )).await;
                let body = true_everywhere(&api, &format!("/DocumentReference/{id}"), 1).await;
                assert_eq!(body.at("content.0.attachment.data"), None, "{path}: {body}");
                assert_eq!(body.str("content.0.attachment.title"), Some("T"), "the rest is served: {body}");
                let directory = own(engine, "directory");
                let flag = sql.value(&format!("select flag from {directory} where type = 'DocumentReference' and id = '{id}'")).await;
                assert!(flag.starts_with("content: "), "{path}: {flag}");
            }
        }
        // Writing back a document whose file is missing does not forget where it should be.
        let read = api.get("/DocumentReference/object-key-4").await.expect(200).json();
        api.save(&read).await.expect(200);
        assert_eq!(sql.value("select object_key from documents where id = 'object-key-4'").await, "missing.txt");
        put_file(&files(&server), "missing.txt", b"found again");
        sql.run("update documents set title = 'T2' where id = 'file-path-4'").await;
        let body = true_everywhere(&api, "/DocumentReference/file-path-4", 2).await;
        assert_eq!(data(&body), b"found again");
    }

    async fn a_changed_file_is_found_by_verify(engine: Engine) {
        let (server, store) = start(engine);
        let api = server.client();
        let mut sql = server.sql().await;
        api.save(&patient("dv", "x")).await.expect(201);
        put_file(&files(&server), "a.txt", b"before");
        sql.run("insert into documents (id, organization_id, patient_id, status, content_type, file_path) values ('dv', 1, 'dv', 'current', 'text/plain', 'a.txt')").await;
        assert_eq!(data(&api.get("/DocumentReference/dv").await.expect(200).json()), b"before");
        assert!(verified(&server, Some(&store)).await);
        put_file(&files(&server), "a.txt", b"after!");
        assert!(!verified(&server, Some(&store)).await, "the content is compared, not its name");
        sql.run("update documents set updated_at = '2026-01-01T00:00:00Z' where id = 'dv'").await;
        assert_eq!(data(&api.get("/DocumentReference/dv").await.expect(200).json()), b"after!");
        assert!(verified(&server, Some(&store)).await);
    }

    async fn a_kill_leaves_no_row_that_points_to_nothing(engine: Engine) {
        let mut server = Server::start(engine);
        server.client().save(&patient("dk", "x")).await.expect(201);
        for round in 0..3_u64 {
            let api = server.client();
            let saved = Arc::new(AtomicU64::new(0));
            let writers: Vec<_> = (0..4_u64).map(|writer| {
                let (api, saved) = (api.clone(), Arc::clone(&saved));
                tokio::spawn(async move {
                    for index in 0..100 {
                        let resource = document(&format!("k-{round}-{writer}-{index}"), "dk", &bytes(300_000, writer * 1000 + index));
                        if api.save(&resource).attempt().await.is_none() {
                            return;
                        }
                        saved.fetch_add(1, Ordering::Relaxed);
                    }
                })
            }).collect();
            // In the middle of the work, however slow the machine is.
            let enough = 5 + 20 * round;
            while saved.load(Ordering::Relaxed) < enough && !writers.iter().all(tokio::task::JoinHandle::is_finished) {
                tokio::time::sleep(Duration::from_millis(7)).await;
            }
            server.kill();
            for writer in writers {
                writer.await.unwrap();
            }
            let mut sql = server.sql().await;
            let named = sql.rows("select id, file_path from documents where file_path is not null").await;
            for row in &named {
                let [Some(id), Some(path)] = &row[..] else { panic!("no id or path") };
                let numbers: Vec<u64> = id.split('-').skip(2).map(|number| number.parse().unwrap()).collect();
                let found = fs::read(files(&server).join(path)).unwrap_or_default();
                assert!(found == bytes(300_000, numbers[0] * 1000 + numbers[1]), "{id} points to something else");
            }
            assert!(!named.is_empty(), "the test would prove nothing");
            drop(sql);
            server.restart();
        }
        assert!(verified(&server, None).await);
    }
}

/// A server with an object store in a folder.
fn start(engine: Engine) -> (Server, TempDir) {
    let store = tempfile::tempdir().unwrap();
    let arguments = vec!["--content-store".to_owned(), format!("file://{}", store.path().display())];
    (Server::with(engine, Options { arguments, ..Options::default() }), store)
}

fn files(server: &Server) -> PathBuf {
    let directory = server.data_dir().join("content");
    fs::create_dir_all(&directory).unwrap();
    directory
}

fn put_file(directory: &Path, name: &str, content: &[u8]) {
    let path = directory.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

fn count_files(folder: &Path) -> usize {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { count_files(&path) } else { 1 }).sum()
}

/// Bytes of a number, each number's its own.
fn bytes(length: usize, number: u64) -> Vec<u8> {
    let words = (0..length as u64 / 8 + 1).map(|word| (word ^ number << 40).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mut bytes: Vec<u8> = words.flat_map(|word| (word ^ word >> 29).to_le_bytes()).collect();
    bytes.truncate(length);
    bytes
}

fn document(id: &str, patient: &str, content: &[u8]) -> Json {
    Json::of(&format!(
        r#"{{"resourceType":"DocumentReference","id":"{id}","identifier":[{{"system":"urn:doc","value":"{id}"}}],
        "status":"current","docStatus":"final","type":{{"coding":[{{"system":"http://loinc.org","code":"34133-9","display":"Summary"}}],"text":"Summary"}},
        "category":[{{"coding":[{{"system":"http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category","code":"clinical-note"}}]}}],
        "subject":{{"reference":"Patient/{patient}"}},"date":"2024-01-02T03:04:05Z","author":[{{"reference":"Practitioner/unknown"}}],
        "content":[{{"attachment":{{"contentType":"application/pdf","data":"{}","title":"A document"}},
        "format":{{"system":"http://ihe.net/fhir/ValueSet/IHE.FormatCode.codesystem","code":"urn:ihe:iti:xds:2017:mimeTypeSufficient"}}}}],
        "context":{{"period":{{"start":"2024-01-01T00:00:00Z","end":"2024-01-02T00:00:00Z"}}}}}}"#,
        BASE64.encode(content)
    ))
}

/// The content that a document shows.
fn data(document: &Json) -> Vec<u8> {
    let text = document.str("content.0.attachment.data").unwrap_or_else(|| panic!("no data: {document}"));
    BASE64.decode(text).unwrap()
}

/// A blob as SQL writes it.
fn hex(engine: Engine, content: &[u8]) -> String {
    let digits: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    match engine {
        Engine::Sqlite => format!("x'{digits}'"),
        Engine::Postgres => format!("'\\x{digits}'"),
    }
}

/// The bytes in a document's row.
async fn content_of(sql: &mut Sql, id: &str) -> Vec<u8> {
    let query = match sql.engine() {
        Engine::Sqlite => format!("select lower(hex(content)) from documents where id = '{id}'"),
        Engine::Postgres => format!("select encode(content, 'hex') from documents where id = '{id}'"),
    };
    let digits = sql.value(&query).await;
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

/// Whether `map verify` finds no difference.
async fn verified(server: &Server, store: Option<&TempDir>) -> bool {
    let data = server.data_dir().display().to_string();
    let mut arguments: Vec<String> =
        ["map", "verify", "--database", &server.database.url, "--data-dir", &data].map(ToOwned::to_owned).to_vec();
    if let Some(store) = store {
        arguments.extend(["--content-store".to_owned(), format!("file://{}", store.path().display())]);
    }
    let run = Command::run(&arguments).await;
    match run.code {
        Some(0) => true,
        Some(1) if run.stdout.contains("there are differences") => false,
        _ => panic!("{} {}", run.stdout, run.stderr),
    }
}
