//! Whose price counts: the operator's own, then a contract's, then the provider's bill, then the catalogue's.
//!
//! What a provider and a model's names lead to is found once and kept, as long as there are not too many of them; what a
//! request says (tier, time, tokens) is looked at each time.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, PoisonError, RwLock};

use super::key::{AsItIs, Keys};
use super::price::{ONE, Price, Terms};
use super::rule::Rule;
use super::{Cost, CostStatus};
use crate::catalog::{Catalog, Match, Row};
use crate::usage::{Units, Usage};

/// Names of models that are kept with what they lead to. Callers can make up names, so there is an end to it.
const MOST_KEPT: usize = 4096;
/// Bytes of a name above which it is looked up each time: nobody fills the memory with names as long as a body may be.
const LONGEST_KEPT: usize = 256;

/// What is known of prices.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The operator's own, by the model's name.
    pub own: HashMap<String, Arc<Price>>,
    /// Contracts.
    pub rules: Vec<Rule>,
    /// Where a provider stands in the catalogue, by its configured name.
    pub listings: HashMap<String, Listing>,
    /// What is published.
    pub catalog: Arc<Catalog>,
}

/// Where a configured provider stands in the catalogue.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Listing {
    /// Its name there.
    pub provider: String,
    /// Where its models run, if that makes a difference to the price.
    pub region: Option<String>,
}

/// What is to be priced.
#[derive(Debug, Clone, Copy, Default)]
pub struct Ask<'a> {
    /// The provider's configured name.
    pub provider: &'a str,
    /// The model that a route made of it, the one that was asked for, and the one that answered.
    pub models: [Option<&'a str>; 3],
    /// The tier that the answer names.
    pub tier: Option<&'a str>,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// Tokens, if they are known.
    pub usage: Option<&'a Usage>,
    /// Where these are the tokens of several requests: the input of each, as far as a price depends on how long it is.
    pub each_input: Option<u64>,
    /// Whether the provider reported them.
    pub exact: bool,
    /// Web searches.
    pub searches: u64,
    /// Searches of stored files.
    pub file_searches: u64,
    /// How often code was run, which is paid by the session: what that costs is in no figure.
    pub code_runs: u64,
    /// Pictures, audio and characters.
    pub units: Units,
    /// The provider's bill, in nano-dollars.
    pub reported: Option<u64>,
}

impl<'a> Ask<'a> {
    fn terms(&self) -> Terms<'a> {
        Terms {
            tier: self.tier,
            at: self.at,
            each_input: self.each_input,
            searches: self.searches,
            file_searches: self.file_searches,
            units: self.units,
            ..Terms::PLAIN
        }
    }
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Prices {
    inner: Arc<Inner>,
}

#[derive(Debug, Default)]
struct Inner {
    book: Book,
    keys: Keys,
    kept: RwLock<HashMap<u64, Arc<Found>, BuildHasherDefault<AsItIs>>>,
}

/// What a provider and names lead to.
#[derive(Debug, Default)]
struct Found {
    provider: String,
    models: [Option<String>; 3],
    own: Option<Arc<Price>>,
    /// Places in the book, in the order in which they count.
    rules: Vec<usize>,
    list: Option<Price>,
    /// Millionths.
    regional: u64,
}

/// How a price came about, step by step, for people.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Explained {
    /// Whether the operator has set a price of the model's name.
    pub own: bool,
    /// The contract that holds at that time, and what it says.
    pub rule: Option<(String, String)>,
    /// The row of the catalogue, under which of the names it was found, and how that name was understood.
    pub row: Option<(Row, String, Match)>,
    /// The factor for the region, in millionths.
    pub regional: u64,
    /// What is multiplied: kind, count, pico-dollars each if that is known. Nothing, where the tier has no price.
    pub steps: Vec<(&'static str, u64, Option<u64>)>,
}

impl Found {
    fn is_of(&self, ask: &Ask<'_>) -> bool {
        self.provider == ask.provider && self.models.iter().map(Option::as_deref).eq(ask.models)
    }
}

