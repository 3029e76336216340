//! One model's prices, and how they stand on a line of the catalogue.
//!
//! Fields are parted by tabs: provider, model, sources, then fields of several words, of which a band is one:
//! `@batch >272000 from:2026-10-14 input=2 output=7.5`. Figures are USD per million tokens, or per call behind `per`.

use std::fmt::{self, Display, Formatter};

use super::window::Windows;
use crate::decimal;
use crate::time;

/// Decimal places between USD per million tokens and pico-dollars per token.
const PER_MILLION: u8 = 6;
/// Decimal places of a pico-dollar.
const PICO: u8 = 12;
/// Decimal places of a factor.
pub(crate) const FACTOR: u8 = 6;

/// Days since 1970.
pub type Day = u32;

/// What a figure of a band is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Component {
    /// Text in.
    Input,
    /// Text out.
    Output,
    /// Input found in the prompt cache.
    CacheRead,
    /// Input written to the prompt cache, for five minutes or as long as the provider keeps it.
    CacheWrite,
    /// Input written to the prompt cache for an hour.
    CacheWrite1h,
    /// Output spent on reasoning.
    Reasoning,
    /// Audio in.
    InputAudio,
    /// Audio out.
    OutputAudio,
    /// Images in.
    InputImage,
    /// Images out.
    OutputImage,
}

impl Component {
    /// All of them, in the order of a line.
    pub const ALL: [Component; 10] = [
        Component::Input,
        Component::Output,
        Component::CacheRead,
        Component::CacheWrite,
        Component::CacheWrite1h,
        Component::Reasoning,
        Component::InputAudio,
        Component::OutputAudio,
        Component::InputImage,
        Component::OutputImage,
    ];

    /// Its name on a line.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Component::Input => "input",
            Component::Output => "output",
            Component::CacheRead => "cache_read",
            Component::CacheWrite => "cache_write",
            Component::CacheWrite1h => "cache_write_1h",
            Component::Reasoning => "reasoning",
            Component::InputAudio => "input_audio",
            Component::OutputAudio => "output_audio",
            Component::InputImage => "input_image",
            Component::OutputImage => "output_image",
        }
    }
}

/// Pico-dollars per token, by [`Component`]; what is not given is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rates([Option<u64>; Component::ALL.len()]);

impl Rates {
    /// The figure of a component.
    #[must_use]
    pub fn get(&self, component: Component) -> Option<u64> {
        self.0[component as usize]
    }

    /// Sets the figure of a component, in pico-dollars per token.
    pub fn set(&mut self, component: Component, pico: u64) {
        self.0[component as usize] = Some(pico);
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.iter().all(Option::is_none)
    }

    /// Whether all there are are 0.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        !self.is_empty() && self.0.iter().flatten().all(|pico| *pico == 0)
    }

    /// What is given, with its component.
    pub fn given(&self) -> impl Iterator<Item = (Component, u64)> {
        Component::ALL.into_iter().zip(self.0).filter_map(|(component, pico)| Some((component, pico?)))
    }
}

impl Display for Rates {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut space = "";
        for (component, pico) in self.given() {
            write!(f, "{space}{}={}", component.name(), decimal::to_string(pico, PER_MILLION))?;
            space = " ";
        }
        Ok(())
    }
}

/// What a request's tokens cost where all of its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Band {
    /// The service tier; empty is the standard one.
    pub tier: String,
    /// Holds for requests with more input tokens than this, as a whole.
    pub above: u64,
    /// The first day on which it holds; 0 is from the beginning.
    pub from: Day,
    /// The first day on which it no longer holds.
    pub until: Option<Day>,
    /// The times of the week at which it holds, if not at all of them.
    pub windows: Option<Windows>,
    /// The figures.
    pub rates: Rates,
}

impl Band {
    /// Of the standard tier.
    #[must_use]
    pub fn standard(rates: Rates) -> Band {
        Band { rates, ..Band::default() }
    }

    /// Whether two hold under the same conditions.
    #[must_use]
    pub fn is_alike(&self, other: &Band) -> bool {
        (&self.tier, self.above, self.from, self.until, &self.windows)
            == (&other.tier, other.above, other.from, other.until, &other.windows)
    }

