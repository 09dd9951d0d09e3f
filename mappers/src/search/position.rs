//! Where a Location is, for `near` (<https://hl7.org/fhir/R4/location.html#search>): a point of the unit sphere.
//!
//! Index rows hold its three coordinates. How far two points are apart is then told by the chord between them, with
//! neither poles nor a meridian where anything is different, and exactly so: the great circle's arc of a chord `c` is
//! `2 R asin(c / 2)`, which is the haversine formula.

use super::extract::{IndexRows, QuantityRow};
use super::index_path::index_path;
use crate::json::{Element, Kind};

/// The type that has positions.
pub const KIND: &str = "Location";

/// The places of the coordinates: towards longitude 0 and 90 degrees on the equator, and towards the north pole.
#[must_use]
pub fn places() -> [i32; 3] {
    ["position.x", "position.y", "position.z"].map(|axis| index_path(KIND, axis))
}

/// The point of a latitude and longitude, in degrees.
#[must_use]
pub fn point(latitude: f64, longitude: f64) -> [f64; 3] {
    let (latitude, longitude) = (latitude.to_radians(), longitude.to_radians());
    [latitude.cos() * longitude.cos(), latitude.cos() * longitude.sin(), latitude.sin()]
}

/// Adds the rows of a Location; none where it has no position, or one that is nowhere on Earth.
pub fn extract(location: Element<'_>, rows: &mut IndexRows<'_>) {
    let Some(position) = location.member("position") else { return };
    let degrees = |name: &str, most: f64| {
        let value = position.member(name).filter(|value| value.kind() == Kind::Number)?;
        value.raw().parse::<f64>().ok().filter(|degrees| degrees.abs() <= most)
    };
    let (Some(latitude), Some(longitude)) = (degrees("latitude", 90.0), degrees("longitude", 180.0)) else { return };
    for (path, value) in places().into_iter().zip(point(latitude, longitude)) {
        let none = || std::borrow::Cow::Borrowed("");
        rows.quantities.push(QuantityRow {
            path,
            low: value,
            high: value,
            system: none(),
            code: none(),
            unit: none(),
            item: 0,
        });
    }
}
