//! History: Records of requests that never were, over days that have passed, as the proxy would have written them.
//!
//! They go through the same prices and the same rendering as real ones, under a clock of their own, and each says that it is
//! simulated. The same options give the same Records.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use fastrand::Rng;
use meter::cost::{Ask, Book, Listing, Prices};
use meter::dialect::Api;
use meter::energy::{self, Estimator, Rates};
use meter::record::{EndReason, Record, Status, id_v7, render};
use meter::usage::{Class, Parts, Usage, UsageSource};

use super::chance::{alphanumeric, exponential, generator, happens, hex, log_normal};
use super::number::above_zero;

mod model;
mod person;

use model::{Model, weighted};
use person::{Person, people};

const SECOND: u64 = 1_000_000_000;
const HOUR: u64 = 3600 * SECOND;
const HOURS_OF_DAY: u64 = 24;
/// How busy each hour of a working day is, relative to the busiest.
const DAY: [f64; 24] = [
    0.08, 0.06, 0.05, 0.05, 0.06, 0.10, 0.20, 0.40, 0.70, 0.92, 1.0, 0.97, 0.80, 0.86, 0.97, 1.0, 0.93, 0.76, 0.55,
    0.42, 0.33, 0.26, 0.18, 0.12,
];
/// How busy a day of the weekend is, relative to a working day.
const WEEKEND: f64 = 0.35;
/// What the answers' prompts are about, where callers say so.
const CATEGORIES: [&str; 6] = ["support", "summary", "code", "search", "translation", "extraction"];

/// What history to write.
#[derive(Args, Clone, Debug)]
pub struct HistoryOptions {
    /// The data directory to write into: its journal gets the Records. No Weir may use it at the time.
    #[arg(long, value_name = "DIRECTORY")]
    pub to: PathBuf,

    /// Records in all.
    #[arg(long, value_name = "NUMBER", default_value_t = 100_000)]
    pub records: u64,

    /// Days that they are spread over; the last one ends now.
    #[arg(long, value_name = "NUMBER", value_parser = above_zero, default_value_t = 30.0)]
    pub days: f64,

    /// Seed of everything left to chance.
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,

    /// The end, in nanoseconds since 1970, instead of now.
    #[arg(long, value_name = "TIME")]
    pub end: Option<u64>,
}

/// Writes a history into a journal, and returns how many Records it has.
///
/// # Errors
/// The data directory is in use, or cannot be written to.
pub fn write(options: &HistoryOptions) -> io::Result<u64> {
    let _held = store::DataDir::open(&options.to).map_err(io::Error::other)?;
    let (mut journal, _) = store::Journal::open(&options.to.join("journal"), store::Options::default())?;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let end = options.end.unwrap_or(since.as_nanos() as u64);
    let start = end.saturating_sub((options.days * HOURS_OF_DAY as f64) as u64 * HOUR);
    let (mut lines, mut count, mut written) = (Vec::with_capacity(1 << 20), 0, 0);
    for record in History::new(options.records, start, end, options.seed) {
        render(&record, &mut lines);
        count += 1;
        if lines.len() >= 1 << 18 {
            written += count;
            append(&mut journal, &mut lines, std::mem::take(&mut count))?;
        }
    }
    append(&mut journal, &mut lines, count)?;
    journal.close()?;
    Ok(written + count)
}

fn append(journal: &mut store::Journal, lines: &mut Vec<u8>, count: u64) -> io::Result<()> {
    journal.append(lines, count)?;
    lines.clear();
    if journal.is_due() { journal.rotate(0)?.give_back() } else { Ok(()) }
}

/// Records of the past, by time.
pub struct History {
    seed: u64,
    number: u64,
    people: Vec<Person>,
    prices: Prices,
    energy: Estimator,
    /// What is left of the plan: hours with how many Records each has.
    hours: std::vec::IntoIter<(u64, u64)>,
    hour: u64,
    left: u64,
    of: u64,
}

impl History {
    /// `records` of them from `start` to `end`, both in nanoseconds since 1970.
    #[must_use]
    pub fn new(records: u64, start: u64, end: u64, seed: u64) -> History {
        let listing = Listing { provider: "openai".to_owned(), region: None };
        let listings = [("openai".to_owned(), listing)].into();
        let catalog = Arc::new(meter::catalog::Catalog::embedded());
        let mut rates = Rates::default();
        for model in model::MODELS {
            // A rate that is written here has few places.
            let _ = rates.insert(model.name.to_owned(), model.kwh_per_1k);
        }
        History {
            seed,
            number: 0,
            people: people(&mut generator(seed, 0)),
            prices: Prices::from(Book { catalog, listings, ..Book::default() }),
            energy: Estimator::from(energy::Book { rates, ..energy::Book::default() }),
            hours: plan(records, start, end).into_iter(),
            hour: 0,
            left: 0,
            of: 0,
        }
    }

