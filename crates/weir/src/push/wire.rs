//! Loki's push request as bytes: protobuf, written and read by hand because it is a handful of fields, and packed with snappy.
//!
//! The messages, from `pkg/push/push.proto` of grafana/loki (Apache-2.0):
//!
//! ```text
//! PushRequest      { repeated StreamAdapter streams = 1 }
//! StreamAdapter    { string labels = 1; repeated EntryAdapter entries = 2 }
//! EntryAdapter     { Timestamp timestamp = 1; string line = 2; repeated LabelPairAdapter structuredMetadata = 3 }
//! Timestamp        { int64 seconds = 1; int32 nanos = 2 }
//! LabelPairAdapter { string name = 1; string value = 2 }
//! ```

use std::borrow::Cow;

use super::{Pushed, PushedEntry, PushedLabels, PushedStream};

/// Wire types.
const VARINT: u8 = 0;
const FIXED_64: u8 = 1;
const BYTES: u8 = 2;
const FIXED_32: u8 = 5;

/// Writes an `EntryAdapter`.
pub(crate) fn entry<'a>(
    nanos: u64,
    line: &str,
    metadata: impl IntoIterator<Item = (&'a str, &'a str)>,
    out: &mut Vec<u8>,
) {
    let mut scratch = Vec::with_capacity(64);
    number(1, nanos / 1_000_000_000, &mut scratch);
    number(2, nanos % 1_000_000_000, &mut scratch);
    bytes(1, &scratch, out);
    bytes(2, line.as_bytes(), out);
    for (name, value) in metadata {
        scratch.clear();
        bytes(1, name.as_bytes(), &mut scratch);
        bytes(2, value.as_bytes(), &mut scratch);
        bytes(3, &scratch, out);
    }
}

/// Writes a `StreamAdapter` into a `PushRequest`: its labels, and entries as [`entry`] wrote them.
pub(crate) fn stream<'a>(labels: &str, entries: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let mut stream = Vec::new();
    bytes(1, labels.as_bytes(), &mut stream);
    entries.into_iter().for_each(|entry| bytes(2, entry, &mut stream));
    bytes(1, &stream, out);
}

/// Packs a `PushRequest` in snappy's block format.
///
/// # Errors
/// It is longer than the format allows (4 GiB).
pub(crate) fn pack(request: &[u8]) -> std::io::Result<Vec<u8>> {
    snap::raw::Encoder::new().compress_vec(request).map_err(std::io::Error::other)
}

