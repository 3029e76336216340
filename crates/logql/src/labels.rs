//! Sets of labels.

use std::fmt::{Display, Formatter, Result};
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
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Labels(Arc<[(Box<str>, Box<str>)]>);

impl Labels {
    /// Of pairs in any order; of several with one name the last counts.
    pub fn new<N: Into<Box<str>>, V: Into<Box<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Self {
        let mut pairs: Vec<(Box<str>, Box<str>)> =
            pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        pairs.dedup_by(|later, kept| {
            let same = later.0 == kept.0;
            if same {
                std::mem::swap(later, kept);
            }
            same
        });
        Self(pairs.into())
    }

    /// The value of `name`, if it has one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.position(name).map(|at| &*self.0[at].1)
    }

    /// Whether there is a label `name`.
    pub fn has(&self, name: &str) -> bool {
        self.position(name).is_some()
    }

    fn position(&self, name: &str) -> Option<usize> {
        // A few labels are looked through faster than searched.
        self.0.iter().position(|(known, _)| **known == *name)
    }

    /// Pairs, by name.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&str, &str)> + Clone {
        self.0.iter().map(|(name, value)| (&**name, &**value))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Those for whose name `keep` is true.
    pub fn filtered(&self, keep: impl Fn(&str) -> bool) -> Self {
        Self(self.0.iter().filter(|(name, _)| keep(name)).cloned().collect())
    }

    /// With `name` set to `value`.
    pub fn with(&self, name: &str, value: &str) -> Self {
        Self::new(self.iter().chain([(name, value)]))
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
