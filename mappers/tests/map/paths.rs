//! Paths: what parses, what it means, and that anything else is refused without a panic.

use mappers::map::{Pair, Path, Segment, Selector, Test};
use proptest::prelude::*;

fn pairs(pairs: &[(&str, &str)]) -> Option<Selector> {
    Some(Selector::Where(pairs.iter().map(|(name, value)| Pair::new(name, value)).collect()))
}

#[test]
fn selectors_hold_anything_but_a_closing_bracket() {
    let path = Path::parse("code.coding[system=http://loinc.org].code").unwrap();
    let found: Vec<(&str, &Option<Selector>)> =
        path.segments.iter().map(|one| (one.name.as_str(), &one.selector)).collect();
    let coding = pairs(&[("system", "http://loinc.org")]);
    assert_eq!(found, [("code", &None), ("coding", &coding), ("code", &None)]);
}

#[test]
fn several_discriminators_stand_with_commas() {
    let path = Path::parse("telecom[system=phone,use=home].value").unwrap();
    assert_eq!(path.segments[0].selector, pairs(&[("system", "phone"), ("use", "home")]));
}

#[test]
fn a_comma_that_no_name_follows_is_part_of_the_value() {
    let path = Path::parse("identifier[system=urn:a,b].value").unwrap();
    assert_eq!(path.segments[0].selector, pairs(&[("system", "urn:a,b")]));
}

#[test]
fn an_index_is_a_number() {
    assert_eq!(Path::parse("name[0].family").unwrap().segments[0].selector, Some(Selector::Index(0)));
}

#[test]
fn a_choice_of_words_goes_from_the_best_to_the_last() {
    let path = Path::parse("name[use=official|usual|].family").unwrap();
    let words = ["official", "usual"].into_iter().map(|word| Some(word.to_owned())).chain([None]).collect();
    let pair = Pair { steps: vec!["use".to_owned()], test: Test::OneOf(words) };
    assert_eq!(path.segments[0].selector, Some(Selector::Where(vec![pair])));
    assert_eq!(path.to_string(), "name[use=official|usual|].family");
}

#[test]
fn what_is_no_path_is_refused_with_its_place() {
    let cases = [
        ("", 0, "an element's name is expected here"),
        ("name.", 5, "an element's name is expected here"),
        ("name..family", 5, "an element's name is expected here"),
        ("name[use=official", 4, "`[` is never closed"),
        ("name[].family", 5, "`[]` selects nothing"),
        ("name[use=].family", 5, "`use=` has no value"),
        ("name[official].family", 5, "`[official]` selects nothing"),
        ("name[use=official]family", 18, "a selector is followed by `.` or by nothing"),
        ("value[x]", 6, "`[x]` selects nothing"),
        ("name-family", 4, "`-` cannot stand in a path"),
        ("name[use=official||usual].family", 5, "`use=official||usual` is no choice of words"),
        ("name[use=usual|usual].family", 5, "`use=usual|usual` is no choice of words"),
        ("name[period.start=2020|2021].family", 5, "`period.start=2020|2021` is no choice of words"),
        ("name[99999999999999999999].family", 5, "this index is too large"),
    ];
    for (text, at, message) in cases {
        let error = Path::parse(text).expect_err(text);
        assert_eq!((error.at, error.message.as_str()), (at, message), "{text}");
        assert!(!error.help.is_empty());
    }
}

fn name() -> impl Strategy<Value = String> {
    "[a-z][a-zA-Z0-9]{0,8}"
}

fn selector() -> impl Strategy<Value = Option<Selector>> {
    let path = prop::collection::vec(name(), 1..4).prop_map(|names| names.join("."));
    let pair = (path, "[^\\],=|]{1,12}").prop_map(|(path, value)| Pair::new(&path, &value));
    let choice = (name(), prop::sample::subsequence(vec!["a", "b c", "urn:d", ""], 2..=4));
    let choice = choice.prop_map(|(name, words)| Selector::Where(vec![Pair::new(&name, &words.join("|"))]));
    prop_oneof![
        Just(None),
        choice.prop_map(Some),
        (0_usize..1000).prop_map(|index| Some(Selector::Index(index))),
        prop::collection::vec(pair, 1..3).prop_map(|pairs| Some(Selector::Where(pairs))),
    ]
}

proptest! {
    #[test]
    fn a_written_path_parses_to_itself(parts in prop::collection::vec((name(), selector()), 1..5)) {
        let segments = parts.into_iter().map(|(name, selector)| Segment { name, selector, at: 0 }).collect();
        let path = Path { segments };
        let mut parsed = Path::parse(&path.to_string()).unwrap();
        parsed.segments.iter_mut().for_each(|segment| segment.at = 0);
        prop_assert_eq!(parsed, path);
    }

    #[test]
    fn whatever_parses_is_written_the_same(text in "[a-z.\\[\\]=,0-9/:é]{0,30}") {
        if let Ok(path) = Path::parse(&text) {
            let again = Path::parse(&path.to_string());
            prop_assert_eq!(again.map(|path| path.to_string()), Ok(path.to_string()));
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in "\\PC{0,40}") {
        let _ = Path::parse(&text);
    }
}
