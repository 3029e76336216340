//! Amounts with a unit, as people write them: `"32 MiB"`, `"10s"`.

use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A number of bytes: `1048576`, `"32 MiB"`, `"1 GB"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bytes(pub u64);

/// A length of time: `"250ms"`, `"10s"`, `"5m"`, `"1h"`, `"30d"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

const SIZES: &[(&str, u64)] = &[
    ("", 1),
    ("B", 1),
    ("KiB", 1 << 10),
    ("MiB", 1 << 20),
    ("GiB", 1 << 30),
    ("TiB", 1 << 40),
    ("kB", 1000),
    ("KB", 1000),
    ("MB", 1_000_000),
    ("GB", 1_000_000_000),
    ("TB", 1_000_000_000_000),
];

/// In milliseconds.
const SPANS: &[(&str, u64)] =
    &[("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000)];

fn parse(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let text = text.trim();
    let end = text.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let (_, factor) = units.iter().find(|(name, _)| *name == unit.trim())?;
    number.parse::<u64>().ok()?.checked_mul(*factor)
}

struct Amount {
    units: &'static [(&'static str, u64)],
    expects: &'static str,
    bare: bool,
}

impl Visitor<'_> for Amount {
    type Value = u64;

    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str(self.expects)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<u64, E> {
        parse(text, self.units).ok_or_else(|| E::custom(format!("this is not {}", self.expects)))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<u64, E> {
        match u64::try_from(number) {
            Ok(number) if self.bare => Ok(number),
            _ => Err(E::custom(format!("{number} is not {}", self.expects))),
        }
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount = Amount { units: SIZES, expects: "a size such as \"32 MiB\"", bare: true };
        deserializer.deserialize_any(amount).map(Bytes)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let amount =
            Amount { units: SPANS, expects: "a time such as \"250ms\", \"10s\", \"5m\" or \"1h\"", bare: false };
        deserializer.deserialize_any(amount).map(|millis| Span(Duration::from_millis(millis)))
    }
}

impl JsonSchema for Bytes {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Bytes".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A number of bytes, bare or with a unit: 1048576, \"32 MiB\", \"1 GB\".",
            "anyOf": [
                { "type": "integer", "minimum": 0 },
                { "type": "string", "pattern": "^\\s*[0-9]+\\s*(B|KiB|MiB|GiB|TiB|kB|KB|MB|GB|TB)?\\s*$" }
            ]
        })
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Span".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A length of time: \"250ms\", \"10s\", \"5m\", \"1h\", \"30d\", \"2w\".",
            "type": "string",
            "pattern": "^\\s*[0-9]+\\s*(ms|s|m|h|d|w)\\s*$"
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_as_people_write_them() {
        assert_eq!(parse("32 MiB", SIZES), Some(32 << 20));
        assert_eq!(parse("1GB", SIZES), Some(1_000_000_000));
        assert_eq!(parse("1048576", SIZES), Some(1 << 20));
        assert_eq!(parse("10s", SPANS), Some(10_000));
        assert_eq!(parse("250 ms", SPANS), Some(250));
        for wrong in ["", "MiB", "-1 MiB", "1.5 MiB", "10 parsecs", "99999999999999999999"] {
            assert_eq!(parse(wrong, SIZES), None, "{wrong}");
        }
        assert_eq!(parse("10", SPANS), None, "a time needs its unit");
    }
}
