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

    /// Ids, addresses and names of requests end up in no header as lines of their own, nor in the log.
    async fn e62_lines_of_ones_own_in_headers_and_logs(engine: Engine) {
        let server = Server::with(engine, Options { arguments: ["--log-format", "json"].map(str::to_owned).to_vec(), ..Options::default() });
        let api = server.client();
        for path in ["/Patient/a%0d%0aX-Evil:%201", "/Patient/a%0aSet-Cookie:%20b", "/Patient?_id=a%0d%0aX-Evil:%201", "/%0d%0aX-Evil:%201"] {
            let answer = api.get(path).await;
            assert!(answer.header("X-Evil").is_none() && answer.header("Set-Cookie").is_none(), "{path}");
        }
        let token = format!("Authorization: Bearer {TOKEN}\r\nConnection: close\r\n\r\n");
        for line in ["X-Request-Id: a\x0bb", "X-Request-Id: \"}\\n{\\\"level\\\":\\\"ERROR\\\"", "X-Request-Id: \u{2028}forged-line", "User-Agent: forged-line\x1b[2J"] {
            let answer = said(&server, format!("GET /fhir/Patient?_count=0 HTTP/1.1\r\nHost: x\r\n{line}\r\n{token}").as_bytes());
            assert!(answer.starts_with("HTTP/1.1 200") || answer.starts_with("HTTP/1.1 400"), "{line:?}: {answer}");
        }
        let log = server.log();
        assert!(!log.contains("forged-line") && !log.contains('\u{1b}'), "{log}");
        for line in log.lines().filter(|line| line.starts_with('{')) {
            assert!(serde_json::from_str::<serde_json::Value>(line).is_ok(), "a line of its own: {line}");
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
