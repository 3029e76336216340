//! Followers and Loki: whether Records arrive, each once, with the labels that the panels ask by.

mod arrived;

use std::collections::BTreeMap;
use std::path::Path;

use http::{HeaderMap, HeaderName, HeaderValue, Uri};

use super::finding::{Part, Report};
use super::journal::{Line, Written};
use super::process::Running;
use super::web::{Site, compare_clocks, escaped};
use crate::config::{Auth, Config, LokiConfig, Secret, USUAL_LABELS, Upstream};
use crate::recorder;
use arrived::{Arrived, arrived};

/// Lines that are younger may still be on their way, in nanoseconds.
const ON_THE_WAY: u64 = 15_000_000_000;
/// The most lines that a Loki gives at once (`max_entries_limit_per_query`).
const MOST_LINES: usize = 5000;
/// A lag beyond which a follower is behind, in lines: as the alert has it.
const BEHIND: f64 = 10_000.0;
/// How far back a Loki without a journal to compare with is looked at, in nanoseconds.
const HOUR: u64 = 3_600_000_000_000;

/// A Loki to look into.
struct Target {
    name: String,
    site: Site,
    /// The labels that select Weir's lines.
    labels: BTreeMap<String, String>,
    /// Whether it is Weir that pushes to it.
    followed: bool,
}

pub(super) async fn examine(
    config: &Config,
    named: Option<&Uri>,
    running: Option<&Running>,
    written: &Written,
    report: &mut Report,
) {
    for follower in &config.followers {
        examine_follower(follower, &config.data_dir, running, written, report);
    }
    for target in targets(config, named, report) {
        examine_loki(&target, written, report).await;
    }
}

fn examine_follower(
    follower: &LokiConfig,
    data_dir: &Path,
    running: Option<&Running>,
    written: &Written,
    report: &mut Report,
) {
    let name = &follower.name;
    let counted = |metric: &str| running.and_then(|running| running.of_follower(metric, name));
    // Without a Weir to ask, its place stands in a file.
    let stored = || {
        let text = std::fs::read_to_string(data_dir.join("cursors").join(name)).ok()?;
        Some(written.next.saturating_sub(text.trim().parse().ok()?) as f64)
    };
    match counted("weir_follower_lag_lines").or_else(stored) {
        Some(lag) if lag > BEHIND => {
            let to_do = "see on stderr what it says of Loki, and weir_follower_errors_total";
            report.fault(Part::Followers, name, format!("is {lag} lines behind"), to_do);
        }
        Some(lag) => report.sound(Part::Followers, name, format!("{lag} lines are still to be sent")),
        None => report.sound(Part::Followers, name, "has not begun yet"),
    }
    if let Some(errors) = counted("weir_follower_errors_total").filter(|errors| *errors > 0.0) {
        let to_do = "stderr says what Loki answered; it goes on by itself when the cause is gone";
        report.warning(Part::Followers, name, format!("{errors} pushes failed since the start"), to_do);
    }
    let dead = data_dir.join("followers").join(format!("{name}.dead.jsonl"));
    let letters = std::fs::read(&dead).map_or(0, |bytes| memchr::memchr_iter(b'\n', &bytes).count());
    if letters > 0 {
        let to_do = format!("each has its reason in {}; when that is gone: weir replay", dead.display());
        report.warning(Part::Followers, name, format!("{letters} lines were refused for good"), to_do);
    }
}

