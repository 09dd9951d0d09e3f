//! What the store promises of OAuth's clients, tokens and assertions where many ask at once: by two gateways on one database.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::sync::Arc;
use std::time::Duration;

use consent::{Action, Permit, Purpose};
use gateway::gateway::{Gateway, Options};
use gateway::store::clients::{Change, Client, ClientError, New, Token, hash_of, new_id};
use gateway_tests::{Engine, Server, own, suite};
use secrecy::ExposeSecret as _;

/// As many as ask at once.
const MANY: usize = 32;

/// A server on an empty database, and two gateways on it.
async fn world(engine: Engine) -> (Server, [Arc<Gateway>; 2]) {
    let server = Server::start(engine);
    let open = async |name: &str| {
        let options = Options::at(&server.database.url, &server.folder().join(name));
        Arc::new(Gateway::open(options).await.unwrap())
    };
    let gateways = [open("second").await, open("third").await];
    (server, gateways)
}

fn permit(gateway: &Gateway, action: Action) -> Permit {
    gateway.permit(&Gateway::operator(), Purpose::Hoperat, action).unwrap()
}

/// A new client with a secret, and that.
async fn client(gateway: &Gateway, name: &str) -> (Client, String) {
    let new = New {
        id: new_id().unwrap(),
        name: name.to_owned(),
        keys: None,
        provider: None,
        public: false,
        exchanges: Vec::new(),
        redirects: Vec::new(),
        scopes: "system/*.rs".to_owned(),
        purposes: vec![Purpose::Treat],
        default_purpose: None,
        actors: Vec::new(),
        officer: false,
        administrator: false,
        networks: Vec::new(),
    };
    let id = new.id.clone();
    let secret = gateway.store.add_client(&permit(gateway, Action::Change), new, "Jane Doe").await.unwrap().unwrap();
    (gateway.store.client(&id).await.unwrap().unwrap(), secret.expose_secret().to_owned())
}

async fn issue(gateway: &Gateway, client: &Client, seconds: u64) -> Option<Token> {
    let lifetime = Duration::from_secs(seconds);
    gateway.store.issue_token(client, "system/Patient.r", (Purpose::Treat, &[]), lifetime).await.unwrap()
}

fn hash(token: &Token) -> String {
    hash_of(token.secret.expose_secret())
}

fn soon(gateway: &Gateway) -> i64 {
    gateway.clock.now_ms() / 1000 + 300
}

