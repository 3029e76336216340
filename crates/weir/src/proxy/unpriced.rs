//! One warning for each model whose price is not known: a request that costs nobody knows what is never silent.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use meter::record::{MAX_TEXT, Record};

/// Callers can make up names; the metric goes on counting where warnings end.
const MOST_WARNINGS: usize = 200;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unpriced {
    seen: Mutex<HashSet<(String, String)>>,
}

impl Unpriced {
    /// Warns if `record` has tokens, no cost, and a model of which no warning was given before.
    pub(super) fn notice(&self, record: &Record) {
        if record.is_unpriced()
            && let Some(sentence) = self.sentence(record)
        {
            crate::log::say(sentence);
        }
    }

    fn sentence(&self, record: &Record) -> Option<String> {
        let what = &record.what;
        let provider = what.provider.clone().unwrap_or_default();
        let model = what.response_model.as_ref().or(what.target.as_ref()).or(what.model.as_ref())?;
        let model = beginning(model).to_owned();
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.len() >= MOST_WARNINGS || !seen.insert((provider.clone(), model.clone())) {
            return None;
        }
        let tier = what
            .service_tier
            .as_deref()
            .map(beginning)
            .map(|tier| format!(" at the tier {tier:?}"))
            .unwrap_or_default();
        Some(format!(
            "the model {model:?} of provider {provider:?}{tier} has no known price, so its requests have no cost; \
             `weir prices` says what is known, [pricing] in weir.toml sets a price"
        ))
    }
}

/// As much of a text from outside as a Record has of it.
fn beginning(text: &str) -> &str {
    let end = (0..=text.len().min(MAX_TEXT)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_warning_for_a_model() {
        let unpriced = Unpriced::default();
        let mut record = Record::default();
        record.what.model = Some("new\nmodel".to_owned());
        let sentence = unpriced.sentence(&record).unwrap();
        assert!(sentence.contains("new\\nmodel") && !sentence.contains('\n'), "{sentence}");
        assert!(unpriced.sentence(&record).is_none());
        for number in 0..1000 {
            record.what.model = Some(number.to_string());
            let _ = unpriced.sentence(&record);
        }
        assert_eq!(unpriced.seen.lock().unwrap().len(), MOST_WARNINGS);
    }

    #[test]
    fn of_a_long_name_the_beginning_is_kept_and_said() {
        let unpriced = Unpriced::default();
        let mut record = Record::default();
        record.what.service_tier = Some("t".repeat(100_000));
        for number in 0..MOST_WARNINGS {
            let name = Some(format!("{number}{}", "\u{1f30a}".repeat(10_000)));
            let what = &mut record.what;
            (what.model, what.response_model) = if number % 2 == 0 { (name, None) } else { (None, name) };
            assert!(unpriced.sentence(&record).unwrap().len() < 1000);
        }
        let seen = unpriced.seen.lock().unwrap();
        assert_eq!(seen.len(), MOST_WARNINGS);
        assert!(seen.iter().map(|(_, model)| model.len()).sum::<usize>() <= MOST_WARNINGS * MAX_TEXT);
    }
}
