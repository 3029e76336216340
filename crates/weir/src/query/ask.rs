//! `query` and `query_range`.

use http::StatusCode;
use logql::eval::{Answer, Context, LogEntry, Outcome, Request, Watch, evaluate};
use logql::source::Direction;
use logql::syntax::ast::Expr;
use logql::syntax::parse;

use super::render::{self, About};
use super::{Asked, Failure};

/// A question about one instant.
pub(super) fn instant(asked: &Asked) -> Result<String, Failure> {
    let at = asked.parameters.time("time", asked.now)?;
    let limit = asked.parameters.limit()?;
    let direction = asked.parameters.direction()?;
    let query = parse(asked.parameters.get("query"))?;
    answer(asked, &query, Request { limit, direction, ..Request::instant(at) })
}

/// A question about a span of time.
pub(super) fn range(asked: &Asked) -> Result<String, Failure> {
    let parameters = asked.parameters;
    let (start, end) = parameters.bounds(asked.now)?;
    if end < start {
        return Err(Failure::bad("end timestamp must not be before or equal to start time"));
    }
    let step = parameters.step(start, end)?;
    let interval = parameters.interval()?;
    let request =
        Request { limit: parameters.limit()?, direction: parameters.direction()?, ..Request::range(start, end, step) };
    let query = parse(parameters.get("query"))?;
    asked.settings.allows(start, end)?;
    match query {
        Expr::Log(_) if interval > 0 => thinned(asked, &query, request, interval),
        Expr::Log(_) => answer(asked, &query, request),
        // Loki moves the steps of what comes over HTTP to multiples of the step.
        Expr::Metric(_) => answer(asked, &query, request.aligned()),
    }
}

fn answer(asked: &Asked, query: &Expr, request: Request) -> Result<String, Failure> {
    let outcome = evaluated(asked, query, &request)?;
    Ok(render::outcome(&outcome, about(asked, &request)))
}

fn about(asked: &Asked, request: &Request) -> About {
    About { at: request.end, categorize: asked.categorize, took_ns: asked.patience.elapsed_ns() }
}

fn evaluated(asked: &Asked, query: &Expr, request: &Request) -> Result<Outcome, Failure> {
    let limits = asked.settings.limits();
    let context = Context { limits, watch: asked.patience, now: asked.now, threads: asked.patience.threads() };
    Ok(evaluate(asked.source, query, request, &context)?)
}

/// Entries that are at least `interval` apart.
fn thinned(asked: &Asked, query: &Expr, request: Request, interval: i64) -> Result<String, Failure> {
    let most = asked.settings.max_entries;
    if request.limit > most {
        let text = format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({} > {most})",
            request.limit
        );
        return Err(Failure::new(StatusCode::BAD_REQUEST, text));
    }
    let mut kept: Vec<LogEntry> = Vec::new();
    let mut rest = Request { limit: most, ..request };
    let statistics = loop {
        let Outcome { answer: Answer::Entries(entries), statistics: took } = evaluated(asked, query, &rest)? else {
            return Err(Failure::bad("interval is for log queries"));
        };
        let more = entries.len() == most;
        for entry in entries {
            let apart =
                kept.last().is_none_or(|last| last.timestamp.abs_diff(entry.timestamp) >= interval.unsigned_abs());
            if apart && kept.len() < request.limit {
                kept.push(entry);
            }
        }
        let Some(last) = kept.last().map(|last| last.timestamp).filter(|_| more && kept.len() < request.limit) else {
            break took;
        };
        match request.direction {
            Direction::Forward => rest.start = last.saturating_add(interval),
            Direction::Backward => rest.end = last.saturating_sub(interval).saturating_add(1),
        }
        if rest.start >= rest.end {
            break took;
        }
    };
    let outcome = Outcome { answer: Answer::Entries(kept), statistics };
    Ok(render::outcome(&outcome, about(asked, &request)))
}
