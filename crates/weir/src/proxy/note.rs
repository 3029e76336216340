//! What the heads of requests and answers say that goes on the Record.

use http::header::{HeaderMap, HeaderValue};
use meter::meter::{Format, Nanos};
use meter::record::{Record, Who};

use super::settle;

/// What a caller's headers say of it, in one pass over them.
pub(super) fn request(who: &mut Who, headers: &HeaderMap) {
    for (name, value) in headers {
        match name.as_str() {
            "user-agent" => who.client = Some(lossy(value)),
            "x-request-id" => who.client_request_id = Some(lossy(value)),
            "x-client-request-id" if who.client_request_id.is_none() => who.client_request_id = Some(lossy(value)),
            "x-stainless-retry-count" => who.client_retry = lossy(value).parse().ok(),
            "x-user-id" => who.user_id = Some(lossy(value)),
            "x-organization" => who.organization = Some(lossy(value)),
            "openai-organization" if who.organization.is_none() => who.organization = Some(lossy(value)),
            "x-session-id" => who.session_id = Some(lossy(value)),
            "x-prompt-category" => who.prompt_category = Some(lossy(value)),
            "traceparent" => (who.trace_id, who.span_id) = trace(value).unzip(),
            _ => {}
        }
    }
}

/// What the head of an answer says of its body.
pub(super) struct Noted<'a> {
    /// How it is written.
    pub(super) format: Format,
    /// How it is packed.
    pub(super) encoding: Option<&'a [u8]>,
    /// What it cost, as the provider says, in nano-dollars.
    pub(super) bill: Option<u64>,
}

/// What the head of an answer says, in one pass.
pub(super) fn answer<'a>(record: &mut Record, headers: &'a HeaderMap) -> Noted<'a> {
    let mut noted = Noted { format: Format::Opaque, encoding: None, bill: None };
    for (name, value) in headers {
        match name.as_str() {
            "content-type" => noted.format = Format::of_content_type(value.as_bytes()),
            "content-encoding" => noted.encoding = Some(value.as_bytes()),
            "x-request-id" | "request-id" => record.what.provider_request_id = Some(lossy(value)),
            "x-weir-simulated" => record.what.simulated = true,
            "cf-aig-cache-status" | "helicone-cache" | "x-cache" | "x-cache-status" | "x-portkey-cache-status" => {
                record.outcome.cache_hit = cache_hit(value).or(record.outcome.cache_hit);
            }
            "x-litellm-response-cost" => noted.bill = settle::bill(value.as_bytes()),
            "openai-processing-ms" => record.times.model_inference = millis(value),
            _ => {}
        }
    }
    noted
}

/// What a cache on the way says: `HIT`, or `HIT from cloud`, or `MISS`.
fn cache_hit(value: &HeaderValue) -> Option<bool> {
    let word = value.to_str().ok()?.split_whitespace().next()?.trim_end_matches(',');
    let is = |words: &[&str]| words.iter().any(|other| word.eq_ignore_ascii_case(other));
    if is(&["hit"]) { Some(true) } else { is(&["miss", "bypass", "dynamic", "expired"]).then_some(false) }
}

/// Milliseconds as nanoseconds.
fn millis(value: &HeaderValue) -> Option<Nanos> {
    value.to_str().ok()?.parse::<u64>().ok()?.checked_mul(1_000_000)
}

fn lossy(value: &HeaderValue) -> String {
    match value.to_str() {
        Ok(text) => text.to_owned(),
        Err(_) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
    }
}

/// The ids of a W3C `traceparent`: version-trace-parent-flags, in hexadecimal.
fn trace(value: &HeaderValue) -> Option<(String, String)> {
    let mut parts = value.to_str().ok()?.split('-');
    let (_, trace, span) = (parts.next()?, parts.next()?, parts.next()?);
    let hex = |part: &str, length| part.len() == length && part.bytes().all(|byte| byte.is_ascii_hexdigit());
    (hex(trace, 32) && hex(span, 16)).then(|| (trace.to_owned(), span.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_cache_says() {
        for (value, hit) in [
            ("HIT", Some(true)),
            ("Hit from cloudfront", Some(true)),
            ("HIT, MISS", Some(true)),
            ("miss", Some(false)),
            ("DYNAMIC", Some(false)),
            ("perhaps", None),
            ("", None),
        ] {
            assert_eq!(cache_hit(&HeaderValue::from_static(value)), hit, "{value}");
        }
    }
}
