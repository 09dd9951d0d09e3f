//! Required elements that are unknown: said where the last value of one is gone, and unsaid once a column has one.

use super::columns::{Mode, write_absent};
use super::level::Joiner;
use super::residue::{Seen, is_name, open};
use super::scan::{Corrupt, Scan};
use crate::map::{ObjectShape, Required};

const EXTENSION: &str = "http://hl7.org/fhir/StructureDefinition/data-absent-reason";
const SYSTEM: &str = "http://terminology.hl7.org/CodeSystem/data-absent-reason";

/// Says of required elements that they are unknown, where the object (from `start`, without its closing brace) has lost
/// them.
pub(super) fn restore(shape: &ObjectShape, start: usize, out: &mut Vec<u8>) {
    let Ok(text) = std::str::from_utf8(&out[start..]) else { return };
    let said: Vec<bool> = shape.required.iter().map(|required| says(text, required)).collect();
    for (required, _) in shape.required.iter().zip(said).filter(|(_, said)| !said) {
        write_absent(required, out);
    }
}

impl Joiner<'_> {
    /// Whether the member says that a required element is unknown while columns have a value for it. Then their value is
    /// written in its place.
    pub(super) fn ends_absence(
        &mut self,
        scan: &mut Scan<'_>,
        whole: &Scan<'_>,
        name: &str,
        shape: &ObjectShape,
        seen: &mut Seen,
        out: &mut Vec<u8>,
    ) -> Result<bool, Corrupt> {
        let Some(required) = shape.required.iter().find(|required| is_of(required, name)) else { return Ok(false) };
        let mut ahead = scan.clone();
        if !is_absence(ahead.value()?)? {
            return Ok(false);
        }
        for number in &required.members {
            let Some(member) = shape.members.get(*number) else { continue };
            if member.name != name && has(whole.clone(), &|key| is_name(key, &member.name))? {
                continue;
            }
            let before = out.len();
            open(&member.name, out);
            if self.column_value(member, Mode::Append, false, out).written {
                *scan = ahead;
                seen.add(*number);
                return Ok(true);
            }
            out.truncate(before);
        }
        Ok(false)
    }
}

/// Whether an object, perhaps without its closing brace, has the element in any form.
fn says(object: &str, required: &Required) -> bool {
    // The end without a brace is an error of the scan, after all members.
    has(Scan::new(object), &|key| is_of(required, &crate::json::unescape(key))).unwrap_or(false)
}

/// `status` and `_status`; of a choice every type.
fn is_of(required: &Required, name: &str) -> bool {
    let name = name.strip_prefix('_').unwrap_or(name);
    match name.strip_prefix(required.name.as_str()) {
        Some("") => true,
        Some(rest) => required.choice && rest.starts_with(|letter: char| letter.is_ascii_uppercase()),
        None => false,
    }
}

fn has(mut scan: Scan<'_>, wanted: &dyn Fn(&str) -> bool) -> Result<bool, Corrupt> {
    let mut first = true;
    scan.expect(b'{')?;
    while scan.more(&mut first, b'}')? {
        if wanted(scan.key()?) {
            return Ok(true);
        }
        scan.value()?;
    }
    Ok(false)
}

/// Whether a value says nothing but why there is none: `{"extension":[{"url":...}]}` or `{"coding":[{"system":...}]}`, or a
/// list of one such.
fn is_absence(value: &str) -> Result<bool, Corrupt> {
    // What has holes speaks by columns.
    if !value.contains("data-absent-reason") || value.contains(":null") {
        return Ok(false);
    }
    let mut scan = Scan::new(value);
    let mut first = true;
    if scan.peek() == b'[' {
        scan.expect(b'[')?;
        if !scan.more(&mut first, b']')? {
            return Ok(false);
        }
        let item = scan.value()?;
        return Ok(scan.peek() == b']' && is_absence(item)?);
    }
    if scan.peek() != b'{' {
        return Ok(false);
    }
    scan.expect(b'{')?;
    while scan.more(&mut first, b'}')? {
        let key = scan.key()?;
        let value = scan.value()?;
        let nothing = match key {
            "extension" => only(value, "url", EXTENSION)?,
            "coding" => only(value, "system", SYSTEM)?,
            // Of a Coding itself.
            "system" => crate::codec::scalar(value) == SYSTEM,
            "code" | "display" => value.starts_with('"'),
            // The required members of an item.
            _ => value == "\"unknown\"" || is_absence(value)?,
        };
        if !nothing {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Whether a list has one item, and its member says this.
fn only(list: &str, name: &str, wanted: &str) -> Result<bool, Corrupt> {
    let (mut scan, mut first) = (Scan::new(list), true);
    scan.expect(b'[')?;
    if !scan.more(&mut first, b']')? {
        return Ok(false);
    }
    let item = scan.value()?;
    if scan.peek() != b']' || !item.starts_with('{') {
        return Ok(false);
    }
    let (mut inner, mut first, mut found) = (Scan::new(item), true, false);
    inner.expect(b'{')?;
    while inner.more(&mut first, b'}')? {
        let key = inner.key()?;
        let value = inner.value()?;
        found |= key == name && crate::codec::scalar(value) == wanted;
    }
    Ok(found)
}
