//! Headers on their way through: what belongs to one connection stays behind, the rest passes.

use http::Version;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};

use super::upstream::Outgoing;
use crate::config::{Key, Provider};
use crate::error::{Error, ErrorKind};

/// Whether it is what RFC 9110, section 7.6.1, and custom say about one hop only.
fn is_hop_by_hop(name: &HeaderName) -> bool {
    matches!(
        name.as_str(),
        "connection"
            | "keep-alive"
            | "proxy-connection"
            | "proxy-authenticate"
            | "proxy-authorization"
            | "te"
            | "trailer"
            | "transfer-encoding"
            | "upgrade"
    )
}

/// Removes what belongs to one hop, including what `connection` names.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    let mut found: Vec<HeaderName> = headers.keys().filter(|name| is_hop_by_hop(name)).cloned().collect();
    if found.is_empty() {
        return;
    }
    if headers.contains_key(CONNECTION) {
        let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named = lines
            .flat_map(|names| names.split(','))
            .map(str::trim)
            // What nearly everybody says names no other header.
            .filter(|name| !name.eq_ignore_ascii_case("keep-alive") && !name.eq_ignore_ascii_case("close"))
            .filter_map(|name| name.parse().ok())
            // These frame or secure the message; nobody may have them removed by naming them.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != AUTHORIZATION);
        found.extend(named);
    }
    for name in found {
        headers.remove(name);
    }
}

/// Makes of a caller's head the one that the provider gets. `proxied`: in absolute form, for an HTTP proxy.
pub(super) fn prepare(head: &mut Parts, provider: &Provider, body: &Outgoing, proxied: bool) -> Result<(), Error> {
    head.uri = target(&head.uri, provider, proxied)?;
    head.version = Version::HTTP_11;
    let headers = &mut head.headers;
    remove_hop_by_hop(headers);
    // Answered here, since the body is read here.
    headers.remove(EXPECT);
    headers.insert(HOST, provider.host.clone());
    if let Key::Held(value) = &provider.key {
        headers.insert(AUTHORIZATION, value.clone());
    }
    offer_readable_encodings(headers);
    if let Outgoing::Whole(bytes) = body {
        set_length(headers, bytes.len());
    }
    Ok(())
}

/// Says how long the body is, unless just that is said already.
fn set_length(headers: &mut HeaderMap, length: usize) {
    let said = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    if said != Some(length) {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
}

/// What stands in the request line: the path with `/v1` replaced by the provider's own, or a whole URL.
fn target(uri: &Uri, provider: &Provider, proxied: bool) -> Result<Uri, Error> {
    let path = uri.path_and_query();
    let text = path.map_or("", PathAndQuery::as_str);
    if let Some(path) = path.filter(|_| !proxied && provider.path == "/v1") {
        return Ok(Uri::from(path.clone()));
    }
    let rest = text.strip_prefix("/v1").unwrap_or(text);
    let base = if proxied { format!("{}://{}", provider.scheme, provider.authority) } else { String::new() };
    format!("{base}{}{rest}", provider.path)
        .parse()
        .map_err(|_| Error::new(ErrorKind::NotFound, format!("{text} is no path below base_url; send another")))
}

/// The meter reads plain bytes and gzip; nothing else is asked of a provider, though the caller would take it.
fn offer_readable_encodings(headers: &mut HeaderMap) {
    let offered = headers.get_all(ACCEPT_ENCODING);
    let mut readable = offered.iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(','));
    let gzip = readable.any(|offer| {
        let (name, quality) = offer.split_once(';').unwrap_or((offer, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(quality.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    });
    let value = if gzip { "gzip" } else { "identity" };
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(value));
}

/// Where bytes are to be taken out of the answer it must not be packed.
pub(super) fn ask_for_plain_bytes(headers: &mut HeaderMap) {
    headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_hop_only() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("connection", "close, x-mine, authorization"),
            ("connection", "x-also"),
            ("x-mine", "1"),
            ("x-also", "1"),
            ("te", "trailers"),
            ("authorization", "k"),
            ("traceparent", "t"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
        }
        remove_hop_by_hop(&mut headers);
        let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        left.sort_unstable();
        assert_eq!(left, ["authorization", "traceparent"]);
    }

    #[test]
    fn only_what_can_be_read_is_asked_for() {
        for (offered, asked) in [
            ("gzip, deflate, br, zstd", "gzip"),
            ("br", "identity"),
            ("", "identity"),
            ("gzip;q=0, br", "identity"),
            ("GZIP;q=0.5", "gzip"),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(ACCEPT_ENCODING, HeaderValue::from_static(offered));
            offer_readable_encodings(&mut headers);
            assert_eq!(headers[ACCEPT_ENCODING], asked, "{offered}");
        }
    }
}
