//! Releases of code systems: imported beside a running server, from official files as they are handed out (LOINC's, ICD-10-CM's, a SNOMED CT
//! that is made up), and asked through FHIR.
#![allow(missing_docs, clippy::unwrap_used)]

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use gateway_tests::{Client, Command, Engine, Json, Random, Response, Server, binary, rounds, shared_data, suite};
use releases::synthetic::snomed::{Release, concept, write};

/// Three terms of a LOINC that is made up, in LOINC's columns.
fn loinc(server: &Server, version: &str, terms: &[(&str, &str, &str)]) -> String {
    let folder = server.folder().join(format!("Loinc_{version}"));
    std::fs::create_dir_all(folder.join("LoincTable")).unwrap();
    let columns = [
        "LOINC_NUM",
        "COMPONENT",
        "PROPERTY",
        "TIME_ASPCT",
        "SYSTEM",
        "SCALE_TYP",
        "METHOD_TYP",
        "CLASS",
        "VersionLastChanged",
        "CHNG_TYPE",
        "DefinitionDescription",
        "STATUS",
        "CONSUMER_NAME",
        "CLASSTYPE",
        "FORMULA",
        "EXMPL_ANSWERS",
        "SURVEY_QUEST_TEXT",
        "SURVEY_QUEST_SRC",
        "UNITSREQUIRED",
        "RELATEDNAMES2",
        "SHORTNAME",
        "ORDER_OBS",
        "HL7_FIELD_SUBFIELD_ID",
        "EXTERNAL_COPYRIGHT_NOTICE",
        "EXAMPLE_UNITS",
        "LONG_COMMON_NAME",
        "EXAMPLE_UCUM_UNITS",
        "STATUS_REASON",
        "STATUS_TEXT",
        "CHANGE_REASON_PUBLIC",
        "COMMON_TEST_RANK",
        "COMMON_ORDER_RANK",
        "HL7_ATTACHMENT_STRUCTURE",
        "EXTERNAL_COPYRIGHT_LINK",
        "PanelType",
        "AskAtOrderEntry",
        "AssociatedObservations",
        "VersionFirstReleased",
        "ValidHL7AttachmentRequest",
        "DisplayName",
    ];
    let line = |values: &dyn Fn(&str) -> String| columns.map(|column| format!("\"{}\"", values(column))).join(",");
    let mut text = line(&|column| column.to_owned());
    for (code, name, status) in terms {
        text.push('\n');
        text += &line(&|column| match column {
            "LOINC_NUM" => (*code).to_owned(),
            "LONG_COMMON_NAME" => (*name).to_owned(),
            "STATUS" => (*status).to_owned(),
            "PROPERTY" => "MCnc".to_owned(),
            "VersionLastChanged" => version.to_owned(),
            _ => String::new(),
        });
    }
    std::fs::write(folder.join("LoincTable/Loinc.csv"), text).unwrap();
    folder.display().to_string()
}

const TERMS: [(&str, &str, &str); 3] = [
    ("1-8", "Alpha [Mass/volume] in Serum", "ACTIVE"),
    ("2-6", "Beta [Mass/volume] in Blood", "ACTIVE"),
    ("3-4", "Gamma [Mass/volume] in Blood", "DEPRECATED"),
];

async fn import(server: &Server, path: &str, code: i32) -> Command {
    let data_dir = server.data_dir().display().to_string();
    Command::run(&["terminology", "import", path, "--data-dir", &data_dir, "--json"]).await.expect(code)
}

/// System and version of all that is there.
async fn listed(server: &Server) -> Vec<(String, String)> {
    let data_dir = server.data_dir().display().to_string();
    let told = Command::run(&["terminology", "list", "--data-dir", &data_dir, "--json"]).await.expect(0);
    let told = Json::of(&told.stdout);
    let one = |release: &Json| (release.str("url").unwrap().to_owned(), release.str("version").unwrap().to_owned());
    told.items("releases").iter().map(one).collect()
}

