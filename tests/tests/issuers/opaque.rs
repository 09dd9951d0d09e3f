//! Access tokens that say nothing by themselves: their provider is asked what they are (RFC 7662).

use std::time::{Duration, Instant};

use gateway_tests::{Client, Command, Engine, Server, patient, suite};
use serde_json::{Value, json};

use super::here::{AUDIENCE, KNOWN, accounts, add_client, now, recorded};
use super::issuer::{CLIENT, Issuer, SECRET};

/// An answer is kept for so long, and a little.
const KEPT: Duration = Duration::from_millis(4_200);

/// Trusts an issuer to say what its tokens are.
async fn trust(server: &Server, id: &str, issuer: &Issuer) -> Command {
    let (url, file) = (format!("{}/introspect", issuer.url), server.folder().join(format!("{id}.introspection")));
    std::fs::write(&file, SECRET).unwrap();
    let add = [
        "provider",
        "add",
        "--by",
        "Jane",
        "--id",
        id,
        "--name",
        id,
        "--issuer",
        &issuer.url,
        "--audience",
        AUDIENCE,
        "--claim-actor",
        "fhirUser",
        "--introspection",
        &url,
        "--introspection-client-id",
        CLIENT,
        "--introspection-secret-file",
        &file.display().to_string(),
    ];
    server.command(&add).await
}

async fn read(server: &Server, token: &str, path: &str) -> u16 {
    Client::new(server.address(), Some(token)).get(path).await.status
}

/// What is said of a token that counts, and what is said otherwise.
fn said(issuer: &Issuer, other: &Value) -> Value {
    let mut said = json!({
        "active": true, "client_id": "job", "scope": "system/Patient.rs", "aud": [AUDIENCE, "urn:other"], "iss": issuer.url,
        "exp": now() + 600, "iat": now() - 5, "token_type": "Bearer",
    });
    for (name, value) in other.as_object().unwrap() {
        said[name] = value.clone();
    }
    said
}