    /// A request that ended at `timestamp`.
    fn record(&mut self, rng: &mut Rng, timestamp: u64) -> Record {
        let model = weighted(rng);
        let mut record = Record { timestamp, usage_source: UsageSource::Provider, ..Record::default() };
        self.who(rng, &mut record);
        what(rng, model, &mut record);
        let output = tokens(rng, model, &mut record);
        times(rng, model, output, &mut record);
        ending(rng, &mut record);
        self.price(&mut record);
        record
    }

    fn who(&mut self, rng: &mut Rng, record: &mut Record) {
        // Few people ask much and many ask little.
        let number = (exponential(rng, 0.03) as usize).min(self.people.len() - 1);
        let person = &mut self.people[number];
        person.turn(rng);
        record.who.key = Some(person.key.to_owned());
        record.who.user_id = Some(person.user.clone());
        record.who.organization = Some(person.organization.to_owned());
        record.who.session_id = Some(person.session.clone());
        record.who.prompt_category = happens(rng, 0.5).then(|| CATEGORIES[rng.usize(..CATEGORIES.len())].to_owned());
        record.who.trace_id = Some(hex(rng, 32));
        record.who.span_id = Some(hex(rng, 16));
        record.who.client = Some(person.client.to_owned());
        record.who.client_retry = Some(u64::from(happens(rng, 0.01)));
        record.who.instance = Some("weir-0".to_owned());
    }

    fn price(&self, record: &mut Record) {
        let what = &record.what;
        record.cost = self.prices.cost(&Ask {
            provider: what.provider.as_deref().unwrap_or_default(),
            models: [what.target.as_deref(), what.model.as_deref(), what.response_model.as_deref()],
            tier: what.service_tier.as_deref(),
            at: record.times.started_at,
            usage: record.usage.as_ref(),
            exact: record.usage_source == UsageSource::Provider,
            ..Ask::default()
        });
        let Some(usage) = &record.usage else { return };
        let drawn = self.energy.estimate(&energy::Ask {
            provider: what.provider.as_deref().unwrap_or_default(),
            models: [what.target.as_deref(), what.model.as_deref(), what.response_model.as_deref()],
            usage,
            at: record.times.started_at,
            seconds: None,
        });
        (record.energy, record.carbon) = drawn.map_or((None, None), |(energy, carbon)| (Some(energy), carbon));
    }
}

impl Iterator for History {
    type Item = Record;

    fn next(&mut self) -> Option<Record> {
        while self.left == 0 {
            (self.hour, self.of) = self.hours.next()?;
            self.left = self.of;
        }
        let mut rng = generator(self.seed, self.number + 1);
        // Within its hour each has a place of its own, so that time goes on.
        let width = HOUR / self.of;
        let timestamp = self.hour + (self.of - self.left) * width + rng.u64(..width.max(1));
        self.left -= 1;
        self.number += 1;
        Some(self.record(&mut rng, timestamp))
    }
}

/// How many Records each hour has.
fn plan(records: u64, start: u64, end: u64) -> Vec<(u64, u64)> {
    let hours: Vec<u64> = (0..end.saturating_sub(start) / HOUR).map(|hour| start + hour * HOUR).collect();
    let busy = |at: &u64| {
        let (hour, day) = (at / HOUR % HOURS_OF_DAY, at / HOUR / HOURS_OF_DAY);
        // The first of January 1970 was a Thursday.
        let weekend = matches!((day + 4) % 7, 0 | 6);
        DAY[hour as usize] * if weekend { WEEKEND } else { 1.0 }
    };
    let all: f64 = hours.iter().map(busy).sum();
    let (mut sum, mut given) = (0.0, 0);
    let share = |hour: &u64| {
        sum += busy(hour);
        let until = (sum / all * records as f64).round() as u64;
        let count = until - given;
        given = until;
        (*hour, count)
    };
    hours.iter().map(share).filter(|(_, count)| *count > 0).collect()
}

fn what(rng: &mut Rng, model: &Model, record: &mut Record) {
    let what = &mut record.what;
    what.model = Some(model.name.to_owned());
    what.response_model = Some(model.snapshot.to_owned());
    what.provider = Some("openai".to_owned());
    what.simulated = true;
    record.outcome.status_code = Some(200);
    if model.embeds {
        what.api = Api::Embeddings;
        return;
    }
    what.api = Api::Chat;
    what.response_id = Some(format!("chatcmpl-{}", alphanumeric(rng, 29)));
    what.stream = Some(happens(rng, 0.6));
    what.service_tier = Some("default".to_owned());
    what.finish_reason = Some(if happens(rng, 0.04) { "length" } else { "stop" }.to_owned());
    what.temperature = happens(rng, 0.5).then(|| [0.0, 0.2, 0.7, 1.0][rng.usize(..4)]);
    what.max_tokens = happens(rng, 0.4).then(|| [256, 512, 1024, 4096][rng.usize(..4)]);
    if happens(rng, 0.08) {
        what.tool_calls = Some(rng.u64(1..=3));
        what.finish_reason = Some("tool_calls".to_owned());
    }
}

