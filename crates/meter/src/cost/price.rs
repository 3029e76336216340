//! What one model costs, ready to be multiplied with.

use std::sync::Arc;

use super::{Cost, CostStatus, Parts};
use crate::catalog::{self, Component, Day, Rates, Row, Windows};
use crate::decimal::{self, DecimalError};
use crate::time;
use crate::usage::{Class, Units, Usage};

/// A factor of one, in millionths.
pub(super) const ONE: u64 = 1_000_000;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Price {
    /// Its name where no band has one.
    id: Arc<str>,
    bands: Vec<Band>,
    /// Pico-dollars per picture made, second of audio heard, and character spoken.
    image: Option<u64>,
    second: Option<u64>,
    character: Option<u64>,
    /// Pico-dollars per web search; `None` is not known.
    search: Option<u64>,
    /// Pico-dollars per search of stored files; `None` is not known.
    file_search: Option<u64>,
    /// Pico-dollars per request.
    request: u64,
    status: CostStatus,
    as_of: Option<Arc<str>>,
}

/// What tokens cost where all of its conditions hold.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Band {
    id: Arc<str>,
    /// `None` holds for every tier.
    tier: Option<String>,
    above: u64,
    /// Nanoseconds since 1970.
    from: u64,
    until: u64,
    windows: Option<Windows>,
    /// Pico-dollars per token; `None` is not known.
    per_token: [Option<u64>; Class::ALL.len()],
}

/// A price as an operator writes it, in USD per 1,000 tokens. What is not given follows from what is: cached input and
/// cache writes cost what input costs, reasoning what output costs.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Tariff {
    /// Input.
    pub input: f64,
    /// Output.
    pub output: f64,
    /// Input found in the prompt cache.
    pub cached_input: Option<f64>,
    /// Input written to the prompt cache.
    pub cache_write: Option<f64>,
    /// Whether the figures are per 1,000,000 tokens rather than per 1,000.
    pub per_million: bool,
}

/// What of a request decides its price beside its tokens.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Terms<'a> {
    pub(super) tier: Option<&'a str>,
    /// Nanoseconds since 1970.
    pub(super) at: u64,
    pub(super) each_input: Option<u64>,
    pub(super) searches: u64,
    pub(super) file_searches: u64,
    pub(super) units: Units,
    /// On the tokens' cost, in millionths.
    pub(super) regional: u64,
    /// On all of it, in millionths.
    pub(super) contract: u64,
}

impl Terms<'_> {
    pub(super) const PLAIN: Terms<'static> = Terms {
        tier: None,
        at: 0,
        each_input: None,
        searches: 0,
        file_searches: 0,
        units: Units { images: 0, audio_micros: 0, characters: 0 },
        regional: ONE,
        contract: ONE,
    };
}

impl Price {
    /// From an operator's tariff.
    ///
    /// # Errors
    /// A figure that is negative, no number, or finer than a pico-dollar per token.
    pub fn from_tariff(id: &str, tariff: &Tariff) -> Result<Price, DecimalError> {
        // USD per 1,000 tokens to pico-dollars per token: 12 places less 3; per million, less 6.
        let scale = if tariff.per_million { 6 } else { 9 };
        let pico = |usd: f64| decimal::from_float(usd, scale);
        let (input, output) = (pico(tariff.input)?, pico(tariff.output)?);
        let mut rates = Rates::default();
        rates.set(Component::Input, input);
        rates.set(Component::Output, output);
        rates.set(Component::CacheRead, tariff.cached_input.map_or(Ok(input), pico)?);
        let write = tariff.cache_write.map_or(Ok(input), pico)?;
        rates.set(Component::CacheWrite, write);
        rates.set(Component::CacheWrite1h, write);
        let band = Band {
            id: id.into(),
            tier: None,
            above: 0,
            from: 0,
            until: u64::MAX,
            windows: None,
            per_token: per_token(&rates, false),
        };
        let status = if rates.is_zero() { CostStatus::Free } else { CostStatus::Contracted };
        // What an operator does not mention costs nothing extra.
        Ok(Price {
            id: id.into(),
            bands: vec![band],
            image: None,
            second: None,
            character: None,
            search: Some(0),
            file_search: Some(0),
            request: 0,
            status,
            as_of: None,
        })
    }

