//! The Consents of IHE PCF (<https://profiles.ihe.net/ITI/PCF/>), built from their facts, over resources like its samples.
//!
//! A row is one question, and its letters are one resource each: `P`ermit or `D`eny. All are written by hand: from what PCF's
//! notes on the access tokens say should be released, and where they are silent from RULINGS.md.

use serde_json::{Value, json};

use super::build::{Consent, consent, deny, loinc, permit, resource};
use super::{Case, Question, row};

const BASE: &str = "http://example.org/policies/basePrivacyConsentPolicy.txt";
const FOOBAR: &str = "http://example.org/policies/purposeOfUse|FooBar";
const TPO: &str = "TREAT HPAYMT HOPERAT";

/// In the order of the letters of a row.
pub(crate) fn resources() -> Vec<Value> {
    let of = |encounter: &str, members: Value| {
        let mut members = members;
        if !encounter.is_empty() {
            members["encounter"] = json!({"reference": format!("Encounter/{encounter}")});
        }
        members
    };
    let by = |practitioner: &str| json!([{"reference": format!("Practitioner/{practitioner}")}]);
    vec![
        // w: a vital sign without a label that says anything, of 2004, in the encounter.
        resource(
            "Observation",
            "weight",
            "HTEST",
            of("e1", json!({"code": loinc("29463-7"), "effectiveDateTime": "2004-12-25T23:50:50-05:00"})),
        ),
        // s: a laboratory value, normal, of 2020, in the encounter.
        resource(
            "Observation",
            "sugar",
            "N",
            of("e1", json!({"code": loinc("2339-0"), "effectiveDateTime": "2020-12-04T23:50:50-05:00"})),
        ),
        // a: alcohol use, restricted, of 2022, in the encounter.
        resource(
            "Observation",
            "alcohol",
            "R ETHUD",
            of("e1", json!({"code": loinc("8867-4"), "effectiveDateTime": "2022-06-13"})),
        ),
        // E: the encounter itself, without a time.
        resource("Encounter", "e1", "HTEST", json!({"status": "finished"})),
        // d: by the named practitioner, of 2022, in another encounter, without a label.
        resource(
            "Observation",
            "pulse",
            "",
            of("e2", json!({"code": loinc("8867-4"), "effectiveDateTime": "2022-03-01", "performer": by("named")})),
        ),
        // o: by another practitioner, normal, of 2023, in another encounter.
        resource(
            "Observation",
            "height",
            "N",
            of("e2", json!({"code": loinc("8302-2"), "effectiveDateTime": "2023-02-01", "performer": by("other")})),
        ),
        // y: psychiatry, restricted, recorded by the named practitioner, of 2021.
        resource(
            "Condition",
            "mood",
            "R PSY",
            of("e2", json!({"code": loinc("8310-5"), "onsetDateTime": "2021-05-05", "recorder": by("named")[0]})),
        ),
        // v: domestic violence, very restricted, by another practitioner, of 2022.
        resource(
            "Observation",
            "harm",
            "V SDV",
            of("e2", json!({"code": loinc("8480-6"), "effectiveDateTime": "2022-11-11", "performer": by("other")})),
        ),
        // h: a sensitivity without a confidentiality: restricted (C8). Of 2019, in no encounter.
        resource(
            "Observation",
            "test",
            "HIV",
            of("", json!({"code": loinc("8310-5"), "effectiveDateTime": "2019-01-01"})),
        ),
        // L: low, some time in 2022, in the encounter.
        resource("Observation", "steps", "L", of("e1", json!({"code": loinc("55423-8"), "effectiveDateTime": "2022"}))),
    ]
}

