//! Recomputes an export without the database: the file's hash, every record, batch and head, and the signatures.

use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use super::super::chain::Link;
use super::super::heads;
use super::super::merkle::{self, Domain, Hash, Tree, hex};
use super::super::record;
use super::super::verify::{Finding, Problem, Report};
use super::export::{ChainPart, EXPORT, Line, Signed};
use crate::store::bulk::BulkType;
use crate::store::connection::Arg;

/// Verifies the export of a manifest's file; `signers` are the public keys that may have signed.
///
/// # Errors
/// A file cannot be read, or is no export.
pub(crate) fn check(manifest: &Path, signers: &BTreeSet<String>) -> io::Result<Report> {
    let Signed { manifest: found, signer, signature } =
        serde_json::from_slice(&fs::read(manifest)?).map_err(|_| io::Error::other("it is no manifest of an export"))?;
    let mut report = Report::default();
    let whole = |problem| Finding { organization: 0, chain: 0, link: None, record: None, problem };
    if !signers.contains(&signer) {
        report.find(whole(Problem::SignerUnknown));
    } else if heads::is_signed_as(EXPORT, &found.digest()?, &signer, &signature) {
        report.signatures += 1;
    } else {
        report.find(whole(Problem::SignatureForged));
    }
    // The file lies beside the manifest, whatever that says.
    let name = Path::new(&found.file).file_name().ok_or_else(|| io::Error::other("the manifest names no file"))?;
    let file = File::open(manifest.parent().unwrap_or_else(|| Path::new(".")).join(name))?;
    let mut walk = Walk { report: &mut report, signers, parts: found.chains.iter(), open: None };
    let mut digest = Sha256::new();
    let mut reader = BufReader::new(file);
    let mut line = Vec::new();
    loop {
        line.clear();
        if reader.read_until(b'\n', &mut line)? == 0 {
            break;
        }
        digest.update(&line);
        match serde_json::from_slice(&line) {
            Ok(Line::Link {
                organization,
                chain,
                number,
                first,
                last,
                at,
                previous,
                root,
                head,
                signer,
                signature,
            }) => {
                let link = Link { organization, chain, number, first, last, at, previous, root };
                walk.link(link, &head, signer.as_deref().zip(signature.as_deref()));
            }
            Ok(Line::Record(values)) => walk.record(&values),
            Err(_) => walk.report.find(whole(Problem::FileChanged)),
        }
    }
    walk.end();
    let counted = (report.records + report.records_before, report.links);
    if hex(&digest.finalize()) != found.sha256 || counted != (found.records, found.links) {
        report.find(whole(Problem::FileChanged));
    }
    Ok(report)
}

struct Walk<'w> {
    report: &'w mut Report,
    signers: &'w BTreeSet<String>,
    /// Those that are still to come.
    parts: std::slice::Iter<'w, ChainPart>,
    open: Option<Open<'w>>,
}

/// The part that is being read.
struct Open<'w> {
    part: &'w ChainPart,
    /// Of all its records.
    tree: Tree,
    head: String,
    number: i64,
    last: i64,
    batch: Option<Batch>,
}

/// The link whose records are being read.
struct Batch {
    link: Link,
    tree: Tree,
    next: i64,
}

impl<'w> Walk<'w> {
    fn find(&mut self, (organization, chain): (i64, i64), link: Option<i64>, record: Option<i64>, problem: Problem) {
        self.report.find(Finding { organization, chain, link, record, problem });
    }

    /// The next part of the manifest, in its order.
    fn next_part(&mut self) {
        self.open = self.parts.next().map(|part| Open {
            part,
            tree: Tree::default(),
            head: part.previous.clone(),
            number: part.first_link - 1,
            last: part.first - 1,
            batch: None,
        });
        self.report.chains += u64::from(self.open.as_ref().is_some_and(|open| open.part.chain != 0));
    }

