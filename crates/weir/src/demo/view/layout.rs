//! Layout: what stands where, for any size of terminal.

use std::time::Instant;

use super::figure::{dollars, energy, grouped, percent, seconds, short};
use super::line::{Ending, Line};
use super::screen::{Spans, Tone, left, right};
use super::tally::Sum;
use super::{LATEST, View};

/// The fewest rows the latest requests and the models get, where there are that many.
const FEWEST_LATEST: usize = 3;
const FEWEST_MODELS: usize = 2;
/// The columns of the table behind the model's name: requests, tokens in and out, cost, p50, p95, errors.
const CELLS: [usize; 7] = [9, 8, 8, 13, 8, 8, 8];
/// How wide a model's name may be.
const NAME: std::ops::RangeInclusive<usize> = 12..=32;

/// The lines of the view, at most `rows` where that is possible at all.
pub(super) fn lines(view: &View, columns: usize, rows: usize, now: Instant) -> Vec<Spans> {
    let mut lines: Vec<Spans> = view.header.iter().map(|line| vec![(Tone::Plain, line.clone())]).collect();
    if !lines.is_empty() {
        lines.push(Vec::new());
    }
    lines.push(rate(view, now));
    lines.extend(totals(view));
    if view.tally.total.requests == 0 {
        lines.extend([Vec::new(), vec![(Tone::Quiet, "Waiting for the first request …".to_owned())]]);
        return lines;
    }
    // Two titles with a blank line above each stand between what is left.
    let (models, latest) = share_rows(rows.saturating_sub(lines.len() + 4), view);
    let name = columns.saturating_sub(CELLS.iter().sum()).clamp(*NAME.start(), *NAME.end());
    lines.extend([Vec::new(), table_head(name)]);
    lines.extend(view.tally.models(models).iter().map(|(model, sum)| table_row(model, sum, name)));
    lines.extend([Vec::new(), vec![(Tone::Quiet, "Latest requests (UTC)".to_owned())]]);
    lines.extend(view.latest.iter().take(latest).map(|line| request(line, name)));
    lines
}

/// How many of `rows` the models get, and how many the latest requests.
fn share_rows(rows: usize, view: &View) -> (usize, usize) {
    let wanted = view.tally.model_count();
    let latest = view.latest.len().min(LATEST);
    let models = wanted.min(rows.saturating_sub(latest).max(FEWEST_MODELS));
    let latest = latest.min(rows.saturating_sub(models).max(FEWEST_LATEST));
    (models, latest)
}

fn rate(view: &View, now: Instant) -> Spans {
    vec![
        (Tone::Strong, right(&format!("{:.1}", view.rate.per_second(now)), 7)),
        (Tone::Plain, " requests/s  ".to_owned()),
        (Tone::Good, view.rate.sparkline(now)),
        (Tone::Quiet, "  last minute".to_owned()),
    ]
}

/// Two lines: how much, and at what price.
fn totals(view: &View) -> Vec<Spans> {
    let total = &view.tally.total;
    let missing = total.money.unpriced + total.money.unknown;
    let mut first = vec![
        (Tone::Strong, right(&grouped(total.requests), 7)),
        (Tone::Plain, " requests  ".to_owned()),
        (error_tone(total), percent(total.errors, total.requests)),
        (Tone::Plain, format!(" errors  {} cancelled  ", grouped(total.cancelled))),
        (Tone::Plain, format!("tokens {}{} in, ", at_least(total.uncounted), grouped(total.input_tokens))),
        (Tone::Plain, format!("{}{} out", at_least(total.uncounted), grouped(total.output_tokens))),
    ];
    if view.unreadable > 0 {
        first.push((Tone::Warning, format!("  {} lines unreadable", grouped(view.unreadable))));
    }
    let mut second = vec![
        (Tone::Plain, "   cost ".to_owned()),
        (Tone::Strong, total.money.show()),
        (Tone::Plain, "  energy ".to_owned()),
        (Tone::Strong, estimate(total)),
    ];
    if missing > 0 {
        second.push((Tone::Warning, format!("  {} without a known cost", counted(missing, "request"))));
    }
    vec![first, second]
}