impl From<Book> for Prices {
    fn from(book: Book) -> Prices {
        Prices { inner: Arc::new(Inner { book, ..Inner::default() }) }
    }
}

impl Prices {
    /// What they are made of.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.inner.book
    }

    /// The same with another catalogue.
    #[must_use]
    pub fn with_catalog(&self, catalog: Arc<Catalog>) -> Prices {
        Prices::from(Book { catalog, ..self.inner.book.clone() })
    }

    /// What a request cost; `None` where that is not known.
    #[must_use]
    pub fn cost(&self, ask: &Ask<'_>) -> Option<Cost> {
        let found = self.find(ask);
        let cost = self.by_precedence(&found, ask)?;
        // What an operator's own price does not mention costs nothing more.
        let partly = ask.code_runs > 0 && found.own.is_none();
        let counted = (!ask.exact || partly) && matches!(cost.status, CostStatus::List | CostStatus::Contracted);
        Some(Cost { status: if counted { CostStatus::Estimated } else { cost.status }, ..cost })
    }

    fn by_precedence(&self, found: &Found, ask: &Ask<'_>) -> Option<Cost> {
        let terms = Terms { regional: found.regional, ..ask.terms() };
        let list = || found.list.as_ref()?.of_request(ask.usage, &terms);
        if let (Some(price), Some(usage)) = (&found.own, ask.usage) {
            let own = price.cost_on(usage, &Terms { regional: ONE, ..terms })?;
            return Some(beside(own, list()));
        }
        let rule = found.rules.iter().map(|place| &self.inner.book.rules[*place]).find(|rule| rule.holds(ask.at));
        if let Some(rule) = rule
            && let Some(cost) = contracted(rule, list(), || {
                let terms = Terms { contract: rule.factor, ..terms };
                found.list.as_ref()?.of_request(ask.usage, &terms)
            })
        {
            return Some(cost);
        }
        match ask.reported {
            Some(nano) => {
                let (status, price_id) = (CostStatus::Reported, "reported".into());
                Some(beside(Cost { total: nano, parts: None, status, price_id, as_of: None, list: None }, list()))
            }
            None => list(),
        }
    }

    fn find(&self, ask: &Ask<'_>) -> Arc<Found> {
        let inner = &*self.inner;
        if ask.models.iter().flatten().any(|model| model.len() > LONGEST_KEPT) {
            return Arc::new(self.look_up(ask));
        }
        let key = inner.keys.of(ask.provider, &ask.models);
        let kept = inner.kept.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = kept.get(&key).filter(|found| found.is_of(ask)) {
            return found.clone();
        }
        drop(kept);
        let found = Arc::new(self.look_up(ask));
        let mut kept = inner.kept.write().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= MOST_KEPT {
            kept.clear();
        }
        kept.insert(key, found.clone());
        found
    }

    fn look_up(&self, ask: &Ask<'_>) -> Found {
        let book = &self.inner.book;
        let mut rules: Vec<usize> =
            (0..book.rules.len()).filter(|place| book.rules[*place].is_about(ask.provider, &ask.models)).collect();
        rules.sort_by_key(|place| std::cmp::Reverse(book.rules[*place].rank()));
        let own = ask.models.iter().flatten().find_map(|model| book.own.get(*model));
        let row = self.row(ask).map(|(row, _, _)| row);
        let as_of = row.as_ref().and_then(|row| book.catalog.source_of(row)).map_or(0, |source| source.as_of);
        Found {
            provider: ask.provider.to_owned(),
            models: ask.models.map(|model| model.map(str::to_owned)),
            own: own.cloned(),
            rules,
            regional: row.as_ref().map_or(ONE, |row| self.regional(ask.provider, row)),
            list: row.map(|row| Price::from_row(&row, as_of)),
        }
    }

    /// The row of the catalogue: of the model that answered, else of the one that was asked for.
    fn row<'a>(&self, ask: &Ask<'a>) -> Option<(Row, &'a str, Match)> {
        let book = &self.inner.book;
        let listing = book.listings.get(ask.provider)?;
        let [target, asked, answered] = ask.models;
        // Azure has rows of a region under the region's name.
        let regional = |model: &str| listing.region.as_ref().map(|region| format!("{region}/{model}"));
        [answered, target, asked].into_iter().flatten().find_map(|model| {
            let of_region = regional(model).and_then(|name| book.catalog.find(&listing.provider, &name));
            let (row, how) = of_region.or_else(|| book.catalog.find(&listing.provider, model))?;
            Some((row, model, how))
        })
    }

    fn regional(&self, provider: &str, row: &Row) -> u64 {
        let region = self.inner.book.listings.get(provider).and_then(|listing| listing.region.as_deref());
        let factor = row.factors.iter().find(|(name, _)| Some(name.as_str()) == region);
        factor.map_or(ONE, |(_, factor)| *factor)
    }

    /// How the price of such a request comes about.
    #[must_use]
    pub fn explain(&self, ask: &Ask<'_>) -> Explained {
        let found = self.find(ask);
        let rule = found.rules.iter().map(|place| &self.inner.book.rules[*place]).find(|rule| rule.holds(ask.at));
        let terms = ask.terms();
        let price = found.own.as_deref().or(found.list.as_ref());
        Explained {
            steps: price.zip(ask.usage).map(|(price, usage)| price.steps(usage, &terms)).unwrap_or_default(),
            own: found.own.is_some(),
            rule: rule.map(|rule| (rule.pattern.clone(), rule.words())),
            row: self.row(ask).map(|(row, name, how)| (row, name.to_owned(), how)),
            regional: found.regional,
        }
    }
}