    /// Its conditions, as they stand on a line; empty for the standard band.
    #[must_use]
    pub fn conditions(&self) -> String {
        let mut words = Vec::new();
        if !self.tier.is_empty() {
            words.push(format!("@{}", self.tier));
        }
        if self.above > 0 {
            words.push(format!(">{}", self.above));
        }
        if self.from > 0 {
            words.push(format!("from:{}", time::day_text(self.from)));
        }
        words.extend(self.until.map(|until| format!("until:{}", time::day_text(until))));
        words.extend(self.windows.as_ref().map(|windows| format!("when:{windows}")));
        words.join(" ")
    }
}

/// One model of one provider.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Row {
    /// The provider's name in the catalogue.
    pub provider: String,
    /// The provider's name for the model.
    pub model: String,
    /// The letters of its sources; the figures are the first one's.
    pub sources: String,
    /// What it does, where that is not chat: `image_generation`, `embedding`, …
    pub mode: String,
    /// The day on which the provider ends it.
    pub retire: Option<Day>,
    /// Other names; one that ends in `*` stands for its dated versions.
    pub aliases: Vec<String>,
    /// Pico-dollars per call, by what is called: `web_search`, `request`.
    pub per: Vec<(String, u64)>,
    /// Factors on the tokens' cost by region, in millionths.
    pub factors: Vec<(String, u64)>,
    /// What tokens cost.
    pub bands: Vec<Band>,
    /// What other sources say where they differ by more than 2 %, by their letter.
    pub others: Vec<(String, Rates)>,
}

impl Row {
    /// The figure per call of a kind, in pico-dollars.
    #[must_use]
    pub fn per(&self, kind: &str) -> Option<u64> {
        self.per.iter().find(|(name, _)| name == kind).map(|(_, pico)| *pico)
    }

    /// The standard band that holds on `day` for a short request at any time.
    #[must_use]
    pub fn standard(&self, day: Day) -> Option<&Band> {
        let holds = |band: &&Band| {
            band.tier.is_empty()
                && band.above == 0
                && band.windows.is_none()
                && band.from <= day
                && band.until.is_none_or(|until| day < until)
        };
        self.bands.iter().filter(holds).max_by_key(|band| band.from)
    }

    /// Puts everything in the order of a line, each once: the standard bands first, then tier by tier, the youngest last.
    pub fn sort(&mut self) {
        fn order(band: &Band) -> (&str, Day, u64, bool) {
            (&band.tier, band.from, band.above, band.windows.is_some())
        }
        self.bands.sort_by(|a, b| order(a).cmp(&order(b)));
        self.bands.dedup_by(|a, b| a.is_alike(b));
        self.per.sort();
        self.factors.sort();
        self.aliases.sort();
        self.aliases.dedup();
    }

    /// What sorts it within the catalogue.
    #[must_use]
    pub fn key(&self) -> (&str, &str) {
        (&self.provider, &self.model)
    }
}

fn listed(f: &mut Formatter<'_>, word: &str, pairs: &[(String, u64)], scale: u8) -> fmt::Result {
    if pairs.is_empty() {
        return Ok(());
    }
    write!(f, "\t{word}")?;
    pairs.iter().try_for_each(|(name, units)| write!(f, " {name}={}", decimal::to_string(*units, scale)))
}

impl Display for Row {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}\t{}\t{}", self.provider, self.model, self.sources)?;
        for band in &self.bands {
            let conditions = band.conditions();
            let space = if conditions.is_empty() { "" } else { " " };
            write!(f, "\t{conditions}{space}{}", band.rates)?;
        }
        listed(f, "per", &self.per, PICO)?;
        listed(f, "times", &self.factors, FACTOR)?;
        if !self.mode.is_empty() {
            write!(f, "\tmode {}", self.mode)?;
        }
        if let Some(day) = self.retire {
            write!(f, "\tretire {}", time::day_text(day))?;
        }
        if !self.aliases.is_empty() {
            write!(f, "\talias {}", self.aliases.join(" "))?;
        }
        self.others.iter().try_for_each(|(letter, rates)| write!(f, "\talso {letter} {rates}"))
    }
}

