//! A catalogue brought up to date from feeds: what becomes of each row, what that changes, and what is nonsense.
//!
//! Where two sources have a row, the one whose letter comes first on it has the figures. Where they differ by more than 2 %
//! the other's stand beside it, with one exception: if the first one's are what the other had before a dated change, the
//! first is late, and the other takes its place. What held before a change is kept with its dates.

mod history;

use std::collections::{BTreeMap, BTreeSet};

use super::row::{Component, Day, Rates, Row};
use super::{Catalog, Feed, Source};

/// What a change may be without being asked about.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The factor by which a price may rise or fall.
    pub jump: f64,
    /// The share of its source's rows that a feed must still have.
    pub rows: f64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { jump: 10.0, rows: 0.8 }
    }
}

/// Why an update is not made.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum Refusal {
    /// Far fewer rows than before.
    #[error("{source_name} has {now} rows, and the catalogue has {before} of it: more than a few are missing")]
    FewRows {
        /// The feed.
        source_name: String,
        /// Its rows.
        now: usize,
        /// The catalogue's rows of the same source.
        before: usize,
    },
    /// Prices that rise or fall by more than is believed.
    #[error("{} prices change by more than the factor {factor}, the first of them {first}", .count)]
    Jumps {
        /// How many.
        count: usize,
        /// The factor that is allowed.
        factor: f64,
        /// The first of them.
        first: String,
    },
    /// The feed is older than what there is.
    #[error("{source_name} is of {now}, and the catalogue's is of {before}")]
    Older {
        /// The feed.
        source_name: String,
        /// Its date.
        now: String,
        /// The catalogue's.
        before: String,
    },
}

/// One difference that an update makes.
#[derive(Debug, Clone, PartialEq)]
pub enum Change {
    /// A row that was not there.
    Added {
        /// The provider and the model.
        name: String,
        /// The standard price.
        rates: Rates,
    },
    /// A row that is gone.
    Removed {
        /// The provider and the model.
        name: String,
    },
    /// Another standard price.
    Price {
        /// The provider and the model.
        name: String,
        /// Before.
        before: Rates,
        /// After.
        after: Rates,
    },
}

impl std::fmt::Display for Change {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Change::Added { name, rates } => write!(f, "+ {name}: {rates}"),
            Change::Removed { name } => write!(f, "- {name}"),
            Change::Price { name, before, after } => write!(f, "~ {name}: {before} → {after}"),
        }
    }
}

impl Change {
    /// The largest factor by which a figure rises or falls; from or to 0 it is infinite.
    #[must_use]
    pub fn jump(&self) -> f64 {
        let Change::Price { before, after, .. } = self else { return 1.0 };
        let jump = |(component, old): (Component, u64)| match (old, after.get(component)) {
            (_, None) => 1.0,
            (0, Some(0)) => 1.0,
            (0, Some(_)) | (_, Some(0)) => f64::INFINITY,
            (old, Some(new)) => (new as f64 / old as f64).max(old as f64 / new as f64),
        };
        before.given().map(jump).fold(1.0, f64::max)
    }
}

/// What an update comes to.
#[derive(Debug, Clone)]
pub struct Update {
    /// The new catalogue's text.
    pub text: String,
    /// Its rows.
    pub rows: usize,
    /// What is different, by provider and model.
    pub changes: Vec<Change>,
}

type Key = (String, String);

