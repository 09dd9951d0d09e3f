//! Refreshes in a second: each connection has an approval of its own, and a refresh token that is another one after each.

use std::time::{Duration, Instant};

use bytes::Bytes;
use gateway_tests::{Json, Server};
use http_body_util::Full;
use hyper::Request;
use tokio::task::JoinSet;

use super::app::{App, someone};
use super::line::{Line, Seen, processor_time};
use super::tokens::{LINES, post};

const SCOPES: &str = "launch/patient patient/*.rs offline_access";

/// Has somebody approve an app so often, and refreshes.
pub(crate) async fn measure(server: &Server, patient: &str, long: Duration) {
    let app = App::confidential(server, "refreshes", SCOPES).await;
    let mut browser = someone(server, "p.atient", &format!("Patient/{patient}")).await;
    let mut tokens = Vec::new();
    for _ in 0..LINES {
        tokens.push(refresh_token(&app.approved(&mut browser, SCOPES).await));
    }
    let secret = app.secret().unwrap().to_owned();
    let before = (processor_time(std::process::id()), processor_time(server.pid()));
    let begun = Instant::now();
    let mut tasks = JoinSet::new();
    for mut token in tokens {
        let mut line = Line::open(server.address(), "").await;
        let (address, secret) = (server.address().to_owned(), secret.clone());
        tasks.spawn(async move {
            let mut seen = Seen::default();
            while begun.elapsed() < long {
                let answer = line.send(refresh(&address, &secret, &token), &mut seen).await;
                // Without another one it cannot go on; what was said instead is an error of the run.
                let Some(next) = Json::parse(&answer).ok().map(|answer| refresh_token(&answer)) else { break };
                assert_ne!(next, token);
                token = next;
            }
            seen
        });
    }
    let mut all = Seen::default();
    while let Some(seen) = tasks.join_next().await {
        all.add(seen.unwrap());
    }
    all.took = begun.elapsed();
    let since = |pid, before| (processor_time(pid) - before).as_secs_f64() / all.took.as_secs_f64();
    all.processors = (since(std::process::id(), before.0), since(server.pid(), before.1));
    all.print("tokens by a refresh token, which rotates");
    assert_eq!(all.errors(), 0, "{:?}", all.statuses);
}

fn refresh_token(answer: &Json) -> String {
    answer.str("refresh_token").unwrap_or_else(|| panic!("no refresh token: {answer}")).to_owned()
}

fn refresh(address: &str, secret: &str, token: &str) -> Request<Full<Bytes>> {
    post(
        address,
        None,
        format!("grant_type=refresh_token&client_id=refreshes&client_secret={secret}&refresh_token={token}"),
    )
}
