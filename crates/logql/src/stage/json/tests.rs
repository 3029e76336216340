use super::*;
use crate::stage::ParamError;

/// What was found, one `name=value` after the other, and the error's details.
fn flat(line: &[u8]) -> (String, Option<String>) {
    let mut found = String::new();
    let result = extract(line, &mut |_| true, &mut |name, value| {
        found.push_str(&format!("{name}={} ", String::from_utf8_lossy(value)));
        true
    });
    (found.trim_end().to_owned(), result.err().map(|error| error.details))
}

#[test]
fn members_become_labels() {
    let line = r#"{"model": "gpt-4", "n": 1.0e3,"ok":true, "none":null, "tags":["a"], "meta": {"team":"blue","run":{"id":66}}, "a b-c":"x"}"#;
    let (found, error) = flat(line.as_bytes());
    assert_eq!(found, "model=gpt-4 n=1.0e3 ok=true meta_team=blue meta_run_id=66 a_b_c=x");
    assert_eq!(error, None);
}

#[test]
fn names_are_sanitised_at_each_level() {
    let (found, _) = flat(br#"{"1a":1,"o":{"2b":2,"":3," ":{"x":4}},"":5,"\u0041":6,"7":{"8":9}}"#);
    assert_eq!(found, "_1a=1 o_2b=2 o_=3 o__x=4 A=6 _7_8=9");
}

#[test]
fn strings_lose_their_escapes() {
    let (found, _) = flat(br#"{"a":"\"\\\/\b\f\n\r\t","b":"\u00e9\ud83d\ude00","c":"\ud83d","d":"\q","e":"\ufffd|"}"#);
    assert_eq!(found, "a=\"\\/\u{8}\u{c}\n\r\t b=é😀 c= d= e= |");
    assert_eq!(flat(b"{\"a\":\"x\xffy\"}").0, "a=x y");
}

#[test]
fn what_came_before_a_fault_stays() {
    const ARRAY: &str = "Value is array, but can't find closing ']' symbol";
    const OBJECT: &str = "Value looks like object, but can't find closing '}' symbol";
    const MALFORMED: &str = "Malformed JSON error";
    for (line, found, error) in [
        ("INFO proxy ready", "", OBJECT),
        ("", "", OBJECT),
        ("[1]", "", OBJECT),
        ("{", "", MALFORMED),
        (r#"{"a":1, "energy_"#, "a=1", MALFORMED),
        (r#"{"a":1, "b""#, "a=1", MALFORMED),
        (r#"{"a":1, "b": "#, "a=1", MALFORMED),
        (r#"{"a":1, "b": 0.00"#, "a=1 b=0.00", ARRAY),
        (r#"{"a":1, "b": 2,"#, "a=1 b=2", ARRAY),
        (r#"{"a":1, "b": "x"#, "a=1", "Value is string, but can't find closing '\"' symbol"),
        (r#"{"a":1, "b": {"c":2"#, "a=1", OBJECT),
        (r#"{"a":1, "b": [2"#, "a=1", ARRAY),
        (r#"{"a":1, "b": tru}"#, "a=1", "Unknown value type"),
        (r#"{"a":1,}"#, "a=1", OBJECT),
        (r#"{"a":1 "b":2}"#, "a=1", OBJECT),
        (r#"{"a":1, b:2}"#, "a=1", OBJECT),
        (r#"{"\q":1}"#, "", "Encountered an invalid escape sequence in a string"),
    ] {
        assert_eq!(flat(line.as_bytes()), (found.to_owned(), Some(error.to_owned())), "{line}");
    }
    for (line, found) in [("{}", ""), (" {\"a\":1} x", "a=1"), ("{\"a\":1}{", "a=1")] {
        assert_eq!(flat(line.as_bytes()), (found.to_owned(), None), "{line}");
    }
}

#[test]
fn the_sink_may_have_enough() {
    let mut names = Vec::new();
    let result = extract(br#"{"a":1,"b":{"c":2},"d":"#, &mut |_| true, &mut |name, _| {
        names.push(name.to_owned());
        names.len() < 2
    });
    assert_eq!((result, names), (Ok(()), vec!["a".to_owned(), "b_c".to_owned()]));
}

#[test]
fn depth_is_limited() {
    let mut line = r#"{"a":"#.repeat(20_000);
    line.push_str(&format!("1{}", "}".repeat(20_000)));
    assert_eq!(flat(line.as_bytes()), (String::new(), None));
}

/// What the paths lead to; labels without a value have a `?`.
fn chosen(line: &[u8], list: &[(&str, &str)]) -> (String, Option<String>) {
    let list: Vec<_> = list.iter().map(|(label, path)| ((*label).to_owned(), (*path).to_owned())).collect();
    let mut found = String::new();
    let result = Paths::parse(&list).expect("paths").extract(line, &mut |label, value| {
        let value = value.map_or("?".into(), String::from_utf8_lossy);
        found.push_str(&format!("{label}={value} "));
        true
    });
    (found.trim_end().to_owned(), result.err().map(|error| error.details))
}

#[test]
fn paths_lead_to_values() {
    let line = br#"{"app":"foo","field with space":"v","pod":{"uuid":"u\n","deployment":{"ref":"bar","params":[{"param": true},2,"three",[4,5]]}},"n":null,"o":{"x": [1, 2]}}"#;
    for (list, found) in [
        (&[("a", "app")][..], "a=foo"),
        (&[("f", r#"["field with space"]"#)], "f=v"),
        (&[("u", "pod.uuid"), ("d", r#"pod["deployment"].ref"#)], "u=u\n d=bar"),
        (&[("p", "pod.deployment.params[0]")], r#"p={"param": true}"#),
        (&[("p", "pod.deployment.params[0].param"), ("q", "pod.deployment.params[1]")], "p=true q=2"),
        (&[("t", "pod.deployment.params[2]"), ("l", "pod.deployment.params[3][1]")], "t=three l=5"),
        (&[("l", "pod.deployment.params")], r#"l=[{"param": true},2,"three",[4,5]]"#),
        (&[("n", "n"), ("o", "o"), ("x", "o.x")], r#"n= o={"x": [1, 2]} x=[1, 2]"#),
        (&[("n", "nope"), ("m", "pod.nope"), ("a", "app")], "a=foo n=? m=?"),
        (&[("i", "pod.deployment.params[9]"), ("r", "pod.deployment.ref")], "r=bar i=?"),
        (&[("z", "app.x"), ("e", "")], "z=? e=?"),
        (&[("a", "app"), ("b", "app")], "a=foo b=foo"),
    ] {
        assert_eq!(chosen(line, list), (found.to_owned(), None), "{list:?}");
    }
}

#[test]
fn paths_from_the_top_of_an_array() {
    assert_eq!(chosen(br#"[{"a":1},{"a":2}]"#, &[("x", "[1].a"), ("y", "[0]")]).0, r#"y={"a":1} x=2"#);
}

#[test]
fn broken_lines_give_what_they_have() {
    assert_eq!(chosen(br#"{"a":1,"b":2"#, &[("x", "b")]), ("x=2".to_owned(), None));
    assert_eq!(chosen(br#"{"a":1,"b":"#, &[("x", "a"), ("y", "c")]), ("x=1 y=?".to_owned(), None));
    let (found, error) = chosen(br#"{"a":bogus,"b":2}"#, &[("x", "a"), ("y", "b")]);
    assert_eq!((found.as_str(), error.as_deref()), ("y=2 x=?", Some("Unknown value type")));
    assert_eq!(chosen(b"plain", &[("x", "a")]), (String::new(), Some(String::new())));
    assert_eq!(chosen(b"", &[("x", "a")]), (String::new(), None));
}

#[test]
fn refused_expressions() {
    let parse = |label: &str, path: &str| Paths::parse(&[(label.to_owned(), path.to_owned())]).map(|_| ());
    assert_eq!(
        parse("a", "b c"),
        Err(ParamError("cannot parse expression [b c]: syntax error: unexpected FIELD".to_owned()))
    );
    assert_eq!(parse("1a", "b"), Err(ParamError("invalid extracted label name '1a'".to_owned())));
}
