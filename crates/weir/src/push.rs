//! Loki's push request, from what was sent to entries for the log: read ([`read`]), checked against the limits and completed
//! ([`check`]), which is bytes in, entries and refusals out; [`Receiver`] does that for what comes by HTTP. `wire` also writes the
//! request, for the follower that pushes to a Loki, and `label` says which of a Record's fields are labels there.

mod check;
mod discover;
mod identity;
mod json;
mod keep;
pub(crate) mod label;
mod receive;
mod selector;
pub(crate) mod wire;

use std::borrow::Cow;
use std::io::Read as _;

use http::StatusCode;

pub use check::{Checked, check};
pub use receive::{Counts, Receiver};

/// A push as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Pushed<'a> {
    /// Streams, the same one perhaps several times.
    pub streams: Vec<PushedStream<'a>>,
}

/// Labels, and entries that belong to them.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PushedStream<'a> {
    /// The labels, in one of the two ways in which they are sent.
    pub labels: PushedLabels<'a>,
    /// The entries.
    pub entries: Vec<PushedEntry<'a>>,
}

/// Labels as they were sent.
#[derive(Debug, PartialEq, Eq)]
pub enum PushedLabels<'a> {
    /// `{name="value", …}`
    Selector(Cow<'a, str>),
    /// Names and values.
    Pairs(Vec<(Cow<'a, str>, Cow<'a, str>)>),
}

impl Default for PushedLabels<'_> {
    fn default() -> Self {
        PushedLabels::Pairs(Vec::new())
    }
}

/// An entry as it was sent.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct PushedEntry<'a> {
    /// In nanoseconds since 1970.
    pub timestamp: i64,
    /// Any bytes.
    pub line: Cow<'a, [u8]>,
    /// Structured metadata.
    pub metadata: Vec<(Cow<'a, str>, Cow<'a, str>)>,
}

/// Why a push is refused: a status, and a sentence in Loki's words where Loki has one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// What HTTP calls it.
    pub status: StatusCode,
    /// Why.
    pub message: String,
}

impl Refused {
    /// The request is not what it should be.
    pub(crate) fn bad(message: impl Into<String>) -> Refused {
        Refused { status: StatusCode::BAD_REQUEST, message: message.into() }
    }

    /// There is more of it than is taken.
    pub(crate) fn too_large(length: u64, limit: usize) -> Refused {
        let message = format!("request body too large: {length} bytes, limit: {limit} bytes");
        Refused { status: StatusCode::PAYLOAD_TOO_LARGE, message }
    }
}

/// How a body is to be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// JSON.
    Json,
    /// Protobuf, packed with snappy.
    Protobuf,
}

impl Format {
    /// What the header `content-type` says; protobuf where it says nothing, as Loki takes it.
    #[must_use]
    pub fn of(content_type: &str) -> Format {
        let kind = content_type.split(';').next().unwrap_or_default().trim();
        if kind.eq_ignore_ascii_case("application/json") { Format::Json } else { Format::Protobuf }
    }
}

/// Takes off what the header `content-encoding` says, to at most `limit` bytes.
///
/// # Errors
/// It is an encoding that is not known, the bytes are not in it, or there are too many of them.
pub fn unpack<'a>(encoding: &str, format: Format, body: &'a [u8], limit: usize) -> Result<Cow<'a, [u8]>, Refused> {
    let whole = match encoding.trim().to_ascii_lowercase().as_str() {
        // Snappy is how protobuf is packed in any case.
        "" | "identity" => Cow::Borrowed(body),
        "snappy" if format == Format::Protobuf => Cow::Borrowed(body),
        "snappy" => return unsnap(body, limit).map(Cow::Owned),
        "gzip" => inflate(flate2::read::MultiGzDecoder::new(body), limit, "gzip")?,
        "deflate" => inflate(flate2::read::DeflateDecoder::new(body), limit, "deflate")?,
        _ => return Err(Refused::bad(format!("Content-Encoding {encoding:?} not supported"))),
    };
    match format {
        Format::Json if whole.len() > limit => Err(Refused::too_large(whole.len() as u64, limit)),
        Format::Json => Ok(whole),
        Format::Protobuf => unsnap(&whole, limit).map(Cow::Owned),
    }
}

fn inflate<'a>(from: impl std::io::Read, limit: usize, name: &str) -> Result<Cow<'a, [u8]>, Refused> {
    let mut out = Vec::new();
    from.take(limit as u64 + 1)
        .read_to_end(&mut out)
        .map_err(|_| Refused::bad(format!("the body is not what {name} makes")))?;
    if out.len() > limit { Err(Refused::too_large(out.len() as u64, limit)) } else { Ok(Cow::Owned(out)) }
}

fn unsnap(body: &[u8], limit: usize) -> Result<Vec<u8>, Refused> {
    let corrupt = |_| Refused::bad("snappy: corrupt input");
    let length = snap::raw::decompress_len(body).map_err(corrupt)?;
    if length > limit {
        return Err(Refused::too_large(length as u64, limit));
    }
    // A length is quickly said; what is to come of so few bytes is not believed.
    if length > body.len().saturating_mul(64) {
        return Err(Refused::bad("snappy: corrupt input"));
    }
    snap::raw::Decoder::new().decompress_vec(body).map_err(corrupt)
}

/// Reads a body that is unpacked.
///
/// # Errors
/// It is not what `format` says.
pub fn read(format: Format, body: &[u8]) -> Result<Pushed<'_>, Refused> {
    match format {
        Format::Json => json::read(body),
        Format::Protobuf => wire::read(body).map_err(|reason| Refused::bad(format!("proto: {reason}"))),
    }
}

#[cfg(test)]
mod tests;
