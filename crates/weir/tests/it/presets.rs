//! Every preset with the answers of its provider, as they lie in `crates/meter/tests/providers`: they pass, and the Record has
//! the usage that is in them.

use std::path::Path;

use serde_json::Value;
use weir::config::PRESETS;

use super::harness::{Upstream, Weir, answer, events, provider};

#[test]
fn answers_of_every_preset_pass_and_are_metered() {
    for preset in PRESETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../meter/tests/providers").join(preset.name);
        let read =
            |file: &str| std::fs::read(dir.join(file)).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        let expected: Value = serde_json::from_slice(&read("expected.json")).unwrap();
        let (whole, stream) = (read("answer.json"), read("stream.sse"));
        let sent = (whole.clone(), stream.clone());
        let upstream = Upstream::start(move |request, peer| match request.json()["stream"] == true {
            true => peer.send(events([&sent.1])),
            false => peer.send(answer("200 OK", "application/json", &sent.0)),
        });
        let weir =
            Weir::start(&provider(preset.name, &upstream, &format!("preset = \"{}\"\ndefault = true", preset.name)));
        assert!(weir.chat(r#"{"model":"m","messages":[]}"#).body == whole, "{}", preset.name);
        let asked = r#"{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[]}"#;
        assert!(weir.chat(asked).body == stream, "{}", preset.name);
        let unasked = weir.chat(r#"{"model":"m","stream":true,"messages":[]}"#);
        assert!(unasked.whole && !unasked.text().contains("\"choices\":[],\"usage\":{"), "{}", preset.name);
        let question = upstream.seen()[2].json()["stream_options"]["include_usage"] == true;
        assert_eq!(question, preset.name != "mistral", "{}", preset.name);
        for (record, kind) in weir.settled(3).iter().zip(["answer", "stream", "stream"]) {
            let told = |key: &str| expected[kind][key].as_u64().unwrap_or(0);
            let found = |key: &str| record[key].as_u64().unwrap_or(0);
            let name = format!("{}: {kind}: {record:#}", preset.name);
            assert_eq!((&record["provider"], &record["status"]), (&preset.name.into(), &"success".into()), "{name}");
            assert_eq!(
                (&record["usage_source"], &record["finish_reason"]),
                (&"provider".into(), &"stop".into()),
                "{name}"
            );
            assert_eq!((found("input_tokens"), found("output_tokens")), (told("input"), told("output")), "{name}");
            assert_eq!(found("cached_input_tokens"), told("cached_input"), "{name}");
            assert_eq!(found("cache_write_tokens"), told("cache_write"), "{name}");
            assert_eq!(found("reasoning_tokens"), told("reasoning"), "{name}");
        }
    }
}