suite! {
    async fn of_many_who_use_an_assertion_at_once_exactly_one_does(engine: Engine) {
        let (_server, gateways) = world(engine).await;
        let (client, _) = client(&gateways[0], "Reports").await;
        for round in 0..8 {
            let jti = format!("assertion {round}");
            let asked: Vec<_> = (0..MANY)
                .map(|number| {
                    let (gateway, client, jti) = (Arc::clone(&gateways[number % 2]), client.clone(), jti.clone());
                    tokio::spawn(async move { gateway.store.use_assertion(&client, &jti, soon(&gateway)).await.unwrap() })
                })
                .collect();
            let mut won = 0;
            for one in asked {
                won += usize::from(one.await.unwrap());
            }
            assert_eq!(won, 1, "round {round}");
        }
    }

    async fn an_assertion_is_one_clients_and_ends_in_time(engine: Engine) {
        let (server, [gateway, _]) = world(engine).await;
        let (client, other) = (client(&gateway, "One").await.0, client(&gateway, "Two").await.0);
        let now_s = gateway.clock.now_ms() / 1000;
        let used = async |client: &Client, jti: &str, expires_s: i64| gateway.store.use_assertion(client, jti, expires_s).await.unwrap();
        assert!(used(&client, "zqjti", now_s + 300).await);
        assert!(!used(&client, "zqjti", now_s + 200).await, "another end does not make it another one");
        assert!(used(&other, "zqjti", now_s + 300).await, "ids of assertions are the client's own");
        // Whether it was used nobody knows once its row is gone: it is not taken.
        assert!(used(&client, "late", now_s - 60).await, "whoever verifies may let a minute pass");
        for (jti, expires_s) in [("old", now_s - 301), ("far", now_s + 7200), ("never", i64::MAX), ("ever", i64::MIN), ("", now_s + 60), (&*"x".repeat(1001), now_s + 60)] {
            assert!(!used(&client, jti, expires_s).await, "{expires_s}");
        }
        let mut sql = server.sql().await;
        let assertions = own(engine, "oauth_assertions");
        assert_eq!(sql.count(&format!("select count(*) from {assertions}")).await, 3);
        assert_eq!(sql.count(&format!("select count(*) from {assertions} where jti like '%zqjti%'")).await, 0, "a hash is kept");
        // Its row outlives it.
        assert_eq!(gateway.store.sweep_oauth().await.unwrap(), 0);
        assert!(!used(&client, "late", now_s - 60).await);
    }

    async fn a_token_counts_until_it_ends_is_revoked_or_its_client_is_disabled(engine: Engine) {
        let (_server, [gateway, second]) = world(engine).await;
        let (one, other) = (client(&gateway, "One").await.0, client(&gateway, "Two").await.0);
        let token = issue(&gateway, &one, 300).await.unwrap();
        assert!(token.secret.expose_secret().starts_with("fgt_"));
        let issued = second.store.token(&hash(&token)).await.unwrap().unwrap();
        assert_eq!((&*issued.client.id, &*issued.scopes, issued.purpose, issued.expires_ms), (&*one.id, "system/Patient.r", Purpose::Treat, token.expires_ms));
        assert_eq!(issued.expires_ms - issued.issued_ms, 300_000);
        // What is none is none, and no error of the database's, whatever it holds.
        for none in ["", "x", "a\0b", token.secret.expose_secret(), &hash_of("x")] {
            assert!(second.store.token(none).await.unwrap().is_none());
            assert!(second.store.client(none).await.unwrap().is_none());
        }
        // At its end it has ended; it is a day at most.
        let ended = issue(&gateway, &one, 0).await.unwrap();
        assert!(gateway.store.token(&hash(&ended)).await.unwrap().is_none());
        let long = issue(&gateway, &one, u64::MAX).await.unwrap();
        assert!(long.expires_ms - gateway.clock.now_ms() <= 86_400_000);
        // Revoked by its client alone, once.
        assert!(!gateway.store.revoke_token(&other, &hash(&token)).await.unwrap());
        assert!(gateway.store.token(&hash(&token)).await.unwrap().is_some());
        assert!(gateway.store.revoke_token(&one, &hash(&token)).await.unwrap());
        assert!(!gateway.store.revoke_token(&one, &hash(&token)).await.unwrap());
        assert!(second.store.token(&hash(&token)).await.unwrap().is_none());
        // Disabled: none of its tokens, at once and everywhere; and it gets no more, whoever knew it before.
        let change = permit(&gateway, Action::Change);
        assert_eq!(gateway.store.disable_client(&change, &one.id, "Jane Doe").await.unwrap(), 1);
        assert!(second.store.token(&hash(&long)).await.unwrap().is_none());
        assert!(issue(&second, &one, 300).await.is_none());
        assert!(second.store.client(&one.id).await.unwrap().unwrap().disabled_ms.is_some());
        assert!(issue(&second, &other, 300).await.is_some());
    }

    /// Even a row that says nothing of it.
    async fn a_disabled_clients_token_is_none_whatever_its_row_says(engine: Engine) {
        let (server, [gateway, _]) = world(engine).await;
        let (one, _) = client(&gateway, "One").await;
        let token = issue(&gateway, &one, 300).await.unwrap();
        let (clients, tokens) = (own(engine, "oauth_clients"), own(engine, "oauth_tokens"));
        let mut sql = server.sql().await;
        sql.run(&format!("update {clients} set disabled = 1")).await;
        assert!(gateway.store.token(&hash(&token)).await.unwrap().is_none());
        sql.run(&format!("update {clients} set disabled = null")).await;
        assert!(gateway.store.token(&hash(&token)).await.unwrap().is_some());
        // Nor is one whose row names another organization than its client's.
        sql.run(&format!("update {tokens} set organization_id = 2")).await;
        assert!(gateway.store.token(&hash(&token)).await.unwrap().is_none());
    }

    async fn nobody_gets_a_token_for_what_was_taken_away_meanwhile(engine: Engine) {
        let (_server, [gateway, second]) = world(engine).await;
        let change = permit(&gateway, Action::Change);
        let (known, _) = client(&gateway, "One").await;
        let narrower = Change { scopes: Some("system/Patient.r".to_owned()), ..Change::default() };
        gateway.store.change_client(&change, &known.id, narrower, "Jane Doe").await.unwrap();
        assert!(issue(&second, &known, 300).await.is_none(), "it was known under scopes that it has no more");
        let known = second.store.client(&known.id).await.unwrap().unwrap();
        assert!(issue(&second, &known, 300).await.is_some());
        assert_eq!(gateway.store.revoke_tokens(&change, &known.id, "Jane Doe").await.unwrap(), 1);
        assert!(issue(&second, &known, 300).await.is_none());

        // Whatever the order: once it is disabled no token counts.
        let (known, _) = client(&gateway, "Two").await;
        let asked: Vec<_> = (0..MANY)
            .map(|_| {
                let (second, known) = (Arc::clone(&second), known.clone());
                tokio::spawn(async move { issue(&second, &known, 300).await })
            })
            .collect();
        gateway.store.disable_client(&change, &known.id, "Jane Doe").await.unwrap();
        for one in asked {
            if let Some(token) = one.await.unwrap() {
                assert!(second.store.token(&hash(&token)).await.unwrap().is_none());
            }
        }
    }

    async fn secrets_are_compared_by_their_hash(engine: Engine) {
        let (_server, [gateway, second]) = world(engine).await;
        let change = permit(&gateway, Action::Change);
        let (one, first) = client(&gateway, "One").await;
        let is = async |secret: &str| {
            let known = second.store.client(&one.id).await.unwrap().unwrap();
            assert!(!format!("{known:?}").contains(&hash_of(secret)));
            second.store.check_secret(&known, secret)
        };
        assert!(is(&first).await && !is("").await && !is(&hash_of(&first)).await && !is(&format!("{first} ")).await);
        let rotate = async |keep: u32| gateway.store.rotate_secret(&change, &one.id, keep, "Jane Doe").await.unwrap().expose_secret().to_owned();
        let next = rotate(60).await;
        assert!(is(&first).await && is(&next).await);
        let last = rotate(0).await;
        assert!(!is(&first).await && !is(&next).await && is(&last).await);
        gateway.store.disable_client(&change, &one.id, "Jane Doe").await.unwrap();
        assert!(!is(&last).await);
    }

    async fn what_has_expired_goes_in_portions(engine: Engine) {
        let (server, [gateway, second]) = world(engine).await;
        let (one, _) = client(&gateway, "One").await;
        let kept = issue(&gateway, &one, 300).await.unwrap();
        assert!(gateway.store.use_assertion(&one, "kept", soon(&gateway)).await.unwrap());
        let (tokens, assertions) = (own(engine, "oauth_tokens"), own(engine, "oauth_assertions"));
        let mut sql = server.sql().await;
        for start in (0..2_500).step_by(500) {
            let rows = |row: fn(i64) -> String| (start..start + 500).map(row).collect::<Vec<_>>().join(", ");
            sql.run(&format!("insert into {tokens} (organization_id, hash, client, scopes, purpose, issued, expires) values {}", rows(|number| format!("(1, 'h{number}', 'c', 's', 'TREAT', 1, {number})")))).await;
            sql.run(&format!("insert into {assertions} (organization_id, client, jti, expires) values {}", rows(|number| format!("(1, 'c', 'j{number}', {number})")))).await;
        }
        // Two at once are no harm.
        let (here, there) = tokio::join!(gateway.store.sweep_oauth(), second.store.sweep_oauth());
        // Where they meet one may leave the rest for the next time.
        let removed = here.unwrap() + there.unwrap() + gateway.store.sweep_oauth().await.unwrap();
        assert_eq!(removed, 5_000);
        assert_eq!(sql.count(&format!("select (select count(*) from {tokens}) + (select count(*) from {assertions})")).await, 2);
        assert!(gateway.store.token(&hash(&kept)).await.unwrap().is_some());
        assert!(!gateway.store.use_assertion(&one, "kept", soon(&gateway)).await.unwrap());
    }

    async fn who_may_only_read_administers_nothing(engine: Engine) {
        let (_server, [gateway, _]) = world(engine).await;
        let (one, _) = client(&gateway, "One").await;
        let read = permit(&gateway, Action::Read);
        let refused = |error: ClientError| matches!(error, ClientError::Refused(_));
        assert!(refused(gateway.store.disable_client(&read, &one.id, "Jane Doe").await.unwrap_err()));
        assert!(refused(gateway.store.rotate_secret(&read, &one.id, 0, "Jane Doe").await.unwrap_err()));
        assert!(refused(gateway.store.revoke_tokens(&read, &one.id, "Jane Doe").await.unwrap_err()));
        assert_eq!(gateway.store.clients(&read).await.unwrap().len(), 1);
        assert!(issue(&gateway, &one, 300).await.is_some());
    }
}
