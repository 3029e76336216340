//! The words of the language.

/// What a token is. Words of the language carry themselves.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    End,
    Identifier(String),
    Text(String),
    Number(String),
    /// In nanoseconds.
    Duration(i64),
    Bytes(u64),
    /// What stands in brackets, in nanoseconds.
    Range(i64),
    /// `--strict`, `--keep-empty`.
    Flag(&'static str),
    /// Punctuation, operators and keywords, in lower case.
    Word(&'static str),
    /// A name that is followed by a parenthesis, or by `by` or `without` and one; in lower case.
    Function(&'static str),
}

impl Token {
    /// What errors call it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::End => "$end".to_owned(),
            Self::Identifier(_) => "IDENTIFIER".to_owned(),
            Self::Text(_) => "STRING".to_owned(),
            Self::Number(_) => "NUMBER".to_owned(),
            Self::Duration(_) => "DURATION".to_owned(),
            Self::Bytes(_) => "BYTES".to_owned(),
            Self::Range(_) => "RANGE".to_owned(),
            Self::Flag(_) => "PARSER_FLAG".to_owned(),
            Self::Word(word) => (*word).to_owned(),
            Self::Function(name @ ("label_replace" | "ip")) => (*name).to_owned(),
            Self::Function(name @ ("bytes" | "duration" | "duration_seconds")) => {
                format!("{}_CONV", name.to_uppercase())
            }
            Self::Function(name) => name.to_uppercase(),
        }
    }
}

/// Operators of two characters come before those of one with which they begin.
pub(super) const SIGNS: &[&str] = &[
    "!=", "=~", "!~", "!>", "|=", "|~", "|>", "==", ">=", "<=", ",", ".", "{", "}", "=", "|", "(", ")", "]", "+", "-",
    "*", "/", "%", "^", ">", "<",
];

pub(super) const KEYWORDS: &[&str] = &[
    "unwrap",
    "by",
    "without",
    "bool",
    "offset",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "or",
    "and",
    "unless",
    "json",
    "regexp",
    "logfmt",
    "unpack",
    "pattern",
    "label_format",
    "line_format",
    "decolorize",
    "drop",
    "keep",
];

pub(super) const FUNCTIONS: &[&str] = &[
    "rate",
    "rate_counter",
    "count_over_time",
    "bytes_rate",
    "bytes_over_time",
    "avg_over_time",
    "sum_over_time",
    "min_over_time",
    "max_over_time",
    "stdvar_over_time",
    "stddev_over_time",
    "quantile_over_time",
    "first_over_time",
    "last_over_time",
    "absent_over_time",
    "vector",
    "sum",
    "avg",
    "max",
    "min",
    "count",
    "stddev",
    "stdvar",
    "bottomk",
    "topk",
    "sort",
    "sort_desc",
    "label_replace",
    "approx_topk",
    "approx_count_distinct",
    "bytes",
    "duration",
    "duration_seconds",
    "ip",
];

pub(super) const FLAGS: &[&str] = &["--strict", "--keep-empty"];
