use proptest::prelude::*;

use super::*;

/// Takes every scalar with its node; node numbers follow the first letter of the key, so paths can be told apart.
#[derive(Default, PartialEq, Debug)]
struct Everything {
    scalars: Vec<(u8, String)>,
    raw: Vec<String>,
}

impl Visitor for Everything {
    fn child(&mut self, _node: u8, key: &[u8]) -> u8 {
        key.first().copied().unwrap_or(b'_').max(2)
    }
    fn scalar(&mut self, node: u8, scalar: Scalar<'_>) {
        self.scalars.push((node, format!("{scalar:?}")));
    }
    fn wants_raw(&self, node: u8) -> bool {
        node == b'r'
    }
    fn raw(&mut self, _node: u8, value: &[u8]) {
        self.raw.push(String::from_utf8_lossy(value).into_owned());
    }
}

fn walk(pieces: &[&[u8]]) -> (Status, Everything) {
    let (mut walker, mut seen) = (Walker::default(), Everything::default());
    for piece in pieces {
        walker.feed(piece, &mut seen);
    }
    walker.feed(b" ", &mut seen);
    (walker.status(), seen)
}

#[test]
fn a_walk_reports_scalars_by_place() {
    let (status, seen) = walk(&[br#" {"a": 1, "b": {"c": "x\"y", "d": [true, null, -2.5e3]}, "e": {}} "#]);
    assert_eq!(status, Status::Complete);
    let places: Vec<u8> = seen.scalars.iter().map(|(node, _)| *node).collect();
    assert_eq!(places, b"acddd");
}

#[test]
fn containers_are_handed_over_as_written_at_every_cut() {
    let doc = br#"{"r": {"x": [1, {"r": 2}]}, "a": 1, "r": [ ]}"#;
    let (_, whole) = walk(&[doc]);
    assert_eq!(whole.raw, [r#"{"x": [1, {"r": 2}]}"#, "[ ]"]);
    for cut in 0..=doc.len() {
        assert_eq!(walk(&[&doc[..cut], &doc[cut..]]).1, whole, "cut at {cut}");
    }
}

#[test]
fn what_is_not_json_is_broken() {
    for doc in ["<html>", "{]", "[1,]x", "{\"a\":tru}", "{\"a\" 1}", "[1 2]", "{a:1}", "}", "{\"a\":1}}"] {
        assert_eq!(walk(&[doc.as_bytes()]).0, Status::Broken, "{doc}");
    }
    for doc in ["{\"a\":", "[", "\"abc"] {
        assert_eq!(walk(&[doc.as_bytes()]).0, Status::Open, "{doc}");
    }
    let deep = "[".repeat(5000);
    assert_eq!(walk(&[deep.as_bytes()]).0, Status::Broken);
}

#[test]
fn long_values_cost_no_memory() {
    let doc = format!("{{\"r\":[{}],\"a\":\"{}\"}}", "1,".repeat(5000) + "1", "x".repeat(100_000));
    let (status, seen) = walk(&[doc.as_bytes()]);
    assert_eq!(status, Status::Complete);
    assert!(seen.raw.is_empty(), "too long to be handed over");
    assert!(seen.scalars.last().is_some_and(|(_, text)| text.len() < 10_000));
}

#[test]
fn members_stand_where_they_say() {
    let doc = br#" { "a" : [1, "}"] , "mod\u0065l":"x", "n":null } "#;
    let found: Vec<_> = members(doc).map(Result::unwrap).collect();
    assert_eq!(found.len(), 3);
    assert_eq!(&doc[found[0].span.clone()], br#"[1, "}"]"#);
    assert!(found[1].is("model"));
    assert_eq!(doc[found[2].comma.unwrap()], b',');
    assert_eq!(members(b"{}").count(), 0);
}

#[test]
fn broken_objects_are_refused() {
    for doc in [
        "",
        "[]",
        "{",
        "{\"a\"}",
        "{\"a\":}",
        "{\"a\":1",
        "{\"a\":1} x",
        "{\"a\":\"x}",
        "{\"a\":x}",
        "{\"a\":1 \"b\":2}",
    ] {
        assert!(members(doc.as_bytes()).any(|member| member.is_err()), "{doc}");
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        any::<i32>().prop_map(|number| serde_json::Value::from(f64::from(number) / 8.0)),
        ".{0,12}".prop_map(serde_json::Value::from),
    ];
    leaf.prop_recursive(4, 40, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(serde_json::Value::from),
            proptest::collection::vec((".{0,6}", inner), 0..5)
                .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn any_document_is_complete_at_every_cut(doc in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&doc) } else { serde_json::to_string(&doc) }.unwrap();
        let whole = walk(&[text.as_bytes()]);
        prop_assert_eq!(whole.0, Status::Complete);
        for cut in 0..=text.len() {
            let pieces = [&text.as_bytes()[..cut], &text.as_bytes()[cut..]];
            prop_assert_eq!(&walk(&pieces), &whole);
        }
    }

    #[test]
    fn members_agree_with_a_full_parser(doc in any_json(), pretty: bool) {
        let text = if pretty { serde_json::to_string_pretty(&doc) } else { serde_json::to_string(&doc) }.unwrap();
        match &doc {
            serde_json::Value::Object(object) => {
                let mut count = 0;
                for member in members(text.as_bytes()) {
                    let member = member.unwrap();
                    let value: serde_json::Value = serde_json::from_slice(member.value).unwrap();
                    prop_assert_eq!(&value.to_string(), &object[&unescape(member.key)].to_string());
                    count += 1;
                }
                prop_assert_eq!(count, object.len());
            }
            _ => prop_assert!(members(text.as_bytes()).next().unwrap().is_err()),
        }
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200), cut in 0usize..200) {
        let cut = cut.min(bytes.len());
        prop_assert_eq!(walk(&[&bytes[..cut], &bytes[cut..]]), walk(&[&bytes]));
        let _ = members(&bytes).count();
    }
}

#[test]
fn elements_of_an_array() {
    let all = |text: &'static str| {
        elements(text.as_bytes()).map(|value| std::str::from_utf8(value).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(all(r#" [ 1 , "a,]" ,{"b":[2]},[],null ] "#), ["1", "\"a,]\"", "{\"b\":[2]}", "[]", "null"]);
    for nothing in ["[]", "", "{}", "\"[1]\"", "[", "[}"] {
        assert_eq!(all(nothing), [""; 0], "{nothing}");
    }
    assert_eq!(all("[1,2,"), ["1", "2"]);
    assert_eq!(all("[1 2]"), ["1"]);
}