fn bytes(field: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(field << 3 | BYTES);
    varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

/// Zero is what a field has that is left out.
fn number(field: u8, value: u64, out: &mut Vec<u8>) {
    if value > 0 {
        out.push(field << 3 | VARINT);
        varint(value, out);
    }
}

fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a `PushRequest`. Fields that it does not know it passes over, as protobuf wants it.
pub(super) fn read(message: &[u8]) -> Result<Pushed<'_>, &'static str> {
    let mut pushed = Pushed::default();
    each(message, |field| {
        if let Field::Bytes(1, message) = field {
            pushed.streams.push(read_stream(message)?);
        }
        Ok(())
    })?;
    Ok(pushed)
}

fn read_stream(message: &[u8]) -> Result<PushedStream<'_>, &'static str> {
    let mut stream = PushedStream { labels: PushedLabels::Selector(Cow::Borrowed("")), entries: Vec::new() };
    each(message, |field| {
        match field {
            Field::Bytes(1, labels) => stream.labels = PushedLabels::Selector(String::from_utf8_lossy(labels)),
            Field::Bytes(2, message) => stream.entries.push(read_entry(message)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(stream)
}

fn read_entry(message: &[u8]) -> Result<PushedEntry<'_>, &'static str> {
    let mut entry = PushedEntry::default();
    each(message, |field| {
        match field {
            Field::Bytes(1, message) => entry.timestamp = read_timestamp(message)?,
            Field::Bytes(2, line) => entry.line = Cow::Borrowed(line),
            Field::Bytes(3, message) => entry.metadata.push(read_pair(message)?),
            _ => {}
        }
        Ok(())
    })?;
    Ok(entry)
}

fn read_timestamp(message: &[u8]) -> Result<i64, &'static str> {
    let (mut seconds, mut nanos) = (0_i64, 0_i64);
    each(message, |field| {
        match field {
            Field::Number(1, value) => seconds = value.cast_signed(),
            Field::Number(2, value) => nanos = value.cast_signed(),
            _ => {}
        }
        Ok(())
    })?;
    if !(0..1_000_000_000).contains(&nanos) {
        return Err("timestamp: nanos not in range [0, 1e9)");
    }
    let whole = seconds.checked_mul(1_000_000_000).and_then(|whole| whole.checked_add(nanos));
    whole.ok_or("timestamp: seconds out of range")
}

fn read_pair(message: &[u8]) -> Result<(Cow<'_, str>, Cow<'_, str>), &'static str> {
    let mut pair = (Cow::Borrowed(""), Cow::Borrowed(""));
    each(message, |field| {
        match field {
            Field::Bytes(1, name) => pair.0 = String::from_utf8_lossy(name),
            Field::Bytes(2, value) => pair.1 = String::from_utf8_lossy(value),
            _ => {}
        }
        Ok(())
    })?;
    Ok(pair)
}

/// A field with its number.
enum Field<'a> {
    Number(u64, u64),
    Bytes(u64, &'a [u8]),
}

/// Shows the fields of a message to `visit`, one after the other.
fn each<'a>(
    mut rest: &'a [u8],
    mut visit: impl FnMut(Field<'a>) -> Result<(), &'static str>,
) -> Result<(), &'static str> {
    while !rest.is_empty() {
        let tag = take_varint(&mut rest)?;
        let (number, kind) = (tag >> 3, tag as u8 & 7);
        if number == 0 {
            return Err("illegal tag 0");
        }
        match kind {
            VARINT => visit(Field::Number(number, take_varint(&mut rest)?))?,
            BYTES => {
                let length = usize::try_from(take_varint(&mut rest)?).map_err(|_| "integer overflow")?;
                visit(Field::Bytes(number, take(&mut rest, length)?))?;
            }
            FIXED_64 => drop(take(&mut rest, 8)?),
            FIXED_32 => drop(take(&mut rest, 4)?),
            _ => return Err("illegal wireType"),
        }
    }
    Ok(())
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], &'static str> {
    let (bytes, after) = rest.split_at_checked(length).ok_or("unexpected EOF")?;
    *rest = after;
    Ok(bytes)
}

fn take_varint(rest: &mut &[u8]) -> Result<u64, &'static str> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let byte = take(rest, 1)?[0];
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Ok(value);
        }
    }
    Err("integer overflow")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// As `protoc --encode` writes it.
    #[test]
    fn a_request_is_what_protobuf_says() {
        let mut encoded = Vec::new();
        entry(1_700_000_000_000_000_300, "{}", [("model", "m")], &mut encoded);
        let mut request = Vec::new();
        stream("{a=\"b\"}", [encoded.as_slice()], &mut request);
        let timestamp = b"\x0a\x09\x08\x80\xe2\xcf\xaa\x06\x10\xac\x02";
        let rest = b"\x12\x02{}\x1a\x0a\x0a\x05model\x12\x01m";
        assert_eq!(encoded, [timestamp.as_slice(), rest].concat());
        let labels = b"\x0a\x07{a=\"b\"}";
        let length = encoded.len() as u8;
        let stream = [labels.as_slice(), &[0x12, length], &encoded].concat();
        assert_eq!(request, [&[0x0a, stream.len() as u8], stream.as_slice()].concat());
        let packed = pack(&request).unwrap();
        assert_eq!(snap::raw::Decoder::new().decompress_vec(&packed).unwrap(), request);
    }
}
