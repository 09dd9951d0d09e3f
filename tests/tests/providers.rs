//! OpenID providers outside of here, as an administrator trusts them: `fhir-gateway provider`.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{Command, Engine, Json, Server, suite};

const ISSUER: &str = "https://id.clinic.example/realms/clinic";
const SECRET: &str = "zq-the-providers-secret";

async fn command(server: &Server, arguments: &[&str]) -> Command {
    server.command(&[&["provider"], arguments].concat()).await
}

async fn add(server: &Server, id: &str, issuer: &str, more: &[&str]) -> Command {
    let file = server.folder().join("provider.secret");
    std::fs::write(&file, format!("{SECRET}\n")).unwrap();
    let file = file.display().to_string();
    let told = [
        "add",
        "--by",
        "Jane Doe",
        "--id",
        id,
        "--name",
        "Clinic",
        "--issuer",
        issuer,
        "--client-id",
        "gateway",
        "--secret-file",
        &file,
    ];
    command(server, &[&told[..], more].concat()).await
}

suite! {
    async fn a_provider_is_trusted_listed_and_removed_and_its_secret_is_nowhere_in_clear(engine: Engine) {
        let server = Server::start(engine);
        add(&server, "keycloak", ISSUER, &["--claim-actor", "fhirUser"]).await.expect(0);
        add(&server, "keycloak", ISSUER, &[]).await.expect(4);
        let table = if engine == Engine::Postgres { "fhir_gateway.outside_providers" } else { "outside_providers" };
        let mut sql = server.sql().await;
        let sealed = sql.rows(&format!("select sealed from {table}")).await[0][0].clone().unwrap();
        assert!(sealed.starts_with("s2.") && !sealed.contains(SECRET), "{sealed}");

        let listed = command(&server, &["list", "--json"]).await.expect(0).stdout;
        assert!(!listed.contains(SECRET) && !listed.contains(&sealed), "{listed}");
        let listed = Json::of(&listed);
        let [one] = listed.array() else { panic!("{listed}") };
        for (name, value) in [("id", "keycloak"), ("issuer", ISSUER), ("clientId", "gateway"), ("claimActor", "fhirUser"), ("state", "trusted")] {
            assert_eq!(one.str(name), Some(value), "{one}");
        }
        command(&server, &["remove", "keycloak", "--by", "Jane Doe"]).await.expect(0);
        command(&server, &["remove", "keycloak", "--by", "Jane Doe"]).await.expect(4);
        assert_eq!(sql.count(&format!("select count(*) from {table} where sealed <> ''")).await, 0);
        assert!(command(&server, &["list"]).await.expect(0).stdout.contains("removed"));
    }

    /// 46 and more: what is no issuer, and claims by which nobody is tied to a person.
    async fn attack_46_what_cannot_be_trusted_is_refused(engine: Engine) {
        let server = Server::start(engine);
        for issuer in ["http://id.clinic.example", "https://id.example/?tenant=a", "https://a:b@id.example", "id.example", "file:///etc", "https://id.example#x"] {
            assert!(add(&server, "a", issuer, &[]).await.expect(2).stderr.contains("--issuer"), "{issuer}");
        }
        for claim in ["email", "name", "birthdate", "preferred_username", " ", "user_metadata.fhirUser", "app_metadata.email", "firebase.identities.email"] {
            assert!(add(&server, "a", ISSUER, &["--claim-actor", claim]).await.expect(2).stderr.contains("--claim-actor"), "{claim}");
        }
        for id in ["", "a b", "a/b", "../a", "a'--"] {
            add(&server, id, ISSUER, &[]).await.expect(2);
        }
        assert_eq!(command(&server, &["list", "--json"]).await.expect(0).stdout, "[]\n");
    }
}
