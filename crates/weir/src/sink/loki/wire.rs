//! Loki's push request as bytes: protobuf, written by hand because it is a handful of fields, and packed with snappy.
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

/// Wire types.
const VARINT: u8 = 0;
const BYTES: u8 = 2;

/// Writes an `EntryAdapter`.
pub(super) fn entry<'a>(
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
pub(super) fn stream<'a>(labels: &str, entries: impl IntoIterator<Item = &'a [u8]>, out: &mut Vec<u8>) {
    let mut stream = Vec::new();
    bytes(1, labels.as_bytes(), &mut stream);
    entries.into_iter().for_each(|entry| bytes(2, entry, &mut stream));
    bytes(1, &stream, out);
}

/// Packs a `PushRequest` in snappy's block format.
///
/// # Errors
/// It is longer than the format allows (4 GiB).
pub(super) fn pack(request: &[u8]) -> std::io::Result<Vec<u8>> {
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
