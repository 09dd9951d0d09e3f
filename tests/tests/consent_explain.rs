//! Why somebody sees something: `consent explain` at the command line and `$consent-explain` for the privacy officer and the patient.
//! What is explained is what is shown, and both are the decision.
#![allow(missing_docs, clippy::unwrap_used)]

use gateway_tests::{
    Client, Command, Engine, Json, Options, Random, Response, Server, consent, lab_observation, own, patient, rounds,
    suite,
};

const DOCTOR: &str = "Practitioner/dr";

fn beside(server: &Server, arguments: &[&str]) -> Server {
    let arguments =
        ["--dev-consent", "enforce"].iter().chain(arguments).map(|argument| (*argument).to_owned()).collect();
    server.beside_with(Options { arguments, ..Options::default() })
}

async fn explain(server: &Server, arguments: &[&str]) -> Command {
    let data = server.folder().join("privacy").display().to_string();
    let database = ["--database", &server.database.url, "--data-dir", &data];
    Command::run(&[&["consent", "explain"], arguments, &database].concat()).await
}

async fn explained(server: &Server, arguments: &[&str]) -> Json {
    let arguments: Vec<&str> = arguments.iter().copied().chain(["--json"]).collect();
    Json::of(&explain(server, &arguments).await.expect(0).stdout)
}

fn labelled(id: &str, code: &str) -> Json {
    let label =
        format!(r#"{{"security":[{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"{code}"}}]}}"#);
    lab_observation(id, "ada", "1").with("meta", Json::of(&label))
}

/// Ada hides what is about HIV from all but lab, and has Part 2 data.
async fn record(all: &Client) {
    for id in ["ada", "ben"] {
        all.save(&patient(id, "Explained")).await.expect(201);
        all.save(&lab_observation(&format!("o-{id}"), id, "7.1")).await.expect(201);
    }
    all.save(&labelled("hiv", "HIV")).await.expect(201);
    all.save(&labelled("part2", "42CFRPart2")).await.expect(201);
    let hiv = r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActCode","code":"HIV"}]"#;
    let treat = r#"[{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}]"#;
    let provision =
        format!(r#"{{"type":"permit","purpose":{treat},"provision":[{{"type":"deny","securityLabel":{hiv}}}]}}"#);
    all.save(&consent("c", "ada", &provision)).await.expect(201);
}

fn layer<'j>(explained: &'j Json, name: &str) -> Option<&'j str> {
    explained.items("layers").iter().find(|layer| layer.str("layer") == Some(name))?.str("result")
}

/// Parameters of a name.
fn named<'j>(answer: &'j Json, name: &str) -> Vec<&'j Json> {
    answer.items("parameter").iter().filter(|parameter| parameter.str("name") == Some(name)).collect()
}

fn same(one: &Response, other: &Response) {
    assert_eq!((one.status, String::from_utf8_lossy(&one.body)), (other.status, String::from_utf8_lossy(&other.body)));
}

