//! The counters: sums over Records, kept as integers, so that they equal the journal's sums exactly.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::Write as _;

use meter::dialect::Api;
use meter::record::{CustomValue, Line, Owned, Record, Status};
use meter::usage::Class;

/// Upper bounds in seconds: OpenTelemetry's for GenAI operations, each twice the one before, and three more, because a
/// reasoning model thinks longer than 82 seconds.
pub const SECONDS_BUCKETS: [f64; 17] =
    [0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92, 163.84, 327.68, 655.36];

/// Upper bounds in seconds for what Weir adds.
pub const OVERHEAD_BUCKETS: [f64; 17] = [
    0.000_01, 0.000_02, 0.000_05, 0.000_1, 0.000_2, 0.000_5, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0,
    5.0,
];

/// Models that get a label of their own; the others share `other`.
const MAX_MODELS: usize = 200;

/// Values of a declared field that become labels of their own; the others share `other`.
const MAX_VALUES: usize = 200;
/// Series with labels of declared fields, all together: so many combinations are counted apart.
const MAX_LABELLED: usize = 10_000;

/// Characters of a label.
const MAX_LABEL: usize = 256;

/// The label of what has none of its own.
const OTHER: &str = "other";

/// A histogram over the buckets above.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Histogram {
    /// By bucket, not cumulative; the last one is for what is above all bounds.
    pub counts: [u64; 18],
    /// The sum of all values, in nanoseconds.
    pub sum: u64,
}

impl Histogram {
    fn add(&mut self, nanos: u64, bounds: &[f64; 17]) {
        let seconds = nanos as f64 / 1e9;
        let bucket = bounds.iter().position(|bound| seconds <= *bound).unwrap_or(bounds.len());
        self.counts[bucket] += 1;
        self.sum = self.sum.saturating_add(nanos);
    }
}

/// The sums for one provider and model.
#[derive(Debug, Clone, Default)]
pub struct Series {
    /// Requests by kind of call and status.
    pub requests: HashMap<(Api, Status), u64>,
    /// Tokens, in the order of [`Class::ALL`].
    pub tokens: [u64; Class::ALL.len()],
    /// Nano-dollars.
    pub cost: u64,
    /// Of requests with an estimate, pico-kilowatt-hours.
    pub energy: Option<Drawn>,
    /// Of requests with an estimate where the grid is known, nanograms of CO2 equivalent, by location.
    pub carbon: Option<u64>,
    /// Requests with tokens and without a price.
    pub unpriced: u64,
    /// Requests with tokens and without an estimate of what they drew.
    pub unestimated: u64,
    /// How long requests took.
    pub duration: Histogram,
    /// How long the first token took, of streams.
    pub first_token: Histogram,
    /// Of requests with labels of the operator's, what is not a histogram: by the labels as a page shows them.
    pub labelled: BTreeMap<String, Series>,
}

/// Energy with its band, in pico-kilowatt-hours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Drawn {
    /// At the lower end.
    pub low: u64,
    /// In the middle.
    pub mid: u64,
    /// At the upper end.
    pub high: u64,
}

/// What was served while the journal could not be written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Unrecorded {
    /// Requests.
    pub requests: u64,
    /// Tokens of all classes.
    pub tokens: u64,
    /// Nano-dollars.
    pub cost: u64,
}

impl Unrecorded {
    pub(super) fn add(&mut self, record: &Record) {
        self.requests += 1;
        add(&mut self.tokens, record.usage.map_or(0, |usage| usage.total()));
        add(&mut self.cost, record.cost.as_ref().map_or(0, meter::cost::Cost::total));
    }
}

/// What was admitted and what became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Balance {
    /// Admitted.
    pub accepted: u64,
    /// In the journal.
    pub recorded: u64,
    /// Admitted and not yet in the journal.
    pub in_flight: u32,
    /// Served without a Record at this instant.
    pub unrecorded_in_flight: u32,
}

/// All sums.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// With provider and model, in the order of their first Record.
    all: Vec<(String, String, Series)>,
    /// Where they stand there, by provider and model.
    places: HashMap<String, HashMap<String, usize>>,
    /// Models that have succeeded once and so have a label of their own.
    models: HashSet<String>,
    /// The values that have become labels, by the field that they are of.
    values: BTreeMap<String, HashSet<String>>,
    /// How many series have such labels.
    labelled: usize,
    /// What Weir added.
    pub overhead: Histogram,
    /// What was served while the journal could not be written.
    pub unrecorded: Unrecorded,
}

impl Ledger {
    /// Adds a Record.
    pub(super) fn add(&mut self, record: &Record) {
        let provider = record.what.provider.as_deref().unwrap_or_default();
        let labels = self.labels_of(record);
        let place = self.place_of(provider, record.what.model.as_deref(), record.status);
        let of_model = &mut self.all[place].2;
        let series = match labels {
            None => &mut *of_model,
            Some(labels) => {
                let known = of_model.labelled.contains_key(&labels.shown);
                let labels = if known || self.labelled < MAX_LABELLED { labels.shown } else { labels.other };
                self.labelled += usize::from(!known);
                of_model.labelled.entry(labels).or_default()
            }
        };
        *series.requests.entry((record.what.api, record.status)).or_default() += 1;
        if let Some(usage) = &record.usage {
            for class in Class::ALL {
                add(&mut series.tokens[class as usize], usage.get(class));
            }
        }
        series.unpriced += u64::from(record.is_unpriced());
        series.unestimated += u64::from(record.is_unestimated());
        add(&mut series.cost, record.cost.as_ref().map_or(0, meter::cost::Cost::total));
        if let Some(energy) = &record.energy {
            let drawn = series.energy.get_or_insert_default();
            add(&mut drawn.low, energy.low);
            add(&mut drawn.mid, energy.mid);
            add(&mut drawn.high, energy.high);
        }
        if let Some(location) = record.carbon.as_ref().and_then(|carbon| carbon.location) {
            add(series.carbon.get_or_insert_default(), location);
        }
        of_model.duration.add(record.times.processing, &SECONDS_BUCKETS);
        if let Some(first_token) = record.times.first_token {
            of_model.first_token.add(first_token, &SECONDS_BUCKETS);
        }
        if let Some(overhead) = record.times.overhead {
            self.overhead.add(overhead, &OVERHEAD_BUCKETS);
        }
    }

