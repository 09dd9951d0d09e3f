//! Security labels of a resource and of a rule as one set of bits: `directory.labels` holds it, SQL compares it.
//!
//! <https://hl7.org/fhir/R4/security-labels.html>. Confidentiality is a scale (RULINGS.md, C8), sensitivities are a
//! hierarchy (C9); what a label of handling or purpose says is not asked here (C10).

use std::ops::BitOr;

/// The system of confidentiality levels.
pub const CONFIDENTIALITY: &str = "http://terminology.hl7.org/CodeSystem/v3-Confidentiality";
/// The system of sensitivities.
pub const ACT_CODE: &str = "http://terminology.hl7.org/CodeSystem/v3-ActCode";
/// Systems whose labels are no sensitivities and say nothing to a decision.
const SILENT: [&str; 4] = [
    "http://terminology.hl7.org/CodeSystem/v3-ActReason",
    "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "http://hl7.org/fhir/v3/ActReason",
    "http://hl7.org/fhir/v3/ObservationValue",
];

/// Codes of v3-ActCode that say how data are to be handled, or by what law, and not what they are about. Any other that is no
/// sensitivity of the table may be a newer one: it is not understood.
const HANDLING: &str = " ANONY AOD AUDIT AUDTR AUTHPOL COMPT CPLYCC CPLYCD CPLYJPP CPLYOPP CPLYOSP CPLYPOL CommonRule \
     DECLASSIFYLABEL DEID DELAU DELEPOL DOWNGRDLABEL DRIVLABEL EMRGONLY ENCRYPT GRANTORCHOICE HIPAANOPP HUAPRV IMPLIED IMPLIEDD \
     LABEL MASK MINEC NOAUTH NOCOLLECT NOCONSENT NODSCLCD NODSCLCDS NOINTEGRATE NOLIST NOMOU NOORGPOL NOPAT NOPERSISTP NOPP \
     NORDSCLCD NORDSCLCDS NORDSCLW NORELINK NOREUSE NOVIP OPTIN OPTINR OPTOUT OPTOUTE ORCON PERSISTLABEL PRIVMARK PROCESSINLINELABEL \
     PSEUD REDACT UPGRDLABEL ";

/// Levels from the lowest to the highest, at the bits 0 to 5.
const LEVELS: [&str; 6] = ["U", "L", "M", "N", "R", "V"];
/// Sensitivities with their bit and what stands directly above them.
const SENSITIVITIES: [(&str, u32, &[&str]); 42] = [
    ("ETH", 6, &[]),
    ("GDIS", 7, &[]),
    ("HIV", 8, &[]),
    ("MST", 9, &[]),
    ("SCA", 10, &[]),
    ("SDV", 11, &[]),
    ("SEX", 12, &[]),
    ("SPI", 13, &[]),
    ("BH", 14, &["SPI"]),
    ("COGN", 15, &["BH"]),
    ("DVD", 16, &["BH"]),
    ("EMOTDIS", 17, &["BH"]),
    ("MH", 18, &["SPI"]),
    ("PSY", 19, &["SPI"]),
    ("PSYTHPN", 20, &["SPI"]),
    ("SUD", 21, &["SPI", "ETH"]),
    ("ETHUD", 22, &["SUD"]),
    ("OPIOIDUD", 23, &["SUD"]),
    ("STD", 24, &[]),
    ("TBOO", 25, &[]),
    ("VIO", 26, &[]),
    ("SICKLE", 27, &[]),
    ("DEMO", 28, &[]),
    ("DOB", 29, &[]),
    ("GENDER", 30, &[]),
    ("LIVARG", 31, &[]),
    ("MARST", 32, &[]),
    ("RACE", 33, &[]),
    ("REL", 34, &[]),
    ("B", 35, &[]),
    ("EMPL", 36, &[]),
    ("LOCIS", 37, &[]),
    ("SSP", 38, &[]),
    ("ADOL", 39, &[]),
    ("CEL", 40, &[]),
    ("DIA", 41, &[]),
    ("DRGIS", 42, &[]),
    ("EMP", 43, &[]),
    ("PDS", 44, &[]),
    ("PHY", 45, &[]),
    ("PRS", 46, &[]),
    ("42CFRPart2", 47, &[]),
];