/// A line that is no row.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} does not belong on a line of prices")]
pub struct BadRow(String);

fn bad(text: &str) -> BadRow {
    BadRow(text.chars().take(80).collect())
}

impl std::str::FromStr for Row {
    type Err = BadRow;

    fn from_str(line: &str) -> Result<Row, BadRow> {
        let mut fields = line.split('\t');
        let mut next = || fields.next().filter(|field| !field.is_empty()).ok_or_else(|| bad(line));
        let mut row = Row {
            provider: next()?.to_owned(),
            model: next()?.to_owned(),
            sources: next()?.to_owned(),
            ..Row::default()
        };
        fields.try_for_each(|field| row.take(field))?;
        Ok(row)
    }
}

impl Row {
    fn take(&mut self, field: &str) -> Result<(), BadRow> {
        let (word, rest) = field.split_once(' ').unwrap_or((field, ""));
        match word {
            "per" => self.per = pairs(rest, PICO)?,
            "times" => self.factors = pairs(rest, FACTOR)?,
            "mode" => rest.clone_into(&mut self.mode),
            "retire" => self.retire = Some(time::parse_day(rest).ok_or_else(|| bad(field))?),
            "alias" => self.aliases = rest.split(' ').map(str::to_owned).collect(),
            "also" => {
                let (letter, rates) = rest.split_once(' ').ok_or_else(|| bad(field))?;
                self.others.push((letter.to_owned(), band(rates)?.rates));
            }
            _ => self.bands.push(band(field)?),
        }
        Ok(())
    }
}

fn pairs(text: &str, scale: u8) -> Result<Vec<(String, u64)>, BadRow> {
    let pair = |word: &str| {
        let (name, figure) = word.split_once('=').ok_or_else(|| bad(word))?;
        Ok((name.to_owned(), decimal::parse(figure, scale).map_err(|_| bad(word))?))
    };
    text.split(' ').map(pair).collect()
}

fn band(field: &str) -> Result<Band, BadRow> {
    let mut band = Band::default();
    for word in field.split(' ') {
        let day = |text: &str| time::parse_day(text).ok_or_else(|| bad(word));
        if let Some(tier) = word.strip_prefix('@') {
            tier.clone_into(&mut band.tier);
        } else if let Some(above) = word.strip_prefix('>') {
            band.above = above.parse().map_err(|_| bad(word))?;
        } else if let Some(date) = word.strip_prefix("from:") {
            band.from = day(date)?;
        } else if let Some(date) = word.strip_prefix("until:") {
            band.until = Some(day(date)?);
        } else if let Some(windows) = word.strip_prefix("when:") {
            band.windows = Some(windows.parse().map_err(|_| bad(word))?);
        } else {
            let (name, figure) = word.split_once('=').ok_or_else(|| bad(word))?;
            let component = Component::ALL.into_iter().find(|component| component.name() == name);
            let pico = decimal::parse(figure, PER_MILLION).map_err(|_| bad(word))?;
            band.rates.set(component.ok_or_else(|| bad(word))?, pico);
        }
    }
    if band.rates.is_empty() { Err(bad(field)) } else { Ok(band) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_written_as_it_was_read() {
        for line in [
            "p\tm\tL\tinput=2.5 output=10",
            "p\tm\tLG\tinput=1 output=2\t@batch >272000 from:2026-01-02 until:2027-01-01 input=0.083333\tper web_search=0.01\
             \ttimes eu=1.1\tmode embedding\tretire 2026-12-31\talias a b*\talso G input=3",
            "p\tm\tG\tinput=1\twhen:12345/00:00-01:00,10:00-24:00;67/00:00-24:00~+08:00 input=0.5",
        ] {
            let row: Row = line.parse().unwrap();
            assert_eq!(row.to_string(), line);
        }
        for wrong in ["", "p\tm", "p\tm\tL\tinput=-1", "p\tm\tL\tinput", "p\tm\tL\t@batch", "p\tm\tL\tvideo=1"] {
            assert!(wrong.parse::<Row>().is_err(), "{wrong}");
        }
    }
}
