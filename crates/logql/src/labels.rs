//! Sets of labels.

use std::cmp::Ordering;
use std::fmt::{Debug, Display, Formatter, Result};
use std::sync::Arc;

use crate::stage::quote::quote;

/// Names and values, sorted by name, each name once. A copy costs nothing.
///
/// ```
/// use logql::Labels;
///
/// let labels = Labels::new([("model", "gpt-4"), ("app", "llm-proxy")]);
/// assert_eq!(labels.get("model"), Some("gpt-4"));
/// assert_eq!(labels.to_string(), r#"{app="llm-proxy", model="gpt-4"}"#);
/// ```
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct Labels(Option<Arc<Pairs>>);

/// All names and values, one behind the other: a set has two places in memory, however many labels it has.
#[derive(PartialEq, Eq, Hash)]
struct Pairs {
    text: Box<str>,
    /// Where each name and each value ends.
    ends: Box<[u32]>,
}

impl Labels {
    /// Of pairs in any order; of several with one name the last counts.
    pub fn new<N: AsRef<str>, V: AsRef<str>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|left, right| left.0.as_ref().cmp(right.0.as_ref()));
        let mut sorted = Sorted::default();
        for (at, (name, value)) in pairs.iter().enumerate() {
            let again = pairs.get(at + 1).is_some_and(|(next, _)| next.as_ref() == name.as_ref());
            if !again {
                sorted.push(name.as_ref(), |text| text.push_str(value.as_ref()));
            }
        }
        sorted.finish()
    }

    /// The value of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        // A few labels are looked through faster than searched.
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Whether there is a label `name`.
    pub fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Pairs, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        let (text, ends) = match &self.0 {
            Some(pairs) => (&*pairs.text, &*pairs.ends),
            None => ("", [].as_slice()),
        };
        let part = move |at: usize| {
            let begin = if at == 0 { 0 } else { ends[at - 1] };
            &text[begin as usize..ends[at] as usize]
        };
        (0..self.len()).map(move |at| (part(2 * at), part(2 * at + 1)))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.as_ref().map_or(0, |pairs| pairs.ends.len() / 2)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// About how many bytes of memory they take.
    pub(crate) fn bytes(&self) -> usize {
        self.0.as_ref().map_or(0, |pairs| size_of::<Pairs>() + 16 + pairs.text.len() + size_of_val(&*pairs.ends))
    }

    /// Those for whose name `keep` is true.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        let mut sorted = Sorted::default();
        for (name, value) in self.iter().filter(|(name, _)| keep(name)) {
            sorted.push(name, |text| text.push_str(value));
        }
        sorted.finish()
    }

    /// With `name` set to `value`.
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.iter().chain([(name, value)]))
    }
}

/// A set of labels in the making, whose names come sorted.
#[derive(Default)]
pub(crate) struct Sorted {
    text: String,
    ends: Vec<u32>,
}

impl Sorted {
    /// Adds a label, whose value `write` appends.
    pub(crate) fn push(&mut self, name: &str, write: impl FnOnce(&mut String)) {
        self.text.push_str(name);
        self.end();
        write(&mut self.text);
        self.end();
    }

    fn end(&mut self) {
        self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
    }

    /// The labels.
    pub(crate) fn finish(self) -> Labels {
        let Self { text, ends } = self;
        Labels((!ends.is_empty()).then(|| Arc::new(Pairs { text: text.into(), ends: ends.into() })))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Debug for Labels {
    fn fmt(&self, f: &mut Formatter) -> Result {
        Display::fmt(self, f)
    }
}

impl Display for Labels {
    fn fmt(&self, f: &mut Formatter) -> Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{name}={}", quote(value.as_bytes()))?;
        }
        f.write_str("}")
    }
}

#[cfg(test)]
mod tests {
    use super::Labels;

    #[test]
    fn the_last_of_a_name_counts() {
        let labels = Labels::new([("b", "1"), ("a", "2"), ("b", "3")]);
        assert_eq!(labels.to_string(), r#"{a="2", b="3"}"#);
        assert_eq!(labels.with("a", "4").get("a"), Some("4"));
        assert_eq!(labels.filtered(|name| name == "b").len(), 1);
    }
}
