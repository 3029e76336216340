//! The text of a JSON string that comes in pieces, cut anywhere: in the middle of a character, of an escape, or between the
//! two halves of a surrogate pair.

/// The longest that has to be seen as a whole: an escaped surrogate pair.
const PAIR: usize = 12;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Unescaper {
    /// The beginning of what was cut; shorter than [`PAIR`].
    carry: Vec<u8>,
}

impl Unescaper {
    /// Takes the next bytes between the quotes and gives `text` what they say.
    pub(super) fn feed(&mut self, raw: &[u8], text: &mut impl FnMut(&str)) {
        if self.carry.is_empty() {
            let used = read(raw, false, text);
            self.carry.extend_from_slice(&raw[used..]);
            return;
        }
        // What was cut is completed by a few bytes; the others are read where they lie.
        let few = raw.len().min(PAIR);
        self.carry.extend_from_slice(&raw[..few]);
        let used = read(&self.carry, false, text);
        let left = self.carry.len() - used;
        if left > few {
            self.carry.drain(..used);
            return;
        }
        self.carry.clear();
        self.feed(&raw[few - left..], text);
    }

    /// The string is over.
    pub(super) fn end(&mut self, text: &mut impl FnMut(&str)) {
        read(&self.carry, true, text);
        self.carry.clear();
    }
}

/// Reads as far as it is certain; to the end if there is no more to come. Returns how many bytes were read.
fn read(raw: &[u8], last: bool, text: &mut impl FnMut(&str)) -> usize {
    let mut at = 0;
    while at < raw.len() {
        let length = memchr::memchr(b'\\', &raw[at..]).unwrap_or(raw.len() - at);
        let ends = at + length == raw.len();
        let read = plain(&raw[at..at + length], last || !ends, text);
        at += read;
        if read < length {
            return at;
        }
        if at < raw.len() {
            match escape(&raw[at..], last) {
                Some((character, length)) => {
                    text(character.encode_utf8(&mut [0; 4]));
                    at += length;
                }
                None => return at,
            }
        }
    }
    at
}

/// Text without escapes; a character that is cut at its end is left unless there is no more to come.
fn plain(raw: &[u8], last: bool, text: &mut impl FnMut(&str)) -> usize {
    let mut at = 0;
    loop {
        match std::str::from_utf8(&raw[at..]) {
            Ok(valid) => {
                if !valid.is_empty() {
                    text(valid);
                }
                return raw.len();
            }
            Err(error) => {
                let valid = &raw[at..at + error.valid_up_to()];
                text(std::str::from_utf8(valid).unwrap_or_default());
                at += valid.len();
                match error.error_len() {
                    None if !last => return at,
                    length => {
                        text("\u{fffd}");
                        at += length.unwrap_or(raw.len() - at);
                    }
                }
            }
        }
    }
}

/// What an escape stands for and how long it is. `None` if more must be seen.
fn escape(raw: &[u8], last: bool) -> Option<(char, usize)> {
    let broken = (char::REPLACEMENT_CHARACTER, raw.len());
    let Some(kind) = raw.get(1) else { return last.then_some(broken) };
    let plain = match kind {
        b'n' => '\n',
        b't' => '\t',
        b'r' => '\r',
        b'b' => '\u{8}',
        b'f' => '\u{c}',
        b'u' => {
            let Some(unit) = raw.get(2..6) else { return last.then_some(broken) };
            return unicode(hex(unit), &raw[6..], last);
        }
        _ => char::from(*kind),
    };
    // Behind a backslash there is ASCII in all JSON; what is not is left to be read as it is.
    Some(if kind.is_ascii() { (plain, 2) } else { (char::REPLACEMENT_CHARACTER, 1) })
}

fn unicode(unit: Option<u32>, rest: &[u8], last: bool) -> Option<(char, usize)> {
    let alone = (unit.and_then(char::from_u32).unwrap_or(char::REPLACEMENT_CHARACTER), 6);
    let Some(high @ 0xd800..=0xdbff) = unit else { return Some(alone) };
    if rest.len() < 6 && b"\\u".starts_with(&rest[..rest.len().min(2)]) {
        // The other half may still come.
        return last.then_some(alone);
    }
    let low = rest.strip_prefix(b"\\u").and_then(|rest| hex(&rest[..4]));
    match low {
        Some(low @ 0xdc00..=0xdfff) => {
            let character = char::from_u32(0x10000 + ((high - 0xd800) << 10) + (low - 0xdc00));
            Some((character.unwrap_or(char::REPLACEMENT_CHARACTER), 12))
        }
        _ => Some(alone),
    }
}

fn hex(digits: &[u8]) -> Option<u32> {
    digits.iter().try_fold(0, |sum, digit| Some(sum * 16 + char::from(*digit).to_digit(16)?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn text(pieces: &[&[u8]]) -> String {
        let (mut unescaper, mut out) = (Unescaper::default(), String::new());
        for piece in pieces {
            unescaper.feed(piece, &mut |text| out.push_str(text));
            assert!(unescaper.carry.len() < PAIR);
        }
        unescaper.end(&mut |text| out.push_str(text));
        out
    }

    #[test]
    fn strings_are_read_at_every_two_cuts() {
        let raw = r#"aé\n\"\\\/🌊\u00e9\ud83c\udf0a\ud83cx\ud83c\u0041\udf0a"#.as_bytes();
        let expected = "aé\n\"\\/🌊é🌊\u{fffd}x\u{fffd}A\u{fffd}";
        for first in 0..=raw.len() {
            for second in first..=raw.len() {
                assert_eq!(text(&[&raw[..first], &raw[first..second], &raw[second..]]), expected, "{first} {second}");
            }
        }
    }

    #[test]
    fn what_never_ends_is_replaced() {
        for cut in [&b"a\\"[..], b"a\\u12", b"a\xf0\x9f", b"a\\ud83c", b"a\\ud83c\\u"] {
            let read = text(&[cut]);
            assert!(read.starts_with("a\u{fffd}"), "{read:?}");
        }
    }

    proptest! {
        #[test]
        fn any_text_comes_back(original in any::<String>(), size in 1usize..9) {
            let quoted = serde_json::to_string(&original).unwrap();
            let raw = &quoted.as_bytes()[1..quoted.len() - 1];
            prop_assert_eq!(text(&raw.chunks(size).collect::<Vec<_>>()), original);
        }

        #[test]
        fn any_bytes_read_the_same_at_any_cut(raw in proptest::collection::vec(any::<u8>(), 0..40), size in 1usize..9) {
            prop_assert_eq!(text(&raw.chunks(size).collect::<Vec<_>>()), text(&[&raw]));
        }
    }
}
