//! The heads' file, read line by line: it grows by a line a second and chain.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead as _, BufReader, BufWriter, Read as _, Seek as _, Write as _};
use std::path::Path;

use super::super::retention::Statement;
use super::{FILE, Line, is_signed, lock};

/// The longest line that can be a head or a statement.
const LONGEST: u64 = 16 * 1024;

/// A file of heads as long as it was when it was opened, whatever is added to it, or put in its place, afterwards.
#[derive(Debug)]
pub(crate) struct Kept {
    file: File,
    length: u64,
}

impl Kept {
    /// # Errors
    /// The file cannot be opened.
    pub(crate) fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        Ok(Self { file, length })
    }

    /// Its lines, one after the other. A last one that a crash cut short is left out.
    ///
    /// # Errors
    /// The file cannot be read; each line's that is not a head: its number.
    pub(crate) fn lines(&self) -> io::Result<Lines<'_>> {
        let mut file = &self.file;
        file.rewind()?;
        Ok(Lines { rest: BufReader::new(file.take(self.length)), number: 0, line: Vec::new() })
    }
}

/// Lines of heads that are being read.
pub(crate) struct Lines<'k> {
    rest: BufReader<io::Take<&'k File>>,
    number: u64,
    line: Vec<u8>,
}

impl Iterator for Lines<'_> {
    type Item = io::Result<Line>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            self.line.clear();
            match (&mut self.rest).take(LONGEST).read_until(b'\n', &mut self.line) {
                Err(error) => return Some(Err(error)),
                Ok(0) => return None,
                Ok(_) => self.number += 1,
            }
            let whole = self.line.ends_with(b"\n");
            if self.line.trim_ascii().is_empty() {
                continue;
            }
            match serde_json::from_slice(&self.line) {
                Ok(line) => return Some(Ok(line)),
                Err(_) if !whole && self.rest.fill_buf().is_ok_and(<[u8]>::is_empty) => return None,
                Err(_) => return Some(Err(io::Error::other(format!("line {} is not a head", self.number)))),
            }
        }
    }
}

/// Rewrites the file of a data directory without what verification no longer needs: heads before the last link that was
/// exported and dropped, and statements before the newest, each with a signature that holds. Everything else is evidence.
///
/// # Errors
/// A file cannot be read or written; the old one stays.
pub(crate) async fn compact(data_dir: &Path, signers: BTreeSet<String>) -> io::Result<()> {
    let path = data_dir.join(FILE);
    tokio::task::spawn_blocking(move || rewrite(&path, &signers)).await.map_err(io::Error::other)?
}

