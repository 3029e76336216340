//! A second opinion: what the crate genai-prices makes of every model that both know, and why where it makes something else.
//! The table in `docs/pricing.md` is this test's; `WEIR_BLESS=1` writes it anew.

// A test's helpers, which the lints cannot know for one.
#![allow(clippy::unwrap_used, clippy::panic)]

use std::time::{Duration, UNIX_EPOCH};

use genai_prices::{PriceRequest, Usage as Theirs, UsageKey};
use meter::catalog::{Catalog, Row};
use meter::cost::{Ask, Book, Listing, Prices};
use meter::time;
use meter::usage::{Class, Usage};

/// A Monday, at noon UTC.
const NOON: &str = "2026-11-23T12:00:00.000000000Z";

/// Tokens that are asked about, so that figures are USD per million.
const TOKENS: u64 = 1_000_000;

/// Differences that no rule explains.
const REASONS: &[(&str, &str, &str)] = &[
    ("azure", "gpt-4-turbo", "LiteLLM has Azure's price of a region, 10 % above the list"),
    ("azure", "gpt-4o-mini-tts", "speech: LiteLLM has the price of text out, the crate that of audio"),
    ("openai", "gpt-4o-mini-tts", "speech: LiteLLM has the price of text out, the crate that of audio"),
];

/// USD per million tokens of input, output and cached input, where known.
type Figures = [Option<f64>; 3];

fn ours(prices: &Prices, row: &Row) -> Figures {
    [Class::Input, Class::Output, Class::CachedInput].map(|class| {
        let usage = Usage::default().with(class, 1);
        let at = time::parse(NOON.as_bytes())?;
        // One token, so that no threshold is met; the catalogue's figures are whole in a million of them.
        let models = [None, Some(row.model.as_str()), None];
        let ask = Ask { provider: &row.provider, models, at, usage: Some(&usage), exact: true, ..Ask::default() };
        let explained = prices.explain(&ask);
        explained.steps.first().and_then(|(_, _, pico)| *pico).map(|pico| pico as f64 / 1e6)
    })
}

/// What the crate says, if it knows the model under the same name.
fn theirs(row: &Row) -> Option<Figures> {
    let provider = match row.provider.as_str() {
        "aws-bedrock" => "aws",
        "moonshot" => "moonshotai",
        "xai" => "x-ai",
        other => other,
    };
    let noon = UNIX_EPOCH + Duration::from_nanos(time::parse(NOON.as_bytes())?);
    let price = |keys: &[UsageKey]| {
        let mut usage = Theirs::new();
        usage.insert(UsageKey::INPUT_TOKENS, 0.0);
        for key in keys {
            usage.insert(key.clone(), 1.0);
        }
        let request = PriceRequest::new(&row.model, &usage).with_provider_id(provider).with_timestamp(noon);
        let priced = genai_prices::calculate(&request).ok()?;
        (priced.provider_id == provider && priced.model_id == row.model).then_some(priced.total_price * TOKENS as f64)
    };
    let per_request = price(&[])?;
    let figure = |keys: &[UsageKey]| price(keys).map(|usd| usd - per_request);
    Some([
        figure(&[UsageKey::INPUT_TOKENS]),
        figure(&[UsageKey::OUTPUT_TOKENS]),
        figure(&[UsageKey::INPUT_TOKENS, UsageKey::CACHE_READ_TOKENS]),
    ])
}

fn far(ours: Option<f64>, theirs: Option<f64>, share: f64) -> bool {
    match (ours, theirs) {
        (Some(ours), Some(theirs)) => (ours - theirs).abs() > 1e-6 + share * ours.max(theirs),
        // What one has no price for, and the other gives 0 for, is priced by neither.
        (Some(one), None) | (None, Some(one)) => one > 1e-6,
        (None, None) => false,
    }
}

fn differ(ours: &Figures, theirs: &Figures, share: f64) -> bool {
    ours.iter().zip(theirs).any(|(ours, theirs)| far(*ours, *theirs, share))
}

fn reason(row: &Row, ours: &Figures, theirs: &Figures) -> String {
    let only_cached = !differ(&[ours[0], ours[1], None], &[theirs[0], theirs[1], None], 0.0001);
    let by_hand = REASONS.iter().find(|(provider, model, _)| (*provider, *model) == row.key());
    if let Some((_, _, reason)) = by_hand {
        (*reason).to_owned()
    } else if row.others.iter().any(|(letter, _)| letter == "G") {
        "the sources differ, and LiteLLM's figures are taken".to_owned()
    } else if row.sources.starts_with('G') {
        "the price has changed since the crate was made".to_owned()
    } else if row.mode == "image_generation" {
        "makes images: Weir bills its output as images".to_owned()
    } else if only_cached && (theirs[2] == theirs[0] || ours[2] == ours[0]) {
        "only one of them has a price for cached input".to_owned()
    } else if !differ(ours, theirs, 0.02) {
        "less than 2 %: one of them is rounded".to_owned()
    } else if row.standard(time::parse_day("2026-11-23").unwrap()).is_some_and(|band| band.from > 0) {
        "the price has changed since the crate was made".to_owned()
    } else {
        panic!("{row} differs without a reason: {ours:?}, {theirs:?}")
    }
}

fn show(figures: &Figures) -> String {
    let show = |figure: &Option<f64>| figure.map_or("–".to_owned(), |usd| format!("{}", (usd * 1e6).round() / 1e6));
    figures.iter().map(show).collect::<Vec<_>>().join(" / ")
}

#[test]
fn every_difference_from_genai_prices_has_its_reason() {
    let catalog = Catalog::embedded();
    let listing = |row: Row| (row.provider.clone(), Listing { provider: row.provider, region: None });
    let listings = catalog.rows().map(listing).collect();
    let prices = Prices::from(Book { listings, ..Book::default() });
    let (mut shared, mut rows) = (0, Vec::new());
    for row in catalog.rows() {
        let Some(theirs) = theirs(&row) else { continue };
        shared += 1;
        let ours = ours(&prices, &row);
        if differ(&ours, &theirs, 0.0001) {
            let (ours, theirs, reason) = (show(&ours), show(&theirs), reason(&row, &ours, &theirs));
            rows.push(format!("| {} | `{}` | {ours} | {theirs} | {reason} |\n", row.provider, row.model));
        }
    }
    assert!(shared > 2000, "{shared} models are known to both");
    let mut table = format!(
        "Of {shared} models that both know under the same name, {} cost the same and {} do not.\n\n\
         | Provider | Model | Weir | genai-prices | Why |\n|---|---|---|---|---|\n",
        shared - rows.len(),
        rows.len()
    );
    table.extend(rows);
    check(&table);
}

fn check(table: &str) {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/pricing.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (begin, end) = ("<!-- begin: rendered by crates/meter/tests/second_opinion.rs -->\n\n", "\n<!-- end -->");
    let (before, rest) = page.split_once(begin).unwrap();
    let (found, after) = rest.split_once(end).unwrap();
    if std::env::var_os("WEIR_BLESS").is_some() {
        std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
    } else {
        assert!(found == table, "docs/pricing.md is not what the code says; WEIR_BLESS=1 writes it anew:\n{table}");
    }
}
