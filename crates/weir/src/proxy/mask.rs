//! Takes the key that Weir showed a provider out of the heads of its answers, and out of the bodies of those that refuse: it
//! is none of a caller's business. Stars stand in its place, as many as it has bytes, so that no length changes.

use bytes::Bytes;
use http::header::{HeaderMap, HeaderValue};
use memchr::memmem;

/// See the module.
#[derive(Debug)]
pub(super) struct Mask {
    secret: Vec<u8>,
    /// What came and may be the beginning of the key.
    held: Vec<u8>,
}

impl Mask {
    pub(super) fn new(secret: &str) -> Mask {
        Mask { secret: secret.as_bytes().to_vec(), held: Vec::new() }
    }

    /// What may leave once `data` has come.
    pub(super) fn feed(&mut self, data: &Bytes) -> Bytes {
        let mut all = std::mem::take(&mut self.held);
        all.extend_from_slice(data);
        cover(&self.secret, &mut all);
        let longest = all.len().min(self.secret.len() - 1);
        let kept = (1..=longest).rev().find(|length| self.secret.starts_with(&all[all.len() - length..])).unwrap_or(0);
        self.held = all.split_off(all.len() - kept);
        all.into()
    }

    /// What is left when nothing more comes.
    pub(super) fn finish(self) -> Vec<u8> {
        self.held
    }
}

/// The same for a head.
pub(super) fn cover_head(secret: &str, headers: &mut HeaderMap) {
    for value in headers.values_mut() {
        if memmem::find(value.as_bytes(), secret.as_bytes()).is_none() {
            continue;
        }
        let mut bytes = value.as_bytes().to_vec();
        if cover(secret.as_bytes(), &mut bytes)
            && let Ok(covered) = HeaderValue::from_bytes(&bytes)
        {
            *value = covered;
        }
    }
}

fn cover(secret: &[u8], bytes: &mut [u8]) -> bool {
    let places: Vec<usize> = memmem::find_iter(bytes, secret).collect();
    places.iter().for_each(|place| bytes[*place..place + secret.len()].fill(b'*'));
    !places.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_covered_at_every_cut() {
        let text = b"sk-a sk-aab, Bearer sk-aab; sk-aa";
        for cut in 0..=text.len() {
            let mut mask = Mask::new("sk-aab");
            let (first, second) = text.split_at(cut);
            let mut out = mask.feed(&Bytes::from_static(first)).to_vec();
            out.extend_from_slice(&mask.feed(&Bytes::from_static(second)));
            out.extend_from_slice(&mask.finish());
            assert_eq!(String::from_utf8(out).unwrap(), "sk-a ******, Bearer ******; sk-aa", "cut at {cut}");
        }
    }
}
