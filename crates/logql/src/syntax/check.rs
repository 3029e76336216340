//! What the grammar allows and the language does not, in Loki's words.

use super::ParseError;
use super::ast::{
    Expr, Extraction, Grouping, LabelFilter, LabelFormat, LabelReplace, LabelSource, LineFilter, LineOp, LogExpr,
    MatchOp, Matcher, MetricExpr, RangeAggregation, RangeOp, Stage, StageKind, VectorOp,
};
use crate::stage::{ParamError, ip, json, logfmt, pattern, regex, regexp, units};
use crate::template::Template;

const NO_MATCHER: &str = "queries require at least one regexp or equality matcher that does not have an empty-compatible \
    value. For instance, app=~\".*\" does not meet this requirement, but app=~\".+\" will";

/// What is true of the query as a whole.
pub(super) fn expr(expr: &Expr) -> Result<(), ParseError> {
    match expr {
        Expr::Log(log) => selects(log),
        Expr::Metric(metric) => metric_expr(metric),
    }
}

fn metric_expr(expr: &MetricExpr) -> Result<(), ParseError> {
    match expr {
        MetricExpr::Range(range) => selects(&range.range.log),
        MetricExpr::Vector(vector) => {
            let sorts = matches!(vector.op, VectorOp::Sort | VectorOp::SortDesc);
            if sorts && !vector.grouping.labels.is_empty() {
                return Err(ParseError::nowhere("sort and sort_desc doesn't allow grouping by "));
            }
            metric_expr(&vector.inner)
        }
        MetricExpr::Binary(binary) => metric_expr(&binary.left).and_then(|()| metric_expr(&binary.right)),
        MetricExpr::LabelReplace(replace) => metric_expr(&replace.inner),
        MetricExpr::Literal(_) | MetricExpr::Constant(_) => Ok(()),
    }
}

/// A query must not touch every stream there is.
fn selects(log: &LogExpr) -> Result<(), ParseError> {
    let selects = |matcher: &Matcher| match matcher.op {
        MatchOp::Equal => !matcher.value.is_empty(),
        MatchOp::Match => regex::compile_anchored(&matcher.value).is_ok_and(|regex| !regex.is_match(b"")),
        MatchOp::NotEqual | MatchOp::NotMatch => false,
    };
    if log.matchers.iter().any(selects) { Ok(()) } else { Err(ParseError::nowhere(NO_MATCHER)) }
}

pub(super) fn matcher(matcher: Matcher) -> Result<Matcher, ParseError> {
    if matches!(matcher.op, MatchOp::Match | MatchOp::NotMatch) {
        regex::compile_anchored(&matcher.value).map_err(|error| ParseError::nowhere(error.to_string()))?;
    }
    Ok(matcher)
}

pub(super) fn number(text: &str, what: &str) -> Result<f64, ParseError> {
    let what = if what == "literal" { "literal as a float" } else { "vectorExpr as a float" };
    units::parse_number(text).map_err(|error| ParseError::nowhere(format!("unable to parse {what}: {error}")))
}

/// Whether a stage's parameters can be understood.
pub(super) fn stage(stage: &Stage) -> Result<(), ParseError> {
    let refused = |error: String| ParseError::nowhere(format!("stage '{}' : {error}", stage.kind));
    match &stage.kind {
        StageKind::LineFilter(filter) => line_filter(filter).map_err(|error| refused(error.0)),
        StageKind::Json(fields) if !fields.is_empty() => {
            json::Paths::parse(&pairs(fields)).map(drop).map_err(|error| refused(error.0))
        }
        StageKind::Logfmt { strict, keep_empty, fields } => {
            logfmt::Logfmt::new(&pairs(fields), *strict, *keep_empty).map(drop).map_err(|error| refused(error.0))
        }
        StageKind::Regexp(text) => regexp::Regexp::parse(text)
            .map(drop)
            .map_err(|error| ParseError::nowhere(format!("invalid regexp parser: {error}"))),
        StageKind::Pattern(text) => pattern::Pattern::parse(text)
            .map(drop)
            .map_err(|error| ParseError::nowhere(format!("invalid pattern parser: {error}"))),
        StageKind::LineFormat(text) => {
            Template::parse("line", text).map(drop).map_err(|error| refused(format!("invalid line template: {error}")))
        }
        StageKind::LabelFormat(formats) => label_formats(formats).map_err(refused),
        StageKind::LabelFilter(filter) => match label_filter(filter) {
            Ok(()) => bad_ip(filter).map_or(Ok(()), |error| Err(refused(error.0))),
            Err(error) => Err(error),
        },
        StageKind::Json(_) | StageKind::Unpack | StageKind::Decolorize | StageKind::Drop(_) | StageKind::Keep(_) => {
            Ok(())
        }
    }
}

/// As the leaves of [`crate::stage`] want them.
pub(crate) fn pairs(fields: &[Extraction]) -> Vec<(String, String)> {
    fields.iter().map(|field| (field.label.clone(), field.expression.clone())).collect()
}

fn line_filter(filter: &LineFilter) -> Result<(), ParamError> {
    for test in &filter.tests {
        match (test.ip, filter.op) {
            (true, LineOp::Contains | LineOp::NotContains) => drop(ip::IpFilter::parse(&test.text)?),
            (true, _) => return Err(ParamError("ip: invalid operation".to_owned())),
            (false, LineOp::Match | LineOp::NotMatch) => drop(regex::compile(&test.text)?),
            (false, LineOp::Pattern | LineOp::NotPattern) => drop(pattern::LinePattern::parse(&test.text)?),
            (false, LineOp::Contains | LineOp::NotContains) => {}
        }
    }
    Ok(())
}

