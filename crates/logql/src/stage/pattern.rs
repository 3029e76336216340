//! `| pattern "<ip> - <_> \"<method>"`, and the patterns of line filters, `|> "<_>text<_>"`.

use memchr::memmem::Finder;

use super::{ParamError, Sink, names};

/// A piece of a pattern.
#[derive(Clone, Debug)]
enum Part {
    Literal(Box<Finder<'static>>),
    /// `<name>`; `<_>` has no use for what it captures.
    Capture(String),
}

impl Part {
    fn name(&self) -> Option<&str> {
        match self {
            Self::Capture(name) if name != "_" => Some(name),
            _ => None,
        }
    }
}

/// A pattern that makes labels.
#[derive(Clone, Debug)]
pub struct Pattern {
    parts: Vec<Part>,
}

/// A pattern that a whole line must fit.
#[derive(Clone, Debug)]
pub struct LinePattern {
    parts: Vec<Part>,
}

impl Pattern {
    /// Parses a pattern.
    ///
    /// # Errors
    /// In Loki's words: no capture with a name, two captures side by side, a name twice.
    pub fn parse(text: &str) -> Result<Self, ParamError> {
        let parts = parts(text);
        if parts.is_empty() {
            let words = "parse error at line 1, col 1: syntax error: unexpected $end, expecting IDENTIFIER or LITERAL";
            return Err(ParamError(words.to_owned()));
        }
        let names: Vec<&str> = parts.iter().filter_map(Part::name).collect();
        if names.is_empty() {
            return Err(ParamError("at least one capture is required".to_owned()));
        }
        no_neighbours(&parts)?;
        for (at, name) in names.iter().enumerate() {
            if names[..at].contains(name) {
                return Err(ParamError(format!("duplicate capture name ({name}): invalid expression")));
            }
        }
        Ok(Self { parts })
    }

    /// The labels that it may make, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.parts.iter().filter_map(Part::name)
    }

    /// Gives what each capture takes: up to the next piece of text, or all of the rest where that piece does not come; then
    /// the captures that follow take nothing. A line that does not begin as the pattern does has no captures.
    pub fn extract(&self, line: &[u8], sink: &mut Sink<'_>) {
        let mut parts = self.parts.as_slice();
        let mut rest = line;
        if line.is_empty() {
            return;
        }
        if let [Part::Literal(text), after @ ..] = parts {
            let Some(behind) = rest.strip_prefix(text.needle()) else { return };
            (rest, parts) = (behind, after);
        }
        while let [capture, after @ ..] = parts {
            let (taken, next) = match after {
                [Part::Literal(text), ..] => match text.find(rest) {
                    Some(at) => (&rest[..at], Some(&rest[at + text.needle().len()..])),
                    None => (rest, None),
                },
                _ => (rest, None),
            };
            if let Some(name) = capture.name()
                && !sink(name, taken)
            {
                return;
            }
            let Some(next) = next else { return };
            (rest, parts) = (next, after.get(1..).unwrap_or_default());
        }
    }
}

impl LinePattern {
    /// Parses a pattern of a line filter. The empty one fits the empty line.
    ///
    /// # Errors
    /// In Loki's words: two captures side by side, a capture with a name.
    pub fn parse(text: &str) -> Result<Self, ParamError> {
        let parts = parts(text);
        no_neighbours(&parts)?;
        match parts.iter().find_map(Part::name) {
            Some(name) => Err(ParamError(format!("named captures are not allowed: found '<{name}>'"))),
            None => Ok(Self { parts }),
        }
    }

    /// Whether all of the line fits, each capture taking at least one byte up to the first place where the text behind it
    /// stands. There is no second try: `<_> b` does not fit `a b c b`. A text at the pattern's beginning, too, is looked for
    /// anywhere, as Loki does.
    pub fn matches(&self, line: &[u8]) -> bool {
        if line.is_empty() || self.parts.is_empty() {
            return line.is_empty() && self.parts.is_empty();
        }
        let mut at = 0;
        for (index, part) in self.parts.iter().enumerate() {
            let Part::Literal(text) = part else { continue };
            match text.find(&line[at..]) {
                None => return false,
                Some(0) if index > 0 => return false,
                Some(found) => at += found + text.needle().len(),
            }
        }
        matches!(self.parts.last(), Some(Part::Capture(_))) == (at < line.len())
    }
}

fn no_neighbours(parts: &[Part]) -> Result<(), ParamError> {
    for pair in parts.windows(2) {
        if let [Part::Capture(first), Part::Capture(second)] = pair {
            return Err(ParamError(format!("found consecutive capture '<{first}><{second}>': invalid expression")));
        }
    }
    Ok(())
}

/// Cuts a pattern up: `<name>` is a capture, everything else is text.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut begin, mut at) = (0, 0);
    let literal =
        |text: &str| (!text.is_empty()).then(|| Part::Literal(Box::new(Finder::new(text.as_bytes()).into_owned())));
    while let Some(found) = text[at..].find('<') {
        at += found;
        let Some(name) = capture(&text[at..]) else {
            at += 1;
            continue;
        };
        parts.extend(literal(&text[begin..at]));
        parts.push(Part::Capture(name.to_owned()));
        at += name.len() + 2;
        begin = at;
    }
    parts.extend(literal(&text[begin..]));
    parts
}

fn capture(text: &str) -> Option<&str> {
    let body = text.strip_prefix('<')?;
    let name = &body[..body.find('>')?];
    names::is_label_name(name).then_some(name)
}

#[cfg(test)]
mod tests;
