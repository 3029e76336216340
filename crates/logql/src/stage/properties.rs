//! What must hold for any value: what is written is read back.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{json, logfmt::Logfmt, pattern::Pattern, quote::quote, regex, units};

proptest! {
    #[test]
    fn numbers_read_back(number: f64) {
        let again = units::parse_number(&units::format_float(number));
        prop_assert!(again == Ok(number) || number.is_nan());
    }

    #[test]
    fn durations_read_back(nanoseconds: i64) {
        prop_assert_eq!(units::parse_duration(&units::format_duration(nanoseconds)), Some(nanoseconds));
        let whole = nanoseconds.saturating_abs() / 1_000_000 * 1_000_000;
        let text = units::format_prometheus_duration(whole);
        prop_assert_eq!(units::parse_prometheus_duration(&text), Some(whole));
    }

    #[test]
    fn sizes_are_printed_to_two_digits(bytes in 10u64..1 << 60) {
        let again = units::parse_bytes(&units::format_bytes(bytes)).expect("a size");
        prop_assert!(again.abs_diff(bytes) as f64 <= bytes as f64 * 0.051, "{} as {}", bytes, again);
    }

    #[test]
    fn members_of_an_object_are_found(members in prop::collection::btree_map("[a-z_][a-z0-9_]{0,8}", ".*", 0..8)) {
        let line = serde_json::to_vec(&members).expect("strings serialise");
        let mut found = BTreeMap::new();
        let result = json::extract(&line, &mut |_| true, &mut |name, value| {
            found.insert(name.to_owned(), String::from_utf8_lossy(value).into_owned());
            true
        });
        prop_assert_eq!(result, Ok(()));
        let expected: BTreeMap<_, _> =
            members.into_iter().map(|(name, value)| (name, value.replace('\u{fffd}', " "))).collect();
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn whatever_is_cut_off_what_came_before_is_found(cut in 0usize..60) {
        let line = br#"{"a":"1","b":{"c":"2","d":[3]},"e":4,"f":"five","g":true}  "#;
        let names = |line: &[u8]| {
            let mut names = Vec::new();
            let _ = json::extract(line, &mut |_| true, &mut |name, _| { names.push(name.to_owned()); true });
            names
        };
        prop_assert!(names(line).starts_with(&names(&line[..cut.min(line.len())])));
    }

    #[test]
    fn pairs_of_logfmt_are_found(pairs in prop::collection::btree_map("[a-z_]{1,8}", "[^\\p{Cc}\u{fffd}]{1,12}", 0..6)) {
        let words: Vec<_> = pairs.iter().map(|(key, value)| format!("{key}={}", serde_json::json!(value))).collect();
        let mut found = BTreeMap::new();
        let stage = Logfmt::new(&[], true, false).expect("no parameters");
        let result = stage.extract(words.join(" ").as_bytes(), &mut |name, value| {
            found.insert(name.to_owned(), String::from_utf8_lossy(value.unwrap_or_default()).into_owned());
            true
        });
        prop_assert_eq!(result, Ok(()));
        prop_assert_eq!(found, pairs);
    }

    #[test]
    fn captures_are_what_stands_between(values in prop::collection::vec("[a-z0-9]{0,6}", 1..5)) {
        let names: Vec<_> = (0..values.len()).map(|index| format!("<v{index}>")).collect();
        let mut found = Vec::new();
        Pattern::parse(&names.join(" - ")).expect("a pattern").extract(format!("{} ", values.join(" - ")).as_bytes(), &mut |_, value| {
            found.push(String::from_utf8_lossy(value).trim_end().to_owned());
            true
        });
        prop_assert_eq!(found, values);
    }

    #[test]
    fn quoted_text_matches_itself(text in "[^\\\\]{0,20}", around in "[a-z]{0,5}") {
        let line = [around.as_str(), text.as_str(), around.as_str()].concat();
        let literal = regex::compile(&["\\Q", text.as_str(), "\\E"].concat()).expect("a literal");
        prop_assert!(literal.is_match(line.as_bytes()));
        let open = regex::compile_anchored(&["\\Q", text.as_str()].concat()).expect("a literal");
        prop_assert!(open.is_match(text.as_bytes()));
        let escaped: String = text.chars().map(|c| format!("\\x{{{:x}}}", c as u32)).collect();
        let escaped = regex::compile_anchored(&escaped).expect("escapes");
        prop_assert!(escaped.is_match(text.as_bytes()));
    }

    #[test]
    fn quotes_are_one_line(bytes: Vec<u8>) {
        let quoted = quote(&bytes);
        let breaks = quoted.contains(['\n', '\r', '\u{7f}']);
        prop_assert!(!breaks, "{}", quoted);
    }
}
