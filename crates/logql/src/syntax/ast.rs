//! The tree of a query.

/// Where a part stands in the query: bytes, half-open. All spans are equal to each other, so that trees are compared by
/// what they mean.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// The byte after the last.
    pub end: usize,
}

impl PartialEq for Span {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A query: one that returns entries, or one that returns samples.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `{app="x"} |= "y"`
    Log(LogExpr),
    /// `rate({app="x"}[5m])`
    Metric(MetricExpr),
}

/// Streams and what is done to their entries.
#[derive(Clone, Debug, PartialEq)]
pub struct LogExpr {
    /// What stands in braces; at least one in a query that is valid.
    pub matchers: Vec<Matcher>,
    /// In the order in which they are written.
    pub stages: Vec<Stage>,
    /// From the brace to the last stage.
    pub span: Span,
}

/// A test of a label's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matcher {
    /// The label.
    pub name: String,
    /// How it is compared.
    pub op: MatchOp,
    /// With what: a text, or a regular expression that must match all of the label.
    pub value: String,
}

impl Matcher {
    /// If it asks only whether the label has a text: whether it should.
    pub fn asks_presence(&self) -> Option<bool> {
        match self.op {
            MatchOp::NotEqual if self.value.is_empty() => Some(true),
            MatchOp::Equal if self.value.is_empty() => Some(false),
            _ => None,
        }
    }
}

/// How a [`Matcher`] compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Match,
    /// `!~`
    NotMatch,
}

/// One stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub struct Stage {
    /// What it does.
    pub kind: StageKind,
    /// With its pipe.
    pub span: Span,
}

/// What a stage does.
#[derive(Clone, Debug, PartialEq)]
pub enum StageKind {
    /// `|= "a" or "b"`
    LineFilter(LineFilter),
    /// `| json`, `| json a="b.c", d`; without a list every member is extracted.
    Json(Vec<Extraction>),
    /// `| logfmt --strict a="b"`
    Logfmt {
        /// Whether a pair that cannot be read makes the line an error.
        strict: bool,
        /// Whether keys without a value become labels.
        keep_empty: bool,
        /// Without a list every pair is extracted.
        fields: Vec<Extraction>,
    },
    /// `` | pattern `<ip> - <_>` ``
    Pattern(String),
    /// `` | regexp `(?P<ip>\S+)` ``
    Regexp(String),
    /// `| unpack`
    Unpack,
    /// `| decolorize`
    Decolorize,
    /// `| status >= 400 or level="error"`
    LabelFilter(LabelFilter),
    /// `| line_format "{{.model}}"`
    LineFormat(String),
    /// `| label_format a=b, c="{{.d}}"`
    LabelFormat(Vec<LabelFormat>),
    /// `| drop a, b="c"`
    Drop(Vec<NamedMatcher>),
    /// `| keep a, b="c"`
    Keep(Vec<NamedMatcher>),
}

/// A test of the line: true if one of `tests` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineFilter {
    /// How the texts are compared.
    pub op: LineOp,
    /// More than one only where `op` is positive: `!= "a" or "b"` becomes `!= "a" != "b"`.
    pub tests: Vec<LineTest>,
}

/// One text of a [`LineFilter`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineTest {
    /// A literal, a regular expression, a pattern or a range of addresses.
    pub text: String,
    /// Whether it is written `ip("…")`.
    pub ip: bool,
}

/// How a line filter compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineOp {
    /// `|=`
    Contains,
    /// `!=`
    NotContains,
    /// `|~`
    Match,
    /// `!~`
    NotMatch,
    /// `|>`
    Pattern,
    /// `!>`
    NotPattern,
}

impl LineOp {
    /// Whether lines that match stay.
    pub fn is_positive(self) -> bool {
        matches!(self, Self::Contains | Self::Match | Self::Pattern)
    }
}

/// `label="expression"`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extraction {
    /// The label that is set.
    pub label: String,
    /// Where its value comes from.
    pub expression: String,
}

/// A test of labels.
#[derive(Clone, Debug, PartialEq)]
pub enum LabelFilter {
    /// `model="x"`
    Text(Matcher),
    /// `client=ip("10.0.0.0/8")`
    Ip {
        /// The label.
        name: String,
        /// `=` and not `!=`.
        equal: bool,
        /// An address, a range, or a network.
        pattern: String,
    },
    /// `status >= 400`
    Number {
        /// The label.
        name: String,
        /// How it is compared.
        op: Compare,
        /// With what.
        value: f64,
    },
    /// `latency > 80ms`
    Duration {
        /// The label.
        name: String,
        /// How it is compared.
        op: Compare,
        /// In nanoseconds.
        value: i64,
    },
    /// `size < 1MiB`
    Bytes {
        /// The label.
        name: String,
        /// How it is compared.
        op: Compare,
        /// With what.
        value: u64,
    },
    /// Both, also written with a comma or nothing between them.
    And(Box<LabelFilter>, Box<LabelFilter>),
    /// One or both; the right one is not asked where the left one holds.
    Or(Box<LabelFilter>, Box<LabelFilter>),
}

/// How values are compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compare {
    /// `==`, and `=` in a label filter.
    Equal,
    /// `!=`
    NotEqual,
    /// `>`
    Greater,
    /// `>=`
    GreaterEqual,
    /// `<`
    Less,
    /// `<=`
    LessEqual,
}