fn label_formats(formats: &[LabelFormat]) -> Result<(), String> {
    for (at, format) in formats.iter().enumerate() {
        if format.name == "__error__" {
            return Err(format!("{} cannot be formatted", format.name));
        }
        if formats[..at].iter().any(|before| before.name == format.name) {
            return Err(format!("multiple label name '{}' not allowed in a single format operation", format.name));
        }
        if let LabelSource::Template(text) = &format.source {
            Template::parse("label", text)
                .map_err(|error| format!("invalid template for label '{}': {error}", format.name))?;
        }
    }
    Ok(())
}

/// The labels that tell of errors are texts, and nothing else is asked of them.
pub(super) fn label_filter(filter: &LabelFilter) -> Result<(), ParseError> {
    let name = match filter {
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            return label_filter(left).and_then(|()| label_filter(right));
        }
        LabelFilter::Text(_) => return Ok(()),
        LabelFilter::Ip { name, .. }
        | LabelFilter::Number { name, .. }
        | LabelFilter::Duration { name, .. }
        | LabelFilter::Bytes { name, .. } => name,
    };
    if name == "__error__" || name == "__error_details__" {
        let message = format!("{name} is a string label and cannot be compared with {filter}");
        return Err(ParseError::nowhere(message));
    }
    Ok(())
}

fn bad_ip(filter: &LabelFilter) -> Option<ParamError> {
    match filter {
        LabelFilter::Ip { pattern, .. } => ip::IpFilter::parse(pattern).err(),
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => bad_ip(left).or_else(|| bad_ip(right)),
        _ => None,
    }
}

pub(super) fn range_parameter(op: RangeOp, text: Option<String>) -> Result<Option<f64>, ParseError> {
    match (op, text) {
        (RangeOp::Quantile, None) => {
            Err(ParseError::nowhere(format!("parameter required for operation {}", op.name())))
        }
        (RangeOp::Quantile, Some(text)) => units::parse_number(&text)
            .map(Some)
            .map_err(|error| ParseError::nowhere(format!("invalid parameter for operation {}: {error}", op.name()))),
        (_, Some(text)) => {
            Err(ParseError::nowhere(format!("parameter {text} not supported for operation {}", op.name())))
        }
        (_, None) => Ok(None),
    }
}

pub(super) fn range_aggregation(aggregation: &RangeAggregation) -> Result<(), ParseError> {
    use RangeOp::{Absent, Avg, Bytes, BytesRate, Count, First, Last, Max, Min, Quantile, Rate, Stddev, Stdvar};
    let RangeAggregation { op, range, grouping, counted, .. } = aggregation;
    if let Some(counted) = counted {
        return counts(*op, counted, range.unwrap.is_some(), grouping.as_ref());
    }
    let groups = matches!(op, Avg | Stddev | Stdvar | Quantile | Max | Min | First | Last);
    if grouping.is_some() && !groups {
        return Err(ParseError::nowhere(format!("grouping not allowed for {} aggregation", op.name())));
    }
    let wrong = match range.unwrap {
        Some(_) if matches!(op, Count | Bytes | BytesRate) => "with",
        None if !matches!(op, Count | Bytes | BytesRate | Rate | Absent) => "without",
        _ => return Ok(()),
    };
    Err(ParseError::nowhere(format!("invalid aggregation {} {wrong} unwrap", op.name())))
}

fn counts(op: RangeOp, counted: &str, unwraps: bool, grouping: Option<&Grouping>) -> Result<(), ParseError> {
    let name = op.name();
    let wrong = match grouping {
        _ if unwraps => format!("unwrap is not supported for {name}()"),
        Some(grouping) if grouping.without => format!("without is not supported for {name}()"),
        Some(grouping) if grouping.labels.iter().any(|label| label == counted) => {
            format!("cannot group by the counted field \"{counted}\"")
        }
        _ => return Ok(()),
    };
    Err(ParseError::nowhere(wrong))
}

pub(super) fn vector_parameter(op: VectorOp, text: Option<&str>, grouped: bool) -> Result<usize, ParseError> {
    let name = op.name();
    let refused = |message: String| Err(ParseError::nowhere(message));
    if !matches!(op, VectorOp::BottomK | VectorOp::TopK | VectorOp::ApproxTopK) {
        return match text {
            Some(text) => refused(format!("unsupported parameter for operation {name}({text},")),
            None => Ok(0),
        };
    }
    let Some(text) = text else { return refused(format!("parameter required for operation {name}")) };
    let Ok(count) = text.parse::<usize>() else { return refused(format!("invalid parameter {name}({text},")) };
    if count == 0 {
        return refused(format!("invalid parameter (must be greater than 0) {name}({text}"));
    }
    if op == VectorOp::ApproxTopK && grouped {
        return refused(format!("grouping not allowed for {name} aggregation"));
    }
    Ok(count)
}

pub(super) fn label_replace(replace: &LabelReplace) -> Result<(), ParseError> {
    regex::compile_anchored(&replace.regex)
        .map(drop)
        .map_err(|error| ParseError::nowhere(format!("invalid regex in label_replace: {error}")))
}

impl Grouping {
    /// Whether everything falls together into one series without labels.
    pub fn is_singleton(&self) -> bool {
        self.labels.is_empty() && !self.without
    }
}
