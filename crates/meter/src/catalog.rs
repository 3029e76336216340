//! The catalogue: what providers ask for their models, as far as it is published. A text of one line per model, sorted by
//! provider and model, with a head that names its sources and their dates.
//!
//! Nothing of it is read before it is asked for: the text lies in the binary (or in a newer file), and a look-up reads the
//! lines of one provider. Whoever asks often keeps what was found ([`crate::cost::Prices`] does).

mod feed;
mod host;
pub(crate) mod name;
mod row;
mod update;
mod window;

use std::borrow::Cow;

pub use feed::{Feed, FeedError};
pub use host::of_host;
pub use name::Match;
pub use row::{BadRow, Band, Component, Day, Rates, Row};
pub use update::{Change, Limits, Refusal, Update, merge};
pub use window::{BadWindow, Windows};

use crate::time;

/// What the first line says.
const TITLE: &str = "# weir prices 1";

/// The prices that are built in.
const EMBEDDED: &str = include_str!("../data/prices.tsv");

/// Where figures come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Its letter on the rows.
    pub letter: String,
    /// The day on which it was read.
    pub as_of: Day,
    /// What it is, with its licence.
    pub name: String,
}

/// See the module.
#[derive(Debug, Clone)]
pub struct Catalog {
    text: Cow<'static, str>,
    sources: Vec<Source>,
    /// Where the rows begin.
    body: usize,
}

/// A text that is no catalogue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCatalog {
    /// Another first line.
    #[error("does not begin with {TITLE:?}")]
    Title,
    /// A line of the head that says something else.
    #[error("line {0}: not a source of prices with its date")]
    Head(usize),
    /// A row that cannot be read.
    #[error("line {0}: {1}")]
    Row(usize, BadRow),
    /// Rows that are not in order, so that they would not be found, or one that stands twice.
    #[error("line {0}: not in order")]
    Order(usize),
    /// A row of a source that the head does not name.
    #[error("line {0}: the head does not name its source")]
    Source(usize),
}

impl Default for Catalog {
    fn default() -> Self {
        Catalog::embedded()
    }
}

impl Catalog {
    /// The one that is built in. Its head is read and nothing else; that the rest can be, a test holds.
    #[must_use]
    pub fn embedded() -> Catalog {
        let (sources, body) = head(EMBEDDED).unwrap_or_default();
        Catalog { text: Cow::Borrowed(EMBEDDED), sources, body }
    }

    /// From a text, every line of which is looked at.
    ///
    /// # Errors
    /// See [`BadCatalog`].
    pub fn parse(text: String) -> Result<Catalog, BadCatalog> {
        let (sources, body) = head(&text)?;
        let first = text[..body].lines().count() + 1;
        let mut before: Option<(String, String)> = None;
        for (number, line) in text[body..].lines().enumerate().map(|(index, line)| (index + first, line)) {
            let row: Row = line.parse().map_err(|error| BadCatalog::Row(number, error))?;
            let key = (row.provider, row.model);
            if before.is_some_and(|before| before >= key) {
                return Err(BadCatalog::Order(number));
            }
            if !row.sources.chars().all(|letter| sources.iter().any(|source| source.letter.contains(letter))) {
                return Err(BadCatalog::Source(number));
            }
            before = Some(key);
        }
        Ok(Catalog { text: Cow::Owned(text), sources, body })
    }

    /// The text of a catalogue with these rows.
    #[must_use]
    pub fn write(sources: &[Source], rows: &mut [Row]) -> String {
        rows.sort_by(|a, b| a.key().cmp(&b.key()));
        let mut out = format!("{TITLE}\n");
        for source in sources {
            out += &format!("# {} {} {}\n", source.letter, time::day_text(source.as_of), source.name);
        }
        for row in rows {
            out += &format!("{row}\n");
        }
        out
    }

    /// Where its figures come from.
    #[must_use]
    pub fn sources(&self) -> &[Source] {
        &self.sources
    }

