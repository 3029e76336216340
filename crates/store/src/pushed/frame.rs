//! A frame: entries that were pushed together, as they stand in the log's files.
//!
//! ```text
//! frame   = length of the payload (4 bytes, little-endian) · its CRC-32 (4) · payload
//! payload = number of streams · per stream: number of labels · per label: name · value
//!           number of entries · per entry: its stream's place · timestamp (8, little-endian) · packed
//! packed  = number of pairs of metadata · per pair: name · value · then the line (the length of packed stands in front)
//! ```
//!
//! Numbers and lengths are varints; a text is its length and its bytes.

use std::collections::HashMap;
use std::sync::Arc;

use super::entry::{Entry, Malformed, Stream, piece, take, take_piece, take_text, take_varint, text, varint};

/// Bytes in front of a payload.
pub(super) const HEAD: usize = 8;

/// Writes entries as one frame.
#[must_use]
pub fn encode(entries: &[Arc<Entry>]) -> Vec<u8> {
    let mut streams: Vec<&Stream> = Vec::new();
    let mut places: HashMap<&Stream, u64> = HashMap::new();
    for entry in entries {
        places.entry(&entry.stream).or_insert_with(|| {
            streams.push(&entry.stream);
            streams.len() as u64 - 1
        });
    }
    let mut out = vec![0; HEAD];
    varint(streams.len() as u64, &mut out);
    for stream in streams {
        varint(stream.labels().len() as u64, &mut out);
        for (name, value) in stream.labels() {
            text(name, &mut out);
            text(value, &mut out);
        }
    }
    varint(entries.len() as u64, &mut out);
    for entry in entries {
        varint(places[&*entry.stream], &mut out);
        out.extend_from_slice(&entry.timestamp.to_le_bytes());
        piece(entry.packed(), &mut out);
    }
    let (length, sum) = ((out.len() - HEAD) as u32, crc32fast::hash(&out[HEAD..]));
    out[..4].copy_from_slice(&length.to_le_bytes());
    out[4..HEAD].copy_from_slice(&sum.to_le_bytes());
    out
}

/// Reads the first frame of `bytes`: its entries, and how many bytes it takes.
///
/// # Errors
/// It breaks off, or is damaged.
pub fn decode(bytes: &[u8]) -> Result<(Vec<Entry>, usize), Malformed> {
    let mut rest = bytes;
    let number = |bytes: &[u8]| bytes.iter().rev().fold(0_u32, |value, byte| value << 8 | u32::from(*byte));
    let length = number(take(&mut rest, 4)?) as usize;
    let sum = number(take(&mut rest, 4)?);
    let payload = take(&mut rest, length)?;
    if length == 0 || crc32fast::hash(payload) != sum {
        return Err(Malformed("the checksum is another"));
    }
    Ok((entries(payload)?, HEAD + length))
}

fn entries(payload: &[u8]) -> Result<Vec<Entry>, Malformed> {
    let mut rest = payload;
    let mut streams = Vec::new();
    for _ in 0..take_varint(&mut rest)? {
        let mut labels = Vec::new();
        for _ in 0..take_varint(&mut rest)? {
            labels.push((take_text(&mut rest)?, take_text(&mut rest)?));
        }
        streams.push(Arc::new(Stream::new(labels)));
    }
    let mut entries = Vec::new();
    for _ in 0..take_varint(&mut rest)? {
        let place = usize::try_from(take_varint(&mut rest)?).unwrap_or(usize::MAX);
        let stream = streams.get(place).ok_or(Malformed("a stream is missing"))?;
        let timestamp = take(&mut rest, 8)?.iter().rev().fold(0_u64, |value, byte| value << 8 | u64::from(*byte));
        entries.push(Entry::unpack(stream.clone(), timestamp.cast_signed(), take_piece(&mut rest)?)?);
    }
    if rest.is_empty() { Ok(entries) } else { Err(Malformed("something follows the entries")) }
}
