//! Text into words.

use super::ParseError;
use super::quote::unquote;
use super::token::{FLAGS, FUNCTIONS, KEYWORDS, SIGNS, Token};
use crate::stage::quote::quote;
use crate::stage::units;

/// Where a token begins and ends, in bytes.
#[derive(Clone, Debug)]
pub(super) struct Placed {
    pub(super) token: Token,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// All tokens of `text`, the end included, or those before the first that cannot be read, and why.
pub(super) fn tokens(text: &str) -> (Vec<Placed>, Option<ParseError>) {
    let mut lexer = Lexer { text, at: 0 };
    let mut found = Vec::new();
    loop {
        lexer.skip();
        let start = lexer.at;
        match lexer.token() {
            Ok(token) => {
                let end = token == Token::End;
                found.push(Placed { token, start, end: lexer.at });
                if end {
                    return (found, None);
                }
            }
            Err(message) => {
                let (line, column) = place(text, start);
                return (found, Some(ParseError { message, line, column }));
            }
        }
    }
}

/// The line and column of a byte, counted from 1, in characters. An empty text has neither.
pub(super) fn place(text: &str, at: usize) -> (usize, usize) {
    if text.is_empty() {
        return (0, 0);
    }
    let before = &text[..at];
    let line = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before[line..].chars().count() + 1)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn skip(&mut self) {
        loop {
            let rest = self.rest().trim_start();
            self.at = self.text.len() - rest.len();
            if !rest.starts_with('#') {
                return;
            }
            self.at += rest.find('\n').unwrap_or(rest.len());
        }
    }

    fn token(&mut self) -> Result<Token, String> {
        let rest = self.rest();
        let Some(first) = rest.chars().next() else { return Ok(Token::End) };
        match first {
            '"' => return self.quoted(),
            '`' => return self.raw(),
            '[' => return self.range(),
            '-' => {
                if let Some(token) = self.minus() {
                    return Ok(token);
                }
            }
            '0'..='9' => return self.number(),
            '.' if rest[1..].starts_with(|c: char| c.is_ascii_digit()) => return self.number(),
            c if c.is_alphabetic() || c == '_' => return Ok(self.name()),
            _ => {}
        }
        if let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
            self.at += sign.len();
            return Ok(Token::Word(sign));
        }
        self.at += first.len_utf8();
        Ok(Token::Identifier(first.to_string()))
    }

    fn quoted(&mut self) -> Result<Token, String> {
        let inside = &self.rest()[1..];
        let mut escaped = false;
        for (at, c) in inside.char_indices() {
            match c {
                '\n' => break,
                '"' if !escaped => {
                    self.at += at + 2;
                    return unquote(&inside[..at]).map(Token::Text).map_err(str::to_owned);
                }
                _ => escaped = c == '\\' && !escaped,
            }
        }
        Err("literal not terminated".to_owned())
    }

    fn raw(&mut self) -> Result<Token, String> {
        let inside = &self.rest()[1..];
        let end = inside.find('`').ok_or("literal not terminated")?;
        self.at += end + 2;
        Ok(Token::Text(inside[..end].replace('\r', "")))
    }

    fn range(&mut self) -> Result<Token, String> {
        let inside = &self.rest()[1..];
        let end = inside.find(']').ok_or("missing closing ']' in duration")?;
        let text = &inside[..end];
        let ns = units::parse_prometheus_duration(text).ok_or_else(|| invalid_range(text))?;
        self.at += end + 2;
        Ok(Token::Range(ns))
    }

    /// A flag or a negative duration.
    fn minus(&mut self) -> Option<Token> {
        let rest = self.rest();
        let letters = rest.find(|c: char| !c.is_alphabetic() && c != '-').unwrap_or(rest.len());
        if let Some(flag) = FLAGS.iter().find(|flag| **flag == &rest[..letters]) {
            self.at += flag.len();
            return Some(Token::Flag(flag));
        }
        let ns = self.duration(1)?;
        Some(Token::Duration(ns))
    }

    /// A duration that begins `taken` bytes before its units may; taken if it is one.
    fn duration(&mut self, taken: usize) -> Option<i64> {
        let rest = self.rest();
        let is_part = |c: char| c.is_numeric() || "nuµmshdwy.".contains(c);
        let end = taken + rest[taken..].find(|c| !is_part(c)).unwrap_or(rest.len() - taken);
        if end == taken {
            return None;
        }
        let ns = units::parse_literal_duration(&rest[..end])?;
        self.at += end;
        Some(ns)
    }

    fn bytes(&mut self, taken: usize) -> Option<u64> {
        let rest = self.rest();
        let is_part = |c: char| c.is_numeric() || "BikKMGTP.".contains(c);
        let end = taken + rest[taken..].find(|c| !is_part(c)).unwrap_or(rest.len() - taken);
        if end == taken {
            return None;
        }
        let bytes = units::parse_bytes(&rest[..end]).ok()?;
        self.at += end;
        Some(bytes)
    }

    fn number(&mut self) -> Result<Token, String> {
        let length = number_length(self.rest())?;
        if let Some(ns) = self.duration(length) {
            return Ok(Token::Duration(ns));
        }
        if let Some(bytes) = self.bytes(length) {
            return Ok(Token::Bytes(bytes));
        }
        let text = &self.rest()[..length];
        self.at += length;
        Ok(Token::Number(text.to_owned()))
    }

    fn name(&mut self) -> Token {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        let name = &rest[..end];
        self.at += end;
        let lower = name.to_lowercase();
        if let Some(function) = FUNCTIONS.iter().find(|function| **function == lower) {
            return if is_called(self.rest()) { Token::Function(function) } else { Token::Identifier(name.to_owned()) };
        }
        match KEYWORDS.iter().find(|keyword| **keyword == lower) {
            Some(keyword) => Token::Word(keyword),
            None => Token::Identifier(name.to_owned()),
        }
    }
}

