//! What the store holds, and what others have pushed.

use meter::decimal;
use store::library::Held;

use super::Page;

/// What the page says of the store.
#[derive(Debug, Clone, Default)]
pub struct StoreState {
    /// Whether the journal's files can be made into segments.
    pub sound: bool,
    /// Lines that are in the journal only.
    pub unsealed: u64,
    /// Whose lines, and what segments hold of them.
    pub held: Vec<(&'static str, Held)>,
}

/// What became of entries that others pushed.
#[derive(Debug, Clone, Copy, Default)]
pub struct PushState {
    /// They are kept.
    pub stored: u64,
    /// They were there already.
    pub repeated: u64,
    /// They were refused.
    pub refused: u64,
    /// Bytes of those that are held in memory, in no segment yet.
    pub bytes: u64,
}

/// A metric of what segments hold: its name, its help text, its value if there is one.
type OfHeld = (&'static str, &'static str, fn(&Held) -> Option<String>);

pub(super) fn render(page: &mut Page, store: &StoreState, pushed: &PushState) {
    page.gauge("weir_store_up", "1 while files of the journal can be made into segments.", u64::from(store.sound));
    page.gauge("weir_store_unsealed_lines", "Lines of the journal that are in no segment yet.", store.unsealed);
    let all: [OfHeld; 6] = [
        ("weir_store_segments", "Segments.", |held| Some(held.segments.to_string())),
        ("weir_store_bytes", "Size of the segments.", |held| Some(held.bytes.to_string())),
        ("weir_store_lines", "Lines in segments.", |held| Some(held.lines.to_string())),
        (
            "weir_store_oldest_timestamp_seconds",
            "The least time of a line in a segment, in seconds since 1970.",
            |held| held.oldest.map(seconds),
        ),
        ("weir_store_newest_timestamp_seconds", "The greatest time of a line in a segment.", |held| {
            held.newest.map(seconds)
        }),
        ("weir_store_damaged_segments", "Segments that were set aside because they cannot be read.", |held| {
            Some(held.damaged.to_string())
        }),
    ];
    for (name, help, value) in all {
        page.head(name, "gauge", help);
        for (of, held) in &store.held {
            if let Some(value) = value(held) {
                page.row(name, &format!("of=\"{of}\""), value);
            }
        }
    }
    page.head("weir_pushed_entries_total", "counter", "Entries that others pushed, by what became of them.");
    for (result, count) in [("stored", pushed.stored), ("repeated", pushed.repeated), ("refused", pushed.refused)] {
        page.row("weir_pushed_entries_total", &format!("result=\"{result}\""), count);
    }
    page.gauge(
        "weir_pushed_bytes",
        "Memory of entries that others pushed and that are in no segment yet.",
        pushed.bytes,
    );
}

fn seconds(nanos: i64) -> String {
    let text = decimal::to_string(nanos.unsigned_abs(), 9);
    if nanos < 0 { format!("-{text}") } else { text }
}