/// `new=old` or `new="template"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LabelFormat {
    /// The label that is set.
    pub name: String,
    /// From where.
    pub source: LabelSource,
}

/// Where [`LabelFormat`] takes a value from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LabelSource {
    /// Another label, which goes.
    Rename(String),
    /// A Go template.
    Template(String),
}

/// A label, or a label with a certain value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedMatcher {
    /// `a`
    Name(String),
    /// `a="b"`
    Matcher(Matcher),
}

/// An expression that gives samples.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricExpr {
    /// `rate({…}[5m])`
    Range(Box<RangeAggregation>),
    /// `sum by (a) (…)`
    Vector(Box<VectorAggregation>),
    /// `a / b`
    Binary(Box<Binary>),
    /// `2`; two of them with an operator between are one.
    Literal(f64),
    /// `label_replace(…)`
    LabelReplace(Box<LabelReplace>),
    /// `vector(2)`
    Constant(f64),
}

/// An aggregation over time.
#[derive(Clone, Debug, PartialEq)]
pub struct RangeAggregation {
    /// Which one.
    pub op: RangeOp,
    /// Of `quantile_over_time`.
    pub parameter: Option<f64>,
    /// Of `approx_count_distinct`: the label whose values are counted.
    pub counted: Option<String>,
    /// Over what.
    pub range: LogRange,
    /// Only some may have one.
    pub grouping: Option<Grouping>,
    /// From the name to the last parenthesis.
    pub span: Span,
}

/// Aggregations over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what LogQL calls so")]
pub enum RangeOp {
    Count,
    Rate,
    RateCounter,
    Bytes,
    BytesRate,
    Avg,
    Sum,
    Min,
    Max,
    Stdvar,
    Stddev,
    Quantile,
    First,
    Last,
    Absent,
    ApproxCountDistinct,
}

/// Entries of a sliding window.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRange {
    /// Which entries.
    pub log: LogExpr,
    /// The window's width in nanoseconds.
    pub interval: i64,
    /// How far it is moved into the past, in nanoseconds.
    pub offset: i64,
    /// What turns entries into numbers, if not their being there.
    pub unwrap: Option<Unwrap>,
}

/// `| unwrap duration(latency) | __error__=""`
#[derive(Clone, Debug, PartialEq)]
pub struct Unwrap {
    /// The label whose value is the sample's.
    pub label: String,
    /// How its text is read.
    pub conversion: Conversion,
    /// What is asked of the labels thereafter.
    pub filters: Vec<LabelFilter>,
}

/// How `unwrap` reads a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Conversion {
    /// As a number.
    Number,
    /// `bytes(…)`
    Bytes,
    /// `duration(…)`, into seconds.
    Duration,
    /// `duration_seconds(…)`, the same.
    DurationSeconds,
}

/// `by (a, b)` or `without (a)`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grouping {
    /// The labels.
    pub labels: Vec<String>,
    /// Whether the others stay.
    pub without: bool,
}

/// An aggregation over series.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorAggregation {
    /// Which one.
    pub op: VectorOp,
    /// Of `topk` and its like: at least 1.
    pub parameter: usize,
    /// Over what.
    pub inner: MetricExpr,
    /// Without one, everything falls together.
    pub grouping: Grouping,
    /// From the name to the last parenthesis.
    pub span: Span,
}

/// Aggregations over series.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what LogQL calls so")]
pub enum VectorOp {
    Sum,
    Avg,
    Max,
    Min,
    Count,
    Stddev,
    Stdvar,
    BottomK,
    TopK,
    ApproxTopK,
    Sort,
    SortDesc,
}

/// Two expressions and an operator.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// On the left.
    pub left: MetricExpr,
    /// On the right.
    pub right: MetricExpr,
    /// Whether a comparison gives 0 and 1, and drops nothing.
    pub bool: bool,
    /// Which series belong together.
    pub matching: Matching,
}

/// Operators between metric expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs, reason = "each is what arithmetic calls so")]
pub enum BinaryOp {
    Or,
    And,
    Unless,
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Compare(Compare),
}

impl BinaryOp {
    /// Whether it is `and`, `or` or `unless`.
    pub fn is_set(self) -> bool {
        matches!(self, Self::Or | Self::And | Self::Unless)
    }
}

/// `on (a) group_left (b)`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Matching {
    /// Whether `labels` are those compared, rather than those left out.
    pub on: bool,
    /// Of `on` or `ignoring`; `None` if neither is written.
    pub labels: Option<Vec<String>>,
    /// How many belong to how many.
    pub cardinality: Cardinality,
    /// Labels that are taken over from the side of which there is one; `None` without parentheses.
    pub include: Option<Vec<String>>,
}

/// How many series of one side belong to how many of the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cardinality {
    /// One to one.
    #[default]
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
}

/// `label_replace(v, "dst", "$1", "src", "(.*)")`
#[derive(Clone, Debug, PartialEq)]
pub struct LabelReplace {
    /// Whose labels.
    pub inner: MetricExpr,
    /// The label that is set.
    pub destination: String,
    /// To what, with `$1` and `${name}` for what was captured.
    pub replacement: String,
    /// The label that is read.
    pub source: String,
    /// What must match all of it.
    pub regex: String,
}
