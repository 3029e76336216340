use std::sync::LazyLock;

use proptest::prelude::*;
use tiktoken_rs::CoreBPE;

use super::*;
use crate::dialect::Api;

static O200K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::o200k_base().unwrap());
static CL100K: LazyLock<CoreBPE> = LazyLock::new(|| tiktoken_rs::cl100k_base().unwrap());

/// What another implementation says.
fn reference(encoding: Encoding, text: &str) -> u64 {
    let bpe = if encoding == Encoding::O200k { &O200K } else { &CL100K };
    bpe.encode_ordinary(text).len() as u64
}

fn agree(text: &str) {
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        let expected = Count { tokens: reference(encoding, text), exact: true };
        assert_eq!(count(encoding, text), expected, "{encoding:?} {text:?}");
    }
}

/// Texts of many kinds.
const TEXTS: &[&str] = &[
    "",
    " ",
    "\n",
    "Hello, world!",
    "  two  spaces\tand\t\ttabs \n\n  lines\r\n\r\n  end  \n ",
    "I'll we've they're it's 'Tis DON'T y'all's 'S 'LL o'ſ",
    "HTTPServer XMLHttpRequest camelCase snake_case ALLCAPS MixedUP iPhone",
    "0 12 123 1234 12345678901234567890 3.14159 ١٢٣٤٥ Ⅷ ½",
    "fn main() {\n    let x = vec![1, 2, 3];\n    // comment\n    println!(\"{x:?}\");\n}\n",
    "{\"a\":[1,2,{\"b\":null}],\"c\":\"d\\ne\"}",
    "https://example.com/path/to?x=1&y=2#frag //// \n// !\n/x",
    "你好,世界!今天天气怎么样?日本語のテキスト、한국어 텍스트.",
    "Здравствуй, мир! Ελληνικά עברית العربية हिन्दी ภาษาไทย",
    "🌊🎉👩‍👩‍👧‍👦 🇩🇪 e\u{301}a\u{300}A\u{300}\u{301} \u{301}AB \u{301}.",
    "中A中B A中. ǅungla ʰʰA ªº",
    "<|endoftext|> <|im_start|>system",
    "\u{a0}\u{2003}x \u{2028}y\u{85}z \u{feff}",
    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
    "                                                                                                               x",
    "!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!!",
    "qzxjkvbpyfgmwcldrtnshioaeuqzxjkvbpyfgmwcldrtnshioaeuqzxjkvbpyfgmwcldrtnshioaeuqzxjkvbpyfgmw",
];

#[test]
fn counts_equal_another_implementation() {
    TEXTS.iter().for_each(|text| agree(text));
    // The project's own pages: prose, tables, code.
    for page in
        ["README.md", "ARCHITECTURE.md", "docs/record.md", "crates/meter/src/json/walker.rs", "weir.schema.json"]
    {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../").to_owned() + page;
        agree(&std::fs::read_to_string(path).unwrap());
    }
}

#[test]
fn a_text_counts_the_same_however_it_comes() {
    let text = TEXTS.concat().repeat(16);
    assert!(text.len() > 3 * MAX_PENDING);
    for encoding in [Encoding::O200k, Encoding::Cl100k] {
        let expected = reference(encoding, &text);
        for size in [1, 3, 7, 100, 5000] {
            let mut counter = Counter::new(encoding);
            let mut rest = text.as_str();
            while !rest.is_empty() {
                let (piece, after) = rest.split_at(
                    (size..).find(|at| *at >= rest.len() || rest.is_char_boundary(*at)).unwrap().min(rest.len()),
                );
                counter.push(piece);
                assert!(counter.pending() <= MAX_PENDING);
                rest = after;
            }
            assert_eq!(counter.finish(), Count { tokens: expected, exact: true }, "{size}");
        }
    }
}

/// Texts that are dear to count: a megabyte each.
fn hostile() -> Vec<(&'static str, String)> {
    let mut state = 1_u64;
    let mut letters = |count: usize, from: &[char]| -> String {
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize
        };
        (0..count).map(|_| from[next() % from.len()]).collect()
    };
    let ascii: Vec<char> = ('a'..='z').collect();
    let soup: Vec<char> = (0x20..0x3000).filter_map(char::from_u32).collect();
    vec![
        ("one letter", "a".repeat(1 << 20)),
        ("spaces", " ".repeat(1 << 20)),
        ("lines", "\n".repeat(1 << 20)),
        ("letters", letters(1 << 20, &ascii)),
        ("signs", letters(1 << 20, &['!', '=', '-', '/', '*'])),
        ("everything", letters(420_000, &soup)),
    ]
}

