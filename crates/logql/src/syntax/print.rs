//! A tree as text, on one line, as Loki's `String()` writes it.

use std::fmt::{Display, Formatter, Result};

use super::ast::{
    Binary, BinaryOp, Cardinality, Compare, Conversion, Expr, Extraction, Grouping, LabelFilter, LabelSource,
    LineFilter, LineOp, LineTest, LogExpr, LogRange, MatchOp, Matcher, MetricExpr, NamedMatcher, RangeAggregation,
    RangeOp, Stage, StageKind, Unwrap, VectorAggregation, VectorOp,
};
use crate::stage::quote::quote;
use crate::stage::units::{format_bytes, format_duration, format_float, format_prometheus_duration};

macro_rules! names {
    ($name:ident: $($variant:ident = $text:literal),+) => {
        impl $name {
            /// All of them.
            pub const ALL: [Self; [$($text),+].len()] = [$(Self::$variant),+];

            /// How it is written.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$variant => $text),+
                }
            }
        }
    };
}

names!(RangeOp: Count = "count_over_time", Rate = "rate", RateCounter = "rate_counter", Bytes = "bytes_over_time",
    BytesRate = "bytes_rate", Avg = "avg_over_time", Sum = "sum_over_time", Min = "min_over_time", Max = "max_over_time",
    Stdvar = "stdvar_over_time", Stddev = "stddev_over_time", Quantile = "quantile_over_time", First = "first_over_time",
    Last = "last_over_time", ApproxCountDistinct = "approx_count_distinct", Absent = "absent_over_time");

names!(VectorOp: Sum = "sum", Avg = "avg", Max = "max", Min = "min", Count = "count", Stddev = "stddev",
    Stdvar = "stdvar", BottomK = "bottomk", TopK = "topk", ApproxTopK = "approx_topk", Sort = "sort",
    SortDesc = "sort_desc");

names!(LineOp: Contains = "|=", NotContains = "!=", Match = "|~", NotMatch = "!~", Pattern = "|>", NotPattern = "!>");

names!(MatchOp: Equal = "=", NotEqual = "!=", Match = "=~", NotMatch = "!~");

names!(Compare: Equal = "==", NotEqual = "!=", Greater = ">", GreaterEqual = ">=", Less = "<", LessEqual = "<=");

impl BinaryOp {
    /// How it is written.
    pub fn text(self) -> &'static str {
        match self {
            Self::Or => "or",
            Self::And => "and",
            Self::Unless => "unless",
            Self::Add => "+",
            Self::Sub => "-",
            Self::Mul => "*",
            Self::Div => "/",
            Self::Mod => "%",
            Self::Pow => "^",
            Self::Compare(compare) => compare.name(),
        }
    }
}

fn quoted(text: &str) -> String {
    quote(text.as_bytes())
}

/// Writes `items` with `between` between them.
pub(super) fn join<T: Display>(items: &[T], between: &str) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(between)
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Log(log) => log.fmt(f),
            Self::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{{{}}}", join(&self.matchers, ", "))?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl Display for Matcher {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{}{}{}", self.name, self.op.name(), quoted(&self.value))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter) -> Result {
        self.kind.fmt(f)
    }
}

impl Display for StageKind {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::LineFilter(filter) => filter.fmt(f),
            Self::Json(fields) if fields.is_empty() => f.write_str("| json"),
            Self::Json(fields) => write!(f, "| json {}", join(fields, ",")),
            Self::Logfmt { strict, keep_empty, fields } => {
                let strict = if *strict { " --strict" } else { "" };
                let keep_empty = if *keep_empty { " --keep-empty" } else { "" };
                let space = if fields.is_empty() { "" } else { " " };
                write!(f, "| logfmt{strict}{keep_empty}{space}{}", join(fields, ","))
            }
            Self::Pattern(text) => write!(f, "| pattern {}", quoted(text)),
            Self::Regexp(text) => write!(f, "| regexp {}", quoted(text)),
            Self::Unpack => f.write_str("| unpack"),
            Self::Decolorize => f.write_str("| decolorize"),
            Self::LabelFilter(filter) => write!(f, "| {filter}"),
            Self::LineFormat(text) => write!(f, "| line_format {}", quoted(text)),
            Self::LabelFormat(formats) => {
                let format = |format: &super::ast::LabelFormat| match &format.source {
                    LabelSource::Rename(from) => format!("{}={from}", format.name),
                    LabelSource::Template(text) => format!("{}={}", format.name, quoted(text)),
                };
                write!(f, "| label_format {}", formats.iter().map(format).collect::<Vec<_>>().join(","))
            }
            Self::Drop(names) => write!(f, "| drop {}", join(names, ",")),
            Self::Keep(names) => write!(f, "| keep {}", join(names, ",")),
        }
    }
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{} {}", self.op.name(), join(&self.tests, " or "))
    }
}

impl Display for LineTest {
    fn fmt(&self, f: &mut Formatter) -> Result {
        let text = quoted(&self.text);
        if self.ip { write!(f, "ip({text})") } else { f.write_str(&text) }
    }
}

