//! Who calls, by the key that is shown. A key of Weir's goes no further than this.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use crate::config::Callers;
use crate::error::{Error, ErrorKind};

/// Where clients put keys, each for its own provider's API.
const PLACES: [HeaderName; 4] = [
    AUTHORIZATION,
    HeaderName::from_static("x-api-key"),
    HeaderName::from_static("api-key"),
    HeaderName::from_static("x-goog-api-key"),
];

/// Who calls: the place in `callers`. Takes every key of Weir's out of the headers; what else stands there may be the
/// provider's, for providers that are shown the caller's own.
pub(super) fn authenticate(callers: &Callers, headers: &mut HeaderMap) -> Result<Option<usize>, Error> {
    if callers.is_empty() {
        return Ok(None);
    }
    let (mut caller, mut shown) = (None, false);
    for place in &PLACES {
        let Some(key) = headers.get(place).and_then(key) else { continue };
        shown = true;
        if let Some(found) = callers.find(key) {
            caller.get_or_insert(found);
            headers.remove(place);
        }
    }
    let Some(place) = caller else { return Err(unknown(shown)) };
    match callers.get(place) {
        Some(caller) if caller.revoked => {
            let message = format!("the key \"{}\" was revoked; ask whoever runs this Weir for another", caller.name);
            Err(Error::new(ErrorKind::RevokedKey, message))
        }
        _ => Ok(Some(place)),
    }
}

fn unknown(shown: bool) -> Error {
    if shown {
        // Which one it was is not repeated.
        let message = "the key that was shown is not one of this Weir's; ask whoever runs it for one";
        return Error::new(ErrorKind::InvalidKey, message);
    }
    let message = "this Weir serves callers with a key of its own: send it as authorization: Bearer KEY, x-api-key, \
                   api-key or x-goog-api-key";
    Error::new(ErrorKind::MissingKey, message)
}

/// The key in a header, which `authorization` names the kind of.
fn key(value: &HeaderValue) -> Option<&[u8]> {
    let bytes = value.as_bytes().trim_ascii();
    // Without a key behind it, the space behind the scheme was taken off.
    let key = match bytes.split_at_checked(7) {
        None if bytes.eq_ignore_ascii_case(b"bearer") => b"",
        Some((scheme, key)) if scheme.eq_ignore_ascii_case(b"bearer ") => key.trim_ascii(),
        _ => bytes,
    };
    Some(key).filter(|key| !key.is_empty())
}
