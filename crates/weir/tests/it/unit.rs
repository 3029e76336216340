//! What is paid by the piece: pictures, seconds of audio, characters.

use serde_json::Value;

use super::harness::{Upstream, Weir, answer, events, json, provider, request};

/// The Record of one request to a provider that stands in the catalogue under this name.
fn record(catalog: &str, path: &str, kind: &str, body: &str, answer: Vec<u8>) -> Value {
    let upstream = Upstream::answering(answer);
    let weir = Weir::start(&provider("up", &upstream, &format!("catalog = \"{catalog}\"")));
    assert_eq!(weir.ask(request(&format!("POST {path}"), &[("content-type", kind)], body)).status(), 200);
    weir.record()
}

/// A form as SDKs send it, the file first.
fn form(model: &str) -> String {
    let part = |head: &str, value: &str| format!("--b\r\nContent-Disposition: form-data; {head}\r\n\r\n{value}\r\n");
    part("name=\"file\"; filename=\"a.mp3\"", "--not audio--") + &part("name=\"model\"", model) + "--b--\r\n"
}

const FORM: &str = "multipart/form-data; boundary=b";
const JSON: &str = "application/json";

#[test]
fn pictures_are_counted_and_billed_by_the_piece() {
    let ask = r#"{"model":"flux.2-pro","prompt":"A weir","n":2}"#;
    let answer = json(r#"{"created":1,"data":[{"b64_json":"aGVsbG8="},{"url":"https://x/y.png","b64_json":null}]}"#);
    let record = record("azure_ai", "/v1/images/generations", JSON, ask, answer);
    assert_eq!((&record["api"], &record["image_count"]), (&"images".into(), &2.into()), "{record:#}");
    assert_eq!((&record["cost_usd"], &record["cost_output_usd"]), (&0.08.into(), &0.08.into()), "2 at 0.04");
    assert_eq!((&record["cost_status"], &record["price_id"]), (&"list".into(), &"azure_ai/flux.2-pro".into()));
    assert_eq!((&record["output_tokens"], &record["usage_source"]), (&Value::Null, &"provider".into()));
}

/// Where tokens are reported they are billed, and the pictures stand beside them.
#[test]
fn pictures_with_tokens_are_billed_by_the_token() {
    let ask = r#"{"model":"gpt-image-1","prompt":"A weir","stream":true}"#;
    let partial = r#"{"type":"image_generation.partial_image","b64_json":"aGVs"}"#;
    let done = r#"{"type":"image_generation.completed","b64_json":"aGVsbG8=","usage":{"total_tokens":1100,"input_tokens":100,"output_tokens":1000,"input_tokens_details":{"text_tokens":60,"image_tokens":40}}}"#;
    let stream = events([format!("data: {partial}\n\ndata: {done}\n\n")]);
    let record = record("openai", "/v1/images/generations", JSON, ask, stream);
    assert_eq!((&record["image_count"], &record["image_input_tokens"]), (&1.into(), &40.into()), "{record:#}");
    // 60 at 5, 40 at 10 and 1,000 at 40 per million.
    assert_eq!(record["cost_usd"], 0.0407);
}

#[test]
fn audio_is_billed_by_the_second_for_the_model_that_its_form_names() {
    let short = r#"{"text":"The weir","usage":{"type":"duration","seconds":9}}"#;
    let verbose = r#"{"task":"transcribe","duration":8.47,"text":"The weir","segments":[{"id":0}]}"#;
    for (answer, seconds, cost) in [(short, 9.0, 0.0009), (verbose, 8.47, 0.000847)] {
        let record = record("openai", "/v1/audio/transcriptions", FORM, &form("whisper-1"), json(answer));
        assert_eq!((&record["model"], &record["api"]), (&"whisper-1".into(), &"transcriptions".into()), "{record:#}");
        let figures = (record["audio_seconds"].as_f64(), record["cost_usd"].as_f64());
        assert_eq!(figures, (Some(seconds), Some(cost)), "{record:#}");
        assert_eq!(record["cost_status"], "list");
    }
    // With tokens, in the names that this call has for them.
    let tokens = r#"{"text":"The weir","usage":{"type":"tokens","input_tokens":14,"input_token_details":{"text_tokens":4,"audio_tokens":10},"output_tokens":45,"total_tokens":59}}"#;
    let record = record("openai", "/v1/audio/transcriptions", FORM, &form("gpt-4o-transcribe"), json(tokens));
    assert_eq!((&record["audio_input_tokens"], &record["input_tokens"]), (&10.into(), &14.into()), "{record:#}");
    assert_eq!(record["cost_usd"], 0.000485, "14 at 2.5 and 45 at 10 per million");
}

#[test]
fn speech_is_billed_by_the_character_and_only_where_it_was_made() {
    let ask = r#"{"model":"tts-1","voice":"alloy","input":"Die Wehr\u00e4nder \ud83c\udf0a"}"#;
    let spoken = record("openai", "/v1/audio/speech", JSON, ask, answer("200 OK", "audio/mpeg", "\u{1}\u{2}"));
    assert_eq!((&spoken["api"], &spoken["characters"]), (&"speech".into(), &15.into()), "{spoken:#}");
    assert_eq!(
        (&spoken["cost_usd"], &spoken["cost_input_usd"]),
        (&0.000225.into(), &0.000225.into()),
        "15 at 0.000015"
    );
    let upstream = Upstream::answering(answer("401 Unauthorized", JSON, "{}"));
    let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\""));
    weir.ask(request("POST /v1/audio/speech", &[("content-type", JSON)], ask));
    let refused = weir.record();
    assert!(refused.get("characters").is_none() && refused["cost_usd"].is_null(), "{refused:#}");
    assert!(refused.get("cost_status").is_none());
}

/// Pieces without a price are no free pieces.
#[test]
fn pieces_without_a_price_are_unpriced() {
    let ask = r#"{"model":"new-painter","prompt":"A weir"}"#;
    let upstream = Upstream::answering(json(r#"{"data":[{"b64_json":"aGVsbG8="}]}"#));
    let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\""));
    weir.ask(request("POST /v1/images/generations", &[("content-type", JSON)], ask));
    let record = weir.record();
    assert_eq!((&record["cost_status"], &record["cost_usd"]), (&"unpriced".into(), &Value::Null), "{record:#}");
    let metrics = weir.metrics();
    assert_eq!(metrics.number("llm_unpriced_requests_total{provider=\"up\",model=\"new-painter\"}"), 1);
}
