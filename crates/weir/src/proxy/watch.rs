//! The meter's view of an answer's bytes: as they are, or out of a gzip envelope, in a bounded copy.

use std::io::{self, Write};
use std::sync::Arc;

use flate2::write::MultiGzDecoder;
use meter::meter::{Format, Meter, Nanos, Reading};
use meter::path::Paths;

/// JSON shrinks to a tenth, perhaps a thirtieth; what grows by more than this is a bomb and is not opened further. So a
/// piece of an answer costs a bounded time, whatever is in it.
const MAX_GROWTH: u64 = 100;
/// Up to here anything may grow.
const FREE: u64 = 1 << 20;

/// See the module.
#[derive(Debug)]
pub(super) enum Watch {
    Plain(Box<Meter>),
    Packed(Box<MultiGzDecoder<Unpacked>>),
}

/// Hands unpacked bytes to the meter as they come out; the decoder's window is all that is kept.
#[derive(Debug)]
pub(super) struct Unpacked {
    meter: Meter,
    at: Nanos,
    bytes: u64,
    packed: u64,
}

impl Write for Unpacked {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.bytes += bytes.len() as u64;
        if self.bytes > FREE && self.bytes / MAX_GROWTH > self.packed {
            return Err(io::Error::other("unpacks to too much"));
        }
        self.meter.observe(bytes, self.at);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Watch {
    pub(super) fn start(format: Format, encoding: Option<&[u8]>) -> Watch {
        match encoding {
            None | Some(b"identity" | b"") => Watch::plain(format),
            Some(b"gzip" | b"x-gzip") => {
                let unpacked = Unpacked { meter: Meter::start(format), at: 0, bytes: 0, packed: 0 };
                Watch::Packed(Box::new(MultiGzDecoder::new(unpacked)))
            }
            // It was not asked for; it passes unread.
            Some(_) => Watch::plain(Format::Opaque),
        }
    }

    fn plain(format: Format) -> Watch {
        Watch::Plain(Box::new(Meter::start(format)))
    }

    /// Takes out of the answer, too, what stands at these paths.
    pub(super) fn look_for(&mut self, paths: &Arc<Paths>) {
        match self {
            Watch::Plain(meter) => meter.look_for(paths),
            Watch::Packed(decoder) => decoder.get_mut().meter.look_for(paths),
        }
    }

    pub(super) fn observe(&mut self, bytes: &[u8], at: Nanos) {
        match self {
            Watch::Plain(meter) => meter.observe(bytes, at),
            Watch::Packed(decoder) => {
                decoder.get_mut().at = at;
                decoder.get_mut().packed += bytes.len() as u64;
                // What is no gzip, or too much of it, is not read further; the caller gets it all the same.
                if decoder.write_all(bytes).and_then(|()| decoder.flush()).is_err() {
                    *self = Watch::plain(Format::Opaque);
                }
            }
        }
    }

    fn meter(&mut self) -> &mut Meter {
        match self {
            Watch::Plain(meter) => meter,
            Watch::Packed(decoder) => &mut decoder.get_mut().meter,
        }
    }

    /// The text that went by, once there is enough of it to be counted.
    pub(super) fn take_heard(&mut self) -> Option<(Vec<u8>, u64)> {
        self.meter().take_heard()
    }

    /// The model that answers, as far as the answer has named it.
    pub(super) fn model(&mut self) -> Option<&str> {
        self.meter().model()
    }

    pub(super) fn is_over(&self) -> bool {
        match self {
            Watch::Plain(meter) => meter.is_over(),
            Watch::Packed(decoder) => decoder.get_ref().meter.is_over(),
        }
    }

    pub(super) fn finish(self) -> Reading {
        match self {
            Watch::Plain(meter) => meter.finish(),
            Watch::Packed(mut decoder) => {
                let _ = decoder.try_finish();
                let unread = Unpacked { meter: Meter::start(Format::Opaque), at: 0, bytes: 0, packed: 0 };
                std::mem::replace(decoder.get_mut(), unread).meter.finish()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn a_packed_answer_is_read_at_every_cut() {
        let packed = pack(br#"{"id":"x","usage":{"prompt_tokens":3,"completion_tokens":4}}"#);
        for cut in 0..=packed.len() {
            let mut watch = Watch::start(Format::Json, Some(b"gzip"));
            watch.observe(&packed[..cut], 0);
            watch.observe(&packed[cut..], 1);
            let reading = watch.finish();
            assert!(reading.whole);
            assert_eq!(reading.answer.usage().unwrap().total(), 7);
        }
    }

    #[test]
    fn a_bomb_and_a_lie_are_not_read() {
        let bomb = pack(&vec![b' '; 512 << 20]);
        for bytes in [bomb.as_slice(), b"no gzip at all"] {
            let mut watch = Watch::start(Format::Json, Some(b"gzip"));
            watch.observe(bytes, 0);
            assert!(matches!(watch, Watch::Plain(_)));
            assert!(!watch.finish().readable);
        }
    }
}
