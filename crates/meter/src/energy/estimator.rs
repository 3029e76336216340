//! Which method holds for a request: the operator's rates, then the one that is configured. What a provider and a model's names
//! lead to is found once and kept, as prices are.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Arc, PoisonError, RwLock};

use super::physics::Fit;
use super::{Basis, Ecologits, Energy, Method, Models, Profile, Rates, Serving, Weir, pico_kwh, rates};
use crate::carbon::{Carbon, Mixes, Site};
use crate::cost::key::{AsItIs, Keys};
use crate::usage::Usage;

/// Names of models that are kept with what they lead to.
const MOST_KEPT: usize = 4096;
/// Bytes of a name above which it is looked up each time.
const LONGEST_KEPT: usize = 256;

/// The method where there is no rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Choice {
    /// Weir's own.
    #[default]
    Weir,
    /// EcoLogits's.
    Ecologits,
    /// None: what has no rate has no figure.
    Rates,
}

/// What is known for estimating.
#[derive(Debug, Clone, Default)]
pub struct Book {
    /// The operator's own rates.
    pub rates: Rates,
    /// The method where there is none.
    pub choice: Choice,
    /// Sizes of models.
    pub models: Arc<Models>,
    /// Where the operator says how large a model is.
    pub own: HashMap<String, Profile>,
    /// Where each provider's machines stand and whom they serve, by its configured name.
    pub sites: HashMap<String, (Site, Serving)>,
}

/// What is to be estimated.
#[derive(Debug, Clone, Copy)]
pub struct Ask<'a> {
    /// The provider's configured name.
    pub provider: &'a str,
    /// The model that a route made of it, the one that was asked for, and the one that answered.
    pub models: [Option<&'a str>; 3],
    /// Tokens.
    pub usage: &'a Usage,
    /// When, in nanoseconds since 1970.
    pub at: u64,
    /// How long the provider took, in seconds.
    pub seconds: Option<f64>,
}

/// See the module. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Estimator {
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
pub struct Found {
    provider: String,
    models: [Option<String>; 3],
    /// Pico-kilowatt-hours per token.
    pub rate: Option<u64>,
    /// The method for the model, if its size is known.
    pub method: Option<Estimate>,
    /// The size, and under which name it was found.
    pub profile: Option<(String, Profile)>,
    /// Where it stands.
    pub site: Option<Site>,
    /// Whom it serves.
    pub serving: Serving,
}

/// One of the methods that estimate.
#[derive(Debug, Clone)]
pub enum Estimate {
    /// Weir's own.
    Weir(Weir),
    /// EcoLogits's.
    Ecologits(Ecologits),
}

impl Estimate {
    /// As a method.
    #[must_use]
    pub fn method(&self) -> &dyn Method {
        match self {
            Estimate::Weir(weir) => weir,
            Estimate::Ecologits(ecologits) => ecologits,
        }
    }
}

impl Found {
    fn is_of(&self, ask: &Ask<'_>) -> bool {
        self.provider == ask.provider && self.models.iter().map(Option::as_deref).eq(ask.models)
    }

    fn energy(&self, ask: &Ask<'_>) -> Option<Energy> {
        if let Some(rate) = self.rate {
            return Some(rates::energy(rate, ask.usage));
        }
        let (method, site) = (self.method.as_ref()?.method(), self.site.as_ref()?);
        let joules = method.joules(ask.usage, &site.building, ask.seconds)?;
        let basis = self.profile.as_ref().map_or(Basis::default(), |(_, profile)| profile.basis);
        let [low, mid, high] = [joules.low, joules.mid, joules.high].map(pico_kwh);
        Some(Energy { low, mid, high, method: method.name(), basis })
    }
}

impl From<Book> for Estimator {
    fn from(book: Book) -> Estimator {
        Estimator { inner: Arc::new(Inner { book, ..Inner::default() }) }
    }
}

impl Estimator {
    /// What it is made of.
    #[must_use]
    pub fn book(&self) -> &Book {
        &self.inner.book
    }

    /// The same with other tables of models and of electricity.
    #[must_use]
    pub fn with_tables(&self, models: Arc<Models>, mixes: &Mixes) -> Estimator {
        let mut book = Book { models, ..self.inner.book.clone() };
        for (site, _) in book.sites.values_mut() {
            site.mix = mixes.get(&site.zone).cloned().or_else(|| site.mix.take());
        }
        Estimator::from(book)
    }

    /// The energy of a request, and what it comes to where it was served; nothing where the model's size is not known.
    #[must_use]
    pub fn estimate(&self, ask: &Ask<'_>) -> Option<(Energy, Option<Carbon>)> {
        let found = self.find(ask);
        let energy = found.energy(ask)?;
        Some((energy, found.site.as_ref().map(|site| site.carbon(&energy, ask.at))))
    }

    /// What the provider and the names of a request lead to.
    #[must_use]
    pub fn find(&self, ask: &Ask<'_>) -> Arc<Found> {
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
        let [target, asked, answered] = ask.models;
        let size = |model: &str| {
            let profile = book.own.get(model).copied().or_else(|| book.models.profile(model))?;
            Some((model.to_owned(), profile))
        };
        // The operator's sizes and rates are by the names that the operator knows, published ones by what answered.
        let own = [target, asked, answered]
            .into_iter()
            .flatten()
            .find_map(|model| book.own.get(model).map(|profile| (model.to_owned(), *profile)));
        let profile = own.or_else(|| [answered, target, asked].into_iter().flatten().find_map(size));
        let (site, serving) = match book.sites.get(ask.provider) {
            Some((site, serving)) => (Some(site.clone()), *serving),
            None => (None, Serving::default()),
        };
        let method = profile.as_ref().and_then(|(_, profile)| match book.choice {
            Choice::Weir => Some(Estimate::Weir(Weir::new(profile, serving, Fit::embedded()))),
            // What EcoLogits does not know has no figure there either.
            Choice::Ecologits if profile.basis == Basis::Likened => None,
            Choice::Ecologits => Some(Estimate::Ecologits(Ecologits { profile: *profile })),
            Choice::Rates => None,
        });
        Found {
            provider: ask.provider.to_owned(),
            models: ask.models.map(|model| model.map(str::to_owned)),
            rate: book.rates.find(&ask.models),
            method,
            profile,
            site,
            serving,
        }
    }
}
