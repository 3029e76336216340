//! `| logfmt`: `key=value key="quoted value" flag`.

use std::borrow::Cow;

use super::json::expression::parse_key;
use super::quote::quote_char;
use super::{ParamError, StageError, WantedSink, names};

/// A logfmt stage with its flags and, if there are any, its expressions.
#[derive(Clone, Debug)]
pub struct Logfmt {
    /// Labels and the keys that they take their values from; empty: every key.
    wanted: Vec<(String, String)>,
    strict: bool,
    keep_empty: bool,
}

impl Logfmt {
    /// Prepares the stage. An empty list takes every key.
    ///
    /// # Errors
    /// In Loki's words: `cannot parse expression […]: …`, `invalid extracted label name '…'`.
    pub fn new(list: &[(String, String)], strict: bool, keep_empty: bool) -> Result<Self, ParamError> {
        let mut wanted = Vec::with_capacity(list.len());
        for (label, text) in list {
            let key = parse_key(text)
                .map_err(|ParamError(words)| ParamError(format!("cannot parse expression [{text}]: {words}")))?;
            if !names::is_label_name(label) {
                return Err(ParamError(format!("invalid extracted label name '{label}'")));
            }
            wanted.push((label.clone(), key));
        }
        Ok(Self { wanted, strict, keep_empty })
    }

    /// Gives every pair in the line's order, a later one of the same name after an earlier one; with expressions, at the end
    /// also the labels that the line has no value for.
    ///
    /// What is wrong with a pair only skips it, unless the stage is strict.
    ///
    /// # Errors
    /// `LogfmtParserErr` at the first fault, if the stage is strict; what came before has been given.
    pub fn extract(&self, line: &[u8], sink: &mut WantedSink<'_>) -> Result<(), StageError> {
        let mut pairs = Pairs { line, at: 0 };
        let mut given = vec![false; self.wanted.len()];
        let mut more = true;
        let mut fault = None;
        while more {
            match pairs.next() {
                None => break,
                Some(Ok((key, value))) => more = self.give(&key, &value, &mut given, sink),
                Some(Err(words)) if self.strict => {
                    fault = Some(StageError { kind: "LogfmtParserErr", details: words });
                    break;
                }
                Some(Err(_)) => {}
            }
        }
        for ((label, _), given) in self.wanted.iter().zip(given) {
            more = more && (given || sink(label, None));
        }
        fault.map_or(Ok(()), Err)
    }

    fn give(&self, key: &[u8], value: &[u8], given: &mut [bool], sink: &mut WantedSink<'_>) -> bool {
        let name = names::sanitize(key);
        if name.is_empty() {
            return true;
        }
        if self.wanted.is_empty() {
            let skipped = value.is_empty() && !self.keep_empty;
            return skipped || sink(&name, Some(&names::clean(value)));
        }
        // As Loki: a key that is called as a label is taken for its value, too; and what is not UTF-8 is dropped whole.
        let value = if matches!(names::clean(value), Cow::Owned(_)) { b"" } else { value };
        let renamed = self.wanted.iter().any(|(_, wanted)| *wanted == *name);
        for (index, (label, wanted)) in self.wanted.iter().enumerate() {
            if *wanted == *name || (!renamed && *label == *name) {
                given[index] = true;
                if !sink(label, Some(value)) {
                    return false;
                }
            }
        }
        true
    }
}

type Pair<'a> = (Cow<'a, [u8]>, Cow<'a, [u8]>);

