//! `fhir-gateway terminology doctor`: which code systems the records use, which of them are here, and where the others are to be had.

use consent::Action;
use releases::Kept;
use serde_json::{Value, json};
use terminology::normalize::alias;

use crate::cli::list::ListArgs;
use crate::cli::purge::{as_json, close, open};
use crate::cli::{self, Exit, Stop};
use crate::store::normalizing::{PolicyReport, Used};

pub(super) const HELP: &str = "\
Without a release of its system a code passes as it is: it is not checked, not expanded, and nobody knows what it means. Nothing is
wrong with that; this says what would be known with which release, and whose licence that needs.

Exit codes:
  0 done, 1 failed, 3 the database is not available";

/// A system of codes that a release can be had of.
struct Source {
    url: &'static str,
    name: &'static str,
    /// Where it is to be had, and what that takes.
    from: &'static str,
}

const LOADED: [Source; 7] = [
    Source { url: "http://loinc.org", name: "LOINC", from: "loinc.org/downloads, free with an account there" },
    Source {
        url: "http://snomed.info/sct",
        name: "SNOMED CT",
        from: "the release centre of your country (mlds.ihtsdotools.org; in the US nlm.nih.gov with a UMLS account), under its licence",
    },
    Source {
        url: "http://www.nlm.nih.gov/research/umls/rxnorm",
        name: "RxNorm",
        from: "nlm.nih.gov/research/umls/rxnorm: the prescribable one freely, the full one with a UMLS account",
    },
    Source {
        url: "http://hl7.org/fhir/sid/icd-10-cm",
        name: "ICD-10-CM",
        from: "cdc.gov/nchs/icd (the order file), public domain",
    },
    Source { url: "http://hl7.org/fhir/sid/cvx", name: "CVX", from: "cdc.gov (IIS code sets), public domain" },
    Source {
        url: "http://terminology.hl7.org/CodeSystem/MVX",
        name: "MVX",
        from: "cdc.gov (IIS code sets), public domain",
    },
    Source {
        url: "http://hl7.org/fhir/sid/ndc",
        name: "NDC directory",
        from: "open.fda.gov or fda.gov (the directory's text files), public domain",
    },
];

/// Systems that are checked without a release, or that no release can be imported of.
const OTHERS: [(&str, &str); 3] = [
    ("http://unitsofmeasure.org", "UCUM, which is built in"),
    ("http://www.ama-assn.org/go/cpt", "CPT is the American Medical Association's; it cannot be imported"),
    ("http://hl7.org/fhir/sid/icd-9-cm", "ICD-9-CM has no files that are read yet; a CodeSystem in JSON is"),
];

pub(super) async fn run(args: ListArgs) -> Result<Exit, Stop> {
    let record = ("terminology-doctor", "terminology doctor");
    let (gateway, permit) = open(&args.database, Action::Read, record).await?;
    let asked = async {
        Ok::<_, Stop>((
            gateway.store.systems_used(&permit).await?,
            gateway.store.normalization(&permit).await?,
            gateway.store.codes_to_review(&permit, 1_000).await?.len(),
        ))
    };
    let asked = asked.await;
    let kept = gateway.releases.all();
    close(gateway).await;
    let (used, policy, waiting) = asked?;
    let lines: Vec<Line> = used.into_iter().map(|used| Line::of(used, &kept)).collect();
    cli::print(&if args.json {
        as_json(&json!({
            "normalize": policy.mode.name(),
            "waiting": waiting,
            "systems": lines.iter().map(Line::as_value).collect::<Vec<_>>(),
        }))?
    } else {
        told(&lines, policy, waiting)
    })?;
    Ok(Exit::Done)
}

/// What is known of a system.
enum State {
    /// Releases of these versions are here.
    Here(Vec<String>),
    /// One can be had.
    Missing(&'static Source),
    /// Another address stands for it: codes are told by that.
    Alias(String),
    /// What else there is to say.
    Said(&'static str),
    /// HL7's, which the checker of bindings knows.
    BuiltIn,
    /// Somebody's own.
    Own,
}

struct Line {
    used: Used,
    state: State,
}

impl Line {
    fn of(used: Used, kept: &[Kept]) -> Self {
        let named = alias::system(&used.system).into_owned();
        let versions: Vec<String> = kept
            .iter()
            .filter(|kept| kept.system.url == named)
            .map(|kept| kept.system.version.clone().unwrap_or_else(|| "no version".to_owned()))
            .collect();
        let state = if named != *used.system {
            State::Alias(named)
        } else if !versions.is_empty() {
            State::Here(versions)
        } else if let Some(source) = LOADED.iter().find(|source| source.url == named) {
            State::Missing(source)
        } else if let Some((_, said)) = OTHERS.iter().find(|(url, _)| *url == named) {
            State::Said(said)
        } else if named.starts_with("http://hl7.org/") || named.starts_with("http://terminology.hl7.org/") {
            State::BuiltIn
        } else {
            State::Own
        };
        Self { used, state }
    }

    fn as_value(&self) -> Value {
        let mut value = json!({ "system": self.used.system, "places": self.used.count });
        let (state, name, said) = match &self.state {
            State::Here(versions) => ("here", "versions", json!(versions)),
            State::Missing(source) => ("missing", "from", json!(source.from)),
            State::Alias(named) => ("alias", "of", json!(named)),
            State::Said(said) => ("other", "note", json!(said)),
            State::BuiltIn => ("hl7", "note", Value::Null),
            State::Own => ("own", "note", Value::Null),
        };
        value["state"] = json!(state);
        if !said.is_null() {
            value[name] = said;
        }
        value
    }

    fn text(&self) -> String {
        let Used { system, count } = &self.used;
        let said = match &self.state {
            State::Here(versions) => format!("here: {}", versions.join(", ")),
            State::Missing(source) => format!("missing: {}, from {}", source.name, source.from),
            State::Alias(named) => format!("another name of {named}"),
            State::Said(said) => (*said).to_owned(),
            State::BuiltIn => "HL7's".to_owned(),
            State::Own => "somebody's own: a map tells what its codes mean (`terminology map`)".to_owned(),
        };
        format!("{system}  {count} places\n  {said}\n")
    }
}

fn told(lines: &[Line], policy: PolicyReport, waiting: usize) -> String {
    let mut text: String = lines.iter().map(Line::text).collect();
    if lines.is_empty() {
        text += "nothing that is stored has a code of a system\n";
    }
    text += &format!("normalize: {} (`terminology policy`)\n", policy.mode.name());
    if waiting > 0 {
        text += &format!("{waiting} codes wait for somebody (`terminology review list`)\n");
    }
    text
}
