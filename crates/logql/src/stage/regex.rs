//! Regular expressions as Go reads them (RE2's syntax), over bytes.
//!
//! Go matches characters, and takes each byte that is no part of one for U+FFFD. The engine here matches bytes; its classes of
//! characters never match such a byte. So a text that is not UTF-8 is matched again as Go sees it, and positions are led back.

mod expand;
mod translate;

use std::borrow::Cow;
use std::ops::Range;

use super::ParamError;

/// Bytes of compiled program: Go has limits of the same order.
const SIZE_LIMIT: usize = 10 << 20;

/// A regular expression in Go's syntax.
#[derive(Clone, Debug)]
pub struct Regex {
    engine: ::regex::bytes::Regex,
    names: Vec<Option<String>>,
    source: String,
}

/// Compiles an expression to be found anywhere in a text.
///
/// # Errors
/// In Go's words: ``error parsing regexp: missing closing ): `(` ``.
pub fn compile(text: &str) -> Result<Regex, ParamError> {
    build(text, "", "")
}

/// Compiles an expression that must match all of a text, line breaks included: matchers of streams and labels.
///
/// # Errors
/// As [`compile`].
pub fn compile_anchored(text: &str) -> Result<Regex, ParamError> {
    build(text, "^(?s:", ")$")
}

fn build(text: &str, before: &str, after: &str) -> Result<Regex, ParamError> {
    let translated = translate::translate(text)?;
    let engine = ::regex::bytes::RegexBuilder::new(&format!("{before}{}{after}", translated.pattern))
        .size_limit(SIZE_LIMIT)
        .nest_limit(1_200)
        .build()
        .map_err(|_| ParamError(format!("error parsing regexp: expression too large: `{text}`")))?;
    Ok(Regex { engine, names: translated.names, source: text.to_owned() })
}

impl Regex {
    /// The expression as it was written.
    pub fn as_str(&self) -> &str {
        &self.source
    }

    /// The names of the groups, by number; the whole match, 0, and plain groups have none.
    pub fn names(&self) -> &[Option<String>] {
        &self.names
    }

    /// Whether the expression matches anywhere.
    pub fn is_match(&self, text: &[u8]) -> bool {
        self.engine.is_match(text) || lossy(text).is_some_and(|lossy| self.engine.is_match(lossy.text.as_bytes()))
    }

    /// Where the groups of the first match lie, by number; `None` for a group that took no part.
    pub fn captures(&self, text: &[u8]) -> Option<Vec<Option<Range<usize>>>> {
        match lossy(text) {
            None => self.captures_at(text, 0),
            Some(lossy) => {
                let groups = self.captures_at(lossy.text.as_bytes(), 0)?;
                Some(groups.into_iter().map(|group| group.map(|g| lossy.back(g))).collect())
            }
        }
    }

    fn captures_at(&self, text: &[u8], start: usize) -> Option<Vec<Option<Range<usize>>>> {
        let captures = self.engine.captures_at(text, start)?;
        Some(captures.iter().map(|group| group.map(|g| g.range())).collect())
    }

    /// How many matches there are, one after the other.
    pub fn count(&self, text: &[u8]) -> usize {
        let text = as_text(text);
        let (mut at, mut last_end, mut count) = (0, None, 0);
        while let Some(found) = (at <= text.len()).then(|| self.engine.find_at(&text, at)).flatten() {
            // As Go: an empty match right behind another one does not count.
            if !(found.is_empty() && last_end == Some(found.end())) {
                count += 1;
            }
            last_end = Some(found.end());
            at = if found.is_empty() { next_char(&text, found.end()) } else { found.end() };
        }
        count
    }

    /// `ReplaceAllString`: every match gives way to the template, in which `$1`, `${1}`, `$name` stand for groups. What would
    /// become longer than `limit` bytes is `None`.
    pub fn replace_all(&self, text: &[u8], template: &str, limit: usize) -> Option<Vec<u8>> {
        self.replace(text, limit, |text, groups, out| expand::expand(template, &self.names, text, groups, out))
    }

    /// `ReplaceAllLiteralString`: as [`Regex::replace_all`], with the template taken as it is.
    pub fn replace_all_literal(&self, text: &[u8], with: &str, limit: usize) -> Option<Vec<u8>> {
        self.replace(text, limit, |_, _, out| out.extend_from_slice(with.as_bytes()))
    }

    /// Appends the template with the groups of a match put in, as Go's `Expand` does.
    pub fn expand(&self, template: &str, text: &[u8], groups: &[Option<Range<usize>>], out: &mut Vec<u8>) {
        expand::expand(template, &self.names, text, groups, out);
    }

    fn replace(
        &self,
        text: &[u8],
        limit: usize,
        put: impl Fn(&[u8], &[Option<Range<usize>>], &mut Vec<u8>),
    ) -> Option<Vec<u8>> {
        let text = as_text(text);
        let (mut at, mut copied, mut out) = (0, 0, Vec::with_capacity(text.len()));
        while let Some(groups) = (at <= text.len()).then(|| self.captures_at(&text, at)).flatten() {
            let Some(Some(found)) = groups.first().cloned() else { break };
            out.extend_from_slice(&text[copied..found.start]);
            // As Go: an empty match right behind the previous one is passed over.
            if found.end > copied || found.start == 0 {
                put(&text, &groups, &mut out);
            }
            if out.len() > limit {
                return None;
            }
            copied = found.end;
            at = if found.end > at { found.end } else { next_char(&text, at) };
        }
        out.extend_from_slice(&text[copied.min(text.len())..]);
        (out.len() <= limit).then_some(out)
    }
}

/// Where the character after the one at a place begins.
fn next_char(text: &[u8], at: usize) -> usize {
    let mut next = at + 1;
    while next < text.len() && text[next] & 0xc0 == 0x80 {
        next += 1;
    }
    next
}

fn as_text(text: &[u8]) -> Cow<'_, [u8]> {
    match lossy(text) {
        None => Cow::Borrowed(text),
        Some(lossy) => Cow::Owned(lossy.text.into_bytes()),
    }
}

/// A text that is not UTF-8, as Go sees it.
struct Lossy {
    text: String,
    /// For each replaced byte: where it was, and where its replacement begins.
    replaced: Vec<(usize, usize)>,
}

fn lossy(bytes: &[u8]) -> Option<Lossy> {
    if std::str::from_utf8(bytes).is_ok() {
        return None;
    }
    let mut lossy = Lossy { text: String::with_capacity(bytes.len() + 16), replaced: Vec::new() };
    let mut at = 0;
    for chunk in bytes.utf8_chunks() {
        lossy.text.push_str(chunk.valid());
        at += chunk.valid().len();
        for _ in chunk.invalid() {
            lossy.replaced.push((at, lossy.text.len()));
            lossy.text.push('\u{fffd}');
            at += 1;
        }
    }
    Some(lossy)
}

impl Lossy {
    /// Each replacement is two bytes longer than what it stands for.
    fn back(&self, range: Range<usize>) -> Range<usize> {
        let back = |place: usize| place - 2 * self.replaced.partition_point(|(_, at)| *at < place);
        back(range.start)..back(range.end)
    }
}

#[cfg(test)]
mod tests;