/// Energy is an estimate, or the part of it that is known, and says so.
fn estimate(total: &Sum) -> String {
    let amount = energy(total.energy_kwh);
    match total.energy_kwh {
        Some(kwh) if kwh > 0.0 && total.unestimated > 0 => format!("≥ {amount}"),
        Some(kwh) if kwh > 0.0 => format!("≈ {amount}"),
        // Nothing known beside something unknown is unknown.
        Some(_) if total.unestimated > 0 => energy(None),
        _ => amount,
    }
}

/// The mark of a sum that lacks something.
fn at_least(missing: u64) -> &'static str {
    if missing > 0 { "≥ " } else { "" }
}

fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number))
}

fn error_tone(sum: &Sum) -> Tone {
    if sum.errors > 0 { Tone::Bad } else { Tone::Plain }
}

fn table_head(name: usize) -> Spans {
    let titles = ["requests", "in", "out", "cost", "p50", "p95", "errors"];
    let cells: String = titles.iter().zip(CELLS).map(|(title, columns)| right(title, columns)).collect();
    vec![(Tone::Quiet, left("Model", name) + &cells)]
}

fn table_row(model: &str, sum: &Sum, name: usize) -> Spans {
    let [requests, input, output, cost, p50, p95, errors] = CELLS;
    let cost_tone = if sum.money.priced == 0 { Tone::Warning } else { Tone::Plain };
    vec![
        (Tone::Plain, left(model, name)),
        (Tone::Plain, right(&short(sum.requests), requests)),
        (Tone::Plain, right(&short(sum.input_tokens), input)),
        (Tone::Plain, right(&short(sum.output_tokens), output)),
        (cost_tone, right(&sum.money.show(), cost)),
        (Tone::Plain, right(&seconds(sum.quantile(0.5)), p50)),
        (Tone::Plain, right(&seconds(sum.quantile(0.95)), p95)),
        (error_tone(sum), right(&percent(sum.errors, sum.requests), errors)),
    ]
}

/// One request as a line to read.
fn request(line: &Line, name: usize) -> Spans {
    let time = line.timestamp.as_deref().and_then(|timestamp| timestamp.get(11..19)).unwrap_or("--:--:--");
    let mut spans = vec![
        (Tone::Quiet, format!("{time}  ")),
        (Tone::Plain, left(line.model(), name)),
        (Tone::Plain, right(&seconds(line.processing_time_seconds), 8)),
        (Tone::Plain, right(&tokens(line), 15)),
        (Tone::Plain, right(&cost(line), 11)),
    ];
    let (tone, outcome) = outcome(line);
    spans.push((tone, format!("  {outcome}")));
    if let Some(user) = &line.user_id {
        spans.push((Tone::Quiet, format!("  {user}")));
    }
    if line.stream == Some(true) {
        let first = line.time_to_first_token_seconds.map(|first| format!(", first token {}", seconds(Some(first))));
        spans.push((Tone::Quiet, format!("  stream{}", first.unwrap_or_default())));
    }
    spans
}

fn tokens(line: &Line) -> String {
    let shown = |tokens: Option<u64>| tokens.map_or_else(|| "?".to_owned(), short);
    match (line.input_tokens, line.output_tokens) {
        (None, None) => "– tokens".to_owned(),
        (input, output) => format!("{} → {}", shown(input), shown(output)),
    }
}

fn cost(line: &Line) -> String {
    match line.money() {
        money if money.priced > money.free => dollars(money.nanos),
        money => money.show(),
    }
}

/// How it ended, in a word or two.
fn outcome(line: &Line) -> (Tone, String) {
    match line.ending() {
        Ending::Success => (Tone::Good, "ok".to_owned()),
        Ending::Cancelled => (Tone::Warning, "cancelled".to_owned()),
        Ending::Error => {
            let status = line.status_code.map(|code| format!(" {code}")).unwrap_or_default();
            let what = line.error_type.as_deref().or(line.error_message.as_deref());
            (Tone::Bad, format!("error{status}{}", what.map(|what| format!(" {what}")).unwrap_or_default()))
        }
    }
}
