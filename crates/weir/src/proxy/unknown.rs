//! One warning for each model whose price is not known, and one for each whose energy is not: a request that costs or draws nobody
//! knows what is never silent.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use meter::record::{MAX_TEXT, Record};

/// Callers can make up names; the metric goes on counting where warnings end.
const MOST_WARNINGS: usize = 200;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unknown {
    priceless: Seen,
    unestimated: Seen,
}

/// The providers and models of which a warning was given.
#[derive(Debug, Default)]
struct Seen(Mutex<HashSet<(String, String)>>);

impl Seen {
    /// The provider and the model of a Record, the first time that they are asked for.
    fn first(&self, record: &Record) -> Option<(String, String)> {
        let what = &record.what;
        let model = what.response_model.as_ref().or(what.target.as_ref()).or(what.model.as_ref())?;
        let names = (what.provider.clone().unwrap_or_default(), beginning(model).to_owned());
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        (seen.len() < MOST_WARNINGS && seen.insert(names.clone())).then_some(names)
    }
}

impl Unknown {
    /// Warns if `record` has tokens, no cost or no energy, and a model of which no such warning was given before.
    pub(super) fn notice(&self, record: &Record) {
        if record.is_unpriced()
            && let Some(sentence) = self.no_price(record)
        {
            crate::log::say(sentence);
        }
        if record.is_unestimated()
            && let Some(sentence) = self.no_energy(record)
        {
            crate::log::say(sentence);
        }
    }

    fn no_energy(&self, record: &Record) -> Option<String> {
        let (provider, model) = self.unestimated.first(record)?;
        Some(format!(
            "nobody says how large the model {model:?} of provider {provider:?} is, so its requests have no energy; \
             [energy.models] in weir.toml sets a size, [energy_rates] what it draws"
        ))
    }

    fn no_price(&self, record: &Record) -> Option<String> {
        let (provider, model) = self.priceless.first(record)?;
        let tier = record
            .what
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
        let unknown = Unknown::default();
        let mut record = Record::default();
        record.what.model = Some("new\nmodel".to_owned());
        let sentence = unknown.no_price(&record).unwrap();
        assert!(sentence.contains("new\\nmodel") && !sentence.contains('\n'), "{sentence}");
        assert!(unknown.no_price(&record).is_none());
        let sentence = unknown.no_energy(&record).unwrap();
        assert!(sentence.contains("new\\nmodel") && sentence.contains("energy.models"), "{sentence}");
        assert!(unknown.no_energy(&record).is_none());
        for number in 0..1000 {
            record.what.model = Some(number.to_string());
            let _ = unknown.no_price(&record);
        }
        assert_eq!(unknown.priceless.0.lock().unwrap().len(), MOST_WARNINGS);
    }

    #[test]
    fn of_a_long_name_the_beginning_is_kept_and_said() {
        let unknown = Unknown::default();
        let mut record = Record::default();
        record.what.service_tier = Some("t".repeat(100_000));
        for number in 0..MOST_WARNINGS {
            let name = Some(format!("{number}{}", "\u{1f30a}".repeat(10_000)));
            let what = &mut record.what;
            (what.model, what.response_model) = if number % 2 == 0 { (name, None) } else { (None, name) };
            assert!(unknown.no_price(&record).unwrap().len() < 1000);
        }
        let seen = unknown.priceless.0.lock().unwrap();
        assert_eq!(seen.len(), MOST_WARNINGS);
        assert!(seen.iter().map(|(_, model)| model.len()).sum::<usize>() <= MOST_WARNINGS * MAX_TEXT);
    }
}