/// A cost with what the catalogue asks for the same, and of which day that is.
fn beside(cost: Cost, list: Option<Cost>) -> Cost {
    let (list, as_of) = list.map_or((None, None), |list| (Some(list.total), list.as_of));
    Cost { list, as_of, ..cost }
}

/// A contract's cost beside the list's. Capacity that is paid otherwise costs the request nothing more: that is no free
/// request, and what it would have cost stands beside it.
fn contracted(rule: &Rule, list: Option<Cost>, priced: impl FnOnce() -> Option<Cost>) -> Option<Cost> {
    let id = |of: &str| Arc::from(format!("rule:{}{of}", rule.pattern));
    if rule.provisioned {
        let (parts, status) = (Some(super::Parts::default()), CostStatus::Contracted);
        return Some(beside(Cost { total: 0, parts, status, price_id: id(""), as_of: None, list: None }, list));
    }
    let (list, cost) = (list?, priced()?);
    let price_id = id(&format!(" {}", cost.price_id));
    let status = if list.status == CostStatus::Free { CostStatus::Free } else { CostStatus::Contracted };
    Some(Cost { status, price_id, list: Some(list.total), ..cost })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cost::Tariff;

    #[test]
    fn long_names_are_looked_up_and_not_kept() {
        let long = "x".repeat(LONGEST_KEPT + 1);
        let own = [(long.clone(), Arc::new(Price::from_tariff("own", &Tariff::default()).unwrap()))].into();
        let prices = Prices::from(Book { own, ..Book::default() });
        for place in 0..3 {
            let mut models = [None; 3];
            models[place] = Some(long.as_str());
            assert!(prices.explain(&Ask { models, ..Ask::default() }).own, "it is looked up");
        }
        for number in 0..100 {
            let (short, long) = (number.to_string(), format!("{number}{long}"));
            for models in [[None, Some(&*short), None], [None, Some(&*long), None], [None, Some(&*short), Some(&*long)]]
            {
                let _ = prices.cost(&Ask { models, ..Ask::default() });
            }
        }
        let kept = prices.inner.kept.read().unwrap();
        let bytes: usize = kept.values().flat_map(|found| found.models.iter().flatten()).map(String::len).sum();
        assert_eq!((kept.len(), bytes), (100, 190));
    }
}