suite! {
    async fn the_command_names_the_rule_that_decides(engine: Engine) {
        let server = Server::start(engine);
        record(&server.client()).await;
        let ask = ["--actor", DOCTOR, "--purpose", "TREAT"];
        let of = |resource: &'static str| [&ask[..], &["--resource", resource]].concat();
        let seen = explained(&server, &of("Observation/o-ada")).await;
        assert_eq!((seen.str("verdict"), seen.str("patient")), (Some("permit"), Some("Patient/ada")));
        assert_eq!(seen.items("reasons")[0].as_str(), Some("Consent/c provision: permit"));
        let hidden = explained(&server, &of("Observation/hiv")).await;
        assert_eq!((hidden.str("verdict"), layer(&hidden, "consents")), (Some("deny"), Some("deny")));
        assert_eq!((layer(&hidden, "statute"), layer(&hidden, "default"), layer(&hidden, "glass")), (Some("passed"), Some("permit"), Some("whole")));
        let rules = hidden.items("layers").iter().find(|layer| layer.str("layer") == Some("consents")).unwrap().items("rules").to_vec();
        assert_eq!(rules.len(), 1);
        assert_eq!((rules[0].str("consent"), rules[0].str("version"), rules[0].str("pointer"), rules[0].str("type")),
            (Some("Consent/c"), Some("1"), Some("/provision/provision/0"), Some("deny")));
        let part2 = explained(&server, &of("Observation/part2")).await;
        assert_eq!(part2.str("verdict"), Some("permit"));
        let obligations: Vec<&str> = part2.items("obligations").iter().filter_map(Json::as_str).collect();
        assert_eq!(obligations, ["no-redisclosure", "consent Consent/c"]);
        let payer = explained(&server, &["--actor", "Organization/p", "--purpose", "HPAYMT", "--resource", "Observation/part2"]).await;
        assert_eq!((payer.str("verdict"), layer(&payer, "statute")), (Some("deny"), Some("deny")));
        let strict = explained(&server, &["--actor", DOCTOR, "--purpose", "TREAT", "--consent-default", "opt-in", "--resource", "Observation/o-ben"]).await;
        assert_eq!((strict.str("verdict"), layer(&strict, "default"), layer(&strict, "consents")), (Some("deny"), Some("deny"), Some("nothing")));
        explain(&server, &of("Observation/nowhere")).await.expect(1);
        explain(&server, &ask).await.expect(2);
        let record = explained(&server, &[&ask[..], &["--patient", "ada"]].concat()).await;
        assert_eq!(record.at("shown").unwrap().to_string(), r#"{"Observation":2,"Patient":1}"#);
        // That there is a Consent about HIV tells.
        assert_eq!(record.at("hidden").unwrap().to_string(), r#"{"Consent":1,"Observation":1}"#);
        assert_eq!(record.at("hiddenLabels").unwrap().to_string(), r#"{"HIV":2,"R":2}"#);
        assert_eq!(record.items("rules")[0].str("pointer"), Some("/provision/provision/0"));
        let text = explain(&server, &[&ask[..], &["--patient", "ada"]].concat()).await.expect(0).stdout;
        assert!(text.contains("3 shown, 2 hidden") && text.contains("Consent/c version 1 /provision/provision/0: deny"), "{text}");
    }

    /// A broken glass is a layer, too, for those references and while it is broken.
    async fn a_broken_glass_is_explained(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        record(&all).await;
        all.save(&consent("no", "ada", r#"{"type":"deny"}"#)).await.expect(201);
        let member = ["--dev-actor", DOCTOR, "--dev-actor", "Group/e", "--break-glass-group", "Group/e"];
        let doctor = beside(&server, &member);
        let body = r#"{"resourceType":"Parameters","parameter":[{"name":"reason","valueString":"coma"}]}"#;
        let ask = ["--actor", DOCTOR, "--actor", "Group/e", "--purpose", "TREAT", "--break-glass-group", "Group/e"];
        let of = |more: [&'static str; 2]| [&ask[..], &more].concat();
        let before = explained(&server, &of(["--resource", "Observation/hiv"])).await;
        assert_eq!((before.str("verdict"), layer(&before, "glass")), (Some("deny"), Some("whole")));
        doctor.client().post("/Patient/ada/$break-glass", body).await.expect(201);
        let after = explained(&server, &of(["--resource", "Observation/hiv"])).await;
        assert_eq!((after.str("verdict"), layer(&after, "consents"), layer(&after, "glass")), (Some("permit"), Some("deny"), Some("broken")));
        assert_eq!(after.items("reasons")[0].as_str(), Some("break-glass"));
        let record = explained(&server, &of(["--patient", "ada"])).await;
        // Statute is content with the Consent that permits Part 2 data.
        assert_eq!((record.str("glass"), record.at("hidden").unwrap().to_string().as_str()), (Some("broken"), "{}"));
        let later = explained(&server, &[&ask[..], &["--resource", "Observation/hiv", "--at", "2099-01-01"]].concat()).await;
        assert_eq!(layer(&later, "glass"), Some("whole"));
        let other = explained(&server, &["--actor", DOCTOR, "--purpose", "TREAT", "--break-glass-group", "Group/e", "--resource", "Observation/hiv"]).await;
        assert_eq!((other.str("verdict"), layer(&other, "glass")), (Some("deny"), Some("whole")));
    }

    async fn the_operation_is_for_the_officer_and_the_patient(engine: Engine) {
        let server = Server::start(engine);
        record(&server.client()).await;
        let officer = beside(&server, &[]);
        let ada = beside(&server, &["--dev-actor", "Patient/ada", "--dev-purpose", "PATRQT"]);
        let doctor = beside(&server, &["--dev-actor", DOCTOR]);
        let of = |more: &str| format!("/$consent-explain?actor={DOCTOR}&purpose=TREAT&{more}");
        for server in [&officer, &ada] {
            let api = server.client();
            let record = api.get(&of("patient=ada")).await.expect(200).json();
            let hidden = named(&record, "hidden");
            assert_eq!(hidden.len(), 2);
            assert_eq!(hidden[1].items("part")[0].str("valueCode"), Some("Observation"));
            assert_eq!(hidden[1].items("part")[1].str("valueUnsignedInt"), Some("1"));
            assert_eq!(named(&record, "agreed")[0].at("valueBoolean"), Some(&Json::Bool(true)));
            let rule = named(&record, "rule")[0].items("part").to_vec();
            assert_eq!(rule[0].at("valueReference").unwrap().str("reference"), Some("Consent/c/_history/1"));
            let one = api.get(&of("resource=Observation/hiv&patient=ada")).await.expect(200).json();
            assert_eq!(named(&one, "verdict")[0].str("valueCode"), Some("deny"));
            assert_eq!(named(&one, "layer").len(), 5);
            let body = format!(r#"{{"resourceType":"Parameters","parameter":[{{"name":"actor","valueReference":{{"reference":"{DOCTOR}"}}}},
                {{"name":"actor","valueReference":{{"reference":"Organization/o"}}}},{{"name":"purpose","valueCoding":{{"system":"http://terminology.hl7.org/CodeSystem/v3-ActReason","code":"TREAT"}}}}]}}"#);
            let posted = api.post("/Patient/ada/$consent-explain", body).await.expect(200).json();
            assert_eq!(named(&posted, "hidden").len(), 2, "{posted}");
            api.get("/$consent-explain?patient=ada").await.expect(400);
            api.get(&of("patient=ada&action=look")).await.expect(400);
        }
        // The same for all who may not, whatever is there; a patient is told of nobody else.
        let refused = doctor.client().get(&of("patient=ada")).await.expect(403);
        for (server, more) in [(&doctor, "patient=nobody"), (&doctor, "resource=Observation/hiv"), (&doctor, "patient=ada&action=look"),
            (&ada, "patient=ben"), (&ada, "patient=nobody"), (&ada, "resource=Observation/hiv")] {
            same(&server.client().get(&of(more)).await, &refused);
        }
        let elsewhere = ada.client().get(&of("patient=ada&resource=Observation/o-ben")).await.expect(404);
        same(&ada.client().get(&of("patient=ada&resource=Observation/nowhere")).await, &elsewhere);
        let nobody = officer.client().get(&of("patient=nobody")).await.expect(200).json();
        assert_eq!((named(&nobody, "hidden").len(), named(&nobody, "shown").len()), (0, 0));
        // XML as everything else.
        officer.client().get(&of("patient=ada&_format=xml")).await.expect(200);
    }

    /// Random Consents: what is explained is what a server shows, and the database agrees with the decision.
    async fn what_is_explained_is_what_is_shown(engine: Engine) {
        let server = Server::start(engine);
        let all = server.client();
        record(&all).await;
        all.put("/Encounter/e", r#"{"resourceType":"Encounter","id":"e","status":"finished","class":{"code":"AMB"},"subject":{"reference":"Patient/ada"}}"#).await.expect(201);
        all.save(&lab_observation("in-e", "ada", "3").with("encounter", Json::of(r#"{"reference":"Encounter/e"}"#))).await.expect(201);
        let (doctor, officer) = (beside(&server, &["--dev-actor", DOCTOR]), beside(&server, &[]));
        let (doctor, officer) = (doctor.client(), officer.client());
        let mut random = Random::seeded(77);
        let code = |system: &str, code: &str| format!(r#"{{"system":"http://terminology.hl7.org/CodeSystem/{system}","code":"{code}"}}"#);
        for round in 0..rounds(60, 1_000) {
            let mut rule = |kind: &str| {
                let mut parts = vec![format!(r#""type":"{kind}""#)];
                if random.once_in(3) {
                    let action = *random.pick(&["access", "disclose", "use", "collect", "correct"]);
                    parts.push(format!(r#""action":[{{"coding":[{}]}}]"#, code("consentaction", action)));
                }
                if random.once_in(3) {
                    parts.push(format!(r#""securityLabel":[{}]"#, code("v3-ActCode", random.pick::<&str>(&["HIV", "SUD", "42CFRPart2"]))));
                }
                if random.once_in(3) {
                    let (meaning, what) = *random.pick(&[("related", "Observation/in-e"), ("related", "Encounter/e"), ("instance", "Observation/hiv"),
                        ("dependents", "Encounter/e"), ("authoredby", DOCTOR)]);
                    parts.push(format!(r#""data":[{{"meaning":"{meaning}","reference":{{"reference":"{what}"}}}}]"#));
                }
                parts.join(",")
            };
            let (root, nested) = (rule(["permit", "deny"][round % 2]), rule(["deny", "permit"][round / 2 % 2]));
            all.save(&consent(&format!("r{}", round % 3), "ada", &format!(r#"{{{root},"provision":[{{{nested}}}]}}"#))).await;
            let explained = officer.get(&format!("/Patient/ada/$consent-explain?actor={DOCTOR}&purpose=TREAT")).await.expect(200).json();
            assert_eq!(named(&explained, "agreed")[0].at("valueBoolean"), Some(&Json::Bool(true)), "{root} {nested} {explained}");
            let shown = doctor.search("/?_type=Observation,Encounter,Patient,Consent&_count=100").await;
            let counted: usize = named(&explained, "shown").iter().map(|shown| shown.items("part")[1].str("valueUnsignedInt").unwrap().parse::<usize>().unwrap()).sum();
            // Ben's two are shown, and are nobody's business here.
            assert_eq!(shown.len(), counted + 2, "{root} {nested} {explained} {shown:?}");
        }
    }

    /// Rules that somebody tampered with are not what the Consents say: that is an alarm, and no silence.
    async fn where_the_database_says_otherwise_it_is_an_alarm(engine: Engine) {
        let server = Server::start(engine);
        record(&server.client()).await;
        server.sql().await.run(&format!("delete from {} where deny = 1", own(engine, "consent_rules"))).await;
        let ask = ["--actor", DOCTOR, "--purpose", "TREAT"];
        let one = explain(&server, &[&ask[..], &["--resource", "Observation/hiv"]].concat()).await.expect(4);
        assert!(one.stdout.contains("ALARM"), "{}", one.stdout);
        let record = explain(&server, &[&ask[..], &["--patient", "ada", "--json"]].concat()).await.expect(4);
        let record = Json::of(&record.stdout);
        assert_eq!(record.items("differing")[0].as_str(), Some("Observation/hiv"));
        let officer = beside(&server, &[]);
        let told = officer.client().get(&format!("/$consent-explain?patient=ada&actor={DOCTOR}&purpose=TREAT")).await.expect(200).json();
        assert_eq!(named(&told, "agreed")[0].at("valueBoolean"), Some(&Json::Bool(false)));
        assert!(officer.log().contains("not what the decision permits") && !officer.log().contains("hiv"));
        // Nobody is shown what the decision denies: neither by a read nor on a page; what it permits is shown.
        let arguments = ["--dev-consent", "enforce", "--dev-actor", DOCTOR].map(str::to_owned).into();
        let doctor = server.beside_with(Options { arguments, ..Options::default() });
        doctor.client().get("/Observation/hiv").await.refused(500, "exception");
        doctor.client().get("/Observation?patient=ada").await.refused(500, "exception");
        doctor.client().get("/Observation?patient=ben").await.expect(200);
        assert!(!doctor.log().contains("hiv") && doctor.log().contains("an incident was recorded"), "{}", doctor.log());
        let incidents = own(engine, "incidents");
        let kinds = server.sql().await.rows(&format!("select kind from {incidents}")).await;
        assert_eq!(kinds.len(), 2, "{kinds:?}");
    }
}