    /// The day of its youngest source.
    #[must_use]
    pub fn as_of(&self) -> Day {
        self.sources.iter().map(|source| source.as_of).max().unwrap_or(0)
    }

    /// The source whose figures a row has.
    #[must_use]
    pub fn source_of(&self, row: &Row) -> Option<&Source> {
        self.sources.iter().find(|source| row.sources.starts_with(&source.letter))
    }

    /// All rows, in order. Lines that cannot be read are left out; [`Catalog::parse`] lets none in.
    pub fn rows(&self) -> impl Iterator<Item = Row> + '_ {
        self.text[self.body..].lines().filter_map(|line| line.parse().ok())
    }

    /// The lines of one provider.
    fn of_provider(&self, provider: &str) -> impl Iterator<Item = &str> {
        let before = |line: &str| line.split('\t').next().is_some_and(|name| name < provider);
        let (mut low, mut high) = (self.body, self.text.len());
        while low < high {
            let middle = line_start(&self.text, self.body, low.midpoint(high));
            let end = line_end(&self.text, middle);
            if before(&self.text[middle..end]) {
                low = end;
            } else {
                high = middle;
            }
        }
        let provider = provider.to_owned();
        self.text[low..].lines().take_while(move |line| line.split('\t').next() == Some(provider.as_str()))
    }

    /// The row for a model of a provider, by the name that an answer or a request has for it, and how that was understood.
    /// Names that only look alike find nothing.
    #[must_use]
    pub fn find(&self, provider: &str, model: &str) -> Option<(Row, Match)> {
        let wanted = name::Wanted::new(model);
        let mut best: Option<(Match, usize, &str)> = None;
        for line in self.of_provider(provider) {
            let Some((how, length)) = wanted.fits(line) else { continue };
            if how == Match::Exact {
                best = Some((how, length, line));
                break;
            }
            if best.is_none_or(|(known, longest, _)| how < known || (how == known && length > longest)) {
                best = Some((how, length, line));
            }
        }
        let (how, _, line) = best?;
        Some((line.parse().ok()?, how))
    }

    /// The providers that have a model of exactly this name.
    pub fn providers_of(&self, model: &str) -> impl Iterator<Item = &str> {
        self.text[self.body..].lines().filter_map(move |line| {
            let (provider, rest) = line.split_once('\t')?;
            (rest.split('\t').next() == Some(model)).then_some(provider)
        })
    }

    /// Whether a provider has any row.
    #[must_use]
    pub fn has_provider(&self, provider: &str) -> bool {
        self.of_provider(provider).next().is_some()
    }
}

/// Where the line begins in which a position lies.
fn line_start(text: &str, body: usize, at: usize) -> usize {
    memchr::memrchr(b'\n', &text.as_bytes()[body..at]).map_or(body, |found| body + found + 1)
}

/// Where the next line begins.
fn line_end(text: &str, at: usize) -> usize {
    memchr::memchr(b'\n', &text.as_bytes()[at..]).map_or(text.len(), |found| at + found + 1)
}

/// The sources of a text, and where its rows begin.
fn head(text: &str) -> Result<(Vec<Source>, usize), BadCatalog> {
    let mut body = line_end(text, 0);
    if text[..body].trim_end() != TITLE {
        return Err(BadCatalog::Title);
    }
    let mut sources = Vec::new();
    while text[body..].starts_with('#') {
        let end = line_end(text, body);
        let mut words = text[body..end].trim_end().splitn(4, ' ').skip(1);
        let source = || {
            let (letter, date, name) = (words.next()?, words.next()?, words.next()?);
            Some(Source { letter: letter.to_owned(), as_of: time::parse_day(date)?, name: name.to_owned() })
        };
        sources.push({ source }().ok_or(BadCatalog::Head(sources.len() + 2))?);
        body = end;
    }
    Ok((sources, body))
}

#[cfg(test)]
mod tests;
