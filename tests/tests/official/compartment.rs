//! Microsoft's cases of scopes and compartments: what a token for one patient, or somebody at work, finds, counts and is sent along.
//! Callers are real ones: people log in, approve an app, and its token asks.

use gateway_tests::{Client, Engine, Json, Known, Options, Server, Shown, Window, escaped};
use hyper::Method;
use std::collections::BTreeMap;
use std::path::Path;

#[path = "../app_launch/app.rs"]
#[expect(dead_code, reason = "the tests of apps use the rest")]
mod app;

use self::app::{App, pick, someone};

/// In this order: what is referred to comes first.
const DATA: [&str; 9] = [
    "Organization",
    "Location-example-hq",
    "Medication",
    "SmartCommon",
    "SmartPatientA",
    "SmartPatientB",
    "SmartPatientC",
    "SmartPatientD",
    "SmartCompartmentLeak",
];

/// So many steps there are in all cases.
const STEPS: usize = 172;

/// What one step found: type and id, or that it was refused.
enum Found {
    Resources(Vec<(String, String)>),
    Refused(u16),
}

/// Who asks: apps for people and programs, and browsers in which people have logged in.
struct Callers<'s> {
    server: &'s Server,
    app: App<'s>,
    browsers: BTreeMap<String, Window>,
}

impl<'s> Callers<'s> {
    async fn of(server: &'s Server) -> Self {
        let most = "launch/patient patient/*.cruds user/*.cruds";
        Self { server, app: App::confidential(server, "cases", most).await, browsers: BTreeMap::new() }
    }

    /// A client with the scopes of a case, for whom it is launched.
    async fn client(&mut self, case: &Json) -> Client {
        let scopes: Vec<String> = case.items("scopes").iter().map(scope).collect();
        let scopes = scopes.join(" ");
        let (Some(kind), Some(id)) = (case.str("compartment.type"), case.str("compartment.id")) else {
            return self.program(&scopes).await;
        };
        let actor = format!("{kind}/{id}");
        if !self.browsers.contains_key(&actor) {
            let browser = someone(self.server, &id.to_lowercase(), &actor).await;
            self.browsers.insert(actor.clone(), browser);
        }
        let browser = self.browsers.get_mut(&actor).unwrap();
        let asked = if kind == "Patient" { format!("launch/patient {scopes}") } else { scopes };
        let page = self.app.ask(browser, &asked).await;
        let page: Shown = if page.text().contains("Which patient?") { pick(browser, &page, id).await } else { page };
        let answered = browser.press(&page, "approve", &[]).await;
        let code = answered.parameter("code").unwrap_or_else(|| panic!("no code for {asked}: {}", answered.text()));
        let token = self.app.exchange(&code).await.expect(200).json();
        assert_eq!(token.str("scope"), Some(&*asked), "all that was asked for");
        Client::new(self.server.address(), token.str("access_token"))
    }

    async fn program(&self, scopes: &str) -> Client {
        let add =
            ["client", "add", "--by", "Jane", "--id", "job", "--name", "job", "--scope", scopes, "--secret", "--json"];
        let run = self.server.command(&[&add[..], &["--purpose", "TREAT"]].concat()).await.expect(0);
        let secret = Json::of(&run.stdout).str("secret").unwrap().to_owned();
        let form =
            format!("grant_type=client_credentials&client_id=job&client_secret={secret}&scope={}", escaped(scopes));
        let address = format!("http://{}/oauth/token", self.server.address());
        let request = self.server.stranger().request(Method::POST, &address);
        let request = request.header("Content-Type", "application/x-www-form-urlencoded").body(form);
        Client::new(self.server.address(), request.await.expect(200).json().str("access_token"))
    }
}

/// `All` is `*`; `Read` has searches in it, as v1 has; a granular scope's values are escaped.
fn scope(said: &Json) -> String {
    let kind = match said.str("resource").unwrap() {
        "All" | "all" => "*",
        kind => kind,
    };
    let actions: Vec<&str> = said.items("actions").iter().filter_map(Json::as_str).collect();
    let letters = match &actions[..] {
        ["Read"] => "rs",
        ["Search"] => "s",
        ["ReadById"] => "r",
        other => panic!("actions that nobody has looked at yet: {other:?}"),
    };
    let pair = |pair: &Json| format!("{}={}", pair.str("0").unwrap(), pair.str("1").unwrap());
    let query: Vec<String> = said.items("searchParams").iter().map(pair).collect();
    let query = if query.is_empty() { String::new() } else { format!("?{}", query.join("&")) };
    format!("{}/{kind}.{letters}{query}", said.str("user").unwrap())
}

/// A parameter in R4's words: a wildcard is `*` alone, and `_type` stands where no type is in the address.
fn in_r4(kind: Option<&str>, name: &str, value: &str) -> Option<String> {
    let is_told = name == "_type" && kind.is_some_and(|kind| value.split(',').any(|one| one == kind));
    let value = if value == "*:*" { "*" } else { value };
    (!is_told).then(|| format!("{name}={}", escaped(value)))
}

