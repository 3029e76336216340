//! Links from a panel: to the lines behind its figures, in Grafana's Explore, and from counters to the same panel over lines.

use std::fmt::Write as _;

use serde_json::json;

use crate::panels::{Filter, Selection};

/// The address. Grafana puts values in place of `${…}`; all else is encoded.
pub(super) fn to_lines(lines: &str, by: Option<&str>, selection: &Selection) -> String {
    let mut expr = selection.with(Filter::Link).expand(lines);
    if let Some(label) = by {
        // A series without the label has an empty one, which this fits too.
        _ = write!(expr, " | {label}=\"${{__field.labels.{label}}}\"");
    }
    let source = "${datasource}";
    let panes = json!({"lines": {
        "datasource": source,
        "queries": [{"datasource": {"type": "loki", "uid": source}, "expr": expr, "queryType": "range", "refId": "A"}],
        "range": {"from": "${__from}", "to": "${__to}"},
    }});
    format!("/explore?schemaVersion=1&orgId=${{__org.id}}&panes={}", encode(&panes.to_string()))
}

/// The address of the panel over lines that shows the same, for the same time, provider and model. Its model is a regular
/// expression, and a series' own model goes before what is chosen.
pub(super) fn to_panel(dashboard: &str, panel: u32, by: Option<&str>) -> String {
    let provider =
        if by == Some("provider") { "var-provider=${__field.labels.provider}" } else { "${provider:queryparam}" };
    let model = if by == Some("model") { "${__field.labels.model}" } else { "${model:pipe}" };
    format!("/d/{dashboard}?orgId=${{__org.id}}&${{__url_time_range}}&viewPanel={panel}&{provider}&var-model={model}")
}

/// Percent-encodes what is no variable.
fn encode(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some((before, variable)) = rest.split_once("${") {
        let (name, after) = variable.split_once('}').unwrap_or((variable, ""));
        encode_plain(&mut out, before);
        _ = write!(out, "${{{name}}}");
        rest = after;
    }
    encode_plain(&mut out, rest);
    out
}

fn encode_plain(out: &mut String, text: &str) {
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => out.push(byte as char),
            other => _ = write!(out, "%{other:02X}"),
        }
    }
}
