//! What a verification finds.

use serde::Serialize;

/// What is not as it was written.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Finding {
    /// Whose records.
    pub(crate) organization: i64,
    /// The chain; 0 for records of no chain.
    pub(crate) chain: i64,
    /// The link, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) link: Option<i64>,
    /// The record's place in the chain, where one is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) record: Option<i64>,
    /// What is wrong.
    pub(crate) problem: Problem,
}

/// What can be wrong.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Problem {
    /// The record does not say what it said, or stands in the place of another.
    RecordChanged,
    /// The record is missing.
    RecordRemoved,
    /// No link knows the record.
    RecordInserted,
    /// The batch's records are not those that were written, though each agrees with its own mark.
    BatchChanged,
    /// The link does not say what it said, or does not follow the one before.
    LinkChanged,
    /// The link is missing.
    LinkRemoved,
    /// The beginning of the chain is missing, or does not say what it said.
    BeginningChanged,
    /// A signed head, or a later chain, knows a link that is missing: the end of the chain was cut off.
    Truncated,
    /// A signed head, or a later chain, knows the link with another head.
    HeadDiffers,
    /// The signature is not one of the signer on this head.
    SignatureForged,
    /// The signature is of a key that is not among the known ones.
    SignerUnknown,
    /// Records from before the chains are not those that the first chain found.
    BeforeChanged,
    /// A link, or a record, that was exported and dropped is there again.
    Returned,
    /// The file is not the one that the manifest was written for.
    FileChanged,
}

impl Problem {
    /// A sentence for people.
    #[must_use]
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::RecordChanged => "the record was changed, or stands in another's place",
            Self::RecordRemoved => "the record is missing",
            Self::RecordInserted => "the record was put in later: no link knows it",
            Self::BatchChanged => "the records of the link are not those that were written",
            Self::LinkChanged => "the link was changed",
            Self::LinkRemoved => "the link is missing",
            Self::BeginningChanged => "the beginning of the chain is missing or was changed",
            Self::Truncated => "a head is known that the chain no longer reaches: its end was cut off",
            Self::HeadDiffers => "the link has another head than the one that is known",
            Self::SignatureForged => "the signature is not the signer's",
            Self::SignerUnknown => "the signer is not one of the known keys",
            Self::BeforeChanged => "the records from before the chains were changed",
            Self::Returned => "what was exported and dropped is there again",
            Self::FileChanged => "the file is not the one that the manifest was written for",
        }
    }
}

/// The result of a verification.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Report {
    /// Chains.
    pub(crate) chains: u64,
    /// Links.
    pub(crate) links: u64,
    /// Records of chains.
    pub(crate) records: u64,
    /// Records from before there were chains.
    pub(crate) records_before: u64,
    /// Signatures in links and heads that hold.
    pub(crate) signatures: u64,
    /// Heads of the file.
    pub(crate) heads: u64,
    /// Chains whose beginning was exported and dropped, by signed statements.
    pub(crate) retired: u64,
    /// What is wrong, at most [`Report::MOST`] of it.
    pub(crate) findings: Vec<Finding>,
    /// How much was found in all.
    pub(crate) found: u64,
}

impl Report {
    /// Findings that are listed.
    pub(crate) const MOST: usize = 1000;

    pub(crate) fn find(&mut self, finding: Finding) {
        self.found += 1;
        if self.findings.len() < Self::MOST {
            self.findings.push(finding);
        }
    }
}