    fn link(&mut self, link: Link, head: &str, signed: Option<(&str, &str)>) {
        self.end_batch();
        let key = (link.organization, link.chain);
        let is_of =
            |open: &Open<'_>| (open.part.organization, open.part.chain) == key && open.number < open.part.last_link;
        if !self.open.as_ref().is_some_and(is_of) {
            self.end_part();
            self.next_part();
        }
        self.report.links += 1;
        if let Some((signer, signature)) = signed {
            if !self.signers.contains(signer) {
                self.find(key, Some(link.number), None, Problem::SignerUnknown);
            } else if heads::is_signed(head, signer, signature) {
                self.report.signatures += 1;
            } else {
                self.find(key, Some(link.number), None, Problem::SignatureForged);
            }
        }
        let computed = link.head();
        let Some(open) = self.open.as_mut().filter(|open| (open.part.organization, open.part.chain) == key) else {
            self.find(key, Some(link.number), None, Problem::LinkChanged);
            return;
        };
        let follows = open.head == link.previous && link.number == open.number + 1 && link.first == open.last + 1;
        let sound = follows && computed == head && link.last >= link.first;
        (open.head, open.number, open.last) = (computed, link.number, link.last);
        let number = link.number;
        open.batch = Some(Batch { next: link.first, tree: Tree::default(), link });
        if !sound {
            self.find(key, Some(number), None, Problem::LinkChanged);
        }
    }

    fn record(&mut self, values: &[serde_json::Value]) {
        let (leaf, place, mark) = read(values);
        if place.is_none() {
            return self.record_before(leaf);
        }
        self.report.records += 1;
        let Some(open) = self.open.as_mut() else {
            return self.find((0, 0), None, place, Problem::RecordInserted);
        };
        let key = (open.part.organization, open.part.chain);
        open.tree.push(leaf);
        let Some(batch) = open.batch.as_mut() else {
            return self.find(key, None, place, Problem::RecordInserted);
        };
        let number = batch.link.number;
        let in_place = place == Some(batch.next);
        batch.tree.push(leaf);
        batch.next += 1;
        if !in_place || mark != Some(record::mark(&leaf)) {
            self.find(key, Some(number), place, Problem::RecordChanged);
        }
    }

    /// A record from before there were chains.
    fn record_before(&mut self, leaf: Hash) {
        self.end_batch();
        self.report.records_before += 1;
        let is_full = |open: &Open<'_>| open.part.chain != 0 || open.last >= open.part.last;
        if self.open.as_ref().is_none_or(is_full) {
            self.end_part();
            self.next_part();
        }
        match self.open.as_mut().filter(|open| open.part.chain == 0) {
            Some(open) => {
                open.tree.push(leaf);
                open.last += 1;
            }
            None => self.find((0, 0), None, None, Problem::RecordInserted),
        }
    }

    fn end_batch(&mut self) {
        let Some(open) = self.open.as_mut() else { return };
        let Some(batch) = open.batch.take() else { return };
        let key = (open.part.organization, open.part.chain);
        if batch.next <= batch.link.last {
            self.find(key, Some(batch.link.number), Some(batch.next), Problem::RecordRemoved);
        } else if hex(&batch.tree.root()) != batch.link.root {
            self.find(key, Some(batch.link.number), None, Problem::BatchChanged);
        }
    }

    /// What was read of a part is all of it.
    fn end_part(&mut self) {
        let Some(open) = self.open.take() else { return };
        let ChainPart { organization, chain, last_link, last, head, root, .. } = open.part;
        let found = hex(&open.tree.root());
        // Records from before the chains have no head but their root.
        let reached = if *chain == 0 { &found } else { &open.head };
        if (open.number, open.last) != (*last_link, *last) && *chain != 0 || open.last != *last {
            self.find((*organization, *chain), Some(*last_link), None, Problem::Truncated);
        } else if reached != head || found != *root {
            self.find((*organization, *chain), Some(*last_link), None, Problem::HeadDiffers);
        }
    }

    fn end(&mut self) {
        self.end_batch();
        self.end_part();
        while let Some(part) = self.parts.next() {
            let key = (part.organization, part.chain);
            self.find(key, Some(part.last_link), None, Problem::Truncated);
        }
    }
}

/// A record's leaf hash, its place and its mark.
fn read(values: &[serde_json::Value]) -> (Hash, Option<i64>, Option<i64>) {
    let number = |place: usize| values.get(place).and_then(serde_json::Value::as_i64);
    let value = |(place, (_, kind)): (usize, &crate::store::bulk::BulkColumn<'static>)| match kind {
        BulkType::Int => Arg::int(values.get(place).and_then(serde_json::Value::as_i64)),
        _ => Arg::text(values.get(place).and_then(serde_json::Value::as_str)),
    };
    let args: Vec<Arg<'_>> = record::COLUMNS[..record::MARK].iter().enumerate().map(value).collect();
    (merkle::hash(Domain::Leaf, &record::encode(&args)), number(record::PLACE), number(record::MARK))
}
