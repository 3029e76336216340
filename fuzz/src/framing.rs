//! An answer's HTTP/1.1 framing: the same head, body and rest at any cuts, and no byte of a body that did not come.

use bytes::BytesMut;
use http::Method;
use weir::framing::{Decoded, Malformed, read_head};

/// What was read of an answer.
#[derive(Debug, PartialEq, Eq)]
struct Read {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    keep: bool,
    body: Vec<u8>,
    over: bool,
    rest: Vec<u8>,
}

/// Checks one connection's bytes.
pub fn check(bytes: &[u8]) {
    for method in [Method::POST, Method::HEAD] {
        let whole = read(&[bytes], &method);
        if let Ok(Some(read)) = &whole {
            assert!(read.body.len() + read.rest.len() < bytes.len(), "more came out than in");
        }
        for pieces in super::cuts(bytes) {
            assert_eq!(read(&pieces, &method), whole, "other cuts, another answer");
        }
    }
}

fn read(pieces: &[&[u8]], method: &Method) -> Result<Option<Read>, Malformed> {
    let (mut buffer, mut head, mut body) = (BytesMut::new(), None, Vec::new());
    for piece in pieces {
        buffer.extend_from_slice(piece);
        if head.is_none() && !buffer.is_empty() {
            head = read_head(&mut buffer, method)?;
        }
        let Some(head) = &mut head else { continue };
        while let Decoded::Data(data) = head.body.decode(&mut buffer)? {
            assert!(!data.is_empty(), "a piece of nothing");
            body.extend_from_slice(&data);
        }
    }
    Ok(head.map(|head| Read {
        status: head.parts.status.as_u16(),
        headers: head.parts.headers.iter().map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect(),
        keep: head.keep,
        over: head.body.is_over(),
        body,
        rest: buffer.to_vec(),
    }))
}
