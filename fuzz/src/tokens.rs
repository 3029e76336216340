//! Counting tokens of an answer's text as it was heard: the same at any cuts, within what bytes can make, and equal to the
//! count of the text that another reader of JSON finds.

use meter::tokens::{Counter, Encoding, MAX_PENDING, Output, Tokenizer, count};

/// Checks the inside of one JSON string.
pub fn check(raw: &[u8]) {
    // This byte stands between texts, and what is behind it says of what kind the next one is.
    let raw: Vec<u8> = raw.iter().copied().filter(|byte| *byte != 0xff).collect();
    for model in ["gpt-4", "gpt-4o"] {
        let tokenizer = Tokenizer::of(model);
        let whole = heard(tokenizer, &[&raw]);
        for pieces in super::cuts(&raw) {
            assert_eq!(heard(tokenizer, &pieces), whole, "other cuts, other tokens");
        }
        // A broken character is replaced by one of three bytes.
        assert!(whole <= 3 * raw.len() as u64, "{whole} tokens of {} bytes", raw.len());
        let quoted = [b"\"", raw.as_slice(), b"\""].concat();
        if let Ok(text) = serde_json::from_slice::<String>(&quoted) {
            assert_eq!(whole, count(tokenizer.encoding, &text).tokens, "another text was heard");
            pieces(tokenizer.encoding, &text);
        }
    }
}

fn heard(tokenizer: Tokenizer, pieces: &[&[u8]]) -> u64 {
    let mut output = Output::new(tokenizer);
    pieces.iter().for_each(|piece| output.hear(piece));
    output.finish().output
}

/// Character by character, with a bounded memory.
fn pieces(encoding: Encoding, text: &str) {
    let mut counter = Counter::new(encoding);
    for character in text.chars() {
        counter.push(character.encode_utf8(&mut [0; 4]));
        assert!(counter.pending() <= MAX_PENDING);
    }
    assert_eq!(counter.finish(), count(encoding, text));
}
