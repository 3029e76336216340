//! Patterns: lines that differ in some places only, as one text with `<_>` in these places, which `|>` understands.
//!
//! A line is cut into words and the signs between them. Lines of as many words with most words alike are one pattern; where they
//! differ the pattern has `<_>`. This is the idea of Drain (He et al., 2017), with a bound on everything.

use std::collections::{BTreeMap, HashMap};

use logql::eval::{Answer, Context, Request, evaluate};
use logql::syntax::ast::Expr;
use logql::syntax::parse;
use serde_json::json;

use super::parameter::SECOND;
use super::{Asked, Failure};

/// Entries that are looked at, the newest.
const MOST_LINES: usize = 20_000;
/// Patterns that are told of.
const MOST_PATTERNS: usize = 300;
/// Words of a line that are looked at; what comes behind them may be anything.
const MOST_WORDS: usize = 400;
/// So many of ten fixed words must be the same for a line to belong to a pattern.
const ALIKE_OF_TEN: usize = 6;
/// What stands for anything.
const ANY: &str = "<_>";

/// The patterns of a selector's lines.
pub(super) fn patterns(asked: &Asked) -> Result<String, Failure> {
    let (start, end) = asked.parameters.bounds(asked.now)?;
    asked.settings.allows(start, end)?;
    let step = asked.parameters.step(start, end)?;
    let query = parse(asked.parameters.get("query"))?;
    if !matches!(query, Expr::Log(_)) {
        return Err(Failure::bad("only log selector is supported"));
    }
    let mut limits = asked.settings.limits();
    limits.entries = MOST_LINES;
    let request = Request { limit: MOST_LINES, ..Request::range(start, end, 1) };
    let context = Context { limits, watch: asked.patience, now: asked.now, threads: 1 };
    let Answer::Entries(entries) = evaluate(asked.source, &query, &request, &context)?.answer else {
        return Err(Failure::bad("only log selector is supported"));
    };
    let mut miner = Miner::default();
    for entry in &entries {
        let level = entry.metadata.get("detected_level").or_else(|| entry.labels.get("level")).unwrap_or_default();
        miner.add(level, &String::from_utf8_lossy(&entry.line), entry.timestamp.div_euclid(step) * step / SECOND);
    }
    let data = miner.found().into_iter().map(|(pattern, cluster)| {
        let samples: Vec<_> = cluster.counts.iter().map(|(at, count)| json!([at, count])).collect();
        json!({"pattern": pattern, "level": cluster.level, "samples": samples})
    });
    Ok(json!({"status": "success", "data": data.collect::<Vec<_>>()}).to_string())
}

/// See the module.
#[derive(Debug, Default)]
struct Miner {
    clusters: Vec<Cluster>,
    /// Clusters by level, number of words, and first word.
    places: HashMap<(String, usize, String), Vec<usize>>,
}

/// Lines that are alike.
#[derive(Debug)]
struct Cluster {
    level: String,
    /// Words; `None` for anything.
    words: Vec<Option<Box<str>>>,
    counts: BTreeMap<i64, u64>,
}

impl Cluster {
    /// How many fixed words a line shares, if enough.
    fn likeness(&self, words: &[Option<&str>]) -> Option<usize> {
        let pairs = || self.words.iter().zip(words);
        let fixed = pairs().filter(|(own, _)| own.is_some()).count();
        let same = pairs().filter(|(own, word)| own.is_some() && own.as_deref() == **word).count();
        (same * 10 >= fixed * ALIKE_OF_TEN).then_some(same)
    }

    fn take(&mut self, words: &[Option<&str>]) {
        for (own, word) in self.words.iter_mut().zip(words) {
            if own.as_deref() != *word {
                *own = None;
            }
        }
    }

    fn text(&self) -> String {
        let (mut text, mut any) = (String::new(), false);
        for word in &self.words {
            match word {
                Some(word) => text.push_str(word),
                None if any => {}
                None => text.push_str(ANY),
            }
            any = word.is_none();
        }
        text
    }
}

