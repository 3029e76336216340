//! Text: readable English made of phrases, and the tokens it is made of.
//!
//! Not a language model and not a tokenizer: sentences come from templates, and a token is a word, up to three digits or a
//! mark, about what the byte-pair encodings of today's models make of plain English.

use fastrand::Rng;

use super::chance::{happens, pick};

mod phrase;

pub(super) use phrase::{TOPICS, Topic};

/// The longest run of letters that is one token.
const LONGEST_WORD: usize = 12;
/// The longest run of digits that is one token.
const LONGEST_NUMBER: usize = 3;

/// The tokens of `text`, in order. Joined they are `text` again.
pub(super) fn tokens(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let end = token_end(rest)?;
        let (token, after) = rest.split_at(end);
        rest = after;
        Some(token)
    })
}

/// The number of tokens in `text`.
pub(super) fn count_tokens(text: &str) -> u64 {
    tokens(text).count() as u64
}

/// Cuts `text` after `limit` tokens and says how many it has then, and whether anything was cut.
pub(super) fn truncate(text: &mut String, limit: u64) -> (u64, bool) {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let (kept, end) = tokens(text).take(limit).fold((0, 0), |(kept, end), token| (kept + 1, end + token.len()));
    let cut = end < text.len();
    text.truncate(end);
    (kept, cut)
}

/// The kind of a character, as far as tokens care.
#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Letter,
    Digit,
    Space,
    Mark,
}

impl Kind {
    fn of(character: char) -> Kind {
        match character {
            c if c.is_alphabetic() => Kind::Letter,
            c if c.is_numeric() => Kind::Digit,
            c if c.is_whitespace() => Kind::Space,
            _ => Kind::Mark,
        }
    }

    /// The most characters one token takes of this kind.
    fn limit(self) -> usize {
        match self {
            Kind::Letter => LONGEST_WORD,
            Kind::Digit => LONGEST_NUMBER,
            Kind::Space => 16,
            Kind::Mark => 2,
        }
    }
}

/// The length in bytes of the first token of `text`; `None` at its end.
fn token_end(text: &str) -> Option<usize> {
    let mut characters = text.char_indices().peekable();
    let (_, first) = characters.next()?;
    let mut kind = Kind::of(first);
    let mut taken = 1;
    // A single space belongs to the word or mark behind it, as in every byte-pair encoding.
    let next = characters.peek().map(|(_, next)| Kind::of(*next));
    if let (' ', Some(Kind::Letter | Kind::Mark)) = (first, next) {
        kind = next.unwrap_or(kind);
        taken = 0;
    }
    for (at, character) in characters {
        let limit = if character.is_ascii() { kind.limit() } else { kind.limit().min(2) };
        if Kind::of(character) != kind || taken >= limit {
            return Some(at);
        }
        taken += 1;
    }
    Some(text.len())
}

/// The topic `prompt` speaks about, or any.
pub(super) fn topic_of(rng: &mut Rng, prompt: &str) -> &'static Topic {
    TOPICS.iter().rfind(|topic| prompt.contains(topic.name)).unwrap_or_else(|| any_topic(rng))
}

/// Any topic.
pub(super) fn any_topic(rng: &mut Rng) -> &'static Topic {
    rng.choice(TOPICS).unwrap_or(&TOPICS[0])
}

/// An answer about `topic` of `about` tokens or a little more: it ends where a block of text does.
pub(super) fn answer(rng: &mut Rng, topic: &Topic, about: u64) -> String {
    let mut text = sentence(rng, topic, phrase::OPENINGS);
    let mut count = count_tokens(&text);
    let mut code = topic.code;
    while count < about {
        let block = match rng.u8(0..10) {
            0..=1 => list(rng, topic),
            // Code is shown once.
            2..=4 if !code.is_empty() => std::mem::take(&mut code).to_owned(),
            _ => paragraph(rng, topic, about - count),
        };
        text.push_str("\n\n");
        text.push_str(&block);
        count += 1 + count_tokens(&block);
    }
    text
}

/// What a person types: a question or an order about `topic`.
pub(super) fn question(rng: &mut Rng, topic: &Topic) -> String {
    sentence(rng, topic, phrase::QUESTIONS)
}

/// The instructions an application puts before a conversation, of `about` tokens or a little more.
///
/// They do not depend on chance: an application sends the same ones each time, which is what providers cache.
pub(super) fn instructions(about: u64) -> String {
    let mut rng = Rng::with_seed(about);
    let mut text = String::from("You are a helpful assistant. Answer briefly and in plain words.");
    let mut count = count_tokens(&text);
    while count < about {
        let topic = any_topic(&mut rng);
        let block = paragraph(&mut rng, topic, 60);
        count += 1 + count_tokens(&block);
        text.push('\n');
        text.push_str(&block);
    }
    text
}

