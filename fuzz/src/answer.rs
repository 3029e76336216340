//! Metering an answer: the same reading at any cuts, in bounded memory, and the figures that a plain reader finds.

use meter::meter::{Format, Meter, Reading};

use super::model::{self, Figures, Tree};

/// How much a meter may hold, printed: a dozen texts of at most 1,024 bytes, a key, a copied object, and 64 KiB of text that
/// nobody takes here, at five characters a byte.
const HELD_PRINTED: usize = 640 << 10;

/// Checks one answer's body in every format.
pub fn check(body: &[u8]) {
    for format in [Format::Json, Format::Events, Format::Opaque] {
        let whole = read(format, &[body]);
        let expected = format!("{whole:?}");
        for pieces in super::cuts(body) {
            assert_eq!(format!("{:?}", read(format, &pieces)), expected, "{format:?} at other cuts");
            times_are_in_order(format, &pieces, &whole);
        }
        memory_is_bounded(format, body);
        match format {
            Format::Json => document(body, &whole),
            Format::Events => stream(body, &whole),
            Format::Opaque => assert!(whole.whole && !whole.readable && whole.answer.usage().is_none()),
        }
    }
}

fn read(format: Format, pieces: &[&[u8]]) -> Reading {
    let mut meter = Meter::start(format);
    let mut over = false;
    for piece in pieces {
        meter.observe(piece, 0);
        assert!(!over || meter.is_over(), "a stream that was over goes on");
        over = meter.is_over();
    }
    meter.finish()
}

fn times_are_in_order(format: Format, pieces: &[&[u8]], whole: &Reading) {
    let mut meter = Meter::start(format);
    for (at, piece) in pieces.iter().enumerate() {
        meter.observe(piece, at as u64);
    }
    let reading = meter.finish();
    assert_eq!(reading.first_token.is_some(), whole.first_token.is_some());
    assert_eq!(reading.last_token.is_some(), whole.last_token.is_some());
    if let (Some(first), Some(last)) = (reading.first_token, reading.last_token) {
        assert!(first <= last && last < pieces.len() as u64, "{first} {last}");
    }
}

/// A meter that has seen the same body over and over holds no more than the few values it is after.
fn memory_is_bounded(format: Format, body: &[u8]) {
    if body.len() < 256 {
        return;
    }
    let mut meter = Meter::start(format);
    for _ in 0..32 {
        meter.observe(body, 0);
    }
    let held = format!("{meter:?}").len();
    assert!(held < HELD_PRINTED, "{held} bytes are held of {}", 32 * body.len());
}

/// What serde_json can read, the meter can; the two may only differ in what is not JSON.
fn document(body: &[u8], reading: &Reading) {
    let Ok(tree) = serde_json::from_slice::<Tree>(body) else { return };
    assert!(reading.whole && reading.readable, "a document that is whole");
    let mut figures = Figures::default();
    figures.read(&tree);
    compare(figures, reading);
}

fn stream(body: &[u8], reading: &Reading) {
    let (mut figures, mut ended) = (Figures::default(), true);
    for event in model::events(body) {
        // An event without its blank line does not count for a client; the meter has read on, so nothing is said of it.
        ended &= model::lines(event).last().is_some_and(|line| model::content(line).is_empty());
        let Some(data) = model::data(event) else { continue };
        if data == b"[DONE]" {
            assert!(reading.whole || !ended, "a stream that said it was over");
            continue;
        }
        let Ok(tree) = serde_json::from_slice::<Tree>(&data) else { return };
        figures.read(&tree);
    }
    if ended {
        assert!(reading.readable, "a stream of whole documents");
        compare(figures, reading);
    }
}

fn compare(figures: Figures, reading: &Reading) {
    if figures.unsure {
        return;
    }
    let found = reading.answer.usage().map(|usage| (usage.input(), usage.output()));
    let expected = (figures.input().is_some() || figures.output.is_some())
        .then(|| (figures.input().unwrap_or(0), figures.output.unwrap_or(0)));
    assert_eq!(found, expected, "input and output tokens");
}
