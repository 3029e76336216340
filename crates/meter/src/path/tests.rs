use proptest::prelude::*;

use super::*;
use crate::meter::{Format, Meter, read};
use crate::request::{Asked, inspect, inspect_for};

fn paths(all: &[&str]) -> Paths {
    let mut paths = Paths::default();
    for (index, path) in all.iter().enumerate() {
        assert_eq!(paths.add(path), Ok(index));
    }
    paths
}

fn asked(body: &str, all: &[&str]) -> Asked {
    inspect_for(body.as_bytes(), &paths(all)).unwrap()
}

#[test]
fn what_a_request_says() {
    let all = ["metadata.team", "metadata", "n", "yes", "a.b.c", "metadata.team", "no", "tags"];
    let asked = asked(
        r#"{"model":"m","metadata":{"x":1,"t\u0065am":"bl\u00fce\n"},"n":-1.5e3,"yes":true,"a":[{"b":{"c":7}}],"no":null,
            "tags":["x","y"]}"#,
        &all,
    );
    let found: Vec<_> = (0..all.len()).map(|path| asked.found.get(path).cloned()).collect();
    let text = || Some(Found::Text("blüe\n".to_owned()));
    assert_eq!(
        found,
        [
            text(),
            Some(Found::Container),
            Some(Found::Number("-1.5e3".to_owned())),
            Some(Found::Bool(true)),
            Some(Found::Number("7".to_owned())),
            text(),
            None,
            Some(Found::Container),
        ]
    );
    assert_eq!(asked.model.as_deref(), Some("m"));
}

#[test]
fn a_long_value_costs_no_memory() {
    let asked = asked(&format!(r#"{{"model":"m","long":"{}"}}"#, "x".repeat(1 << 20)), &["long"]);
    assert_eq!(asked.found.get(0), Some(&Found::Text("x".repeat(1024))));
}

#[test]
fn paths_that_cannot_be_followed() {
    let mut paths = Paths::default();
    for (path, error) in [
        ("", BadPath::EmptyKey),
        ("a..b", BadPath::EmptyKey),
        (".a", BadPath::EmptyKey),
        (&"k".repeat(65), BadPath::TooLong),
        ("a.b.c.d.e.f.g.h.i.j.k", BadPath::TooLong),
    ] {
        assert_eq!(paths.add(path), Err(error), "{path}");
    }
    assert!(paths.is_empty());
    let error = (0..300).find_map(|number| paths.add(&format!("k{number}")).err());
    assert_eq!(error, Some(BadPath::TooMany));
}

const ANSWER: &str = r#"{"id":"x","usage":{"prompt_tokens":3,"completion_tokens":4,"cost":0.25,"note":"n"},"choices":[{"finish_reason":"stop"}],"router":{"pool":"b"}}"#;

#[test]
fn beside_the_meter_at_every_cut() {
    let paths =
        std::sync::Arc::new(paths(&["usage.cost", "router.pool", "choices.finish_reason", "id", "usage", "error.x"]));
    let plain = read(Format::Json, ANSWER.as_bytes());
    for cut in 0..=ANSWER.len() {
        let mut meter = Meter::start(Format::Json);
        meter.look_for(&paths);
        meter.observe(&ANSWER.as_bytes()[..cut], 0);
        meter.observe(&ANSWER.as_bytes()[cut..], 1);
        let reading = meter.finish();
        assert_eq!(format!("{:?}", reading.answer), format!("{:?}", plain.answer), "nothing else is read differently");
        let found: Vec<_> = (0..6).map(|path| reading.found.get(path).cloned()).collect();
        let text = |text: &str| Some(Found::Text(text.to_owned()));
        let number = Some(Found::Number("0.25".to_owned()));
        assert_eq!(found, [number, text("b"), text("stop"), text("x"), Some(Found::Container), None], "cut at {cut}");
    }
}

#[test]
fn text_is_heard_as_without_looking() {
    let paths = std::sync::Arc::new(paths(&["x_pool", "choices.delta.content", "output.content.text"]));
    let bodies = [
        (
            Format::Json,
            r#"{"choices":[{"index":0,"message":{"content":"What flows.","tool_calls":[{"id":"c","function":{"name":"f","arguments":"{}"}}]}}]}"#,
        ),
        (Format::Json, r#"{"output":[{"type":"message","content":[{"type":"output_text","text":"What flows."}]}]}"#),
        (
            Format::Events,
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"What\",\"reasoning\":\"so\"}}],\"x_pool\":\"b\"}\n\n",
        ),
        (Format::Events, "data: {\"type\":\"response.output_text.delta\",\"delta\":\"What flows.\"}\n\n"),
    ];
    for (format, body) in bodies {
        let mut plain = read(format, body.as_bytes()).answer;
        let mut meter = Meter::start(format);
        meter.look_for(&paths);
        meter.observe(body.as_bytes(), 0);
        let mut looked = meter.finish().answer;
        let heard = looked.heard.take();
        assert!(!heard.0.is_empty(), "{body}");
        assert_eq!(heard, plain.heard.take(), "{body}");
    }
}

#[test]
fn in_a_stream_the_last_one_counts() {
    let paths = std::sync::Arc::new(paths(&["x_pool", "usage.cost"]));
    let mut meter = Meter::start(Format::Events);
    meter.look_for(&paths);
    meter.observe(b"data: {\"x_pool\":\"a\",\"choices\":[]}\n\ndata: {\"x_pool\":\"b\"}\n\n", 0);
    // A response's stream has it one level down.
    meter.observe(b"data: {\"type\":\"response.completed\",\"response\":{\"usage\":{\"cost\":1}}}\n\n", 0);
    let reading = meter.finish();
    assert_eq!(reading.found.get(0), Some(&Found::Text("b".to_owned())));
    assert_eq!(reading.found.get(1), Some(&Found::Number("1".to_owned())));
}

proptest! {
    /// Whatever a body is, looking for values changes nothing of what else is read.
    #[test]
    fn looking_changes_nothing(body in "\\{(\"(model|user|a|b|metadata)\":(\"[a-z\\\\\"]{0,4}\"|[0-9]{1,3}|\\{\"a\":[0-9]\\}|\\[1\\]|null|true),?){0,5}\\}?") {
        let paths = paths(&["a", "b.a", "metadata.a", "user", "model"]);
        let mut with = inspect_for(body.as_bytes(), &paths);
        if let Ok(asked) = &mut with {
            asked.found = Findings::default();
        }
        prop_assert_eq!(with, inspect(body.as_bytes()));
    }
}
