//! From a panel to its lines: the link leads to Explore, with a query that gives the lines behind the figure.

use logql::eval::{Answer, Context, Request as Ask, evaluate};
use logql::syntax::parse;
use serde_json::Value;
use weir::panels::PANELS;

use crate::dashboard::{LOKI, PROMETHEUS, dashboard, panel, queries};
use crate::figures::{ANYTHING, ask};
use crate::simulated::{NOW, SECOND, log, requests};

fn decode(text: &str) -> String {
    let (mut bytes, mut rest) = (Vec::new(), text.as_bytes());
    while let [byte, after @ ..] = rest {
        match (byte, after) {
            (b'%', [high, low, after @ ..]) => {
                let digit = |byte: &u8| (*byte as char).to_digit(16).unwrap() as u8;
                bytes.push(digit(high) * 16 + digit(low));
                rest = after;
            }
            _ => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8(bytes).unwrap()
}

/// The query of a link, with what Grafana puts in place of variables.
fn query_of(url: &str, label: Option<(&str, &str)>) -> String {
    let panes = url.split_once("panes=").unwrap().1;
    assert!(panes.split("${").all(|part| !part.contains(['"', ' ', '{', '|', '&', '#', '+'])), "{panes}");
    let mut panes = panes.to_owned();
    for (variable, value) in [
        ("${provider:pipe}", ".*"),
        ("${model:raw}", ".*"),
        ("${organization:raw}", ".*"),
        ("${datasource}", "llm-loki"),
        ("${__from}", "1759968000000"),
        ("${__to}", "1760054400000"),
    ] {
        panes = panes.replace(variable, value);
    }
    if let Some((label, value)) = label {
        panes = panes.replace(&format!("${{__field.labels.{label}}}"), value);
    }
    assert!(!panes.contains("${"), "{panes}");
    let panes: Value = serde_json::from_str(&decode(&panes)).unwrap();
    let pane = &panes["lines"];
    assert_eq!((&pane["datasource"], &pane["range"]["to"]), (&"llm-loki".into(), &"1760054400000".into()));
    pane["queries"][0]["expr"].as_str().unwrap().to_owned()
}

#[test]
fn each_link_leads_to_the_lines_behind_the_figure() {
    let requests = requests(400);
    let (log, shown) = (log(&requests), dashboard(LOKI));
    for listed in PANELS.iter().filter(|panel| !panel.logql.is_empty() && panel.title != "Structured Log Viewer") {
        let panel = panel(&shown, listed.title);
        let link = &panel["fieldConfig"]["defaults"]["links"][0];
        let url = link["url"].as_str().unwrap_or_else(|| panic!("{} has no link", listed.title));
        let lines = |label: Option<(&str, &str)>| {
            let query = query_of(url, label);
            let ask = Ask { limit: 1_000, ..Ask::range(NOW - 86_400 * SECOND, NOW + 1, SECOND) };
            let expr = parse(&query).unwrap_or_else(|error| panic!("{query}\n{error}"));
            let Answer::Entries(entries) = evaluate(&log, &expr, &ask, &Context::default()).unwrap().answer else {
                panic!("{query}: no lines")
            };
            let read = |entry: &logql::eval::LogEntry| serde_json::from_slice::<Value>(&entry.line).unwrap();
            entries.iter().map(read).collect::<Vec<_>>()
        };
        let Some(by) = listed.logql[0].by else {
            assert!(!lines(None).is_empty(), "{}", listed.title);
            continue;
        };
        // Of each series: the lines' field, summed, is the series' figure.
        let query = ANYTHING.apply(&queries(&panel)[0], "1d");
        let unwrapped: Vec<&str> = query.split("unwrap ").skip(1).map(|rest| rest.split(' ').next().unwrap()).collect();
        for (value, figure) in ask(&log, &query, NOW) {
            let found = lines(Some((by, &value)));
            let total = |field: &str| found.iter().map(|line| line[field].as_f64().unwrap()).sum::<f64>();
            let sum = match unwrapped[..] {
                [field] => total(field),
                // Of one thing for a thousand of another.
                [field, of] => 1000.0 * total(field) / total(of),
                _ if query.contains("rate(") => found.len() as f64 / 86_400.0,
                _ => found.len() as f64,
            };
            assert!((sum - figure).abs() <= 1e-9 * figure, "{} {value}: {sum} instead of {figure}", listed.title);
        }
    }
}

/// Counters know no lines: their panels lead to those over lines that show the same.
#[test]
fn a_panel_of_counters_leads_to_its_like_over_lines() {
    let (lines, counters) = (dashboard(LOKI), dashboard(PROMETHEUS));
    let variables = lines["templating"]["list"].as_array().unwrap();
    let mut found = 0;
    for listed in PANELS.iter().filter(|panel| !panel.promql.is_empty() && panel.lines.is_some()) {
        let link = &panel(&counters, listed.title)["fieldConfig"]["defaults"]["links"][0];
        let url = link["url"].as_str().unwrap_or_else(|| panic!("{} has no link", listed.title));
        let (path, query) = url.split_once('?').unwrap();
        assert_eq!(path.strip_prefix("/d/"), lines["uid"].as_str());
        let part = |name: &str| query.split('&').find_map(|part| part.strip_prefix(name)?.strip_prefix('='));
        assert_eq!(part("viewPanel").unwrap(), panel(&lines, listed.title)["id"].to_string(), "{}", listed.title);
        assert!(query.contains("${__url_time_range}"), "{url}");
        for name in query.split("var-").skip(1).map(|rest| rest.split('=').next().unwrap()) {
            assert!(variables.iter().any(|variable| variable["name"] == name), "{url}: {name}");
        }
        for query in listed.promql.iter().filter(|query| query.by == Some("model")) {
            assert_eq!(part("var-model"), Some("${__field.labels.model}"), "{}", query.expr);
        }
        found += 1;
    }
    assert!(found > 8, "{found}");
}
