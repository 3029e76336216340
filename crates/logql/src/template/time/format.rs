//! A moment by a layout.

use std::fmt::Write;

use super::Time;
use super::civil::{DAYS, MONTHS};
use super::layout::{self, Piece};

pub(super) fn format(time: &Time, layout: &str) -> String {
    let mut out = String::with_capacity(layout.len() + 16);
    let mut rest = layout;
    while let Some((before, piece, after)) = layout::next(rest) {
        out.push_str(before);
        // Writing to a string cannot fail.
        let _ = put(time, piece, &mut out);
        rest = after;
    }
    out.push_str(rest);
    out
}

fn put(time: &Time, piece: Piece, out: &mut String) -> std::fmt::Result {
    let civil = time.civil();
    let hour12 = (civil.hour + 11) % 12 + 1;
    let month = MONTHS[(civil.month as usize - 1) % 12];
    let weekday = DAYS[civil.weekday as usize % 7];
    match piece {
        Piece::LongMonth => out.push_str(month),
        Piece::Month => out.push_str(&month[..3]),
        Piece::NumMonth => write!(out, "{}", civil.month)?,
        Piece::ZeroMonth => write!(out, "{:02}", civil.month)?,
        Piece::LongWeekday => out.push_str(weekday),
        Piece::Weekday => out.push_str(&weekday[..3]),
        Piece::Day => write!(out, "{}", civil.day)?,
        Piece::UnderDay => write!(out, "{:2}", civil.day)?,
        Piece::ZeroDay => write!(out, "{:02}", civil.day)?,
        Piece::UnderYearDay => write!(out, "{:3}", civil.day_of_year())?,
        Piece::ZeroYearDay => write!(out, "{:03}", civil.day_of_year())?,
        Piece::Hour => write!(out, "{:02}", civil.hour)?,
        Piece::Hour12 => write!(out, "{hour12}")?,
        Piece::ZeroHour12 => write!(out, "{hour12:02}")?,
        Piece::Minute => write!(out, "{}", civil.minute)?,
        Piece::ZeroMinute => write!(out, "{:02}", civil.minute)?,
        Piece::Second => write!(out, "{}", civil.second)?,
        Piece::ZeroSecond => write!(out, "{:02}", civil.second)?,
        Piece::LongYear if civil.year < 0 => write!(out, "-{:04}", -civil.year)?,
        Piece::LongYear => write!(out, "{:04}", civil.year)?,
        Piece::Year => write!(out, "{:02}", civil.year.rem_euclid(100))?,
        Piece::UpperPm => out.push_str(if civil.hour >= 12 { "PM" } else { "AM" }),
        Piece::LowerPm => out.push_str(if civil.hour >= 12 { "pm" } else { "am" }),
        Piece::ZoneName => out.push_str(&zone_name(time)),
        Piece::Offset(zulu, colons, parts) => offset(time.offset, zulu, colons, parts, out)?,
        Piece::Fraction(separator, digits, trim) => fraction(time.nanosecond, separator, digits, trim, out),
    }
    Ok(())
}

/// A zone without a name shows its offset.
fn zone_name(time: &Time) -> String {
    if !time.abbreviation.is_empty() {
        return time.abbreviation.clone();
    }
    let mut name = String::new();
    let _ = offset(time.offset, false, false, 2, &mut name);
    name
}

fn offset(seconds: i32, zulu: bool, colons: bool, parts: u8, out: &mut String) -> std::fmt::Result {
    if zulu && seconds == 0 {
        out.push('Z');
        return Ok(());
    }
    out.push(if seconds < 0 { '-' } else { '+' });
    let total = seconds.unsigned_abs();
    let numbers = [total / 3_600, total / 60 % 60, total % 60];
    for (index, number) in numbers.iter().take(usize::from(parts)).enumerate() {
        if colons && index > 0 {
            out.push(':');
        }
        write!(out, "{number:02}")?;
    }
    Ok(())
}

fn fraction(nanosecond: u32, separator: char, digits: usize, trim: bool, out: &mut String) {
    let all = format!("{nanosecond:09}");
    let mut shown = all.get(..digits).unwrap_or(&all).to_owned();
    if trim {
        shown.truncate(shown.trim_end_matches('0').len());
        if shown.is_empty() {
            return;
        }
    } else {
        // More digits than there are: zeros.
        shown.extend(std::iter::repeat_n('0', digits.saturating_sub(9)));
    }
    out.push(separator);
    out.push_str(&shown);
}
