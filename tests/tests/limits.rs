//! What is too much is refused, quickly, and the server goes on.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Engine, Json, Server, gzip, lab_observation, patient, program, suite, transaction};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The peak resident memory of a process, in MB.
fn peak_memory(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

/// The processor time that a process has had.
fn processor_time(server: &Server) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
    let fields: Vec<&str> = stat.rsplit_once(')').unwrap().1.split_whitespace().collect();
    // In hundredths of a second: user and system.
    Duration::from_millis(10 * (fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()))
}

suite! {
    async fn a_body_of_50_mb_is_413(server: &'static Server) {
        let api = server.client();
        let body = format!(r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#, "x".repeat(50 * 1024 * 1024));
        if let Some(answer) = api.post("/Basic", body).attempt().await {
            answer.refused(413, "too-long");
        }
        // The server may close before it has read everything; then the client sees only that. It must go on in any case.
        let declared = api.post("/Basic", "{}").header("Content-Length", "62914560").attempt().await;
        assert!(declared.is_none_or(|answer| answer.status == 413));
        api.get("/metadata").await.expect(200);
    }

    async fn the_413_is_seen_by_who_waits_for_100_continue(server: &'static Server) {
        use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
        let mut stream = tokio::net::TcpStream::connect(server.address()).await.unwrap();
        let head = format!(
            "POST /fhir/Basic HTTP/1.1\r\nHost: {}\r\nAuthorization: Bearer {}\r\nContent-Type: application/fhir+json\r\n\
             Content-Length: 62914560\r\nExpect: 100-continue\r\n\r\n", server.address(), gateway_tests::TOKEN);
        stream.write_all(head.as_bytes()).await.unwrap();
        let mut answer = [0; 64];
        let read = tokio::time::timeout(Duration::from_secs(10), stream.read(&mut answer)).await.unwrap().unwrap();
        let line = String::from_utf8_lossy(&answer[..read]).into_owned();
        assert!(line.starts_with("HTTP/1.1 413"), "{line}");
    }

    async fn a_bomb_of_gzip_is_413(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let before = peak_memory(&server);
        let bomb = gzip(format!(r#"{{"resourceType":"Basic","code":{{"text":"{}"}}}}"#, "x".repeat(300_000_000)).as_bytes());
        if let Some(answer) = api.post("/Basic", "").body(bomb).header("Content-Encoding", "gzip").attempt().await {
            answer.refused(413, "too-long");
        }
        api.get("/metadata").await.expect(200);
        assert!(peak_memory(&server) < before + 200, "{} MB", peak_memory(&server));
    }

    async fn json_ten_thousand_deep_is_refused_by_every_way_in(server: &'static Server) {
        let api = server.client();
        let nested = r#"{"url":"u","extension":["#;
        let deep = format!(r#"{{"resourceType":"Basic","extension":[{nested}{}{}]}}]}}"#, nested.repeat(5_000), "]}".repeat(5_000));
        let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
        let open = "[".repeat(10_000);
        let objects = r#"{"a":"#.repeat(10_000);
        for body in [&deep, &arrays, &open, &objects] {
            api.post("/Basic", body).await.expect(400).issues();
            api.put("/Basic/deep", body).await.expect(400).issues();
            api.post("/", body).await.expect(400).issues();
            let wrapped = format!(r#"{{"resourceType":"Bundle","type":"transaction","entry":[{{"resource":{body},"request":{{"method":"POST","url":"Basic"}}}}]}}"#);
            api.post("/", wrapped).await.expect(400).issues();
        }
        api.get("/metadata").await.expect(200);
    }

    async fn ten_thousand_entries_in_one_transaction(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let resources: Vec<Json> = (0..10_000)
            .map(|index| match index % 3 {
                0 => patient(&format!("t-{index}"), "Many"),
                1 => lab_observation(&format!("t-{index}"), &format!("t-{}", index - 1), "1.50"),
                _ => Json::of(&format!(r#"{{"resourceType":"Basic","id":"t-{index}","code":{{"text":"x"}},"subject":{{"reference":"Patient/t-{}"}}}}"#, index - 2)),
            })
            .collect();
        let since = Instant::now();
        let answer = api.post("/", transaction(&resources)).await.expect(200).json();
        println!("10,000 entries in {:?}, peak {} MB", since.elapsed(), peak_memory(&server));
        assert_eq!(answer.items("entry").len(), 10_000);
        assert!(answer.items("entry").iter().all(|entry| entry.str("response.status").unwrap().starts_with("201")));
        for (kind, wanted) in [("Patient", "3334"), ("Observation", "3333"), ("Basic", "3333")] {
            let count = api.get(&format!("/{kind}?_summary=count")).await.expect(200).json();
            assert_eq!(count.str("total"), Some(wanted), "{kind}");
        }
        for index in [0_usize, 1, 2, 4_999, 9_999] {
            let sent = &resources[index];
            let path = format!("/{}/{}", sent.str("resourceType").unwrap(), sent.str("id").unwrap());
            assert_eq!(sent.difference(&api.get(&path).await.expect(200).json().without_server_meta()), None);
        }
    }

    async fn a_long_url_and_many_headers_are_refused_and_not_fatal(server: &'static Server) {
        let api = server.client();
        let long = format!("/Patient?_id={}", "x".repeat(60_000));
        if let Some(answer) = api.get(&long).attempt().await {
            assert!(matches!(answer.status, 400 | 414 | 431), "{}", answer.status);
        }
        let mut many = api.get("/Patient?_count=1");
        for index in 0..500 {
            many = many.header(&format!("X-Header-{index}"), "x");
        }
        if let Some(answer) = many.attempt().await {
            assert!(matches!(answer.status, 200 | 431), "{}", answer.status);
        }
        api.get("/metadata").await.expect(200);
    }

    async fn searches_that_nobody_waits_for_any_more_hold_nobody_up(server: &'static Server) {
        let api = server.client();
        let person = patient("left-alone", "Alone");
        api.save(&person).await.expect(201);
        for part in 0..6 {
            let one = |number| lab_observation(&format!("left-{part}-{number}"), "left-alone", "5");
            let observations: Vec<Json> = (0..250).map(one).collect();
            api.post("", transaction(&observations)).await.expect(200);
        }
        // Each looks at every pair of 1,500 observations, several times over.
        let chain = "patient._has:Observation:patient:patient._has:Observation:patient:code:missing=true";
        let address = format!("/Observation?{chain}&_summary=count");
        let begun = Instant::now();
        for _ in 0..12 {
            let api = server.client();
            let address = address.clone();
            let asking = tokio::spawn(async move { api.get(&address).await.status });
            tokio::time::sleep(Duration::from_millis(100)).await;
            asking.abort();
        }
        for _ in 0..20 {
            api.get("/Patient/left-alone").await.expect(200);
        }
        assert!(begun.elapsed() < Duration::from_secs(20), "{:?}", begun.elapsed());
        // Nor do they go on.
        let before = processor_time(server);
        tokio::time::sleep(Duration::from_secs(2)).await;
        let used = processor_time(server) - before;
        assert!(used < Duration::from_millis(500), "{used:?}");
    }

    async fn slow_searches_of_one_client_leave_readers_to_the_others(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        api.save(&patient("greedy", "Greedy")).await.expect(201);
        for part in 0..6 {
            let one = |number| lab_observation(&format!("greedy-{part}-{number}"), "greedy", "5");
            let observations: Vec<Json> = (0..250).map(one).collect();
            api.post("", transaction(&observations)).await.expect(200);
        }
        let other = program(&server, "other", "system/*.cruds", &["--purpose", "TREAT"]).await;
        other.get("/Patient/greedy").await.expect(200);
        // Four times as many as the readers there are, again and again.
        let chain = "patient._has:Observation:patient:patient._has:Observation:patient:code:missing=true";
        let refused = Arc::<AtomicUsize>::default();
        let greedy: Vec<_> = (0..32)
            .map(|_| {
                let (api, address) = (server.client(), format!("/Observation?{chain}&_summary=count"));
                let refused = Arc::clone(&refused);
                tokio::spawn(async move {
                    loop {
                        let answer = api.get(&address).await;
                        let is_told_when = answer.header("Retry-After").is_some();
                        assert!(answer.status == 200 || (answer.status == 503 && is_told_when), "{answer:?}");
                        refused.fetch_add(usize::from(answer.status == 503), Ordering::Relaxed);
                    }
                })
            })
            .collect();
        // Until they fill what they may, and are told so: before that nobody is in anybody's way.
        let since = Instant::now();
        while refused.load(Ordering::Relaxed) == 0 {
            assert!(since.elapsed() < Duration::from_secs(30), "nothing was too much");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        for number in 0..20 {
            let since = Instant::now();
            other.get("/Patient/greedy").await.expect(200);
            assert!(since.elapsed() < Duration::from_secs(2), "{number}: {:?}", since.elapsed());
        }
        let (held, before) = (greedy.iter().filter(|asking| !asking.is_finished()).count(), refused.load(Ordering::Relaxed));
        assert_eq!(held, 32, "each was answered as it should be");
        // They were at it all the while.
        tokio::time::timeout(Duration::from_secs(30), async {
            while refused.load(Ordering::Relaxed) == before {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        })
        .await
        .expect("they still are");
        greedy.iter().for_each(tokio::task::JoinHandle::abort);
    }

    async fn a_slow_or_silent_client_holds_nobody_up(server: &'static Server) {
        let mut silent = Vec::new();
        for _ in 0..50 {
            silent.push(tokio::net::TcpStream::connect(server.address()).await.unwrap());
        }
        let since = Instant::now();
        server.client().get("/metadata").await.expect(200);
        assert!(since.elapsed() < Duration::from_secs(5));
    }
}
