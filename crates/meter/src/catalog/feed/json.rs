//! A catalogue in JSON (`price-catalogue/1`): rows that were put together from several sources before, in USD per million
//! tokens, with both sources' ways to say hours and dates.

use serde_json::{Map, Value};

use super::super::Source;
use super::super::row::{Band, Day, FACTOR, Rates, Row};
use super::{Feed, FeedError, add_fast, chain, component, figure};
use crate::time;

const SCHEMA: &str = "price-catalogue/1";
const PER_MILLION: u8 = 6;
const PICO: u8 = 12;

pub(super) fn read(map: &Map<String, Value>) -> Result<Feed, FeedError> {
    let (Some(SCHEMA), Some(models)) =
        (map.get("schema").and_then(Value::as_str), map.get("models").and_then(Value::as_array))
    else {
        return Err(FeedError::Unknown);
    };
    let as_of = map.get("as_of").and_then(Value::as_str).and_then(time::parse_day).ok_or(FeedError::Unknown)?;
    let rows = models.iter().map(|model| row(model, as_of)).collect::<Result<_, _>>()?;
    let sources = map.get("sources").and_then(Value::as_object).into_iter().flatten();
    Ok(Feed {
        sources: sources.map(|(letter, source)| self::source(letter, source, as_of)).collect(),
        whole: true,
        rows,
    })
}

fn source(letter: &str, source: &Value, as_of: Day) -> Source {
    let text = |key: &str| source.get(key).and_then(Value::as_str).unwrap_or_default();
    let day = time::parse_day(text("retrieved")).unwrap_or(as_of);
    Source { letter: letter.to_owned(), as_of: day, name: format!("{}, {}", text("name"), text("licence")) }
}

fn row(model: &Value, as_of: Day) -> Result<Row, FeedError> {
    let text = |key: &str| model.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    let list = |key: &str| model.get(key).and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    let pairs = |key: &str| model.get(key).and_then(Value::as_object).into_iter().flatten();
    let name = text("model");
    let mut row = Row {
        provider: text("provider"),
        sources: text("src"),
        mode: Some(text("mode")).filter(|mode| mode != "chat").unwrap_or_default(),
        retire: time::parse_day(&text("retire")),
        aliases: list("aliases").iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        ..Row::default()
    };
    for rates in list("rates") {
        let tier = rates.get("tier").and_then(Value::as_str).unwrap_or_default();
        let band = Band {
            // Anthropic's fast mode is named by the parameter that asks for it.
            tier: tier.strip_prefix("speed=").unwrap_or(tier).to_owned(),
            above: rates.get("above").and_then(Value::as_u64).unwrap_or(0),
            rates: figures(rates, &name)?,
            ..Band::default()
        };
        row.bands.extend(Some(band).filter(|band| !band.rates.is_empty()));
    }
    row.bands.extend(cheaper_hours(model, &name)?);
    dates(&mut row.bands, list("dated"), as_of, &name)?;
    for (kind, value) in pairs("per") {
        row.per.extend(figure(value, PICO, &name, kind)?.map(|pico| (kind.clone(), pico)));
    }
    for (region, value) in pairs("mult") {
        match (region.strip_prefix("region_").unwrap_or(region), value.as_u64()) {
            ("fast", Some(factor @ 1..100)) => add_fast(&mut row, factor),
            ("fast", _) => {}
            (region, _) => {
                row.factors.extend(figure(value, FACTOR, &name, region)?.map(|one| (region.to_owned(), one)))
            }
        }
    }
    for (letter, rates) in pairs("x") {
        let rates = figures(rates, &name)?;
        row.others.extend(Some((letter.clone(), rates)).filter(|(_, rates)| !rates.is_empty()));
    }
    Ok(Row { model: name, ..row })
}

fn figures(rates: &Value, model: &str) -> Result<Rates, FeedError> {
    let mut found = Rates::default();
    for (key, value) in rates.as_object().into_iter().flatten() {
        if let Some(component) = component(key)
            && let Some(pico) = figure(value, PER_MILLION, model, key)?
        {
            found.set(component, pico);
        }
    }
    Ok(found)
}

/// The cheaper hours in LiteLLM's way: the row's own price is the dearer one. genai-prices' way (`time_windows`) is left
/// out: where both are given they say the same, and where only the latter is, the row's price is not the one it belongs to.
fn cheaper_hours(model: &Value, name: &str) -> Result<Option<Band>, FeedError> {
    let Some(off_peak) = model.get("off_peak") else { return Ok(None) };
    let windows = super::litellm::hours(off_peak.get("windows_utc").unwrap_or(&Value::Null), None);
    let rates = figures(off_peak.get("rates").unwrap_or(&Value::Null), name)?;
    Ok(windows.filter(|_| !rates.is_empty()).map(|windows| Band { windows: Some(windows), rates, ..Band::default() }))
}

/// Puts the history of the standard price around the row's own, which holds on the day `as_of`.
fn dates(bands: &mut Vec<Band>, dated: &[Value], as_of: Day, model: &str) -> Result<(), FeedError> {
    let from = |entry: &Value| entry.get("from").and_then(Value::as_str).and_then(time::parse_day).unwrap_or(0);
    let begins = dated.iter().map(from).filter(|from| *from <= as_of).max().unwrap_or(0);
    let ends = dated.iter().map(from).filter(|from| *from > as_of).min();
    // A tier, or the price above a threshold, that came with the row's price says nothing of another time.
    for band in bands.iter_mut() {
        (band.from, band.until) = (begins, ends);
    }
    let mut history = Vec::new();
    for entry in dated.iter().filter(|entry| from(entry) != begins) {
        let rates = figures(entry.get("rates").unwrap_or(&Value::Null), model)?;
        history.push(Band { from: from(entry), rates, ..Band::default() });
    }
    history.retain(|band| !band.rates.is_empty());
    history.push(Band { from: begins, ..Band::default() });
    chain(&mut history);
    bands.extend(history.into_iter().filter(|band| !band.rates.is_empty()));
    Ok(())
}
