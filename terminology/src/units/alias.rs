//! What is meant by a unit as it was written: UCUM as it is, a known other way to write it, or something that nobody can tell.
//!
//! Many units in records are no UCUM, and some are UCUM for something that nobody meant: `K/uL` is kelvin by microlitre, `G/L` gauss by
//! litre, `MG` a megagauss, `ft` a femtotonne, `mL/min/1.73` 73 times as much. These are never taken for what UCUM says; what they mean is
//! taken from LOINC's PROPERTY where it decides it, and is ambiguous where it does not. The tables (`table`) were reviewed by hand.

mod table;

use self::table::{ANY_CASE, Meaning, PARTS, TRAPS, TRAPS_IN_PARTS, Table};
use super::LONGEST;
use super::is_code;
use super::measure::{Measure, strange};
use super::property::{About, Check, check};

/// What a unit means.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Told {
    /// It is a code of UCUM and means what UCUM says.
    AsIs(String),
    /// It is another way to write this one.
    Alias {
        /// The unit in UCUM.
        code: String,
        /// What was read otherwise than it is written: `mcg is ug`.
        which: String,
    },
    /// It may mean several things. The text says which, and what would decide it.
    Ambiguous(String),
    /// It is not known.
    Unknown,
}

impl Told {
    /// The unit in UCUM, where it is known.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::AsIs(code) | Self::Alias { code, .. } => Some(code),
            Self::Ambiguous(_) | Self::Unknown => None,
        }
    }
}

/// Tells what a unit means that was written for a measurement of which so much is known.
#[must_use]
pub fn told(written: &str, about: &About) -> Told {
    if written.is_empty() || written.len() > LONGEST {
        return Told::Unknown;
    }
    let plain = tidied(written);
    let found = by_traps(&plain, about)
        .or_else(|| is_code(&plain).then(|| Told::AsIs(plain.clone())))
        .or_else(|| named(ANY_CASE, &plain.to_ascii_lowercase(), &plain, about))
        .or_else(|| in_parts(&plain, about));
    match found {
        // Tidying is a change, too.
        Some(Told::AsIs(code)) if code != written => Told::Alias { which: format!("{written} is {code}"), code },
        Some(told) => told,
        None => Told::Unknown,
    }
}

/// Without blanks, and with the letters of ASCII: both micro signs are `u`, a raised digit is a plain one.
fn tidied(written: &str) -> String {
    let mut plain = String::with_capacity(written.len());
    for letter in written.chars() {
        match letter {
            'µ' | 'μ' => plain.push('u'),
            '²' | '³' | '⁶' | '⁹' => {
                // `10³` is a power, `m²` needs no sign.
                if plain.ends_with("10") {
                    plain.push('*');
                }
                plain.push(match letter {
                    '²' => '2',
                    '³' => '3',
                    '⁶' => '6',
                    _ => '9',
                });
            }
            '×' => plain.push('x'),
            'º' => plain.push('°'),
            _ if letter.is_whitespace() => {}
            _ => plain.push(letter),
        }
    }
    plain
}

/// What must not be taken for what UCUM says.
fn by_traps(plain: &str, about: &About) -> Option<Told> {
    if let Some(told) = named(TRAPS, plain, plain, about) {
        return Some(told);
    }
    if let Some((count, volume)) = plain.split_once('/')
        && let Some(told) = counted(count, volume, about)
    {
        return Some(told);
    }
    let parts: Vec<&str> = plain.split('/').collect();
    if parts.iter().any(|part| has_point(part)) && is_code(plain) {
        return Some(Told::Ambiguous(format!(
            "a point is a multiplication in UCUM: {plain} would be another multiple than what was meant",
        )));
    }
    // Capitals that UCUM reads as other units, where all of it is read so.
    let is_trap = |part: &&str| TRAPS_IN_PARTS.iter().any(|(trap, _)| trap == part);
    if !is_code(plain) {
        return None;
    }
    if parts.iter().any(is_trap)
        && let Some(told) = in_parts(plain, about)
    {
        return Some(told);
    }
    let symbol = strange(plain).filter(|_| check(about, plain) != Check::Agrees)?;
    Some(Told::Ambiguous(format!(
        "UCUM has {symbol}, but of a size that medicine has no use for: it looks like something else"
    )))
}

/// Digits, a point, digits.
fn has_point(part: &str) -> bool {
    part.split_once('.').is_some_and(|(before, after)| {
        before.ends_with(|last: char| last.is_ascii_digit()) && after.starts_with(|first: char| first.is_ascii_digit())
    })
}

