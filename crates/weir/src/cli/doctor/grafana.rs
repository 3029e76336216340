//! Grafana and Prometheus: whether the dashboard is there with its data sources, and whether Weir is scraped.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Uri};

use super::finding::{Part, Report};
use super::web::{Site, compare_clocks, shown};
use crate::config::{Auth, Secret, Upstream};

/// The dashboard's own name, as the generated JSON has it.
const DASHBOARD: &str = "llm-analytics";
/// The data sources' own names, of which a Grafana needs one that has lines.
const SOURCES: [&str; 3] = ["llm-loki", "llm-weir", "llm-prometheus"];

pub(super) async fn examine(url: &Uri, report: &mut Report) {
    let headers = match headers() {
        Ok(headers) => headers,
        Err(error) => {
            report.fault(Part::Grafana, url, error, CREDENTIALS);
            return;
        }
    };
    let site = Site::new(url, headers, Upstream::default());
    match site.get("/api/health").await {
        Ok(answer) if answer.status.is_success() => {
            compare_clocks(&url.to_string(), &answer.headers, report);
            report.sound(Part::Grafana, url, "answers");
        }
        Ok(answer) => {
            let found = format!("answers {} {}", answer.status.as_u16(), shown(&answer));
            report.fault(Part::Grafana, url, found, "look at the address, and at Grafana's log");
            return;
        }
        Err(error) => {
            let to_do = "in a cluster: kubectl port-forward -n observability svc/kps-grafana 3000:80";
            report.fault(Part::Grafana, url, format!("cannot be reached: {error}"), to_do);
            return;
        }
    }
    if examine_dashboard(url, &site, report).await {
        examine_sources(url, &site, report).await;
    }
}

const CREDENTIALS: &str = "set GRAFANA_USER and GRAFANA_PASSWORD, or GRAFANA_TOKEN";

/// Whether Grafana lets itself be asked.
async fn examine_dashboard(url: &Uri, site: &Site, report: &mut Report) -> bool {
    let answer = match site.get(&format!("/api/dashboards/uid/{DASHBOARD}")).await {
        Ok(answer) => answer,
        Err(error) => {
            report.fault(Part::Grafana, url, error, "look at Grafana's log");
            return false;
        }
    };
    match answer.status.as_u16() {
        200..=299 => report.sound(Part::Grafana, url, "has the dashboard \"LLM Analytics & Metrics\""),
        401 | 403 => {
            let found = format!("wants to know who asks ({})", answer.status.as_u16());
            report.fault(Part::Grafana, url, found, CREDENTIALS);
            return false;
        }
        404 => {
            let to_do = "kubectl apply -f observability/grafana-llm-analytics-dashboard.yaml, then\n\
                         kubectl get cm -n observability -l grafana_dashboard=1; if it is there:\n\
                         kubectl rollout restart deployment/kps-grafana -n observability\n\
                         without a cluster: import observability/grafana/llm-analytics.json";
            report.fault(Part::Grafana, url, "has no such dashboard (\"Dashboard not showing\")", to_do);
        }
        code => report.fault(Part::Grafana, url, format!("answers {code} {}", shown(&answer)), "look at Grafana's log"),
    }
    true
}

async fn examine_sources(url: &Uri, site: &Site, report: &mut Report) {
    let mut there = 0;
    for source in SOURCES {
        if site.json(&format!("/api/datasources/uid/{source}")).await.is_err() {
            continue;
        }
        there += 1;
        match site.json(&format!("/api/datasources/uid/{source}/health")).await {
            Ok(_) => report.sound(Part::Grafana, source, "is a data source that answers"),
            Err(error) => {
                let to_do =
                    "look at its address in observability/grafana-datasources.yaml; leave out what is not there";
                report.warning(Part::Grafana, source, format!("does not answer: {error}"), to_do);
            }
        }
    }
    if there == 0 {
        let to_do = "kubectl apply -f observability/grafana-datasources.yaml, then\n\
                     kubectl rollout restart deployment/kps-grafana -n observability\n\
                     or choose a Loki of your own above the panels";
        report.warning(Part::Grafana, url, format!("has none of the data sources {}", SOURCES.join(", ")), to_do);
    }
}

fn headers() -> Result<HeaderMap, String> {
    let set = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let auth = match (set("GRAFANA_TOKEN"), set("GRAFANA_USER")) {
        (Some(_), _) => Auth::Bearer(Secret::new("env:GRAFANA_TOKEN")?),
        (None, Some(name)) => Auth::Basic(name, Secret::new("env:GRAFANA_PASSWORD")?),
        (None, None) => Auth::None,
    };
    Ok(auth.header()?.map(|who| (AUTHORIZATION, who)).into_iter().collect())
}

pub(super) async fn examine_prometheus(url: &Uri, report: &mut Report) {
    let site = Site::new(url, HeaderMap::new(), Upstream::default());
    let answer = match site.json("/api/v1/query?query=weir_build_info").await {
        Ok(answer) => answer,
        Err(error) => {
            let to_do = "look at the address; in a cluster:\n\
                         kubectl port-forward -n observability svc/kps-kube-prometheus-stack-prometheus 9090";
            report.fault(Part::Prometheus, url, format!("does not answer a query: {error}"), to_do);
            return;
        }
    };
    match answer["data"]["result"].as_array().map_or(0, Vec::len) {
        0 => {
            let to_do = "see its page /targets; in a cluster the ServiceMonitor needs the label release: kps, and the \
                         NetworkPolicy must let Prometheus in; elsewhere add a scrape job for admin.listen";
            report.fault(Part::Prometheus, url, "scrapes no Weir", to_do);
        }
        count => {
            report.sound(Part::Prometheus, url, format!("scrapes {count} Weir{}", if count == 1 { "" } else { "s" }))
        }
    }
}
