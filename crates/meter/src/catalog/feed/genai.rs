//! genai-prices' data: providers with models, in USD per million tokens, with dates, hours, thresholds and variants by tier.

use serde_json::{Map, Value};

use super::super::row::{Band, Component, Day, Rates, Row};
use super::super::{Source, Windows};
use super::{Feed, FeedError, chain, figure};
use crate::time;

const LETTER: &str = "G";
const NAME: &str = "genai-prices, data.json, MIT";

/// USD per million tokens to pico-dollars per token.
const PER_MILLION: u8 = 6;
/// USD per thousand calls to pico-dollars per call.
const PER_THOUSAND: u8 = 9;

const PROVIDERS: &[(&str, &str)] = &[("aws", "aws-bedrock"), ("moonshotai", "moonshot"), ("x-ai", "xai")];

const COMPONENTS: &[(&str, Component)] = &[
    ("input_mtok", Component::Input),
    ("output_mtok", Component::Output),
    ("cache_read_mtok", Component::CacheRead),
    ("cache_write_mtok", Component::CacheWrite),
    ("cache_write_1h_mtok", Component::CacheWrite1h),
    ("output_reasoning_mtok", Component::Reasoning),
    ("input_audio_mtok", Component::InputAudio),
    ("output_audio_mtok", Component::OutputAudio),
    ("input_image_mtok", Component::InputImage),
    ("output_image_mtok", Component::OutputImage),
];

pub(super) fn read(providers: &[Value], as_of: Day) -> Result<Feed, FeedError> {
    let mut rows = Vec::new();
    for provider in providers {
        let (Some(id), Some(models)) =
            (provider.get("id").and_then(Value::as_str), provider.get("models").and_then(Value::as_array))
        else {
            return Err(FeedError::Unknown);
        };
        let name = PROVIDERS.iter().find(|(theirs, _)| *theirs == id).map_or(id, |(_, ours)| ours);
        for model in models {
            if let Some(row) = row(name, model, as_of)? {
                rows.push(row);
            }
        }
    }
    let source = Source { letter: LETTER.to_owned(), as_of, name: NAME.to_owned() };
    Ok(Feed { sources: vec![source], whole: false, rows })
}

fn row(provider: &str, model: &Value, as_of: Day) -> Result<Option<Row>, FeedError> {
    let (Some(id), Some(prices)) = (model.get("id").and_then(Value::as_str), model.get("prices")) else {
        return Ok(None);
    };
    let mut row = Row {
        provider: provider.to_owned(),
        model: id.to_owned(),
        sources: LETTER.to_owned(),
        aliases: aliases(model.get("match").unwrap_or(&Value::Null)),
        ..Row::default()
    };
    let one = [Value::Object([("prices".to_owned(), prices.clone())].into_iter().collect())];
    let steps = prices.as_array().map_or(&one[..], Vec::as_slice);
    for step in steps {
        let Some(prices) = step.get("prices").and_then(Value::as_object) else { continue };
        let place = row.bands.len();
        row.bands.extend(bands(id, prices)?);
        let constraint = step.get("constraint");
        let text = |key: &str| constraint.and_then(|constraint| constraint.get(key)).and_then(Value::as_str);
        let windows = hours(text("start_time"), text("end_time"));
        for band in &mut row.bands[place..] {
            band.from = text("start_date").and_then(time::parse_day).unwrap_or(0);
            band.windows.clone_from(&windows);
        }
        for (key, kind) in [("web_searches_kcount", "web_search"), ("requests_kcount", "request")] {
            if let Some(pico) = figure(prices.get(key).unwrap_or(&Value::Null), PER_THOUSAND, id, key)? {
                row.per.retain(|(name, _)| name != kind);
                row.per.push((kind.to_owned(), pico));
            }
        }
    }
    row.bands.extend(variants(id, &row, model.get("price_variants"))?);
    settle_dates(&mut row.bands, as_of);
    Ok(Some(row))
}