/// A set of labels. `directory.labels` is [`Self::bits`]; 0 there means that nobody has looked yet.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct Labels(i64);

impl Labels {
    /// No label at all.
    pub const NONE: Self = Self(0);
    /// The lowest level that stands for "normal".
    pub const NORMAL: Self = Self(1 << 3);
    /// Restricted.
    pub const RESTRICTED: Self = Self(1 << 4);
    /// Very restricted.
    pub const VERY_RESTRICTED: Self = Self(1 << 5);
    /// A psychotherapy note.
    pub const PSYCHOTHERAPY: Self = Self(1 << 20);
    /// Data of a program under 42 CFR Part 2.
    pub const PART2: Self = Self(1 << 47);
    /// Text of which no code tells what it is about.
    pub const UNCLASSIFIED: Self = Self(1 << 61);
    /// A label that is not understood.
    pub const UNKNOWN: Self = Self(1 << 62);
    /// What makes a resource one that only an unrestricted permit reaches.
    pub const DOUBTFUL: Self = Self(Self::UNCLASSIFIED.0 | Self::UNKNOWN.0);
    /// All levels, as bits.
    pub const LEVELS: i64 = 0b11_1111;
    /// All sensitivities, as a set.
    pub const SENSITIVE: Self = Self(Self::SENSITIVITIES);
    /// All sensitivities.
    const SENSITIVITIES: i64 = ((1 << 48) - 1) & !Self::LEVELS;

    /// The set of these bits.
    #[must_use]
    pub fn from_bits(bits: i64) -> Self {
        Self(bits)
    }

    /// The bits, never negative.
    #[must_use]
    pub const fn bits(self) -> i64 {
        self.0
    }

    /// True where there is none.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// True where the two have a label in common.
    #[must_use]
    pub fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Those that are in the other set, too.
    #[must_use]
    pub fn within(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// Those that are not in the other set.
    #[must_use]
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// True where a sensitivity is among them.
    #[must_use]
    pub fn is_sensitive(self) -> bool {
        self.0 & Self::SENSITIVITIES != 0
    }

    /// True where a confidentiality level is among them.
    #[must_use]
    pub fn has_level(self) -> bool {
        self.0 & Self::LEVELS != 0
    }

    /// The label of a coding in `meta.security`: empty for one that says nothing of sensitivity, [`Self::UNKNOWN`] for one
    /// that is not understood.
    #[must_use]
    pub fn of_coding(system: &str, code: &str) -> Self {
        match system {
            CONFIDENTIALITY | "http://hl7.org/fhir/v3/Confidentiality" => level(code).unwrap_or(Self::UNKNOWN),
            ACT_CODE | "http://hl7.org/fhir/v3/ActCode" => match sensitivity(code) {
                Some(label) => label,
                None if !code.contains(' ') && HANDLING.contains(&format!(" {code} ")) => Self::NONE,
                None => Self::UNKNOWN,
            },
            _ if SILENT.contains(&system) => Self::NONE,
            _ => Self::UNKNOWN,
        }
    }

    /// What a rule's label reaches, with its doubts apart: `None` for a code that is not understood. A permit's level
    /// reaches down, a deny's up; a sensitivity reaches what is under it.
    #[must_use]
    pub fn reached(system: &str, code: &str, deny: bool) -> Option<Self> {
        let label = match system {
            CONFIDENTIALITY | "http://hl7.org/fhir/v3/Confidentiality" => level(code)?,
            ACT_CODE | "http://hl7.org/fhir/v3/ActCode" => sensitivity(code)?,
            _ => return None,
        };
        Some(if label.has_level() {
            let (below, above) = (label.0 - 1, Self::LEVELS & !(label.0 - 1));
            Self(if deny { above } else { label.0 | below })
        } else {
            under(code)
        })
    }

    /// The labels of a resource with exactly one level, the highest: N without any, R at least where something is
    /// sensitive (C8).
    #[must_use]
    pub fn settled(self) -> Self {
        let least = if self.is_sensitive() { Self::RESTRICTED.0 } else { 0 };
        let levels = self.0 & Self::LEVELS | least;
        let level = match levels {
            0 => Self::NORMAL.0,
            _ => 1 << (63 - levels.leading_zeros()),
        };
        Self(self.0 & !Self::LEVELS | level)
    }

    /// The codes, in the order of their bits.
    pub fn codes(self) -> impl Iterator<Item = &'static str> {
        let levels = LEVELS.into_iter().enumerate().map(|(bit, code)| (code, bit as u32));
        let all = levels.chain(SENSITIVITIES.into_iter().map(|(code, bit, _)| (code, bit)));
        all.filter(move |(_, bit)| self.0 >> bit & 1 == 1).map(|(code, _)| code)
    }
}

