//! A query laid out over lines, as Loki's `format_query` does: what is longer than 100 characters is broken up, outermost first.

use std::fmt::Display;

use super::ast::{
    Expr, Grouping, LogExpr, LogRange, MetricExpr, RangeAggregation, Stage, StageKind, VectorAggregation,
};
use super::print::join;
use crate::stage::quote::quote;
use crate::stage::units::format_prometheus_duration;

const LONGEST_LINE_BYTES: usize = 100;

/// The query laid out.
///
/// ```
/// use logql::syntax::{parse, pretty};
///
/// let query = parse(r#"{app="x"}|="y"|json|tokens>1000"#)?;
/// assert_eq!(pretty::format(&query), r#"{app="x"} |= "y" | json | tokens>1000"#);
/// # Ok::<(), logql::syntax::ParseError>(())
/// ```
pub fn format(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => format_log(log, 0),
        Expr::Metric(metric) => format_metric(metric, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

/// `item` on one line, unless that is too long.
fn short(item: &impl Display, level: usize) -> Option<String> {
    let text = item.to_string();
    (text.len() <= LONGEST_LINE_BYTES).then(|| indent(level) + &text)
}

fn format_log(log: &LogExpr, level: usize) -> String {
    let selector = format!("{}{{{}}}", indent(level), join(&log.matchers, ", "));
    if log.stages.is_empty() {
        return selector;
    }
    short(log, level).unwrap_or_else(|| {
        let lines = log.stages.chunk_by(are_line_filters).flat_map(|stages| format_stages(stages, level + 1));
        [selector].into_iter().chain(lines).collect::<Vec<_>>().join("\n")
    })
}

fn are_line_filters(left: &Stage, right: &Stage) -> bool {
    matches!((&left.kind, &right.kind), (StageKind::LineFilter(_), StageKind::LineFilter(_)))
}

/// Line filters in a row share a line if they can.
fn format_stages(stages: &[Stage], level: usize) -> Vec<String> {
    let together = join(stages, " ");
    match together.len() {
        ..=LONGEST_LINE_BYTES => vec![indent(level) + &together],
        _ => stages.iter().map(|stage| format!("{}{stage}", indent(level))).collect(),
    }
}

fn format_metric(metric: &MetricExpr, level: usize) -> String {
    if let Some(text) = short(metric, level) {
        return text;
    }
    match metric {
        MetricExpr::Range(range) => format_range_aggregation(range, level),
        MetricExpr::Vector(vector) => format_vector_aggregation(vector, level),
        MetricExpr::Binary(binary) => {
            let (left, right) = (format_metric(&binary.left, level + 1), format_metric(&binary.right, level + 1));
            // Loki leaves the parentheses of a nested operation out, which may change what it means.
            let (open, close) = if level > 0 {
                (format!("{}(\n", indent(level)), format!("\n{})", indent(level)))
            } else {
                Default::default()
            };
            format!("{open}{left}\n{}{}\n{right}{close}", indent(level), binary.operator(", "))
        }
        MetricExpr::LabelReplace(replace) => {
            let texts = [&replace.destination, &replace.replacement, &replace.source, &replace.regex];
            let texts = texts.map(|text| format!("{}{}", indent(level + 1), quote(text.as_bytes())));
            format_call("label_replace", format_metric(&replace.inner, level + 1), &texts, level)
        }
        MetricExpr::Literal(_) | MetricExpr::Constant(_) => format!("{}{metric}", indent(level)),
    }
}

fn format_call(head: &str, first: String, others: &[String], level: usize) -> String {
    let arguments = [first].into_iter().chain(others.iter().cloned()).collect::<Vec<_>>().join(",\n");
    format!("{}{head}(\n{arguments}\n{})", indent(level), indent(level))
}

fn format_range_aggregation(range: &RangeAggregation, level: usize) -> String {
    let inner = format_log_range(&range.range, level + 1);
    let parameter = range.parameter.map(super::print::literal).or_else(|| range.counted.clone());
    let text = match parameter {
        Some(parameter) => {
            let parameter = format!("{}{parameter}", indent(level + 1));
            format_call(range.op.name(), parameter, &[inner], level)
        }
        None => format_call(range.op.name(), inner, &[], level),
    };
    text + &range.grouping.as_ref().map_or(String::new(), format_grouping)
}

fn format_log_range(range: &LogRange, level: usize) -> String {
    let mut text = format_log(&range.log, level);
    if let Some(unwrap) = &range.unwrap {
        let indent = indent(level + 1);
        text += &format!("\n{indent}{}", unwrap.head());
        for filter in &unwrap.filters {
            text += &format!("\n{indent}| {filter}");
        }
    }
    text += &format!(" [{}]", format_prometheus_duration(range.interval));
    if range.offset != 0 {
        text += &format!(" offset {}", crate::stage::units::format_duration(range.offset));
    }
    text
}

fn format_vector_aggregation(vector: &VectorAggregation, level: usize) -> String {
    let grouping = if vector.grouping.is_singleton() { String::new() } else { format_grouping(&vector.grouping) };
    let head = format!("{}{grouping}", vector.op.name());
    let inner = format_metric(&vector.inner, level + 1);
    match vector.parameter {
        0 => format_call(&head, inner, &[], level),
        parameter => format_call(&head, format!("{}{parameter}", indent(level + 1)), &[inner], level),
    }
}

fn format_grouping(grouping: &Grouping) -> String {
    format!(" {} ({})", if grouping.without { "without" } else { "by" }, grouping.labels.join(", "))
}
