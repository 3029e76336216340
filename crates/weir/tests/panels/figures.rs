//! Each LogQL query of each panel and rule, asked as Grafana asks it, against the figure computed from the Records.

use std::collections::{BTreeMap, BTreeSet};

use logql::eval::{Answer, Context, Request as Ask, evaluate};
use logql::source::RowSource;
use logql::syntax::parse;
use meter::record::field;
use weir::panels::{ALERTS, PANELS, Selection, Thresholds};

use crate::dashboard::{LOKI, dashboard, panel, queries};
use crate::simulated::{NOW, Request, SECOND, log, requests};

/// Figures by the value of the label that tells them apart; of one figure, by "".
pub(crate) type Figures = BTreeMap<String, f64>;

/// What is chosen in the fields above the dashboard.
#[derive(Clone, Copy)]
pub(crate) struct Chosen {
    pub provider: &'static str,
    pub model: &'static str,
    pub organization: &'static str,
}

pub(crate) const ANYTHING: Chosen = Chosen { provider: ".*", model: ".*", organization: ".*" };
const SOME: Chosen = Chosen { provider: "openai|other", model: "gpt-4.*", organization: "acme" };
const IN_TIME: f64 = 10.0;

impl Chosen {
    fn has(self, request: &Request) -> bool {
        let any = self.provider == ".*";
        any || (request.provider == "openai" && request.organization == Some("acme"))
    }

    /// The query as Grafana sends it: with values in place of variables.
    pub(crate) fn apply(self, query: &str, window: &str) -> String {
        query
            .replace("$__auto", window)
            .replace("$provider", self.provider)
            .replace("$model", self.model)
            .replace("$organization", self.organization)
            .replace("$slo_seconds", &IN_TIME.to_string())
            .replace("$search", "")
    }
}

/// Asks at one instant.
pub(crate) fn ask(log: &RowSource, query: &str, at: i64) -> Figures {
    let expr = parse(query).unwrap_or_else(|error| panic!("{query}\n{error}"));
    let outcome = evaluate(log, &expr, &Ask::instant(at), &Context::default());
    let Answer::Vector(samples) = outcome.unwrap_or_else(|error| panic!("{query}\n{error}")).answer else {
        panic!("{query}: no vector")
    };
    let name = |labels: &logql::Labels| {
        // What tells of an absence has the selector's own labels.
        let labels = labels.filtered(|name| !["app", "namespace"].contains(&name));
        assert!(labels.len() <= 1, "{query}: {labels}");
        labels.iter().next().map_or(String::new(), |(_, value)| value.to_owned())
    };
    samples.iter().map(|sample| (name(&sample.labels), sample.value)).collect()
}

fn group<'r>(
    requests: impl Iterator<Item = &'r Request>,
    name: impl Fn(&Request) -> &str,
    value: impl Fn(&Request) -> Option<u64>,
    unit: f64,
) -> Figures {
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for request in requests {
        if let Some(value) = value(request) {
            *sums.entry(name(request).to_owned()).or_default() += value;
        }
    }
    sums.into_iter().map(|(name, sum)| (name, sum as f64 / unit)).collect()
}

fn single(value: f64) -> Figures {
    BTreeMap::from([(String::new(), value)])
}

/// Between the two nearest of what was measured, as Prometheus and Loki take it.
fn quantile(mut values: Vec<f64>, q: f64) -> Figures {
    if values.is_empty() {
        return Figures::new();
    }
    values.sort_by(f64::total_cmp);
    let rank = q * (values.len() - 1) as f64;
    let (below, weight) = (rank.floor() as usize, rank.fract());
    let above = (below + 1).min(values.len() - 1);
    single(values[below] * (1.0 - weight) + values[above] * weight)
}

const NANO: f64 = 1e9;
const PICO: f64 = 1e12;

