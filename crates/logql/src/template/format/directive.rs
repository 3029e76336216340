//! `fmt.Sprintf`: reads the format and hands each operand to its verb.

use super::plain;
use super::verb::{Flags, operand};
use crate::template::functions::LONGEST;
use crate::template::value::Value;

/// Go refuses widths and precisions beyond.
const WIDEST: i64 = 1_000_000;

struct Printer<'f, 'v, 'a> {
    format: &'f [u8],
    at: usize,
    values: &'v [Value<'a>],
    /// The operand that comes next.
    next: usize,
    /// Whether operands were chosen by number: then those left over are no mistake.
    reordered: bool,
    good: bool,
    out: Vec<u8>,
}

/// Formats; mistakes show in the result as Go shows them, `%!d(string=foo)`.
///
/// # Errors
/// The result is too long.
pub(in crate::template) fn sprintf(format: &[u8], values: &[Value<'_>]) -> Result<Vec<u8>, String> {
    let mut printer = Printer { format, at: 0, values, next: 0, reordered: false, good: true, out: Vec::new() };
    while let Some(percent) = memchr::memchr(b'%', &format[printer.at..]) {
        printer.out.extend_from_slice(&format[printer.at..printer.at + percent]);
        printer.at += percent + 1;
        printer.directive();
        if printer.out.len() > LONGEST {
            return Err("result too long".to_owned());
        }
    }
    let rest = &format[printer.at..];
    printer.out.extend_from_slice(rest);
    printer.extra();
    Ok(printer.out)
}

impl Printer<'_, '_, '_> {
    fn peek(&self) -> Option<u8> {
        self.format.get(self.at).copied()
    }

    fn directive(&mut self) {
        self.good = true;
        let mut flags = self.flags();
        let mut numbered = self.index();
        self.width(&mut flags, &mut numbered);
        if self.peek() == Some(b'.') {
            self.at += 1;
            if numbered {
                self.good = false;
            }
            numbered = self.index();
            self.precision(&mut flags, &mut numbered);
        }
        if !numbered {
            self.index();
        }
        let rest = &self.format[self.at..];
        let head = &rest[..rest.len().min(4)];
        let verb = head.utf8_chunks().next().map(|chunk| chunk.valid().chars().next().unwrap_or('\u{fffd}'));
        let Some(verb) = verb else {
            self.out.extend_from_slice(b"%!(NOVERB)");
            return;
        };
        self.at += if verb == '\u{fffd}' && !rest.starts_with("\u{fffd}".as_bytes()) { 1 } else { verb.len_utf8() };
        match self.values.get(self.next) {
            _ if verb == '%' => self.out.push(b'%'),
            _ if !self.good => self.mistake(verb, "BADINDEX"),
            None => self.mistake(verb, "MISSING"),
            Some(value) => {
                self.next += 1;
                operand(value, verb, &flags, &mut self.out);
            }
        }
    }

    fn mistake(&mut self, verb: char, word: &str) {
        self.out.extend_from_slice(format!("%!{verb}({word})").as_bytes());
    }

    fn flags(&mut self) -> Flags {
        let mut flags = Flags::default();
        while let Some(byte) = self.peek() {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => break,
            }
            self.at += 1;
        }
        flags.zero = flags.zero && !flags.minus;
        flags
    }

    /// A number in the format, if one comes.
    fn number(&mut self) -> Option<i64> {
        let start = self.at;
        let mut number = 0i64;
        while let Some(digit) = self.peek().filter(u8::is_ascii_digit) {
            number = (number * 10 + i64::from(digit - b'0')).min(WIDEST * 10);
            self.at += 1;
        }
        (self.at > start).then_some(number)
    }

    /// `[3]`: the operand to take next. Whether there was one.
    fn index(&mut self) -> bool {
        if self.peek() != Some(b'[') {
            return false;
        }
        self.reordered = true;
        let body = &self.format[self.at + 1..];
        let Some(end) = memchr::memchr(b']', body) else {
            self.good = false;
            self.at += 1;
            return false;
        };
        let number = std::str::from_utf8(&body[..end]).ok().and_then(|text| text.parse::<usize>().ok());
        self.at += end + 2;
        match number.filter(|number| (1..=self.values.len()).contains(number)) {
            Some(number) => self.next = number - 1,
            None => self.good = false,
        }
        true
    }

    /// `*`: the operand that comes next, if it is an `int`.
    fn starred(&mut self) -> Option<i64> {
        let value = self.values.get(self.next);
        self.next += usize::from(value.is_some());
        match value {
            Some(Value::Int(number) | Value::Int64(number)) if number.abs() <= WIDEST => Some(*number),
            _ => None,
        }
    }

    fn width(&mut self, flags: &mut Flags, numbered: &mut bool) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            match self.starred() {
                Some(width) => {
                    flags.minus = flags.minus || width < 0;
                    flags.zero = flags.zero && !flags.minus;
                    flags.width = Some(width.unsigned_abs() as usize);
                }
                None => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
            *numbered = false;
        } else if let Some(width) = self.number() {
            if *numbered {
                self.good = false;
            }
            match width <= WIDEST {
                true => flags.width = Some(width as usize),
                false => self.out.extend_from_slice(b"%!(BADWIDTH)"),
            }
        }
    }

    fn precision(&mut self, flags: &mut Flags, numbered: &mut bool) {
        if self.peek() == Some(b'*') {
            self.at += 1;
            flags.precision = self.starred().and_then(|number| usize::try_from(number).ok());
            if flags.precision.is_none() {
                self.out.extend_from_slice(b"%!(BADPREC)");
            }
            *numbered = false;
            return;
        }
        let precision = self.number().unwrap_or(0);
        match precision <= WIDEST {
            true => flags.precision = Some(precision as usize),
            false => self.out.extend_from_slice(b"%!(BADPREC)"),
        }
    }

    /// Operands that no verb took.
    fn extra(&mut self) {
        let left = self.values.get(self.next..).unwrap_or_default();
        if self.reordered || left.is_empty() {
            return;
        }
        self.out.extend_from_slice(b"%!(EXTRA ");
        for (index, value) in left.iter().enumerate() {
            if index > 0 {
                self.out.extend_from_slice(b", ");
            }
            if matches!(value, Value::None | Value::Nil) {
                self.out.extend_from_slice(b"<nil>");
                continue;
            }
            self.out.extend_from_slice(value.type_name().as_bytes());
            self.out.push(b'=');
            plain(value, &mut self.out);
        }
        self.out.push(b')');
    }
}
