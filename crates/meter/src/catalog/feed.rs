//! Published lists of prices, as rows of the catalogue: LiteLLM's map, genai-prices' data, a catalogue in JSON, and this
//! catalogue's own text. What they say is foreign: a figure that cannot be is refused with the model's name.

mod genai;
mod json;
mod litellm;

use serde_json::Value;

use super::row::{Band, Component, Day, Rates, Row};
use super::{BadCatalog, Catalog, Source};
use crate::decimal;

/// Providers whose prices of 0 are true: their models run on the reader's own machine.
const OWN_MACHINE: &[&str] = &["ollama", "lemonade"];

/// What is read of a feed.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Its sources; one, unless it is a whole catalogue.
    pub sources: Vec<Source>,
    /// Whether it is a catalogue of its own rather than one opinion.
    pub whole: bool,
    /// Its rows, each key once.
    pub rows: Vec<Row>,
}

/// A feed that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FeedError {
    /// Not JSON, and not a catalogue's text.
    #[error("not JSON: {0}")]
    NotJson(String),
    /// JSON of another shape.
    #[error("neither LiteLLM's map of models, nor genai-prices' list of providers, nor a catalogue of prices")]
    Unknown,
    /// A figure that no price has.
    #[error("{model}: {key} is {value}, which is no price")]
    NoPrice {
        /// The model.
        model: String,
        /// What the figure is called there.
        key: String,
        /// The figure.
        value: String,
    },
    /// A catalogue's text that cannot be read.
    #[error(transparent)]
    Catalog(#[from] BadCatalog),
    /// There is no price in it.
    #[error("there are no prices in it")]
    Empty,
}

impl Feed {
    /// Reads a feed that was fetched on the day `as_of`.
    ///
    /// # Errors
    /// See [`FeedError`].
    pub fn read(bytes: &[u8], as_of: Day) -> Result<Feed, FeedError> {
        let mut feed = if bytes.starts_with(b"# weir prices") {
            let catalog = Catalog::parse(String::from_utf8_lossy(bytes).into_owned())?;
            Feed { sources: catalog.sources().to_vec(), whole: true, rows: catalog.rows().collect() }
        } else {
            let value: Value = serde_json::from_slice(bytes).map_err(|error| FeedError::NotJson(error.to_string()))?;
            match &value {
                Value::Array(providers) => genai::read(providers, as_of)?,
                Value::Object(map) if map.contains_key("schema") => json::read(map)?,
                Value::Object(map) => litellm::read(map, as_of)?,
                _ => return Err(FeedError::Unknown),
            }
        };
        feed.tidy();
        if feed.rows.is_empty() { Err(FeedError::Empty) } else { Ok(feed) }
    }

    /// Takes out what says nothing: names that cannot stand on a line, prices of 0 that only mean that nobody knows, rows
    /// without a figure, and the second row of a name.
    fn tidy(&mut self) {
        self.sources.retain(|source| is_name(&source.letter) && source.letter.chars().count() == 1);
        for source in &mut self.sources {
            source.name = source.name.replace(|c: char| c.is_control(), " ");
        }
        let letters: String = self.sources.iter().map(|source| source.letter.as_str()).collect();
        for row in &mut self.rows {
            row.per.retain(|(kind, _)| is_name(kind));
            row.factors.retain(|(region, _)| is_name(region));
            row.others.retain(|(letter, rates)| is_name(letter) && !rates.is_empty());
            row.mode = Some(std::mem::take(&mut row.mode)).filter(|mode| is_name(mode)).unwrap_or_default();
            if !is_free(row) {
                row.bands.retain(|band| !band.rates.is_zero());
            }
            row.aliases.retain(|alias| is_name(alias) && *alias != row.model);
            row.bands.retain(|band| band.tier.is_empty() || is_name(&band.tier));
            row.sort();
        }
        self.rows.retain(|row| {
            let named = is_name(&row.provider) && is_name(&row.model) && !row.provider.starts_with('#');
            // Whose figures they are has to be known too.
            let known = !row.sources.is_empty() && row.sources.chars().all(|letter| letters.contains(letter));
            named && known && !(row.bands.is_empty() && row.per.is_empty())
        });
        self.rows.sort_by(|a, b| a.key().cmp(&b.key()));
        self.rows.dedup_by(|again, row| again.key() == row.key() && absorb(row, again));
    }
}

/// Takes in what the second row of a name adds to the first, if the two agree on the standard price; else it is left out.
fn absorb(row: &mut Row, again: &Row) -> bool {
    let standard = |row: &Row| row.bands.first().map(|band| band.rates);
    if standard(row) == standard(again) {
        let told = |band: &Band| row.bands.iter().any(|one| one.is_alike(band));
        let more: Vec<Band> = again.bands.iter().filter(|band| !told(band)).cloned().collect();
        row.bands.extend(more);
        row.sort();
    }
    true
}

/// Whether a row's price of 0 is a true one. LiteLLM writes 0 where it does not know.
fn is_free(row: &Row) -> bool {
    OWN_MACHINE.contains(&row.provider.as_str())
        || row.model.ends_with(":free")
        || row.model.ends_with("-free")
        || row.mode == "moderation"
        || row.sources.contains('G')
}

/// Whether a name can stand on a line.
fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= 200 && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '=')
}

/// A figure in units of 10^-`scale`.
fn figure(value: &Value, scale: u8, model: &str, key: &str) -> Result<Option<u64>, FeedError> {
    let no_price = || FeedError::NoPrice { model: model.to_owned(), key: key.to_owned(), value: value.to_string() };
    match value {
        Value::Null => Ok(None),
        Value::Number(number) => {
            let number = number.as_f64().ok_or_else(no_price)?;
            decimal::round_float(number, scale).map(Some).map_err(|_| no_price())
        }
        // Some figures are written as text.
        Value::String(text) => match text.trim().parse::<f64>() {
            Ok(number) => decimal::round_float(number, scale).map(Some).map_err(|_| no_price()),
            Err(_) => Err(no_price()),
        },
        _ => Ok(None),
    }
}

/// Sets the bands of a dated history one behind the other: each ends where the next begins.
fn chain(bands: &mut [Band]) {
    for index in 0..bands.len() {
        let (tier, above, from) = (bands[index].tier.clone(), bands[index].above, bands[index].from);
        let later = |band: &&Band| band.tier == tier && band.above == above && band.from > from;
        bands[index].until = bands.iter().filter(later).map(|band| band.from).min();
    }
}

/// Rates times a whole number.
fn times(rates: &Rates, factor: u64) -> Rates {
    let mut out = Rates::default();
    rates.given().for_each(|(component, pico)| out.set(component, pico.saturating_mul(factor)));
    out
}

/// Adds the tier `fast` at so many times the standard price, where the feed gives only the factor.
fn add_fast(row: &mut Row, factor: u64) {
    if row.bands.iter().any(|band| band.tier == "fast") {
        return;
    }
    let standard: Vec<Band> = row.bands.iter().filter(|band| band.tier.is_empty()).cloned().collect();
    let fast = |band: Band| Band { tier: "fast".to_owned(), rates: times(&band.rates, factor), ..band };
    row.bands.extend(standard.into_iter().map(fast));
}

/// The component of that name.
fn component(name: &str) -> Option<Component> {
    Component::ALL.into_iter().find(|component| component.name() == name)
}

#[cfg(test)]
mod tests;
