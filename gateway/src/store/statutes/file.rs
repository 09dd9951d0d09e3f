//! A table of law as TOML.
//!
//! ```toml
//! serial = 1                    # counts up with every table that is signed
//! jurisdiction = "US-CA"        # where care is given; rows of others are left out
//!
//! [[law]]
//! jurisdiction = "US-CA"
//! labels    = ["HIV"]           # sensitivities of v3-ActCode, with what is under them
//! purposes  = ["HPAYMT"]        # of v3-ActReason, with what is under them; every one where it is left out
//! asks      = "named"           # consent, named or never
//! emergency = true              # ETREAT needs nothing
//! source    = "where it is written"
//!
//! [[minor]]                     # until this age a proxy's permit reaches care with these labels
//! labels = ["STD"]
//! age    = 12
//! source = "where it is written"
//!
//! [[majority]]                  # a parent's authority ends before 18
//! age    = 16
//! source = "where it is written"
//! ```

use consent::labels::{ACT_CODE, Labels};
use consent::purpose::{Purpose, with_all_under};
use consent::statute::{Demand, Law, Minor, Statutes};
use serde::Deserialize;
use toml::Spanned;

use crate::store::labelling::Fault;

/// The most rows of a table, and characters of a source.
const MOST: usize = 1_000;
const LONGEST: usize = 200;
/// The greatest serial.
const LAST: i64 = 1_000_000_000;

/// A table that was read and fits.
#[derive(Clone, Debug, Default)]
pub struct StatuteTable {
    /// What it says to decisions.
    pub statutes: Statutes,
    /// Which one it is: of two the one with the greater number is the newer.
    pub serial: i64,
    /// Where care is given.
    pub jurisdiction: Option<String>,
    /// Every row, in words.
    pub rows: Vec<Row>,
}

/// A row, for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Row {
    /// Whose law it is; empty: everywhere.
    pub jurisdiction: String,
    /// What it comes to.
    pub says: String,
    /// Where it is written.
    pub source: String,
    /// It counts here.
    pub counts: bool,
}