    /// Adds the Record of a request that an earlier process did not finish: it counts as a request, and nothing else is
    /// known of it.
    pub(super) fn add_recovered(&mut self, line: &Line) {
        let text = |name| match line.get(name) {
            Some(Owned::Text(text)) => text.as_str(),
            _ => "",
        };
        let api = [
            Api::Chat,
            Api::Completions,
            Api::Embeddings,
            Api::Models,
            Api::Responses,
            Api::Images,
            Api::Speech,
            Api::Transcriptions,
        ]
        .into_iter()
        .find(|api| api.name() == text("api"))
        .unwrap_or_default();
        let model = Some(text("model")).filter(|model| !model.is_empty());
        let place = self.place_of(text("provider"), model, Status::Error);
        let series = &mut self.all[place].2;
        *series.requests.entry((api, Status::Error)).or_default() += 1;
        if let Some(Owned::Fixed(micros, _)) = line.get("processing_time_seconds") {
            series.duration.add(micros.saturating_mul(1000), &SECONDS_BUCKETS);
        }
    }

    /// The labels of the operator's that a Record has. As with models, a value becomes a label with its first success, at
    /// most 200 of a field.
    fn labels_of(&mut self, record: &Record) -> Option<Labels> {
        let custom = record.custom.as_ref()?;
        let mut labels = Labels::default();
        for (field, value) in custom.known().filter(|(field, _)| field.label) {
            let text = text_of(value);
            let text = printable(&text);
            let values = self.values.get(&field.name);
            let known = values.is_some_and(|values| values.contains(&*text));
            let room = values.is_none_or(|values| values.len() < MAX_VALUES);
            let shown = if known || (room && record.status == Status::Success) { &*text } else { OTHER };
            if !known && shown != OTHER {
                self.values.entry(field.name.clone()).or_default().insert(text.to_string());
            }
            // Writing to memory cannot fail.
            let _ = write!(labels.shown, ",{}=\"{}\"", field.name, shown.replace('\\', "\\\\").replace('"', "\\\""));
            let _ = write!(labels.other, ",{}=\"{OTHER}\"", field.name);
        }
        (!labels.shown.is_empty()).then_some(labels)
    }

    /// Where the series of a provider and a model stands. A model's label is its name after its first success, at most 200 of them; a
    /// typo never becomes one.
    fn place_of(&mut self, provider: &str, model: Option<&str>, status: Status) -> usize {
        let model = model.map(printable);
        let label = match model.as_deref() {
            None => "",
            Some(model) if self.models.contains(model) => model,
            Some(model) if status == Status::Success && self.models.len() < MAX_MODELS => {
                self.models.insert(model.to_owned());
                model
            }
            Some(_) => OTHER,
        };
        let known = self.places.get(provider).and_then(|models| models.get(label)).copied();
        known.unwrap_or_else(|| {
            self.all.push((provider.to_owned(), label.to_owned(), Series::default()));
            self.places.entry(provider.to_owned()).or_default().insert(label.to_owned(), self.all.len() - 1);
            self.all.len() - 1
        })
    }

    /// Every series, with its provider and model.
    pub fn series(&self) -> impl Iterator<Item = (&str, &str, &Series)> {
        self.all.iter().map(|(provider, model, series)| (provider.as_str(), model.as_str(), series))
    }

    /// The series of a provider and a model's label.
    #[must_use]
    pub fn get(&self, provider: &str, model: &str) -> Option<&Series> {
        let place = self.places.get(provider)?.get(model)?;
        self.all.get(*place).map(|(_, _, series)| series)
    }
}

/// Labels as a page shows them: `,team="blue"`.
#[derive(Debug, Default)]
struct Labels {
    shown: String,
    /// The same with nothing but `other`.
    other: String,
}

fn text_of(value: &CustomValue) -> Cow<'_, str> {
    match value {
        CustomValue::Text(text) => Cow::Borrowed(text),
        CustomValue::Integer(number) => Cow::Owned(number.to_string()),
        CustomValue::Float(number) => Cow::Owned(number.to_string()),
        CustomValue::Bool(flag) => Cow::Borrowed(if *flag { "true" } else { "false" }),
    }
}

/// Adds, up to the largest number there is: a sum must never end a request.
fn add(sum: &mut u64, value: u64) {
    *sum = sum.saturating_add(value);
}

/// A name as a label can show it. Names that look alike there share a series: one that stood twice on a page would have
/// the whole page refused.
fn printable(name: &str) -> Cow<'_, str> {
    if name.len() <= MAX_LABEL && name.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        return Cow::Borrowed(name);
    }
    let shown = |character: char| if character.is_control() { char::REPLACEMENT_CHARACTER } else { character };
    name.chars().take(MAX_LABEL).map(shown).collect()
}