impl Display for Extraction {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{}={}", self.label, quoted(&self.expression))
    }
}

impl Display for NamedMatcher {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Matcher(matcher) => matcher.fmt(f),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Text(matcher) => matcher.fmt(f),
            Self::Ip { name, equal, pattern } => {
                write!(f, "{name}{}ip({})", if *equal { "=" } else { "!=" }, quoted(pattern))
            }
            Self::Number { name, op, value } => write!(f, "{name}{}{}", op.name(), format_float(*value)),
            Self::Duration { name, op, value } => write!(f, "{name}{}{}", op.name(), format_duration(*value)),
            Self::Bytes { name, op, value } => write!(f, "{name}{}{}", op.name(), exact_bytes(*value)),
            Self::And(left, right) => write!(f, "( {left} , {right} )"),
            Self::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

/// Loki rounds; what would not read back the same is written in bytes.
fn exact_bytes(bytes: u64) -> String {
    let short = format_bytes(bytes).replace(' ', "");
    if crate::stage::units::parse_bytes(&short) == Ok(bytes) { short } else { format!("{bytes}B") }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Range(range) => range.fmt(f),
            Self::Vector(vector) => vector.fmt(f),
            Self::Binary(binary) => write!(f, "({} {} {})", binary.left, binary.operator(","), binary.right),
            Self::Literal(value) => f.write_str(&literal(*value)),
            Self::Constant(value) => write!(f, "vector({})", constant(*value)),
            Self::LabelReplace(replace) => {
                write!(f, "label_replace({}", replace.inner)?;
                let texts = [&replace.destination, &replace.replacement, &replace.source, &replace.regex];
                texts.into_iter().try_for_each(|text| write!(f, ",{}", quoted(text)))?;
                f.write_str(")")
            }
        }
    }
}

/// Infinity and NaN, which have no words of their own, are written as what gives them.
pub(super) fn literal(value: f64) -> String {
    match value {
        value if value.is_nan() => "(0 % 0)".to_owned(),
        f64::INFINITY => "(1 / 0)".to_owned(),
        f64::NEG_INFINITY => "(-1 / 0)".to_owned(),
        value => {
            // Go's %v: the shortest form, in powers of ten from 1e21 and below 1e-4.
            let magnitude = value.abs();
            if magnitude != 0.0 && !(1e-4..1e21).contains(&magnitude) { exponent(value) } else { format_float(value) }
        }
    }
}

fn exponent(value: f64) -> String {
    let text = format!("{value:e}");
    let (digits, power) = text.split_once('e').unwrap_or((&text, "0"));
    let (sign, power) = power.strip_prefix('-').map_or(("+", power), |power| ("-", power));
    format!("{digits}e{sign}{power:0>2}")
}

fn constant(value: f64) -> String {
    let text = format!("{value:.6}");
    if text.parse() == Ok(value) { text } else { format_float(value) }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{}(", self.op.name())?;
        if let Some(parameter) = self.parameter {
            write!(f, "{},", format_float(parameter))?;
        }
        if let Some(counted) = &self.counted {
            write!(f, "{counted},")?;
        }
        write!(f, "{})", self.range)?;
        self.grouping.as_ref().map_or(Ok(()), |grouping| grouping.fmt(f))
    }
}

impl Display for LogRange {
    fn fmt(&self, f: &mut Formatter) -> Result {
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", format_prometheus_duration(self.interval))?;
        if self.offset != 0 { write!(f, " offset {}", format_duration(self.offset)) } else { Ok(()) }
    }
}

impl Unwrap {
    /// Without what is asked thereafter.
    pub(super) fn head(&self) -> String {
        let conversion = match self.conversion {
            Conversion::Number => return format!("| unwrap {}", self.label),
            Conversion::Bytes => "bytes",
            Conversion::Duration => "duration",
            Conversion::DurationSeconds => "duration_seconds",
        };
        format!("| unwrap {conversion}({})", self.label)
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter) -> Result {
        f.write_str(&self.head())?;
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, " {} ({})", if self.without { "without" } else { "by" }, self.labels.join(","))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter) -> Result {
        f.write_str(self.op.name())?;
        if !self.grouping.is_singleton() {
            self.grouping.fmt(f)?;
        }
        f.write_str("(")?;
        if self.parameter > 0 {
            write!(f, "{},", self.parameter)?;
        }
        write!(f, "{})", self.inner)
    }
}

impl Binary {
    /// The operator and what says how series are matched; `between` parts labels.
    pub(super) fn operator(&self, between: &str) -> String {
        let mut text = self.op.text().to_owned();
        if self.bool {
            text += " bool";
        }
        let Some(labels) = &self.matching.labels else { return text };
        let on = if self.matching.on { "on" } else { "ignoring" };
        let mut group = match self.matching.cardinality {
            Cardinality::OneToOne => String::new(),
            Cardinality::ManyToOne => " group_left".to_owned(),
            Cardinality::OneToMany => " group_right".to_owned(),
        };
        if let Some(include) = &self.matching.include {
            group += &format!(" ({})", include.join(between));
        }
        text + &format!(" {on} ({}){group}", labels.join(between))
    }
}
