//! Reads a moment by a layout, as Go's `time.ParseInLocation` does.

use super::civil::{DAYS, MONTHS, days, days_in};
use super::layout::{self, Piece};
use super::{Time, Zone};

#[derive(Default)]
struct Fields {
    year: Option<i64>,
    month: Option<u32>,
    day: Option<u32>,
    year_day: Option<u32>,
    hour: u32,
    minute: u32,
    second: u32,
    nanosecond: u32,
    pm: Option<bool>,
    offset: Option<i32>,
    utc: bool,
    zone_name: Option<String>,
}

pub(super) fn parse(layout: &str, text: &str, zone: &Zone) -> Option<Time> {
    let mut fields = Fields::default();
    let (mut layout, mut rest) = (layout, text);
    while let Some((before, piece, after)) = layout::next(layout) {
        rest = skip(rest, before)?;
        rest = read(piece, rest, after, &mut fields)?;
        layout = after;
    }
    if !skip(rest, layout)?.is_empty() {
        return None;
    }
    fields.time(zone)
}

/// Text of the layout must stand in the value; runs of spaces match each other.
fn skip<'t>(mut value: &'t str, mut prefix: &str) -> Option<&'t str> {
    while let Some(c) = prefix.chars().next() {
        if c == ' ' {
            if !value.is_empty() && !value.starts_with(' ') {
                return None;
            }
            prefix = prefix.trim_start_matches(' ');
            value = value.trim_start_matches(' ');
            continue;
        }
        value = value.strip_prefix(c)?;
        prefix = &prefix[c.len_utf8()..];
    }
    Some(value)
}

fn read<'t>(piece: Piece, text: &'t str, after: &str, fields: &mut Fields) -> Option<&'t str> {
    let (value, rest);
    match piece {
        Piece::LongYear => {
            (value, rest) = digits(text, 4)?;
            fields.year = Some(i64::from(value));
        }
        Piece::Year => {
            (value, rest) = digits(text, 2)?;
            fields.year = Some(i64::from(value) + if value >= 69 { 1900 } else { 2000 });
        }
        Piece::Month | Piece::LongMonth => {
            let (index, after) = name(text, &MONTHS, piece == Piece::LongMonth)?;
            (fields.month, rest) = (Some(index + 1), after);
        }
        Piece::Weekday | Piece::LongWeekday => (_, rest) = name(text, &DAYS, piece == Piece::LongWeekday)?,
        Piece::NumMonth | Piece::ZeroMonth => {
            (value, rest) = number(text, piece == Piece::ZeroMonth)?;
            fields.month = Some(value).filter(|month| (1..=12).contains(month));
            fields.month?;
        }
        Piece::Day | Piece::UnderDay | Piece::ZeroDay => {
            let text = if piece == Piece::UnderDay { text.strip_prefix(' ').unwrap_or(text) } else { text };
            (value, rest) = number(text, piece == Piece::ZeroDay)?;
            fields.day = Some(value);
        }
        Piece::UnderYearDay | Piece::ZeroYearDay => {
            let padding = text.len() - text.trim_start_matches(' ').len();
            let padding = if piece == Piece::UnderYearDay { padding.min(2) } else { 0 };
            (value, rest) = digits(&text[padding..], 3 - padding)?;
            fields.year_day = Some(value);
        }
        Piece::Hour => {
            (value, rest) = number(text, false)?;
            fields.hour = Some(value).filter(|hour| *hour < 24)?;
        }
        Piece::Hour12 | Piece::ZeroHour12 => {
            (value, rest) = number(text, piece == Piece::ZeroHour12)?;
            fields.hour = Some(value).filter(|hour| *hour <= 12)?;
        }
        Piece::Minute | Piece::ZeroMinute => {
            (value, rest) = number(text, piece == Piece::ZeroMinute)?;
            fields.minute = Some(value).filter(|minute| *minute < 60)?;
        }
        Piece::Second | Piece::ZeroSecond => {
            let (value, after_second) = number(text, piece == Piece::ZeroSecond)?;
            fields.second = Some(value).filter(|second| *second < 60)?;
            rest = unasked_fraction(after_second, after, fields)?;
        }
        Piece::UpperPm | Piece::LowerPm => {
            let words = if piece == Piece::UpperPm { ["AM", "PM"] } else { ["am", "pm"] };
            let index = words.iter().position(|word| text.starts_with(word))?;
            fields.pm = Some(index == 1);
            rest = &text[2..];
        }
        Piece::Offset(zulu, colons, parts) => rest = offset(text, zulu, colons, parts, fields)?,
        Piece::ZoneName => rest = zone_name(text, fields)?,
        Piece::Fraction(_, count, trims) => rest = fraction(text, count, trims, fields)?,
    }
    Some(rest)
}

/// Seconds may have a fraction that the layout does not mention.
fn unasked_fraction<'t>(text: &'t str, layout: &str, fields: &mut Fields) -> Option<&'t str> {
    let asked = matches!(layout::next(layout), Some(("", Piece::Fraction(..), _)));
    let digits = text.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    if asked || digits == 0 {
        return Some(text);
    }
    fields.nanosecond = nanoseconds(&text[1..1 + digits]);
    Some(&text[1 + digits..])
}

