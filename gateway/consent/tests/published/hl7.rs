//! HL7's examples of R4 (<https://hl7.org/fhir/R4/consent-examples.html>), built from their facts.
//!
//! Each stands alone, and once more beside a Consent that permits everything (`+`): so one sees whether it denies or says
//! nothing. Its dialect is `policyRule`, where R4 calls the root both a constraint and an exception; RULINGS.md B6 decides.

use serde_json::{Value, json};

use super::build::{Consent, consent, deny, loinc, permit, resource, untyped};
use super::{Case, Question, row};

/// In the order of the letters of a row: an Observation, one that is restricted, a MedicationRequest, an Encounter.
pub(crate) fn resources() -> Vec<Value> {
    vec![
        resource("Observation", "weight", "", json!({"code": loinc("29463-7"), "effectiveDateTime": "2014-12-25"})),
        resource(
            "Observation",
            "alcohol",
            "R ETHUD",
            json!({"code": loinc("8867-4"), "effectiveDateTime": "2015-06-13"}),
        ),
        resource(
            "MedicationRequest",
            "drug",
            "N",
            json!({"authoredOn": "2015-02-03", "medicationCodeableConcept": loinc("55423-8")}),
        ),
        resource(
            "Encounter",
            "visit",
            "",
            json!({"status": "finished", "period": {"start": "2015-02-03", "end": "2015-02-04"}}),
        ),
    ]
}

pub(crate) fn question(letter: char) -> Question {
    let nurse = "Practitioner/f204";
    let doctor = "Practitioner/f005";
    let hospital = "Organization/f001";
    let on = "2015-12-01T12:00:00Z";
    match letter {
        'n' => Question::new("TREAT", &[nurse], on),
        'w' => Question::new("TREAT", &[nurse], on).action("correct"),
        'd' => Question::new("TREAT", &[doctor], on),
        'h' => Question::new("TREAT", &[doctor, hospital], on),
        'k' => Question::new("TREAT", &[doctor, hospital], on).action("correct"),
        'e' => Question::new("ETREAT", &[doctor, hospital], on),
        'p' => Question::new("HPAYMT", &[doctor, hospital], on),
        'g' => Question::new("TREAT", &["Patient/example"], on),
        'X' => Question::new("TREAT", &[nurse], on).breaking_glass(),
        // The edges of the periods of two examples.
        '0' => Question::new("TREAT", &[doctor], "1963-12-31T23:59:59Z"),
        '1' => Question::new("TREAT", &[doctor], "1964-01-01T00:00:00Z"),
        '2' => Question::new("TREAT", &[doctor], "2016-01-01T23:59:59Z"),
        '3' => Question::new("TREAT", &[doctor], "2016-01-02T00:00:00Z"),
        '4' => Question::new("TREAT", &[doctor], "2016-06-23T07:02:32Z"),
        '5' => Question::new("TREAT", &[doctor], "2016-06-23T07:02:33Z"),
        '6' => Question::new("TREAT", &[doctor], "2016-06-23T07:32:33Z"),
        '7' => Question::new("TREAT", &[doctor], "2016-06-23T07:32:34Z"),
        other => panic!("no question {other}"),
    }
}

fn everything() -> Consent {
    consent(permit())
}