impl Miner {
    fn add(&mut self, level: &str, line: &str, at: i64) {
        let words = words(line);
        let first = words.iter().flatten().find(|word| word.len() > 1).copied().unwrap_or_default();
        let place = (level.to_owned(), words.len(), first.to_owned());
        let candidates = self.places.entry(place).or_default();
        let best = candidates.iter().filter_map(|at| Some((self.clusters[*at].likeness(&words)?, *at))).max();
        let cluster = match best {
            Some((_, cluster)) => &mut self.clusters[cluster],
            None if self.clusters.len() >= MOST_PATTERNS * 4 => return,
            None => {
                candidates.push(self.clusters.len());
                let words = words.iter().map(|word| word.map(Into::into)).collect();
                self.clusters.push(Cluster { level: level.to_owned(), words, counts: BTreeMap::new() });
                let last = self.clusters.len() - 1;
                &mut self.clusters[last]
            }
        };
        cluster.take(&words);
        *cluster.counts.entry(at).or_default() += 1;
    }

    /// Patterns and what they are of, the most frequent first. What fixes nothing is no pattern.
    fn found(self) -> Vec<(String, Cluster)> {
        let count = |cluster: &Cluster| cluster.counts.values().sum::<u64>();
        let with_text = self.clusters.into_iter().map(|cluster| (cluster.text(), cluster));
        let fixes = |text: &str| text.replace(ANY, "").chars().any(char::is_alphanumeric);
        let mut found: Vec<(String, Cluster)> = with_text.filter(|(text, _)| fixes(text)).collect();
        found.sort_by(|left, right| count(&right.1).cmp(&count(&left.1)).then_with(|| left.0.cmp(&right.0)));
        found.truncate(MOST_PATTERNS);
        found
    }
}

/// A line's words and the signs between them; `None` for what is a number or an id and so differs from line to line, and for
/// what a pattern could not have.
fn words(line: &str) -> Vec<Option<&str>> {
    let (mut words, mut rest) = (Vec::new(), line);
    while let Some(first) = rest.chars().next() {
        if words.len() == MOST_WORDS {
            words.push(None);
            break;
        }
        let of_word = |character: char| character.is_alphanumeric() || matches!(character, '_' | '-' | '.');
        let end = match of_word(first) {
            true => rest.find(|character| !of_word(character)).unwrap_or(rest.len()),
            false => first.len_utf8(),
        };
        let (word, after) = rest.split_at(end);
        words.push((!matches!(word, "<" | ">") && !varies(word)).then_some(word));
        rest = after;
    }
    words
}

/// Whether a word is a number, a time or an id.
fn varies(word: &str) -> bool {
    let digits = word.bytes().filter(u8::is_ascii_digit).count();
    let hex = word.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    digits > 0 && (digits * 2 >= word.len() || (hex && word.len() >= 8))
}

#[cfg(test)]
mod tests {
    use logql::stage::pattern::LinePattern;
    use proptest::prelude::*;

    use super::*;

    fn mined(lines: &[String]) -> Vec<(String, u64)> {
        let mut miner = Miner::default();
        lines.iter().for_each(|line| miner.add("info", line, 0));
        miner.found().into_iter().map(|(text, cluster)| (text, cluster.counts[&0])).collect()
    }

    #[test]
    fn lines_that_differ_in_places_are_one_pattern() {
        let mut lines = Vec::new();
        for number in 0..20 {
            lines.push(format!("user user-{} logged in from 10.0.0.{number} after {number}ms", number * 7));
            lines.push(format!(
                "{{\"event\":\"done\",\"model\":\"{}\",\"n\":{number}}}",
                ["gpt-4", "claude"][number % 2]
            ));
        }
        lines.push("connection lost".to_owned());
        let found = mined(&lines);
        for (pattern, count) in &found {
            let pattern = LinePattern::parse(pattern).unwrap();
            assert_eq!(lines.iter().filter(|line| pattern.matches(line.as_bytes())).count() as u64, *count);
        }
        assert_eq!(
            found,
            [
                ("user <_> logged in from <_> after <_>".to_owned(), 20),
                ("{\"event\":\"done\",\"model\":\"<_>\",\"n\":<_>}".to_owned(), 20),
                ("connection lost".to_owned(), 1),
            ]
        );
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        /// `|>` takes each pattern, whatever the lines are.
        #[test]
        fn patterns_can_be_asked_for(lines in prop::collection::vec("[a-c ]{1,12}|[a-z<>_0-9:\"]{0,9}|x <_> y|\\PC{0,8}", 1..30)) {
            for (pattern, count) in mined(&lines) {
                prop_assert!(LinePattern::parse(&pattern).is_ok(), "{pattern}");
                prop_assert!(count > 0);
            }
        }
    }
}
