use super::{Expr, parse, pretty};

fn error(query: &str) -> String {
    match parse(query) {
        Ok(expr) => panic!("{query} is {expr}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn errors_are_lokis() {
    let no_matcher = "parse error : queries require at least one regexp or equality matcher that does not have an \
        empty-compatible value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";
    for (query, wanted) in [
        (r#"{app="llm-proxy""#, "parse error at line 1, col 17: syntax error: unexpected $end, expecting } or ,"),
        ("{}", no_matcher),
        (r#"{app=~".*"}"#, no_matcher),
        (r#"{app="x"} | json |"#, "parse error at line 1, col 19: syntax error: unexpected $end"),
        (r#"sum(rate({app="x"}))"#, "parse error at line 1, col 19: syntax error: unexpected )"),
        (r#"rate({app="x"}[5m]) by (model)"#, "parse error : grouping not allowed for rate aggregation"),
        (r#"{app="x"} | unwrap"#, "parse error at line 1, col 13: syntax error: unexpected unwrap"),
        (
            r#"sum by (rate({app="x"}[5m])"#,
            "parse error at line 1, col 9: syntax error: unexpected RATE, expecting IDENTIFIER or )",
        ),
        (r#"{app="x"} | total_tokens > "#, "parse error at line 1, col 28: syntax error: unexpected $end"),
        (
            r#"quantile_over_time({app="x"} | unwrap a [5m])"#,
            "parse error : parameter required for operation quantile_over_time",
        ),
        (r#"foo({app="x"}[5m])"#, "parse error at line 1, col 1: syntax error: unexpected IDENTIFIER"),
        ("", "parse error : syntax error: unexpected $end"),
        (r#"{app="x"} == "y""#, "parse error at line 1, col 14: syntax error: unexpected STRING"),
        (
            "{\n  app=\"x\"\n} | drop",
            "parse error at line 3, col 9: syntax error: unexpected $end, expecting IDENTIFIER",
        ),
        (r#"-rate({app="x"}[5m])"#, "parse error at line 1, col 2: syntax error: unexpected RATE, expecting NUMBER"),
        ("1 and 2", "parse error : unexpected literal for left leg of logical/set binary operation (and): 1.000000"),
        (r#"{a="b"} + 1"#, "parse error : unexpected type for left leg of binary operation (+): *syntax.MatchersExpr"),
        (
            "0x10 + 1",
            "parse error : unable to parse literal as a float: strconv.ParseFloat: parsing \"0x10\": invalid syntax",
        ),
        (r#"topk(0, rate({a="b"}[1m]))"#, "parse error : invalid parameter (must be greater than 0) topk(0"),
        (r#"{a="b"} |= "c"#, "parse error at line 1, col 12: literal not terminated"),
        (r#"rate({a="b"}[5 m])"#, "parse error at line 1, col 13: not a valid duration string: \"5 m\""),
        (
            r#"{a="b"} | addr =~ ip("1.1.1.1")"#,
            "parse error at line 1, col 19: syntax error: unexpected ip, expecting STRING",
        ),
        (
            r#"{a="b"} | __error__ > 1s"#,
            "parse error : __error__ is a string label and cannot be compared with __error__>1s",
        ),
    ] {
        assert_eq!(error(query), wanted, "{query}");
    }
}

#[test]
fn stages_are_checked() {
    let wanted = "parse error : stage '|~ \"(\"' : error parsing regexp: missing closing ): `(`";
    assert_eq!(error(r#"{app="x"} |~ "(""#), wanted);
    let wanted =
        "parse error : stage '| line_format \"{{.a\"' : invalid line template: template: line:1: unclosed action";
    assert_eq!(error(r#"{app="x"} | line_format "{{.a""#), wanted);
    for query in [
        r#"{a="b"} | label_format __error__="x""#,
        r#"{a="b"} | label_format x=a,x=b"#,
        r#"{a="b"} | json x="a[""#,
        r#"{a="b"} | regexp "x""#,
        r#"{a="b"} | pattern "x""#,
        r#"{a="b"} |> "<x>""#,
        r#"{a="b"} |= ip("bogus")"#,
        r#"{a="b"} | c=ip("bogus")"#,
        r#"label_replace(rate({a="b"}[1m]), "a", "b", "c", "(")"#,
    ] {
        error(query);
    }
}

/// Queries of every kind, and how they are written on one line; nothing if the same.
const WRITTEN: &[(&str, &str)] = &[
    (r#"{a="b", c!="d", e=~"f.+", g!~"h"}"#, ""),
    ("{a=`b`} # comment\n |= `c`", r#"{a="b"} |= "c""#),
    (r#"{a="b"} |= "c" or "d" or ip("10.0.0.0/8")"#, ""),
    (r#"{a="b"} != "c" or "d" |> "<_>x" !> "y<_>""#, r#"{a="b"} != "c" != "d" |> "<_>x" !> "y<_>""#),
    (
        r#"{a="b"} | json | json x="y[0].z", w | unpack | decolorize"#,
        r#"{a="b"} | json | json x="y[0].z",w="w" | unpack | decolorize"#,
    ),
    (r#"{a="b"} | logfmt --keep-empty --strict x, y="z""#, r#"{a="b"} | logfmt --strict --keep-empty x="x",y="z""#),
    (r#"{a="b"} | a="b" or c=~"d" and e>=5"#, r#"{a="b"} | ( a="b" or ( c=~"d" , e>=5 ) )"#),
    (r#"{a="b"} | a="b", c="d" or e<5MB"#, r#"{a="b"} | ( a="b" , ( c="d" or e<5.0MB ) )"#),
    (r#"{a="b"} | (a="b" or c="d") e!=1h30m"#, r#"{a="b"} | ( ( a="b" or c="d" ) , e!=1h30m0s )"#),
    (
        r#"{a="b"} | duration > 1m | bytes == 20MB | x = ip("::1")"#,
        r#"{a="b"} | duration>1m0s | bytes==20MB | x=ip("::1")"#,
    ),
    (
        r#"{a="b"} | label_format x=y, z="{{.w}}" | line_format `{{.v}}`"#,
        r#"{a="b"} | label_format x=y,z="{{.w}}" | line_format "{{.v}}""#,
    ),
    (r#"{a="b"} | drop x, y="z" | keep w, v!~"u""#, r#"{a="b"} | drop x,y="z" | keep w,v!~"u""#),
    (r#"rate({a="b"}[5m] offset 1h)"#, r#"rate({a="b"}[5m] offset 1h0m0s)"#),
    (r#"rate({a="b"}[5m] |= "c")"#, r#"rate({a="b"} |= "c"[5m])"#),
    (r#"rate(({a="b"} |= "c")[1d])"#, r#"rate({a="b"} |= "c"[1d])"#),
    (
        r#"quantile_over_time(0.95, {a="b"} | json | unwrap duration(x) | __error__="" [1w]) by (c, d)"#,
        r#"quantile_over_time(0.95,{a="b"} | json | unwrap duration(x) | __error__=""[1w]) by (c,d)"#,
    ),
    (
        r#"approx_count_distinct(x, {a="b"} | json [1m]) by (c)"#,
        r#"approx_count_distinct(x,{a="b"} | json[1m]) by (c)"#,
    ),
    (r#"SUM(rate({a="b"}[1m])) by (c)"#, r#"sum by (c)(rate({a="b"}[1m]))"#),
    (r#"topk(3, sum without (x) (rate({a="b"}[1m])))"#, r#"topk(3,sum without (x)(rate({a="b"}[1m])))"#),
    ("1 + 2 * 3 ^ 2 ^ 0", "7"),
    ("10 / 0", "(1 / 0)"),
    (r#"vector(1) + vector(2) * vector(3)"#, "(vector(1.000000) + (vector(2.000000) * vector(3.000000)))"),
    (
        r#"vector(1) > bool on (a) group_left (b, c) (vector(2) unless ignoring () vector(3))"#,
        "(vector(1.000000) > bool on (a) group_left (b,c) (vector(2.000000) unless ignoring () vector(3.000000)))",
    ),
    (r#"label_replace(vector(1), "a", "$1", "b", "(.*)")"#, r#"label_replace(vector(1.000000),"a","$1","b","(.*)")"#),
];

#[test]
fn a_query_is_written_as_loki_does() {
    for (query, wanted) in WRITTEN {
        let wanted = if wanted.is_empty() { query } else { wanted };
        assert_eq!(parse(query).unwrap().to_string(), *wanted, "{query}");
    }
}

#[test]
fn what_is_written_reads_the_same() {
    for (query, _) in WRITTEN {
        let parsed = parse(query).unwrap();
        for text in [parsed.to_string(), pretty::format(&parsed)] {
            let again = parse(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(again, parsed, "{query} became {text}");
        }
    }
}

#[test]
fn long_queries_are_laid_out() {
    let query = r#"sum by (model) (sum_over_time({namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json | unwrap cost_usd | __error__="" [5m])) / 2"#;
    let wanted = r#"  sum by (model)(
    sum_over_time(
      {namespace="llm", app="llm-proxy"} |= "llm_request_completed" | json
        | unwrap cost_usd
        | __error__="" [5m]
    )
  )
/
  2"#;
    let laid_out = pretty::format(&parse(query).unwrap());
    assert_eq!(laid_out, wanted);
    assert_eq!(parse(&laid_out), parse(query));
}

#[test]
fn what_is_nested_too_deeply_is_refused() {
    let nested = |depth: usize| format!("{}vector(1){}", "(".repeat(depth), ")".repeat(depth));
    assert!(parse(&nested(195)).is_ok());
    assert_eq!(error(&nested(5_000)), "parse error : query is nested too deeply");
    assert!(error(&"sum(".repeat(5_000)).contains("too deeply"));
    assert!(error(&format!("rate({}", "(".repeat(5_000))).contains("too deeply"));
    assert!(error(&format!(r#"{{a="b"}} | {}"#, "(".repeat(5_000))).contains("too deeply"));
    let chain = |count: usize| vec!["vector(1)"; count].join(" + ");
    let query = parse(&chain(151)).unwrap();
    assert_eq!(parse(&query.to_string()).as_ref(), Ok(&query));
    assert_eq!(parse(&pretty::format(&query)).as_ref(), Ok(&query));
    assert!(error(&chain(152)).contains("more than 150 operators"));
    let chain = |count: usize| format!(r#"{{a="b"}} | {}"#, vec![r#"c="d""#; count].join(" or "));
    let query = parse(&chain(151)).unwrap();
    assert_eq!(parse(&query.to_string()).as_ref(), Ok(&query));
    assert!(error(&chain(152)).contains("more than 150 operators"));
}

#[test]
fn spans_point_into_the_query() {
    let query = r#"{a="b"} |= "c" | json"#;
    let Ok(Expr::Log(log)) = parse(query) else { panic!() };
    let parts: Vec<_> = log.stages.iter().map(|stage| &query[stage.span.start..stage.span.end]).collect();
    assert_eq!(parts, [r#"|= "c""#, "| json"]);
    assert_eq!(&query[log.span.start..log.span.end], query);
}

/// Words that a query may be made of, and some that it may not.
const WORDS: &[&str] = &[
    "{",
    "}",
    "(",
    ")",
    "[5m]",
    "[1h30m]",
    "[x]",
    ",",
    "=",
    "!=",
    "=~",
    "!~",
    "|=",
    "|~",
    "|>",
    "!>",
    "|",
    "==",
    ">",
    ">=",
    "<",
    "<=",
    "+",
    "-",
    "*",
    "/",
    "%",
    "^",
    "and",
    "or",
    "unless",
    "bool",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "by",
    "without",
    "offset",
    "unwrap",
    "json",
    "logfmt",
    "regexp",
    "pattern",
    "unpack",
    "decolorize",
    "line_format",
    "label_format",
    "drop",
    "keep",
    "rate(",
    "sum",
    "sum(",
    "topk(2,",
    "quantile_over_time(0.5,",
    "label_replace(",
    "vector(",
    "bytes(",
    "duration(",
    "ip(",
    "app",
    "a",
    "\"x\"",
    "`<_>`",
    "\"(?P<a>.)\"",
    "\"{{.a}}\"",
    "\"\\x\"",
    "1",
    "2.5",
    "1e3",
    "0x1p3",
    "5m",
    "-5m",
    "10KB",
    "--strict",
    "#",
    "\n",
    "é",
    "\"",
    "`",
    "{app=\"a\"}",
    "{app=~\".+\"} | json",
    "count_over_time({a=\"b\"}[5m])",
    "approx_count_distinct(a,",
];

proptest::proptest! {
    #![proptest_config(proptest::prelude::ProptestConfig { cases: 1000, ..Default::default() })]

    #[test]
    fn any_words_are_a_query_or_an_error(words in proptest::collection::vec(proptest::sample::select(WORDS), 0..14)) {
        let text = words.join(" ");
        for text in [text.replace(' ', ""), text] {
            match parse(&text) {
                Ok(query) => {
                    for written in [query.to_string(), pretty::format(&query)] {
                        let again = parse(&written).unwrap_or_else(|error| panic!("{text} became {written}: {error}"));
                        proptest::prop_assert!(again == query || again.to_string() == query.to_string(), "{} became {}", text, written);
                    }
                }
                Err(error) => proptest::prop_assert!(error.to_string().starts_with("parse error"), "{}", error),
            }
        }
    }

    #[test]
    fn any_text_is_a_query_or_an_error(text in "\\PC{0,40}") {
        if let Err(error) = parse(&text) {
            proptest::prop_assert!(error.to_string().starts_with("parse error"), "{}", error);
        }
    }
}