/// A few words about `topic`, as a value in a structured answer.
pub(super) fn words(rng: &mut Rng, topic: &Topic) -> String {
    let word = if happens(rng, 0.5) { pick(rng, &topic.parts) } else { topic.name };
    word.trim_start_matches("the ").to_owned()
}

/// Two to five sentences, fewer where `about` tokens are enough.
fn paragraph(rng: &mut Rng, topic: &Topic, about: u64) -> String {
    let most = rng.usize(2..=5).min(1 + about as usize / 15);
    let mut text = String::new();
    for _ in 0..most {
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&sentence(rng, topic, phrase::SENTENCES));
    }
    text
}

/// A numbered list.
fn list(rng: &mut Rng, topic: &Topic) -> String {
    let mut parts = topic.parts;
    rng.shuffle(&mut parts);
    let mut text = String::from(pick(rng, phrase::LIST_OPENINGS));
    let first = rng.usize(0..phrase::LIST_ITEMS.len());
    for (number, part) in parts.iter().enumerate() {
        let head = part.trim_start_matches("the ");
        let item = sentence(rng, topic, &phrase::LIST_ITEMS[(first + number) % phrase::LIST_ITEMS.len()..][..1]);
        text.push_str(&format!("\n{}. **{}**: {item}", number + 1, capital(head)));
    }
    text
}

/// One of `templates` with its gaps filled: `{t}` the topic, `{p}` and `{q}` two of its parts, `{g}` a gain, `{n}` a number.
fn sentence(rng: &mut Rng, topic: &Topic, templates: &[&str]) -> String {
    let mut parts = topic.parts;
    rng.shuffle(&mut parts);
    let template = pick(rng, templates);
    let mut text = String::with_capacity(template.len() + 40);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        let (gap, after) = after.split_once('}').unwrap_or((after, ""));
        text.push_str(before);
        match gap {
            "t" => text.push_str(topic.name),
            "p" => text.push_str(parts[0]),
            "q" => text.push_str(parts[1]),
            "g" => text.push_str(pick(rng, &topic.gains)),
            _ => text.push_str(&rng.u16(2..90).to_string()),
        }
        rest = after;
    }
    text.push_str(rest);
    capital(&text)
}

/// `text` with its first letter in upper case.
fn capital(text: &str) -> String {
    let mut characters = text.chars();
    match characters.next() {
        Some(first) => first.to_uppercase().chain(characters).collect(),
        None => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_joined_are_the_text_again() {
        let long = "x".repeat(40);
        for text in ["", " ", "a", "Hello, world!  Grüße – 你好, 12345 🙂\n\n\tend ", long.as_str()] {
            assert_eq!(tokens(text).collect::<String>(), text);
        }
        assert_eq!(
            tokens("The quick fox, 12345.").collect::<Vec<_>>(),
            ["The", " quick", " fox", ",", " ", "123", "45", "."]
        );
    }

    #[test]
    fn answers_are_as_long_as_asked_and_fill_every_gap() {
        for seed in 0..50 {
            let mut rng = Rng::with_seed(seed);
            let topic = any_topic(&mut rng);
            let text = answer(&mut rng, topic, 200);
            let count = count_tokens(&text);
            assert!((200..400).contains(&count), "{count} tokens: {text}");
            assert!(!text.contains("{t}") && !text.contains("{p}") && !text.contains("{g}"), "{text}");
        }
    }

    #[test]
    fn truncating_counts_what_stays() {
        let mut text = "One two three four.".to_owned();
        assert_eq!(truncate(&mut text, 3), (3, true));
        assert_eq!(text, "One two three");
        assert_eq!(truncate(&mut text, 3), (3, false));
        assert_eq!(truncate(&mut text, 0), (0, true));
    }

    #[test]
    fn a_question_leads_back_to_its_topic() {
        let mut rng = Rng::with_seed(3);
        for topic in TOPICS {
            let asked = question(&mut rng, topic);
            assert_eq!(topic_of(&mut rng, &asked).name, topic.name, "{asked}");
        }
    }

    #[test]
    fn instructions_are_the_same_each_time() {
        assert_eq!(instructions(1200), instructions(1200));
        assert!(count_tokens(&instructions(1200)) >= 1200);
    }
}
