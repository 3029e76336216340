//! A request's body: what serde_json reads in it the inspection says too, and rewriting changes what it should.

use meter::request::{Asked, BadRequest, inspect};
use serde_json::{Map, Value};

use super::model;

/// A name with everything in it that needs escaping.
const TARGET: &str = "x\"\\\n\u{7}é";

/// Checks one body.
pub fn check(body: &[u8]) {
    let asked = inspect(body);
    if let Ok(asked) = &asked {
        // Also what only looks like JSON is rewritten without harm, and nothing asked for changes nothing.
        assert_eq!(asked.rewrite(body, None, false), body);
        let _ = asked.rewrite(body, Some(TARGET), true);
    }
    let Ok(Value::Object(object)) = serde_json::from_slice::<Value>(body) else { return };
    let Some(members) = model::members(body) else { return };
    let is_model = |key: &[u8]| meter::json::unescape(key) == "model";
    let typed = |value: &[u8]| value == b"null" || value.first() == Some(&b'"');
    if members.iter().any(|member| is_model(member.key) && !typed(member.value)) {
        assert_eq!(asked, Err(BadRequest::ModelType));
        return;
    }
    // The nested readers are stricter by nothing: an object is never refused.
    let asked = match asked {
        Ok(asked) => asked,
        Err(error) => panic!("refused: {error}"),
    };
    agrees(&asked, &object);
    for (model, usage) in [(Some(TARGET), false), (None, true), (Some(TARGET), true)] {
        let rewritten = asked.rewrite(body, model, usage);
        let found = serde_json::from_slice::<Value>(&rewritten).ok();
        assert_eq!(found, Some(Value::Object(expected(&object, model, usage))), "rewritten for {model:?}, {usage}");
    }
}

fn agrees(asked: &Asked, object: &Map<String, Value>) {
    let text = |key: &str| object.get(key).and_then(Value::as_str);
    assert_eq!(asked.model.as_deref(), text("model"));
    assert_eq!(asked.stream, object.get("stream") == Some(&Value::Bool(true)));
    assert_eq!(asked.user.as_deref(), text("user"));
    assert_eq!(asked.service_tier.as_deref(), text("service_tier"));
    let include_usage = object.get("stream_options").and_then(|options| options.get("include_usage"));
    assert_eq!(asked.include_usage, include_usage.and_then(Value::as_bool));
    for (found, key) in [(asked.temperature, "temperature"), (asked.top_p, "top_p")] {
        let number = object.get(key).and_then(Value::as_f64);
        match (found, number) {
            // serde_json's fast reader of floats may be off by the last digit.
            (Some(found), Some(number)) => assert!((found - number).abs() <= number.abs() * 1e-12, "{found} {number}"),
            (None, Some(number)) => assert!(number.abs() > 1e6 * (1.0 - 1e-12), "{number} is missed"),
            (found, None) => assert_eq!(found, None),
        }
    }
    let limits = ["max_completion_tokens", "max_tokens", "max_output_tokens"].map(|key| object.get(key));
    let mut given = limits.into_iter().flatten();
    if let (Some(limit), None) = (given.next(), given.next()) {
        assert_eq!(asked.max_tokens, limit.as_u64());
    }
}

fn expected(object: &Map<String, Value>, model: Option<&str>, usage: bool) -> Map<String, Value> {
    let mut object = object.clone();
    if let (Some(model), Some(old)) = (model, object.get_mut("model")) {
        *old = model.into();
    }
    if usage {
        let options = object.entry("stream_options").or_insert(Value::Null);
        if !options.is_object() {
            *options = Value::Object(Map::new());
        }
        options["include_usage"] = true.into();
    }
    object
}