fn fraction<'t>(text: &'t str, count: usize, trims: bool, fields: &mut Fields) -> Option<&'t str> {
    let digits = text.strip_prefix(['.', ',']).map_or(0, |rest| rest.bytes().take_while(u8::is_ascii_digit).count());
    if trims && digits == 0 {
        return Some(text);
    }
    let digits = if trims { digits } else { (digits >= count).then_some(count)? };
    fields.nanosecond = nanoseconds(text.get(1..1 + digits)?);
    Some(&text[1 + digits..])
}

fn nanoseconds(digits: &str) -> u32 {
    let digits = &digits[..digits.len().min(9)];
    digits.parse::<u32>().unwrap_or(0) * 10u32.pow(9 - digits.len() as u32)
}

/// Exactly so many digits.
fn digits(text: &str, count: usize) -> Option<(u32, &str)> {
    let digits = text.get(..count).filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))?;
    Some((digits.parse().ok()?, &text[count..]))
}

/// One or two digits; two, if they must be.
fn number(text: &str, two: bool) -> Option<(u32, &str)> {
    digits(text, 2).or_else(|| if two { None } else { digits(text, 1) })
}

fn name<'t>(text: &'t str, names: &[&str], long: bool) -> Option<(u32, &'t str)> {
    for (index, name) in (0..).zip(names) {
        let name = if long { name } else { &name[..3] };
        if text.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name)) {
            return Some((index, &text[name.len()..]));
        }
    }
    None
}

fn offset<'t>(text: &'t str, zulu: bool, colons: bool, parts: u8, fields: &mut Fields) -> Option<&'t str> {
    if zulu && let Some(rest) = text.strip_prefix('Z') {
        fields.utc = true;
        return Some(rest);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (mut rest, mut seconds) = (&text[1..], 0);
    for (index, unit) in [3_600, 60, 1].iter().take(usize::from(parts)).enumerate() {
        if colons && index > 0 {
            rest = rest.strip_prefix(':')?;
        }
        let (value, after) = digits(rest, 2)?;
        // Go: hours up to 24, minutes and seconds below 60.
        let most = if index == 0 { 24 } else { 59 };
        seconds += i32::try_from(value).ok().filter(|value| *value <= most)? * unit;
        rest = after;
    }
    fields.offset = Some(sign * seconds);
    Some(rest)
}

/// `UTC`, `CEST`, `GMT+3`, `+03`: letters in capitals, three or four.
fn zone_name<'t>(text: &'t str, fields: &mut Fields) -> Option<&'t str> {
    if let Some(rest) = text.strip_prefix("UTC") {
        fields.utc = true;
        return Some(rest);
    }
    let letters = text.bytes().take(6).take_while(u8::is_ascii_uppercase).count();
    let length = match letters {
        0 if text.starts_with(['+', '-']) => 3,
        3 if text.starts_with("GMT") && text[3..].starts_with(['+', '-']) => {
            4 + text[4..].bytes().take(2).take_while(u8::is_ascii_digit).count()
        }
        3 => 3,
        4 if text.as_bytes()[3] == b'T' || text.starts_with("WITA") => 4,
        5 if text.as_bytes()[4] == b'T' => 5,
        _ => return None,
    };
    let name = text.get(..length)?;
    if letters == 0 && !name[1..].bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    fields.zone_name = Some(name.to_owned());
    Some(&text[length..])
}

impl Fields {
    fn time(mut self, zone: &Zone) -> Option<Time> {
        match self.pm {
            Some(true) if self.hour < 12 => self.hour += 12,
            Some(false) if self.hour == 12 => self.hour = 0,
            _ => {}
        }
        let year = self.year.unwrap_or(0);
        let days = self.days(year)?;
        let local = days * 86_400 + i64::from(self.hour * 3_600 + self.minute * 60 + self.second);
        let (offset, abbreviation) = self.zone(local, zone);
        Some(Time { seconds: local - i64::from(offset), nanosecond: self.nanosecond, offset, abbreviation })
    }

    fn days(&self, year: i64) -> Option<i64> {
        if let Some(year_day) = self.year_day {
            let length = 337 + days_in(year, 2);
            let day = days(year, 1, 1) + i64::from(year_day) - 1;
            return (1..=length).contains(&year_day).then_some(day);
        }
        let (month, day) = (self.month.unwrap_or(1), self.day.unwrap_or(1));
        (1..=days_in(year, month)).contains(&day).then(|| days(year, month, day))
    }

    fn zone(&self, local: i64, zone: &Zone) -> (i32, String) {
        if self.utc {
            return (0, "UTC".to_owned());
        }
        let here = zone.at_local(local);
        if let Some(offset) = self.offset {
            // An offset that is in force at the place has its name.
            let same = here.0 == offset;
            return (offset, if same { here.1 } else { self.zone_name.clone().unwrap_or_default() });
        }
        match &self.zone_name {
            Some(name) if *name != here.1 => {
                let hours = name.strip_prefix("GMT").and_then(|hours| hours.parse::<i32>().ok());
                (hours.unwrap_or(0) * 3_600, name.clone())
            }
            _ => here,
        }
    }
}
