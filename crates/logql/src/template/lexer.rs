//! Cuts a template into tokens, as Go's lexer does.

/// What a token is. Keywords are tokens of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Error,
    Eof,
    Text,
    LeftDelim,
    RightDelim,
    LeftParen,
    RightParen,
    Space,
    Pipe,
    Assign,
    Declare,
    Char,
    Bool,
    Dot,
    Field,
    Variable,
    Identifier,
    Nil,
    Number,
    CharConstant,
    String,
    RawString,
    Keyword,
}

/// A token with its text and place: a byte of the template, and the line, counted from 1.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) kind: Kind,
    pub(super) text: String,
    pub(super) at: usize,
    pub(super) line: usize,
}

const KEYWORDS: &[&str] = &["block", "break", "continue", "define", "else", "end", "if", "range", "template", "with"];

pub(super) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    start: usize,
    line: usize,
    inside: bool,
    parens: usize,
    done: bool,
}

type Lexed = Result<Kind, String>;

impl<'a> Lexer<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, start: 0, line: 1, inside: false, parens: 0, done: false }
    }

    /// The next token. After an error or the end there is only the end.
    pub(super) fn next(&mut self) -> Token {
        if self.done {
            return self.token(Kind::Eof, String::new());
        }
        loop {
            self.start = self.at;
            let result = if self.inside { self.action().map(Some) } else { self.outside() };
            match result {
                Ok(None) => {}
                Ok(Some(kind)) => {
                    self.done = kind == Kind::Eof;
                    // The end of a text that is trimmed is set by `outside`.
                    return self.token(kind, self.text[self.start..self.at].to_owned());
                }
                Err(words) => {
                    self.done = true;
                    return self.token(Kind::Error, words);
                }
            }
        }
    }

    fn token(&mut self, kind: Kind, text: String) -> Token {
        let line = self.line;
        self.line += self.text[self.start..self.at].matches('\n').count();
        Token { kind, text, at: self.start, line }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn skip(&mut self, length: usize) {
        self.line += self.text[self.at..self.at + length].matches('\n').count();
        self.at += length;
        self.start = self.at;
    }

    /// Text up to an action, a comment (no token), or the action's beginning.
    fn outside(&mut self) -> Result<Option<Kind>, String> {
        let rest = self.rest();
        if rest.is_empty() {
            return Ok(Some(Kind::Eof));
        }
        let length = rest.find("{{").unwrap_or(rest.len());
        if length > 0 {
            let trims = rest[length..].strip_prefix("{{").is_some_and(trims_left);
            let text = if trims { rest[..length].trim_end_matches(is_space) } else { &rest[..length] };
            if text.is_empty() {
                self.skip(length);
                return Ok(None);
            }
            self.at += text.len();
            return Ok(Some(Kind::Text));
        }
        let marker = if trims_left(&rest[2..]) { 2 } else { 0 };
        if rest[2 + marker..].starts_with("/*") {
            return self.comment(2 + marker);
        }
        self.at += 2 + marker;
        self.inside = true;
        self.parens = 0;
        Ok(Some(Kind::LeftDelim))
    }

    fn comment(&mut self, marker: usize) -> Result<Option<Kind>, String> {
        let rest = self.rest();
        let end = rest[marker..].find("*/").ok_or("unclosed comment")? + marker + 2;
        let (trims, length) = right_delim(&rest[end..]).ok_or("comment ends before closing delimiter")?;
        self.skip(end + length);
        if trims {
            self.skip_space();
        }
        Ok(None)
    }

    fn skip_space(&mut self) {
        let rest = self.rest();
        self.skip(rest.len() - rest.trim_start_matches(is_space).len());
    }

    fn action(&mut self) -> Lexed {
        if let Some((trims, length)) = right_delim(self.rest()) {
            if self.parens > 0 {
                return Err("unclosed left paren".to_owned());
            }
            return Ok(self.close(trims, length));
        }
        let Some(c) = self.peek() else { return Err("unclosed action".to_owned()) };
        self.at += c.len_utf8();
        match c {
            _ if is_space(c) => Ok(self.space()),
            '=' => Ok(Kind::Assign),
            ':' if self.peek() == Some('=') => {
                self.at += 1;
                Ok(Kind::Declare)
            }
            ':' => Err("expected :=".to_owned()),
            '|' => Ok(Kind::Pipe),
            '"' => self.quoted('"', Kind::String, "unterminated quoted string"),
            '\'' => self.quoted('\'', Kind::CharConstant, "unterminated character constant"),
            '`' => self.raw(),
            '$' => self.name(Kind::Variable),
            '.' if !self.peek().is_some_and(|c| c.is_ascii_digit()) => self.name(Kind::Field),
            '.' | '+' | '-' | '0'..='9' => self.number(),
            _ if is_word(c) => self.identifier(),
            '(' => {
                self.parens += 1;
                Ok(Kind::LeftParen)
            }
            ')' => {
                self.parens = self.parens.checked_sub(1).ok_or("unexpected right paren")?;
                Ok(Kind::RightParen)
            }
            _ if c.is_ascii_graphic() => Ok(Kind::Char),
            _ => Err(format!("unrecognized character in action: {}", code_point(c))),
        }
    }

    /// The delimiter is a token; the white space that it trims is none.
    fn close(&mut self, trims: bool, length: usize) -> Kind {
        if trims {
            self.skip(length - 2);
        }
        self.at += 2;
        self.inside = false;
        if trims {
            let rest = self.rest();
            let space = rest.len() - rest.trim_start_matches(is_space).len();
            self.at += space;
        }
        Kind::RightDelim
    }

    /// A run of white space; its last character may belong to a ` -}}`.
    fn space(&mut self) -> Kind {
        while let Some(c) = self.peek().filter(|c| is_space(*c)) {
            if right_delim(self.rest()).is_some_and(|(trims, _)| trims) {
                break;
            }
            self.at += c.len_utf8();
        }
        Kind::Space
    }

    fn quoted(&mut self, mark: char, kind: Kind, unterminated: &str) -> Lexed {
        loop {
            let c = self.peek().filter(|c| *c != '\n').ok_or(unterminated)?;
            self.at += c.len_utf8();
            if c == mark {
                return Ok(kind);
            }
            if c == '\\' {
                let c = self.peek().filter(|c| *c != '\n').ok_or(unterminated)?;
                self.at += c.len_utf8();
            }
        }
    }

    fn raw(&mut self) -> Lexed {
        let end = self.rest().find('`').ok_or("unterminated raw quoted string")?;
        self.at += end + 1;
        Ok(Kind::RawString)
    }

    /// The rest of `$name` or `.name`.
    fn name(&mut self, kind: Kind) -> Lexed {
        if self.at_terminator() {
            return Ok(if kind == Kind::Field { Kind::Dot } else { kind });
        }
        self.word()?;
        Ok(kind)
    }

    fn word(&mut self) -> Result<(), String> {
        let rest = self.rest();
        self.at += rest.find(|c| !is_word(c)).unwrap_or(rest.len());
        match self.peek().filter(|_| !self.at_terminator()) {
            Some(c) => Err(format!("bad character {}", code_point(c))),
            None => Ok(()),
        }
    }

    fn identifier(&mut self) -> Lexed {
        self.word()?;
        Ok(match &self.text[self.start..self.at] {
            "true" | "false" => Kind::Bool,
            "nil" => Kind::Nil,
            word if KEYWORDS.contains(&word) => Kind::Keyword,
            _ => Kind::Identifier,
        })
    }

    fn at_terminator(&self) -> bool {
        match self.peek() {
            None => true,
            Some(c) => is_space(c) || matches!(c, '.' | ',' | '|' | ':' | ')' | '(') || self.rest().starts_with("}}"),
        }
    }

    fn number(&mut self) -> Lexed {
        self.at = self.start;
        self.take_one("+-");
        let mut digits = "0123456789_";
        if self.take_one("0") {
            if self.take_one("xX") {
                digits = "0123456789abcdefABCDEF_";
            } else if self.take_one("oO") {
                digits = "01234567_";
            } else if self.take_one("bB") {
                digits = "01_";
            }
        }
        self.take_all(digits);
        if self.take_one(".") {
            self.take_all(digits);
        }
        let exponent = if digits.len() == 11 { "eE" } else { "pP" };
        if (digits.len() == 11 || digits.len() == 23) && self.take_one(exponent) {
            self.take_one("+-");
            self.take_all("0123456789_");
        }
        match self.peek().filter(|c| is_word(*c)) {
            None => Ok(Kind::Number),
            Some(c) => {
                let text = &self.text[self.start..self.at + c.len_utf8()];
                Err(format!("bad number syntax: {}", crate::stage::quote::quote(text.as_bytes())))
            }
        }
    }

    fn take_one(&mut self, set: &str) -> bool {
        let found = self.peek().is_some_and(|c| set.contains(c));
        if found {
            self.at += 1;
        }
        found
    }

    fn take_all(&mut self, set: &str) {
        while self.take_one(set) {}
    }
}

/// Whether what follows `{{` begins with the marker that trims the text before.
fn trims_left(text: &str) -> bool {
    text.starts_with('-') && text[1..].starts_with(is_space)
}

/// Whether a right delimiter comes, whether it trims the text behind, and its length.
fn right_delim(text: &str) -> Option<(bool, usize)> {
    if text.starts_with(is_space) && text[1..].starts_with("-}}") {
        return Some((true, 4));
    }
    text.starts_with("}}").then_some((false, 2))
}

pub(super) fn is_space(c: char) -> bool {
    matches!(c, ' ' | '\t' | '\r' | '\n')
}

fn is_word(c: char) -> bool {
    c == '_' || c.is_alphanumeric()
}

/// `U+0040 '@'`, as Go prints a character.
fn code_point(c: char) -> String {
    if c.is_control() { format!("U+{:04X}", c as u32) } else { format!("U+{:04X} '{c}'", c as u32) }
}