/// The questions of a row's first letter.
pub(crate) fn question(letter: char) -> Question {
    let named = "Practitioner/named";
    let other = "Practitioner/other";
    let group = "Group/privileged";
    let research = "Organization/research";
    let on = "2022-07-01T12:00:00Z";
    match letter {
        'T' => Question::new("TREAT", &[other], on),
        't' => Question::new("TREAT", &[named], on),
        'g' => Question::new("TREAT", &[named, group], on),
        'P' => Question::new("HPAYMT", &[other], on),
        'O' => Question::new("HOPERAT", &[other], on),
        'R' => Question::new("HRESCH", &[other], on),
        'q' => Question::new("HRESCH", &[named], on),
        'r' => Question::new("HRESCH", &[other, research], on),
        'E' => Question::new("ETREAT", &[other], on),
        'F' => Question::new(FOOBAR, &[other, research], on),
        'f' => Question::new(FOOBAR, &[other], on),
        'B' => Question::new("BTG", &[named, group], on),
        'b' => Question::new("BTG", &[other], on),
        'X' => Question::new("TREAT", &[other], on).breaking_glass(),
        'x' => Question::new("HRESCH", &[other], on).breaking_glass(),
        'L' => Question::new("TREAT", &[other], "2023-06-01T00:00:00Z"),
        'z' => Question::new("TREAT", &[other], "2022-12-31T23:59:59.999Z"),
        'n' => Question::new("TREAT", &[other], "2023-01-01T00:00:00Z"),
        other => panic!("no question {other}"),
    }
}

fn pcf(root: super::build::Rule) -> Consent {
    consent(root).policy(BASE).given("2022-06-13")
}