/// What a panel shows of these requests: one figure set for each of its queries.
pub(crate) fn expected(title: &str, requests: &[&Request], window_seconds: f64) -> Vec<Figures> {
    let all = || requests.iter().copied();
    let ended = |status: &'static str| all().filter(move |request| request.status == status);
    let count = |status: &'static str| ended(status).count() as f64;
    let every = all().count() as f64;
    let answered = count("success") + count("error");
    let share = |part: f64, whole: f64| if whole > 0.0 { single(part / whole) } else { Figures::new() };
    fn model(request: &Request) -> &str {
        request.model
    }
    let cost = |request: &Request| request.nano_usd;
    let class = |at: usize| {
        let of = |request: &Request| request.tokens.map(|tokens| tokens[at]);
        group(all(), |_| "", |request| of(request).filter(|tokens| *tokens > 0), 1.0)
    };
    let less = |at: usize, parts: &[usize]| {
        let of = |tokens: [u64; 6]| tokens[at] - parts.iter().map(|part| tokens[*part]).sum::<u64>();
        group(all(), |_| "", |request| request.tokens.map(of), 1.0)
    };
    match title {
        "Request Rate" => vec![group(all(), |request| request.event(), |_| Some(1), window_seconds)],
        "Token Usage" => vec![group(all(), model, |request| request.tokens.map(|t| t[0] + t[4]), 1.0)],
        "Energy Consumption" => vec![group(all(), model, |request| request.pico_kwh, PICO)],
        "Energy Band" => {
            let sum = |of: fn(&Request) -> Option<u64>| group(all(), |_| "", of, PICO);
            vec![sum(|r| r.band().map(|band| band.0)), sum(|r| r.pico_kwh), sum(|r| r.band().map(|band| band.1))]
        }
        "Energy by Method" => {
            let known = all().filter(|request| request.pico_kwh.is_some());
            vec![group(known, |request| request.method.unwrap_or(""), |request| request.pico_kwh, PICO)]
        }
        "Energy per 1,000 Tokens" => {
            let known = || all().filter(|request| request.pico_kwh.is_some());
            let tokens = group(known(), model, |request| request.tokens.map(|t| t[0] + t[4]), 1.0);
            let energy = group(known(), model, |request| request.pico_kwh, PICO);
            vec![energy.into_iter().map(|(name, kwh)| (name.clone(), 1000.0 * kwh / tokens[&name])).collect()]
        }
        "Requests without an Energy Estimate" => {
            let unknown = all().filter(|request| request.tokens.is_some() && request.pico_kwh.is_none());
            vec![group(unknown, model, |_| Some(1), 1.0)]
        }
        "Carbon by Model" => vec![group(all(), model, Request::nano_grams, NANO)],
        "Carbon by Zone" => {
            vec![group(all(), |request| request.zone.unwrap_or(""), Request::nano_grams, NANO)]
        }
        "Cost Tracking" => vec![group(all(), model, cost, NANO)],
        "Processing Time" => {
            [0.5, 0.95, 0.99].map(|q| quantile(ended("success").map(Request::seconds).collect(), q)).to_vec()
        }
        "Model Distribution" => vec![group(all(), model, |_| Some(1), 1.0)],
        "Error Rate" => vec![share(count("error"), every), share(count("cancelled"), every)],
        "Time to First Token" => {
            let seconds = || all().filter_map(|request| Some(request.first_token_micros? as f64 / 1e6)).collect();
            vec![quantile(seconds(), 0.5), quantile(seconds(), 0.95)]
        }
        "Tokens by Class" => vec![less(0, &[1, 2, 3]), class(1), class(2), class(3), less(4, &[5]), class(5)],
        "Cost by Organization" => vec![group(all(), |request| request.organization.unwrap_or(""), cost, NANO)],
        "Cancelled and Failed Spend" => {
            vec![group(all().filter(|request| request.status != "success"), |request| request.event(), cost, NANO)]
        }
        "SLO Attainment" => {
            let in_time = ended("success").filter(|request| request.seconds() <= IN_TIME).count() as f64;
            vec![share(count("success"), answered), share(in_time, answered)]
        }
        "Top Users" => {
            let named = all().filter(|request| request.user.is_some());
            vec![group(named, |request| request.user.unwrap_or(""), cost, NANO)]
        }
        "Unpriced Share" => {
            let unpriced = all().filter(|request| request.is_unpriced()).count() as f64;
            vec![share(unpriced, all().filter(|request| request.tokens.is_some()).count() as f64)]
        }
        other => panic!("nobody knows what {other} should show"),
    }
}

pub(crate) fn assert_close(what: &str, found: &Figures, expected: &Figures) {
    let names = |figures: &Figures| figures.keys().cloned().collect::<BTreeSet<_>>();
    assert_eq!(names(found), names(expected), "{what}: {found:?} {expected:?}");
    for (name, value) in found {
        let wanted = expected[name];
        assert!((value - wanted).abs() <= 1e-12 * wanted.abs().max(1e-9), "{what} {name}: {value} instead of {wanted}");
    }
}

