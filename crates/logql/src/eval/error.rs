//! Why a query has no answer.

use thiserror::Error;

use super::row::{ERROR, Row};
use crate::labels::Labels;
use crate::source::SourceError;
use crate::stage::ParamError;

/// Why a query has no answer, in Loki's words.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum EvalError {
    /// An entry failed a stage, and the query does not say what is to become of it.
    #[error(
        "pipeline error: '{error}' for series: '{labels}'.\nUse a label filter to intentionally skip this error. (e.g | \
         __error__!=\"{error}\").\nTo skip all potential errors you can match empty errors.(e.g __error__=\"\")\nThe label \
         filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// What failed.
        error: String,
        /// The labels of the entry.
        labels: Labels,
    },
    /// Too many series.
    #[error(
        "maximum number of series ({0}) reached for a single query; consider reducing query cardinality by adding more \
         specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or \
         topk()"
    )]
    Series(usize),
    /// More entries are asked for than may be.
    #[error("max entries limit per query exceeded, limit > max_entries_limit_per_query ({asked} > {limit})")]
    Entries {
        /// The query's limit.
        asked: usize,
        /// What is allowed.
        limit: usize,
    },
    /// Too many steps.
    #[error(
        "exceeded maximum resolution of {0} points per time series. Try increasing the value of the step parameter"
    )]
    Points(usize),
    /// Too many bytes of lines were read.
    #[error(
        "the query would read too many bytes (limit: {0} bytes); consider adding more specific stream selectors or reduce the time range of the query"
    )]
    Bytes(u64),
    /// It would take too much memory.
    #[error(
        "the query would take too much memory (limit: {0} bytes); consider adding more specific stream selectors or reduce the time range of the query"
    )]
    Memory(u64),
    /// It took too long.
    #[error(
        "request timed out, decrease the duration of the request or add more label matchers (prefer exact match over regex \
         match) to reduce the amount of data processed"
    )]
    Time,
    /// Nobody waits for the answer any more.
    #[error("the query was cancelled")]
    Cancelled,
    /// A query for entries was asked for one instant.
    #[error("log queries are not supported as an instant query type, please change your query to a range query type")]
    InstantLogs,
    /// Series of two vectors cannot be matched.
    #[error("{0}")]
    Matching(&'static str),
    /// A parameter of the query cannot be understood. A query that was parsed has none such.
    #[error(transparent)]
    Param(#[from] ParamError),
    /// The source cannot be read.
    #[error(transparent)]
    Source(#[from] SourceError),
}

impl EvalError {
    pub(super) fn pipeline(row: &Row) -> Self {
        let labels = row.labels().map(|(_, name, value)| (name, value));
        Self::Pipeline { error: row.get_text(ERROR).to_owned(), labels: Labels::new(labels) }
    }
}
