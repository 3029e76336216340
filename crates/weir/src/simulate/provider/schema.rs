//! Schema: a value that fits a JSON schema, for the arguments of tool calls and for structured answers.

use fastrand::Rng;
use serde_json::{Map, Value, json};

use crate::simulate::text::{Topic, words};

/// How deep and how wide a value grows, whatever the schema says.
const DEPTH: usize = 4;
const WIDTH: usize = 32;

/// A value that fits `schema`, with words from `topic`; an object about the topic where the schema does not say.
pub(super) fn sample(rng: &mut Rng, schema: &Value, topic: &Topic) -> Value {
    if schema["properties"].is_object() {
        return value(rng, schema, topic, DEPTH);
    }
    if schema.as_object().is_some_and(|rules| rules.contains_key("type")) {
        return Value::Object(Map::new());
    }
    json!({ "topic": topic.name, "summary": words(rng, topic), "score": rng.u32(1..=10) })
}

fn value(rng: &mut Rng, schema: &Value, topic: &Topic, depth: usize) -> Value {
    if let Some(chosen) = schema["enum"].as_array().and_then(|choices| rng.choice(choices)) {
        return chosen.clone();
    }
    match schema["type"].as_str() {
        Some("integer") => json!(rng.u32(1..=100)),
        Some("number") => json!(f64::from(rng.u32(10..=1000)) / 10.0),
        Some("boolean") => json!(rng.bool()),
        Some("null") => Value::Null,
        Some("array") if depth > 0 => {
            (0..rng.usize(1..=3)).map(|_| value(rng, &schema["items"], topic, depth - 1)).collect()
        }
        Some("object") if depth > 0 => {
            let properties = schema["properties"].as_object().into_iter().flatten().take(WIDTH);
            properties.map(|(name, rule)| (name.clone(), value(rng, rule, topic, depth - 1))).collect()
        }
        Some("array") => json!([]),
        Some("object") => json!({}),
        _ => Value::String(words(rng, topic)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::text::TOPICS;

    #[test]
    fn a_value_has_what_the_schema_names() {
        let schema = json!({"type": "object", "properties": {
            "city": {"type": "string"},
            "unit": {"type": "string", "enum": ["celsius"]},
            "days": {"type": "integer"},
            "tags": {"type": "array", "items": {"type": "string"}},
        }});
        let value = sample(&mut Rng::with_seed(1), &schema, &TOPICS[0]);
        assert!(value["city"].is_string() && value["days"].is_u64() && value["tags"].is_array(), "{value}");
        assert_eq!(value["unit"], "celsius");
    }

    #[test]
    fn a_schema_without_end_ends() {
        let mut schema = json!({"type": "object", "properties": {}});
        for _ in 0..50 {
            schema = json!({"type": "object", "properties": {"deeper": schema}});
        }
        assert!(sample(&mut Rng::with_seed(1), &schema, &TOPICS[0]).to_string().len() < 200);
    }
}