#[test]
fn a_megabyte_of_anything_costs_a_bounded_work() {
    for (name, text) in hostile() {
        for encoding in [Encoding::O200k, Encoding::Cl100k] {
            let mut counter = Counter::new(encoding);
            for piece in text.as_bytes().utf8_chunks().flat_map(|chunk| chunk.valid().split_inclusive('\n')) {
                counter.push(piece);
            }
            let counted = counter.finish();
            assert!(!counted.exact, "{name} is sampled");
            let limit = COUNTED_IN_FULL + text.len() as u64 / SAMPLE + 3 * MAX_PENDING as u64;
            assert!(counter.work() <= limit, "{name}: looked at {} bytes", counter.work());
            let near = reference(
                encoding,
                &text[..(64 << 10) - (0..3).find(|less| text.is_char_boundary((64 << 10) - less)).unwrap()],
            ) * text.len() as u64
                / (64 << 10);
            assert!(counted.tokens.abs_diff(near) * 10 <= near, "{name}: {} for {near}", counted.tokens);
        }
    }
}

#[test]
fn a_word_of_any_length_is_cut() {
    let word = "qzxjkvbpyfgmwcld".repeat(1000);
    let counted = count(Encoding::O200k, &word);
    let exact = reference(Encoding::O200k, &word);
    assert!(!counted.exact && counted.tokens.abs_diff(exact) <= word.len() as u64 / 1024, "{counted:?} {exact}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn any_text_counts_as_the_other_says(text in "\\PC{0,60}|[a-zA-Z0-9 '\\n\\r\\t/!.,]{0,80}|[ -~中ʰA\u{301}ſ']{0,40}") {
        agree(&text);
    }

    #[test]
    fn long_words_count_as_the_other_says(text in "[a-f]{49,300}|[a-zA-Z]{40,120}|[=/ *]{40,200}") {
        agree(&text);
    }

    #[test]
    fn any_pieces_make_the_same_text(pieces in proptest::collection::vec("[ -~\\n中A\u{301}']{0,9}", 0..30)) {
        let mut counter = Counter::new(Encoding::O200k);
        pieces.iter().for_each(|piece| counter.push(piece));
        prop_assert_eq!(counter.finish().tokens, reference(Encoding::O200k, &pieces.concat()));
    }
}

/// OpenAI's cookbook, "How to count tokens with tiktoken", as of 2026-11: the messages, and what the API said of them.
const EXAMPLE: &str = r#"{"model":"MODEL","messages":[
    {"role":"system","content":"You are a helpful, pattern-following assistant that translates corporate jargon into plain English."},
    {"role":"system","name":"example_user","content":"New synergies will help drive top-line growth."},
    {"role":"system","name":"example_assistant","content":"Things working well together will increase revenue."},
    {"role":"system","name":"example_user","content":"Let's circle back when we have more bandwidth to touch base on opportunities for increased leverage."},
    {"role":"system","name":"example_assistant","content":"Let's talk later when we're less busy about how to do better."},
    {"role":"user","content":"This late pivot means we don't have time to boil the ocean for the client deliverable."}]}"#;

const TOOLS_EXAMPLE: &str = r#"{"tools":[{"type":"function","function":{"name":"get_current_weather",
    "description":"Get the current weather in a given location","parameters":{"type":"object","properties":{
    "location":{"type":"string","description":"The city and state, e.g. San Francisco, CA"},
    "unit":{"type":"string","description":"The unit of temperature to return","enum":["celsius","fahrenheit"]}},
    "required":["location"]}}}],"messages":[
    {"role":"system","content":"You are a helpful assistant that can answer to questions about the weather."},
    {"role":"user","content":"What's the weather like in San Francisco?"}]}"#;

