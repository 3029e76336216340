//! Embedding: vectors for texts. The same text always has the same vector, of length 1.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde_json::{Value, json};

use super::model::model;
use super::pace::{Event, Piece};
use super::refusal::Refusal;
use super::request::model_name;
use crate::simulate::text::count_tokens;

/// The most texts in one request, as OpenAI has it.
const MOST_INPUTS: usize = 2048;
/// The numbers in a vector of a model that is not known, and the most there can be.
const DIMENSIONS: usize = 1536;
const MOST_DIMENSIONS: u64 = 3072;

/// The vectors a caller asks for.
#[derive(Debug)]
pub(super) struct Embedding {
    pub(super) model: String,
    pub(super) tokens: u64,
    seeds: Vec<u64>,
    dimensions: usize,
    base64: bool,
}

impl Embedding {
    /// Reads the body of a request.
    ///
    /// # Errors
    /// What the provider answers where the body does not hold what it must.
    pub(super) fn read(body: &Value) -> Result<Embedding, Refusal> {
        let name = model_name(body)?;
        let inputs = match &body["input"] {
            Value::Null => return Err(Refusal::missing("Missing required parameter: 'input'.", "input")),
            Value::Array(parts) if parts.iter().any(|part| !part.is_number()) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        if inputs.len() > MOST_INPUTS || inputs.iter().any(|input| tokens(input) == 0) {
            return Err(Refusal::invalid("'$.input' is invalid. Please check the API reference.", None));
        }
        let known = match model(&name).dimensions {
            0 => DIMENSIONS,
            dimensions => dimensions,
        };
        let dimensions = body["dimensions"].as_u64().map_or(known, |asked| asked.clamp(1, MOST_DIMENSIONS) as usize);
        Ok(Embedding {
            model: name,
            tokens: inputs.iter().map(tokens).sum(),
            seeds: inputs.iter().map(seed).collect(),
            dimensions,
            base64: body["encoding_format"] == "base64",
        })
    }

    /// The answer, a vector at a time: many long vectors never stand in memory together.
    pub(super) fn events(self, due: Duration) -> impl Iterator<Item = Event> + Send {
        let usage = json!({ "prompt_tokens": self.tokens, "total_tokens": self.tokens });
        let head = String::from(r#"{"object":"list","data":["#);
        let tail = format!(r#"],"model":{},"usage":{usage}}}"#, Value::from(self.model));
        let vectors = self.seeds.into_iter().enumerate().map(move |(index, seed)| {
            let comma = if index == 0 { "" } else { "," };
            let vector = vector(seed, self.dimensions);
            let shown = if self.base64 { Value::from(base64(&vector)).to_string() } else { list(&vector) };
            format!(r#"{comma}{{"object":"embedding","index":{index},"embedding":{shown}}}"#)
        });
        let pieces = std::iter::once(head).chain(vectors).chain(std::iter::once(tail));
        pieces.map(move |piece| Event { due, piece: Piece::Bytes(Bytes::from(piece)) })
    }
}

/// The tokens of one input: a text, or the tokens themselves.
fn tokens(input: &Value) -> u64 {
    match input {
        Value::String(text) => count_tokens(text),
        Value::Array(numbers) => numbers.len() as u64,
        _ => 0,
    }
}

fn seed(input: &Value) -> u64 {
    let mut hasher = DefaultHasher::new();
    input.hash(&mut hasher);
    hasher.finish()
}

fn vector(seed: u64, dimensions: usize) -> Vec<f32> {
    let mut rng = Rng::with_seed(seed);
    let mut numbers: Vec<f32> = (0..dimensions).map(|_| rng.f32() - 0.5).collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt().max(f32::MIN_POSITIVE);
    numbers.iter_mut().for_each(|number| *number /= length);
    numbers
}

fn list(vector: &[f32]) -> String {
    serde_json::to_string(vector).unwrap_or_default()
}

/// The vector's little-endian bytes in base64 (RFC 4648).
fn base64(vector: &[f32]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for group in bytes.chunks(3) {
        let bits = group.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - group.len()));
        for place in 0..4 {
            let digit = DIGITS[(bits >> (18 - 6 * place) & 63) as usize];
            text.push(if place <= group.len() { char::from(digit) } else { '=' });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rendered(body: &Value) -> Value {
        let mut text = Vec::new();
        for event in Embedding::read(body).unwrap().events(Duration::ZERO) {
            if let Piece::Bytes(bytes) = event.piece {
                text.extend_from_slice(&bytes);
            }
        }
        serde_json::from_slice(&text).unwrap()
    }

    #[test]
    fn one_text_has_one_vector_of_length_one() {
        let answer = rendered(&json!({"model": "text-embedding-3-small", "input": ["red apples", "green pears"]}));
        let data = answer["data"].as_array().unwrap();
        let vector: Vec<f64> = serde_json::from_value(data[0]["embedding"].clone()).unwrap();
        assert_eq!((data.len(), vector.len()), (2, 1536));
        assert!((vector.iter().map(|number| number * number).sum::<f64>() - 1.0).abs() < 1e-3);
        assert_eq!(answer["usage"]["prompt_tokens"], 4);
        let alone = rendered(&json!({"model": "text-embedding-3-small", "input": "red apples"}));
        assert_eq!(alone["data"][0]["embedding"], data[0]["embedding"]);
    }

    #[test]
    fn base64_is_as_the_standard_has_it() {
        assert_eq!(base64(&[1.0]), "AACAPw==");
        assert_eq!(base64(&[1.0, -2.0]), "AACAPwAAAMA=");
        let answer = rendered(&json!({"model": "m", "input": [1, 2, 3], "encoding_format": "base64", "dimensions": 3}));
        assert_eq!(answer["data"][0]["embedding"].as_str().unwrap().len(), 16);
        assert_eq!(answer["usage"]["total_tokens"], 3);
    }

    #[test]
    fn nothing_cannot_be_embedded() {
        for body in [json!({"model": "m"}), json!({"model": "m", "input": ""}), json!({"model": "m", "input": [""]})] {
            assert_eq!(Embedding::read(&body).unwrap_err().status, 400, "{body}");
        }
    }
}
