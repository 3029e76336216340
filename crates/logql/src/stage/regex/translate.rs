//! From Go's syntax to the engine's: the same language, spelt without what the two read differently.
//!
//! Classes are spelt out (`\d` is ASCII in Go), literal characters are escaped, groups lose their names, which are kept apart.

mod class;
mod escape;

use super::ParamError;

/// How deep Go lets groups nest.
const DEPTH: usize = 1_000;
/// The largest count that Go allows, alone and multiplied through nesting.
const REPEAT: u32 = 1_000;

pub(super) struct Translated {
    pub(super) pattern: String,
    pub(super) names: Vec<Option<String>>,
}

/// Translates, or says in Go's words what is wrong.
pub(super) fn translate(text: &str) -> Result<Translated, ParamError> {
    let mut parser = Parser { text, at: 0, out: String::with_capacity(text.len() * 2), names: vec![None] };
    parser.run()?;
    Ok(Translated { pattern: parser.out, names: parser.names })
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    out: String,
    names: Vec<Option<String>>,
}

/// What stands before the place where a repetition may come.
#[derive(Clone, Copy, PartialEq)]
enum Before {
    Nothing,
    Something,
    /// A repetition, which began at this byte.
    Repeat(usize),
}

fn fail<T>(what: &str, expression: &str) -> Result<T, ParamError> {
    Err(ParamError(format!("error parsing regexp: {what}: `{expression}`")))
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn eat(&mut self, prefix: &str) -> bool {
        let found = self.rest().starts_with(prefix);
        if found {
            self.at += prefix.len();
        }
        found
    }

    fn run(&mut self) -> Result<(), ParamError> {
        // For each open group: the greatest count inside it is multiplied by its own, so remember what stood before.
        let mut depth = 0usize;
        let mut before = Before::Nothing;
        while let Some(c) = self.peek() {
            let start = self.at;
            self.at += c.len_utf8();
            before = match c {
                '(' => {
                    self.at = start;
                    if self.open()? {
                        depth += 1;
                    }
                    if depth > DEPTH {
                        return fail("expression nests too deeply", self.text);
                    }
                    Before::Nothing
                }
                ')' => {
                    if depth == 0 {
                        return fail("unexpected )", self.text);
                    }
                    depth -= 1;
                    self.out.push(')');
                    Before::Something
                }
                '|' => {
                    self.out.push('|');
                    Before::Nothing
                }
                '*' | '+' | '?' => {
                    self.out.push(c);
                    self.repeat(start, before)?
                }
                '{' => self.counted(start, before)?,
                '[' => {
                    self.at = start;
                    let class = class::parse(self)?;
                    self.out.push_str(&class);
                    Before::Something
                }
                '\\' => {
                    self.at = start;
                    self.escape(before)?
                }
                '.' | '^' | '$' => {
                    self.out.push(c);
                    Before::Something
                }
                _ => {
                    escape::literal(c, &mut self.out);
                    Before::Something
                }
            };
        }
        if depth > 0 { fail("missing closing )", self.text) } else { Ok(()) }
    }

    /// After a repetition's sign: checks what it stands behind, and takes a `?` along.
    fn repeat(&mut self, start: usize, before: Before) -> Result<Before, ParamError> {
        if self.eat("?") {
            self.out.push('?');
        }
        match before {
            Before::Something => Ok(Before::Repeat(start)),
            Before::Nothing => fail("missing argument to repetition operator", &self.text[start..self.at]),
            Before::Repeat(first) => fail("invalid nested repetition operator", &self.text[first..self.at]),
        }
    }

    /// `{2}`, `{2,}`, `{2,5}`; anything else in braces is text.
    fn counted(&mut self, start: usize, before: Before) -> Result<Before, ParamError> {
        let Some((lowest, highest, length)) = counts(&self.text[start..]) else {
            self.out.push_str("\\{");
            return Ok(Before::Something);
        };
        self.at = start + length;
        let beyond = lowest > REPEAT || highest.is_some_and(|highest| highest > REPEAT || highest < lowest);
        if beyond {
            return fail("invalid repeat count", &self.text[start..self.at]);
        }
        self.out.push_str(&match highest {
            Some(highest) => format!("{{{lowest},{highest}}}"),
            None => format!("{{{lowest},}}"),
        });
        self.repeat(start, before)
    }

    /// Everything that begins with `(`. Whether a group was opened: `(?i)` opens none.
    fn open(&mut self) -> Result<bool, ParamError> {
        let start = self.at;
        if self.rest().starts_with("(?P<") || self.rest().starts_with("(?<") {
            return self.named(start);
        }
        if !self.eat("(?") {
            self.at += 1;
            self.out.push('(');
            self.names.push(None);
            return Ok(true);
        }
        let (mut seen, mut negative) = (false, false);
        self.out.push_str("(?");
        loop {
            let Some(c) = self.peek() else { return fail("invalid or unsupported Perl syntax", &self.text[start..]) };
            self.at += c.len_utf8();
            match c {
                'i' | 'm' | 's' | 'U' => seen = true,
                '-' if !negative => (negative, seen) = (true, false),
                ':' | ')' if !negative || seen => {
                    // The engine wants a flag between the mark and the end; Go does not.
                    if c == ')' && self.out.ends_with("(?") {
                        self.out.truncate(self.out.len() - 2);
                        return Ok(false);
                    }
                    self.out.push(c);
                    return Ok(c == ':');
                }
                _ => return fail("invalid or unsupported Perl syntax", &self.text[start..self.at]),
            }
            self.out.push(c);
        }
    }

    fn named(&mut self, start: usize) -> Result<bool, ParamError> {
        let begin = start + if self.rest().starts_with("(?P<") { 4 } else { 3 };
        let Some(length) = self.text[begin..].find('>') else {
            return fail("invalid named capture", &self.text[start..]);
        };
        let name = &self.text[begin..begin + length];
        let whole = &self.text[start..begin + length + 1];
        let valid = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        if !valid {
            // Lookbehind reads `(?<=`: Go takes it for a name that is none.
            return fail("invalid named capture", whole);
        }
        self.names.push(Some(name.to_owned()));
        self.at = begin + length + 1;
        self.out.push('(');
        Ok(true)
    }

    /// Everything that begins with a backslash, outside of classes.
    fn escape(&mut self, before: Before) -> Result<Before, ParamError> {
        if self.eat("\\Q") {
            let (text, length) = match self.rest().split_once("\\E") {
                Some((text, _)) => (text, text.len() + 2),
                None => (self.rest(), self.rest().len()),
            };
            for c in text.chars() {
                escape::literal(c, &mut self.out);
            }
            self.at += length;
            return Ok(if text.is_empty() { before } else { Before::Something });
        }
        for (go, engine) in [("\\A", "\\A"), ("\\z", "\\z"), ("\\b", "(?-u:\\b)"), ("\\B", "(?-u:\\B)")] {
            if self.eat(go) {
                self.out.push_str(engine);
                return Ok(Before::Something);
            }
        }
        if let Some((items, negated, length)) = class::perl_or_unicode(self.rest())? {
            self.at += length;
            self.out.push_str(&if negated { format!("[^{items}]") } else { format!("[{items}]") });
            return Ok(Before::Something);
        }
        let (c, length) = escape::character(self.rest())?;
        self.at += length;
        escape::literal(c, &mut self.out);
        Ok(Before::Something)
    }
}

/// Lowest, highest (`None`: no end) and the length of a count in braces.
fn counts(text: &str) -> Option<(u32, Option<u32>, usize)> {
    let body = text.strip_prefix('{')?;
    let end = body.find('}')?;
    let (lowest, highest) = match body[..end].split_once(',') {
        None => (&body[..end], Some(&body[..end])),
        Some((lowest, "")) => (lowest, None),
        Some((lowest, highest)) => (lowest, Some(highest)),
    };
    let number = |text: &str| -> Option<u32> {
        let plain = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        // Go reads no number with a zero in front.
        (plain && !(text.len() > 1 && text.starts_with('0'))).then(|| text.parse().unwrap_or(u32::MAX))
    };
    let highest = match highest {
        None => None,
        Some(text) => Some(number(text)?),
    };
    Some((number(lowest)?, highest, end + 2))
}