    /// From a row of the catalogue, whose figures are of the day `as_of`.
    #[must_use]
    pub fn from_row(row: &Row, as_of: Day) -> Price {
        let images = row.mode == "image_generation";
        let band = |band: &catalog::Band| {
            let conditions = band.conditions();
            let space = if conditions.is_empty() { "" } else { " " };
            Band {
                id: format!("{}/{}{space}{conditions}", row.provider, row.model).into(),
                tier: Some(band.tier.clone()),
                above: band.above,
                from: u64::from(band.from) * DAY_NANOS,
                until: band.until.map_or(u64::MAX, |day| u64::from(day) * DAY_NANOS),
                windows: band.windows.clone(),
                per_token: per_token(&with_cache(row, band), images),
            }
        };
        let free = !row.bands.is_empty() && row.bands.iter().all(|band| band.rates.is_zero());
        Price {
            id: format!("{}/{}", row.provider, row.model).into(),
            bands: row.bands.iter().map(band).collect(),
            image: row.per("output_image_each"),
            second: row.per("input_second").or(row.per("input_audio_second")),
            character: row.per("input_char"),
            search: row.per("web_search"),
            file_search: row.per("storage_searches"),
            request: row.per("request").unwrap_or(0),
            status: if free { CostStatus::Free } else { CostStatus::List },
            as_of: Some(time::day_text(as_of).into()),
        }
    }

    /// What a request costs on these terms: its tokens, where it has any and the price is one of tokens, else its pictures,
    /// seconds or characters. Lists that name both mean the same thing twice.
    pub(super) fn of_request(&self, usage: Option<&Usage>, terms: &Terms<'_>) -> Option<Cost> {
        match usage {
            Some(usage) if terms.units.is_empty() || (usage.total() > 0 && !self.bands.is_empty()) => {
                self.cost_on(usage, terms)
            }
            _ if terms.units.is_empty() => None,
            _ => self.cost_of_units(terms),
        }
    }

    /// What is paid by the piece; each kind that was used has to have its price.
    fn cost_of_units(&self, terms: &Terms<'_>) -> Option<Cost> {
        let units = &terms.units;
        let pico = |count: u64, each: Option<u64>| match count {
            0 => Some(0),
            _ => Some(u128::from(count) * u128::from(each?)),
        };
        let seconds = pico(units.audio_micros, self.second)? / 1_000_000;
        let factor = u128::from(ONE) * u128::from(terms.contract);
        let parts = Parts {
            input: nano(seconds + pico(units.characters, self.character)?, factor),
            output: nano(pico(units.images, self.image)?, factor),
            cache: 0,
            tools: nano(u128::from(self.request), factor),
        };
        Some(self.made_of(parts, &self.id))
    }

    fn made_of(&self, parts: Parts, id: &Arc<str>) -> Cost {
        Cost {
            total: parts.total(),
            parts: Some(parts),
            status: self.status,
            price_id: id.clone(),
            as_of: self.as_of.clone(),
            list: None,
        }
    }

    /// What `usage` costs by this price alone.
    #[must_use]
    pub fn cost(&self, usage: &Usage) -> Option<Cost> {
        self.cost_on(usage, &Terms::PLAIN)
    }

    /// What `usage` costs on these terms: `None` where a tier, or a class of tokens that was used, has no price. Each
    /// component is summed exactly and rounded once, half up, to a nano-dollar.
    pub(super) fn cost_on(&self, usage: &Usage, terms: &Terms<'_>) -> Option<Cost> {
        let band = self.band(usage, terms)?;
        let factor = u128::from(terms.regional) * u128::from(terms.contract);
        let component = |classes: &[Class]| {
            let mut pico: u128 = 0;
            for class in classes {
                let tokens = usage.get(*class);
                if tokens > 0 {
                    pico = pico.saturating_add(u128::from(tokens) * u128::from(band.per_token[*class as usize]?));
                }
            }
            Some(nano(pico, factor))
        };
        let calls = |count: u64, each: Option<u64>| match count {
            0 => Some(0),
            _ => Some(u128::from(count) * u128::from(each?)),
        };
        let searches = calls(terms.searches, self.search)? + calls(terms.file_searches, self.file_search)?;
        let tools = searches + u128::from(self.request);
        let parts = Parts {
            input: component(&[Class::Input, Class::AudioInput, Class::ImageInput])?,
            output: component(&[Class::Output, Class::Reasoning, Class::AudioOutput])?,
            cache: component(&[Class::CachedInput, Class::CacheWrite, Class::CacheWrite1h])?,
            tools: nano(tools, u128::from(ONE) * u128::from(terms.contract)),
        };
        Some(self.made_of(parts, &band.id))
    }

    /// What a request's tokens and calls are multiplied with: kind, count, pico-dollars each if that is known.
    pub(super) fn steps(&self, usage: &Usage, terms: &Terms<'_>) -> Vec<(&'static str, u64, Option<u64>)> {
        let Some(band) = self.band(usage, terms) else { return Vec::new() };
        let tokens = Class::ALL.map(|class| (class.name(), usage.get(class), band.per_token[class as usize]));
        let calls = [
            ("web searches", terms.searches, self.search),
            ("file searches", terms.file_searches, self.file_search),
            ("requests", u64::from(self.request > 0), Some(self.request)),
        ];
        tokens.into_iter().chain(calls).filter(|(_, count, _)| *count > 0).collect()
    }