/// Merges `feeds` into `catalog`, in their order. Prices are compared as of `today`.
///
/// # Errors
/// See [`Refusal`].
pub fn merge(catalog: &Catalog, feeds: &[Feed], today: Day, limits: &Limits) -> Result<Update, Refusal> {
    let key = |row: &Row| (row.provider.clone(), row.model.clone());
    let before: BTreeMap<Key, Row> = catalog.rows().map(|row| (key(&row), row)).collect();
    let (mut rows, mut sources) = (before.clone(), catalog.sources().to_vec());
    for feed in feeds {
        check(&rows, &sources, feed, limits)?;
        if feed.whole {
            rows = feed.rows.iter().map(|row| (key(row), row.clone())).collect();
            sources.clone_from(&feed.sources);
            continue;
        }
        let Some(source) = feed.sources.first() else { continue };
        sources.retain(|one| one.letter != source.letter);
        sources.push(source.clone());
        let letter = source.letter.as_str();
        let theirs: BTreeSet<Key> = feed.rows.iter().map(key).collect();
        rows.retain(|key, row| theirs.contains(key) || forget(row, letter));
        for row in &feed.rows {
            match rows.entry(key(row)) {
                std::collections::btree_map::Entry::Vacant(vacant) => _ = vacant.insert(row.clone()),
                std::collections::btree_map::Entry::Occupied(known) => join(known.into_mut(), row, letter, today),
            }
        }
    }
    share_versions(&mut rows, today);
    let changes = changes(&before, &rows, today);
    let jumps: Vec<&Change> = changes.iter().filter(|change| change.jump() > limits.jump).collect();
    if let Some(first) = jumps.first() {
        return Err(Refusal::Jumps { count: jumps.len(), factor: limits.jump, first: first.to_string() });
    }
    for (key, row) in &mut rows {
        if let Some(old) = before.get(key) {
            history::remember(old, row, today);
        }
    }
    let mut rows: Vec<Row> = rows.into_values().collect();
    rows.iter_mut().for_each(Row::sort);
    let text = Catalog::write(&sources, &mut rows);
    Ok(Update { text, rows: rows.len(), changes })
}

fn check(rows: &BTreeMap<Key, Row>, sources: &[Source], feed: &Feed, limits: &Limits) -> Result<(), Refusal> {
    for source in &feed.sources {
        if let Some(known) = sources.iter().find(|known| known.letter == source.letter && known.as_of > source.as_of) {
            return Err(Refusal::Older {
                source_name: source.name.clone(),
                now: crate::time::day_text(source.as_of),
                before: crate::time::day_text(known.as_of),
            });
        }
    }
    let of_feed = |row: &&Row| feed.whole || feed.sources.iter().any(|source| row.sources.contains(&source.letter));
    let (before, now) = (rows.values().filter(of_feed).count(), feed.rows.len());
    if (now as f64) < before as f64 * limits.rows {
        let source_name = feed.sources.first().map_or_else(String::new, |source| source.name.clone());
        return Err(Refusal::FewRows { source_name, now, before });
    }
    Ok(())
}

/// Takes a source that no longer has the row off it; whether anything is left.
fn forget(row: &mut Row, letter: &str) -> bool {
    row.sources = row.sources.replace(letter, "");
    row.others.retain(|(other, _)| other != letter);
    !row.sources.is_empty()
}

/// What becomes of a row that another source's feed has too.
fn join(known: &mut Row, row: &Row, letter: &str, today: Day) {
    let first = known.sources.starts_with(letter);
    if !known.sources.contains(letter) {
        known.sources += letter;
    }
    known.others.retain(|(other, _)| other != letter);
    let (Some(ours), Some(theirs)) = (known.standard(today).cloned(), row.standard(today).cloned()) else {
        fill(known, row, today);
        return;
    };
    if first {
        let old = std::mem::replace(known, Row { sources: known.sources.clone(), ..row.clone() });
        known.others.clone_from(&old.others);
        // What only the other source had goes on, as long as the two agree.
        if old.sources.len() > 1 && !differ(&ours.rates, &theirs.rates) {
            fill(known, &old, today);
        }
        fill_names(known, &old);
        return;
    }
    if !differ(&ours.rates, &theirs.rates) {
        fill(known, row, today);
        return;
    }
    let late = row.bands.iter().any(|band| {
        band.tier.is_empty() && band.from < theirs.from && band.above == 0 && !differ(&ours.rates, &band.rates)
    });
    fill_names(known, row);
    if late {
        let others = known.sources.replace(letter, "");
        known.bands.clone_from(&row.bands);
        known.others.push((others.chars().take(1).collect(), ours.rates));
        known.sources = format!("{letter}{others}");
    } else {
        known.others.push((letter.to_owned(), theirs.rates));
    }
}

