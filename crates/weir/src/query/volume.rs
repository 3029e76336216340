//! How much there is: `index/stats`, `index/volume`, `index/volume_range`.

use std::collections::{BTreeMap, HashMap};

use logql::Labels;
use logql::eval::{Answer, Outcome, Sample, Series, Statistics, Watch};
use logql::source::{LabelMatcher, Source};
use serde_json::json;

use super::render::{self, About};
use super::{Asked, Failure, discover, source};

/// Streams, labels or their values that are told of unless more are asked for.
const USUAL_LIMIT: usize = 100;

/// How much one stream has.
#[derive(Debug, Clone, Copy, Default)]
struct Amount {
    entries: u64,
    bytes: u64,
}

impl Amount {
    fn add(&mut self, other: Amount) {
        self.entries += other.entries;
        self.bytes += other.bytes;
    }
}

/// Goes through streams and times, and tells what each stream has in each bucket: in pieces, as it is met.
fn weigh(
    asked: &Asked,
    matchers: &[LabelMatcher],
    (start, end): (i64, i64),
    bucket: impl Fn(i64) -> i64,
    mut tell: impl FnMut(&Labels, i64, Amount),
) -> Result<usize, Failure> {
    let mut batches = 0;
    for batch in asked.source.scan(&source::bare(matchers, start, end)?)? {
        let batch = batch?;
        batches += 1;
        if asked.patience.is_cancelled() {
            return Err(logql::eval::EvalError::Cancelled.into());
        }
        if asked.patience.elapsed_ns() > asked.settings.limits().time_ns {
            return Err(logql::eval::EvalError::Time.into());
        }
        // Of each stream the bucket that came last: most rows belong to it.
        let mut open: Vec<Option<(i64, Amount)>> = vec![None; batch.labels.len()];
        for row in batch.rows() {
            let bytes = match batch.lines.length(row) {
                Some(bytes) => bytes,
                None => batch.lines.line(row)?.len(),
            };
            let (at, more) = (bucket(batch.timestamps[row]), Amount { entries: 1, bytes: bytes as u64 });
            match &mut open[batch.streams[row] as usize] {
                Some((known, amount)) if *known == at => amount.add(more),
                other => {
                    if let Some((known, amount)) = other.replace((at, more)) {
                        tell(batch.stream(row), known, amount);
                    }
                }
            }
        }
        for (labels, open) in batch.labels.iter().zip(open) {
            open.into_iter().for_each(|(at, amount)| tell(labels, at, amount));
        }
    }
    Ok(batches)
}

/// How many streams, entries and bytes a selector means.
pub(super) fn stats(asked: &Asked) -> Result<String, Failure> {
    let (start, end) = asked.parameters.bounds(asked.now)?;
    let matchers = discover::matchers(asked.parameters.get("query"))?;
    let (mut all, mut streams) = (Amount::default(), std::collections::HashSet::new());
    let tell = |labels: &Labels, _, amount| {
        if !streams.contains(labels) {
            streams.insert(labels.clone());
        }
        all.add(amount);
    };
    let batches = weigh(asked, &matchers, (start, end), |_| 0, tell)?;
    let body = json!({"streams": streams.len(), "chunks": batches, "entries": all.entries, "bytes": all.bytes});
    Ok(body.to_string())
}

/// By what bytes are summed.
enum By {
    /// The values of these labels, or of all.
    Series(Option<Vec<String>>),
    /// Labels themselves: these, or all.
    Labels(Option<Vec<String>>),
}

impl By {
    fn read(asked: &Asked, matchers: &[LabelMatcher]) -> Result<By, Failure> {
        let targets = asked.parameters.get("targetLabels").split(',').map(str::trim).filter(|name| !name.is_empty());
        let mut names: Vec<String> = targets.map(str::to_owned).collect();
        if names.is_empty() {
            names = matchers.iter().map(|matcher| matcher.name().to_owned()).collect();
        }
        let names = (!names.is_empty()).then_some(names);
        match asked.parameters.get("aggregateBy") {
            "" | "series" => Ok(By::Series(names)),
            "labels" => Ok(By::Labels(names)),
            _ => Err(Failure::bad("invalid aggregation option")),
        }
    }

    /// Under what a stream counts.
    fn of(&self, stream: &Labels) -> Vec<Labels> {
        match self {
            By::Series(None) => vec![stream.clone()],
            By::Series(Some(names)) => vec![stream.filtered(|name| names.iter().any(|wanted| wanted == name))],
            By::Labels(names) => {
                let wanted = |name: &str| names.as_ref().is_none_or(|names| names.iter().any(|wanted| wanted == name));
                let told = stream.iter().filter(|(name, _)| wanted(name));
                told.map(|(name, _)| Labels::new([(name, "")])).collect()
            }
        }
    }
}

/// The bytes of what a selector means, in the time as a whole, or step by step.
pub(super) fn volume(asked: &Asked, stepwise: bool) -> Result<String, Failure> {
    let (start, end) = asked.parameters.bounds(asked.now)?;
    let step = if stepwise { asked.parameters.step(start, end)? } else { end.saturating_sub(start).max(1) };
    asked.settings.allows(start, end)?;
    let matchers = discover::matchers(asked.parameters.get("query"))?;
    let limit = asked.parameters.number("limit", USUAL_LIMIT)?.min(asked.settings.config.max_volume_series);
    let by = By::read(asked, &matchers)?;
    let targets: Vec<&str> = asked.parameters.get("targetLabels").split(',').filter(|name| !name.is_empty()).collect();
    let mut keys: HashMap<Labels, Vec<Labels>> = HashMap::new();
    let mut sums: BTreeMap<Labels, BTreeMap<i64, u64>> = BTreeMap::new();
    // A step's figure stands at its end.
    let bucket = |at: i64| start.saturating_add((at - start) / step * step).saturating_add(step).min(end);
    weigh(asked, &matchers, (start, end), bucket, |labels, bucket, amount| {
        if targets.iter().any(|name| !labels.has(name)) {
            return;
        }
        if !keys.contains_key(labels) {
            keys.insert(labels.clone(), by.of(labels));
        }
        for key in &keys[labels] {
            *match sums.get_mut(key) {
                Some(sums) => sums.entry(bucket).or_default(),
                None => sums.entry(key.clone()).or_default().entry(bucket).or_default(),
            } += amount.bytes;
        }
    })?;
    let mut sums: Vec<(Labels, BTreeMap<i64, u64>)> = sums.into_iter().collect();
    let total = |sums: &BTreeMap<i64, u64>| sums.values().sum::<u64>();
    sums.sort_by(|left, right| total(&right.1).cmp(&total(&left.1)).then_with(|| left.0.cmp(&right.0)));
    sums.truncate(limit);
    let answer = if stepwise {
        let points = |sums: BTreeMap<i64, u64>| sums.into_iter().map(|(at, bytes)| (at, bytes as f64)).collect();
        Answer::Matrix(sums.into_iter().map(|(labels, sums)| Series { labels, points: points(sums) }).collect())
    } else {
        let sample = |(labels, sums): (Labels, BTreeMap<i64, u64>)| Sample { labels, value: total(&sums) as f64 };
        Answer::Vector(sums.into_iter().map(sample).collect())
    };
    let about = About { at: end, categorize: false, took_ns: asked.patience.elapsed_ns() };
    Ok(render::outcome(&Outcome { answer, statistics: Statistics::default() }, about))
}
