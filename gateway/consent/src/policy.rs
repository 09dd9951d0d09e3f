//! An organization's default per purpose: what holds where a patient has said nothing.

use crate::purpose::Purpose;

/// What holds for a purpose where a patient has said nothing.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Default {
    /// Refused unless something permits it.
    Deny,
    /// Permitted unless something refuses it.
    Permit,
}

/// One organization's defaults. What is not listed is denied.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct OrganizationPolicy {
    permitted: Vec<Purpose>,
}

impl OrganizationPolicy {
    /// The preset `treatment-opt-out`: treatment, emergency treatment, payment, operations and the patient's own
    /// requests are permitted (45 CFR 164.506, 164.524); research and public health need more.
    pub fn treatment_opt_out() -> Self {
        Self { permitted: vec![Purpose::Etreat, Purpose::Hoperat, Purpose::Hpaymt, Purpose::Patrqt, Purpose::Treat] }
    }

    /// The preset `opt-in`: nothing but the patient's own requests is permitted by default.
    pub fn opt_in() -> Self {
        Self { permitted: vec![Purpose::Patrqt] }
    }

    /// The default for a purpose.
    pub fn default_for(&self, purpose: Purpose) -> Default {
        if self.permitted.contains(&purpose) { Default::Permit } else { Default::Deny }
    }
}