#[rustfmt::skip]
pub(crate) fn cases() -> Vec<Case> {
    let custodian = |root: super::build::Rule| root.actor("CST", "Organization/f001");
    let basic = consent(untyped().period("1964-01-01", "2016-01-01")).rule("OPTIN");
    let out = consent(custodian(untyped())).rule("OPTOUT");
    let emergency = consent(custodian(untyped()).purposes("ETREAT").but(custodian(deny()))).rule("OPTOUT");
    let grantor = consent(custodian(untyped()).actor("PRCP", "Patient/example").actions("access")).rule("OPTOUT");
    let not_org = consent(deny().actor("PRCP", "Organization/f001").actions("access correct")).rule("OPTIN");
    let not_them = consent(untyped().actor("PRCP", "Practitioner/f204").actions("access correct")).rule("OPTIN");
    let smart = consent(untyped().period("2016-06-23T17:02:33+10:00", "2016-06-23T17:32:33+10:00").but(permit().actions("access").classes("MedicationRequest"))).rule("OPTIN");
    vec![
        Case::new("basic", basic.clone(), &[
            row("12",    "PPPP", "opted in while the period lasts, both ends included (C1)"),
            row("ndhpeg", "PPPP", "everybody, for everything"),
            row("wk",    "PPPP", "no action is named: writing too"),
            row("034567", "DDDD", "outside the period it says nothing (A2)"),
            row("X",     "PPPP", "A6"),
        ]),
        Case::new("basic, given twice", basic.clone(), &[row("1d2", "PPPP", "a duplicate changes nothing"), row("03", "DDDD", "nor here")]).and(basic),
        Case::new("Out", out.clone(), &[
            row("nwdhkepg01234567", "DDDD", "opted out: the custodian at the root is no condition on who asks, and a deny of policyRule ignores it anyway (B6, C3)"),
            row("X",      "PPPP", "A6"),
        ]),
        Case::new("Out +", out, &[
            row("nwdhkepg", "DDDD", "a deny stands against any permit (A3)"),
            row("X",      "PPPP", "A6"),
        ]).and(everything()),
        // HL7 means a Consent for emergencies only. RULINGS.md B6 and B10: OPTOUT denies all, the purpose at its root is ignored,
        // and the nested deny names only a custodian, so it is for everyone. So no emergency is served by it: break the glass.
        Case::new("Emergency", emergency.clone(), &[
            row("nwdhkpg", "DDDD", "opted out"),
            row("e",      "DDDD", "not even for emergency treatment: see above"),
            row("X",      "PPPP", "A6"),
        ]),
        Case::new("Emergency +", emergency, &[row("nwdhkepg", "DDDD", "A3")]).and(everything()),
        // HL7 means: opted out, but for a grantor. Nothing in it says so in a way that R4 defines: B6 denies all.
        Case::new("grantor", grantor.clone(), &[
            row("nwdhkep", "DDDD", "opted out"),
            row("g",      "DDDD", "the grantor too: criteria at the root of an OPTOUT are ignored"),
            row("X",      "PPPP", "A6"),
        ]),
        Case::new("grantor +", grantor, &[row("nwdhkepg", "DDDD", "A3")]).and(everything()),
        // HL7 means: opted in, but not for that organization. It puts a type at the root, which R4 forbids, and which says the
        // opposite of its policyRule: contradictory (B5), so it denies everything to everyone (B8), where HL7 would permit d.
        Case::new("notOrg", not_org.clone(), &[
            row("hk",     "DDDD", "the organization: HL7 and RULINGS.md agree"),
            row("ndwepg", "DDDD", "everybody else: HL7 would permit, B5 does not"),
            row("X",      "PPPP", "A6"),
        ]),
        Case::new("notOrg +", not_org, &[row("nwdhkepg0123", "DDDD", "it has no period: denied always (B8)"), row("X", "PPPP", "A6")]).and(everything()),
        // HL7 means: opted in, but not for that nurse. B6: it denies the nurse and permits nobody, so HL7's intent is met beside
        // another permit, and alone nobody gets anything.
        Case::new("notThem", not_them.clone(), &[
            row("nw",     "DDDD", "the nurse: agreed"),
            row("dhkepg", "DDDD", "everybody else: HL7 would permit, B6 says nothing (A2)"),
            row("X",      "PPPP", "A6"),
        ]),
        Case::new("notThem +", not_them, &[
            row("nw",     "DDDD", "the nurse, reading or correcting"),
            row("dhkepg", "PPPP", "everybody else, by the other Consent"),
            row("X",      "PPPP", "A6"),
        ]).and(everything()),
        // HL7 means: an app may read MedicationRequests for half an hour. The OPTIN with nothing but a period at its root permits
        // everything in that time (B6), and the nested permit adds to it (B9): it is no limit.
        Case::new("smartonfhir", smart, &[
            row("56",     "PPPP", "in the half hour, 07:02:33 to 07:32:33 UTC: everything, where HL7 would permit the third alone"),
            row("47",     "DDDD", "a second before, a second after"),
            row("nwdhkepg", "DDDD", "long before"),
            row("X",      "PPPP", "A6"),
        ]),
        // The same, said in a way that all read alike: a root that permits what is meant.
        Case::new("smartonfhir, as meant", consent(permit().actions("access").classes("MedicationRequest").period("2016-06-23T17:02:33+10:00", "2016-06-23T17:32:33+10:00")), &[
            row("56",     "DDPD", "MedicationRequests in the half hour"),
            row("47ndhepg", "DDDD", "not outside of it"),
            row("wk",     "DDDD", "nor to write"),
        ]),
    ]
}