impl Row {
    /// The rows that always hold.
    #[must_use]
    pub fn federal() -> [Self; 3] {
        let row = |says: &str, source: &str| Self {
            jurisdiction: "US".to_owned(),
            says: says.to_owned(),
            source: source.to_owned(),
            counts: true,
        };
        [
            row("42CFRPart2 needs a Consent; not in an emergency (ETREAT)", "42 CFR 2.31, 2.33, 2.51"),
            row(
                "42CFRPart2 goes to nobody for HLEGAL (which no exchange has; consent check knows it)",
                "42 CFR 2.12(d), 2.61",
            ),
            row("PSYTHPN needs a Consent that names it, or its author asks", "45 CFR 164.508(a)(2)"),
        ]
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    serial: Spanned<i64>,
    jurisdiction: Option<Spanned<String>>,
    #[serde(default)]
    law: Vec<LawEntry>,
    #[serde(default)]
    minor: Vec<MinorEntry>,
    #[serde(default)]
    majority: Vec<MajorityEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LawEntry {
    jurisdiction: Option<Spanned<String>>,
    labels: Vec<Spanned<String>>,
    purposes: Option<Vec<Spanned<String>>>,
    asks: Spanned<String>,
    #[serde(default)]
    emergency: bool,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MinorEntry {
    jurisdiction: Option<Spanned<String>>,
    labels: Vec<Spanned<String>>,
    age: Spanned<i32>,
    source: Spanned<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MajorityEntry {
    jurisdiction: Option<Spanned<String>>,
    age: Spanned<i32>,
    source: Spanned<String>,
}

/// Reads one file, and gathers what is wrong with it.
struct Reader<'t> {
    text: &'t str,
    here: Option<String>,
    faults: Vec<Fault>,
}

impl StatuteTable {
    /// Reads a table.
    ///
    /// # Errors
    /// Everything that is wrong with it, by line.
    pub fn parse(text: &str) -> Result<Self, Vec<Fault>> {
        let line_of = |at: usize| 1 + text.bytes().take(at).filter(|byte| *byte == b'\n').count();
        let file: File = toml::from_str(text).map_err(|error| {
            let line = error.span().map_or(1, |span| line_of(span.start));
            vec![Fault { line, what: error.message().to_owned() }]
        })?;
        let mut reader = Reader { text, here: None, faults: Vec::new() };
        reader.here = file.jurisdiction.as_ref().and_then(|one| reader.jurisdiction(Some(one)));
        if !(1..=LAST).contains(file.serial.get_ref()) {
            reader.fault(Some(&file.serial), format!("serial counts the tables that are signed: 1 to {LAST}"));
        }
        let (mut laws, mut minors, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for entry in &file.law {
            let (law, row) = reader.law(entry);
            laws.extend(law.filter(|_| row.counts));
            rows.push(row);
        }
        for entry in &file.minor {
            let labels = reader.labels(&entry.labels);
            let (age, row) = reader.age(&entry.jurisdiction, &entry.age, &entry.source, &codes(&entry.labels));
            if labels.meets(Labels::PART2 | Labels::PSYCHOTHERAPY) {
                reader.fault(entry.labels.first(), "no proxy permits Part 2 data or psychotherapy notes (E5)");
            }
            // Where nobody says which law holds, a row that names one gives nothing, and lowers what others give.
            let lowers = reader.here.is_none() && !row.jurisdiction.is_empty();
            minors.extend(age.filter(|_| row.counts).map(|age| Minor { labels, age, lowers }));
            rows.push(Row { counts: row.counts && !lowers, ..row });
        }
        for entry in &file.majority {
            let (age, row) = reader.age(&entry.jurisdiction, &entry.age, &entry.source, "");
            minors.extend(age.filter(|_| row.counts).map(|age| Minor { labels: Labels::NONE, age, lowers: false }));
            rows.push(row);
        }
        if rows.len() > MOST {
            reader.faults.push(Fault { line: 1, what: format!("a table has at most {MOST} rows") });
        }
        let Reader { faults, here, .. } = reader;
        if faults.is_empty() {
            Ok(Self { statutes: Statutes::new(laws, minors), serial: *file.serial.get_ref(), jurisdiction: here, rows })
        } else {
            Err(faults)
        }
    }
}

impl Reader<'_> {
    fn fault<T>(&mut self, at: Option<&Spanned<T>>, what: impl Into<String>) {
        let start = at.map_or(0, |at| at.span().start);
        let line = 1 + self.text.bytes().take(start).filter(|byte| *byte == b'\n').count();
        self.faults.push(Fault { line, what: what.into() });
    }

    fn law(&mut self, entry: &LawEntry) -> (Option<Law>, Row) {
        let labels = self.labels(&entry.labels);
        let demand = match &**entry.asks.get_ref() {
            "consent" => Some(Demand::Consent),
            "named" => Some(Demand::Named),
            "never" => Some(Demand::Never),
            _ => None,
        };
        if demand.is_none() {
            self.fault(Some(&entry.asks), "asks is consent, named or never");
        }
        if demand == Some(Demand::Never) && entry.emergency {
            self.fault(
                Some(&entry.asks),
                "name the purposes of a row that asks never, in place of an exception for emergencies",
            );
        }
        let purposes = entry.purposes.as_ref().map(|list| self.purposes(list));
        let for_what = match &entry.purposes {
            Some(list) => format!(" for {}", codes(list)),
            None => String::new(),
        };
        let says = match demand {
            Some(Demand::Never) => format!("{} goes to nobody{for_what}", codes(&entry.labels)),
            Some(Demand::Named) => format!("{} needs a Consent that names it{for_what}", codes(&entry.labels)),
            _ => format!("{} needs a Consent{for_what}", codes(&entry.labels)),
        };
        let says = if entry.emergency { format!("{says}; not in an emergency (ETREAT)") } else { says };
        let row = self.row(&entry.jurisdiction, says, &entry.source);
        let source = row.source.as_str().into();
        (demand.map(|demand| Law { labels, purposes, demand, emergency: entry.emergency, source }), row)
    }

    /// The age of a row of minors, and the row.
    fn age(
        &mut self,
        jurisdiction: &Option<Spanned<String>>,
        age: &Spanned<i32>,
        source: &Spanned<String>,
        codes: &str,
    ) -> (Option<i32>, Row) {
        let years = *age.get_ref();
        let fits = (1..=18).contains(&years);
        if !fits {
            self.fault(Some(age), "an age is 1 to 18 years: nobody is a child for longer (E4)");
        }
        let says = match codes {
            "" => format!("a parent's authority ends at {years}"),
            _ => format!("a proxy's permit reaches {codes} until {years}"),
        };
        let row = self.row(jurisdiction, says, source);
        (fits.then_some(years), row)
    }

    fn row(&mut self, jurisdiction: &Option<Spanned<String>>, says: String, source: &Spanned<String>) -> Row {
        let written = source.get_ref().trim();
        if written.is_empty() || written.len() > LONGEST || !is_plain(written) {
            self.fault(Some(source), format!("source says where it is written, in 1 to {LONGEST} characters"));
        }
        let whose = self.jurisdiction(jurisdiction.as_ref()).unwrap_or_default();
        let counts = match &self.here {
            Some(here) => {
                *here == whose
                    || whose.is_empty()
                    || here.strip_prefix(&*whose).is_some_and(|rest| rest.starts_with('-'))
            }
            None => true,
        };
        Row { jurisdiction: whose, says, source: written.to_owned(), counts }
    }

    /// A country of ISO 3166-1, or a subdivision of ISO 3166-2.
    fn jurisdiction(&mut self, given: Option<&Spanned<String>>) -> Option<String> {
        let given = given?;
        let text = given.get_ref();
        let (country, rest) = text.split_once('-').map_or((&**text, None), |(country, rest)| (country, Some(rest)));
        let is_code = |text: &str, most| {
            (1..=most).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit())
        };
        if country.len() != 2 || !is_code(country, 2) || !rest.is_none_or(|rest| is_code(rest, 3)) {
            self.fault(Some(given), "a jurisdiction is a code of ISO 3166: US, US-CA");
            return None;
        }
        Some(text.clone())
    }

    fn labels(&mut self, list: &[Spanned<String>]) -> Labels {
        if list.is_empty() {
            self.fault::<String>(None, "a row without labels says nothing: labels = [\"HIV\"]");
        }
        let mut found = Labels::NONE;
        for code in list {
            match Labels::reached(ACT_CODE, code.get_ref(), true) {
                Some(labels) => found = found | labels,
                None => self.fault(
                    Some(code),
                    "the label is no sensitivity of v3-ActCode (HIV, SUD, MH, SEX, STD, GDIS, SDV, ...)",
                ),
            }
        }
        found
    }

    /// The purposes with what is under them. One that no exchange can have would hide nothing, and nobody would know.
    fn purposes(&mut self, list: &[Spanned<String>]) -> Vec<Box<str>> {
        if list.is_empty() {
            self.fault::<String>(None, "leave purposes out where a row holds for every purpose");
        }
        let mut found = Vec::new();
        for code in list {
            match with_all_under(code.get_ref()) {
                Some(all) if all.iter().all(|code| Purpose::parse(code).is_none()) => {
                    let known = Purpose::ALL.map(Purpose::code).join(", ");
                    self.fault(
                        Some(code),
                        format!("no exchange has this purpose, so the row would hide nothing: give one of {known}"),
                    );
                }
                Some(all) => found.extend(all.into_iter().map(Box::from)),
                None => self.fault(
                    Some(code),
                    "the purpose is no purpose of use of v3-ActReason (TREAT, HPAYMT, HOPERAT, HRESCH, ...)",
                ),
            }
        }
        found
    }
}

/// Whether a text says on a terminal what it says in a file: without control characters and those that turn the direction.
#[must_use]
pub fn is_plain(text: &str) -> bool {
    let turns =
        |char: char| matches!(char, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    !text.contains(|char: char| char.is_control() || turns(char))
}

fn codes(list: &[Spanned<String>]) -> String {
    list.iter().map(|code| code.get_ref().as_str()).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = r#"
serial = 3
jurisdiction = "US-CA"
[[law]]
jurisdiction = "US-CA"
labels = ["HIV", "SUD"]
purposes = ["HPAYMT"]
asks = "named"
emergency = true
source = "a state's code"
[[law]]
jurisdiction = "US"
labels = ["GDIS"]
asks = "never"
source = "a federal one"
[[law]]
jurisdiction = "US-NY"
labels = ["MH"]
asks = "consent"
source = "another state's"
[[minor]]
jurisdiction = "US-CA"
labels = ["STD"]
age = 12
source = "a state's code"
[[majority]]
age = 16
source = "ours"
"#;

    #[test]
    fn rows_of_this_jurisdiction_and_of_what_it_is_in_count() {
        let table = StatuteTable::parse(TABLE).unwrap();
        let counts: Vec<bool> = table.rows.iter().map(|row| row.counts).collect();
        assert_eq!(counts, [true, true, false, true, true]);
        let laws = table.statutes.laws();
        assert_eq!(laws.len(), 2);
        assert!(laws[0].labels.codes().any(|code| code == "OPIOIDUD"), "what is under SUD");
        assert!(laws[0].purposes.as_ref().unwrap().iter().any(|code| &**code == "COVERAGE"), "what is under HPAYMT");
        let grades: Vec<(i32, Vec<&str>)> =
            table.statutes.grades().into_iter().map(|grade| (grade.until, grade.reach.codes().collect())).collect();
        assert_eq!(grades, [(16, vec![]), (12, vec!["STD"])]);
        assert_eq!(
            table.rows[0].says,
            "HIV, SUD needs a Consent that names it for HPAYMT; not in an emergency (ETREAT)"
        );
    }

    #[test]
    fn where_nobody_says_which_law_holds_the_strictest_does() {
        let table = StatuteTable::parse(&TABLE.replace("jurisdiction = \"US-CA\"\n[[law]]", "[[law]]")).unwrap();
        let counts: Vec<bool> = table.rows.iter().map(|row| row.counts).collect();
        assert_eq!(counts, [true, true, true, false, true]);
        assert_eq!(table.statutes.grades().len(), 1);
    }

    #[test]
    fn faults_name_their_lines() {
        let of = |text: &str| {
            let faults = StatuteTable::parse(&format!("serial = 1\n{text}")).unwrap_err();
            faults.iter().map(|fault| fault.line).collect::<Vec<_>>()
        };
        let row = |rest: &str| format!("[[law]]\nlabels = [\"HIV\"]\nsource = \"s\"\n{rest}");
        assert_eq!(of(&row("asks = \"often\"")), [5]);
        assert_eq!(of(&row("asks = \"never\"\nemergency = true")), [5]);
        assert_eq!(of(&row("asks = \"never\"\npurposes = [\"FUN\"]")), [6]);
        assert_eq!(of(&row("asks = \"never\"\njurisdiction = \"California\"")), [6]);
        assert_eq!(of(&row("asks = \"never\"\nwhen = 3")), [6]);
        assert_eq!(of("[[law]]\nlabels = [\"R\", \"N\"]\nsource = \"s\"\nasks = \"consent\""), [3, 3]);
        assert_eq!(of("[[minor]]\nlabels = [\"HIV\"]\nage = 19\nsource = \"s\""), [4]);
        assert_eq!(of("[[minor]]\nlabels = [\"SUD\", \"42CFRPart2\"]\nage = 9\nsource = \"s\""), [3]);
        assert_eq!(of("[[majority]]\nage = 17\nsource = \" \""), [4]);
        assert_eq!(of(&row("asks = \"never\"\npurposes = [\"HLEGAL\"]")), [6]);
        assert_eq!(of(&row("asks = \"never\"").replace("\"s\"", "\"a\u{202e}b\"")), [4]);
        assert!(StatuteTable::parse("").is_err(), "no serial");
        assert!(StatuteTable::parse("serial = 0").is_err());
        assert!(StatuteTable::parse("serial = 2").unwrap().rows.is_empty());
    }
}
