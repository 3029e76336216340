//! What each provider's OpenAI-compatible API answers, as its own pages describe it (as of 2026-11), and the usage that has
//! to be read in it: in one piece, byte by byte, and counted from the text alone.
#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "a test that cannot go on says so and ends")]

use std::path::{Path, PathBuf};

use meter::meter::{Format, Meter, Reading};
use meter::tokens::{Output, Tokenizer};
use meter::usage::Class;
use serde_json::Value;

fn providers() -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/providers");
    let mut found: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

/// The kinds of answers in a provider's directory.
const KINDS: [(&str, &str, Format); 2] =
    [("answer", "answer.json", Format::Json), ("stream", "stream.sse", Format::Events)];

fn each(check: impl Fn(&str, &[u8], Format, &Value)) {
    let providers = providers();
    assert_eq!(providers.len(), 18);
    for provider in providers {
        let expected: Value = serde_json::from_slice(&std::fs::read(provider.join("expected.json")).unwrap()).unwrap();
        for (kind, file, format) in KINDS {
            let name = format!("{}/{file}", provider.file_name().unwrap().to_string_lossy());
            check(&name, &std::fs::read(provider.join(file)).unwrap(), format, &expected[kind]);
        }
    }
}

fn read<'a>(format: Format, pieces: impl IntoIterator<Item = &'a [u8]>) -> Reading {
    let mut meter = Meter::start(format);
    pieces.into_iter().for_each(|piece| meter.observe(piece, 0));
    meter.finish()
}

#[test]
fn usage_is_read_as_each_provider_means_it() {
    each(|name, body, format, expected| {
        for size in [body.len(), 1, 7] {
            let reading = read(format, body.chunks(size));
            assert!(reading.whole && reading.readable && !reading.answer.failed, "{name}");
            let usage = reading.answer.usage().unwrap_or_else(|| panic!("{name} has no usage"));
            let whole = |key: &str| expected[key].as_u64().unwrap_or(0);
            assert_eq!((usage.input(), usage.output()), (whole("input"), whole("output")), "{name}");
            for class in [Class::CachedInput, Class::CacheWrite, Class::Reasoning, Class::AudioInput, Class::ImageInput]
            {
                assert_eq!(usage.get(class), whole(class.name()), "{name}: {}", class.name());
            }
            assert_eq!(reading.answer.finish_reason.as_deref(), Some("stop"), "{name}");
            for (key, found) in [("id", &reading.answer.id), ("model", &reading.answer.model)] {
                if let Some(wanted) = expected[key].as_str() {
                    assert_eq!(found.as_deref(), Some(wanted), "{name}: {key}");
                }
            }
        }
    });
}

/// All answers say the same sentence, and most a thought before it, so that what is heard of them can be told.
#[test]
fn the_text_is_heard_once() {
    each(|name, body, format, _| {
        let mut output = Output::new(Tokenizer::of("gpt-4o"));
        let mut heard = read(format, [body]).answer.heard;
        output.hear(&heard.take().0);
        let count = output.finish();
        let thought = if count.reasoning > 0 { 8 } else { 0 };
        let tags = if name.starts_with("bedrock") { count.output - 7 } else { 0 };
        assert_eq!((count.output, count.reasoning, count.exact), (7 + tags, thought, true), "{name}");
    });
}

/// A caller who did not ask for usage gets no event that has nothing else, and otherwise what the provider sent.
#[test]
fn what_the_question_added_is_taken_out() {
    each(|name, body, format, _| {
        if format != Format::Events {
            return;
        }
        let (mut splicer, mut out) = (meter::splice::Splicer::default(), Vec::new());
        splicer.feed(body, &mut out);
        splicer.finish(&mut out);
        let text = String::from_utf8(out).unwrap();
        assert!(!text.contains("\"choices\":[],\"usage\":{"), "{name}");
        assert!(text.ends_with("data: [DONE]\n\n"), "{name}");
        assert_eq!(read(format, [text.as_bytes()]).answer.texts, read(format, [body]).answer.texts, "{name}");
    });
}
