//! `fhir-gateway terminology unit`: a value in another unit, with its limits and how that is known, or why not. Nothing is written.

use std::sync::Arc;

use clap::Args;
use serde_json::{Value, json};
use terminology::library::Library;
use terminology::units::alias::{self, Told};
use terminology::units::convert::{By, Measured, convert};
use terminology::units::exact::Decimal;
use terminology::units::property::{About, Check, check};

use super::FolderArgs;
use crate::cli::{self, Exit, Stop};

pub(super) const HELP: &str = "\
Units are written as they come (mcg/dL, mEq/L, x10E3/uL) or in UCUM. A line of JSON is printed:

  given     what came, as it came; numbers are texts, so that no digit is lost
  read      which unit of UCUM that is, and what of it was read otherwise than it is written
  property  whether the unit fits what LOINC says that the code measures: agrees, disagrees, not-known
  told      value and limits in the other unit, and `by` what: same, units, molar-mass, charge, molar-mass-and-charge

Between mass and substance it takes --loinc, which says what is measured; its molar mass has to be known. What a unit means
that may mean several things (K/uL, IU/L) hangs on the property of the code, which an imported release of LOINC knows.
How many digits there are goes by how exactly the value is written. Nothing is guessed.

Examples:
  fhir-gateway terminology unit 100 mg/dL --to mmol/L --loinc 2345-7 --low 70 --high 99
  fhir-gateway terminology unit 98.6 degF --to Cel

Exit codes:
  0 done, 1 it cannot be told, and why, 2 a number is none";

/// What is converted.
#[derive(Args, Debug)]
pub struct UnitArgs {
    /// The value.
    #[arg(value_name = "VALUE", allow_negative_numbers = true)]
    value: String,
    /// Its unit.
    #[arg(value_name = "UNIT")]
    unit: String,
    /// The unit that is wanted.
    #[arg(long, value_name = "UNIT")]
    to: String,
    /// What was measured, in LOINC.
    #[arg(long, value_name = "CODE")]
    loinc: Option<String>,
    /// The lower limit of the reference range, in the unit of the value.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    low: Option<String>,
    /// The upper one.
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    high: Option<String>,
    #[command(flatten)]
    folder: FolderArgs,
}

pub(super) fn run(args: &UnitArgs) -> Result<Exit, Stop> {
    let value = decimal(&args.value)?;
    let (low, high) = (args.low.as_deref().map(decimal).transpose()?, args.high.as_deref().map(decimal).transpose()?);
    let about = match &args.loinc {
        Some(code) => {
            let mut library = Library::default();
            args.folder.catalog().all().iter().for_each(|kept| library.add_system(Arc::clone(&kept.system)));
            About::of(&library, code)
        }
        None => About::default(),
    };
    let (unit, which) = read(&args.unit, &about)?;
    let (to, _) = read(&args.to, &about)?;
    let fits = check(&about, &unit);
    let given = Measured { value, low, high, unit };
    let (told, by) = convert(&given, &to, &about).map_err(|why| Stop::failed(why.to_string()))?;
    let line = json!({
        "given": { "value": args.value, "low": args.low, "high": args.high, "unit": args.unit, "loinc": args.loinc },
        "read": { "code": given.unit, "which": which },
        "property": property(&about, &fits),
        "told": described(&told, by),
    });
    cli::print(&format!("{line}\n"))?;
    Ok(Exit::Done)
}

fn decimal(text: &str) -> Result<Decimal, Stop> {
    Decimal::parse(text)
        .ok_or_else(|| Stop::usage("a number is none, or has more digits than are reckoned with: write 5.40 or 1.5e3"))
}

/// The unit in UCUM, and what was read otherwise than it is written.
fn read(written: &str, about: &About) -> Result<(String, Option<String>), Stop> {
    match alias::told(written, about) {
        Told::AsIs(code) => Ok((code, None)),
        Told::Alias { code, which } => Ok((code, Some(which))),
        Told::Ambiguous(why) => Err(Stop::failed(why)),
        Told::Unknown => {
            Err(Stop::failed(format!("{written} is no unit of UCUM, and no other way to write one that is known")))
        }
    }
}

fn property(about: &About, fits: &Check) -> Value {
    let (word, why) = match fits {
        Check::Agrees => ("agrees", None),
        Check::Disagrees(why) => ("disagrees", Some(why)),
        Check::NotKnown(why) => ("not-known", Some(why)),
    };
    json!({ "is": about.property, "check": word, "why": why })
}

fn described(told: &Measured, by: By) -> Value {
    let text = |limit: Option<Decimal>| limit.map(|limit| limit.to_string());
    let substance = by.substance().map(|substance| {
        json!({
            "name": substance.name,
            "formula": substance.formula,
            "molarMass": substance.molar_mass,
            "charge": substance.charge,
            "counted": substance.counted,
        })
    });
    json!({
        "value": told.value.to_string(),
        "low": text(told.low),
        "high": text(told.high),
        "unit": told.unit,
        "by": by.word(),
        "substance": substance,
    })
}