/// Where a step asks: what the machine did not parse is a search of a compartment, in a source of one shape.
fn address(step: &Json) -> String {
    let pair = |pair: &Json| in_r4(step.str("type"), pair.str("0").unwrap(), pair.str("1").unwrap());
    let mut query: Vec<String> = step.items("query").iter().filter_map(pair).collect();
    let place = match step.str("rawSearch") {
        None => step.str("type").unwrap_or_default().to_owned(),
        Some(source) => {
            let call = source.split_once("SearchCompartmentAsync(").expect("a search of a compartment").1;
            // What the line does not pass on is of an earlier one.
            if !call.contains("query, CancellationToken") {
                query.clear();
            }
            let quoted: Vec<&str> = call.split('"').skip(1).step_by(2).collect();
            let [kind, id, of @ ..] = &quoted[..] else { panic!("{source}") };
            format!("{kind}/{id}/{}", of.first().unwrap_or(&"*"))
        }
    };
    if !query.iter().any(|pair| pair.starts_with("_count=")) {
        query.push("_count=1000".to_owned());
    }
    format!("/{place}?{}", query.join("&"))
}

async fn found(client: &Client, step: &Json) -> Found {
    let answer = client.get(&address(step)).await;
    if answer.status != 200 {
        return Found::Refused(answer.status);
    }
    let answer = answer.json();
    let resources = answer.items("entry").iter().filter(|entry| entry.str("search.mode") != Some("outcome"));
    let named = |place: &str, entry: &Json| entry.str(place).unwrap().to_owned();
    Found::Resources(
        resources.map(|entry| (named("resource.resourceType", entry), named("resource.id", entry))).collect(),
    )
}

/// What is wrong with what a step found.
fn wrong(found: &Found, claim: &Json) -> Option<String> {
    let none = Vec::new();
    let (resources, refused) = match found {
        Found::Resources(resources) => (resources, None),
        // A search that the scopes do not reach is refused here, and finds nothing there.
        Found::Refused(status) => (&none, Some(*status)),
    };
    let (kind, id) = (claim.str("type"), claim.str("id"));
    let fits = |(of, named): &&(String, String)| kind.is_none_or(|kind| kind == of) && id.is_none_or(|id| id == named);
    let count = claim.at("count").map(|count| count.to_string().parse::<usize>().unwrap());
    let sorted = |mut list: Vec<String>| {
        list.sort();
        list
    };
    let listed = |place: &str| sorted(claim.items(place).iter().map(|one| one.as_str().unwrap().to_owned()).collect());
    let holds = match claim.str("op").unwrap() {
        "contains" => resources.iter().any(|one| fits(&one)),
        "does-not-contain" => !resources.iter().any(|one| fits(&one)),
        "count" => Some(resources.len()) == count,
        "count-at-least" => Some(resources.len()) >= count,
        "all-of-type" => resources.iter().all(|one| fits(&one)),
        "types-exactly" => sorted(resources.iter().map(|(kind, _)| kind.clone()).collect()) == listed("types"),
        "ids-exactly" => sorted(resources.iter().map(|(_, id)| id.clone()).collect()) == listed("ids"),
        "raw" => unparsed(resources, refused, claim.str("text").unwrap()),
        other => panic!("a claim of another kind: {other}"),
    };
    let is_search = refused.is_none_or(|status| status == 403);
    let shown: Vec<String> = resources.iter().map(|(kind, id)| format!("{kind}/{id}")).collect();
    (!holds || !is_search).then(|| format!("{claim} of {refused:?} {shown:?}"))
}

/// Claims that the machine did not parse, read in the source.
fn unparsed(resources: &[(String, String)], refused: Option<u16>, text: &str) -> bool {
    let of = |wanted: &str| resources.iter().filter(|(kind, _)| kind == wanted).count();
    let within = |part: &str| resources.iter().any(|(_, id)| id.contains(part));
    match text {
        _ if text.starts_with("Assert.ThrowsAsync<InvalidSearchOperationException>") => refused.is_some(),
        _ if text.contains("ResourceId.Contains(\"smart-observation-A\")") => within("smart-observation-A"),
        _ if text.contains("ResourceId.Contains(\"smart-appointment-A1\")") => within("smart-appointment-A1"),
        "Assert.NotEmpty(observationResults)" => of("Observation") > 0,
        "Assert.NotEmpty(patientResults)" => of("Patient") > 0,
        "Assert.NotEmpty(encounterResults)" => of("Encounter") > 0,
        "Assert.Empty(practitionerResults)" => of("Practitioner") == 0,
        "Assert.Empty(encounterResults)" => of("Encounter") == 0,
        "Assert.Single(observationResults)" => of("Observation") == 1,
        "Assert.Single(encounterResults)" => of("Encounter") == 1,
        // By its id.
        "Assert.Empty(observationA2result)" => !within("smart-observation-A2"),
        // The list is Patient, Observation and Encounter.
        "Assert.Contains(type, allowedTypes)" => {
            resources.iter().all(|(kind, _)| matches!(&**kind, "Patient" | "Observation" | "Encounter"))
        }
        _ if text.starts_with(
            "Assert.All(resourceTypes, type => Assert.True( type == \"Observation\" || type == \"Patient\"",
        ) =>
        {
            resources.iter().all(|(kind, _)| matches!(&**kind, "Patient" | "Observation"))
        }
        "Assert.Equal(\"smart-patient-A\", results.Results.First().Resource.ResourceId)" => {
            resources.first().is_some_and(|(_, id)| id == "smart-patient-A")
        }
        _ => panic!("a claim that nobody has read yet: {text}"),
    }
}