fn rewrite(path: &Path, signers: &BTreeSet<String>) -> io::Result<()> {
    // Where nobody can be kept from adding a line meanwhile, the file stays as it is.
    let Some(_alone) = lock(path)? else { return Ok(()) };
    if !path.exists() {
        return Ok(());
    }
    let kept = Kept::open(path)?;
    let mut retired: BTreeMap<(i64, i64), Statement> = BTreeMap::new();
    for line in kept.lines()? {
        let Line::Retired(statement) = line? else { continue };
        let key = (statement.organization, statement.chain);
        let is_newer = retired.get(&key).is_none_or(|known| known.link <= statement.link);
        if is_newer && statement.problem(signers).is_none() {
            retired.insert(key, statement);
        }
    }
    if retired.is_empty() {
        return Ok(());
    }
    let is_needless = |line: &Line| match line {
        Line::Head(head) => {
            retired.get(&(head.organization, head.chain)).is_some_and(|newest| head.link < newest.link)
                && signers.contains(&head.signer)
                && is_signed(&head.head, &head.signer, &head.signature)
        }
        Line::Retired(statement) => {
            retired.get(&(statement.organization, statement.chain)).is_some_and(|newest| statement.link < newest.link)
                && statement.problem(signers).is_none()
        }
    };
    let beside = path.with_extension("jsonl.new");
    let mut out = BufWriter::new(OpenOptions::new().create(true).write(true).truncate(true).open(&beside)?);
    for line in kept.lines()? {
        let line = line?;
        if !is_needless(&line) {
            serde_json::to_writer(&mut out, &line)?;
            out.write_all(b"\n")?;
        }
    }
    let file = out.into_inner().map_err(|error| error.into_error())?;
    file.set_permissions(kept.file.metadata()?.permissions())?;
    file.sync_all()?;
    fs::rename(&beside, path)?;
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::super::super::retention::RETIRED;
    use super::super::{SignedHead, Signer};
    use super::*;

    fn head(signer: &Signer, chain: i64, link: i64) -> Line {
        let head = format!("{chain:032x}{link:032x}");
        let signature = signer.sign(&head);
        Line::Head(SignedHead {
            organization: 1,
            chain,
            link,
            last: link,
            head,
            signer: signer.name.clone(),
            signature,
        })
    }

    fn statement(signer: &Signer, chain: i64, link: i64) -> Line {
        let mut statement = Statement {
            organization: 1,
            chain,
            link,
            last: link,
            head: String::new(),
            cutoff: 1,
            made: 1,
            manifest: String::new(),
            signer: signer.name.clone(),
            signature: String::new(),
        };
        statement.signature = signer.sign_as(RETIRED, &statement.text());
        Line::Retired(statement)
    }

    fn text(lines: &[Line]) -> String {
        lines.iter().map(|line| serde_json::to_string(line).unwrap() + "\n").collect()
    }

    #[test]
    fn what_lies_before_a_statement_goes_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let other = tempfile::tempdir().unwrap();
        let (signer, stranger) = (Signer::open(folder.path()).unwrap(), Signer::open(other.path()).unwrap());
        let path = folder.path().join(FILE);
        let forged = |line: Line| match line {
            Line::Retired(mut statement) => {
                statement.link += 100;
                Line::Retired(statement)
            }
            head @ Line::Head(_) => head,
        };
        let lines = [
            head(&signer, 7, 1),
            head(&stranger, 7, 2),
            head(&signer, 8, 1),
            statement(&signer, 7, 2),
            head(&signer, 7, 3),
            forged(statement(&signer, 8, 1)),
            head(&signer, 7, 4),
            statement(&signer, 7, 4),
            head(&signer, 7, 5),
        ];
        fs::write(&path, text(&lines)).unwrap();
        let kept = Kept::open(&path).unwrap();
        rewrite(&path, &[signer.name].into()).unwrap();
        let left = [1, 2, 5, 6, 7, 8].map(|place: usize| lines[place].clone());
        assert_eq!(fs::read_to_string(&path).unwrap(), text(&left));
        // Whoever had opened it reads what was there.
        assert_eq!(kept.lines().unwrap().map(Result::unwrap).collect::<Vec<_>>(), lines);
    }

    /// What a verification makes of lines: of each chain the newest statement, the heads from there on, and all that does not hold.
    fn looked_at(lines: &[Line], signers: &BTreeSet<String>) -> Vec<Line> {
        let newest = |organization: i64, chain: i64| {
            let statements = lines.iter().filter_map(|line| match line {
                Line::Retired(statement) if statement.problem(signers).is_none() => Some(statement),
                _ => None,
            });
            let own = statements.filter(|statement| (statement.organization, statement.chain) == (organization, chain));
            own.map(|statement| statement.link).max().unwrap_or(i64::MIN)
        };
        let looked_at = |line: &&Line| match line {
            Line::Retired(statement) => {
                statement.link >= newest(statement.organization, statement.chain)
                    || statement.problem(signers).is_some()
            }
            Line::Head(head) => {
                head.link >= newest(head.organization, head.chain)
                    || !is_signed(&head.head, &head.signer, &head.signature)
                    || !signers.contains(&head.signer)
            }
        };
        lines.iter().filter(looked_at).cloned().collect()
    }

    proptest::proptest! {
        #![proptest_config(proptest::prelude::ProptestConfig::with_cases(64))]

        #[test]
        fn a_verification_sees_the_same_after_it_and_a_second_time_changes_nothing(
            drawn in proptest::collection::vec((0..4_u8, 1..3_i64, 1..6_i64, 0..4_u8), 0..14)
        ) {
            let folder = tempfile::tempdir().unwrap();
            let other = tempfile::tempdir().unwrap();
            let (signer, stranger) = (Signer::open(folder.path()).unwrap(), Signer::open(other.path()).unwrap());
            let lines: Vec<Line> = drawn.iter().map(|(kind, chain, link, by)| {
                let by = if *by == 0 { &stranger } else { &signer };
                if *kind == 0 { statement(by, *chain, *link) } else { head(by, *chain, *link) }
            }).collect();
            let path = folder.path().join(FILE);
            let signers = BTreeSet::from([signer.name]);
            fs::write(&path, text(&lines)).unwrap();
            rewrite(&path, &signers).unwrap();
            let once = fs::read_to_string(&path).unwrap();
            let left: Vec<Line> = Kept::open(&path).unwrap().lines().unwrap().map(Result::unwrap).collect();
            let expected = looked_at(&lines, &signers);
            proptest::prop_assert_eq!(&looked_at(&left, &signers), &expected);
            proptest::prop_assert_eq!(left, expected, "and nothing else is left");
            rewrite(&path, &signers).unwrap();
            proptest::prop_assert_eq!(fs::read_to_string(&path).unwrap(), once);
        }
    }

    #[test]
    fn a_last_line_that_was_cut_short_is_left_out_and_no_other_one() {
        let folder = tempfile::tempdir().unwrap();
        let signer = Signer::open(folder.path()).unwrap();
        let path = folder.path().join(FILE);
        let read = |text: String| {
            fs::write(&path, text).unwrap();
            Kept::open(&path).unwrap().lines().unwrap().collect::<io::Result<Vec<_>>>()
        };
        let both = text(&[head(&signer, 7, 1), head(&signer, 7, 2)]);
        assert_eq!(read(both.clone()).unwrap().len(), 2);
        assert_eq!(read(both.trim_end().to_owned()).unwrap().len(), 2);
        assert_eq!(read(both[..both.len() - 5].to_owned()).unwrap().len(), 1);
        assert!(read(both.replacen("{\"", "{", 1)).unwrap_err().to_string().contains("line 1"));
        let long = format!("\"{}\n", "x".repeat(100_000));
        assert!(read(long + &both).is_err(), "a line is read in part, and is no head");
    }
}
