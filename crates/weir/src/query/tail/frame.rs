//! WebSocket frames (RFC 6455, section 5): what a server sends and receives.

/// A frame of a caller may have so many bytes: it has nothing to say but that it is there.
const MOST_BYTES: usize = 4096;

/// What a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Text.
    Text,
    /// The end.
    Close,
    /// Is anybody there?
    Ping,
    /// Somebody is.
    Pong,
    /// Anything else.
    Other,
}

/// A frame of a caller, its mask taken off.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    /// What it is.
    pub kind: Kind,
    /// What is in it.
    pub payload: Vec<u8>,
}

/// What is no frame of a caller, or too long a one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Malformed;

/// The first frame in `bytes` and how many it takes; nothing while it is not whole.
///
/// # Errors
/// It is none, or too long.
pub fn read(bytes: &[u8]) -> Result<Option<(Frame, usize)>, Malformed> {
    let [first, second, rest @ ..] = bytes else { return Ok(None) };
    // Extensions were not agreed to, and callers mask.
    if first & 0x70 != 0 || second & 0x80 == 0 {
        return Err(Malformed);
    }
    let (length, rest) = match (second & 0x7f, rest) {
        (126, [high, low, rest @ ..]) => (usize::from(u16::from_be_bytes([*high, *low])), rest),
        (126, _) => return Ok(None),
        (127, _) => return Err(Malformed),
        (short, rest) => (usize::from(short), rest),
    };
    let (control, fin) = (first & 0x08 != 0, first & 0x80 != 0);
    if length > MOST_BYTES || (control && (length > 125 || !fin)) {
        return Err(Malformed);
    }
    let Some((mask, rest)) = rest.split_at_checked(4) else { return Ok(None) };
    let Some(masked) = rest.get(..length) else { return Ok(None) };
    let payload = masked.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask).collect();
    let kind = match first & 0x0f {
        1 => Kind::Text,
        8 => Kind::Close,
        9 => Kind::Ping,
        10 => Kind::Pong,
        _ => Kind::Other,
    };
    Ok(Some((Frame { kind, payload }, bytes.len() - rest.len() + length)))
}

/// A whole frame of the server.
#[must_use]
pub fn write(kind: Kind, payload: &[u8]) -> Vec<u8> {
    let code = match kind {
        Kind::Text => 1,
        Kind::Close => 8,
        Kind::Ping => 9,
        Kind::Pong => 10,
        Kind::Other => 2,
    };
    let mut bytes = vec![0x80 | code];
    match payload.len() {
        length @ 0..=125 => bytes.push(length as u8),
        length @ 126..=0xffff => {
            bytes.push(126);
            bytes.extend((length as u16).to_be_bytes());
        }
        length => {
            bytes.push(127);
            bytes.extend((length as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(payload);
    bytes
}

/// The end, with its reason (section 7.4).
#[must_use]
pub fn close(code: u16, reason: &str) -> Vec<u8> {
    let mut payload = code.to_be_bytes().to_vec();
    payload.extend(reason.bytes().take(123));
    write(Kind::Close, &payload)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rfcs_examples() {
        // Section 5.7: a masked "Hello", and a masked pong.
        let hello = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58];
        for cut in 0..hello.len() {
            assert_eq!(read(&hello[..cut]), Ok(None));
        }
        let (frame, used) = read(&[&hello[..], b"more"].concat()).unwrap().unwrap();
        assert_eq!((frame.kind, frame.payload.as_slice(), used), (Kind::Text, b"Hello".as_slice(), hello.len()));
        assert_eq!(write(Kind::Text, b"Hello"), [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f]);
        assert_eq!(write(Kind::Text, &[0; 256])[..4], [0x81, 0x7e, 0x01, 0x00]);
        assert_eq!(write(Kind::Text, &[0; 65_536])[..10], [0x81, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0]);
    }

    #[test]
    fn what_no_caller_may_send() {
        for bytes in [
            &[0x81, 0x05][..],             // not masked
            &[0xc1, 0x80][..],             // an extension
            &[0x81, 0xff][..],             // longer than anything
            &[0x81, 0xfe, 0xff, 0xff][..], // longer than it may be
            &[0x89, 0xfe, 0x00, 0x7e][..], // a long ping
            &[0x09, 0x80][..],             // a ping in pieces
        ] {
            assert_eq!(read(bytes), Err(Malformed), "{bytes:x?}");
        }
    }
}
