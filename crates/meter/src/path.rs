//! Values that an operator wants out of a document, by path: `metadata.team`. They are found in passing, by the walker that
//! reads the document anyway.
//!
//! A path names keys from the top down; elements of an array stand in the array's place, so `choices.finish_reason` is that
//! of a choice. What is found there and is no string, number, truth or null is [`Found::Container`].

use crate::json::{DEAD, Member, ROOT, Scalar, Visitor, Walker};

/// Keys in a path. The walker remembers no more.
const MAX_KEYS: usize = 10;
/// Bytes of a key. The walker reads no more of one.
const MAX_KEY: usize = 64;
/// Places there can be, so that each has a number of its own.
const MAX_PLACES: usize = 250;

/// Why a path cannot be followed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BadPath {
    /// A key is empty.
    #[error("a path is made of keys with dots between them, such as `metadata.team`")]
    EmptyKey,
    /// Too many keys, or one that is too long.
    #[error("a path has at most 10 keys of at most 64 bytes")]
    TooLong,
    /// Too many places in all.
    #[error("there are more paths than can be looked for")]
    TooMany,
}

/// What stood at a path.
#[derive(Debug, Clone, PartialEq)]
pub enum Found {
    /// A string, of which at most 1,024 bytes are kept.
    Text(String),
    /// A number as written.
    Number(String),
    /// `true` or `false`.
    Bool(bool),
    /// An object or an array.
    Container,
}

/// Paths to look for, each with a number: the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Paths {
    /// By place: 0 is nowhere, 1 the top.
    places: Vec<Place>,
    count: usize,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Place {
    children: Vec<(Box<[u8]>, u8)>,
    /// The paths that end here.
    ends: Vec<usize>,
}

impl Paths {
    /// Adds a path and returns its number.
    ///
    /// # Errors
    /// See [`BadPath`].
    pub fn add(&mut self, path: &str) -> Result<usize, BadPath> {
        let keys: Vec<&[u8]> = path.split('.').map(str::as_bytes).collect();
        if keys.iter().any(|key| key.is_empty()) {
            return Err(BadPath::EmptyKey);
        }
        if keys.len() > MAX_KEYS || keys.iter().any(|key| key.len() > MAX_KEY) {
            return Err(BadPath::TooLong);
        }
        if self.places.len() + keys.len() > MAX_PLACES {
            return Err(BadPath::TooMany);
        }
        if self.places.is_empty() {
            self.places = vec![Place::default(), Place::default()];
        }
        let place = keys.into_iter().fold(ROOT, |place, key| match self.child(place, key) {
            DEAD => self.grow(place, key),
            child => child,
        });
        self.places[usize::from(place)].ends.push(self.count);
        self.count += 1;
        Ok(self.count - 1)
    }

    fn grow(&mut self, place: u8, key: &[u8]) -> u8 {
        let child = self.places.len() as u8;
        self.places.push(Place::default());
        self.places[usize::from(place)].children.push((key.into(), child));
        child
    }

    /// Whether nothing is looked for.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn child(&self, place: u8, key: &[u8]) -> u8 {
        let children = self.places.get(usize::from(place)).map_or(&[][..], |place| &place.children);
        children.iter().find(|(name, _)| **name == *key).map_or(DEAD, |(_, child)| *child)
    }
}

/// What was found so far, by the path's number. Of what comes twice the last counts.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Findings(Vec<Option<Found>>);

impl Findings {
    /// What stood at the path of that number.
    #[must_use]
    pub fn get(&self, path: usize) -> Option<&Found> {
        self.0.get(path)?.as_ref()
    }

    fn set(&mut self, paths: &Paths, place: u8, found: Option<Found>) {
        let ends = paths.places.get(usize::from(place)).map_or(&[][..], |place| &place.ends);
        for end in ends {
            self.0.resize(paths.count, None);
            // The elements of an array stand in its place, and are not what was meant.
            if self.0[*end] != Some(Found::Container) {
                self.0[*end].clone_from(&found);
            }
        }
    }

    fn scalar(&mut self, paths: &Paths, place: u8, scalar: Scalar<'_>) {
        let found = match scalar {
            Scalar::Text(raw) => Some(Found::Text(crate::json::unescape(raw))),
            Scalar::Number(digits) => Some(Found::Number(crate::json::text(digits))),
            Scalar::Literal(b"null") => None,
            Scalar::Literal(word) => Some(Found::Bool(word == b"true")),
        };
        self.set(paths, place, found);
    }