fn targets(config: &Config, named: Option<&Uri>, report: &mut Report) -> Vec<Target> {
    let mut targets = Vec::new();
    for follower in &config.followers {
        match headers(&follower.auth, follower.tenant.as_deref()) {
            Ok(headers) => targets.push(Target {
                name: follower.url(),
                site: Site::new(follower.url(), headers, trusting(follower)),
                labels: follower.labels.clone(),
                followed: true,
            }),
            Err(error) => report.fault(Part::Loki, follower.url(), error, "put the secret where the setting says"),
        }
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let named = named.cloned().or_else(|| super::web::address(&variable("LOKI_ADDR")?).ok());
    let Some(url) = named.filter(|url| targets.iter().all(|target| !same(&target.name, url))) else { return targets };
    match auth(variable).and_then(|auth| headers(&auth, variable("LOKI_ORG_ID").as_deref())) {
        Ok(headers) => targets.push(Target {
            name: url.to_string(),
            site: Site::new(&url, headers, Upstream { proxy: None, ..config.upstream.clone() }),
            labels: config.followers.first().map_or_else(usual_labels, |follower| follower.labels.clone()),
            followed: false,
        }),
        Err(error) => {
            report.fault(Part::Loki, &url, error, "set LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN")
        }
    }
    targets
}

fn same(name: &str, url: &Uri) -> bool {
    name.trim_end_matches('/') == url.to_string().trim_end_matches('/')
}

fn usual_labels() -> BTreeMap<String, String> {
    USUAL_LABELS.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

fn trusting(follower: &LokiConfig) -> Upstream {
    Upstream { ca_file: follower.ca_file.clone(), ..Upstream::default() }
}

/// Who asks a Loki that was named, by the variables that Loki's own tools read.
fn auth(variable: impl Fn(&str) -> Option<String>) -> Result<Auth, String> {
    if variable("LOKI_BEARER_TOKEN").is_some() {
        return Ok(Auth::Bearer(Secret::new("env:LOKI_BEARER_TOKEN")?));
    }
    match variable("LOKI_USERNAME") {
        Some(name) => Ok(Auth::Basic(name, Secret::new("env:LOKI_PASSWORD")?)),
        None => Ok(Auth::None),
    }
}

fn headers(auth: &Auth, tenant: Option<&str>) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    if let Some(who) = auth.header()? {
        headers.insert(http::header::AUTHORIZATION, who);
    }
    if let Some(tenant) = tenant {
        let value = HeaderValue::from_str(tenant).map_err(|_| "the tenant has characters that none has".to_owned())?;
        headers.insert(HeaderName::from_static("x-scope-orgid"), value);
    }
    // Without it metadata would stand among the labels.
    let flags = HeaderValue::from_static("categorize-labels");
    headers.insert(HeaderName::from_static("x-loki-response-encoding-flags"), flags);
    Ok(headers)
}

async fn examine_loki(target: &Target, written: &Written, report: &mut Report) {
    if !answers(target, report).await {
        return;
    }
    let now = recorder::now();
    let settled: Vec<Line> = written.newest.iter().filter(|line| line.at + ON_THE_WAY < now).cloned().collect();
    let (start, end) = match (settled.first(), settled.last()) {
        (Some(first), Some(last)) => (first.at, last.at + 1),
        _ => (now.saturating_sub(HOUR), now),
    };
    let query = escaped(&format!("{} |= \"llm_request_\"", selector(&target.labels)));
    let path = format!("/loki/api/v1/query_range?query={query}&start={start}&end={end}&limit={MOST_LINES}");
    match target.site.json(&path).await {
        Ok(answer) => match arrived(&answer, &settled) {
            found if found.lines == 0 && !settled.is_empty() => nothing_there(target, report).await,
            found => judge(target, &found, settled.len(), report),
        },
        Err(error) => {
            let to_do = "ask the same in Grafana's Explore; Loki's own log says more";
            report.fault(Part::Loki, &target.name, format!("does not answer a query: {error}"), to_do);
        }
    }
}

/// Whether somebody is there who answers as a Loki does.
async fn answers(target: &Target, report: &mut Report) -> bool {
    let name = &target.name;
    let answer = match target.site.get("/loki/api/v1/labels").await {
        Ok(answer) => answer,
        Err(error) => {
            let to_do =
                "look at the address: in a cluster `kubectl get svc -A | grep loki`, port 3100, or 80 of a gateway";
            report.fault(Part::Loki, name, format!("cannot be reached: {error}"), to_do);
            return false;
        }
    };
    compare_clocks(name, &answer.headers, report);
    let code = answer.status.as_u16();
    match code {
        200..=299 => {
            report.sound(Part::Loki, name, "answers");
            return true;
        }
        401 | 403 if target.followed => {
            let to_do =
                "where the credentials are for writing only that is as it should be; else look at them and at tenant";
            report.warning(
                Part::Loki,
                name,
                format!("lets nobody read with the follower's credentials ({code})"),
                to_do,
            );
        }
        401 | 403 => {
            let to_do = "set LOKI_USERNAME and LOKI_PASSWORD, or LOKI_BEARER_TOKEN, and LOKI_ORG_ID for a tenant";
            report.fault(Part::Loki, name, format!("wants to know who asks ({code})"), to_do);
        }
        _ => {
            let to_do = "look at the address: it is the one below which /loki/api/v1/push lies";
            report.fault(Part::Loki, name, format!("answers {code}, not as a Loki does"), to_do);
        }
    }
    false
}

/// `{app="llm-proxy",namespace="llm"}`.
fn selector(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    format!("{{{}}}", pairs.join(","))
}

/// Loki has none of the lines: does it have others?
async fn nothing_there(target: &Target, report: &mut Report) {
    let app = target.labels.get("app").map_or("llm-proxy", String::as_str);
    let values = target.site.json("/loki/api/v1/label/app/values").await.unwrap_or_default();
    let values: Vec<&str> = values["data"].as_array().into_iter().flatten().filter_map(|one| one.as_str()).collect();
    let found = match values.as_slice() {
        [] => "has none of the newest Records, nor any label `app`".to_owned(),
        values if values.contains(&app) => format!("has lines of app=\"{app}\", and none of the newest Records"),
        values => format!("has none of the newest Records; its apps are {}", values.join(", ")),
    };
    let to_do = if target.followed {
        "see the follower above, and stderr; labels that were changed in [[followers]] are others to Loki"
    } else {
        "see whether the collector runs and reads: kubectl logs -n observability -l app.kubernetes.io/name=alloy-llm\n\
         (promtail-llm for Promtail); pods need the label app: llm-proxy in the namespace llm, and stdout = true"
    };
    report.fault(Part::Loki, &target.name, format!("{found} (\"No data in dashboard\")"), to_do);
}

fn judge(target: &Target, found: &Arrived, looked_for: usize, report: &mut Report) {
    let name = &target.name;
    if looked_for == 0 {
        report.sound(Part::Loki, name, format!("{} lines of the last hour; no Record here to look for", found.lines));
    } else if found.missing == 0 {
        report.sound(Part::Loki, name, format!("has the newest {looked_for} Records"));
    } else {
        let to_do = "weir replay sends again what was refused; a collector that fell behind says so in its log";
        report.warning(Part::Loki, name, format!("lacks {} of the newest {looked_for} Records", found.missing), to_do);
    }
    if found.doubled > 0 {
        let to_do = format!(
            "a Record may take one path only: let the collector read stdout and take out [[followers]], or set stdout = \
             false; the copies differ in {}",
            if found.differ.is_empty() { "nothing but their time".to_owned() } else { found.differ.join(", ") }
        );
        report.fault(
            Part::Loki,
            name,
            format!("{} Records are there more than once, and so is their cost", found.doubled),
            to_do,
        );
    }
    if found.lines > 0 && !found.lacking.is_empty() {
        let to_do = "the collector does not take lines apart: apply observability/alloy-llm-enhanced.yaml, or look at the \
                     pipeline in the ConfigMap promtail-llm-config";
        let found = format!("lines lack the labels {} (\"Logs not parsing\")", found.lacking.join(", "));
        report.fault(Part::Loki, name, found, to_do);
    }
    if found.wrapped > 0 {
        let to_do =
            "the collector must take off what the container's runtime writes in front (stage.cri, stage.docker)";
        let found = format!("{} lines are no JSON objects (\"Logs not parsing\")", found.wrapped);
        report.fault(Part::Loki, name, found, to_do);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_is_said_by_variables() {
        let only = |name: &'static str| move |asked: &str| (asked == name).then(|| "x".to_owned());
        assert_eq!(auth(|_| None), Ok(Auth::None));
        // The secrets themselves are not there.
        assert!(auth(only("LOKI_BEARER_TOKEN")).is_err());
        assert!(auth(only("LOKI_USERNAME")).is_err());
    }

    #[test]
    fn values_are_quoted() {
        let labels = BTreeMap::from([("app".to_owned(), "a\"b".to_owned()), ("x".to_owned(), "y".to_owned())]);
        assert_eq!(selector(&labels), "{app=\"a\\\"b\",x=\"y\"}");
    }
}
