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
    name: &'static str,
    permitted: Vec<Purpose>,
}

impl OrganizationPolicy {
    /// The preset `treatment-opt-out`: treatment, emergency treatment, payment, operations and the patient's own
    /// requests are permitted (45 CFR 164.506, 164.524); research and public health need more.
    pub fn treatment_opt_out() -> Self {
        Self {
            name: "treatment-opt-out",
            permitted: vec![Purpose::Etreat, Purpose::Hoperat, Purpose::Hpaymt, Purpose::Patrqt, Purpose::Treat],
        }
    }

    /// The preset `opt-in`: nothing but the patient's own requests is permitted by default.
    pub fn opt_in() -> Self {
        Self { name: "opt-in", permitted: vec![Purpose::Patrqt] }
    }

    /// IHE PCF's `Policy-basic-normal`: treatment alone.
    pub fn pcf_basic_normal() -> Self {
        Self { name: "pcf-basic-normal", permitted: vec![Purpose::Etreat, Purpose::Treat] }
    }

    /// IHE PCF's `Policy-all-normal`: whatever a caller is authorized for.
    pub fn pcf_all_normal() -> Self {
        Self { name: "pcf-all-normal", permitted: Purpose::ALL.to_vec() }
    }

    /// IHE PCF's `Policy-break-glass-only`: nothing, until somebody breaks it.
    pub fn pcf_break_glass_only() -> Self {
        Self { name: "pcf-break-glass-only", permitted: Vec::new() }
    }

    /// IHE PCF's `Policy-deny`: nothing.
    pub fn deny_all() -> Self {
        Self { name: "pcf-deny", permitted: Vec::new() }
    }

    /// The preset's name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The purposes that are permitted by default.
    pub fn permitted(&self) -> &[Purpose] {
        &self.permitted
    }

    /// The default for a purpose.
    pub fn default_for(&self, purpose: Purpose) -> Default {
        if self.permitted.contains(&purpose) { Default::Permit } else { Default::Deny }
    }
}
