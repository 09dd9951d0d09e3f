//! The labelling step as a table of cases, each with its reason, and what must hold for any.

#![allow(clippy::unwrap_used, reason = "a test")]

use consent::labelling::{Coding, Labelling, Subject, Unfit};
use consent::labels::{ACT_CODE, CONFIDENTIALITY, Labels};

const ICD: &str = "http://hl7.org/fhir/sid/icd-10-cm";
const ICD_9: &str = "http://hl7.org/fhir/sid/icd-9-cm";
const LOINC: &str = "http://loinc.org";
const RXNORM: &str = "http://www.nlm.nih.gov/research/umls/rxnorm";

fn codes(labels: Labels) -> String {
    let mut codes: Vec<&str> = labels.codes().collect();
    if labels.meets(Labels::UNCLASSIFIED) {
        codes.push("unclassified");
    }
    if labels.meets(Labels::UNKNOWN) {
        codes.push("unknown");
    }
    codes.join(" ")
}

#[test]
fn codes_say_what_the_table_says_of_them() {
    // Coding, labels, reason.
    let cases: &[(Coding<'_>, &str, &str)] = &[
        ((ICD, "F10.20"), "R ETHUD", "alcohol dependence"),
        ((ICD, "F1020"), "R ETHUD", "the same without its dot, as claims have it"),
        ((ICD, "f10.20"), "R ETHUD", "the same in small letters"),
        ((ICD, "F10"), "R ETHUD", "the category alone"),
        ((ICD, "F1"), "N", "no code, though one begins so"),
        ((ICD, "F11.21"), "R OPIOIDUD", "opioids have a label of their own under SUD"),
        ((ICD, "F14.10"), "R SUD", "cocaine"),
        ((ICD, "F17.210"), "N", "tobacco is not protected"),
        ((ICD, "F32.9"), "R MH", "depression"),
        ((ICD, "F53.0"), "R MH", "postpartum depression"),
        ((ICD, "F70"), "R DVD", "intellectual disability"),
        ((ICD, "F03.90"), "R COGN", "dementia"),
        ((ICD, "F64.0"), "R SEX MH", "gender identity is of both chapters"),
        ((ICD, "B20"), "R HIV", "HIV disease"),
        ((ICD, "Z21"), "R HIV", "without symptoms"),
        ((ICD, "O98.711"), "R HIV", "in pregnancy"),
        ((ICD, "O98.211"), "R STD", "gonorrhoea in pregnancy"),
        ((ICD, "A56.01"), "R STD", "chlamydia"),
        ((ICD, "A49.9"), "N", "an infection that is none"),
        ((ICD, "Z33.2"), "R SEX", "termination of pregnancy"),
        ((ICD, "O04.5"), "R SEX", "its complication"),
        ((ICD, "Z30.09"), "R SEX", "contraceptive advice"),
        ((ICD, "T74.11XA"), "R SDV", "physical abuse of an adult"),
        ((ICD, "Y07.01"), "R SDV", "who did it"),
        ((ICD, "Y04.0XXA"), "R VIO", "assault by somebody who is not named"),
        ((ICD, "Z15.01"), "R GDIS", "susceptibility to breast cancer"),
        ((ICD, "Z80.3"), "R GDIS", "family history"),
        ((ICD, "D57.1"), "R SCA SICKLE", "sickle cell disease"),
        ((ICD, "R45.851"), "R MH", "suicidal ideation"),
        ((ICD, "J18.9"), "N", "pneumonia"),
        ((ICD, "Z00.00"), "N", "a check-up"),
        (("http://hl7.org/fhir/sid/icd-10", "B24"), "R HIV", "the WHO edition"),
        (("urn:oid:2.16.840.1.113883.6.90", "F11.20"), "R OPIOIDUD", "the system as an OID"),
        ((ICD_9, "042"), "R HIV", "old records"),
        ((ICD_9, "305.1"), "N", "tobacco"),
        ((ICD_9, "305.60"), "R SUD", "cocaine"),
        ((LOINC, "56888-1"), "R HIV", "a test says that somebody was tested"),
        ((LOINC, "44261-6"), "R MH", "PHQ-9"),
        ((LOINC, "72109-2"), "R ETHUD", "AUDIT-C"),
        ((LOINC, "2106-3"), "R SEX", "pregnancy test"),
        ((LOINC, "8480-6"), "N", "blood pressure"),
        ((RXNORM, "1819"), "R OPIOIDUD", "buprenorphine"),
        ((RXNORM, "864706"), "R OPIOIDUD", "methadone"),
        ((RXNORM, "1999667"), "R HIV", "an antiretroviral"),
        ((RXNORM, "748856"), "R SEX", "a contraceptive"),
        ((RXNORM, "312961"), "N", "simvastatin"),
        (("http://snomed.info/sct", "A-17"), "N", "no table of ours holds SNOMED CT"),
        (("urn:ours", "F10.20"), "N", "the same text in another system"),
        (("", "F10.20"), "N", "without a system it is anything"),
        ((ICD, ""), "N", "an empty code"),
        ((ICD, "\u{e9}\u{e9}\u{e9}\u{e9}"), "N", "no code at all"),
    ];
    let labelling = Labelling::built_in();
    for (coding, expected, why) in cases {
        let subject = Subject { codings: &[*coding], ..Subject::default() };
        assert_eq!(codes(labelling.label(&subject)), *expected, "{coding:?}: {why}");
    }
}

#[test]
fn labels_of_clients_parts_and_encounters_count() {
    let level = |code| (CONFIDENTIALITY, code);
    let sud: Coding<'_> = (ICD, "F19.20");
    let heard = |code| Some(Labels::of_coding(ACT_CODE, code));
    let (empty, note) = (Subject::default(), Subject { text: true, ..Subject::default() });
    let cases: &[(Subject<'_>, &str, &str)] = &[
        (empty, "N", "nothing is said"),
        (Subject { given: &[level("V")], ..empty }, "V", "the client's level"),
        (Subject { given: &[level("U")], ..empty }, "U", "a client may say that it is public"),
        (Subject { given: &[level("N")], codings: &[sud], ..empty }, "R SUD", "sensitive means at least R"),
        (Subject { given: &[level("V")], codings: &[sud], ..empty }, "V SUD", "the highest counts"),
        (Subject { given: &[(ACT_CODE, "HIV")], ..empty }, "R HIV", "the client's sensitivity"),
        (Subject { given: &[(ACT_CODE, "42CFRPart2")], ..empty }, "R 42CFRPart2", "Part 2 by its label"),
        (Subject { given: &[("urn:theirs", "x")], ..empty }, "N unknown", "what is not understood is kept as a doubt"),
        (Subject { given: &[(ACT_CODE, "NODSCLCD")], ..empty }, "N", "handling says nothing"),
        (Subject { within: &[level("V")], ..empty }, "V", "a part raises the whole"),
        (Subject { within: &[level("U")], ..empty }, "N", "and never lowers it"),
        (
            Subject { within: &[level("R")], given: &[level("L")], ..empty },
            "R",
            "whatever the client says of the whole",
        ),
        (Subject { within: &[("urn:theirs", "x")], ..empty }, "N unknown", "a part's label that is not understood"),
        (Subject { codings: &[(ACT_CODE, "PSY")], ..empty }, "R PSY", "a label among the codes (an inline label)"),
        (Subject { codings: &[(ACT_CODE, "AMB")], ..empty }, "N", "an encounter's class is none"),
        (note, "N unclassified", "words that nothing tells about"),
        (Subject { given: &[level("N")], ..note }, "N", "but the client does"),
        (Subject { given: &[(ACT_CODE, "HIV")], ..note }, "R HIV unclassified", "a sensitivity is no level"),
        (Subject { codings: &[sud], ..note }, "R SUD unclassified", "the kind of a note is not its content"),
        (Subject { encounter: Some(Labels::NORMAL), ..note }, "N", "its encounter tells"),
        (Subject { encounter: heard("SUD"), ..note }, "R SUD", "the encounter's high-water mark"),
        (
            Subject { encounter: Some(Labels::VERY_RESTRICTED), given: &[level("L")], ..note },
            "V",
            "over the client's level",
        ),
        (
            Subject { encounter: Some(Labels::NORMAL), given: &[level("L")], ..note },
            "L",
            "an ordinary encounter raises nothing",
        ),
        (Subject { encounter: Some(Labels::UNKNOWN), ..note }, "N unknown", "doubts are inherited"),
        (Subject { encounter: heard("SUD"), ..empty }, "N", "coded things have their own labels"),
    ];
    let labelling = Labelling::built_in();
    for (subject, expected, why) in cases {
        assert_eq!(codes(labelling.label(subject)), *expected, "{why}: {subject:?}");
    }
}

#[test]
fn rows_of_ones_own_add_and_take_nothing_back() {
    let mut labelling = Labelling::built_in();
    let label =
        |labelling: &Labelling, coding| codes(labelling.label(&Subject { codings: &[coding], ..Subject::default() }));
    labelling.add("http://example.org/codes", "A-*", "SUD").unwrap();
    labelling.add("http://example.org/codes", "A-17", "42CFRPart2").unwrap();
    labelling.add(ICD, "j18.9", "V").unwrap();
    labelling.add(ICD, "F10.20", "MH").unwrap();
    assert_eq!(label(&labelling, ("http://example.org/codes", "A-17")), "R SUD 42CFRPart2");
    assert_eq!(label(&labelling, ("http://example.org/codes", "A-18")), "R SUD");
    assert_eq!(label(&labelling, ("http://example.org/codes", "A")), "N");
    assert_eq!(label(&labelling, (ICD, "J18.9")), "V");
    assert_eq!(label(&labelling, (ICD, "F10.20")), "R MH ETHUD");
    for (system, code, name, why) in [
        ("snomed", "1", "SUD", Unfit::System),
        ("http://a b", "1", "SUD", Unfit::System),
        (LOINC, "", "SUD", Unfit::Code),
        (LOINC, " 1", "SUD", Unfit::Code),
        (LOINC, &"1".repeat(64), "SUD", Unfit::Code),
        (ICD, "..", "SUD", Unfit::Code),
        (LOINC, "*", "SUD", Unfit::Prefix),
        (LOINC, "1*2", "SUD", Unfit::Prefix),
        (LOINC, "1", "N", Unfit::Label),
        (LOINC, "1", "sud", Unfit::Label),
        (LOINC, "1", "NODSCLCD", Unfit::Label),
    ] {
        assert_eq!(labelling.clone().add(system, code, name), Err(why), "{system} {code} {name}");
    }
}

/// Numbers without end, the same ones every time.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound
    }
}

