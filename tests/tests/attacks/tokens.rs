//! D: what is no access token, and where secrets are not sent (E 55, 56). The rest of D is where its mechanism is tested (see above).

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use gateway_tests::{Client, Json, Server, escaped, patient, suite};
use hyper::Method;

use crate::app::{App, someone};

/// A site that answers everything alike, and counts.
struct Site {
    url: String,
    asked: Arc<AtomicUsize>,
}

impl Site {
    fn start(answer: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::<AtomicUsize>::default();
        let counted = Arc::clone(&asked);
        std::thread::spawn(move || {
            for mut stream in listener.incoming().map_while(Result::ok) {
                counted.fetch_add(1, Ordering::SeqCst);
                let _read = stream.read(&mut [0; 8192]);
                let _written = stream.write_all(answer.as_bytes());
            }
        });
        Self { url, asked }
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

suite! {
    async fn d47_what_is_no_access_token_opens_nothing(server: &'static Server) {
        server.client().save(&patient("own-47", "x")).await;
        let scopes = "launch/patient patient/*.rs openid fhirUser offline_access";
        let app = App::confidential(server, "app-47", scopes).await;
        let mut browser = someone(server, "login-47", "Patient/own-47").await;
        let token = app.approved(&mut browser, scopes).await;
        let with = |text: &str| Client::new(server.address(), Some(text));
        with(token.str("access_token").unwrap()).get("/Patient/own-47").await.expect(200);
        let unused = app.code(&mut browser, scopes).await;
        let access = token.str("access_token").unwrap();
        let nearly = [format!("{access}x"), access[..access.len() - 1].to_owned(), access.to_uppercase()];
        let others = [token.str("refresh_token").unwrap(), token.str("id_token").unwrap(), &unused, app.secret().unwrap(), "app-47"];
        for wrong in others.into_iter().chain(nearly.iter().map(String::as_str)) {
            let refused = with(wrong).get("/Patient/own-47").await.expect(401);
            assert!(!refused.text().contains(wrong), "an error repeats no secret");
        }
        // In the address, or in a form, it is none at all: addresses are written into logs.
        let nobody = Client::new(server.address(), None);
        nobody.get(&format!("/Patient/own-47?access_token={}", escaped(access))).await.expect(401);
        let form = nobody.request(Method::POST, "/Patient/_search").header("Content-Type", "application/x-www-form-urlencoded");
        form.body(format!("_id=own-47&access_token={}", escaped(access))).await.expect(401);
        // Two of them are none.
        let twice = nobody.get("/Patient/own-47").header("Authorization", &format!("Bearer {access}, Bearer {access}"));
        assert_eq!(twice.await.status, 401);
        // The refresh token of one app is nothing to another, and the code neither.
        let other = App::confidential(server, "other-47", scopes).await;
        other.refresh(&token, &[]).await.expect(400);
        other.exchange(&unused).await.expect(400);
        assert_eq!(other.introspect(token.str("refresh_token").unwrap()).await.to_string(), r#"{"active":false}"#);
    }

    /// 55, 56: an answer that sends us elsewhere is no answer, and nobody elsewhere is asked.
    async fn e55_e56_a_redirect_is_not_followed(server: &'static Server) {
        let inside = Site::start("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\nConnection: close\r\n\r\n{\"keys\":[]}".to_owned());
        let outside = Site::start(format!("HTTP/1.1 302 Found\r\nLocation: {}/jwks\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", inside.url));
        let add = ["client", "add", "--by", "Jane", "--id", "job-55", "--name", "Job", "--scope", "system/*.rs", "--purpose", "TREAT", "--json"];
        let keys = format!("{}/jwks", outside.url);
        server.command(&[&add[..], &["--jwks-url", &keys]].concat()).await.expect(0);
        // Signed by nobody: the keys are looked for first.
        let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
        let claims = format!(r#"{{"iss":"job-55","sub":"job-55","aud":"http://{}/oauth/token","jti":"1","exp":{}}}"#, server.address(), i64::MAX);
        let assertion = format!("{}.{}.{}", part(r#"{"alg":"ES384","typ":"JWT","kid":"k"}"#), part(&claims), part(&"x".repeat(96)));
        let form = format!(
            "grant_type=client_credentials&client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer&client_assertion={assertion}"
        );
        let address = format!("http://{}/oauth/token", server.address());
        let request = server.stranger().request(Method::POST, &address).header("Content-Type", "application/x-www-form-urlencoded");
        assert_eq!(request.body(form).await.expect(401).json().str("error"), Some("invalid_client"));
        assert_eq!((outside.asked() > 0, inside.asked()), (true, 0));
        // What an administrator may not name either; the last one, which they may, is the control.
        let add = async |url: &str| {
            let add = ["client", "add", "--by", "Jane", "--id", "job-56", "--name", "Job 56", "--scope", "system/*.rs", "--purpose", "TREAT", "--jwks-url", url];
            server.command(&add).await
        };
        for url in ["https://169.254.169.254/latest/meta-data", "https://[fe80::1]/jwks", "https://ehr.example@evil.example/jwks", "http://10.0.0.1/jwks"] {
            let refused = add(url).await.expect(2);
            assert!(refused.stderr.contains("--jwks-url"), "{url}: {}", refused.stderr);
        }
        add("https://ehr.example/jwks").await.expect(0);
    }

    /// 63: what a resource says of tenant, roles or permissions is no element, and what the server says of it is not the client's.
    async fn e63_what_is_the_servers_is_not_taken_from_a_client(server: &'static Server) {
        let api = server.client();
        for member in [r#""organization_id":"other""#, r#""meta":{"tenant":"other"}"#, r#""_role":"ADMIN""#, r#""permissions":["*"]"#] {
            let body = format!(r#"{{"resourceType":"Patient","id":"mass-63",{member}}}"#);
            let refused = api.put("/Patient/mass-63", body).await.expect(400).json();
            assert_eq!(refused.str("resourceType"), Some("OperationOutcome"), "{member}");
        }
        api.get("/Patient/mass-63").await.expect(404);
        let body = r#"{"resourceType":"Patient","id":"mass-63","meta":{"versionId":"77","lastUpdated":"1999-01-01T00:00:00Z"}}"#;
        api.put("/Patient/mass-63", body).await.expect(201);
        let kept = api.get("/Patient/mass-63").await.expect(200).json();
        assert_eq!(kept.str("meta.versionId"), Some("1"));
        assert!(!kept.str("meta.lastUpdated").unwrap().starts_with("1999"), "{kept}");
    }
}

/// What a server that is read byte by byte says.
pub(crate) fn said(server: &Server, request: &[u8]) -> String {
    let mut stream = std::net::TcpStream::connect(server.address()).unwrap();
    stream.set_read_timeout(Some(std::time::Duration::from_secs(10))).unwrap();
    stream.write_all(request).unwrap();
    let mut answer = Vec::new();
    let _until_the_end = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

/// A patient with an id.
pub(crate) fn named(id: &str) -> Json {
    patient(id, "x")
}