/// Reads pairs one after the other. After a fault it goes on behind the next white space.
struct Pairs<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Pairs<'a> {
    fn next(&mut self) -> Option<Result<Pair<'a>, String>> {
        let garbage = self.line.get(self.at..)?.iter().position(|byte| *byte > b' ')?;
        self.at += garbage;
        let result = self.pair();
        if let Err((words, skip)) = &result {
            let words = format!("logfmt syntax error at pos {} : {words}", self.at + 1);
            if *skip {
                self.until(|byte| byte <= b' ');
            }
            return Some(Err(words));
        }
        result.ok().map(Ok)
    }

    /// Moves on to the next byte of a kind, or to the end.
    fn until(&mut self, stop: impl Fn(u8) -> bool) {
        let rest = &self.line[self.at..];
        self.at += rest.iter().position(|byte| stop(*byte)).unwrap_or(rest.len());
    }

    fn peek(&self) -> Option<u8> {
        self.line.get(self.at).copied()
    }

    /// A fault comes with whether the rest of the word is to be skipped.
    fn pair(&mut self) -> Result<Pair<'a>, (String, bool)> {
        let start = self.at;
        self.until(|byte| byte == b'=' || byte == b'"' || byte <= b' ');
        let key = &self.line[start..self.at];
        match self.peek() {
            Some(b'"') => return Err((unexpected(b'"'), true)),
            Some(b'=') if key.is_empty() => return Err((unexpected(b'='), true)),
            _ => {}
        }
        let text = std::str::from_utf8(key);
        if text.is_err() || text.is_ok_and(|text| text.contains('\u{fffd}')) {
            return Err(("invalid key".to_owned(), self.peek() == Some(b'=')));
        }
        if self.peek() != Some(b'=') {
            return Ok((Cow::Borrowed(key), Cow::Borrowed(b"")));
        }
        self.at += 1;
        if self.peek() == Some(b'"') {
            return Ok((Cow::Borrowed(key), self.quoted()?));
        }
        let start = self.at;
        self.until(|byte| byte == b'=' || byte == b'"' || byte <= b' ');
        match self.peek() {
            Some(byte @ (b'=' | b'"')) => Err((unexpected(byte), true)),
            _ => Ok((Cow::Borrowed(key), Cow::Borrowed(&self.line[start..self.at]))),
        }
    }

    fn quoted(&mut self) -> Result<Cow<'a, [u8]>, (String, bool)> {
        let begin = self.at + 1;
        let Some((end, escaped)) = super::json::scan::string_end(self.line, begin) else {
            self.at = self.line.len();
            return Err(("unterminated quoted value".to_owned(), false));
        };
        self.at = end;
        let raw = &self.line[begin..end - 1];
        if !escaped {
            return Ok(Cow::Borrowed(raw));
        }
        unquote(raw).map(Cow::Owned).ok_or(("invalid quoted value".to_owned(), false))
    }
}

fn unexpected(byte: u8) -> String {
    format!("unexpected {}", quote_char(char::from(byte)))
}

/// The escapes of JSON, as Go reads them: `\'` is one, half of a surrogate pair is U+FFFD, control characters are refused.
fn unquote(raw: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(raw.len());
    let mut at = 0;
    while let Some(byte) = raw.get(at) {
        match byte {
            b'\\' => at = escape(raw, at, &mut out)?,
            0..=0x1f => return None,
            _ => {
                out.push(*byte);
                at += 1;
            }
        }
    }
    Some(out)
}

fn escape(raw: &[u8], at: usize, out: &mut Vec<u8>) -> Option<usize> {
    let byte = match raw.get(at + 1)? {
        byte @ (b'"' | b'\\' | b'/' | b'\'') => *byte,
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'u' => {
            let high = hex(raw, at)?;
            let low = hex(raw, at + 6).filter(|low| (0xd800..0xdc00).contains(&high) && (0xdc00..0xe000).contains(low));
            let (number, end) = match low {
                Some(low) => (0x1_0000 + ((high - 0xd800) << 10) + (low - 0xdc00), at + 12),
                None => (high, at + 6),
            };
            let c = char::from_u32(number).unwrap_or('\u{fffd}');
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(end);
        }
        _ => return None,
    };
    out.push(byte);
    Some(at + 2)
}

