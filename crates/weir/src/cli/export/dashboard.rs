//! Grafana's dashboards: classic JSON, which every Grafana since 10 reads.

mod link;
mod variables;

use serde_json::{Value, json};

use super::Settings;
use crate::panels::{self, Filter, Kind, PANELS, Panel, Query, Selection, Unit};

/// The schema that the JSON keeps to.
const SCHEMA_VERSION: u32 = 39;
/// The name of the dashboard over lines in addresses.
const LINES_UID: &str = "llm-analytics";
/// The least step of what is counted by steps. From three scrapes on each increase is in one step and in one only; 2 minutes are
/// that for scrapes every 15 and 30 seconds, the usual ones.
const LEAST_STEP: &str = "2m";
/// What Grafana calls its own data source.
const GRAFANA: &str = "-- Grafana --";

/// What a dashboard asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asks {
    /// Loki, or Weir as one.
    Loki,
    /// Prometheus.
    Prometheus,
}

impl Asks {
    const fn name(self) -> &'static str {
        match self {
            Asks::Loki => "loki",
            Asks::Prometheus => "prometheus",
        }
    }

    fn of(self, panel: &Panel) -> &'static [Query] {
        match self {
            Asks::Loki => panel.logql,
            Asks::Prometheus => panel.promql,
        }
    }
}

/// The dashboard over lines, or over counters.
pub(super) fn render(asks: Asks, settings: &Settings) -> Value {
    let selection = settings.selection();
    let (title, uid, description) = match asks {
        Asks::Loki => (
            panels::TITLE,
            LINES_UID,
            "What requests to language models use, cost and draw, how long they take and how they end: from each request's line.",
        ),
        Asks::Prometheus => (
            panels::PROMETHEUS_TITLE,
            "llm-analytics-prometheus",
            "The same figures from counters, for large fleets: what needs users, organizations or single requests is not here.",
        ),
    };
    json!({
        "annotations": {"list": [{
            "builtIn": 1, "datasource": {"type": "grafana", "uid": GRAFANA}, "enable": true, "hide": true,
            "iconColor": "rgba(0, 211, 255, 1)", "name": "Annotations & Alerts", "type": "dashboard",
        }]},
        "description": description,
        "editable": false,
        "graphTooltip": 1,
        "links": [{
            "asDropdown": false, "icon": "external link", "includeVars": false, "keepTime": true, "tags": ["llm-analytics"],
            "targetBlank": false, "title": "LLM dashboards", "type": "dashboards",
        }],
        "panels": panels(asks, &selection),
        "refresh": "1m",
        "schemaVersion": SCHEMA_VERSION,
        "tags": ["llm", "llm-analytics"],
        "templating": {"list": variables::render(asks, &selection)},
        "time": {"from": "now-6h", "to": "now"},
        "timezone": "browser",
        "title": title,
        "uid": uid,
        "version": 1,
    })
}

fn panels(asks: Asks, selection: &Selection) -> Vec<Value> {
    let (mut x, mut y, mut height) = (0, 0, 0);
    let mut rendered = Vec::new();
    for (id, panel) in (1..).zip(PANELS) {
        if asks.of(panel).is_empty() {
            continue;
        }
        if x + panel.width > 24 {
            (x, y) = (0, y + height);
        }
        height = if panel.kind == Kind::Log { 12 } else { 8 };
        let place = json!({"h": height, "w": panel.width, "x": x, "y": y});
        rendered.push(render_panel(asks, panel, id, &place, selection));
        x += panel.width;
    }
    rendered
}