#[test]
fn openais_published_examples() {
    for (model, expected) in
        [("gpt-3.5-turbo", 129), ("gpt-4-0613", 129), ("gpt-4", 129), ("gpt-4o", 124), ("gpt-4o-mini", 124)]
    {
        let count = count_input(Api::Chat, Tokenizer::of(model), model, EXAMPLE.as_bytes());
        assert_eq!(count, Count { tokens: expected, exact: true }, "{model}");
    }
    for (model, expected) in [("gpt-3.5-turbo", 105), ("gpt-4", 105), ("gpt-4o", 101), ("gpt-4o-mini", 101)] {
        // Right here, and not for every tool there is.
        let count = count_input(Api::Chat, Tokenizer::of(model), model, TOOLS_EXAMPLE.as_bytes());
        assert_eq!(count, Count { tokens: expected, exact: false }, "{model}");
    }
}

#[test]
fn input_of_each_kind_of_call() {
    for (api, body, tokens, exact) in [
        (Api::Completions, r#"{"prompt":"tiktoken is great!"}"#, 6, true),
        (Api::Completions, r#"{"prompt":["tiktoken is great!","tiktoken is great!"]}"#, 12, true),
        (Api::Completions, r#"{"prompt":[[1,2,3],[4]]}"#, 4, true),
        (Api::Embeddings, r#"{"input":"tiktoken\u0020is great!"}"#, 6, true),
        (Api::Embeddings, r#"{"input":[]}"#, 0, true),
        (Api::Chat, r#"{"messages":[{"role":"user","content":"tiktoken is great!"}]}"#, 13, true),
        (
            Api::Chat,
            r#"{"messages":[{"role":"user","content":[{"type":"text","text":"tiktoken is great!"}]}]}"#,
            13,
            true,
        ),
        (Api::Chat, r#"{"messages":[]}"#, 0, true),
        (Api::Responses, r#"{"input":"tiktoken is great!"}"#, 13, false),
        (Api::Other, r#"{"input":"tiktoken is great!"}"#, 0, true),
    ] {
        assert_eq!(
            count_input(api, Tokenizer::of("gpt-4"), "gpt-4", body.as_bytes()),
            Count { tokens, exact },
            "{body}"
        );
    }
    let image = r#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}"#;
    assert_eq!(
        count_input(Api::Chat, Tokenizer::of("gpt-4o"), "gpt-4o", image.as_bytes()),
        Count { tokens: 7 + 765, exact: false }
    );
    let sound = r#"{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}"#;
    assert!(!count_input(Api::Chat, Tokenizer::of("gpt-4o"), "gpt-4o", sound.as_bytes()).exact);
}

#[test]
fn a_large_input_is_sampled() {
    let body = format!(r#"{{"messages":[{{"role":"user","content":"{}"}}]}}"#, "The river flows. ".repeat(60_000));
    let count = count_input(Api::Chat, Tokenizer::of("gpt-4o"), "gpt-4o", body.as_bytes());
    assert!(!count.exact && count.tokens.abs_diff(4 * 60_000) < 2_400, "{count:?}");
}

#[test]
fn an_answer_is_heard_at_any_cut() {
    let raw = [
        &[MARK, Kind::Reasoning as u8][..],
        br"Let me think\u2026",
        &[MARK, Kind::Content as u8],
        r"Grüße \ud83c\udf0a!".as_bytes(),
    ]
    .concat();
    let tokenizer = Tokenizer::of("gpt-4o");
    let expected = OutputCount {
        output: reference(Encoding::O200k, "Grüße 🌊!"),
        reasoning: reference(Encoding::O200k, "Let me think…"),
        exact: true,
    };
    for cut in (0..=raw.len()).filter(|cut| raw.get(cut.wrapping_sub(1)) != Some(&MARK)) {
        let mut output = Output::new(tokenizer);
        output.hear(&raw[..cut]);
        output.hear(&raw[cut..]);
        assert_eq!(output.finish(), expected, "{cut}");
    }
}

#[test]
fn what_was_missed_is_estimated() {
    let mut output = Output::new(Tokenizer::of("gpt-4o"));
    output.hear("one two three four ".repeat(100).as_bytes());
    output.miss(1900);
    let count = output.finish();
    assert!(!count.exact && count.output.abs_diff(800) <= 2, "{count:?}");
    let mut output = Output::new(Tokenizer::of("gpt-4o"));
    output.miss(400);
    assert_eq!(output.finish(), OutputCount { output: 100, reasoning: 0, exact: false });
}