/// Adds what only the other source says, where the two agree on what both say.
fn fill(known: &mut Row, row: &Row, today: Day) {
    // Where the other source knows since when, and until when, the price holds, it holds then.
    let dates = row.bands.iter().map(|band| band.from).max().filter(|from| *from > 0);
    if let Some(current) = dates.and_then(|_| row.standard(today)) {
        for band in known.bands.iter_mut().filter(|band| band.from == 0 && band.until.is_none()) {
            (band.from, band.until) = (current.from, current.until);
        }
    }
    for band in &row.bands {
        match known.bands.iter_mut().find(|one| one.is_alike(band)) {
            Some(one) => {
                for (component, pico) in band.rates.given() {
                    if one.rates.get(component).is_none() {
                        one.rates.set(component, pico);
                    }
                }
            }
            // A history of the standard price, and tiers of its own; hours only where there are none yet.
            None if band.windows.is_none() => known.bands.push(band.clone()),
            None => {}
        }
    }
    fill_names(known, row);
}

fn fill_names(known: &mut Row, row: &Row) {
    known.aliases.extend(row.aliases.iter().cloned());
    for (kind, pico) in &row.per {
        if known.per(kind).is_none() {
            known.per.push((kind.clone(), *pico));
        }
    }
    for (region, factor) in &row.factors {
        if !known.factors.iter().any(|(name, _)| name == region) {
            known.factors.push((region.clone(), *factor));
        }
    }
    known.retire = known.retire.or(row.retire);
}

/// A dated version has what its model has, tier by tier, where the two have the same standard price: lists often give the
/// tiers of the model alone.
fn share_versions(rows: &mut BTreeMap<Key, Row>, today: Day) {
    let mut models: BTreeMap<Key, Key> = BTreeMap::new();
    for (key, row) in rows.iter() {
        for alias in row.aliases.iter().filter(|alias| !alias.ends_with('*')) {
            models.insert((row.provider.clone(), alias.clone()), key.clone());
        }
    }
    let model_of = |key: &Key| {
        let undated = super::name::without_date(&key.1).map(|name| (key.0.clone(), name.to_owned()));
        models.get(key).cloned().or(undated)
    };
    let versions: Vec<(Key, Row)> =
        rows.keys().filter_map(|key| Some((key.clone(), rows.get(&model_of(key)?)?.clone()))).collect();
    for (key, model) in versions {
        let Some(version) = rows.get_mut(&key) else { continue };
        let standard = |row: &Row| row.standard(today).map(|band| band.rates);
        if standard(version).is_some() && standard(version) == standard(&model) {
            let aliases = version.aliases.clone();
            let retire = version.retire;
            fill(version, &model, today);
            // Names and the day of its end are its own.
            (version.aliases, version.retire) = (aliases, retire);
        }
    }
}

/// Whether two standard prices differ by more than 2 % in what both of them give.
pub(super) fn differ(a: &Rates, b: &Rates) -> bool {
    a.given().any(|(component, left)| {
        b.get(component).is_some_and(|right| {
            let far = u128::from(left.abs_diff(right)) * 50;
            far > u128::from(left.max(right))
        })
    })
}

fn changes(before: &BTreeMap<Key, Row>, after: &BTreeMap<Key, Row>, today: Day) -> Vec<Change> {
    let rates = |row: &Row| row.standard(today).map(|band| band.rates).unwrap_or_default();
    let keys: BTreeSet<&Key> = before.keys().chain(after.keys()).collect();
    let change = |key: &&Key| {
        let name = format!("{}/{}", key.0, key.1);
        match (before.get(*key), after.get(*key)) {
            (None, Some(row)) => Some(Change::Added { name, rates: rates(row) }),
            (Some(_), None) => Some(Change::Removed { name }),
            (Some(old), Some(new)) if rates(old) != rates(new) => {
                Some(Change::Price { name, before: rates(old), after: rates(new) })
            }
            _ => None,
        }
    };
    keys.iter().filter_map(change).collect()
}
