//! Layouts: the pieces of a date, as they would read at `Mon Jan 2 15:04:05 -0700 2006`.

/// A piece of a layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    LongMonth,
    Month,
    NumMonth,
    ZeroMonth,
    LongWeekday,
    Weekday,
    Day,
    UnderDay,
    ZeroDay,
    UnderYearDay,
    ZeroYearDay,
    Hour,
    Hour12,
    ZeroHour12,
    Minute,
    ZeroMinute,
    Second,
    ZeroSecond,
    LongYear,
    Year,
    UpperPm,
    LowerPm,
    ZoneName,
    /// Numbers of a zone: `Z` for UTC or never, with colons, and how many of hours, minutes and seconds.
    Offset(bool, bool, u8),
    /// A fraction of a second: its separator, its digits, and whether zeros at its end go.
    Fraction(char, usize, bool),
}

use Piece::*;

/// From the longest to the shortest among those that begin alike.
const PIECES: &[(&str, Piece)] = &[
    ("January", LongMonth),
    ("Jan", Month),
    ("Monday", LongWeekday),
    ("Mon", Weekday),
    ("MST", ZoneName),
    ("002", ZeroYearDay),
    ("01", ZeroMonth),
    ("02", ZeroDay),
    ("03", ZeroHour12),
    ("04", ZeroMinute),
    ("05", ZeroSecond),
    ("06", Year),
    ("15", Hour),
    ("1", NumMonth),
    ("2006", LongYear),
    ("2", Day),
    ("__2", UnderYearDay),
    ("_2", UnderDay),
    ("3", Hour12),
    ("4", Minute),
    ("5", Second),
    ("PM", UpperPm),
    ("pm", LowerPm),
    ("-07:00:00", Offset(false, true, 3)),
    ("-070000", Offset(false, false, 3)),
    ("-07:00", Offset(false, true, 2)),
    ("-0700", Offset(false, false, 2)),
    ("-07", Offset(false, false, 1)),
    ("Z07:00:00", Offset(true, true, 3)),
    ("Z070000", Offset(true, false, 3)),
    ("Z07:00", Offset(true, true, 2)),
    ("Z0700", Offset(true, false, 2)),
    ("Z07", Offset(true, false, 1)),
];

/// The first piece of a layout, the text before it, and the rest.
pub(super) fn next(layout: &str) -> Option<(&str, Piece, &str)> {
    for (at, c) in layout.char_indices() {
        let rest = &layout[at..];
        if matches!(c, '.' | ',') {
            if let Some((piece, length)) = fraction(rest) {
                return Some((&layout[..at], piece, &rest[length..]));
            }
            continue;
        }
        let Some((text, piece)) = PIECES.iter().find(|(text, _)| rest.starts_with(text)) else { continue };
        // `Jan` and `Mon` within a word are none; `_2006` is a year behind a line.
        let word = matches!(piece, Month | Weekday) && rest[3..].starts_with(|c: char| c.is_ascii_lowercase());
        if word {
            continue;
        }
        if *piece == UnderDay && rest.starts_with("_2006") {
            return Some((&layout[..at + 1], LongYear, &rest[5..]));
        }
        return Some((&layout[..at], *piece, &rest[text.len()..]));
    }
    None
}

/// `.000` or `.999`, not before another digit.
fn fraction(text: &str) -> Option<(Piece, usize)> {
    let separator = text.chars().next()?;
    let digit = text[1..].chars().next().filter(|c| matches!(c, '0' | '9'))?;
    let digits = text[1..].chars().take_while(|c| *c == digit).count();
    if text[1 + digits..].starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    Some((Fraction(separator, digits, digit == '9'), 1 + digits))
}
