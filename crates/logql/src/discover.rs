//! What there is to ask for: labels, their values, streams.
//!
//! ```
//! use logql::Labels;
//! use logql::discover::{detected_labels, label_names, label_values, series};
//! use logql::source::LabelMatcher;
//! use logql::syntax::parse_matchers;
//!
//! let streams = [
//!     Labels::new([("app", "llm-proxy"), ("level", "info"), ("shard", "1")]),
//!     Labels::new([("app", "llm-proxy"), ("level", "warn"), ("shard", "2")]),
//! ];
//! assert_eq!(label_names(&streams), ["app", "level", "shard"]);
//! assert_eq!(label_values(&streams, "level"), ["info", "warn"]);
//! // Numbers are nothing to choose by.
//! assert_eq!(detected_labels(&streams), [("app".to_owned(), 1), ("level".to_owned(), 2)]);
//!
//! let matchers = parse_matchers(r#"{level=~"w.*"}"#)?;
//! let selector = matchers.iter().map(LabelMatcher::new).collect::<Result<Vec<_>, _>>()?;
//! assert_eq!(series(&streams, &[selector]), [streams[1].clone()]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::collections::{BTreeMap, BTreeSet};

use crate::labels::Labels;
use crate::source::LabelMatcher;

/// The streams that match one of several selectors, or all if there are none; sorted, each once.
pub fn series<'s>(streams: impl IntoIterator<Item = &'s Labels>, selectors: &[Vec<LabelMatcher>]) -> Vec<Labels> {
    let chosen = |labels: &&Labels| {
        selectors.is_empty() || selectors.iter().any(|matchers| LabelMatcher::all_match(matchers, labels))
    };
    streams.into_iter().filter(chosen).cloned().collect::<BTreeSet<_>>().into_iter().collect()
}

/// The names of labels, sorted.
pub fn label_names<'s>(streams: impl IntoIterator<Item = &'s Labels>) -> Vec<String> {
    let names: BTreeSet<&str> = streams.into_iter().flat_map(|labels| labels.iter().map(|(name, _)| name)).collect();
    names.into_iter().map(str::to_owned).collect()
}

/// The values of a label, sorted.
pub fn label_values<'s>(streams: impl IntoIterator<Item = &'s Labels>, name: &str) -> Vec<String> {
    let values: BTreeSet<&str> = streams.into_iter().filter_map(|labels| labels.get(name)).collect();
    values.into_iter().map(str::to_owned).collect()
}

/// Labels that are told in any case, whatever their values look like.
const ALWAYS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// Labels by which it makes sense to choose, and how many values each has: not those whose values are all numbers or UUIDs.
pub fn detected_labels<'s>(streams: impl IntoIterator<Item = &'s Labels>) -> Vec<(String, usize)> {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in streams.into_iter().flat_map(Labels::iter) {
        values.entry(name).or_default().insert(value);
    }
    let told = |name: &str, values: &BTreeSet<&str>| ALWAYS.contains(&name) || !values.iter().all(|value| is_id(value));
    values
        .into_iter()
        .filter(|(name, values)| told(name, values))
        .map(|(name, values)| (name.to_owned(), values.len()))
        .collect()
}

fn is_id(value: &str) -> bool {
    let uuid = || {
        let dashes = [8, 13, 18, 23];
        value.len() == 36
            && value.bytes().enumerate().all(
                |(at, byte)| {
                    if dashes.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
                },
            )
    };
    value.parse::<f64>().is_ok() || uuid()
}
