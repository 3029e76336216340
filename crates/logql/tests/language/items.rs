//! Each item of the language by its name, with a query that has it and what comes of it.

use logql::Labels;
use logql::eval::{Answer, Context, Request, evaluate};
use logql::source::{Direction, Entry, RowSource, Source};
use logql::syntax::{Expr, parse, pretty};

use crate::columns::ColumnSource;

const SECOND: i64 = 1_000_000_000;

/// What is asked.
fn entries() -> Vec<Entry> {
    let entry = |at: i64, app: &str, env: &str, line: &str, metadata: &[(&str, &str)]| Entry {
        labels: Labels::new([("app", app), ("env", env)]),
        timestamp: at * SECOND,
        line: line.into(),
        metadata: Labels::new(metadata.iter().copied()),
    };
    let mut entries = vec![
        entry(10, "a", "prod", "level=info took=120ms size=2KiB ip=10.0.0.7 user=ann n=1", &[("trace", "t1")]),
        entry(20, "a", "prod", "level=error took=3s size=1MB ip=10.0.9.9 user=bob n=2", &[("trace", "t2")]),
        entry(30, "a", "dev", "level=info took=50ms size=10B ip=192.168.0.1 user= n=3", &[]),
        entry(40, "b", "dev", r#"{"user":"cy","n":4,"deep":{"a":[10,20]},"it's":"x","app":"z"}"#, &[]),
        entry(50, "c", "dev", "GET /v1/chat?q=1 200 0.25", &[]),
        entry(50, "d", "dev", r#"{"_entry":"inner","pod":"p-1"}"#, &[]),
        entry(50, "e", "dev", "\u{1b}[31mred\u{1b}[0m", &[]),
        entry(50, "f", "dev", "broken=\"open", &[]),
    ];
    // A counter that begins anew: 5, 10, 3, 8.
    let counter = [(10, 5), (20, 10), (30, 3), (40, 8)];
    entries.extend(counter.map(|(at, value)| entry(at, "k", "dev", &format!("total={value}"), &[])));
    let bytes = b"caf\xe9 \xff".to_vec();
    entries.push(Entry { line: bytes, ..entry(50, "l", "dev", "", &[]) });
    entries
}

/// At the end of the minute, as one line: series with their values, or lines.
fn told(source: &dyn Source, text: &str) -> String {
    let query = match parse(text) {
        Ok(query) => query,
        Err(error) => return format!("error: {error}"),
    };
    let request = match query {
        Expr::Log(_) => Request { limit: 100, direction: Direction::Forward, ..Request::range(0, 61 * SECOND, 1) },
        _ => Request::instant(60 * SECOND),
    };
    match evaluate(source, &query, &request, &Context::default()).map(|outcome| outcome.answer) {
        Ok(Answer::Scalar(value)) => format!("{value}"),
        Ok(Answer::Vector(samples)) => {
            samples.iter().map(|sample| format!("{} {}", sample.labels, sample.value)).collect::<Vec<_>>().join("; ")
        }
        Ok(Answer::Entries(entries)) => {
            entries.iter().map(|entry| String::from_utf8_lossy(&entry.line)).collect::<Vec<_>>().join("; ")
        }
        Ok(Answer::Matrix(_)) => "a matrix".to_owned(),
        Err(error) => format!("error: {error}"),
    }
}

/// Rows and columns must tell the same.
#[track_caller]
fn check(items: &[(&str, &str, &str)]) {
    let (entries, mut wrong) = (entries(), Vec::new());
    let (rows, columns) = (RowSource::new(entries.clone()), ColumnSource::new(&entries, 4));
    for (item, query, expected) in items {
        for (kind, source) in [("rows", &rows as &dyn Source), ("columns", &columns)] {
            let found = told(source, query);
            if found != *expected {
                wrong.push(format!("{item} ({kind}): {query}\n  gives    {found}\n  and not  {expected}"));
            }
        }
        // What is asked for can be laid out, and still says the same.
        if let Ok(query) = parse(query) {
            let laid_out = pretty::format(&query);
            assert_eq!(parse(&laid_out).map(|again| again.to_string()), Ok(query.to_string()), "{item}: {laid_out}");
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// How many lines of app a are left.
macro_rules! lines_of_a {
    ($rest:literal) => {
        concat!("sum(count_over_time({app=\"a\"} ", $rest, " [1m]))")
    };
}

#[test]
fn selectors_and_comments() {
    check(&[
        ("selector =", r#"sum(count_over_time({app="a"}[1m]))"#, "{} 3"),
        ("selector !=", r#"sum(count_over_time({env="dev", app!="k"}[1m]))"#, "{} 7"),
        ("selector =~, anchored", r#"sum(count_over_time({env=~"pro"}[1m]))"#, ""),
        ("selector =~", r#"sum(count_over_time({app=~"a|b"}[1m]))"#, "{} 4"),
        ("selector !~", r#"sum(count_over_time({env="dev", app!~"k|[b-f]"}[1m]))"#, "{} 2"),
        ("comment", "sum( # all of it\n count_over_time({app=\"a\"}[1m])) # end", "{} 3"),
        ("parse error with its place", "sum(", "error: parse error at line 1, col 5: syntax error: unexpected $end"),
        (
            "parse error on another line",
            "{app=\"a\"}\n | json ]",
            "error: parse error at line 2, col 9: syntax error: unexpected ]",
        ),
    ]);
}

#[test]
fn line_filters() {
    check(&[
        ("|=", lines_of_a!("|= `level=info`"), "{} 2"),
        ("!=", lines_of_a!("!= `level=info`"), "{} 1"),
        ("|~", lines_of_a!("|~ `took=[0-9]+s`"), "{} 1"),
        ("!~", lines_of_a!("!~ `took=[0-9]+s`"), "{} 2"),
        ("|>", lines_of_a!("|> `level=<_> took=<_>ms <_>`"), "{} 2"),
        ("!>", lines_of_a!("!> `level=<_> took=<_>ms <_>`"), "{} 1"),
        ("or of |=", lines_of_a!("|= `ann` or `bob`"), "{} 2"),
        ("or of !=", lines_of_a!("!= `ann` or `bob`"), "{} 1"),
        ("or of |~", lines_of_a!("|~ `a.n` or `b.b` or `none`"), "{} 2"),
        ("or of |>", lines_of_a!("|> `<_>user=ann<_>` or `<_>user=bob<_>`"), "{} 2"),
        ("ip() in a line", lines_of_a!("|= ip(`10.0.0.0/16`)"), "{} 2"),
        ("ip() not in a line", lines_of_a!("!= ip(`10.0.0.0-10.0.0.255`)"), "{} 2"),
        ("invalid UTF-8", r#"sum(count_over_time({app="l"} |= `caf` [1m]))"#, "{} 1"),
        ("ASCII classes over bytes", r#"sum(count_over_time({app="l"} |~ `caf\W` [1m]))"#, "{} 1"),
    ]);
}

#[test]
fn parsers() {
    check(&[
        ("json", r#"{app="b"} | json | line_format "{{.user}} {{.n}} {{.it_s}}""#, "cy 4 x"),
        ("json, nested", r#"{app="b"} | json | label_format x="{{.deep_a}}" | line_format "{{.deep_a}}""#, ""),
        ("json with expressions", r#"{app="b"} | json u="user", x="deep.a[1]" | line_format "{{.u}} {{.x}}""#, "cy 20"),
        ("json with a quoted name", r#"{app="b"} | json x="[\"it's\"]" | line_format "{{.x}}""#, "x"),
        ("_extracted", r#"{app="b"} | json | line_format "{{.app}} {{.app_extracted}}""#, "b z"),
        ("names made of letters", r#"sum by (it_s) (count_over_time({app="b"} | json [1m]))"#, r#"{it_s="x"} 1"#),
        (
            "json and its error",
            r#"sum by (__error__) (count_over_time({app="c"} | json | __error__!="" [1m]))"#,
            r#"{__error__="JSONParserErr"} 1"#,
        ),
        ("logfmt", r#"{app="a"} | logfmt | line_format "{{.user}}""#, "ann; bob; "),
        (
            "logfmt with expressions",
            r#"{app="a", env="prod"} | logfmt who="user", n | line_format "{{.who}}{{.n}}""#,
            "ann1; bob2",
        ),
        (
            "logfmt --strict",
            r#"sum(count_over_time({app="f"} | logfmt --strict | __error__="LogfmtParserErr" [1m]))"#,
            "{} 1",
        ),
        ("logfmt without --strict", r#"sum(count_over_time({app="f"} | logfmt | __error__="" [1m]))"#, "{} 1"),
        (
            "logfmt --keep-empty",
            r#"sum by (user) (count_over_time({app="a", env="dev"} | logfmt --keep-empty [1m]))"#,
            r#"{user=""} 1"#,
        ),
        (
            "pattern",
            r#"{app="c"} | pattern `<method> <path> <_> <took>` | line_format "{{.method}} {{.path}} {{.took}}""#,
            "GET /v1/chat?q=1 0.25",
        ),
        ("regexp", r#"{app="c"} | regexp `(?P<method>\w+) (?P<path>[^ ]+)` | line_format "{{.path}}""#, "/v1/chat?q=1"),
        ("unpack", r#"{app="d"} | unpack | pod="p-1""#, "inner"),
        ("decolorize", r#"{app="e"} | decolorize"#, "red"),
    ]);
}

#[test]
fn label_filters() {
    check(&[
        ("text =", lines_of_a!("| logfmt | user=`ann`"), "{} 1"),
        ("text !=", lines_of_a!("| logfmt | user!=`ann`"), "{} 2"),
        ("text =~", lines_of_a!("| logfmt | user=~`a.*|b.*`"), "{} 2"),
        ("text !~", lines_of_a!("| logfmt | user!~`a.*|b.*`"), "{} 1"),
        ("number ==", lines_of_a!("| logfmt | n==2"), "{} 1"),
        ("number !=", lines_of_a!("| logfmt | n!=2"), "{} 2"),
        ("number >, >=, <, <=", lines_of_a!("| logfmt | n>=1 | n>1 | n<=3 | n<3"), "{} 1"),
        ("duration", lines_of_a!("| logfmt | took>=120ms"), "{} 2"),
        ("duration ==", lines_of_a!("| logfmt | took==3000ms"), "{} 1"),
        ("bytes", lines_of_a!("| logfmt | size>1KB"), "{} 2"),
        ("bytes <", lines_of_a!("| logfmt | size<=10B"), "{} 1"),
        ("ip", lines_of_a!("| logfmt | ip=ip(`10.0.0.0/8`)"), "{} 2"),
        ("ip !=", lines_of_a!("| logfmt | ip!=ip(`10.0.0.7`)"), "{} 2"),
        ("and", lines_of_a!("| logfmt | n>1 and level=`info`"), "{} 1"),
        ("a comma is and", lines_of_a!("| logfmt | n>1, level=`info`"), "{} 1"),
        ("or", lines_of_a!("| logfmt | n>2 or level=`error`"), "{} 2"),
        ("parentheses", lines_of_a!("| logfmt | (n==1 or n==2) and level=`info`"), "{} 1"),
        ("without parentheses", lines_of_a!("| logfmt | n==1 or n==3 and level=`error`"), "{} 1"),
        ("metadata", lines_of_a!("| trace=`t2`"), "{} 1"),
        (
            "what cannot be compared",
            r#"{app="a"} | logfmt | user > 5 | line_format "{{.user}}: {{.__error__}}""#,
            "ann: LabelFilterErr; bob: LabelFilterErr",
        ),
    ]);
}

#[test]
fn formatting_and_labels() {
    check(&[
        (
            "line_format",
            r#"{app="a", env="prod"} | logfmt | line_format "{{.user}}: {{.took}}""#,
            "ann: 120ms; bob: 3s",
        ),
        (
            "label_format, a template",
            r#"sum by (x) (count_over_time({app="a", env="prod"} | logfmt | label_format x="{{.user}}-{{.n}}" [1m]))"#,
            r#"{x="ann-1"} 1; {x="bob-2"} 1"#,
        ),
        (
            "label_format, another name",
            r#"sum by (who, user) (count_over_time({app="a", env="prod"} | logfmt | label_format who=user [1m]))"#,
            r#"{who="ann"} 1; {who="bob"} 1"#,
        ),
        ("drop", r#"sum(count_over_time({app="a"} | logfmt | drop user | user="" [1m]))"#, "{} 3"),
        (
            "drop where",
            r#"sum by (user) (count_over_time({app="a", env="prod"} | logfmt | drop user="ann" [1m]))"#,
            r#"{} 1; {user="bob"} 1"#,
        ),
        (
            "keep",
            r#"count_over_time({app="a", env="prod"} | logfmt | keep level [1m])"#,
            r#"{level="error"} 1; {level="info"} 1"#,
        ),
        (
            "keep where",
            r#"count_over_time({app="a", env="prod"} | logfmt | keep level="info" [1m])"#,
            r#"{} 1; {level="info"} 1"#,
        ),
        ("__error__", r#"sum(count_over_time({app="c"} | json | __error__="" [1m]))"#, ""),
        (
            "an error ends a metric query",
            r#"rate({app="c"} | json [1m])"#,
            "error: pipeline error: 'JSONParserErr' for series: '{__error__=\"JSONParserErr\", __error_details__=\"Value looks like object, but can't find closing '}' symbol\", app=\"c\", env=\"dev\"}'.\nUse a label filter to intentionally skip this error. (e.g | __error__!=\"JSONParserErr\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n",
        ),
    ]);
}

#[test]
fn range_aggregations() {
    check(&[
        ("rate", r#"sum(rate({app="a"}[1m]))"#, "{} 0.05"),
        ("count_over_time", r#"sum(count_over_time({app="a"}[45s]))"#, "{} 2"),
        ("half-open window", r#"sum(count_over_time({app="a"}[50s]))"#, "{} 2"),
        ("bytes_rate", r#"sum(bytes_rate({app="c"}[1m]))"#, "{} 0.4166666666666667"),
        ("bytes_over_time", r#"sum(bytes_over_time({app="c"}[1m]))"#, "{} 25"),
        ("absent_over_time", r#"absent_over_time({app="none"}[1m])"#, r#"{app="none"} 1"#),
        ("absent_over_time of what is there", r#"absent_over_time({app="a"}[1m])"#, ""),
        ("offset", r#"sum(count_over_time({app="a"}[20s] offset 30s))"#, "{} 2"),
        ("offset forward", r#"sum(count_over_time({app="a"}[20s] offset -1m))"#, ""),
        ("unwrap", r#"sum(sum_over_time({app="a"} | logfmt | unwrap n [1m]))"#, "{} 6"),
        ("unwrap duration()", r#"sum(sum_over_time({app="a"} | logfmt | unwrap duration(took) [1m]))"#, "{} 3.17"),
        (
            "unwrap duration_seconds()",
            r#"sum(sum_over_time({app="a"} | logfmt | unwrap duration_seconds(took) [1m]))"#,
            "{} 3.17",
        ),
        ("unwrap bytes()", r#"sum(sum_over_time({app="a"} | logfmt | unwrap bytes(size) [1m]))"#, "{} 1002058"),
        ("unwrap and a filter", r#"sum(sum_over_time({app="a"} | logfmt | unwrap user | __error__="" [1m]))"#, ""),
        ("sum_over_time", r#"sum by (app) (sum_over_time({app="k"} | logfmt | unwrap total [1m]))"#, r#"{app="k"} 26"#),
        ("avg_over_time", r#"avg_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#, r#"{app="k"} 6.5"#),
        ("min_over_time", r#"min_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#, r#"{app="k"} 3"#),
        ("max_over_time", r#"max_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#, r#"{app="k"} 10"#),
        ("first_over_time", r#"first_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#, r#"{app="k"} 5"#),
        ("last_over_time", r#"last_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#, r#"{app="k"} 8"#),
        (
            "stdvar_over_time",
            r#"stdvar_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#,
            r#"{app="k"} 7.25"#,
        ),
        (
            "stddev_over_time",
            r#"stddev_over_time({app="k"} | logfmt | unwrap total [1m]) by (app)"#,
            r#"{app="k"} 2.692582403567252"#,
        ),
        (
            "quantile_over_time",
            r#"quantile_over_time(0.5, {app="k"} | logfmt | unwrap total [1m]) by (app)"#,
            r#"{app="k"} 6.5"#,
        ),
        (
            "rate of unwrapped values",
            r#"rate({app="k"} | logfmt | unwrap total [1m])"#,
            r#"{app="k", env="dev"} 0.43333333333333335"#,
        ),
        ("by", r#"avg_over_time({app="a"} | logfmt | unwrap n [1m]) by (env)"#, r#"{env="dev"} 3; {env="prod"} 1.5"#),
        (
            "without",
            r#"max_over_time({app="a"} | logfmt | keep app, env, n | unwrap n [1m]) without (env)"#,
            r#"{app="a"} 3"#,
        ),
    ]);
}

#[test]
fn rate_counter_takes_a_counters_beginnings_into_account() {
    // 5, 10, 3, 8 rise by 5, 3 and 5 over 30 of the 60 seconds.
    let entries = entries();
    let told = told(&RowSource::new(entries), r#"rate_counter({app="k"} | logfmt | unwrap total [1m])"#);
    let value: f64 = told.rsplit(' ').next().unwrap().parse().unwrap();
    assert!((13.0 / 60.0..=13.0 / 30.0).contains(&value), "{told}");
}

#[test]
fn vector_aggregations() {
    const BY: &str = r#"sum by (app) (count_over_time({app=~"a|b|k"}[1m]))"#;
    let of = |function: &str| format!("{function}({BY})");
    let ranked = |function: &str, count: u32| format!("{function}({count}, {BY})");
    let cases = [
        ("sum", of("sum"), "{} 8"),
        ("avg", of("avg"), "{} 2.6666666666666665"),
        ("min", of("min"), "{} 1"),
        ("max", of("max"), "{} 4"),
        ("count", of("count"), "{} 3"),
        ("stddev", of("stddev"), "{} 1.247219128924647"),
        ("stdvar", of("stdvar"), "{} 1.5555555555555556"),
        ("topk", ranked("topk", 1), r#"{app="k"} 4"#),
        ("bottomk", ranked("bottomk", 1), r#"{app="b"} 1"#),
        ("approx_topk", ranked("approx_topk", 1), r#"{app="k"} 4"#),
        ("sort", of("sort"), r#"{app="b"} 1; {app="a"} 3; {app="k"} 4"#),
        ("sort_desc", of("sort_desc"), r#"{app="k"} 4; {app="a"} 3; {app="b"} 1"#),
    ];
    let cases: Vec<_> = cases.iter().map(|(item, query, expected)| (*item, query.as_str(), *expected)).collect();
    check(&cases);
    check(&[
        ("by", r#"sum by (env) (count_over_time({app=~"a|b"}[1m]))"#, r#"{env="dev"} 2; {env="prod"} 2"#),
        ("by behind", r#"sum(count_over_time({app=~"a|b"}[1m])) by (env)"#, r#"{env="dev"} 2; {env="prod"} 2"#),
        ("without", r#"sum without (app, trace) (count_over_time({app="a"}[1m]))"#, r#"{env="dev"} 1; {env="prod"} 2"#),
        (
            "topk by",
            r#"topk by (env) (1, sum by (app, env) (count_over_time({app=~"a|b|k"}[1m])))"#,
            r#"{app="a", env="prod"} 2; {app="k", env="dev"} 4"#,
        ),
    ]);
}

#[test]
fn operators() {
    const A: &str = r#"sum by (env) (count_over_time({app="a"}[1m]))"#;
    const B: &str = r#"sum by (env) (count_over_time({app="b"}[1m]))"#;
    let cases = [
        ("+ - * / % ^", "1 + 2 * 3 - 4 / 2 + 7 % 4 + 2 ^ 3 ^ 0".to_owned(), "10"),
        ("10 / 0 is +Inf", "10 / 0".to_owned(), "inf"),
        ("== != > >= < <= of numbers", "(1 == 1) + (1 != 2) + (2 > 1) + (2 >= 2) + (1 < 2) + (1 <= 1)".to_owned(), "6"),
        ("a filter", format!("{A} > 1"), r#"{env="prod"} 2"#),
        ("bool", format!("{A} > bool 1"), r#"{env="dev"} 0; {env="prod"} 1"#),
        ("vectors", format!("{A} + {B}"), r#"{env="dev"} 2"#),
        ("and", format!("{A} and {B}"), r#"{env="dev"} 1"#),
        ("or", format!("{B} or {A}"), r#"{env="dev"} 1; {env="prod"} 2"#),
        ("unless", format!("{A} unless {B}"), r#"{env="prod"} 2"#),
        ("vector() and literals", "vector(3) * 2".to_owned(), "{} 6"),
    ];
    let cases: Vec<_> = cases.iter().map(|(item, query, expected)| (*item, query.as_str(), *expected)).collect();
    check(&cases);
    let by = |labels: &str, apps: &str| format!("sum by ({labels}) (count_over_time({{app=~\"{apps}\"}}[1m]))");
    let (one, many) = (by("env", "a|b|k"), by("app, env", "a|b|k"));
    let cases = [
        ("on", format!("{} + on (env) {B}", by("env, app", "a"), B = by("env, app", "b")), r#"{env="dev"} 2"#),
        ("ignoring", format!("{} + ignoring (app) {}", by("env, app", "a"), by("env, app", "b")), r#"{env="dev"} 2"#),
        (
            "group_left",
            format!("{many} / on (env) group_left {one}"),
            r#"{app="a", env="dev"} 0.16666666666666666; {app="a", env="prod"} 1; {app="b", env="dev"} 0.16666666666666666; {app="k", env="dev"} 0.6666666666666666"#,
        ),
        (
            "group_right",
            format!("{one} - on (env) group_right {many}"),
            r#"{app="a", env="dev"} 5; {app="a", env="prod"} 0; {app="b", env="dev"} 5; {app="k", env="dev"} 2"#,
        ),
        (
            "label_replace",
            r#"label_replace(sum by (env) (count_over_time({app="a"}[1m])), "first", "$1", "env", "(.).*")"#.to_owned(),
            r#"{env="dev", first="d"} 1; {env="prod", first="p"} 2"#,
        ),
        ("the mission's kind of share", format!("sum({B}) / sum({A})"), "{} 0.3333333333333333"),
    ];
    let cases: Vec<_> = cases.iter().map(|(item, query, expected)| (*item, query.as_str(), *expected)).collect();
    check(&cases);
}

/// Functions with a template that calls them and what it comes to: all that Loki documents, with its own example where it has one.
const FUNCTIONS: &[(&str, &str, &str)] = &[
    ("__line__", "__line__ | trunc 10", "level=info"),
    ("__timestamp__", "__timestamp__ | unixEpoch", "10"),
    ("date", "date `2006-01-02T15:04:05` __timestamp__", "1970-01-01T00:00:10"),
    ("duration", "duration .took", "0.12"),
    ("duration_seconds", "duration_seconds .took", "0.12"),
    ("now", "if gt (now | unixEpochMillis | int) -1 }}yes{{ end", "yes"),
    ("toDate", "toDate `2006-01-02` `2021-11-02` | unixEpoch", "1635811200"),
    ("toDateInZone", "toDateInZone `2006-01-02` `Europe/Berlin` `2021-11-02` | unixEpoch", "1635807600"),
    ("unixEpoch", "unixEpoch __timestamp__", "10"),
    ("unixEpochMillis", "unixEpochMillis __timestamp__", "10000"),
    ("unixEpochNanos", "unixEpochNanos __timestamp__", "10000000000"),
    ("unixToTime", "date `2006-01-02` (unixToTime `1679577215`)", "2023-03-23"),
    ("alignLeft", "alignLeft 5 `hello world` }}|{{ alignLeft 5 `hi`", "hello|hi   "),
    ("alignRight", "alignRight 5 `hello world` }}|{{ alignRight 5 `hi`", "world|   hi"),
    ("b64enc", "b64enc .user", "YW5u"),
    ("b64dec", "b64dec `YW5u`", "ann"),
    ("bytes", "bytes .size", "2048"),
    ("default", "default `-` `` }}{{ default `-` `foo`", "-foo"),
    ("fromJson", "range $q := fromJson `[{\"q\":1},{\"q\":2}]` }}<{{ $q.q }}>{{ end", "<1><2>"),
    ("lower", "lower `HELLO`", "hello"),
    ("indent", "indent 2 `a`", "  a"),
    ("nindent", "nindent 2 `a`", "\n  a"),
    ("repeat", "repeat 3 `hello`", "hellohellohello"),
    ("printf", "printf `%-5.2s|%03d|%.1f` .user 7 2.55", "an   |007|2.5"),
    ("replace", "replace `hello` `world` `hello world`", "world world"),
    ("substr", "substr 0 5 `hello world` }}|{{ substr 6 11 `hello world`", "hello|world"),
    ("title", "title `hello world`", "Hello World"),
    ("trim", "trim `   hello    `", "hello"),
    ("trimAll", "trimAll `$` `$5.00`", "5.00"),
    ("trimPrefix", "trimPrefix `-` `-hello`", "hello"),
    ("trimSuffix", "trimSuffix `-` `hello-`", "hello"),
    ("trunc", "trunc 5 `hello world` }}|{{ trunc -5 `hello world`", "hello|world"),
    ("upper", "upper `hello`", "HELLO"),
    ("urlencode", "urlencode `a b/c`", "a+b%2Fc"),
    ("urldecode", "urldecode `a+b%2Fc`", "a b/c"),
    ("contains", "if contains `he` `hello` }} yes {{ end", " yes "),
    ("eq", "if eq `hello` `hello` }} yes {{ end", " yes "),
    ("ne, lt, le, gt, ge", "ne 1 2 }}{{ lt 1 2 }}{{ le 2 2 }}{{ gt 1 2 }}{{ ge 2 3", "truetruetruefalsefalse"),
    ("and, or, not", "if and (contains `he` `hello`) (or false (not false)) }} yes {{ end", " yes "),
    ("hasPrefix", "if hasPrefix `he` `hello` }} yes {{ end", " yes "),
    ("hasSuffix", "if hasSuffix `lo` `hello` }} yes {{ end", " yes "),
    ("add", "add 3 2 5", "10"),
    ("addf", "addf 3.5 2 5", "10.5"),
    ("ceil", "ceil 123.001", "124"),
    ("div", "div 10 2", "5"),
    ("divf", "divf 10 2 4", "1.25"),
    ("float64", "`3.5` | float64", "3.5"),
    ("floor", "floor 123.9999", "123"),
    ("int", "`3` | int", "3"),
    ("max", "max 1 2 3", "3"),
    ("maxf", "maxf 1 2.5 1.3", "2.5"),
    ("min", "min 5 2 3", "2"),
    ("minf", "minf 1 2.5 1.3", "1"),
    ("mul", "mul 5 2 3", "30"),
    ("mulf", "mulf 5.5 2 2.5", "27.5"),
    ("mod", "mod 10 3", "1"),
    ("round", "round 123.555555 3", "123.556"),
    ("sub", "sub 5 2", "3"),
    ("subf", "subf 5.5 1.5 1.5", "2.5"),
    ("count", "__line__ | count `=`", "6"),
    ("regexReplaceAll", "regexReplaceAll `(a*)bc` `xabcy` `${1}a`", "xaay"),
    ("regexReplaceAllLiteral", "regexReplaceAllLiteral `(ts=)` `ts=1` `time=`", "time=1"),
    ("ToLower, ToUpper", "ToLower `A` }}{{ ToUpper `b`", "aB"),
    ("Replace", "Replace `aaa` `a` `b` 2", "bba"),
    ("Trim", "Trim ` a ` ` `", "a"),
    ("TrimLeft, TrimRight", "TrimLeft `xxa` `x` }}{{ TrimRight `ayy` `y`", "aa"),
    ("TrimPrefix, TrimSuffix", "TrimPrefix `xa` `x` }}{{ TrimSuffix `ay` `y`", "aa"),
    ("TrimSpace", "TrimSpace ` a `", "a"),
    (
        "if, else, range, with, variables",
        "$x := 1 }}{{ if eq $x 1 }}one{{ else }}two{{ end }}{{ with .user }}{{ . }}{{ end",
        "oneann",
    ),
];

#[test]
fn functions_of_templates() {
    let entries = entries();
    let source = RowSource::new(entries[..1].to_vec());
    let mut wrong = Vec::new();
    for (item, template, expected) in FUNCTIONS {
        let query = format!("{{app=\"a\"}} | logfmt | line_format {:?}", format!("{{{{ {template} }}}}"));
        let found = told(&source, &query);
        if found != *expected {
            wrong.push(format!("{item}: {template} gives {found:?} and not {expected:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
