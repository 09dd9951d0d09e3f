//! SMART App Launch as apps and people see it: shared/facts/smart-bulk-ehr.md 1.2 to 1.4, shared/facts/consent-security.md 49 to 54.

#[path = "app_launch/app.rs"]
#[expect(dead_code, reason = "the other file of tests uses the rest")]
mod app;

use app::{App, observation, pick, someone};
use gateway_tests::{Client, Command, Json, Server, Window, patient, suite};
use hyper::Method;

const LAUNCH: &str = "launch/patient patient/*.rs offline_access";

fn with(server: &Server, token: &Json) -> Client {
    Client::new(server.address(), token.str("access_token"))
}

/// A patient with one laboratory result and one of vital signs.
async fn record(server: &Server, id: &str) {
    let all = server.client();
    let person = patient(id, "x").with("name", Json::of(&format!(r#"[{{"family":"Fam{id}","given":["Giv{id}"]}}]"#)));
    assert!(all.save(&person).await.status < 300);
    for category in ["laboratory", "vital-signs"] {
        assert!(all.save(&observation(id, category)).await.status < 300);
    }
}

suite! {
    /// 1.3: discovery to tokens to data, by a public app, with what the answer has to have.
    async fn a_patient_lets_an_app_see_their_record(server: &'static Server) {
        for id in ["own-a", "other-a"] {
            record(server, id).await;
        }
        let app = App::public(server, "app-a", &format!("{LAUNCH} openid fhirUser user/*.rs")).await;
        let mut browser = someone(server, "login-a", "Patient/own-a").await;
        let asked = app.ask(&mut browser, LAUNCH).await;
        let text = asked.text();
        assert!(text.contains("Givown-a Famown-a") && text.contains("app-a") && text.contains("All kinds of records"), "{text}");
        let answered = browser.press(&asked, "approve", &[]).await;
        assert!(answered.address.starts_with(app::REDIRECT), "{}", answered.address);
        assert_eq!(answered.parameter("state").as_deref(), Some(app::STATE));
        assert_eq!(answered.parameter("iss"), Some(format!("http://{}", server.address())));
        let answer = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200);
        assert_eq!((answer.header("Cache-Control"), answer.header("Pragma")), (Some("no-store"), Some("no-cache")));
        let token = answer.json();
        assert_eq!(token.str("token_type"), Some("Bearer"));
        assert_eq!(token.at("expires_in").map(ToString::to_string).as_deref(), Some("3600"));
        assert_eq!(token.str("patient"), Some("own-a"));
        assert_eq!(token.str("scope"), Some("launch/patient offline_access patient/*.rs"));
        assert_eq!(token.at("need_patient_banner").map(ToString::to_string).as_deref(), Some("true"));
        let style = server.stranger().get(token.str("smart_style_url").expect("a style")).await.expect(200).json();
        assert_eq!(style.str("color_text"), Some("#16202a"));

        let seen = with(server, &token);
        seen.get("/Patient/own-a").await.expect(200);
        seen.get("/Observation/own-a-laboratory").await.expect(200);
        assert_eq!(seen.search("/Observation?_count=50").await.len(), 2, "its own alone");
        for hidden in ["/Patient/other-a", "/Observation/other-a-laboratory", "/Patient/other-a/_history"] {
            seen.get(hidden).await.expect(404);
        }
        for nothing in ["/Observation?patient=other-a", "/Patient?_id=other-a", "/Observation?subject:Patient.family=Famother-a", "/Patient?_has:Observation:patient:_id=other-a-laboratory"] {
            assert_eq!(seen.search(nothing).await, [] as [String; 0], "{nothing}");
        }
        let total = seen.get("/Observation?_summary=count").await.expect(200).json();
        assert_eq!(total.at("total").map(ToString::to_string).as_deref(), Some("2"));
        seen.put("/Patient/own-a", patient("own-a", "x")).await.expect(403);
        seen.delete("/Observation/own-a-laboratory").await.expect(403);
        seen.post("/Observation", observation("own-a", "survey")).await.expect(403);
        server.stranger().get("/Patient/own-a").await.expect(401);
    }

    /// Who logged in as a patient asks as a patient, whatever an app says; people at work for what the app is registered with for them.
    async fn a_header_makes_no_patient_somebody_at_work(server: &'static Server) {
        record(server, "own-why").await;
        let more = ["--secret", "--redirect-uri", app::REDIRECT, "--purpose", "PATRQT", "--purpose", "TREAT", "--purpose", "HOPERAT", "--default-purpose", "TREAT"];
        let app = App::add(server, "app-why", &format!("{LAUNCH} user/*.rs"), &more).await;
        let mut patient = someone(server, "login-why", "Patient/own-why").await;
        let mut doctor = someone(server, "login-why2", "Practitioner/dr-why").await;
        let visit = app::encounter("visit-why", "own-why", "dr-why");
        server.client().save(&visit).await.expect(201);
        let own = with(server, &app.approved(&mut patient, LAUNCH).await);
        let staff = with(server, &app.approved(&mut doctor, "user/*.rs").await);
        let ask = async |who: &Client, purpose: &str| who.get("/Patient/own-why").header("X-Purpose-Of-Use", purpose).await;
        ask(&own, "PATRQT").await.expect(200);
        for purpose in ["TREAT", "HOPERAT", "ETREAT"] {
            let issue = ask(&own, purpose).await.refused(403, "forbidden");
            assert!(issue.text.ends_with(": PATRQT."), "{issue:?}");
        }
        for purpose in ["TREAT", "HOPERAT"] {
            ask(&staff, purpose).await.expect(200);
        }
        for purpose in ["PATRQT", "ETREAT"] {
            let issue = ask(&staff, purpose).await.refused(403, "forbidden");
            assert!(issue.text.ends_with(": HOPERAT, TREAT."), "{issue:?}");
        }
    }

    /// 1.3: introspection tells the same scopes and the context; of what is none, that alone.
    async fn a_token_is_told_with_its_context(server: &'static Server) {
        record(server, "own-i").await;
        let app = App::confidential(server, "app-i", LAUNCH).await;
        let mut browser = someone(server, "login-i", "Patient/own-i").await;
        let token = app.approved(&mut browser, LAUNCH).await;
        let told = app.introspect(token.str("access_token").expect("it is there")).await;
        assert_eq!((told.str("patient"), told.str("client_id")), (Some("own-i"), Some("app-i")));
        assert_eq!(told.str("scope"), token.str("scope"));
        assert!(told.at("active").expect("it is there").to_string() == "true" && told.str("sub").is_some() && told.at("exp").is_some());
        for none in ["fgt_nothing", token.str("refresh_token").expect("it is there")] {
            assert_eq!(app.introspect(none).await.to_string(), r#"{"active":false}"#);
        }
        // A client that can show who it is has to.
        app.refresh_unnamed(&token).await.expect(401);
        // 47: a refresh token is no access token.
        Client::new(server.address(), token.str("refresh_token")).get("/Patient/own-i").await.expect(401);
    }

    /// 1.3, 49, 50: what is wrong with a request comes back to the app; nobody is sent anywhere that is not its own.
    async fn a_wrong_request_is_answered_where_the_app_is_and_nowhere_else(server: &'static Server) {
        record(server, "own-w").await;
        let app = App::public(server, "app-w", LAUNCH).await;
        let mut browser = someone(server, "login-w", "Patient/own-w").await;
        for (name, value, error) in [
            ("aud", "https://elsewhere.example/fhir", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("code_challenge", "", "invalid_request"),
            ("scope", "patient/Nothing.rs", "invalid_scope"),
            ("scope", "user/*.rs", "invalid_scope"),
            ("scope", "", "invalid_scope"),
            ("launch", "fgl_nothing", "invalid_request"),
            ("prompt", "none", "interaction_required"),
        ] {
            for method in [Method::GET, Method::POST] {
                let answered = app.authorize(&mut browser, LAUNCH, &[(name, value)], &method).await;
                assert!(answered.address.starts_with(app::REDIRECT), "{name}={value}: {}", answered.address);
                assert_eq!(answered.parameter("error").as_deref(), Some(error), "{name}={value}");
                assert_eq!((answered.parameter("state").as_deref(), answered.parameter("code")), (Some(app::STATE), None));
            }
        }
        for wrong in [
            "https://app.example/callback/", "https://app.example/callback?x=1", "https://app.example.evil/callback", "https://app.example@evil/callback",
            "https://app.example/callback#x", "https://app.example/callback/../x", "http://app.example/callback", "HTTPS://app.example/callback", "javascript:alert(1)", "",
        ] {
            let page = app.authorize(&mut browser, LAUNCH, &[("redirect_uri", wrong)], &Method::GET).await;
            assert_eq!(page.status, 400, "{wrong}: {}", page.address);
        }
        for client in ["nobody", "", "app-w'--"] {
            let page = app.authorize(&mut browser, LAUNCH, &[("client_id", client)], &Method::GET).await;
            assert!(matches!(page.status, 400 | 401), "{client}: {} {}", page.status, page.address);
        }
    }

    /// 50: a code counts once, for who began, with the verifier; used twice, everything that came of it ends.
    async fn a_code_is_for_who_began_and_counts_once(server: &'static Server) {
        record(server, "own-c").await;
        let (app, other) = (App::public(server, "app-c", LAUNCH).await, App::public(server, "app-c2", LAUNCH).await);
        let mut browser = someone(server, "login-c", "Patient/own-c").await;
        let error = |answer: gateway_tests::Response| answer.expect(400).json().str("error").unwrap_or_default().to_owned();
        assert_eq!(error(app.exchange("fgc_nothing").await), "invalid_grant");
        for (name, value) in [("code_verifier", "wrong-wrong-wrong-wrong-wrong-wrong-wrong-wrong"), ("code_verifier", ""), ("redirect_uri", "https://app.example/other")] {
            let code = app.code(&mut browser, LAUNCH).await;
            assert_eq!(error(app.exchange_with(&code, &[(name, value)]).await), "invalid_grant", "{name}");
            assert_eq!(error(app.exchange(&code).await), "invalid_grant", "it is used up");
        }
        let code = app.code(&mut browser, LAUNCH).await;
        assert_eq!(error(other.exchange(&code).await), "invalid_grant", "another app's");
        let token = app.exchange(&code).await.expect(200).json();
        with(server, &token).get("/Patient/own-c").await.expect(200);
        assert_eq!(error(app.exchange(&code).await), "invalid_grant");
        assert_eq!(error(app.refresh(&token, &[]).await), "invalid_grant", "what came of it has ended");
        // 54: within a second.
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        with(server, &token).get("/Patient/own-c").await.expect(401);
    }

    /// 52, 53: a refresh token is another one each time, gives no more than was approved, and ends all when it comes twice.
    async fn refresh_tokens_rotate_and_the_family_dies_of_reuse(server: &'static Server) {
        record(server, "own-r").await;
        let app = App::public(server, "app-r", &format!("{LAUNCH} patient/Observation.rs user/*.rs")).await;
        let mut browser = someone(server, "login-r", "Patient/own-r").await;
        let first = app.approved(&mut browser, "launch/patient patient/Patient.rs patient/Observation.rs offline_access").await;
        let second = app.refresh(&first, &[]).await.expect(200).json();
        assert_eq!((second.str("scope"), second.str("patient")), (first.str("scope"), Some("own-r")));
        assert_ne!(second.str("refresh_token"), first.str("refresh_token"));
        let second = app.refresh_unnamed(&second).await.expect(200).json();
        let narrow = app.refresh(&second, &[("scope", "patient/Patient.rs user/*.rs patient/*.rs")]).await.expect(200).json();
        assert_eq!(narrow.str("scope"), Some("patient/Patient.rs patient/Observation.rs"), "never more than was approved");
        with(server, &narrow).get("/Patient/own-r").await.expect(200);
        let answers = tokio::join!(app.refresh(&narrow, &[]), app.refresh(&narrow, &[]), app.refresh(&narrow, &[]));
        let given = [&answers.0, &answers.1, &answers.2].iter().filter(|answer| answer.status == 200).count();
        assert!(given <= 1, "of three at a time one at most");
        app.refresh(&first, &[]).await.expect(400);
        for answer in [answers.0, answers.1, answers.2] {
            if answer.status == 200 {
                app.refresh(&answer.json(), &[]).await.expect(400);
            }
        }
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        with(server, &narrow).get("/Patient/own-r").await.expect(401);
    }

    /// 1.1 group 2, 1.4: what is switched off is not granted, the answer says so, and it is refused; a wide scope can be narrowed to its parts.
    async fn somebody_grants_less_than_was_asked(server: &'static Server) {
        record(server, "own-l").await;
        let app = App::public(server, "app-l", LAUNCH).await;
        let mut browser = someone(server, "login-l", "Patient/own-l").await;
        let scopes = "launch/patient patient/Patient.rs patient/Observation.rs patient/Condition.rs offline_access";
        let page = app.ask(&mut browser, scopes).await;
        let lab = "patient/Observation.rs?category=http://terminology.hl7.org/CodeSystem/observation-category|laboratory";
        let off = [("scope=patient/Condition.rs", ""), ("scope=patient/Observation.rs", ""), ("scope=offline_access", "")];
        let lab_on = format!("scope={lab}");
        let answered = browser.press(&page, "approve", &[&off[..], &[(&*lab_on, "on")]].concat()).await;
        let token = app.exchange(&answered.parameter("code").expect("it is there")).await.expect(200).json();
        assert_eq!(token.str("scope"), Some(&*format!("launch/patient patient/Patient.rs {lab}")));
        assert!(token.at("refresh_token").is_none());
        let seen = with(server, &token);
        assert_eq!(seen.search("/Observation").await, ["Observation/own-l-laboratory"]);
        seen.get("/Observation/own-l-laboratory").await.expect(200);
        seen.get("/Observation/own-l-vital-signs").await.expect(404);
        seen.get("/Condition?patient=own-l").await.expect(403);
        // With nothing switched on nothing is approved, and a form of one's own gets no more than was asked.
        let page = app.ask(&mut browser, "launch/patient patient/Patient.rs").await;
        let again = browser.press(&page, "approve", &[("scope=patient/Patient.rs", "")]).await;
        assert!(again.text().contains("Choose at least one"), "{}", again.text());
        let more = again.html.replace(r#"value="patient/Patient.rs""#, r#"value="patient/*.rs""#);
        let answered = browser.press(&gateway_tests::Shown { html: more, ..again }, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("it is there")).await.expect(200).json();
        assert_eq!(token.str("scope"), Some("launch/patient patient/Patient.rs"));
    }

    /// Somebody at work finds a patient whom they care for, and nobody else; names are in no address.
    async fn a_practitioner_chooses_a_patient_in_their_care(server: &'static Server) {
        let all = server.client();
        all.save(&Json::of(r#"{"resourceType":"Practitioner","id":"doc-p","name":[{"family":"Who"}]}"#)).await;
        for id in ["cared-p", "stranger-p"] {
            record(server, id).await;
        }
        all.save(&app::encounter("visit-p", "cared-p", "doc-p")).await;
        let scopes = "launch/patient patient/*.rs user/Patient.rs user/Observation.rs";
        let app = App::confidential(server, "app-p", scopes).await;
        let mut browser = someone(server, "login-p", "Practitioner/doc-p").await;
        let picker = app.ask(&mut browser, scopes).await;
        assert!(picker.text().contains("Which patient?"), "{}", picker.text());
        let none = browser.press(&picker, "find", &[("q", "Famstranger-p")]).await;
        assert!(none.text().contains("Nobody whom you may see was found") && !none.address.contains("Fam"), "{}", none.address);
        let found = browser.press(&picker, "find", &[("q", "Famcared-p")]).await;
        let page = pick(&mut browser, &found, "cared-p").await;
        // A patient of one's own choice in the form is looked at anew.
        let mut pages = Vec::new();
        for other in ["stranger-p", "nobody-p"] {
            let html = page.html.replace(r#"value="cared-p""#, &format!("value=\"{other}\""));
            let refused = browser.press(&gateway_tests::Shown { html, ..page.clone() }, "approve", &[]).await;
            assert_eq!(refused.status, 403, "{other}");
            pages.push(refused.html.replace(other, "WHO"));
        }
        assert_eq!(pages[0], pages[1], "whether somebody is there is not told");
        let answered = browser.press(&page, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200).json();
        assert_eq!(token.str("patient"), Some("cared-p"));
        let seen = with(server, &token);
        seen.get("/Observation/cared-p-laboratory").await.expect(200);
        seen.get("/Encounter/visit-p").await.expect(200);
        seen.get("/Practitioner/doc-p").await.expect(200);
        seen.get("/Patient/stranger-p").await.expect(404);
        assert_eq!(seen.search("/Patient?family=Famstranger-p").await.len(), 0);
        assert_eq!(seen.search("/Observation?patient=stranger-p").await.len(), 0);
        // What the pages looked up is on record as the person's, by that app, from where the browser is.
        let (mut sql, prefix) = server.trail().await;
        let looked = format!("select distinct source from {prefix}audit_events where client = 'app-p' and type = 'Patient'");
        assert_eq!(sql.rows(&looked).await, [[Some("127.0.0.1".to_owned())]]);
    }

    /// 1.1 group 3: an EHR launches an app with patient and encounter; the launch is for that app, once.
    async fn an_ehr_launches_an_app(server: &'static Server) {
        let all = server.client();
        for id in ["open-e", "shut-e"] {
            record(server, id).await;
        }
        all.save(&Json::of(r#"{"resourceType":"Practitioner","id":"doc-e"}"#)).await;
        all.save(&app::encounter("visit-e", "open-e", "doc-x")).await;
        let scopes = "launch patient/*.rs user/Practitioner.rs";
        let (app, other) = (App::confidential(server, "app-e", scopes).await, App::public(server, "app-e2", scopes).await);
        let ehr = App::backend(server, "ehr-e", "launch system/Patient.r").await;
        let mut browser = someone(server, "login-e", "Practitioner/doc-e").await;
        let launch = ehr.launch(&[("app", "app-e"), ("patient", "open-e"), ("encounter", "visit-e"), ("need_patient_banner", "false"), ("intent", "reconcile")]).await.expect(200).json();
        let launch = launch.str("launch").expect("it is there").to_owned();
        let wrong = other.authorize(&mut browser, scopes, &[("launch", &launch)], &Method::GET).await;
        assert_eq!(wrong.parameter("error").as_deref(), Some("invalid_request"), "another app's launch");
        let page = app.authorize(&mut browser, scopes, &[("launch", &launch)], &Method::GET).await;
        assert!(page.text().contains("Givopen-e Famopen-e"), "nobody has to choose: {}", page.text());
        let answered = browser.press(&page, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200).json();
        assert_eq!((token.str("patient"), token.str("encounter"), token.str("intent")), (Some("open-e"), Some("visit-e"), Some("reconcile")));
        assert_eq!(token.at("need_patient_banner").map(ToString::to_string).as_deref(), Some("false"));
        let seen = with(server, &token);
        seen.get("/Observation/open-e-laboratory").await.expect(200);
        seen.get("/Observation/shut-e-laboratory").await.expect(404);
        let again = app.authorize(&mut browser, scopes, &[("launch", &launch)], &Method::GET).await;
        assert_eq!(again.parameter("error").as_deref(), Some("invalid_request"), "it was used");
        // An encounter of another patient opens nothing; and who has not the scope launches nothing.
        let launch = ehr.launch(&[("app", "app-e"), ("patient", "shut-e"), ("encounter", "visit-e")]).await.expect(200).json();
        let page = app.authorize(&mut browser, scopes, &[("launch", launch.str("launch").expect("it is there"))], &Method::GET).await;
        assert_eq!(page.status, 403);
        assert_eq!(app.launch(&[("app", "app-e"), ("patient", "shut-e")]).await.expect(400).json().str("error"), Some("unauthorized_client"), "an app does not say itself what is open");
        let job = App::backend(server, "job-e", "system/Patient.r").await;
        assert_eq!(job.launch(&[("app", "app-e"), ("patient", "open-e")]).await.expect(400).json().str("error"), Some("unauthorized_client"));
    }

    /// An app that asks for a visit gets one of the patient's that the person may see, or none; in the answer and in introspection.
    async fn somebody_chooses_the_visit(server: &'static Server) {
        let all = server.client();
        all.save(&Json::of(r#"{"resourceType":"Practitioner","id":"doc-v"}"#)).await;
        for id in ["open-v", "shut-v"] {
            record(server, id).await;
        }
        for (id, patient, by) in [("visit-v1", "open-v", "doc-v"), ("visit-v2", "open-v", "doc-x"), ("visit-v3", "shut-v", "doc-x")] {
            all.save(&app::encounter(id, patient, by)).await;
        }
        let scopes = "launch/patient launch/encounter patient/*.rs";
        let app = App::confidential(server, "app-v", &format!("launch {scopes}")).await;
        let mut browser = someone(server, "login-v", "Practitioner/doc-v").await;
        let picker = app.ask(&mut browser, scopes).await;
        let found = browser.press(&picker, "find", &[("q", "Famopen-v")]).await;
        let visits = pick(&mut browser, &found, "open-v").await;
        let has = |id: &str| visits.html.contains(&format!("name=\"encounter\" value=\"{id}\""));
        assert!(visits.text().contains("Which visit?") && has("visit-v1") && has("visit-v2") && !has("visit-v3"), "{}", visits.html);
        let button = |part: &str| {
            let form = visits.html.split("<form").find(|form| form.contains(part)).expect("a form");
            gateway_tests::Shown { html: format!("<form{form}"), ..visits.clone() }
        };
        let chosen = browser.press(&button("value=\"visit-v2\""), "choose", &[]).await;
        assert!(chosen.text().contains("visit visit-v2"), "{}", chosen.text());
        // One of another patient's in the form, or one that is not there, is refused alike.
        let mut pages = Vec::new();
        for other in ["visit-v3", "visit-nobody"] {
            let html = chosen.html.replace("value=\"visit-v2\"", &format!("value=\"{other}\""));
            let refused = browser.press(&gateway_tests::Shown { html, ..chosen.clone() }, "approve", &[]).await;
            assert_eq!(refused.status, 403, "{other}");
            pages.push(refused.html.replace(other, "WHO"));
        }
        assert_eq!(pages[0], pages[1], "whether a visit is there is not told");
        let answered = browser.press(&chosen, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200).json();
        assert_eq!((token.str("patient"), token.str("encounter")), (Some("open-v"), Some("visit-v2")));
        let told = app.introspect(token.str("access_token").expect("it is there")).await;
        assert_eq!(told.str("encounter"), Some("visit-v2"));

        // An EHR has said whose record is open, and not which visit; the person says that it is about none.
        let ehr = App::backend(server, "ehr-v", "launch system/Patient.r").await;
        let launch = ehr.launch(&[("app", "app-v"), ("patient", "open-v")]).await.expect(200).json();
        let scopes = "launch launch/encounter patient/*.rs";
        let visits = app.authorize(&mut browser, scopes, &[("launch", launch.str("launch").expect("it is there"))], &Method::GET).await;
        let form = visits.html.split("<form").find(|form| form.contains("name=\"without\"")).expect("a form");
        let none = gateway_tests::Shown { html: format!("<form{form}"), ..visits.clone() };
        let chosen = browser.press(&none, "choose", &[]).await;
        let answered = browser.press(&chosen, "approve", &[]).await;
        let token = app.exchange(&answered.parameter("code").expect("a code")).await.expect(200).json();
        assert_eq!((token.str("patient"), token.str("encounter")), (Some("open-v"), None));
    }

    /// What was denied comes back as denied; a form from elsewhere does nothing; a request is answered once.
    async fn only_the_person_approves(server: &'static Server) {
        record(server, "own-d").await;
        let app = App::public(server, "app-d", LAUNCH).await;
        let mut browser = someone(server, "login-d", "Patient/own-d").await;
        let page = app.ask(&mut browser, LAUNCH).await;
        let policy = page.response.as_ref().expect("it is there").header("Content-Security-Policy").expect("it is there").to_owned();
        assert!(policy.contains("frame-ancestors 'none'") && policy.contains("form-action 'self' https://app.example"), "{policy}");
        let foreign = page.html.split("name=\"csrf\" value=\"").enumerate().map(|(at, part)| if at == 0 { part.to_owned() } else { format!("name=\"csrf\" value=\"x{part}") });
        let foreign = gateway_tests::Shown { html: foreign.collect(), ..page.clone() };
        assert_eq!(browser.press(&foreign, "approve", &[]).await.status, 403);
        let mut stranger = Window::new(server.address());
        let sent_on = stranger.press(&page, "approve", &[]).await;
        assert!(sent_on.address.contains("/oauth/login"), "{}", sent_on.address);
        let answered = browser.press(&page, "deny", &[]).await;
        assert_eq!((answered.parameter("error").as_deref(), answered.parameter("state").as_deref()), (Some("access_denied"), Some(app::STATE)));
        assert_eq!(browser.press(&page, "approve", &[]).await.status, 400, "it was answered");
        // Somebody at work cannot approve what is for patients alone, nor somebody who is nobody in the record.
        let mut doctor = someone(server, "login-d2", "Practitioner/doc-d").await;
        let page = app.ask(&mut doctor, LAUNCH).await;
        assert_eq!(page.status, 403, "{}", page.text());
    }

    /// A person sees what they approved, and ends it; so does who administers the app.
    async fn what_was_approved_can_be_ended(server: &'static Server) {
        record(server, "own-m").await;
        let app = App::public(server, "app-m", LAUNCH).await;
        let mut browser = someone(server, "login-m", "Patient/own-m").await;
        let token = app.approved(&mut browser, LAUNCH).await;
        with(server, &token).get("/Patient/own-m").await.expect(200);
        let page = browser.open("/oauth/manage").await;
        assert!(page.text().contains("app-m"), "{}", page.text());
        let mut other = someone(server, "login-m2", "Patient/own-m").await;
        assert!(!other.open("/oauth/manage").await.text().contains("app-m"), "somebody else's");
        let page = browser.press(&page, "End the access of app-m", &[]).await;
        assert!(page.text().contains("No app has access"), "{}", page.text());
        with(server, &token).get("/Patient/own-m").await.expect(401);
        app.refresh(&token, &[]).await.expect(400);

        // RFC 7009: with a refresh token everything ends that came of its approval, and nothing of another app's.
        let token = app.approved(&mut browser, LAUNCH).await;
        let stranger = App::public(server, "app-m2", LAUNCH).await;
        stranger.revoke(token.str("refresh_token").expect("it is there")).await.expect(200);
        with(server, &token).get("/Patient/own-m").await.expect(200);
        app.revoke(token.str("refresh_token").expect("it is there")).await.expect(200);
        with(server, &token).get("/Patient/own-m").await.expect(401);
        app.refresh(&token, &[]).await.expect(400);

        let token = app.approved(&mut browser, LAUNCH).await;
        let data_dir = server.data_dir().display().to_string();
        Command::run(&["client", "revoke-tokens", "app-m", "--by", "Jane", "--database", &server.database.url, "--data-dir", &data_dir]).await.expect(0);
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        with(server, &token).get("/Patient/own-m").await.expect(401);
        app.refresh(&token, &[]).await.expect(400);
    }

    /// Who an account is, or was by mistake, takes nothing along that it approved as somebody else; what goes with a login ends with it.
    async fn what_somebody_approved_ends_with_who_they_are(server: &'static Server) {
        for id in ["own-n", "other-n"] {
            record(server, id).await;
        }
        let scopes = "launch/patient patient/*.rs online_access";
        let app = App::public(server, "app-n", &format!("{LAUNCH} online_access")).await;
        let mut browser = someone(server, "login-n", "Patient/own-n").await;
        let token = app.approved(&mut browser, scopes).await;
        let next = app.refresh(&token, &[]).await.expect(200).json();
        let page = browser.open("/oauth/account").await;
        browser.press(&page, "Log out", &[]).await;
        app.refresh(&next, &[]).await.expect(400);

        // Another password ends all logins, and what goes with them; not what outlives them.
        let mut browser = app::again(server, "login-n").await;
        let (goes, stays) = (app.approved(&mut browser, scopes).await, app.approved(&mut browser, LAUNCH).await);
        let page = browser.open("/oauth/password").await;
        let other = "Another-Horse-8-Battery";
        browser.press(&page, "Change the password", &[("current", app::PASSWORD), ("new", other), ("again", other)]).await;
        app.refresh(&goes, &[]).await.expect(400);
        let token = app.refresh(&stays, &[]).await.expect(200).json();
        with(server, &token).get("/Patient/own-n").await.expect(200);
        let id = app::account(server, "login-n").await;
        app::command(server, &["account", "change", &id, "--by", "Jane", "--actor", "Patient/other-n"]).await;
        tokio::time::sleep(std::time::Duration::from_millis(1_100)).await;
        with(server, &token).get("/Patient/own-n").await.expect(401);
        app.refresh(&token, &[]).await.expect(400);
    }

    /// F5, F13, F17: of what was moved to a patient the Provenances of before are not theirs; a Bundle with several patients is in nobody's context.
    async fn what_names_another_patient_is_not_in_context(server: &'static Server) {
        for id in ["own-o", "other-o"] {
            record(server, id).await;
        }
        let all = server.client();
        let about = |id: &str, targets: &str, more: &str| Json::of(&format!(
            r#"{{"resourceType":"Provenance","id":"{id}","recorded":"2026-01-01T00:00:00Z","agent":[{{"who":{{"display":"x"}}}}],"target":[{targets}]{more}}}"#
        ));
        let named = r#","extension":[{"url":"http://hl7.org/fhir/5.0/StructureDefinition/extension-Provenance.patient","valueReference":{"reference":"Patient/other-o"}}]"#;
        let own = r#"{"reference":"Observation/own-o-laboratory"}"#;
        for (id, targets, more) in [
            ("prov-own-o", own.to_owned(), ""),
            ("prov-moved-o", own.to_owned(), named),
            ("prov-mixed-o", format!(r#"{own},{{"reference":"Observation/other-o-laboratory"}}"#), ""),
            ("prov-other-o", r#"{"reference":"Observation/other-o-laboratory"}"#.to_owned(), ""),
        ] {
            assert!(all.save(&about(id, &targets, more)).await.status < 300, "{id}");
        }
        let bundle = Json::of(r#"{"resourceType":"Bundle","id":"both-o","type":"collection","entry":[{"fullUrl":"urn:uuid:1","resource":{"resourceType":"Patient","id":"own-o"}},{"fullUrl":"urn:uuid:2","resource":{"resourceType":"Patient","id":"other-o"}}]}"#);
        assert!(all.save(&bundle).await.status < 300);
        let app = App::public(server, "app-o", LAUNCH).await;
        let mut browser = someone(server, "login-o", "Patient/own-o").await;
        let token = app.approved(&mut browser, LAUNCH).await;
        let seen = with(server, &token);
        assert_eq!(seen.search("/Provenance").await, ["Provenance/prov-own-o"]);
        assert_eq!(seen.search("/Observation?_id=own-o-laboratory&_revinclude=Provenance:target").await, ["Observation/own-o-laboratory", "Provenance/prov-own-o"]);
        seen.get("/Bundle/both-o").await.expect(403);
        for hidden in ["prov-moved-o", "prov-mixed-o", "prov-other-o"] {
            seen.get(&format!("/Provenance/{hidden}")).await.expect(404);
        }
    }
}
