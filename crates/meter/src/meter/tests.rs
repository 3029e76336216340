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
