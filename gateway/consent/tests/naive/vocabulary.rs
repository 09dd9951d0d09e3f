//! The codes that RULINGS.md speaks of, as parents of children.

pub(crate) const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
pub(crate) const ACT_REASON: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";
pub(crate) const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
pub(crate) const CONSENT_ACTION: &str = "http://terminology.hl7.org/CodeSystem/consentaction";
pub(crate) const CONSENT_SCOPE: &str = "http://terminology.hl7.org/CodeSystem/consentscope";
pub(crate) const OBSERVATION_VALUE: &str = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue";
pub(crate) const PARTICIPATION: &str = "http://terminology.hl7.org/CodeSystem/v3-ParticipationType";
pub(crate) const PCF: &str = "https://profiles.ihe.net/ITI/PCF/";
pub(crate) const RESOURCE_TYPES: &str = "http://hl7.org/fhir/resource-types";

/// v3-PurposeOfUse: parent, children.
const PURPOSES: [(&str, &str); 12] = [
    ("PurposeOfUse", "HMARKT HOPERAT HPAYMT HRESCH PATRQT PUBHLTH TREAT"),
    (
        "HOPERAT",
        "CAREMGT DONAT FRAUD GOV HACCRED HCOMPL HDECD HDIRECT HDM HLEGAL HOUTCOMS HPRGRP HQUALIMP HSYSADMIN MEMADMIN \
         MILCDM PATADMIN PATSFTY PERFMSR RECORDMGT SYSDEV TRAIN",
    ),
    ("HSYSADMIN", "LABELING METAMGT"),
    ("SYSDEV", "HTEST"),
    ("HPAYMT", "CLMATTCH COVAUTH COVERAGE REMITADV"),
    ("COVERAGE", "ELIGDTRM ELIGVER ENROLLM MILDCRG"),
    ("HRESCH", "BIORCH CLINTRCH DSRCH POARCH TRANSRCH"),
    ("CLINTRCH", "CLINTRCHNPC CLINTRCHPC PRECLINTRCH"),
    ("PATRQT", "FAMRQT PWATRNY SUPNWK"),
    ("PUBHLTH", "DISASTER THREAT"),
    ("TREAT", "CLINTRL COC ETREAT POPHLTH"),
    ("ETREAT", "BTG ERTREAT"),
];

/// Row C9.
const SENSITIVITIES: [(&str, &str); 4] = [
    ("SPI", "BH MH PSY PSYTHPN SUD"),
    ("BH", "COGN DVD EMOTDIS"),
    ("SUD", "ETHUD OPIOIDUD"),
    ("ETH", "ETHUD OPIOIDUD SUD"),
];

/// Sensitivities of v3-ActCode, with nothing above or below them; Part 2 data is sensitive by what it is.
const LONE_SENSITIVITIES: &str = "42CFRPart2 ADOL B CEL DEMO DIA DOB DRGIS EMP EMPL GDIS GENDER HIV LIVARG LOCIS MARST MST PDS PHY PRS \
                                  RACE REL SCA SDV SEX SICKLE SSP STD TBOO VIO";

/// From the lowest to the highest (row C8).
const LEVELS: &str = "U L M N R V";

pub(crate) fn known_purpose(code: &str) -> bool {
    within("PurposeOfUse", code, &PURPOSES)
}

pub(crate) fn purpose_is(code: &str, above: &str) -> bool {
    within(above, code, &PURPOSES)
}

pub(crate) fn known_sensitivity(code: &str) -> bool {
    LONE_SENSITIVITIES.split(' ').any(|known| known == code)
        || SENSITIVITIES.iter().any(|(above, below)| *above == code || below.split(' ').any(|known| known == code))
}

pub(crate) fn sensitivity_is(code: &str, above: &str) -> bool {
    within(above, code, &SENSITIVITIES)
}

/// How high a confidentiality is.
pub(crate) fn level(code: &str) -> Option<usize> {
    LEVELS.split(' ').position(|level| level == code)
}

fn within(above: &str, code: &str, tree: &[(&str, &str)]) -> bool {
    code == above
        || tree
            .iter()
            .any(|(parent, children)| *parent == above && children.split(' ').any(|child| within(child, code, tree)))
}

#[test]
fn hierarchies_reach_down_and_not_up() {
    assert!(purpose_is("BTG", "TREAT") && purpose_is("BTG", "ETREAT") && !purpose_is("TREAT", "ETREAT"));
    assert!(purpose_is("CLINTRCHPC", "HRESCH") && !purpose_is("HRESCH", "TREAT") && !known_purpose("NOSUCH"));
    assert!(sensitivity_is("ETHUD", "SPI") && sensitivity_is("ETHUD", "ETH") && !sensitivity_is("ETH", "SUD"));
    assert!(level("R") > level("N") && level("U") == Some(0) && level("X").is_none());
}
