use std::sync::LazyLock;

use proptest::prelude::*;
use tiktoken_rs::CoreBPE;

use super::*;

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
