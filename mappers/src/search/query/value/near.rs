//! Places near another one: <https://hl7.org/fhir/R4/location.html#search>.

use super::number;
use crate::search::position::point;
use crate::search::query::date::Prefix;
use crate::search::query::split::{split_unescaped, unescape};

/// The mean radius of the Earth, in metres (IUGG).
const RADIUS: f64 = 6_371_008.8;
/// What is near where no distance is given, in metres.
const NEAR: f64 = 10_000.0;

/// A part of the Earth's surface: all that is within a distance of a point.
#[derive(Clone, Debug, PartialEq)]
pub struct NearValue {
    /// The point, on the unit sphere.
    pub point: [f64; 3],
    /// The length of the chord to the farthest that is near, on the unit sphere: 0 to 2.
    pub chord: f64,
}

/// Units of length, as UCUM names them, in metres.
const UNITS: [(&str, f64); 12] = [
    ("cm", 0.01),
    ("dm", 0.1),
    ("[ft_i]", 0.3048),
    ("[ft_us]", 1200.0 / 3937.0),
    ("hm", 100.0),
    ("[in_i]", 0.0254),
    ("km", 1000.0),
    ("m", 1.0),
    ("[mi_i]", 1609.344),
    ("[mi_us]", 5280.0 * 1200.0 / 3937.0),
    ("[nmi_i]", 1852.0),
    ("[yd_i]", 0.9144),
];

const FORM: &str =
    "is not latitude|longitude, latitude|longitude|distance or latitude|longitude|distance|unit, in degrees";

/// Reads one value, still escaped.
pub(in crate::search::query) fn near(text: &str) -> Result<NearValue, &'static str> {
    let parts = split_unescaped(text, '|');
    let (latitude, longitude, distance, unit) = match parts[..] {
        [latitude, longitude] => (latitude, longitude, "", ""),
        [latitude, longitude, distance] => (latitude, longitude, distance, ""),
        [latitude, longitude, distance, unit] => (latitude, longitude, distance, unit),
        _ => return Err(FORM),
    };
    let plain = |text: &str| number(text).ok().filter(|_| Prefix::split(text).1 == text).map(|number| number.value);
    let degrees = |text: &str, most: f64| plain(text).filter(|degrees| degrees.abs() <= most);
    let latitude = degrees(latitude, 90.0).ok_or("has no latitude from -90 to 90 degrees as its first part")?;
    let longitude = degrees(longitude, 180.0).ok_or("has no longitude from -180 to 180 degrees as its second part")?;
    let unit = unescape(unit);
    let factor = match &*unit {
        "" => Some(1000.0),
        unit => UNITS.iter().find(|(code, _)| *code == unit).map(|(_, factor)| *factor),
    };
    let factor = factor.ok_or("has a unit that is no length of UCUM; give km, m or [mi_i]")?;
    let metres = match distance {
        "" => NEAR,
        distance => {
            plain(distance).filter(|distance| *distance >= 0.0).ok_or("has a distance that is no number from 0 on")?
                * factor
        }
    };
    let angle = (metres / RADIUS).min(std::f64::consts::PI);
    Ok(NearValue { point: point(latitude, longitude), chord: 2.0 * (angle / 2.0).sin() })
}