/// Thousands, millions and so on in a volume.
fn counted(count: &str, volume: &str, about: &About) -> Option<Told> {
    let volume = part(volume, about)?;
    let is_volume = |unit: &str| {
        Measure::of(&format!("/{unit}"))
            .is_ok_and(|one| Measure::of("/L").is_ok_and(|litre| one.dimension.is_same(&litre.dimension)))
    };
    let volume = volume.code().filter(|unit| is_volume(unit))?.to_owned();
    let letters = |ten: u32, what: &str| {
        let code = format!("10*{ten}/{volume}");
        if about.is_number_concentration() {
            return Told::Alias { which: format!("{count} is 10*{ten}"), code };
        }
        Told::Ambiguous(format!(
            "{count} by volume means {code} where particles are counted, which the LOINC code's property has to say (NCnc); {what}",
        ))
    };
    let other = "it is never taken for what UCUM or a reader might else see in it";
    let words = count.to_ascii_lowercase();
    Some(match (count, words.as_str()) {
        (_, "thousand" | "thousands" | "x1000") => spelled(count, 3, &volume),
        (_, "million" | "millions") => spelled(count, 6, &volume),
        (_, "billion" | "billions") => spelled(count, 9, &volume),
        ("K" | "k", _) => letters(3, "to UCUM K is the kelvin"),
        ("M" | "MM", _) => letters(6, "M is a thousand to some, and molar to others"),
        ("G", _) => letters(9, "to UCUM G is the gauss"),
        ("T", _) => letters(12, "to UCUM T is the tesla"),
        (_, "th" | "thou" | "thsd" | "tho") => letters(3, other),
        (_, "mil" | "mill") => letters(6, other),
        // What is UCUM stays as it is.
        _ if is_code(count) => return None,
        _ => {
            let (ten, is_plain) = power(&words)?;
            // Without a sign, 10e3 is ten thousand to a computer.
            if is_plain { spelled(count, ten, &volume) } else { letters(ten, "as a number it is ten times as much") }
        }
    })
}

fn spelled(count: &str, ten: u32, volume: &str) -> Told {
    Told::Alias { which: format!("{count} is 10*{ten}"), code: format!("10*{ten}/{volume}") }
}

/// The exponent of `x10e3`, `x10^3`, `x10(3)`, `x10*3`, `10e3` and the like, and whether it can only be meant so.
fn power(count: &str) -> Option<(u32, bool)> {
    let (is_times, rest) = match count.strip_prefix(['x', '*']) {
        Some(rest) => (true, rest),
        None => (false, count),
    };
    let rest = rest.strip_prefix("10")?;
    let (sign, exponent) = (rest.chars().next()?, rest.get(1..)?);
    let exponent = match sign {
        'e' => exponent.strip_prefix('+').unwrap_or(exponent),
        '^' | '*' => exponent,
        '(' => exponent.strip_suffix(')')?,
        _ => return None,
    };
    let digits = exponent.strip_prefix('0').unwrap_or(exponent);
    let ten = digits.parse().ok().filter(|ten| (1..=12).contains(ten))?;
    Some((ten, is_times || sign != 'e'))
}

fn named(table: Table, key: &str, plain: &str, about: &About) -> Option<Told> {
    let (_, meaning) = table.iter().find(|(written, _)| *written == key)?;
    Some(meant(meaning, plain, about))
}

fn meant(meaning: &Meaning, plain: &str, about: &About) -> Told {
    match meaning {
        Meaning::Is(code) => alias(plain, code),
        Meaning::ByProperty(cases, why) => {
            let fits = |(properties, _): &&(&[&str], &str)| {
                about.property.as_deref().is_some_and(|property| properties.contains(&property))
            };
            match cases.iter().find(fits) {
                Some((_, code)) => alias(plain, code),
                None => Told::Ambiguous(format!("{plain}: {why}")),
            }
        }
        Meaning::Unless { code, not, why } => match about.property.as_deref() {
            Some(property) if not.contains(&property) => Told::Ambiguous(format!("{plain}: {why}")),
            _ => alias(plain, code),
        },
        Meaning::Never(why) => Told::Ambiguous(format!("{plain}: {why}")),
    }
}

fn alias(plain: &str, code: &str) -> Told {
    if plain == code {
        Told::AsIs(code.to_owned())
    } else {
        Told::Alias { code: code.to_owned(), which: format!("{plain} is {code}") }
    }
}

/// Read part by part, between the fraction lines.
fn in_parts(plain: &str, about: &About) -> Option<Told> {
    let (mut code, mut which) = (String::new(), Vec::new());
    for (nth, written) in plain.split('/').enumerate() {
        if nth > 0 {
            code.push('/');
        }
        if written.is_empty() && nth == 0 {
            continue;
        }
        match part(written, about)? {
            Told::AsIs(unit) => code.push_str(&unit),
            Told::Alias { code: unit, which: one } => {
                code.push_str(&unit);
                which.push(one);
            }
            told @ (Told::Ambiguous(_) | Told::Unknown) => return Some(told),
        }
    }
    (is_code(&code) && !which.is_empty()).then(|| Told::Alias { code, which: which.join(", ") })
}

fn part(written: &str, about: &About) -> Option<Told> {
    named(TRAPS_IN_PARTS, written, written, about)
        .or_else(|| is_code(written).then(|| Told::AsIs(written.to_owned())))
        .or_else(|| named(PARTS, &written.to_ascii_lowercase(), written, about))
}