    /// The band that a request falls into: of its tier and time, with the highest threshold that it is above; hours before
    /// all day, the youngest before older ones.
    fn band(&self, usage: &Usage, terms: &Terms<'_>) -> Option<&Band> {
        let (tier, input) = (tier(terms.tier), terms.each_input.unwrap_or(usage.input()));
        let holds = |band: &&Band| {
            band.tier.as_deref().is_none_or(|name| name == tier)
                && (band.above == 0 || input > band.above)
                && (band.from..band.until).contains(&terms.at)
                && band.windows.as_ref().is_none_or(|windows| windows.hold(terms.at))
        };
        let rank = |band: &&Band| (band.above, band.windows.is_some(), band.from);
        // Nearly every price has one band that holds; looking for another costs less than ordering them.
        self.bands.iter().filter(holds).max_by_key(rank)
    }
}

/// The tier as the catalogue calls it: the standard one has many names, and no name of its own.
fn tier(told: Option<&str>) -> &str {
    match told {
        // `auto` is a wish rather than an answer. OpenAI's responses begin with it and name the tier at their end, so that it
        // is all that is known of one that was cut: what asks for no tier is mostly served at the standard one.
        None | Some("" | "auto" | "default" | "standard" | "on_demand" | "ON_DEMAND") => "",
        Some(tier) => tier,
    }
}

/// Pico-dollars times factors of 10^-12 in nano-dollars, half up.
fn nano(pico: u128, factor: u128) -> u64 {
    const PLAIN: u128 = (ONE as u128) * (ONE as u128);
    let nano = if factor == PLAIN {
        pico.saturating_add(500) / 1000
    } else {
        pico.saturating_mul(factor).saturating_add(PLAIN * 500) / (PLAIN * 1000)
    };
    u64::try_from(nano).unwrap_or(u64::MAX)
}

/// A band's figures, with prices of the cache where it has none of its own and the standard band beside it has: in the same
/// proportion to the input. So it is in nearly all bands that name both. Batches are left alone: their providers list no price
/// of the cache for models whose cached input is not discounted further.
fn with_cache(row: &Row, band: &catalog::Band) -> Rates {
    let mut rates = band.rates;
    let beside = |one: &&catalog::Band| {
        one.tier.is_empty() && one.above == 0 && one.windows == band.windows && one.from <= band.from
    };
    if band.tier == "batch" {
        return rates;
    }
    let Some(standard) = row.bands.iter().filter(beside).max_by_key(|one| one.from) else { return rates };
    let (Some(input), Some(whole @ 1..)) = (rates.get(Component::Input), standard.rates.get(Component::Input)) else {
        return rates;
    };
    for component in [Component::CacheRead, Component::CacheWrite, Component::CacheWrite1h] {
        if let (None, Some(pico)) = (rates.get(component), standard.rates.get(component)) {
            let scaled = (u128::from(pico) * u128::from(input) + u128::from(whole) / 2) / u128::from(whole);
            rates.set(component, u64::try_from(scaled).unwrap_or(u64::MAX));
        }
    }
    rates
}

/// What a token of each class costs. What a row does not say is billed as what it is a kind of: cached input and cache
/// writes as input, reasoning as output, audio and images as text. A write for an hour is dearer than one for five minutes
/// wherever both are known, so that where only the latter is, the former is not.
fn per_token(rates: &Rates, images: bool) -> [Option<u64>; Class::ALL.len()] {
    let get = |component| rates.get(component);
    let (input, output) = (get(Component::Input), get(Component::Output));
    Class::ALL.map(|class| match class {
        Class::Input => input,
        Class::CachedInput => get(Component::CacheRead).or(input),
        Class::CacheWrite => get(Component::CacheWrite).or(input),
        Class::CacheWrite1h => match (get(Component::CacheWrite1h), get(Component::CacheWrite)) {
            (Some(hour), _) => Some(hour),
            (None, Some(_)) => None,
            (None, None) => input,
        },
        Class::AudioInput => get(Component::InputAudio).or(input),
        Class::ImageInput => get(Component::InputImage).or(input),
        // What a model that makes images writes is images.
        Class::Output if images => get(Component::OutputImage).or(output),
        Class::Output => output,
        Class::Reasoning => get(Component::Reasoning).or(output),
        Class::AudioOutput => get(Component::OutputAudio).or(output),
    })
}
