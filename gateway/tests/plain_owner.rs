//! Who logs in, and what comes back from a browser, says no organization: it is found on PostgreSQL whose owner has no more rights than a
//! clinic's user has, and whom the forced policies bind as they bind everybody.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on has failed")]

use std::time::Duration;

use consent::{Action, Purpose};
use gateway::gateway::{Gateway, Options};
use gateway::store::accounts::{New as NewAccount, Persona, Role, Shown, Word};
use gateway::store::clients::{Approved, Given, HandleKind, New, NewApproval, NewHandle, Wanted, hash_of, new_id};
use gateway::store::pools::{PoolSettings, Pools};
use gateway::store::providers::Provider;
use secrecy::ExposeSecret as _;

const OWNER: &str = "plain_owner";

/// A database of the owner's, and how to be rid of it.
async fn database(url: &str) -> (String, String) {
    let name = format!("plain_owner_{}", std::process::id());
    let server = Pools::open(Some(url), "/".as_ref(), &PoolSettings::default()).await.unwrap();
    let mut connection = server.owner().await.unwrap();
    connection.script(&format!("create database {name}")).await.unwrap();
    let role = format!(
        "do $$ begin create role {OWNER} login createrole; exception when duplicate_object or unique_violation then null; end $$; \
         alter database {name} owner to {OWNER}"
    );
    connection.script(&role).await.unwrap();
    let host = url.rsplit_once('/').unwrap().0.rsplit_once('@').unwrap().1.to_owned();
    (format!("postgres://{OWNER}@{host}/{name}"), name)
}

#[tokio::test]
async fn what_comes_from_a_browser_is_found() {
    let Ok(url) = std::env::var("FHIR_GATEWAY_TEST_POSTGRES") else {
        eprintln!("SKIPPED: FHIR_GATEWAY_TEST_POSTGRES is not set, nothing was tested on PostgreSQL");
        return;
    };
    let (own, name) = database(&url).await;
    let folder = tempfile::tempdir().unwrap();
    let options = Options::at(&own, folder.path());
    let gateway = Gateway::open(options).await.unwrap();
    let permit = gateway.permit(&Gateway::operator(), Purpose::Hoperat, Action::Change).unwrap();
    let store = &gateway.store;
    let new = New {
        id: "app".to_owned(),
        name: "app".to_owned(),
        keys: None,
        provider: None,
        public: true,
        exchanges: Vec::new(),
        redirects: vec!["https://app.example/cb".to_owned()],
        scopes: "patient/*.rs offline_access".to_owned(),
        purposes: vec![Purpose::Patrqt],
        default_purpose: None,
        actors: Vec::new(),
        officer: false,
        administrator: false,
        networks: Vec::new(),
    };
    store.add_client(&permit, new, "Jane").await.unwrap();
    let account = NewAccount {
        id: new_id().unwrap(),
        login: "ada".to_owned(),
        name: "Ada".to_owned(),
        roles: vec![Role::Patient],
        actors: vec!["Patient/1".to_owned()],
    };
    let id = account.id.clone();
    store.add_account(&permit, account, Duration::from_secs(60), "Jane").await.unwrap();
    let client = store.client("app").await.unwrap().unwrap();

    let lifetime = Duration::from_secs(60);
    let organization = client.organization;
    let request =
        NewHandle { kind: HandleKind::Request, organization, client: "app", approval: None, content: "{}", lifetime };
    let request = store.new_handle(request).await.unwrap();
    let request = store.handle(HandleKind::Request, request.expose_secret()).await.unwrap().unwrap();
    let now_ms = gateway.clock.now_ms();
    let approval = NewApproval {
        account: id,
        scopes: "offline_access patient/*.rs".to_owned(),
        purpose: Purpose::Patrqt,
        patient: Some("1".to_owned()),
        encounter: None,
        context: "{}".to_owned(),
        exchange: None,
        session: None,
        authenticated_ms: now_ms,
        expires_ms: now_ms + 600_000,
    };
    let Approved::Code(code) = store.keep_approval(&client, &request, None, &approval, "{}").await.unwrap() else {
        panic!("too late")
    };
    let code = store.handle(HandleKind::Code, code.expose_secret()).await.unwrap().unwrap();
    let approval = store.approval(code.organization, code.approval.as_deref().unwrap()).await.unwrap().unwrap();
    let wanted = Wanted { scopes: "patient/*.rs", lifetime, refresh: true };
    let Given::Tokens { access, refresh } = store.redeem(&client, &code, &approval, wanted).await.unwrap() else {
        panic!("nothing given")
    };
    assert!(store.handle(HandleKind::Refresh, refresh.unwrap().expose_secret()).await.unwrap().is_some());
    let found = store.token(&hash_of(access.secret.expose_secret())).await.unwrap().unwrap();
    let (approval, account) = found.approved.unwrap();
    assert_eq!((approval.approved.patient.as_deref(), &*account.login), (Some("1"), "ada"));
    // Whom a provider outside knows: it is found before anybody is known, and so is the account.
    let provider = Provider {
        organization,
        id: "clinic".to_owned(),
        name: "Clinic".to_owned(),
        issuer: "https://id.example".to_owned(),
        client_id: "gateway".to_owned(),
        sealed: "s".to_owned(),
        claim_actor: Some("fhirUser".to_owned()),
        claim_roles: None,
        roles: Vec::new(),
        audience: Some("g".to_owned()),
        jwks_url: None,
        exchange_audiences: vec!["app".to_owned()],
        introspection: None,
        second_factor: false,
        created_ms: 0,
        created_by: String::new(),
        removed_ms: None,
    };
    store.add_provider(&permit, &provider, "Jane").await.unwrap();
    assert_eq!(store.trusted_providers().await.unwrap().len(), 1);
    assert!(store.provider_of_issuer("https://id.example").await.unwrap().is_some());
    let provider = store.provider("clinic").await.unwrap().unwrap();
    let persona = Persona { name: "Bo".to_owned(), roles: vec![Role::Patient], actor: "Patient/2".to_owned() };
    let made =
        store.account_of_subject(&provider, "s-1", (Word::Held(1), Some(&persona))).await.unwrap().account.unwrap();
    let session = store.begin_session(&made, &Shown::default(), lifetime).await.unwrap();
    assert!(session.is_some());
    let bearer = store.account_of_bearer(&provider, "s-1", Some(&persona)).await.unwrap().account.unwrap();
    assert_eq!(bearer.id, made.id);
    assert!(store.has_exchanges().await.unwrap() && store.provider_of_opaque_tokens().await.unwrap().is_none());
    assert_eq!(store.providers(organization).await.unwrap().len(), 1);
    store.remove_provider(&permit, "clinic", "Jane").await.unwrap();
    assert!(store.provider("clinic").await.unwrap().is_none());
    // Added anew under another id it knows the same people; and a token, which may be from before, changes nothing of them.
    let anew = Provider { id: "clinic2".to_owned(), ..provider };
    store.add_provider(&permit, &anew, "Jane").await.unwrap();
    let other = Persona { actor: "Patient/9".to_owned(), ..persona.clone() };
    assert!(store.account_of_bearer(&anew, "s-1", Some(&other)).await.unwrap().account.is_none());
    let same = store.account_of_bearer(&anew, "s-1", Some(&persona)).await.unwrap().account.unwrap();
    assert_eq!((&same.id, &*same.actors), (&made.id, &["Patient/2".to_owned()][..]));
    store.close().await;
    let server = Pools::open(Some(&url), "/".as_ref(), &PoolSettings::default()).await.unwrap();
    server.owner().await.unwrap().script(&format!("drop database {name} with (force)")).await.unwrap();
}