/// Returns the tokens of the output.
fn tokens(rng: &mut Rng, model: &Model, record: &mut Record) -> u64 {
    let input = log_normal(rng, 600.0, 1.1).clamp(3.0, 120_000.0) as u64;
    let output = if model.embeds { 0 } else { log_normal(rng, 220.0, 0.9).clamp(1.0, 8000.0) as u64 };
    let cached = if model.caches && input > 1100 && happens(rng, 0.6) { input / 128 * 128 * 3 / 4 } else { 0 };
    let reasoning = if model.reasons { output * 2 / 3 / 64 * 64 } else { 0 };
    let usage = Usage::from_inclusive(input, output, Parts { cached_input: cached, reasoning, ..Parts::default() });
    record.usage_raw = Some(raw(&usage, model.embeds));
    record.outcome.cache_hit = Some(cached > 0);
    record.usage = Some(usage);
    record.request_bytes = Some(input * 4 + rng.u64(180..420));
    record.response_bytes = Some(if model.embeds { 33_000 + rng.u64(..400) } else { output * 5 + rng.u64(700..1100) });
    output
}

/// The usage object as OpenAI writes it.
fn raw(usage: &Usage, embeds: bool) -> String {
    let (input, output, total) = (usage.input(), usage.output(), usage.total());
    if embeds {
        return format!(r#"{{"prompt_tokens":{input},"total_tokens":{total}}}"#);
    }
    let (cached, reasoning) = (usage.get(Class::CachedInput), usage.get(Class::Reasoning));
    format!(
        r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{total},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#
    )
}

fn times(rng: &mut Rng, model: &Model, output: u64, record: &mut Record) {
    let nanos = |seconds: f64| (seconds * SECOND as f64) as u64;
    let times = &mut record.times;
    let first = nanos(log_normal(rng, 0.35 * model.patience, 0.45));
    let each = nanos(log_normal(rng, 0.011 / model.speed, 0.25));
    let (queue, overhead) = (nanos(log_normal(rng, 0.000_08, 0.4)), nanos(log_normal(rng, 0.000_21, 0.3)));
    times.upstream = Some(first + each * output);
    times.processing = first + each * output + queue + overhead;
    times.queue = Some(queue);
    times.overhead = Some(overhead);
    times.network = Some(if happens(rng, 0.03) { nanos(log_normal(rng, 0.03, 0.4)) } else { 0 });
    if record.what.stream == Some(true) {
        times.first_token = Some(first + queue);
        times.per_output_token = (output > 1).then_some(each);
    }
    if !model.embeds && happens(rng, 0.5) {
        times.model_inference = Some((first + each * output) / 1_000_000 * 1_000_000);
    }
    times.started_at = record.timestamp.saturating_sub(times.processing);
    record.request_id = id_v7(times.started_at / 1_000_000, rng.u128(..));
}

/// Most end well; some callers go, and some providers have had enough.
fn ending(rng: &mut Rng, record: &mut Record) {
    record.outcome.end_reason = Some(EndReason::Complete);
    if happens(rng, 0.012) {
        let (code, word, sentence) = [
            (429, "rate_limit_exceeded", "Rate limit reached for requests per minute. Please try again later."),
            (500, "server_error", "The server had an error while processing your request."),
            (400, "context_length_exceeded", "This model's maximum context length is exceeded."),
        ][rng.usize(..3)];
        record.status = Status::Error;
        record.outcome.status_code = Some(code);
        record.outcome.error_type = Some(word.to_owned());
        record.outcome.error_message = Some(sentence.to_owned());
        (record.usage, record.usage_raw, record.usage_source) = (None, None, UsageSource::None);
        (record.what.response_id, record.what.response_model, record.what.finish_reason) = (None, None, None);
        (record.times.first_token, record.times.per_output_token) = (None, None);
    } else if record.what.stream == Some(true) && happens(rng, 0.015) {
        record.status = Status::Cancelled;
        record.outcome.end_reason = Some(EndReason::ClientGone);
        record.usage_source = UsageSource::Partial;
        (record.usage_raw, record.what.finish_reason) = (None, None);
    }
}

#[cfg(test)]
mod tests;
