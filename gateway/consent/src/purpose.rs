//! Purposes of use: <https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html>.

use crate::asking::Coding;

/// The system of purposes.
pub const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/v3-ActReason";

/// Each code under what stands directly above it.
const UNDER: [(&str, &str); 59] = [
    ("CAREMGT", "HOPERAT"),
    ("DONAT", "HOPERAT"),
    ("FRAUD", "HOPERAT"),
    ("GOV", "HOPERAT"),
    ("HACCRED", "HOPERAT"),
    ("HCOMPL", "HOPERAT"),
    ("HDECD", "HOPERAT"),
    ("HDIRECT", "HOPERAT"),
    ("HDM", "HOPERAT"),
    ("HLEGAL", "HOPERAT"),
    ("HOUTCOMS", "HOPERAT"),
    ("HPRGRP", "HOPERAT"),
    ("HQUALIMP", "HOPERAT"),
    ("HSYSADMIN", "HOPERAT"),
    ("LABELING", "HSYSADMIN"),
    ("METAMGT", "HSYSADMIN"),
    ("MEMADMIN", "HOPERAT"),
    ("MILCDM", "HOPERAT"),
    ("PATADMIN", "HOPERAT"),
    ("PATSFTY", "HOPERAT"),
    ("PERFMSR", "HOPERAT"),
    ("RECORDMGT", "HOPERAT"),
    ("SYSDEV", "HOPERAT"),
    ("HTEST", "SYSDEV"),
    ("TRAIN", "HOPERAT"),
    ("CLMATTCH", "HPAYMT"),
    ("COVAUTH", "HPAYMT"),
    ("COVERAGE", "HPAYMT"),
    ("ELIGDTRM", "COVERAGE"),
    ("ELIGVER", "COVERAGE"),
    ("ENROLLM", "COVERAGE"),
    ("MILDCRG", "COVERAGE"),
    ("REMITADV", "HPAYMT"),
    ("BIORCH", "HRESCH"),
    ("CLINTRCH", "HRESCH"),
    ("CLINTRCHNPC", "CLINTRCH"),
    ("CLINTRCHPC", "CLINTRCH"),
    ("PRECLINTRCH", "CLINTRCH"),
    ("DSRCH", "HRESCH"),
    ("POARCH", "HRESCH"),
    ("TRANSRCH", "HRESCH"),
    ("FAMRQT", "PATRQT"),
    ("PWATRNY", "PATRQT"),
    ("SUPNWK", "PATRQT"),
    ("DISASTER", "PUBHLTH"),
    ("THREAT", "PUBHLTH"),
    ("CLINTRL", "TREAT"),
    ("COC", "TREAT"),
    ("ETREAT", "TREAT"),
    ("BTG", "ETREAT"),
    ("ERTREAT", "ETREAT"),
    ("POPHLTH", "TREAT"),
    ("HMARKT", ""),
    ("HOPERAT", ""),
    ("HPAYMT", ""),
    ("HRESCH", ""),
    ("PATRQT", ""),
    ("PUBHLTH", ""),
    ("TREAT", ""),
];

/// The code in v3-ActReason and all that is under it; `None` for one that is no purpose of use.
#[must_use]
pub fn with_all_under(code: &str) -> Option<Vec<&'static str>> {
    if code == "PurposeOfUse" {
        return Some(UNDER.iter().map(|(code, _)| *code).collect());
    }
    let known = UNDER.iter().map(|(code, _)| *code).find(|known| *known == code)?;
    let mut found = vec![known];
    let mut next = 0;
    while let Some(parent) = found.get(next).copied() {
        found.extend(UNDER.iter().filter(|(_, above)| *above == parent).map(|(code, _)| *code));
        next += 1;
    }
    Some(found)
}

/// Whether it is a purpose of use that v3-ActReason has.
#[must_use]
pub fn is_known(purpose: &Coding) -> bool {
    purpose.system == SYSTEM && UNDER.iter().any(|(code, _)| *code == purpose.code)
}

/// How rules spell a purpose: the code of v3-ActReason alone, any other with its system.
#[must_use]
pub fn key(purpose: &Coding) -> String {
    if purpose.system == SYSTEM { purpose.code.clone() } else { format!("{}|{}", purpose.system, purpose.code) }
}

/// Why a caller asks: exactly one per exchange.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub enum Purpose {
    /// Emergency treatment.
    Etreat,
    /// Healthcare operations.
    Hoperat,
    /// Healthcare payment.
    Hpaymt,
    /// Healthcare research.
    Hresch,
    /// Patient requested.
    Patrqt,
    /// Public health.
    Pubhlth,
    /// Treatment.
    Treat,
}

impl Purpose {
    /// Every purpose, in the order of their codes.
    pub const ALL: [Self; 7] =
        [Self::Etreat, Self::Hoperat, Self::Hpaymt, Self::Hresch, Self::Patrqt, Self::Pubhlth, Self::Treat];

    /// The code in `http://terminology.hl7.org/CodeSystem/v3-ActReason`.
    pub fn code(self) -> &'static str {
        match self {
            Self::Etreat => "ETREAT",
            Self::Hoperat => "HOPERAT",
            Self::Hpaymt => "HPAYMT",
            Self::Hresch => "HRESCH",
            Self::Patrqt => "PATRQT",
            Self::Pubhlth => "PUBHLTH",
            Self::Treat => "TREAT",
        }
    }

    /// The purpose of that code.
    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|purpose| purpose.code() == code)
    }
}