fn invalid_range(text: &str) -> String {
    if text.is_empty() {
        return "empty duration string".to_owned();
    }
    format!("not a valid duration string: {}", quote(text.as_bytes()))
}

/// Whether what follows a name makes it a function: a parenthesis, perhaps behind `by` or `without`.
fn is_called(rest: &str) -> bool {
    let rest = rest.trim_start();
    let grouped = |word: &str| {
        let head = rest.get(..word.len());
        head.is_some_and(|head| head.eq_ignore_ascii_case(word)) && rest[word.len()..].trim_start().starts_with('(')
    };
    rest.starts_with('(') || grouped("by") || grouped("without")
}

/// How many bytes of `text` a Go number takes.
fn number_length(text: &str) -> Result<usize, String> {
    let bytes = text.as_bytes();
    let digits = |mut at: usize, is_digit: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(|byte| is_digit(byte) || *byte == b'_') {
            at += 1;
        }
        at
    };
    let prefix = (bytes[0] == b'0').then(|| bytes.get(1).map(u8::to_ascii_lowercase)).flatten();
    let (hex, start) = match prefix {
        Some(b'x') => (true, 2),
        Some(b'b' | b'o') if bytes.get(2).is_some_and(u8::is_ascii_digit) => return Ok(digits(2, u8::is_ascii_digit)),
        _ => (false, 0),
    };
    let is_digit = if hex { u8::is_ascii_hexdigit } else { u8::is_ascii_digit };
    let mut at = digits(start, is_digit);
    if bytes.get(at) == Some(&b'.') {
        at = digits(at + 1, is_digit);
    }
    let exponent = if hex { b'p' } else { b'e' };
    if bytes.get(at).map(u8::to_ascii_lowercase) == Some(exponent) {
        let signed = at + 1 + usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let end = digits(signed, u8::is_ascii_digit);
        if end == signed {
            return Err("exponent has no digits".to_owned());
        }
        at = end;
    }
    Ok(at)
}
