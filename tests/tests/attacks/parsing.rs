//! E: requests that two readers would read differently (61), and what a client sends that comes back in headers and logs (62).

use gateway_tests::{Engine, Json, Options, Server, TOKEN, suite};

use crate::tokens::{named, said};

suite! {
    /// A body is as long as one header says: a proxy that reads the other one would pass on a second request of the attacker's.
    async fn e61_a_request_is_read_in_one_way_alone(server: &'static Server) {
        server.client().save(&named("smuggled-61")).await;
        let hidden = format!("DELETE /fhir/Patient/smuggled-61 HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
        let head = format!("POST /fhir/Patient/_search HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
        let length = hidden.len() + 5;
        for headers in [
            format!("Content-Length: {length}\r\nTransfer-Encoding: chunked\r\n"),
            format!("Transfer-Encoding: chunked\r\nContent-Length: {length}\r\n"),
            format!("Content-Length: {length}\r\nContent-Length: 4\r\n"),
            format!("Content-Length: +{length}\r\n"),
            "Transfer-Encoding: chunked, identity\r\n".to_owned(),
            "Transfer-Encoding: xchunked\r\n".to_owned(),
            format!("Content-Length : {length}\r\n"),
            format!("Content-Length: {length}\r\n Transfer-Encoding: chunked\r\n"),
        ] {
            let answer = said(server, format!("{head}{headers}\r\n0\r\n\r\n{hidden}").as_bytes());
            let answers = answer.matches("HTTP/1.1 ").count();
            assert!(answers <= 1, "{headers:?}: {answer}");
            server.client().get("/Patient/smuggled-61").await.expect(200);
        }
    }

    /// Ids, addresses and names of requests end up in no header as lines of their own.
    async fn e62_lines_of_ones_own_in_headers(server: &'static Server) {
        let api = server.client();
        for path in ["/Patient/a%0d%0aX-Evil:%201", "/Patient/a%0aSet-Cookie:%20b", "/Patient?_id=a%0d%0aX-Evil:%201", "/%0d%0aX-Evil:%201"] {
            let answer = api.get(path).await;
            assert!(answer.header("X-Evil").is_none() && answer.header("Set-Cookie").is_none(), "{path}");
        }
    }

    /// What of a request and of the start is on lines of the log (its id, the file of options) makes no line of its own, and moves no cursor.
    async fn e62_lines_of_ones_own_in_logs(engine: Engine) {
        let evil = "options\n2026-01-01T00:00:00.000000Z ERROR gateway: forged-line\u{1b}[2J\u{2028}\r{\"level\":\"ERROR\"}.toml";
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(evil);
        std::fs::write(&file, "").unwrap();
        for format in ["json", "text"] {
            let arguments = ["--log-format", format, "--config", file.to_str().unwrap()].map(str::to_owned).to_vec();
            let environment = vec![("FHIR_GATEWAY_LOG".to_owned(), "debug".to_owned())];
            let server = Server::with(engine, Options { arguments, environment, ..Options::default() });
            let token = format!("Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
            // The first is the control: an id that is taken as it is. What is no header at all is not read, and not answered with 200.
            let mut answered = 0;
            for (header, status) in [
                ("X-Request-Id: plain-62", 200),
                ("X-Request-Id: \"}\\n{\\\"level\\\":\\\"ERROR\\\"", 200),
                ("X-Request-Id: \u{2028}forged-line", 200),
                ("X-Request-Id: a%0aforged-line%1b[2J", 200),
                ("X-Request-Id: a\x0bb", 400),
                ("X-Request-Id: a\rforged-line", 400),
                ("X-Request-Id: forged-line\x1b[2J", 400),
                ("User-Agent: forged-line\x1b[2J", 400),
            ] {
                let request = format!("GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: x\r\n{header}\r\n{token}");
                let answer = said(&server, request.as_bytes());
                assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{header:?}: {answer}");
                answered += usize::from(status == 200);
            }
            server.client().get("/Patient/a%0aforged-line%1b[2J").header("X-Request-Id", "last-62").await.expect(404);
            let log = server.log();
            let lines: Vec<&str> = log.split('\n').filter(|line| !line.is_empty()).collect();
            let whole = |line: &&&str| match format {
                "json" => serde_json::from_str::<serde_json::Value>(line).is_ok_and(|line| line["timestamp"].is_string()),
                _ => line.starts_with("20") && ["DEBUG", "INFO", "WARN"].contains(&line.split_whitespace().nth(1).unwrap_or_default()),
            };
            let torn: Vec<&&str> = lines.iter().filter(|line| !whole(line)).collect();
            assert!(torn.is_empty(), "{format}, a line of its own: {torn:?}");
            // What moves a cursor, or what some viewers take for the end of a line; JSON may have the latter within a string.
            let unseen = |c: char| c != '\n' && (c.is_control() || format == "text" && matches!(c, '\u{2028}' | '\u{2029}'));
            assert!(!log.contains(unseen), "{format}: {log:?}");
            // The file is named on one line, and by it what stands in it did get that far.
            let named: Vec<&&str> = lines.iter().filter(|line| line.contains("told by a file of options")).collect();
            assert!(matches!(named[..], [line] if line.contains("forged-line")), "{format}: {named:?}");
            assert_eq!(lines.iter().filter(|line| line.contains("forged-line")).count(), 1, "{format}: {log}");
            // Each exchange has one line, and the ids that are taken are on it.
            let lines: Vec<&&str> = lines.iter().filter(|line| line.contains("answered")).collect();
            let of = |id: &str| lines.iter().filter(|line| line.contains(id)).count();
            assert_eq!((of("plain-62"), of("last-62"), lines.len()), (1, 1, answered + 1), "{format}: {log}");
        }
    }

    /// A line of a file is one resource, whole, or it is refused by its number; what other programs take for the end of a line is not.
    async fn e60_lines_that_are_not_one_resource(engine: Engine) {
        let server = Server::start(engine);
        let one = |id: &str| named(id).to_string().replace('\n', " ");
        let cut = one("l-cut");
        let lines = [
            format!("{}\r", one("l-crlf")),
            one("l-separator").replace("\"family\":\"x\"", "\"family\":\"a\u{2028}b\u{85}c\""),
            format!("{}{}", one("l-two"), one("l-three")),
            format!("{}\r{}", one("l-cr"), one("l-after-cr")),
            "\u{feff}".to_owned() + &one("l-bom"),
            cut[..cut.len() - 9].to_owned(),
        ];
        let file = server.folder().join("Patient.ndjson").display().to_string();
        std::fs::write(&file, lines.join("\n")).unwrap();
        let run = server.command(&["import", "--json", &file]).await.expect(4);
        let report = Json::of(&run.stdout);
        let mut refused: Vec<&str> = report.items("refusals").iter().filter_map(|refusal| refusal.str("line")).collect();
        refused.sort_unstable();
        refused.dedup();
        let api = server.client();
        api.get("/Patient/l-crlf").await.expect(200);
        let kept = api.get("/Patient/l-separator").await.expect(200).json();
        assert_eq!(kept.str("name.0.family"), Some("a\u{2028}b\u{85}c"));
        for id in ["l-two", "l-three", "l-cr", "l-after-cr", "l-bom", "l-cut"] {
            api.get(&format!("/Patient/{id}")).await.expect(404);
        }
        // A mark before the first line of a file is an editor's; elsewhere it is no JSON.
        assert_eq!(refused, ["3", "4", "5", "6"], "{report}");
    }
}