fn hex(raw: &[u8], at: usize) -> Option<u32> {
    let digits = raw.get(at..at + 6).filter(|text| text.starts_with(b"\\u"))?;
    digits[2..].iter().try_fold(0, |number, byte| Some(number * 16 + char::from(*byte).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(list: &[(&str, &str)], strict: bool, keep_empty: bool, line: &[u8]) -> (String, Option<String>) {
        let list: Vec<_> = list.iter().map(|(label, key)| ((*label).to_owned(), (*key).to_owned())).collect();
        let mut found = String::new();
        let result = Logfmt::new(&list, strict, keep_empty).expect("stage").extract(line, &mut |name, value| {
            let value = value.map_or("?".into(), String::from_utf8_lossy);
            found.push_str(&format!("{name}={value} "));
            true
        });
        (found.trim_end().to_owned(), result.err().map(|error| error.details))
    }

    #[test]
    fn pairs() {
        let line =
            r#"ts=2026-11-23T03:00:00Z level=INFO msg="said \"no\"\n" http.path=/a?b flag empty= q="" n=1.5e-05 n=2"#;
        let all = "ts=2026-11-23T03:00:00Z level=INFO msg=said \"no\"\n http_path=/a?b n=1.5e-05 n=2";
        assert_eq!(run(&[], false, false, line.as_bytes()), (all.to_owned(), None));
        let kept = run(&[], false, true, b"flag empty= q=\"\" x=1").0;
        assert_eq!(kept, "flag= empty= q= x=1");
    }

    #[test]
    fn faults_are_skipped_unless_strict() {
        for (line, lenient, strict, error) in [
            (r#"a=1 =2 b=3"#, "a=1 b=3", "a=1", "logfmt syntax error at pos 5 : unexpected '='"),
            (r#"a=1 "x" b=3"#, "a=1 b=3", "a=1", "logfmt syntax error at pos 5 : unexpected '\"'"),
            (r#"a=1 b=c=d e=3"#, "a=1 e=3", "a=1", "logfmt syntax error at pos 8 : unexpected '='"),
            (r#"a=1 b="open"#, "a=1", "a=1", "logfmt syntax error at pos 12 : unterminated quoted value"),
            (r#"a=1 b="\q" c=2"#, "a=1 c=2", "a=1", "logfmt syntax error at pos 11 : invalid quoted value"),
        ] {
            assert_eq!(run(&[], false, false, line.as_bytes()), (lenient.to_owned(), None), "{line}");
            assert_eq!(run(&[], true, false, line.as_bytes()), (strict.to_owned(), Some(error.to_owned())), "{line}");
        }
        assert_eq!(run(&[], true, false, b"a=1 \t "), ("a=1".to_owned(), None));
        let (found, error) = run(&[], true, false, b"a\xff=1 b=2");
        assert_eq!((found.as_str(), error.as_deref()), ("", Some("logfmt syntax error at pos 3 : invalid key")));
        assert_eq!(run(&[], false, false, b"a\xff=1 b=\xff"), ("b= ".trim_end().to_owned(), None));
    }

    #[test]
    fn expressions() {
        let line = br#"model=gpt-4 cost_usd=0.5 cost=9 http.path=/x"#;
        for (list, found) in [
            (&[("model", "model"), ("cost", "cost_usd")][..], "model=gpt-4 cost=0.5 cost=9"),
            (&[("p", "http_path"), ("no", "nope")], "p=/x no=?"),
            (&[("a", "model"), ("b", "model")], "a=gpt-4 b=gpt-4"),
        ] {
            assert_eq!(run(list, false, false, line), (found.to_owned(), None), "{list:?}");
        }
        assert_eq!(run(&[("a", "a"), ("b", "b")], true, false, b"a=1 = b=2").0, "a=1 b=?");
        let refused = Logfmt::new(&[("a".to_owned(), "x y".to_owned())], false, false).map(|_| ());
        assert_eq!(
            refused,
            Err(ParamError("cannot parse expression [x y]: syntax error: unexpected FIELD".to_owned()))
        );
    }
}
