//! What stands before an exchange: whose address counts.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Options, Server, suite};

fn options(arguments: &[&str]) -> Options {
    Options { arguments: arguments.iter().map(ToString::to_string).collect(), ..Options::default() }
}

/// The addresses on record, in order.
async fn sources(server: &Server) -> Vec<String> {
    let (mut sql, prefix) = server.trail().await;
    let rows = sql.rows(&format!("select source from {prefix}audit_events order by seq")).await;
    rows.into_iter().map(|mut row| row.remove(0).unwrap_or_default()).collect()
}

/// One request with each of these headers; the addresses that are on record then.
async fn asked(server: &Server, headers: &[(&str, &str)]) -> Vec<String> {
    for (name, value) in headers {
        server.client().get("/Patient/none").header(name, value).await.expect(404);
    }
    sources(server).await
}

suite! {
    async fn without_trusted_proxies_the_connection_counts(engine: Engine) {
        let server = Server::start(engine);
        let headers = [("X-Forwarded-For", "198.51.100.7"), ("Forwarded", "for=198.51.100.7"), ("X-Real-IP", "198.51.100.7")];
        assert_eq!(asked(&server, &headers).await, ["127.0.0.1"; 3]);
    }

    async fn a_proxy_of_another_network_is_not_believed(engine: Engine) {
        let server = Server::with(engine, options(&["--trusted-proxy", "10.0.0.0/8"]));
        assert_eq!(asked(&server, &[("X-Forwarded-For", "198.51.100.7")]).await, ["127.0.0.1"]);
    }

    async fn a_trusted_proxy_names_the_client(engine: Engine) {
        let server = Server::with(engine, options(&["--trusted-proxy", "127.0.0.1", "--trusted-proxy", "10.0.0.0/8"]));
        let headers = [
            ("X-Forwarded-For", "198.51.100.7"),
            ("X-Forwarded-For", "203.0.113.9, 198.51.100.7, 10.1.2.3"),
            ("X-Forwarded-For", "2001:db8::7"),
            ("X-Forwarded-For", "'; drop table audit_events; --"),
            ("Forwarded", "for=203.0.113.9"),
        ];
        assert_eq!(asked(&server, &headers).await, ["198.51.100.7", "198.51.100.7", "2001:db8::7", "127.0.0.1", "127.0.0.1"]);
    }

    async fn forwarded_is_read_where_the_proxies_write_it(engine: Engine) {
        let server = Server::with(engine, options(&["--trusted-proxy", "127.0.0.0/8", "--proxy-header", "forwarded"]));
        let headers = [("Forwarded", "for=203.0.113.9, for=\"198.51.100.7:80\";proto=https"), ("X-Forwarded-For", "203.0.113.9")];
        assert_eq!(asked(&server, &headers).await, ["198.51.100.7", "127.0.0.1"]);
    }

    async fn links_never_follow_what_a_proxy_says_of_the_host(engine: Engine) {
        let server = Server::with(engine, options(&["--trusted-proxy", "127.0.0.1"]));
        let request = server.client().get("/Patient?_count=1").header("X-Forwarded-Host", "evil.example").header("X-Forwarded-Proto", "https");
        let bundle = request.header("Forwarded", "for=198.51.100.7;host=evil.example").await.expect(200).json().to_string();
        assert!(bundle.contains(&server.base()) && !bundle.contains("evil"), "{bundle}");
    }
}
