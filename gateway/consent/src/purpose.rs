//! Purposes of use: <https://terminology.hl7.org/ValueSet-v3-PurposeOfUse.html>.

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
