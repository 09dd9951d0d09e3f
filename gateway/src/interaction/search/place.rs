//! A place in the order of matches as text, to be sealed: an array of strings, the resource first.

use mappers::json::{Document, write_string};

use crate::interaction::search::resource;
use crate::store::{SearchKey, SearchPlace};

/// Writes a place.
pub(super) fn write(place: &SearchPlace) -> String {
    let mut out = vec![b'['];
    write_string(&mut out, &format!("{}/{}", place.resource.kind, place.resource.id));
    for key in &place.keys {
        out.push(b',');
        write_string(&mut out, &text(key));
    }
    out.push(b']');
    // What is written is UTF-8.
    String::from_utf8(out).unwrap_or_default()
}

/// Reads a place.
pub(super) fn read(text: &str) -> Option<SearchPlace> {
    let document = Document::parse(text.as_bytes()).ok()?;
    let mut items = document.root().children();
    let resource = resource(&items.next()?.string()?)?;
    let keys = items.map(|item| key(&item.string()?)).collect::<Option<_>>()?;
    Some(SearchPlace { keys, resource })
}

fn text(key: &SearchKey) -> String {
    match key {
        SearchKey::Int(value) => format!("i{value}"),
        SearchKey::None => "n".to_owned(),
        // All bits of it, the same on every engine.
        SearchKey::Real(value) => format!("r{:x}", value.to_bits()),
        SearchKey::Text(value) => format!("t{value}"),
    }
}

fn key(text: &str) -> Option<SearchKey> {
    let (kind, value) = text.split_at_checked(1)?;
    match kind {
        "i" => value.parse().ok().map(SearchKey::Int),
        "n" => value.is_empty().then_some(SearchKey::None),
        "r" => u64::from_str_radix(value, 16).ok().map(|bits| SearchKey::Real(f64::from_bits(bits))),
        "t" => Some(SearchKey::Text(value.into())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::ResourceKey;

    #[test]
    fn a_place_reads_as_it_was_written() {
        let resource = ResourceKey { kind: "Patient".into(), id: "1".into() };
        let keys = vec![
            SearchKey::Int(i64::MIN),
            SearchKey::None,
            SearchKey::Real(f64::INFINITY),
            SearchKey::Text("a,\"\u{1f}é".into()),
            SearchKey::Text("".into()),
        ];
        let place = SearchPlace { keys, resource };
        assert_eq!(read(&write(&place)), Some(place));
        assert_eq!(read("[]"), None);
        assert_eq!(read(r#"["Patient/1","x"]"#), None);
    }
}
