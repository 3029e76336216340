//! Text to pieces, none of which a token crosses, as the patterns that OpenAI publishes with its encodings say (tiktoken
//! 0.14, `openai_public.py`). Written out by hand, since a piece must also be found where the text has yet to go on.

use unicode_properties::{GeneralCategory as Category, UnicodeGeneralCategory as _};

use super::Encoding;

/// What the patterns tell characters apart by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// `\p{Lu}\p{Lt}`
    Upper,
    /// `\p{Ll}`
    Lower,
    /// `\p{Lm}\p{Lo}`
    Letter,
    /// `\p{M}`
    Mark,
    /// `\p{N}`
    Number,
    /// `\r\n`
    Line,
    /// `\s` without the above.
    Space,
    Other,
}

use Kind::{Letter, Line, Lower, Mark, Number, Other, Space, Upper};

/// The kinds of ASCII.
const ASCII: [Kind; 128] = {
    let mut kinds = [Other; 128];
    let mut byte = 0;
    while byte < 128 {
        kinds[byte] = match byte as u8 {
            b'a'..=b'z' => Lower,
            b'A'..=b'Z' => Upper,
            b'0'..=b'9' => Number,
            b'\n' | b'\r' => Line,
            b' ' | b'\t' | 0x0b | 0x0c => Space,
            _ => Other,
        };
        byte += 1;
    }
    kinds
};

impl Kind {
    /// Of what is not ASCII.
    fn of(character: char) -> Kind {
        match character {
            _ if character.is_whitespace() => Space,
            // By far the most frequent of them; the table would say the same.
            '\u{4e00}'..='\u{9fff}' | '\u{3041}'..='\u{3096}' | '\u{ac00}'..='\u{d7a3}' => Letter,
            _ => match character.general_category() {
                Category::UppercaseLetter | Category::TitlecaseLetter => Upper,
                Category::LowercaseLetter => Lower,
                Category::ModifierLetter | Category::OtherLetter => Letter,
                Category::NonspacingMark | Category::SpacingMark | Category::EnclosingMark => Mark,
                Category::DecimalNumber | Category::LetterNumber | Category::OtherNumber => Number,
                _ => Other,
            },
        }
    }

    /// `\p{L}`
    fn is_letter(self) -> bool {
        matches!(self, Upper | Lower | Letter)
    }

    /// `\s`
    fn is_space(self) -> bool {
        matches!(self, Line | Space)
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]`
    fn may_begin_word(self) -> bool {
        matches!(self, Upper | Letter | Mark)
    }

    /// `[\p{Ll}\p{Lm}\p{Lo}\p{M}]`
    fn may_end_word(self) -> bool {
        matches!(self, Lower | Letter | Mark)
    }

    /// `[^\r\n\p{L}\p{N}]`
    fn may_lead(self) -> bool {
        matches!(self, Mark | Space | Other)
    }

    /// `[^\s\p{L}\p{N}]`
    fn is_sign(self) -> bool {
        matches!(self, Mark | Other)
    }
}

/// The length of the first piece of `text` in bytes: at least one character, and 0 only of nothing. Where the text goes on
/// (`more`), `None` says that what is to come may change the piece.
pub(super) fn first(encoding: Encoding, text: &str, more: bool) -> Option<usize> {
    let mut scan = Scan { text, saw_end: false };
    let length = match encoding {
        Encoding::O200k => scan.o200k(),
        Encoding::Cl100k => scan.cl100k(),
    };
    (!(more && scan.saw_end)).then_some(length)
}

struct Scan<'a> {
    text: &'a str,
    /// Whether anything was asked of what stands behind the end.
    saw_end: bool,
}

impl Scan<'_> {
    /// The kind of the character at `at`, and where the next one begins.
    #[inline]
    fn at(&mut self, at: usize) -> Option<(Kind, usize)> {
        match self.text.as_bytes().get(at) {
            None => {
                self.saw_end = true;
                None
            }
            Some(byte) if byte.is_ascii() => Some((ASCII[usize::from(*byte)], at + 1)),
            Some(_) => {
                let character = self.text.get(at..)?.chars().next()?;
                Some((Kind::of(character), at + character.len_utf8()))
            }
        }
    }

    /// Where a run that begins at `at` ends.
    fn run(&mut self, mut at: usize, belongs: fn(Kind) -> bool) -> usize {
        while let Some((kind, next)) = self.at(at)
            && belongs(kind)
        {
            at = next;
        }
        at
    }

    fn cl100k(&mut self) -> usize {
        let Some((kind, second)) = self.at(0) else { return 0 };
        let contraction = self.contraction(0);
        if contraction > 0 {
            return contraction;
        }
        if kind.is_letter() {
            return self.run(second, Kind::is_letter);
        }
        if kind.may_lead() {
            let end = self.run(second, Kind::is_letter);
            if end > second {
                return end;
            }
        }
        match kind {
            Number => self.digits(second),
            _ => self.signs(kind, second, b"\r\n").unwrap_or_else(|| self.spaces(second, true)),
        }
    }

    fn o200k(&mut self) -> usize {
        let Some((kind, second)) = self.at(0) else { return 0 };
        if let Some(end) = self.word(kind, second) {
            return end + self.contraction(end);
        }
        match kind {
            Number => self.digits(second),
            _ => self.signs(kind, second, b"\r\n/").unwrap_or_else(|| self.spaces(second, false)),
        }
    }

    /// The first two patterns of o200k, each with a leading character where there may be one, and without.
    fn word(&mut self, kind: Kind, second: usize) -> Option<usize> {
        let lead = kind.may_lead();
        let mut end = if lead { self.lower_word(second) } else { None };
        end = end.or_else(|| self.lower_word(0));
        end = end.or_else(|| if lead { self.upper_word(second) } else { None });
        end.or_else(|| self.upper_word(0))
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+`
    fn lower_word(&mut self, start: usize) -> Option<usize> {
        let (mut at, mut last_end) = (start, None);
        while let Some((kind, next)) = self.at(at)
            && kind.may_begin_word()
        {
            if kind.may_end_word() {
                last_end = Some(next);
            }
            at = next;
        }
        let end = self.run(at, Kind::may_end_word);
        // What could begin a word has to give back all behind the last character that could also end it.
        if end > at { Some(end) } else { last_end }
    }

