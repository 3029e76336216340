//! Who calls, by the key that is shown. A key of Weir's goes no further than this.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};

use meter::record::Record;

use crate::config::{Callers, Provider, shown_in};
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
        let mut own = false;
        for key in headers.get_all(place).iter().filter_map(key) {
            shown = true;
            if let Some(found) = callers.find(key) {
                caller.get_or_insert(found);
                own = true;
            }
        }
        if own {
            take_own(callers, headers, place);
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

/// Removes from a header's values those that are keys of Weir's.
fn take_own(callers: &Callers, headers: &mut HeaderMap, place: &HeaderName) {
    let is_own = |value: &HeaderValue| key(value).is_some_and(|key| callers.find(key).is_some());
    let others: Vec<HeaderValue> = headers.get_all(place).iter().filter(|value| !is_own(value)).cloned().collect();
    headers.remove(place);
    for value in others {
        headers.append(place.clone(), value);
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

/// What the caller showed the provider, to be taken out of what the provider says.
#[derive(Debug)]
pub(super) struct Shown(Vec<HeaderValue>);

impl Shown {
    pub(super) fn of(headers: &HeaderMap) -> Shown {
        // Copies: what a head's values are parts of is larger than they are, and this is kept until the answer is over.
        let copy = |value: &HeaderValue| HeaderValue::from_bytes(value.as_bytes()).ok().filter(|copy| !copy.is_empty());
        let mut shown: Vec<HeaderValue> =
            PLACES.iter().flat_map(|place| headers.get_all(place)).filter_map(copy).collect();
        shown.iter_mut().for_each(|value| value.set_sensitive(true));
        Shown(shown)
    }

    /// Takes the caller's keys and those that Weir holds out of a text that comes from an answer.
    pub(super) fn take_out(&self, providers: &[Provider], text: &mut String) {
        self.secrets(providers).for_each(|secret| take_out(secret, text));
    }

    /// The same for all that a Record has of an answer beside declared fields.
    pub(super) fn take_out_of(&self, providers: &[Provider], record: &mut Record) {
        let (what, outcome) = (&mut record.what, &mut record.outcome);
        let mut texts = [
            &mut what.response_model,
            &mut what.response_id,
            &mut what.provider_request_id,
            &mut what.service_tier,
            &mut what.finish_reason,
            &mut record.usage_raw,
            &mut outcome.error_type,
            &mut outcome.error_message,
        ];
        for secret in self.secrets(providers) {
            texts.iter_mut().filter_map(|text| text.as_mut()).for_each(|text| take_out(secret, text));
        }
    }

    fn secrets<'a>(&'a self, providers: &'a [Provider]) -> impl Iterator<Item = &'a str> {
        providers.iter().filter_map(|provider| provider.key.shown()).chain(self.0.iter().filter_map(shown_in))
    }
}

fn take_out(secret: &str, text: &mut String) {
    if text.contains(secret) {
        *text = text.replace(secret, "[redacted]");
    }
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