#[test]
fn each_panel_shows_what_the_records_say() {
    let requests = requests(1_500);
    let (log, shown) = (log(&requests), dashboard(LOKI));
    for panel_of_list in PANELS.iter().filter(|panel| !panel.logql.is_empty() && panel.title != "Structured Log Viewer")
    {
        let queries = queries(&panel(&shown, panel_of_list.title));
        // The whole day, and windows so short that some are empty or hold one way to end only.
        for (chosen, window) in [(ANYTHING, 86_400), (SOME, 86_400), (ANYTHING, 3_600), (SOME, 300), (ANYTHING, 30)] {
            for at in [NOW, NOW - 7_200 * SECOND, NOW - 40_000 * SECOND] {
                let within = |request: &&Request| request.at > at - window * SECOND && request.at <= at;
                let of: Vec<&Request> = requests.iter().filter(within).filter(|request| chosen.has(request)).collect();
                let wanted = expected(panel_of_list.title, &of, window as f64);
                assert_eq!(wanted.len(), queries.len(), "{}", panel_of_list.title);
                for (query, wanted) in queries.iter().zip(wanted) {
                    let query = chosen.apply(query, &format!("{window}s"));
                    let found = ask(&log, &query, at);
                    // What is not there may be told as 0.
                    let told: Figures = match found.get("") {
                        Some(0.0) if wanted.is_empty() && of.is_empty() => Figures::new(),
                        _ => found,
                    };
                    assert_close(&format!("{}, {window} s: {query}", panel_of_list.title), &told, &wanted);
                }
            }
        }
    }
}

/// Cancelled and failed requests that cost are in the sums of money, and the log has such.
#[test]
fn money_is_summed_over_all_events() {
    let requests = requests(1_500);
    let wasted: u64 = requests.iter().filter(|r| r.status != "success").filter_map(|r| r.nano_usd).sum();
    let total: u64 = requests.iter().filter_map(|request| request.nano_usd).sum();
    assert!(wasted > total / 20);
    for title in ["Cost Tracking", "Cost by Organization"] {
        let query = ANYTHING.apply(&queries(&panel(&dashboard(LOKI), title))[0], "1d");
        let sum: f64 = ask(&log(&requests), &query, NOW).values().sum();
        assert!((sum - total as f64 / NANO).abs() < 1e-9 * sum, "{title}");
    }
}

#[test]
fn the_log_viewer_shows_lines_and_searches_them() {
    let requests = requests(100);
    let query = &queries(&panel(&dashboard(LOKI), "Structured Log Viewer"))[0];
    for (search, wanted) in
        [("", 100), ("umbrella & sons", requests.iter().filter(|r| r.organization == Some("umbrella & sons")).count())]
    {
        let query = ANYTHING.apply(&query.replace("$search", search), "1d");
        let ask = Ask { limit: 1_000, ..Ask::range(NOW - 86_400 * SECOND, NOW + 1, SECOND) };
        let outcome = evaluate(&log(&requests), &parse(&query).unwrap(), &ask, &Context::default()).unwrap();
        let Answer::Entries(entries) = outcome.answer else { panic!("{query}: no lines") };
        assert_eq!(entries.len(), wanted);
    }
}

/// A rule's figure, by the value of its label.
fn figure(name: &str, requests: &[Request], at: i64) -> Figures {
    let within = |seconds: i64| move |request: &&Request| request.at > at - seconds * SECOND && request.at <= at;
    let last = |seconds: i64| requests.iter().filter(within(seconds));
    let count = |seconds: i64, status: &str| last(seconds).filter(|request| request.status == status).count() as f64;
    let burn = |seconds| count(seconds, "error") / (count(seconds, "error") + count(seconds, "success")) / (1.0 - 0.99);
    match name {
        "LlmCostPerHour" => group(last(3_600), |r| r.organization.unwrap_or(""), |r| r.nano_usd, NANO),
        "LlmCostPerDay" => group(last(86_400), |r| r.organization.unwrap_or(""), |r| r.nano_usd, NANO),
        "LlmEnergyPerHour" => group(last(3_600), |r| r.model, |r| r.pico_kwh, PICO),
        "LlmLatencyHigh" => {
            let models: BTreeSet<_> = last(600).filter(|r| r.status == "success").map(|r| r.model).collect();
            let of = |model: &str| {
                let those = last(600).filter(|r| r.status == "success" && r.model == model);
                quantile(those.map(Request::seconds).collect(), 0.95)[""]
            };
            models.into_iter().map(|model| (model.to_owned(), of(model))).collect()
        }
        "LlmErrorRateHigh" => {
            let all = group(last(300), |r| r.provider, |_| Some(1), 1.0);
            let failed = group(last(300).filter(|r| r.status == "error"), |r| r.provider, |_| Some(1), 1.0);
            failed
                .into_iter()
                .map(|(provider, failed)| {
                    let all = all[&provider];
                    (provider, failed / all)
                })
                .collect()
        }
        "LlmErrorBudgetBurnsFast" if burn(300) > 14.4 => single(burn(3_600)),
        "LlmErrorBudgetBurnsSlowly" if burn(1_800) > 6.0 => single(burn(21_600)),
        "LlmErrorBudgetBurnsFast" | "LlmErrorBudgetBurnsSlowly" => Figures::new(),
        "LlmModelUnpriced" => group(last(3_600).filter(|r| r.is_unpriced()), |r| r.model, |_| Some(1), 1.0),
        "LlmProxySilent" if last(900).next().is_none() => single(1.0),
        "LlmProxySilent" => Figures::new(),
        other => panic!("nobody knows the figure of {other}"),
    }
}

