use super::*;

fn found<'a>(pattern: &str, text: &'a str) -> Option<&'a str> {
    let groups = compile(pattern).expect(pattern).captures(text.as_bytes())?;
    Some(&text[groups[0].clone().expect("the whole match")])
}

#[test]
fn classes_are_ascii() {
    for (pattern, text, matched) in [
        (r"\d+", "٣x42", Some("42")),
        (r"\w+", "é_a1é", Some("_a1")),
        (r"\W", "aé", Some("é")),
        (r"\s", "a\u{a0}b", None),
        (r"\s", "a\x0bb", None),
        (r"[\D]+", "1é2", Some("é")),
        (r"[^\d\s]+", "1 é2", Some("é")),
        (r"\bé", "é", None),
        (r"a\b", "aé", Some("a")),
        (r"\pN", "x٣", Some("٣")),
        (r"\p{Greek}+", "abγδ", Some("γδ")),
        (r"\p{^Greek}+", "γab", Some("ab")),
        (r"[\PL]", "ab1", Some("1")),
        (r"[[:alpha:]]+", "1ab", Some("ab")),
        (r"[[:^alpha:]]+", "ab1", Some("1")),
    ] {
        assert_eq!(found(pattern, text), matched, "{pattern} in {text}");
    }
}

#[test]
fn what_the_engine_would_read_otherwise() {
    for (pattern, text, matched) in [
        (r"a{", "a{", Some("a{")),
        (r"{,2}", "{,2}", Some("{,2}")),
        (r"a{2}{", "aa{", Some("aa{")),
        (r"[a&&b]+", "&&", Some("&&")),
        (r"[+--]+", "+,-", Some("+,-")),
        (r"[[a]+", "[a", Some("[a")),
        (r"[]a]+", "]a", Some("]a")),
        (r"[a~~b]+", "~", Some("~")),
        (r"x # y", "x # y", Some("x # y")),
        (r"\Qa.b\E+", "a.bb", Some("a.bb")),
        (r"\Q(", "(", Some("(")),
        (r"\_\-\/", "_-/", Some("_-/")),
        (r"\012", "\n", Some("\n")),
        (r"\x41\x{42}", "AB", Some("AB")),
        (r"(?i)résumé", "RÉSUMÉ", Some("RÉSUMÉ")),
        (r"(?s)a.b", "a\nb", Some("a\nb")),
        (r"a.b", "a\nb", None),
        (r"(?U)a+", "aaa", Some("a")),
        (r"(?m)^b$", "a\nb\n", Some("b")),
        (r"b$", "b\n", None),
        (r"(|a)b", "ab", Some("ab")),
        (r"(?:)x", "x", Some("x")),
        (r"é.世", "é界世", Some("é界世")),
    ] {
        assert_eq!(found(pattern, text), matched, "{pattern} in {text}");
    }
}

#[test]
fn errors_in_gos_words() {
    for (pattern, error) in [
        ("(", "missing closing ): `(`"),
        ("a)", "unexpected ): `a)`"),
        ("[a", "missing closing ]: `[a`"),
        ("x[", "missing closing ]: `[`"),
        ("*", "missing argument to repetition operator: `*`"),
        ("a|*", "missing argument to repetition operator: `*`"),
        ("a**", "invalid nested repetition operator: `**`"),
        ("a*?+", "invalid nested repetition operator: `*?+`"),
        ("a{2}{3}", "invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "invalid repeat count: `{1001}`"),
        ("a{3,2}", "invalid repeat count: `{3,2}`"),
        ("[z-a]", "invalid character class range: `z-a`"),
        (r"\p{Nope}", r"invalid character class range: `\p{Nope}`"),
        ("[[:nope:]]", "invalid character class range: `[:nope:]`"),
        (r"\1", r"invalid escape sequence: `\1`"),
        (r"\C", r"invalid escape sequence: `\C`"),
        (r"\Z", r"invalid escape sequence: `\Z`"),
        (r"\é", r"invalid escape sequence: `\é`"),
        ("a\\", "trailing backslash at end of expression: ``"),
        ("(?=a)", "invalid or unsupported Perl syntax: `(?=`"),
        ("(?!a)", "invalid or unsupported Perl syntax: `(?!`"),
        ("(?x)", "invalid or unsupported Perl syntax: `(?x`"),
        ("(?P<n", "invalid named capture: `(?P<n`"),
        ("(?P<n-m>a)", "invalid named capture: `(?P<n-m>`"),
        ("(?i", "invalid or unsupported Perl syntax: `(?i`"),
    ] {
        let ParamError(words) = compile(pattern).expect_err(pattern);
        assert_eq!(words, format!("error parsing regexp: {error}"), "{pattern}");
    }
}

#[test]
fn names_of_groups() {
    let regex = compile("(a)(?P<first>b)(?<n_2>c)(?:d)(?P<1x>e)").expect("compiles");
    let names: Vec<_> = regex.names().iter().map(Option::as_deref).collect();
    assert_eq!(names, [None, None, Some("first"), Some("n_2"), Some("1x")]);
    let groups = regex.captures(b"xabcde").expect("matches");
    assert_eq!(groups[2], Some(2..3));
}

#[test]
fn bytes_that_are_no_text() {
    let regex = compile("a.b").expect("compiles");
    assert!(regex.is_match(b"a\xffb"));
    assert!(!regex.is_match(b"a\xff\xffb"));
    assert!(compile("^.$").expect("compiles").is_match("é".as_bytes()));
    assert!(!compile("^..$").expect("compiles").is_match("é".as_bytes()));
    let groups = compile("x(.)(y)").expect("compiles").captures(b"\xfe\xffx\xfdy\xfc").expect("matches");
    assert_eq!(groups, [Some(2..5), Some(3..4), Some(4..5)]);
}

#[test]
fn anchored_is_all_of_the_text() {
    let regex = compile_anchored("a|b.c").expect("compiles");
    assert!(regex.is_match(b"a") && regex.is_match(b"b\nc"));
    assert!(!regex.is_match(b"ab") && !regex.is_match(b"xa"));
    assert!(compile_anchored("").expect("compiles").is_match(b""));
    let inner = compile_anchored("(?i)a").expect("compiles");
    assert!(inner.is_match(b"A"));
}

#[test]
fn counting_and_replacing() {
    assert_eq!(compile("a").expect("compiles").count(b"banana"), 3);
    assert_eq!(compile("a*").expect("compiles").count(b"baab"), 3);
    let replace = |pattern: &str, text: &str, with: &str| {
        let regex = compile(pattern).expect(pattern);
        String::from_utf8(regex.replace_all(text.as_bytes(), with, 1 << 20).expect("short")).expect("text")
    };
    assert_eq!(replace("a(x*)b", "-ab-axxb-", "T"), "-T-T-");
    assert_eq!(replace("a(x*)b", "-ab-axxb-", "$1"), "--xx-");
    assert_eq!(replace("a(x*)b", "-ab-axxb-", "$1W"), "---");
    assert_eq!(replace("a(x*)b", "-ab-axxb-", "${1}W"), "-W-xxW-");
    assert_eq!(replace("(?P<n>.)", "é", "<$n$$>"), "<é$>");
    assert_eq!(replace("x*", "abc", "-"), "-a-b-c-");
    assert_eq!(replace("b*", "abc", "-"), "-a-c-");
    let literal = compile("a").expect("compiles").replace_all_literal(b"aba", "$1", 100);
    assert_eq!(literal.expect("short"), b"$1b$1");
    assert_eq!(compile("").expect("compiles").replace_all_literal(b"aaaaaaaaaa", "0123456789", 50), None);
}
