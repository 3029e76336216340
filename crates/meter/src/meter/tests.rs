use super::*;

const STREAM: &str = "data: {\"id\":\"c1\",\"model\":\"gpt-4-0613\",\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"},\"finish_reason\":null}],\"usage\":null}\n\n\
data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"Hel\"},\"finish_reason\":null}],\"usage\":null}\n\n\
data: {\"id\":\"c1\",\"choices\":[{\"delta\":{\"content\":\"lo\"},\"finish_reason\":null}],\"usage\":null}\n\n\
data: {\"id\":\"c1\",\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":null}\n\n\
data: {\"id\":\"c1\",\"choices\":[],\"usage\":{\"prompt_tokens\":25,\"completion_tokens\":150}}\n\n\
data: [DONE]\n\n";

#[test]
fn a_stream_means_the_same_at_every_cut() {
    let bytes = STREAM.as_bytes();
    for cut in 0..=bytes.len() {
        let mut meter = Meter::start(Format::Events);
        meter.observe(&bytes[..cut], 1);
        meter.observe(&bytes[cut..], 2);
        assert!(meter.is_over());
        let reading = meter.finish();
        let usage = reading.answer.usage().unwrap();
        assert_eq!((usage.input(), usage.output()), (25, 150), "cut at {cut}");
        assert!(reading.whole && reading.readable);
        assert_eq!(reading.answer.finish_reason.as_deref(), Some("stop"));
        assert_eq!(reading.answer.model.as_deref(), Some("gpt-4-0613"));
    }
}

#[test]
fn a_number_too_long_is_nothing_at_every_cut() {
    let body = format!("{{\"usage\":{{\"prompt_tokens\":1{}e-70,\"completion_tokens\":3}}}}", "0".repeat(70));
    for cut in 0..=body.len() {
        let mut meter = Meter::start(Format::Json);
        meter.observe(&body.as_bytes()[..cut], 0);
        meter.observe(&body.as_bytes()[cut..], 0);
        let usage = meter.finish().answer.usage().unwrap();
        assert_eq!((usage.input(), usage.output()), (0, 3), "cut at {cut}");
    }
}

#[test]
fn the_first_token_is_the_first_text() {
    let mut meter = Meter::start(Format::Events);
    for (at, event) in STREAM.split_inclusive("\n\n").enumerate() {
        meter.observe(event.as_bytes(), 10 * at as u64);
    }
    let reading = meter.finish();
    assert_eq!((reading.first_token, reading.last_token), (Some(10), Some(20)));
}

#[test]
fn a_cut_stream_is_not_whole() {
    let cut = STREAM.find("data: [DONE]").unwrap();
    let middle = STREAM.find("\"lo\"").unwrap();
    // Some providers never say [DONE]; a finish reason at an event's end is an end.
    assert!(read(Format::Events, &STREAM.as_bytes()[..cut]).whole);
    assert!(!read(Format::Events, &STREAM.as_bytes()[..middle]).whole);
    assert!(!read(Format::Json, b"{\"id\":").whole);
}

#[test]
fn what_must_be_json_and_is_not() {
    let html = b"<html>504</html>";
    for (format, sound) in [(Format::Json, false), (Format::Opaque, false)] {
        assert_eq!(is_sound(Api::Chat, format, &read(format, html)), sound);
    }
    assert!(is_sound(Api::Other, Format::Opaque, &read(Format::Opaque, html)));
    let broken = b"data: {\"choices\":[\n\n";
    assert!(!is_sound(Api::Chat, Format::Events, &read(Format::Events, broken)));
}

#[test]
fn content_types() {
    assert_eq!(Format::of_content_type(b"text/event-stream; charset=utf-8"), Format::Events);
    assert_eq!(Format::of_content_type(b"Application/JSON"), Format::Json);
    assert_eq!(Format::of_content_type(b"application/problem+json"), Format::Json);
    assert_eq!(Format::of_content_type(b"audio/mpeg"), Format::Opaque);
}

/// Tokens of what was heard of an answer in these pieces, the last of which may end anywhere.
fn tokens_heard(format: Format, pieces: &[&[u8]]) -> crate::tokens::OutputCount {
    let mut output = crate::tokens::Output::new(crate::tokens::Tokenizer::of("gpt-4o"));
    let mut meter = Meter::start(format);
    for piece in pieces {
        meter.observe(piece, 0);
        if let Some((raw, missed)) = meter.take_heard() {
            output.hear(&raw);
            output.miss(missed);
        }
        assert!(!meter.answer.heard.is_full());
    }
    let (raw, missed) = meter.finish().answer.heard.take();
    output.hear(&raw);
    output.miss(missed);
    output.finish()
}

#[test]
fn a_stream_cut_at_any_byte_counts_what_was_delivered() {
    use crate::tokens::{Encoding, count};
    let texts = ["The river", " rises", ", and", " the weir", " measures: 1,234,567 m³", " — é🌊!"];
    let event = |text: &str| {
        format!("data: {{\"id\":\"c\",\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}}}}]}}\n\n")
    };
    let stream: Vec<u8> = texts.iter().flat_map(|text| event(text).into_bytes()).collect();
    for cut in 0..=stream.len() {
        let mut delivered = String::new();
        for event in String::from_utf8_lossy(&stream[..cut]).split("\n\n") {
            let text = event.split_once("\"content\":\"").map(|(_, text)| text.split('"').next().unwrap_or_default());
            delivered.push_str(text.unwrap_or_default());
        }
        let expected = count(Encoding::O200k, &delivered).tokens;
        for pieces in [vec![&stream[..cut]], stream[..cut].chunks(3).collect()] {
            assert_eq!(tokens_heard(Format::Events, &pieces).output, expected, "cut at {cut}: {delivered:?}");
        }
    }
}

#[test]
fn every_text_of_an_answer_is_heard() {
    use crate::tokens::{Encoding, count};
    let tokens = |texts: &[&str]| texts.iter().map(|text| count(Encoding::O200k, text).tokens).sum::<u64>();
    for (format, body, output, reasoning, exact) in [
        (
            Format::Json,
            r#"{"choices":[{"message":{"content":"one two\u0020three"}}]}"#,
            &["one two three"][..],
            &[][..],
            true,
        ),
        (Format::Json, r#"{"choices":[{"text":"one"},{"text":"two"}]}"#, &["onetwo"], &[], true),
        (
            Format::Json,
            r#"{"choices":[{"index":0,"message":{"content":"one"}},{"index":1,"message":{"content":"two"}}]}"#,
            &["one", "two"],
            &[],
            true,
        ),
        (
            Format::Json,
            r#"{"choices":[{"message":{"reasoning_content":"hm","reasoning":"hm","content":"yes"}}]}"#,
            &["yes"],
            &["hm"],
            true,
        ),
        (
            Format::Json,
            r#"{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"hm"}]},{"type":"text","text":"yes"}]}}]}"#,
            &["yes"],
            &["hm"],
            true,
        ),
        (
            Format::Json,
            r#"{"choices":[{"message":{"content":null,"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":1}"}}]}}]}"#,
            &["f{\"x\":1}"],
            &[],
            false,
        ),
        (
            Format::Json,
            r#"{"output":[{"type":"reasoning","summary":[{"text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"yes"}]}]}"#,
            &["yes"],
            &["hm"],
            true,
        ),
        (
            Format::Events,
            "data: {\"type\":\"response.output_text.delta\",\"delta\":\"yes\"}\n\ndata: {\"type\":\"response.output_text.done\",\"text\":\"yes\"}\n\n\
             data: {\"type\":\"response.completed\",\"response\":{\"output\":[{\"content\":[{\"text\":\"yes\"}]}]}}\n\n",
            &["yes"],
            &[],
            true,
        ),
        (
            Format::Events,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"index\":1,\"delta\":{\"content\":\"b\"}}]}\n\n\
             data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"c\"}}]}\n\n",
            &["a", "b", "c"],
            &[],
            false,
        ),
    ] {
        let count = tokens_heard(format, &[body.as_bytes()]);
        let expected = (tokens(output), tokens(reasoning), exact);
        assert_eq!((count.output, count.reasoning, count.exact), expected, "{body}");
    }
}

#[test]
fn what_is_kept_of_an_answer_is_bounded() {
    let mut meter = Meter::start(Format::Json);
    meter.observe(b"{\"choices\":[{\"message\":{\"content\":\"", 0);
    meter.observe(&vec![b'x'; 10 << 20], 0);
    let (raw, missed) = meter.take_heard().unwrap();
    assert!(raw.len() == 64 << 10 && raw.len() as u64 + missed == 10 << 20);
}