    /// `[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*`, where the one above does not match.
    fn upper_word(&mut self, start: usize) -> Option<usize> {
        let end = self.run(start, Kind::may_begin_word);
        (end > start).then_some(end)
    }

    /// `\p{N}{1,3}`, the first of which was seen.
    fn digits(&mut self, mut at: usize) -> usize {
        for _ in 0..2 {
            match self.at(at) {
                Some((Number, next)) => at = next,
                _ => break,
            }
        }
        at
    }

    /// ` ?[^\s\p{L}\p{N}]+`, and behind it any of `tail`.
    fn signs(&mut self, kind: Kind, second: usize, tail: &[u8]) -> Option<usize> {
        let from = if self.text.starts_with(' ') { second } else { 0 };
        if from == 0 && !kind.is_sign() {
            return None;
        }
        let mut end = self.run(from, Kind::is_sign);
        if end == from {
            return None;
        }
        while self.text.as_bytes().get(end).is_some_and(|byte| tail.contains(byte)) {
            end += 1;
        }
        self.saw_end |= end == self.text.len();
        Some(end)
    }

    /// White space, of which at least one character was seen.
    fn spaces(&mut self, second: usize, whole_at_end: bool) -> usize {
        let end = self.run(second, Kind::is_space);
        let run = &self.text[..end];
        // `\s++$` stands before the line ends in cl100k, behind them in o200k.
        if whole_at_end && end == self.text.len() {
            return end;
        }
        if let Some(at) = run.rfind(['\n', '\r']) {
            return at + 1;
        }
        let last = run.chars().next_back().map_or(0, char::len_utf8);
        // `\s+(?!\S)`: the last one belongs to what follows, unless nothing does.
        if end == self.text.len() || end == last { end } else { end - last }
    }

    /// The length of `(?i:'s|'t|'re|'ve|'m|'ll|'d)` at `at`, or 0.
    fn contraction(&mut self, at: usize) -> usize {
        if !self.text[at..].starts_with('\'') {
            self.saw_end |= at == self.text.len();
            return 0;
        }
        let mut rest = self.text[at + 1..].chars();
        let Some(first) = rest.next() else {
            self.saw_end = true;
            return 0;
        };
        let second = match first {
            // The long s is an s to a pattern that does not look at case.
            's' | 'S' | 'ſ' | 't' | 'T' | 'm' | 'M' | 'd' | 'D' => return 1 + first.len_utf8(),
            'r' | 'R' | 'v' | 'V' => 'e',
            'l' | 'L' => 'l',
            _ => return 0,
        };
        match rest.next() {
            None => {
                self.saw_end = true;
                0
            }
            Some(next) if next.eq_ignore_ascii_case(&second) => 3,
            Some(_) => 0,
        }
    }
}