/// Each rule over lines has the figure that the Records say; it fires where they say so, and elsewhere not.
#[test]
fn each_rule_fires_when_the_records_say_so() {
    let (selection, mut thresholds) = (Selection::default(), Thresholds::default());
    // So that these requests a day reach them in some windows and in others not.
    for (name, value) in [
        ("cost_per_hour_usd", 1.2),
        ("cost_per_day_usd", 26.0),
        ("latency_p95_seconds", 28.0),
        ("error_share", 0.3),
        ("energy_per_hour_kwh", 0.2),
    ] {
        thresholds.set(name, value).unwrap();
    }
    let mut requests = requests(1_500);
    // An hour without any, an hour without an error, and half a day without a request for the model that has no price.
    requests.retain(|r| !(NOW - 20_000 * SECOND..NOW - 16_400 * SECOND).contains(&r.at));
    requests.retain(|r| r.status != "error" || !(NOW - 50_000 * SECOND..NOW - 26_000 * SECOND).contains(&r.at));
    requests.retain(|r| r.model != "new-model" || r.at > NOW - 40_000 * SECOND);
    let log = log(&requests);
    for alert in ALERTS {
        let Some(logql) = alert.logql else { continue };
        let (mut fired, mut quiet) = (0, 0);
        for step in 0..64 {
            let at = NOW - step * 1_300 * SECOND;
            let query = thresholds.expand(&selection.expand(logql));
            let found = ask(&log, &query, at);
            let wanted = figure(alert.name, &requests, at);
            assert_close(&format!("{} {query}", alert.name), &found, &wanted);
            let limit = alert.limit(&thresholds);
            let rule = format!("({query}) > {limit}");
            let fires = !ask(&log, &rule, at).is_empty();
            assert_eq!(fires, wanted.values().any(|value| *value > limit), "{rule}");
            if fires { fired += 1 } else { quiet += 1 }
        }
        assert!(fired > 0 && quiet > 0, "{}: fired {fired} times, was quiet {quiet} times", alert.name);
    }
}

/// What a query names beside labels of Loki's own stands in the table of fields.
#[test]
fn no_query_asks_for_a_field_that_nobody_writes() {
    let selection = Selection::default();
    let of_panels = PANELS.iter().flat_map(|panel| panel.logql.iter().map(|query| query.expr).chain(panel.lines));
    let of_alerts = ALERTS.iter().filter_map(|alert| alert.logql);
    let mut named = BTreeSet::new();
    for query in of_panels.chain(of_alerts) {
        let text = Thresholds::default().expand(&selection.expand(query)).replace("$__auto", "5m");
        let text = text.replace("$slo_seconds", "1").replace("$search", "");
        parse(&text).unwrap_or_else(|error| panic!("{text}\n{error}"));
        // Words that stand where a label's name stands: before a comparison, behind `unwrap` and in `by (…)`.
        let mut rest = text.as_str();
        let mut quoted = false;
        let mut words = Vec::new();
        while let Some(c) = rest.chars().next() {
            quoted ^= c == '"' || c == '`';
            let length = rest.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').count();
            if length > 0 {
                words.push((quoted, &rest[..length], rest[length..].trim_start()));
            }
            rest = &rest[length.max(c.len_utf8())..];
        }
        for (at, (quoted, word, after)) in words.iter().enumerate() {
            let compared = ["=", "!=", "<", ">"].iter().any(|sign| after.starts_with(sign));
            let before = at.checked_sub(1).map(|at| words[at].1);
            let is_name = word.starts_with(|c: char| c.is_ascii_lowercase());
            if !quoted && is_name && (compared || matches!(before, Some("unwrap" | "by"))) {
                named.insert((*word).to_owned());
            }
        }
        named.extend(PANELS.iter().flat_map(|panel| panel.logql).filter_map(|query| query.by).map(str::to_owned));
    }
    assert!(named.len() > 12, "{named:?}");
    for name in named.iter().filter(|name| !["app", "namespace"].contains(&name.as_str())) {
        assert!(field(name).is_some(), "a query names {name}, which is no field");
    }
}