/// What R4 cannot be without: the cases are about other things.
fn complete(data: &mut Json) {
    let missing: Vec<(String, &str, Json)> = data
        .items("entry")
        .iter()
        .enumerate()
        .flat_map(|(at, entry)| {
            let place = format!("entry.{at}.resource");
            match entry.str("resource.resourceType") {
                Some("Appointment") => vec![(format!("{place}.participant.0"), "status", Json::text("accepted"))],
                Some("ImagingStudy") => vec![
                    (
                        format!("{place}.series.0"),
                        "modality",
                        Json::of(r#"{"system":"http://dicom.nema.org/resources/ontology/DCM","code":"OT"}"#),
                    ),
                    (
                        format!("{place}.series.0.instance.0"),
                        "sopClass",
                        Json::of(r#"{"system":"urn:ietf:rfc:3986","code":"urn:oid:1.2.840.10008.5.1.4.1.1.7"}"#),
                    ),
                ],
                _ => Vec::new(),
            }
        })
        .collect();
    for (place, name, value) in missing {
        if data.at(&place).is_some() && data.at(&format!("{place}.{name}")).is_none() {
            data.set(&place, name, value);
        }
    }
}

/// What a step came to that ends otherwise here: which of its claims do not hold, and all that it found.
#[derive(Debug, Eq, PartialEq, serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Otherwise {
    claims: Vec<usize>,
    finds: Vec<String>,
}

/// `conformance/known/smart-compartment.toml`: by case and step, what of it is known. A further claim that does not hold, and anything else
/// that is shown, is not.
fn known() -> BTreeMap<String, Otherwise> {
    let mut file: toml::Table =
        toml::from_str(include_str!("../../../conformance/known/smart-compartment.toml")).unwrap();
    let entries = file.remove("known").unwrap();
    let entry = |entry: &toml::Value| {
        let mut entry = entry.as_table().unwrap().clone();
        let case = entry.remove("case").unwrap().as_str().unwrap().to_owned();
        entry.remove("reason").unwrap();
        (case, entry.try_into().unwrap())
    };
    entries.as_array().unwrap().iter().map(entry).collect()
}

/// All steps of the cases. Those that end otherwise do so exactly as is known.
pub(super) async fn run(engine: Engine, folder: &Path) {
    let server = Server::with(engine, Options::default());
    let all = server.client();
    for name in DATA {
        let mut resource = super::load(&folder.join("data").join(format!("{name}.json")));
        complete(&mut resource);
        // One by one, as the suite does: some stand in a bundle twice.
        let entries = resource.items("entry").iter().filter_map(|entry| entry.at("resource"));
        let alone = Some(&resource).filter(|one| one.str("resourceType") != Some("Bundle"));
        for one in entries.chain(alone) {
            let answer = all.save(one).await;
            assert!(answer.status < 300, "{one}: {}", answer.text());
        }
    }
    let mut callers = Callers::of(&server).await;
    let cases = super::load(&folder.join("cases.json"));
    let (mut steps, mut failures, mut otherwise) = (0, BTreeMap::new(), BTreeMap::new());
    for case in cases.items("cases") {
        let client = callers.client(case).await;
        for (number, step) in case.items("steps").iter().enumerate() {
            steps += 1;
            let found = found(&client, step).await;
            let claims = step.items("asserts").iter().enumerate();
            let wrong: Vec<(usize, String)> =
                claims.filter_map(|(at, claim)| wrong(&found, claim).map(|wrong| (at, wrong))).collect();
            if !wrong.is_empty() {
                let mut finds: Vec<String> = match found {
                    Found::Refused(status) => vec![format!("nothing: {status}")],
                    Found::Resources(all) => all.iter().map(|(kind, id)| format!("{kind}/{id}")).collect(),
                };
                finds.sort();
                let (claims, says): (Vec<usize>, Vec<String>) = wrong.into_iter().unzip();
                let step = format!("{}#{number}", case.str("name").unwrap());
                failures.insert(step.clone(), says.join("\n      "));
                otherwise.insert(step, Otherwise { claims, finds });
            }
        }
    }
    assert_eq!(steps, STEPS, "all of them ran");
    Known::load("smart-compartment").verify(steps, &failures);
    for (step, known) in known() {
        assert_eq!(otherwise[&step], known, "{step}: {}", failures[&step]);
    }
}
