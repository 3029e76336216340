//! Which characters follow each other in the texts of a column: what it cannot hold need not be looked for in it.

/// Kinds of characters. Letters are alike large and small; what is rare shares a kind.
const KINDS: usize = 64;
const FIRST_DIGIT: u8 = 26;
const FIRST_SIGN: u8 = 36;
const SIGNS: &[u8] = b"_-. :/{}\",";

/// For each kind of character, which kinds follow it somewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pairs([u64; KINDS]);

fn kind(byte: u8) -> u8 {
    match byte {
        b'a'..=b'z' => byte - b'a',
        b'A'..=b'Z' => byte - b'A',
        b'0'..=b'9' => FIRST_DIGIT + byte - b'0',
        128.. => 62 + byte % 2,
        _ => match SIGNS.iter().zip(FIRST_SIGN..).find(|(sign, _)| **sign == byte) {
            Some((_, kind)) => kind,
            None => 46 + byte % 16,
        },
    }
}

impl Pairs {
    /// Of no text at all.
    pub(super) fn new() -> Pairs {
        Pairs([0; KINDS])
    }

    /// Takes a text in, or several that stand one behind the other.
    pub(super) fn add(&mut self, text: &str) {
        let kinds: [u8; 256] = std::array::from_fn(|byte| kind(byte as u8));
        let mut bytes = text.bytes();
        let Some(first) = bytes.next() else { return };
        let mut before = kinds[usize::from(first)];
        for byte in bytes {
            let kind = kinds[usize::from(byte)];
            self.0[usize::from(before)] |= 1 << kind;
            before = kind;
        }
    }

    /// Whether one of the texts may have `part` in it.
    pub(super) fn may_hold(&self, part: &str) -> bool {
        let pairs = part.as_bytes().windows(2);
        pairs.map(|pair| (kind(pair[0]), kind(pair[1]))).all(|(one, other)| self.0[usize::from(one)] >> other & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_in_a_text_may_be_held() {
        let mut pairs = Pairs::new();
        let texts = ["chatcmpl-Abc123", "{\"n\":1,\"é\":2}", "", "x"];
        texts.iter().for_each(|text| pairs.add(text));
        for text in texts {
            for from in (0..text.len()).filter(|from| text.is_char_boundary(*from)) {
                for to in (from..=text.len()).filter(|to| text.is_char_boundary(*to)) {
                    assert!(pairs.may_hold(&text[from..to]), "{text} {from}..{to}");
                }
            }
        }
        assert!(!pairs.may_hold("llm_request"));
        assert!(!pairs.may_hold("3-"));
    }
}