fn said(answer: &Json, name: &str) -> Option<String> {
    let parameter = answer.items("parameter").iter().find(|parameter| parameter.str("name") == Some(name))?;
    let (_, value) = parameter.members().iter().find(|(field, _)| field.starts_with("value"))?;
    Some(value.as_str().map_or_else(|| value.to_string(), str::to_owned))
}

async fn lookup(api: &Client, system: &str, code: &str, more: &str) -> Response {
    api.get(&format!("/CodeSystem/$lookup?system={system}&code={code}{more}")).await
}

/// The total of an expansion, and its codes.
async fn expand(api: &Client, query: &str) -> (String, Vec<String>) {
    let set = api.get(&format!("/ValueSet/$expand?{query}")).await.expect(200).json();
    let codes = set.items("expansion.contains").iter().map(|one| one.str("code").unwrap().to_owned()).collect();
    (set.at("expansion.total").unwrap().to_string(), codes)
}

/// A zip of a SNOMED CT that is made up.
fn snomed(server: &Server, concepts: u64, seed: u64) -> PathBuf {
    let path = server.folder().join(format!("SnomedCT_{concepts}_{seed}.zip"));
    write(&path, Release { concepts, seed }).unwrap();
    path
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

suite! {
    /// Nothing is restarted, and what was there before answers beside it.
    async fn a_release_is_in_use_as_soon_as_it_is_read(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        lookup(&api, "http://loinc.org", "1-8", "").await.expect(404);
        let told = Json::of(&import(&server, &loinc(&server, "2.80", &TERMS), 0).await.stdout);
        assert_eq!((told.str("release.version"), told.at("release.concepts").unwrap().to_string().as_str()), (Some("2.80"), "3"));
        let answer = lookup(&api, "http://loinc.org", "1-8", "&property=*").await.expect(200).json();
        assert_eq!(said(&answer, "display").as_deref(), Some(TERMS[0].1));
        assert_eq!(said(&answer, "version").as_deref(), Some("2.80"));
        assert!(answer.to_string().contains("MCnc"), "{answer}");

        // A later one is what is meant without a version; the one before is asked for by its own.
        let later = [("1-8", "Alpha, newly said", "ACTIVE"), ("4-2", "Delta", "ACTIVE")];
        import(&server, &loinc(&server, "2.81", &later), 0).await;
        let display = async |more: &str| said(&lookup(&api, "http://loinc.org", "1-8", more).await.expect(200).json(), "display").unwrap();
        assert_eq!(display("").await, later[0].1);
        assert_eq!(display("&version=2.80").await, TERMS[0].1);
        lookup(&api, "http://loinc.org", "3-4", "").await.expect(404);
        lookup(&api, "http://loinc.org", "3-4", "&version=2.80").await.expect(200);
        let stated = api.get("/metadata?mode=terminology").await.expect(200).json();
        let versions: Vec<&str> = stated.items("codeSystem").iter().map(|one| one.items("version")[0].str("code").unwrap()).collect();
        assert_eq!(versions, ["2.80", "2.81"]);

        // The same version again takes its own place.
        import(&server, &loinc(&server, "2.81", &[("1-8", "Alpha, said once more", "ACTIVE")]), 0).await;
        assert_eq!(display("").await, "Alpha, said once more");
        assert_eq!(listed(&server).await.len(), 2);
        let data_dir = text(&server.data_dir());
        let remove = ["terminology", "remove", "http://loinc.org", "2.81", "--data-dir", &data_dir];
        Command::run(&remove).await.expect(0);
        Command::run(&remove).await.expect(2);
        assert_eq!(display("").await, TERMS[0].1);
        // Where it lies a file of options says, too.
        let file = server.folder().join("options.toml");
        std::fs::write(&file, format!("data-dir = {}\n", Json::text(&data_dir))).unwrap();
        let told = Command::run(&["terminology", "list", "--config", &text(&file), "--json"]).await.expect(0);
        assert_eq!(Json::of(&told.stdout).items("releases").len(), 1);
        // What is stored of the same version goes before it.
        let own = r#"{"resourceType":"CodeSystem","id":"own","url":"http://loinc.org","version":"2.80","status":"active","content":"complete","concept":[{"code":"1-8","display":"Our own"}]}"#;
        api.put("/CodeSystem/own", own).await.expect(201);
        assert_eq!(display("").await, "Our own");
    }

    async fn value_sets_that_an_address_says_are_expanded_page_by_page(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        import(&server, &loinc(&server, "2.80", &TERMS), 0).await;
        let all = |codes: &[&str]| (codes.len().to_string(), codes.iter().map(|code| (*code).to_owned()).collect::<Vec<_>>());
        let set = "url=http://loinc.org/vs";
        assert_eq!(expand(&api, set).await, all(&["1-8", "2-6", "3-4"]));
        assert_eq!(expand(&api, &format!("{set}&activeOnly=true")).await, all(&["1-8", "2-6"]));
        assert_eq!(expand(&api, &format!("{set}&filter=blo%20mass")).await, all(&["2-6", "3-4"]));
        assert_eq!(expand(&api, &format!("{set}&count=1&offset=1")).await, ("3".to_owned(), vec!["2-6".to_owned()]));
        api.get("/ValueSet/$expand?url=http://loinc.org/vs/XX1").await.expect(404);
        let valid = async |code: &str| {
            let answer = api.get(&format!("/ValueSet/$validate-code?{set}&system=http://loinc.org&code={code}")).await;
            said(&answer.expect(200).json(), "result").unwrap()
        };
        assert_eq!((valid("2-6").await, valid("9-9").await), ("true".to_owned(), "false".to_owned()));
        // Searches go by it, too.
        let seen = r#"{"resourceType":"Observation","id":"seen","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"2-6"}]}}"#;
        api.put("/Observation/seen", seen).await.expect(201);
        api.put("/Observation/other", seen.replace("seen", "other").replace("2-6", "9-9")).await.expect(201);
        let found = api.get("/Observation?code:in=http://loinc.org/vs").await.expect(200).json();
        let ids: Vec<&str> = found.items("entry").iter().map(|entry| entry.str("resource.id").unwrap()).collect();
        assert_eq!(ids, ["seen"]);
    }

    async fn the_hierarchy_of_half_a_thousand_concepts_is_asked(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let path = snomed(&server, 500, 7);
        let told = Json::of(&import(&server, &text(&path), 0).await.stdout);
        assert_eq!(told.str("release.url"), Some("http://snomed.info/sct"));
        let root = concept(0);
        let sct = "http://snomed.info/sct";
        let set = format!("url=http://snomed.info/sct?fhir_vs=isa/{root}");
        let encoded = set.replace('?', "%3F").replace("=isa", "%3Disa");
        let (total, page) = expand(&api, &format!("{encoded}&count=10")).await;
        assert_eq!((page.len(), page[0].as_str()), (10, &*root.to_string()));
        // All pages are the whole, without one twice.
        let total: usize = total.parse().unwrap();
        assert!(total >= 500, "{total}");
        let mut walked = Vec::new();
        for offset in (0..total).step_by(100) {
            walked.extend(expand(&api, &format!("{encoded}&count=100&offset={offset}")).await.1);
        }
        let mut once = walked.clone();
        once.sort();
        once.dedup();
        assert_eq!((walked.len(), once.len()), (total, total));
        // Each is below the first, by itself as well as in the set.
        for code in walked.iter().skip(1).step_by(97) {
            let answer = api.get(&format!("/CodeSystem/$subsumes?system={sct}&codeA={root}&codeB={code}")).await.expect(200).json();
            assert_eq!(said(&answer, "outcome").as_deref(), Some("subsumes"), "{code}");
            let answer = api.get(&format!("/ValueSet/$validate-code?{encoded}&system={sct}&code={code}")).await.expect(200).json();
            assert_eq!(said(&answer, "result").as_deref(), Some("true"), "{code}");
        }
    }

    /// Files that are cut off, wrong or none: what is wrong is said, and what was there answers.
    async fn what_is_wrong_with_a_release_changes_nothing(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        import(&server, &loinc(&server, "2.80", &TERMS), 0).await;
        let before = listed(&server).await;
        let path = snomed(&server, 200, 1);
        let whole = std::fs::read(&path).unwrap();
        for cut in [whole.len() / 3, whole.len() - 10, 100, 0] {
            std::fs::write(&path, &whole[..cut]).unwrap();
            let told = import(&server, &text(&path), 2).await;
            assert!(told.stderr.contains("SnomedCT_200_1.zip"), "{}", told.stderr);
        }
        let empty = server.folder().join("empty");
        std::fs::create_dir(&empty).unwrap();
        assert!(import(&server, &text(&empty), 2).await.stderr.contains("no release"));
        assert!(import(&server, "/nowhere/at/all", 2).await.stderr.contains("/nowhere/at/all"));
        let broken = PathBuf::from(loinc(&server, "2.99", &TERMS));
        let table = broken.join("LoincTable/Loinc.csv");
        let text_of = std::fs::read_to_string(&table).unwrap();
        std::fs::write(&table, &text_of[..text_of.len() - 30]).unwrap();
        assert!(import(&server, &text(&broken), 2).await.stderr.contains("Loinc.csv, line 4"));
        assert_eq!(listed(&server).await, before);
        lookup(&api, "http://loinc.org", "1-8", "").await.expect(200);
        // A file that was spoilt in the folder is left out; the others are there.
        std::fs::write(server.data_dir().join("terminology/spoilt.index"), b"FGTERM01 and nothing more").unwrap();
        assert_eq!(listed(&server).await, before);
        lookup(&api, "http://loinc.org", "1-8", "").await.expect(200);
    }

    /// Whenever an import is killed, the release before it answers, and the same import then does its work.
    async fn a_killed_import_leaves_the_release_before_it(engine: Engine) {
        let server = Server::start(engine);
        let api = server.client();
        let path = snomed(&server, 2000, 1);
        import(&server, &text(&path), 0).await;
        let before = listed(&server).await;
        let (root, data_dir) = (concept(0).to_string(), text(&server.data_dir()));
        let other = snomed(&server, 3000, 2);
        let mut random = Random::seeded(11);
        for _ in 0..rounds(8, 200) {
            let mut child = std::process::Command::new(binary())
                .args(["terminology", "import", &text(&other), "--data-dir", &data_dir])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .unwrap();
            tokio::time::sleep(Duration::from_millis(u64::try_from(random.below(400)).unwrap())).await;
            child.kill().unwrap();
            child.wait().unwrap();
            // One of the two, whole.
            assert_eq!(listed(&server).await, before);
            lookup(&api, "http://snomed.info/sct", &root, "").await.expect(200);
        }
        let told = Json::of(&import(&server, &text(&other), 0).await.stdout);
        let concepts = |told: &Json| told.at("release.concepts").unwrap().to_string().parse::<usize>().unwrap();
        assert!(concepts(&told) >= 3000, "{told}");
        let kept = std::fs::read_dir(server.data_dir().join("terminology")).unwrap();
        let names: Vec<String> = kept.map(|file| file.unwrap().file_name().to_string_lossy().into_owned()).collect();
        assert!(!names.iter().any(|name| name.ends_with(".unfinished")), "{names:?}");
    }

    /// A file of codes, each told with how it is known; nothing is written.
    async fn a_file_of_codes_is_told_line_by_line(engine: Engine) {
        let server = Server::start(engine);
        import(&server, &loinc(&server, "2.80", &TERMS), 0).await;
        let (data_dir, folder) = (text(&server.data_dir()), server.folder());
        let (codes, map) = (folder.join("codes.csv"), folder.join("map.json"));
        std::fs::write(&codes, "system,code,display\nhttp://loinc.org,1-8,\nurn:oid:2.16.840.1.113883.6.1,1-8,\nhttp://loinc.org,3-4,\nurn:lab,NA,\n,,\"beta [mass/volume] in blood\"\nurn:lab,?,Blood\nurn:lab,?,\n").unwrap();
        std::fs::write(&map, r#"{"resourceType":"ConceptMap","url":"urn:map","group":[{"source":"urn:lab","target":"http://loinc.org","element":[{"code":"NA","target":[{"code":"2-6","equivalence":"equal"}]}]}]}"#).unwrap();
        let (codes, map) = (text(&codes), text(&map));
        let normalize = ["terminology", "normalize", &codes, "--data-dir", &data_dir, "--target", "http://loinc.org"];
        let told = Command::run(&[&normalize[..], &["--map", &map]].concat()).await.expect(0);
        let lines: Vec<Json> = told.stdout.lines().map(Json::of).collect();
        let shown = |line: &Json| {
            let of = |path: &str| line.str(path).unwrap_or_default().to_owned();
            [of("told.verdict"), of("told.method"), of("told.coding.code")].join(" ")
        };
        assert_eq!(
            lines.iter().map(shown).collect::<Vec<_>>(),
            ["kept  1-8", "standard cleaned 1-8", "unknown  ", "standard mapped 2-6", "standard named 2-6", "review  ", "unknown  "],
        );
        assert_eq!(lines[1].str("system"), Some("urn:oid:2.16.840.1.113883.6.1"), "what came stays as it came");
        assert_eq!(lines[4].str("told.by"), Some("http://loinc.org|2.80"));
        assert!(told.stderr.contains("1 kept, 3 standard, 1 to be reviewed, 2 unknown"), "{}", told.stderr);
        // Lines of JSON do as well; what is wrong is named by its line.
        let lines = folder.join("codes.ndjson");
        std::fs::write(&lines, "{\"system\":\"http://loinc.org\",\"code\":\"2-6\",\"userSelected\":true}\n\n{\"code\":7}\n").unwrap();
        let told = Command::run(&["terminology", "normalize", &text(&lines), "--data-dir", &data_dir]).await.expect(2);
        assert!(told.stderr.contains("codes.ndjson, line 3"), "{}", told.stderr);
        std::fs::write(&lines, "a,b\n1,2\n").unwrap();
        let table = text(&lines).replace(".ndjson", ".csv");
        std::fs::write(&table, "a,b\n1,2\n").unwrap();
        assert!(Command::run(&["terminology", "normalize", &table, "--data-dir", &data_dir]).await.expect(2).stderr.contains("neither code nor display"));
        Command::run(&["terminology", "normalize", &codes, "--map", &codes, "--data-dir", &data_dir]).await.expect(2);
    }

    /// A value in another unit, by what a release of LOINC says of its code, or why not.
    async fn a_value_is_told_in_another_unit_or_why_not(engine: Engine) {
        let server = Server::start(engine);
        import(&server, &loinc(&server, "2.80", &TERMS), 0).await;
        let data_dir = text(&server.data_dir());
        let unit = |args: &[&str]| [&["terminology", "unit"], args, &["--data-dir", &data_dir]].concat().iter().map(|arg| (*arg).to_owned()).collect::<Vec<_>>();
        let run = async |args: &[&str], exit: i32| {
            let args = unit(args);
            Command::run(&args.iter().map(String::as_str).collect::<Vec<_>>()).await.expect(exit)
        };
        let glucose = ["100", "mg/dL", "--to", "mmol/L", "--loinc", "2345-7", "--low", "70", "--high", "99"];
        let told = Json::of(&run(&glucose, 0).await.stdout);
        let of = |told: &Json, path: &str| told.str(path).unwrap_or_default().to_owned();
        assert_eq!(["told.value", "told.low", "told.high", "told.unit", "told.by"].map(|path| of(&told, path)), ["5.55", "3.89", "5.50", "mmol/L", "molar-mass"]);
        assert_eq!(of(&told, "told.substance.molarMass"), "180.156");
        // What came stays as it came; what it was read for is said.
        let told = Json::of(&run(&["-40.0", "degF", "--to", "Cel"], 0).await.stdout);
        assert_eq!(["given.value", "given.unit", "read.code", "told.value"].map(|path| of(&told, path)), ["-40.0", "degF", "[degF]", "-40.00"]);
        // The release says that 1-8 is a mass by volume: capitals are read so, and a number by volume is told to be wrong.
        let told = Json::of(&run(&["5", "MG/DL", "--to", "mg/L", "--loinc", "1-8"], 0).await.stdout);
        assert_eq!(["told.value", "property.is", "property.check"].map(|path| of(&told, path)), ["50", "MCnc", "agrees"]);
        let told = Json::of(&run(&["5", "mmol/L", "--to", "umol/L", "--loinc", "1-8"], 0).await.stdout);
        assert_eq!(of(&told, "property.check"), "disagrees");
        for (args, why) in [
            (&["100", "mg/dL", "--to", "mmol/L"][..], "molar mass"),
            (&["100", "mg/dL", "--to", "mmol/L", "--loinc", "1-8"], "1-8"),
            (&["7.1", "K/uL", "--to", "10*9/L"], "kelvin"),
            (&["7.1", "K/uL", "--to", "10*9/L", "--loinc", "1-8"], "NCnc"),
            (&["5", "[IU]/L", "--to", "mg/L"], "arbitrary"),
            (&["5", "tabs", "--to", "mg"], "no unit of UCUM"),
        ] {
            let told = run(args, 1).await;
            assert!(told.stderr.contains(why), "{args:?}: {}", told.stderr);
            assert!(told.stdout.is_empty(), "{}", told.stdout);
        }
        run(&["5,4", "mg/dL", "--to", "g/L"], 2).await;
    }

    /// What HL7 hands out of LOINC and others of RxNorm for tests, as it is.
    async fn official_subsets_load_and_answer(engine: Engine) {
        let Some(shared) = shared_data() else { return };
        let server = Server::start(engine);
        let api = server.client();
        import(&server, &text(&shared.join("07-terminology/loinc-subset")), 0).await;
        let data_dir = text(&server.data_dir());
        let rxnorm = text(&shared.join("07-terminology/rxnorm-subset"));
        assert!(import(&server, &rxnorm, 2).await.stderr.contains("version"), "nothing in it says which");
        Command::run(&["terminology", "import", &rxnorm, "--release", "2023-11-06", "--data-dir", &data_dir]).await.expect(0);
        let (total, codes) = expand(&api, "url=http://loinc.org/vs&count=1000").await;
        assert_eq!(total, codes.len().to_string());
        assert!(codes.len() > 300, "{}", codes.len());
        // Each code is looked up, and is in the set that it was found in.
        for code in codes.iter().step_by(7) {
            let answer = lookup(&api, "http://loinc.org", code, "&property=*").await.expect(200).json();
            assert!(said(&answer, "display").is_some_and(|display| !display.is_empty()), "{answer}");
        }
        let (total, codes) = expand(&api, "url=http://www.nlm.nih.gov/research/umls/rxnorm/vs").await;
        assert_eq!((total.as_str(), codes.len()), ("48", 48));
        // A language that the release has is answered in.
        let german = expand(&api, "url=http://loinc.org/vs&count=1000&displayLanguage=de-DE&includeDesignations=true").await;
        assert_eq!(german.1.len(), codes_of_loinc(&api).await);
    }
}

async fn codes_of_loinc(api: &Client) -> usize {
    expand(api, "url=http://loinc.org/vs&count=0").await.0.parse().unwrap()
}