/// Prices by tier. What a variant does not say it has from the standard price.
fn variants(model: &str, row: &Row, variants: Option<&Value>) -> Result<Vec<Band>, FeedError> {
    let mut found: Vec<Band> = Vec::new();
    for variant in variants.and_then(Value::as_array).into_iter().flatten() {
        let when = variant.get("when").and_then(Value::as_object);
        let Some((key, Some(tier))) = when.and_then(|when| when.iter().next()).map(|(key, tier)| (key, tier.as_str()))
        else {
            continue;
        };
        let known = matches!(key.as_str(), "service_tier" | "processing" | "speed");
        if !known || tier == "default" || when.is_some_and(|when| when.len() != 1) {
            continue;
        }
        let Some(prices) = variant.get("prices").and_then(Value::as_object) else { continue };
        let from = variant.get("constraint").and_then(|one| one.get("start_date")).and_then(Value::as_str);
        let from = from.and_then(time::parse_day).unwrap_or(0);
        for mut band in bands(model, prices)? {
            let under = row.bands.iter().filter(|one| one.windows.is_none() && one.from <= from);
            if let Some(standard) = under.filter(|one| one.above == band.above).max_by_key(|one| one.from) {
                let mut rates = standard.rates;
                band.rates.given().for_each(|(component, pico)| rates.set(component, pico));
                band.rates = rates;
            }
            found.push(Band { tier: tier.to_owned(), from, ..band });
        }
    }
    // The first date of a tier is when somebody looked, not when it began.
    for index in 0..found.len() {
        let (tier, from) = (found[index].tier.clone(), found[index].from);
        if !found.iter().any(|band| band.tier == tier && band.from < from && band.from > 0) {
            let same = |band: &&mut Band| band.tier == tier && band.from == from;
            found.iter_mut().filter(same).for_each(|band| band.from = 0);
        }
    }
    Ok(found)
}

/// Lets each price end where the next begins, and hours hold with the youngest price, which they came with.
fn settle_dates(bands: &mut [Band], as_of: Day) {
    let youngest = bands
        .iter()
        .filter(|band| band.tier.is_empty() && band.windows.is_none() && band.from <= as_of)
        .map(|band| band.from)
        .max();
    for band in bands.iter_mut().filter(|band| band.windows.is_some()) {
        band.from = youngest.unwrap_or(0);
    }
    chain(bands);
    // What is announced for the standard tier alone says nothing of the others.
    let announced = bands.iter().filter(|band| band.tier.is_empty() && band.from > as_of).map(|band| band.from).min();
    for band in bands.iter_mut().filter(|band| band.until.is_none() && band.from <= as_of) {
        band.until = announced;
    }
}

/// The bands of one object of prices: one, and one more for each threshold.
fn bands(model: &str, prices: &Map<String, Value>) -> Result<Vec<Band>, FeedError> {
    let steps = |value: &Value| -> Vec<(u64, Value)> {
        let tiers = value.get("tiers").and_then(Value::as_array).into_iter().flatten();
        tiers.filter_map(|tier| Some((tier.get("start")?.as_f64()? as u64, tier.get("price")?.clone()))).collect()
    };
    let mut thresholds: Vec<u64> = vec![0];
    for (_, value) in prices {
        thresholds.extend(steps(value).into_iter().map(|(start, _)| start));
    }
    thresholds.sort_unstable();
    thresholds.dedup();
    let mut bands = Vec::new();
    for above in thresholds {
        let mut rates = Rates::default();
        for (key, component) in COMPONENTS {
            let Some(value) = prices.get(*key) else { continue };
            let step = steps(value).into_iter().filter(|(start, _)| *start <= above).max_by_key(|(start, _)| *start);
            let value = step.map(|(_, price)| price).or_else(|| value.get("base").cloned()).unwrap_or(value.clone());
            if let Some(pico) = figure(&value, PER_MILLION, model, key)? {
                rates.set(*component, pico);
            }
        }
        if !rates.is_empty() {
            bands.push(Band { above, rates, ..Band::default() });
        }
    }
    Ok(bands)
}

/// Hours of every day: `01:00:00Z` to `04:00:00Z`.
fn hours(start: Option<&str>, end: Option<&str>) -> Option<Windows> {
    let (start, end) = (start?.get(..5)?, end?.get(..5)?);
    let mut windows = Windows::default();
    windows.add(&[1, 2, 3, 4, 5, 6, 7], &[&format!("{start}-{end}")]).ok()?;
    Some(windows)
}

/// The names that a rule of matching names outright. What is only contained or like an expression is left to dates.
fn aliases(rule: &Value) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![rule];
    while let Some(rule) = open.pop() {
        if let Some(rules) = rule.get("or").and_then(Value::as_array) {
            open.extend(rules);
        }
        found.extend(rule.get("equals").and_then(Value::as_str).map(str::to_owned));
        found.extend(rule.get("starts_with").and_then(Value::as_str).map(|prefix| format!("{prefix}*")));
    }
    found
}
