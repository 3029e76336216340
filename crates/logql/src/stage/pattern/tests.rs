use super::*;

fn captured(pattern: &str, line: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    Pattern::parse(pattern).expect(pattern).extract(line, &mut |name, value| {
        found.push(format!("{name}={}", String::from_utf8_lossy(value)));
        true
    });
    found
}

#[test]
fn captures() {
    for (pattern, line, found) in [
        ("foo <a> bar", "foo buzz bar", &["a=buzz"][..]),
        ("foo <a> bar<b>", "foo buzz bar", &["a=buzz", "b="]),
        ("<a>foo <b> bar", "foo buzz bar", &["a=", "b=buzz"]),
        ("<a>", " bar ", &["a= bar "]),
        ("<path>?<_>", "/api?x=1", &["path=/api"]),
        ("<path>?<_>", "/api", &["path=/api"]),
        ("<a>, <b>, <c>", "1, 2", &["a=1", "b=2"]),
        ("x<a>", "yx1", &[]),
        ("<a>", "", &[]),
        ("<a><<b>", "1<2", &["a=1", "b=2"]),
        ("▶ <what>", "▶ é", &["what=é"]),
        ("<not closed <a>", "<not closed 1", &["a=1"]),
    ] {
        assert_eq!(captured(pattern, line.as_bytes()), found, "{pattern} on {line}");
    }
}

#[test]
fn an_access_log() {
    let line = r#"10.9.9.9 - user-21 [2026-11-23T03:05:23.270Z] "POST /v1/chat/completions HTTP/1.1" 502 116 2.795"#;
    assert_eq!(
        captured(r#"<ip> - <user> [<_>] "<method> <path> <_>" <code> <size> <secs>"#, line.as_bytes()),
        [
            "ip=10.9.9.9",
            "user=user-21",
            "method=POST",
            "path=/v1/chat/completions",
            "code=502",
            "size=116",
            "secs=2.795"
        ]
    );
}

#[test]
fn the_sink_may_have_enough() {
    let mut count = 0;
    Pattern::parse("<a> <b>").expect("pattern").extract(b"1 2", &mut |_, _| {
        count += 1;
        false
    });
    assert_eq!(count, 1);
}

#[test]
fn refused_patterns() {
    for (pattern, words) in [
        ("", "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL"),
        ("<_>", "at least one capture is required"),
        ("foo bar", "at least one capture is required"),
        ("<a><b>", "found consecutive capture '<a><b>': invalid expression"),
        ("f<f><_>", "found consecutive capture '<f><_>': invalid expression"),
        ("<f> f<f>", "duplicate capture name (f): invalid expression"),
    ] {
        assert_eq!(Pattern::parse(pattern).map(|_| ()), Err(ParamError(words.to_owned())), "{pattern}");
    }
    for (pattern, words) in [
        ("<foo> x", "named captures are not allowed: found '<foo>'"),
        ("<_><_>", "found consecutive capture '<_><_>': invalid expression"),
    ] {
        assert_eq!(LinePattern::parse(pattern).map(|_| ()), Err(ParamError(words.to_owned())), "{pattern}");
    }
}

#[test]
fn lines_that_fit() {
    for (pattern, line, fits) in [
        ("", "", true),
        ("", "x", false),
        ("<_>", "x", true),
        ("<_>", "", false),
        ("<_>said<_>", "he said no", true),
        ("<_>said<_>", "said no", false),
        ("<_>said<_>", "he said", false),
        ("foo <_> bar", "foo buzz bar", true),
        ("foo <_> bar", "foo buzz bar!", false),
        ("foo", "foo", true),
        ("foo", "xfoo", true),
        ("foo", "foox", false),
        ("<_> baz", "foo bar baz", true),
        ("<_> bar", "foo bar baz", false),
        ("<_> b", "a b c b", false),
        ("<_> bar<_>", " bar ", false),
        ("<_>bar<_>", " bar ", true),
    ] {
        assert_eq!(LinePattern::parse(pattern).expect(pattern).matches(line.as_bytes()), fits, "{pattern} on {line}");
    }
}
