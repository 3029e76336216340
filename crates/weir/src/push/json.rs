//! A push request as JSON.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::{Pushed, PushedEntry, PushedLabels, PushedStream, Refused};

/// Reads `{"streams": [{"stream": {…}, "values": [["NANOSECONDS", "LINE", {…}]]}]}`.
pub(super) fn read(body: &[u8]) -> Result<Pushed<'_>, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused::bad(format!("couldn't unmarshal the push request: {error}")))
}

impl<'de: 'a, 'a> Deserialize<'de> for Pushed<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Written<'a> {
            #[serde(borrow, default)]
            streams: Option<Vec<PushedStream<'a>>>,
        }
        Ok(Pushed { streams: Written::deserialize(from)?.streams.unwrap_or_default() })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PushedStream<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        struct Written<'a> {
            #[serde(borrow, default)]
            stream: Pairs<'a>,
            #[serde(borrow, default)]
            values: Option<Vec<PushedEntry<'a>>>,
        }
        let written = Written::deserialize(from)?;
        Ok(PushedStream { labels: PushedLabels::Pairs(written.stream.0), entries: written.values.unwrap_or_default() })
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for PushedEntry<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = PushedEntry<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("[\"nanoseconds\", \"line\"] or [\"nanoseconds\", \"line\", {metadata}]")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut parts: A) -> Result<Self::Value, A::Error> {
        let Text(timestamp) = parts.next_element()?.ok_or_else(|| A::Error::custom("a value has no timestamp"))?;
        let Text(line) = parts.next_element()?.ok_or_else(|| A::Error::custom("a value has no line"))?;
        let Pairs(metadata) = parts.next_element()?.unwrap_or_default();
        while parts.next_element::<IgnoredAny>()?.is_some() {}
        let timestamp = timestamp.parse();
        let timestamp = timestamp.map_err(|_| A::Error::custom("a timestamp is no whole number of nanoseconds"))?;
        let line = match line {
            Cow::Borrowed(line) => Cow::Borrowed(line.as_bytes()),
            Cow::Owned(line) => Cow::Owned(line.into_bytes()),
        };
        Ok(PushedEntry { timestamp, line, metadata })
    }
}

/// A string, without a copy where it has no escapes.
struct Text<'a>(Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_str(TextVisitor)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Text<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Text(Cow::Owned(text.to_owned())))
    }
}

/// An object of strings; of several members with one name the last counts.
#[derive(Default)]
struct Pairs<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'de: 'a, 'a> Deserialize<'de> for Pairs<'a> {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_map(PairsVisitor)
    }
}

struct PairsVisitor;

impl<'de> Visitor<'de> for PairsVisitor {
    type Value = Pairs<'de>;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("an object of strings")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
        let mut pairs: Vec<(Cow<'de, str>, Cow<'de, str>)> = Vec::new();
        while let Some((Text(name), Text(value))) = members.next_entry()? {
            pairs.push((name, value));
        }
        // The last one stays: sorting keeps those of one name in order.
        pairs.sort_by(|left, right| left.0.cmp(&right.0));
        pairs.reverse();
        pairs.dedup_by(|left, right| left.0 == right.0);
        pairs.reverse();
        Ok(Pairs(pairs))
    }
}
