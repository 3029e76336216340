//! Frames of a WebSocket's caller: the same at any cuts, and a frame takes no byte that did not come.

use weir::query::tail::frame::{Frame, read, write};

/// Checks what a caller sends.
pub fn check(bytes: &[u8]) {
    let frames = |bytes: &[u8]| {
        let (mut rest, mut found): (&[u8], Vec<Frame>) = (bytes, Vec::new());
        loop {
            match read(rest) {
                Err(_) => return (found, true),
                Ok(None) => return (found, false),
                Ok(Some((frame, used))) => {
                    assert!(used <= rest.len() && used >= 6 + frame.payload.len());
                    // What a server would send of it is no frame of a caller.
                    assert!(read(&write(frame.kind, &frame.payload)).is_err());
                    found.push(frame);
                    rest = &rest[used..];
                }
            }
        }
    };
    let whole = frames(bytes);
    for pieces in super::cuts(bytes) {
        let (mut held, mut found, mut broken) = (Vec::new(), Vec::new(), false);
        for piece in pieces {
            held.extend_from_slice(piece);
            while !broken {
                match read(&held) {
                    Err(_) => broken = true,
                    Ok(None) => break,
                    Ok(Some((frame, used))) => {
                        found.push(frame);
                        held.drain(..used);
                    }
                }
            }
        }
        assert_eq!((found, broken), whole);
    }
}
