//! Lists of prices: any text is taken or refused with a reason, and what is taken is a catalogue.

use meter::catalog::{Catalog, Feed, Limits, merge};

/// A day on which feeds are read: 2026-11-23.
const TODAY: u32 = 20_780;

/// Checks one feed.
pub fn check(bytes: &[u8]) {
    let feed = match Feed::read(bytes, TODAY) {
        Ok(feed) => feed,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    assert!(!feed.rows.is_empty());
    let Ok(empty) = Catalog::parse("# weir prices 1\n".to_owned()) else { return assert!(bytes.is_empty()) };
    let limits = Limits { jump: f64::INFINITY, rows: 0.0 };
    let Ok(update) = merge(&empty, std::slice::from_ref(&feed), TODAY, &limits) else { return };
    let catalog = Catalog::parse(update.text.clone()).unwrap_or_else(|error| panic!("{error}\n{}", update.text));
    assert_eq!(catalog.rows().count(), update.rows);
    for row in catalog.rows() {
        assert_eq!(row.to_string().parse(), Ok(row.clone()));
        assert!(catalog.find(&row.provider, &row.model).is_some_and(|(found, _)| found == row), "{row}");
        assert!(catalog.has_provider(&row.provider));
        let _ = meter::cost::Price::from_row(&row, TODAY).cost(&meter::usage::Usage::default());
    }
    // The same again changes nothing.
    if let Ok(again) = merge(&catalog, &[feed], TODAY, &limits) {
        assert_eq!(again.changes, [], "{}", update.text);
    }
}