suite! {
    /// A program's token, and a person's; what is revoked there, and what is asked how often.
    async fn a_provider_says_what_an_opaque_token_is(engine: Engine) {
        let server = Server::start(engine);
        for id in ["p1", "p2"] {
            assert!(server.client().save(&patient(id, "x")).await.status < 300);
        }
        let issuer = Issuer::start();
        trust(&server, "clinic", &issuer).await.expect(0);
        let second = trust(&server, "second", &issuer).await.expect(4);
        assert!(second.stderr.contains("another provider says"), "{}", second.stderr);
        add_client(&server, "job", "clinic", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(0);
        add_client(&server, "app", "clinic", &["--scope", "patient/*.rs", "--purpose", "PATRQT"]).await.expect(0);
        let job = "a-program-s-token-0001";
        issuer.says(job, said(&issuer, &json!({})));
        let person = "somebody-s-token-0001";
        issuer.says(person, said(&issuer, &json!({"client_id": "app", "scope": "patient/Patient.rs", "sub": "u-1", "fhirUser": "Patient/p1"})));
        assert_eq!((read(&server, job, "/Patient/p1").await, read(&server, job, "/Observation").await), (200, 403));
        assert_eq!(read(&server, person, "/Patient/p1").await, 200);
        assert_eq!(read(&server, person, "/Patient/p2").await, 404);
        assert_eq!((accounts(&server).await.len(), recorded(&server, "account-add-by-claims", 200).await), (1, 1));
        // However often it comes, it is asked about once for a while; so is one that is none.
        let asked = issuer.asked();
        for _ in 0..5 {
            assert_eq!((read(&server, job, "/Patient/p1").await, read(&server, "nobody-s-token-00001", "/Patient/p1").await), (200, 401));
        }
        assert!(issuer.asked() <= asked + 2, "{asked} {}", issuer.asked());
        // What can be no token is nobody's to know, nor is one of ours or one that says what it is.
        let asked = issuer.asked();
        for text in ["short", &"x".repeat(3_000), "eyJhbGciOiJub25lIn0.e30.", "CnsiYWxnIjoibm9uZSJ9.e30.", "a=b0123456789abcdef"] {
            assert_eq!(read(&server, text, "/Patient/p1").await, 401, "{text}");
        }
        // Also a secret of ours that somebody shows in place of a token.
        for kind in ["t", "r", "c", "s", "a", "l", "m", "i"] {
            let text = format!("fg{kind}_0123456789abcdef0123456789abcdef0123456789abcd");
            assert_eq!(read(&server, &text, "/Patient/p1").await, 401, "{text}");
        }
        assert_eq!(issuer.asked(), asked);
        // What is revoked there counts no longer, within seconds; nor does anything while the provider is away.
        issuer.says(job, json!({"active": false}));
        tokio::time::sleep(KEPT).await;
        assert_eq!(read(&server, job, "/Patient/p1").await, 401);
        issuer.says.lock().unwrap().is_ill = true;
        tokio::time::sleep(KEPT).await;
        let begun = Instant::now();
        assert_eq!(read(&server, person, "/Patient/p1").await, 503);
        assert!(begun.elapsed() < Duration::from_secs(8));
        server.command(&["provider", "remove", "clinic", "--by", "Jane"]).await.expect(0);
        assert_eq!(read(&server, person, "/Patient/p1").await, 401);
    }

    /// Answers by which a token does not count: each is one change to one by which it does.
    async fn attacks_45_46_opaque_tokens_that_are_not_for_here(engine: Engine) {
        let server = Server::start(engine);
        let issuer = Issuer::start();
        trust(&server, "clinic", &issuer).await.expect(0);
        add_client(&server, "job", "clinic", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(0);
        server.command(&["client", "add", "--by", "Jane", "--id", "ours", "--name", "ours", "--secret", "--scope", "system/*.rs", "--purpose", "TREAT"]).await.expect(0);
        for (number, (other, status)) in [
            (json!({}), 200),
            (json!({"aud": AUDIENCE}), 200),
            (json!({"token_type": "bearer"}), 200),
            (json!({"active": false}), 401),
            (json!({"aud": "urn:other"}), 401),
            (json!({"aud": ["urn:other"]}), 401),
            (json!({"aud": null}), 401),
            (json!({"iss": "https://evil.example"}), 401),
            (json!({"exp": now() - 1}), 401),
            (json!({"iat": now() + 120}), 401),
            (json!({"nbf": now() + 120}), 401),
            (json!({"token_type": "DPoP"}), 401),
            (json!({"cnf": {"jkt": "x"}}), 401),
            (json!({"client_id": "nobody"}), 401),
            (json!({"client_id": "ours"}), 401),
            (json!({"client_id": "job", "azp": "other"}), 401),
            (json!({"sub": "x".repeat(300)}), 401),
            (json!({"token_use": "access_token", "typ": "Bearer"}), 200),
            (json!({"token_usage": "access_token", "typ": "at+jwt"}), 200),
            (json!({"token_use": "refresh_token"}), 401),
            (json!({"token_usage": "refresh_token"}), 401),
            (json!({"typ": "Refresh"}), 401),
            (json!({"typ": "ID"}), 401),
        ].into_iter().enumerate() {
            let token = format!("a-program-s-token-{number:04}");
            issuer.says(&token, said(&issuer, &other));
            assert_eq!(read(&server, &token, "/Patient").await, status, "{other}");
        }
        // What is no answer tells nothing, of that token: nobody asks again at once, and of others it says nothing either.
        let asked = issuer.asked();
        for (number, (answer, status)) in [
            (said(&issuer, &json!({"active": "true"})), 503),
            (json!({"(status)": 403}), 503),
            (json!({"(status)": 400}), 401),
            (json!({"(status)": 404}), 401),
        ].into_iter().enumerate() {
            let token = format!("an-odd-token-{number:04}");
            issuer.says(&token, answer.clone());
            assert_eq!((read(&server, &token, "/Patient").await, read(&server, &token, "/Patient").await), (status, status), "{answer}");
            let other = format!("another-s-token-{number:04}");
            issuer.says(&other, said(&issuer, &json!({})));
            assert_eq!(read(&server, &other, "/Patient").await, 200, "{answer}");
        }
        assert_eq!(issuer.asked(), asked + 8);
        // That we may not ask, or not so often, is no token's doing: nobody asks on at once.
        let asked = issuer.asked();
        for (number, status) in [401, 429].into_iter().enumerate() {
            let (refused, other) = (format!("a-refused-token-{number:04}"), format!("one-s-token-{number:04}"));
            issuer.says(&refused, json!({"(status)": status}));
            issuer.says(&other, said(&issuer, &json!({})));
            assert_eq!((read(&server, &refused, "/Patient").await, read(&server, &other, "/Patient").await), (503, 503), "{status}");
            tokio::time::sleep(KNOWN).await;
            assert_eq!(read(&server, &other, "/Patient").await, 200, "{status}");
        }
        assert_eq!(issuer.asked(), asked + 4);
    }

    /// A client that a provider knew is another's from now on, under the same id: no token of the one before counts.
    async fn a_client_moves_to_another_provider(engine: Engine) {
        let server = Server::start(engine);
        let (first, second) = (Issuer::start(), Issuer::start());
        for (id, issuer) in [("first", &first), ("second", &second)] {
            let (url, keys) = (issuer.url.clone(), issuer.keys());
            server.command(&["provider", "add", "--by", "Jane", "--id", id, "--name", id, "--issuer", &url, "--keys", &keys, "--audience", AUDIENCE]).await.expect(0);
        }
        server.command(&["provider", "add", "--by", "Jane", "--id", "logins", "--name", "l", "--issuer", "https://id.example", "--exchange", "a"]).await.expect(0);
        add_client(&server, "job", "first", &["--scope", "system/Patient.rs", "--purpose", "TREAT"]).await.expect(0);
        let token = |issuer: &Issuer| {
            let claims = issuer.claims("job", AUDIENCE, json!({"client_id": "job", "scope": "system/Patient.rs"}));
            issuer.signed(&json!({"alg": "ES256", "kid": "k1", "typ": "at+jwt"}), &claims)
        };
        let (of_first, of_second) = (token(&first), token(&second));
        assert_eq!((read(&server, &of_first, "/Patient").await, read(&server, &of_second, "/Patient").await), (200, 401));
        let moved = async |provider: &str| server.command(&["client", "change", "job", "--by", "Jane", "--outside", provider]).await;
        moved("nobody").await.expect(4);
        moved("logins").await.expect(4);
        moved("second").await.expect(0);
        tokio::time::sleep(KNOWN).await;
        assert_eq!((read(&server, &of_first, "/Patient").await, read(&server, &of_second, "/Patient").await), (401, 200));
        // Also away from one that is trusted no more; and no client of ours becomes another's.
        server.command(&["provider", "remove", "second", "--by", "Jane"]).await.expect(0);
        moved("first").await.expect(0);
        tokio::time::sleep(KNOWN).await;
        assert_eq!(read(&server, &token(&first), "/Patient").await, 200);
        server.command(&["client", "add", "--by", "Jane", "--id", "ours", "--name", "ours", "--secret", "--scope", "system/*.rs", "--purpose", "TREAT"]).await.expect(0);
        server.command(&["client", "change", "ours", "--by", "Jane", "--outside", "first"]).await.expect(4);
    }
}
