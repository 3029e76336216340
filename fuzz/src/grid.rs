//! Grids by the hour and lists of models and of electricity, as others publish them.

use meter::carbon::{Mixes, Series};
use meter::energy::{Models, feed};

/// Any text is taken or refused with a reason; what is taken gives sound figures, and a table that is written reads back.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    if let Ok(series) = Series::parse(text, "DE") {
        assert!(!series.is_empty() && series.len() <= 40_000);
        assert_eq!(series.with(&series), series, "what is known already changes nothing");
        for hour in 0..48 {
            let grams = series.at(1_795_392_000_000_000_000 + hour * 3_600_000_000_000);
            assert!(grams.is_none_or(|grams| (0.0..5000.0).contains(&grams)));
        }
    }
    let (models, mixes) = (Models::default(), Mixes::default());
    if let Ok(update) = feed::models(text, &models, "2026-11-23") {
        assert_eq!(Models::parse(&update.text).map(|table| table.rows().len()), Ok(update.rows));
    }
    if let Ok(update) = feed::mixes(text, &mixes, "2026-11-23") {
        assert_eq!(Mixes::parse(&update.text).map(|table| table.rows().len()), Ok(update.rows));
    }
    if let Ok(table) = Models::parse(text) {
        let again = Models::parse(&Models::to_text(table.sources(), table.rows()));
        assert_eq!(again.map(|again| again.rows() == table.rows()), Ok(true));
    }
}