#[test]
fn more_codings_never_make_it_less() {
    let labelling = Labelling::built_in();
    let pool: Vec<Coding<'_>> =
        ["F10.1", "F11.2", "F33.1", "B20", "A54.0", "Z30.9", "T74.1", "D57.0", "J18.9", "X99", "Z80"]
            .into_iter()
            .map(|code| (ICD, code))
            .chain(["56888-1", "8480-6", "44261-6"].map(|code| (LOINC, code)))
            .chain([
                (RXNORM, "1819"),
                (ACT_CODE, "PSY"),
                (ACT_CODE, "42CFRPart2"),
                (CONFIDENTIALITY, "V"),
                ("urn:x", "y"),
            ])
            .chain([(CONFIDENTIALITY, "U"), (CONFIDENTIALITY, "R"), (ACT_CODE, "AMB")])
            .collect();
    let levels = ["U", "L", "M", "N", "R", "V"];
    let level_of = |labels: Labels| labels.bits() & 0b11_1111;
    let mut random = Random(20_261_129);
    for _ in 0..100_000 {
        let mut some = |most: usize| {
            let count = random.below(most);
            (0..count).map(|_| pool[random.below(pool.len())]).collect::<Vec<_>>()
        };
        let (codings, within, more) = (some(5), some(3), some(4));
        let given: Vec<Coding<'_>> =
            (0..random.below(3)).map(|_| (CONFIDENTIALITY, levels[random.below(levels.len())])).collect();
        let encounter = (random.below(2) == 0).then(|| Labels::from_bits(1 << random.below(48)));
        let text = random.below(2) == 0;
        let subject = Subject { codings: &codings, given: &given, within: &within, text, encounter };
        let before = labelling.label(&subject);
        let codings: Vec<Coding<'_>> = codings.iter().chain(&more).copied().collect();
        let after = labelling.label(&Subject { codings: &codings, ..subject });
        assert_eq!(before.bits() & !0b11_1111 & !after.bits(), 0, "{subject:?} and {more:?}");
        assert!(level_of(after) >= level_of(before), "{subject:?} and {more:?}");
        assert_eq!(level_of(after).count_ones(), 1);
        // A part's labels and the encounter's raise as well, and the order of codings says nothing.
        let turned: Vec<Coding<'_>> = codings.iter().rev().copied().collect();
        assert_eq!(labelling.label(&Subject { codings: &turned, ..subject }), after);
        if text && let Some(encounter) = encounter {
            // What is heard later comes to the same.
            let own = labelling.label(&Subject { encounter: None, ..subject });
            assert_eq!(Labelling::heard(own, encounter | Labels::NORMAL), before, "{subject:?}");
            assert_eq!(Labelling::heard(before, encounter | Labels::NORMAL), before, "{subject:?}");
        }
        if text && encounter.is_some() {
            let marked = labelling.label(&Subject { encounter: encounter.map(|it| it | Labels::PART2), ..subject });
            assert!(marked.meets(Labels::PART2) && level_of(marked) >= level_of(before));
        }
    }
}