impl BitOr for Labels {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

fn level(code: &str) -> Option<Labels> {
    LEVELS.iter().position(|level| *level == code).map(|bit| Labels(1 << bit))
}

fn sensitivity(code: &str) -> Option<Labels> {
    SENSITIVITIES.iter().find(|(known, ..)| *known == code).map(|(_, bit, _)| Labels(1 << bit))
}

/// A sensitivity and all that is under it.
fn under(code: &str) -> Labels {
    SENSITIVITIES.iter().fold(sensitivity(code).unwrap_or_default(), |found, (child, _, parents)| {
        if parents.contains(&code) { found | under(child) } else { found }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn codes(labels: Labels) -> Vec<&'static str> {
        labels.codes().collect()
    }

    #[test]
    fn levels_reach_down_for_permits_and_up_for_denies() {
        assert_eq!(codes(Labels::reached(CONFIDENTIALITY, "R", false).unwrap()), ["U", "L", "M", "N", "R"]);
        assert_eq!(codes(Labels::reached(CONFIDENTIALITY, "R", true).unwrap()), ["R", "V"]);
        assert_eq!(codes(Labels::reached(CONFIDENTIALITY, "U", true).unwrap()), LEVELS);
        assert!(Labels::reached(CONFIDENTIALITY, "X", true).is_none());
        assert!(Labels::reached("urn:else", "R", true).is_none());
    }

    #[test]
    fn sensitivities_reach_what_is_under_them() {
        assert_eq!(codes(Labels::reached(ACT_CODE, "ETH", true).unwrap()), ["ETH", "SUD", "ETHUD", "OPIOIDUD"]);
        assert_eq!(codes(Labels::reached(ACT_CODE, "HIV", false).unwrap()), ["HIV"]);
        let spi = codes(Labels::reached(ACT_CODE, "SPI", true).unwrap());
        assert!(["BH", "DVD", "PSYTHPN", "OPIOIDUD"].iter().all(|code| spi.contains(code)), "{spi:?}");
    }

    #[test]
    fn a_resource_has_its_highest_level_alone() {
        let both = Labels::of_coding(CONFIDENTIALITY, "N") | Labels::of_coding(CONFIDENTIALITY, "V");
        assert_eq!(codes(both.settled()), ["V"]);
        assert_eq!(codes(Labels::NONE.settled()), ["N"]);
        assert_eq!(codes(Labels::of_coding(ACT_CODE, "HIV").settled()), ["R", "HIV"]);
        let both = Labels::of_coding(ACT_CODE, "HIV") | Labels::of_coding(CONFIDENTIALITY, "N");
        assert_eq!(codes(both.settled()), ["R", "HIV"]);
        assert_eq!(Labels::of_coding(SILENT[0], "HTEST"), Labels::NONE);
        assert_eq!(Labels::of_coding(ACT_CODE, "NODSCLCD"), Labels::NONE);
        assert_eq!(Labels::of_coding(ACT_CODE, "NEWER"), Labels::UNKNOWN);
        assert_eq!(Labels::of_coding(ACT_CODE, "MASK ORCON"), Labels::UNKNOWN);
        assert_eq!(Labels::of_coding("urn:ours", "x"), Labels::UNKNOWN);
    }

    #[test]
    fn every_bit_is_used_once() {
        let mut seen = 0_i64;
        for (code, bit, _) in SENSITIVITIES {
            assert_eq!(seen >> bit & 1, 0, "{code}");
            assert!((6..48).contains(&bit), "{code}");
            seen |= 1 << bit;
        }
        assert!(Labels::DOUBTFUL.bits() > 0);
    }
}
