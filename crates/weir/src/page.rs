//! Weir's own page: the files that `web/` was built into, as they lie in the binary.

use std::io::Read;

use bytes::Bytes;
use flate2::read::GzDecoder;
use http::header::{
    ACCEPT_ENCODING, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName,
    HeaderValue, REFERRER_POLICY, VARY, X_CONTENT_TYPE_OPTIONS,
};
use http::{Response, StatusCode};

/// Path, whether it is packed with gzip, bytes.
type File = (&'static str, bool, &'static [u8]);

static FILES: &[File] = include!(concat!(env!("OUT_DIR"), "/page.rs"));

/// The file that all paths of the page lead to.
const INDEX: &str = "/index.html";

/// Where the page can be addressed: its program finds out by itself which of its sheets is meant.
pub const PATHS: &[&str] = &["/", "/requests", "/runs", "/cost", "/models", "/levels", "/errors", "/energy", "/system"];

/// What the page may load: its own files, and nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:; font-src 'self'; \
                      connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";

/// What is said in the page's place where it was not built.
const NOT_BUILT: &str = "Weir. The page is not built into this binary: `make run` builds it, and so does `npm ci && npm run build` \
                         in web/ before `cargo build`. See /metrics, /healthz, /readyz, /api/v1/ and /loki/api/v1/.\n";

/// What is at a path; nothing if that is no path of the page's.
#[must_use]
pub fn answer(path: &str, headers: &HeaderMap) -> Option<Response<Bytes>> {
    if PATHS.contains(&path) {
        return Some(find(INDEX).map_or_else(not_built, |file| serve(file, headers)));
    }
    find(path).map(|file| serve(file, headers))
}

fn find(path: &str) -> Option<&'static File> {
    FILES.iter().find(|(name, ..)| *name == path)
}

fn not_built() -> Response<Bytes> {
    let mut response = Response::new(Bytes::from_static(NOT_BUILT.as_bytes()));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    response
}

fn serve(&(name, packed, bytes): &File, headers: &HeaderMap) -> Response<Bytes> {
    let accepted = headers.get_all(ACCEPT_ENCODING).iter().any(|value| value.to_str().is_ok_and(accepts_gzip));
    let (body, stays_packed) = match (packed, accepted) {
        (true, false) => (unpacked(bytes), false),
        _ => (Some(Bytes::from_static(bytes)), packed),
    };
    let Some(body) = body else {
        let mut response = Response::new(Bytes::new());
        *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        return response;
    };
    let mut response = Response::new(body);
    let head = response.headers_mut();
    // What stands in assets/ has its content's hash in its name.
    let cache = if name.starts_with("/assets/") { "public, max-age=31536000, immutable" } else { "no-cache" };
    let fixed: [(HeaderName, &'static str); 6] = [
        (CONTENT_TYPE, kind(name)),
        (CACHE_CONTROL, cache),
        (CONTENT_SECURITY_POLICY, POLICY),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (VARY, "accept-encoding"),
    ];
    head.extend(fixed.map(|(name, value)| (name, HeaderValue::from_static(value))));
    if stays_packed {
        head.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    response
}

fn accepts_gzip(value: &str) -> bool {
    value.split(',').any(|one| {
        let (name, weight) = one.split_once(';').unwrap_or((one, ""));
        name.trim().eq_ignore_ascii_case("gzip") && !matches!(weight.trim(), "q=0" | "q=0.0" | "q=0.00" | "q=0.000")
    })
}

fn unpacked(bytes: &[u8]) -> Option<Bytes> {
    let mut whole = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut whole).ok()?;
    Some(Bytes::from(whole))
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, ending)| ending) {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("woff2") => "font/woff2",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_answers_whether_the_page_is_built_or_not() {
        for path in PATHS {
            let response = answer(path, &HeaderMap::new()).unwrap();
            let text = String::from_utf8(response.body().to_vec()).unwrap();
            assert!(if FILES.is_empty() { text.contains("not built") } else { text.contains("<!doctype html>") });
        }
        assert!(answer("/nobody", &HeaderMap::new()).is_none());
        assert!(answer("/../Cargo.toml", &HeaderMap::new()).is_none());
    }

    #[test]
    fn a_file_is_packed_only_for_whom_it_helps() {
        let mut packed = Vec::new();
        flate2::read::GzEncoder::new(&b"let a;"[..], flate2::Compression::best()).read_to_end(&mut packed).unwrap();
        let file: File = ("/assets/a.js", true, packed.leak());
        let plain = serve(&file, &HeaderMap::new());
        assert_eq!((&plain.body()[..], plain.headers().get(CONTENT_ENCODING)), (&b"let a;"[..], None));
        assert_eq!(plain.headers()[CACHE_CONTROL], "public, max-age=31536000, immutable");
        let mut accepts = HeaderMap::new();
        accepts.insert(ACCEPT_ENCODING, HeaderValue::from_static("br, gzip;q=0.8"));
        assert_eq!(serve(&file, &accepts).headers()[CONTENT_ENCODING], "gzip");
        accepts.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip;q=0"));
        assert_eq!(serve(&file, &accepts).headers().get(CONTENT_ENCODING), None);
    }

    #[test]
    fn nothing_comes_from_elsewhere() {
        assert!(!POLICY.contains("unsafe") && !POLICY.contains("http"));
        for (name, packed, bytes) in FILES.iter().filter(|(name, ..)| name.ends_with(".html")) {
            let text = if *packed { unpacked(bytes).unwrap() } else { Bytes::from_static(bytes) };
            let text = String::from_utf8(text.to_vec()).unwrap();
            assert!(!text.contains("https://") && !text.contains("<style"), "{name}");
        }
    }
}
