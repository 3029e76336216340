//! Headers on their way through: what belongs to one connection stays behind, the rest passes.

use http::Version;
use http::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONNECTION, CONTENT_LENGTH, EXPECT, HOST, HeaderMap, HeaderName, HeaderValue,
    PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::uri::{PathAndQuery, Uri};

use super::upstream::Outgoing;
use crate::config::{Key, Provider};
use crate::error::{Error, ErrorKind};

/// What RFC 9110, section 7.6.1, and custom say about one hop only.
const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes what belongs to one hop, including what `connection` names.
pub(super) fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Comparing a few names is cheaper than looking all of them up.
    if !headers.keys().any(|name| HOP_BY_HOP.contains(name)) {
        return;
    }
    if headers.contains_key(CONNECTION) {
        let lines = headers.get_all(CONNECTION).iter().filter_map(|value| value.to_str().ok());
        let named: Vec<HeaderName> = lines
            .flat_map(|names| names.split(','))
            .filter_map(|name| name.trim().parse().ok())
            // These frame or secure the message; nobody may have them removed by naming them.
            .filter(|name| *name != HOST && *name != CONTENT_LENGTH && *name != AUTHORIZATION)
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
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
        headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len()));
    }
    Ok(())
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
        .map_err(|_| Error::new(ErrorKind::NotFound, format!("{text} cannot be passed on as a path")))
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