#[rustfmt::skip]
pub(crate) fn cases() -> Vec<Case> {
    let basic = [
        //          wsaEdoyvhL
        row("TtgPO", "PPPPPPPPPP", "accepting the policy for the three purposes; who asks and what it is make no difference"),
        row("E",   "PPPPPPPPPP", "emergency treatment is treatment in v3-PurposeOfUse (C4); PCF is silent"),
        row("Rqr",   "DDDDDDDDDD", "no token beyond the set of purposes"),
        row("Ff",    "DDDDDDDDDD", "a purpose of another system is in none of the three"),
        row("XxBb",    "PPPPPPPPPP", "A6"),
        row("Lzn",   "PPPPPPPPPP", "no period: no sunset"),
    ];
    vec![
        Case::new("basic-treat", pcf(permit().purposes(TPO)), &basic),
        // What the signature is on changes nothing: the notes send one back to basic-treat.
        Case::new("basic-ink", pcf(permit().purposes(TPO)).with("sourceReference", json!({"reference": "DocumentReference/ink"})), &basic),
        // A mother consents for her infant; the check does not ask who performed (B14).
        Case::new("basic-infant", pcf(permit().purposes(TPO)).with("performer", json!([{"reference": "RelatedPerson/mother"}])), &basic),
        Case::new("expired-treat", pcf(permit().purposes(TPO).period("", "2022-12-31")), &[
            row("TtgPOE", "PPPPPPPPPP", "before the end it is as basic-treat"),
            row("RqrFf",    "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("z",        "PPPPPPPPPP", "the last day is included to its last millisecond (C1)"),
            row("nL",       "DDDDDDDDDD", "after the end the request is an error"),
            row("XxBb",       "PPPPPPPPPP", "A6"),
        ]),
        Case::new("basic-reject", pcf(deny().purposes(TPO)), &[
            row("TtgPOEL", "DDDDDDDDDD", "rejecting the policy: every request is an error"),
            row("RqrFf",     "DDDDDDDDDD", "and nothing permits the other purposes (A2)"),
            row("XxBb",        "PPPPPPPPPP", "A6: PCF says nothing of a glass broken against a rejection"),
        ]),
        Case::new("intermediate-timeframe", pcf(permit().purposes(TPO).data_period("2022-01-01", "2022-12-31")), &[
            //              wsaEdoyvhL
            row("TtgPOELzn", "DDPDPDDPDP", "nothing but what was authored in 2022; an Encounter without a time is in doubt (C11); `2022` lies within"),
            row("RqrFf",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",          "PPPPPPPPPP", "A6"),
        ]),
        // An earlier text of the example gives the months alone; the whole of December is meant.
        Case::new("intermediate-timeframe-in-months", pcf(permit().purposes(TPO).data_period("2022-01", "2022-12")), &[
            row("TPO", "DDPDPDDPDP", "as above"),
            row("R",   "DDDDDDDDDD", "as above"),
        ]),
        Case::new("intermediate-not-timeframe", pcf(permit().purposes(TPO).but(deny().data_period("2022-01-01", "2022-12-31"))), &[
            row("TtgPOELzn", "PPDDDPPDPD", "everything but 2022; an Encounter without a time is denied in doubt (C11), where PCF is silent"),
            row("RqrFf",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",          "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-authoredby", pcf(permit().purposes(TPO).data("authoredby", "Practitioner/named")), &[
            row("TtgPOEL", "DDDDPDPDDD", "nothing but what the named practitioner authored: a performer, a recorder; who asks is another matter"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        // The residual in the notes says `permit` where their own text says forbid: the text and the Consent agree, so they count.
        Case::new("intermediate-not-authoredby", pcf(permit().purposes(TPO).but(deny().data("authoredby", "Practitioner/named"))), &[
            row("TtgPOEL", "PPPPDPDPPP", "forbid what the named practitioner authored"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-encounter", pcf(permit().purposes(TPO).data("related", "Encounter/e1")), &[
            row("TtgPOEL", "PPPPDDDDDP", "nothing but what is related to the encounter, itself included (C12)"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-not-encounter", pcf(permit().purposes(TPO).but(deny().data("related", "Encounter/e1"))), &[
            row("TtgPOEL", "DDDDPPPPPD", "forbid what is related to the encounter"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-data", pcf(permit().purposes(TPO).data("instance", "Encounter/e1").data("instance", "Observation/weight").data("instance", "Observation/sugar").data("instance", "Observation/alcohol")), &[
            row("TtgPOEL", "PPPPDDDDDD", "nothing but the data itemised; not what belongs to the same encounter"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-not-data", pcf(permit().purposes(TPO).but(deny().data("instance", "Observation/alcohol"))), &[
            row("TtgPOEL", "PPDPPPPPPP", "forbid the one resource"),
            row("RqrFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("intermediate-purpose", consent(permit().purposes(FOOBAR).actor("IRCP", "Organization/research")).policy("http://example.org/policies/researchFooBar.txt"), &[
            row("F",        "PPPPPPPPPP", "the research organization for its project: no residual"),
            row("f",        "DDDDDDDDDD", "no token for users outside of it"),
            row("r",        "DDDDDDDDDD", "nor for the organization's other purposes: research in general is not FooBar"),
            row("TtgPORqEL", "DDDDDDDDDD", "nor for anybody else's"),
            row("XxBb",       "PPPPPPPPPP", "A6"),
        ]),
        // PCF: denied to those who may not declare break-glass, who are outside of the group. The check takes it for granted that
        // who declares it may (A6): b is permitted here, and never gets so far in the gateway.
        Case::new("dissent-break-glass", consent(deny().but(permit().purposes("BTG").actor("IRCP", "Group/privileged"))).policy("http://example.org/policies/researchFooBar.txt"), &[
            row("g",         "DDDDDDDDDD", "the group without the purpose"),
            row("TtPORqrEFfL", "DDDDDDDDDD", "everything else is rejected; emergency treatment is above BTG and not below it"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal", pcf(permit().purposes(TPO).labels("N")), &[
            //                 wsaEdoyvhL
            row("TtgPOELzn", "PPDPPPDDDP", "nothing but normal data; what has no label is normal, what is low is below it (C8)"),
            row("RqrFf",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",          "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal-restricted", pcf(permit().purposes(TPO).labels("N R")), &[
            row("TtgPOELzn", "PPPPPPPDPP", "normal and restricted; a sensitivity without a level is restricted (C8), and very restricted is above"),
            row("RqrFf",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",          "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal-not-restricted", pcf(permit().purposes(TPO).labels("N").but(deny().labels("R"))), &[
            row("TtgPOELzn", "PPDPPPDDDP", "as advanced-normal: the forbid is redundant, and PCF says so"),
            row("RqrFf",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",          "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal-focused-restricted", pcf(permit().purposes(TPO).labels("N").but(permit().labels("R").actor("IRCP", "Practitioner/named"))), &[
            row("TPOELzn", "PPDPPPDDDP", "for most users as advanced-normal"),
            row("tg",      "PPPPPPPDPP", "for the practitioner as advanced-normal-restricted: a nested permit adds (B9)"),
            row("Rrq",      "DDDDDDDDDD", "the purposes of the root hold for what the practitioner gets too (B10)"),
            row("Ff",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",       "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal-focused-psy", pcf(permit().purposes(TPO).labels("N").but(permit().labels("PSY").actor("IRCP", "Practitioner/named"))), &[
            row("TPOELzn", "PPDPPPDDDP", "for most users as advanced-normal"),
            row("tg",      "PPDPPPPDDP", "the practitioner gets mental health too, restricted as it is, and no other restricted data"),
            row("Rrq",      "DDDDDDDDDD", "the purposes of the root hold (B10)"),
            row("Ff",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",       "PPPPPPPPPP", "A6"),
        ]),
        Case::new("advanced-normal-focused-psy-or-sdv", pcf(permit().purposes(TPO).labels("N").but(permit().labels("PSY SDV").actor("IRCP", "Practitioner/named"))), &[
            row("TPOELzn", "PPDPPPDDDP", "for most users as advanced-normal"),
            row("tg",      "PPDPPPPPDP", "the practitioner gets either of the two (B11)"),
            row("Rrq",      "DDDDDDDDDD", "the purposes of the root hold (B10)"),
            row("Ff",       "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",       "PPPPPPPPPP", "A6"),
        ]),
        // PCF: with the glass broken as advanced-normal-restricted, that is without v. RULINGS.md A6 lifts the Consents
        // altogether. The two do not agree, and the table is held to A6.
        Case::new("advanced-normal-break-glass-restricted", pcf(permit().purposes(TPO).labels("N").but(permit().purposes("BTG").labels("R").actor("IRCP", "Group/privileged"))), &[
            row("TtgPOELzn", "PPDPPPDDDP", "for most users as advanced-normal, the group without a broken glass among them"),
            row("RrqFf",     "DDDDDDDDDD", "no token beyond the set of purposes"),
            row("XxBb",        "PPPPPPPPPP", "A6"),
        ]),
        // The four policies (volume 1, implicit option) as what a Consent refers to (B4).
        Case::new("Policy-basic-normal", consent(super::build::untyped()).policy("https://profiles.ihe.net/ITI/PCF/Policy-basic-normal"), &[
            row("TtgEL", "PPPPPPPPPP", "permit for treatment"),
            row("POqRrFf", "DDDDDDDDDD", "no other access"),
            row("XxBb",      "PPPPPPPPPP", "A6"),
        ]),
        Case::new("Policy-all-normal", consent(super::build::untyped()).policy("https://profiles.ihe.net/ITI/PCF/Policy-all-normal"), &[
            row("TtgELPOqRrFfXxBb", "PPPPPPPPPP", "permit for all authorised uses"),
        ]),
        Case::new("Policy-break-glass-only", consent(super::build::untyped()).policy("https://profiles.ihe.net/ITI/PCF/Policy-break-glass-only"), &[
            row("TtgELPOqRrFf", "DDDDDDDDDD", "deny for all use"),
            row("XxBb",           "PPPPPPPPPP", "except when the glass is broken"),
        ]),
        // PCF: deny, no exception. A6 says that a broken glass lifts the Consents: the table is held to A6.
        Case::new("Policy-deny", consent(super::build::untyped()).policy("https://profiles.ihe.net/ITI/PCF/Policy-deny"), &[
            row("TtgELPOqRrFf", "DDDDDDDDDD", "deny for all use"),
            row("XxBb",             "PPPPPPPPPP", "A6"),
        ]),
    ]
}