    /// Takes what is wanted out of a member at the top of a document.
    pub(crate) fn take(&mut self, paths: &Paths, key: &[u8], member: &Member<'_>) {
        let top = paths.child(ROOT, key);
        if top != DEAD {
            let mut below = Below { paths, findings: self, top };
            let mut walker = Walker::default();
            walker.feed(member.value, &mut below);
            // A number ends where something else begins.
            walker.feed(b" ", &mut below);
        }
    }
}

/// The value of a member, of which the walker believes that it is a document.
struct Below<'a> {
    paths: &'a Paths,
    findings: &'a mut Findings,
    top: u8,
}

impl Below<'_> {
    fn place(&self, node: u8) -> u8 {
        if node == ROOT { self.top } else { node }
    }
}

impl Visitor for Below<'_> {
    fn child(&mut self, node: u8, key: &[u8]) -> u8 {
        self.paths.child(self.place(node), key)
    }

    fn scalar(&mut self, node: u8, scalar: Scalar<'_>) {
        self.findings.scalar(self.paths, self.place(node), scalar);
    }

    fn container(&mut self, node: u8) {
        self.findings.set(self.paths, self.place(node), Some(Found::Container));
    }
}

/// Finds values beside what another visitor reads. A node of the walker then stands for a pair: the other's node and a place.
#[derive(Debug, Clone, Default)]
pub(crate) struct Beside {
    /// By node, the first one being the root.
    pairs: Vec<(u8, u8)>,
    findings: Findings,
}

impl Beside {
    pub(crate) fn of<'a, V: Visitor>(&'a mut self, paths: &'a Paths, visitor: &'a mut V) -> Both<'a, V> {
        if self.pairs.is_empty() {
            self.pairs.push((ROOT, ROOT));
        }
        Both { paths, beside: self, visitor }
    }

    pub(crate) fn findings(self) -> Findings {
        self.findings
    }

    fn node(&mut self, pair: (u8, u8)) -> u8 {
        if pair == (DEAD, DEAD) {
            return DEAD;
        }
        let known = self.pairs.iter().position(|other| *other == pair);
        let index = known.unwrap_or_else(|| {
            self.pairs.push(pair);
            self.pairs.len() - 1
        });
        // There are a few dozen; were there more, what is wanted beside would be left out.
        u8::try_from(index + 1).unwrap_or_else(|_| {
            self.pairs.truncate(usize::from(u8::MAX));
            DEAD
        })
    }
}

/// See [`Beside`].
pub(crate) struct Both<'a, V> {
    paths: &'a Paths,
    beside: &'a mut Beside,
    visitor: &'a mut V,
}

impl<V> Both<'_, V> {
    fn pair(&self, node: u8) -> (u8, u8) {
        self.beside.pairs.get(usize::from(node).wrapping_sub(1)).copied().unwrap_or_default()
    }
}

impl<V: Visitor> Visitor for Both<'_, V> {
    fn child(&mut self, node: u8, key: &[u8]) -> u8 {
        let (theirs, place) = self.pair(node);
        let child = if theirs == DEAD { DEAD } else { self.visitor.child(theirs, key) };
        let below = match self.paths.child(place, key) {
            // What the other reads as a document of its own, as the response in an event, is one here too.
            DEAD if child == ROOT => ROOT,
            below => below,
        };
        self.beside.node((child, below))
    }

    fn scalar(&mut self, node: u8, scalar: Scalar<'_>) {
        let (theirs, place) = self.pair(node);
        if theirs != DEAD {
            self.visitor.scalar(theirs, scalar);
        }
        self.beside.findings.scalar(self.paths, place, scalar);
    }

    fn container(&mut self, node: u8) {
        let (theirs, place) = self.pair(node);
        if theirs != DEAD {
            self.visitor.container(theirs);
        }
        self.beside.findings.set(self.paths, place, Some(Found::Container));
    }

    fn hears(&self, node: u8) -> bool {
        let (theirs, _) = self.pair(node);
        theirs != DEAD && self.visitor.hears(theirs)
    }

    fn hear(&mut self, node: u8, raw: &[u8]) {
        self.visitor.hear(self.pair(node).0, raw);
    }

    fn wants_raw(&self, node: u8) -> bool {
        let (theirs, _) = self.pair(node);
        theirs != DEAD && self.visitor.wants_raw(theirs)
    }

    fn raw(&mut self, node: u8, value: &[u8]) {
        self.visitor.raw(self.pair(node).0, value);
    }
}

#[cfg(test)]
mod tests;