fn render_panel(asks: Asks, panel: &Panel, id: u32, place: &Value, selection: &Selection) -> Value {
    let queries = asks.of(panel);
    let targets: Vec<Value> =
        ('A'..).zip(queries).map(|(letter, query)| target(asks, panel.kind, letter, query, selection)).collect();
    let by = queries.iter().find_map(|query| query.by);
    let links = match (asks, panel.lines) {
        (Asks::Loki, Some(lines)) if panel.kind != Kind::Log => {
            vec![json!({"targetBlank": true, "title": "Show the lines", "url": link::to_lines(lines, by, selection)})]
        }
        (Asks::Prometheus, Some(_)) => {
            vec![json!({"targetBlank": true, "title": "Show over lines", "url": link::to_panel(LINES_UID, id, by)})]
        }
        _ => Vec::new(),
    };
    let mut defaults = json!({"links": links, "unit": unit(panel.unit)});
    if panel.unit == Unit::Share {
        (defaults["min"], defaults["max"]) = (json!(0), json!(1));
    }
    if let Some(custom) = custom(panel.kind) {
        defaults["custom"] = custom;
    }
    let mut rendered = json!({
        "datasource": source(asks),
        "description": panel.description,
        "fieldConfig": {"defaults": defaults, "overrides": []},
        "gridPos": place,
        "id": id,
        "options": options(panel.kind, panel.unit),
        "targets": targets,
        "title": panel.title,
        "type": kind(panel.kind),
    });
    if asks == Asks::Prometheus && queries.iter().any(|query| query.expr.contains("$__interval_ms")) {
        rendered["interval"] = json!(LEAST_STEP);
    }
    rendered
}

fn source(asks: Asks) -> Value {
    json!({"type": asks.name(), "uid": "${datasource}"})
}

fn target(asks: Asks, panel: Kind, letter: char, query: &Query, selection: &Selection) -> Value {
    let mut target = json!({
        "datasource": source(asks),
        "editorMode": "code",
        "expr": selection.with(Filter::Variables).expand(query.expr),
        "legendFormat": query.legend,
        "refId": letter.to_string(),
    });
    match asks {
        Asks::Loki => target["queryType"] = json!(if panel.of_the_whole() { "instant" } else { "range" }),
        Asks::Prometheus => {
            (target["instant"], target["range"]) = (json!(panel.of_the_whole()), json!(!panel.of_the_whole()));
        }
    }
    target
}

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Lines | Kind::Bars => "timeseries",
        Kind::Pie => "piechart",
        Kind::Ranking => "bargauge",
        Kind::Figure => "stat",
        Kind::Log => "logs",
    }
}

/// Grafana's name of a unit.
const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::RequestsPerSecond => "reqps",
        Unit::Count => "short",
        Unit::KilowattHours => "kwatth",
        Unit::Grams => "massg",
        Unit::UsDollars => "currencyUSD",
        Unit::Seconds => "s",
        Unit::Share => "percentunit",
        Unit::Bytes => "bytes",
    }
}

fn custom(kind: Kind) -> Option<Value> {
    match kind {
        Kind::Lines => Some(json!({"drawStyle": "line", "fillOpacity": 10, "lineWidth": 1, "showPoints": "auto"})),
        Kind::Bars => Some(json!({
            "drawStyle": "bars", "fillOpacity": 80, "lineWidth": 0, "stacking": {"group": "A", "mode": "normal"},
        })),
        Kind::Pie | Kind::Ranking | Kind::Figure | Kind::Log => None,
    }
}

fn options(kind: Kind, unit: Unit) -> Value {
    let reduce = json!({"calcs": ["lastNotNull"], "fields": "", "values": false});
    let legend =
        |calcs: &[&str]| json!({"calcs": calcs, "displayMode": "table", "placement": "right", "showLegend": true});
    match kind {
        Kind::Bars => json!({"legend": legend(&["sum"]), "tooltip": {"mode": "multi", "sort": "desc"}}),
        Kind::Lines if unit == Unit::Share => {
            json!({"legend": legend(&["mean", "min", "max"]), "tooltip": {"mode": "multi", "sort": "desc"}})
        }
        Kind::Lines => json!({"legend": legend(&["mean", "max"]), "tooltip": {"mode": "multi", "sort": "desc"}}),
        Kind::Pie => json!({
            "legend": {"displayMode": "table", "placement": "right", "showLegend": true, "values": ["value", "percent"]},
            "pieType": "pie", "reduceOptions": reduce,
        }),
        Kind::Ranking => json!({
            "displayMode": "basic", "orientation": "horizontal", "reduceOptions": reduce, "showUnfilled": true,
        }),
        Kind::Figure => json!({"colorMode": "value", "graphMode": "none", "reduceOptions": reduce, "textMode": "auto"}),
        Kind::Log => json!({
            "dedupStrategy": "none", "enableLogDetails": true, "prettifyLogMessage": false, "showCommonLabels": false,
            "showLabels": false, "showTime": true, "sortOrder": "Descending", "wrapLogMessage": true,
        }),
    }
}
