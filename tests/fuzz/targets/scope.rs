//! Scopes: two lines, what a client asks for and what it is allowed. No text panics, what is granted is written as it is read,
//! and is granted again by itself, by what was asked and by what is allowed; whoever searches with it searches no type that
//! neither asks for.
#![no_main]

use libfuzzer_sys::fuzz_target;
use smart::grant::grant;
use smart::permission::{Extent, reach};
use smart::scope::{Action, ContextKind, LONGEST, MOST, Scopes, Unknown};

const TYPES: [&str; 3] = ["Condition", "Observation", "Patient"];

fuzz_target!(|text: &str| {
    let (asked, allowed) = text.split_once('\n').unwrap_or((text, text));
    let read = |text: &str| Scopes::parse(text, Unknown::Ignore, &|name| TYPES.contains(&name));
    let (Ok(asked), Ok(allowed)) = (read(asked), read(allowed)) else { return };
    assert_eq!(read(&asked.to_string()).as_ref(), Ok(&asked));
    let Ok(granted) = grant(&asked, &allowed) else { return };
    assert!(!granted.is_empty() && granted.len() <= MOST && granted.to_string().len() <= LONGEST);
    assert_eq!(read(&granted.to_string()).as_ref(), Ok(&granted));
    for wider in [&granted, &asked, &allowed] {
        assert_eq!(grant(&granted, wider).as_ref(), Ok(&granted), "{granted} of {wider}");
    }
    for context in ContextKind::ALL {
        for action in Action::ALL {
            let [granted, asked, allowed] =
                [&granted, &asked, &allowed].map(|scopes| reach(scopes.resources(), context, action));
            for kind in TYPES {
                let sizes = [&granted, &asked, &allowed].map(|reached| size(&reached.of(kind)));
                assert!(sizes[0] <= sizes[1].min(sizes[2]), "{kind} {action:?}: {granted:?}");
                assert_eq!(sizes[0] == 0, sizes[1].min(sizes[2]) == 0, "{kind} {action:?}: {granted:?}");
            }
        }
    }
});

/// Nothing, something, everything.
fn size(extent: &Extent<'_>) -> u8 {
    match extent {
        Extent::Nothing => 0,
        Extent::Where(_) => 1,
        Extent::Whole => 2,
    }
}
