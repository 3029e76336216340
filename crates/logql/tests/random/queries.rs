//! Random queries, all of them valid.

use proptest::prelude::*;

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = String> + Clone {
    prop::sample::select(words).prop_map(str::to_owned)
}

fn selector() -> impl Strategy<Value = String> + Clone {
    one_of(&[r#"{app="a"}"#, r#"{app=~".+"}"#, r#"{app=~"a|b", level!="info"}"#])
}

fn label_test() -> impl Strategy<Value = String> + Clone {
    one_of(&[
        r#"model="x""#,
        r#"model!="gpt-4""#,
        r#"model=~"gpt.*|x""#,
        r#"level!~"e.*""#,
        r#"model="""#,
        r#"m=~".+""#,
        "n > 3",
        "n <= 100.5",
        "n == 5",
        "n != 5",
        "m >= 1",
        "n > 1s",
        "model < 3KB",
        r#"model=ip("10.0.0.0/8")"#,
        r#"level_extracted="x""#,
        r#"__error__="""#,
        r#"__error__!="""#,
        "a_b < 100",
    ])
}

fn label_filter() -> impl Strategy<Value = String> + Clone {
    let joint = one_of(&[" and ", " or ", ", ", " "]);
    prop_oneof![
        3 => label_test(),
        1 => (label_test(), joint.clone(), label_test()).prop_map(|(left, joint, right)| left + &joint + &right),
        1 => (label_test(), label_test(), joint, label_test())
            .prop_map(|(first, second, joint, third)| format!("({first} or {second}){joint}{third}")),
    ]
}

fn stage() -> impl Strategy<Value = String> + Clone {
    prop_oneof![
        5 => Just("| json".to_owned()),
        5 => label_filter().prop_map(|filter| format!("| {filter}")),
        4 => one_of(&[
            r#"|= "gpt""#, r#"|= "model""#, r#"!= "done""#, r#"|= "x" or "gpt""#, r#"!= "null" or "x""#, r#"|~ "[a-z]+""#,
            r#"|> "{<_>}""#, r#"|= "1""#, r#"|= "app""#, r#"!= "tr""#,
        ]),
        2 => one_of(&[
            "| logfmt", "| logfmt --strict --keep-empty", r#"| logfmt z="model", n"#, r#"| json z="model", y="a.b""#, "| decolorize",
            "| unpack", r#"| regexp `"model":"(?P<model>[^"]*)"`"#, r#"| pattern `<_>model<sep>"<rest>`"#,
        ]),
        2 => one_of(&[
            "| drop __error__, __error_details__", "| drop level", r#"| drop model="x""#, "| keep model, n", "| label_format z=model",
            "| label_format n=m, k=app",
        ]),
    ]
}

fn pipeline() -> impl Strategy<Value = String> + Clone {
    // Behind a name that is dropped, `!=` begins its value and no filter of lines.
    let runs_on = |query: &str, stage: &str| {
        let last = query.rsplit("| ").next().unwrap_or_default();
        stage.starts_with('!') && (last.starts_with("drop") || last.starts_with("keep"))
    };
    (selector(), prop::collection::vec(stage(), 0..5)).prop_map(move |(selector, stages)| {
        stages.into_iter().fold(selector, |query, stage| match runs_on(&query, &stage) {
            true => query,
            false => format!("{query} {stage}"),
        })
    })
}

fn grouping() -> impl Strategy<Value = String> + Clone {
    one_of(&[
        "by (model)",
        "by (level, m)",
        "by ()",
        "by (model, app, n)",
        "without (m)",
        "without (model, n)",
        "by (done)",
    ])
}

fn range() -> impl Strategy<Value = String> + Clone {
    one_of(&["[5s]", "[10s]", "[30s]", "[1m] offset 10s"])
}

fn range_aggregation() -> impl Strategy<Value = String> + Clone {
    let plain = one_of(&["count_over_time", "rate", "bytes_over_time", "bytes_rate", "absent_over_time"]);
    let unwrapped = one_of(&["sum_over_time", "rate", "rate_counter"]);
    let grouped = one_of(&[
        "avg_over_time",
        "min_over_time",
        "max_over_time",
        "stdvar_over_time",
        "stddev_over_time",
        "first_over_time",
        "last_over_time",
        "quantile_over_time",
    ]);
    let unwrap = one_of(&["n", "m", "duration(model)", "bytes(n)", "a_b", "model", r#"n | __error__="""#, "n | n > 5"]);
    prop_oneof![
        (plain, pipeline(), range()).prop_map(|(op, log, range)| format!("{op}({log} {range})")),
        (unwrapped, pipeline(), unwrap.clone(), range())
            .prop_map(|(op, log, unwrap, range)| format!("{op}({log} | unwrap {unwrap} {range})")),
        (grouped, pipeline(), unwrap, range(), prop::option::of(grouping())).prop_map(
            |(op, log, unwrap, range, grouping)| {
                let parameter = if op.starts_with("quantile") { "0.75, " } else { "" };
                format!("{op}({parameter}{log} | unwrap {unwrap} {range}) {}", grouping.unwrap_or_default())
            }
        ),
    ]
}

fn metric() -> impl Strategy<Value = String> + Clone {
    let vector = one_of(&["sum", "avg", "max", "min", "count", "stddev", "stdvar"]);
    let chosen = one_of(&["topk(2, ", "bottomk(1, ", "sort(", "sort_desc("]);
    let aggregated = prop_oneof![
        2 => range_aggregation(),
        3 => (vector, grouping(), range_aggregation()).prop_map(|(op, grouping, inner)| format!("{op} {grouping} ({inner})")),
        1 => (chosen, range_aggregation()).prop_map(|(op, inner)| format!("{op}{inner})")),
    ];
    let operator = one_of(&[
        "+",
        "- on (model)",
        "* on (model) group_left (app)",
        "/ ignoring (level)",
        "> bool",
        "<=",
        "!= on ()",
        "and",
        "or",
        "unless on (m)",
        "%",
    ]);
    prop_oneof![
        4 => aggregated.clone(),
        1 => (aggregated.clone(), one_of(&["* 2", "> 1", "== bool 1", "^ 2", "/ 0"])).prop_map(|(left, right)| format!("{left} {right}")),
        1 => (aggregated.clone(), operator, aggregated.clone()).prop_map(|(left, operator, right)| format!("{left} {operator} {right}")),
        1 => aggregated.prop_map(|inner| format!(r#"label_replace({inner}, "z", "v$1", "model", "(.).*")"#)),
    ]
}

pub fn any_query() -> impl Strategy<Value = String> + Clone {
    prop_oneof![1 => pipeline(), 4 => metric()]
}
