//! Who may call. Being on loopback is not enough: a page in a browser on the same machine is there too, so the `host` that
//! was addressed is checked, and pages are refused unless they are allowed.

use std::net::SocketAddr;

use bytes::Bytes;
use http::header::{
    ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN, VARY,
};
use http::request::Parts;
use http::{Method, Response, StatusCode};

use crate::config::Config;
use crate::error::{Error, ErrorKind};

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// What is let in.
#[derive(Debug)]
pub struct Gate {
    names: Vec<String>,
    /// Whether any name will do: Weir listens everywhere, holds no key, and no names were given.
    any_name: bool,
    origins: Vec<String>,
}

/// What was let in.
#[derive(Debug)]
pub(super) enum Entry {
    /// A call, from a page of this origin if from any.
    Call(Option<HeaderValue>),
    /// A browser's question whether a page may call, with its answer.
    Preflight(Response<Bytes>),
}

impl Gate {
    /// For the callers' side.
    pub(super) fn new(config: &Config) -> Gate {
        Gate::for_address(config.listen, &config.allowed_hosts, &config.allowed_origins)
    }

    /// For an address that Weir listens on.
    pub(crate) fn for_address(listen: SocketAddr, hosts: &[String], origins: &[String]) -> Gate {
        let port = listen.port();
        let mut names = Vec::new();
        let own = if listen.ip().is_ipv6() { format!("[{}]", listen.ip()) } else { listen.ip().to_string() };
        for name in
            ["localhost", "127.0.0.1", "[::1]", own.as_str()].into_iter().chain(hosts.iter().map(String::as_str))
        {
            names.push(name.to_ascii_lowercase());
            names.push(format!("{}:{port}", name.to_ascii_lowercase()));
        }
        Gate { names, any_name: !listen.ip().is_loopback() && hosts.is_empty(), origins: origins.to_vec() }
    }

    /// Lets a request in, or says why not.
    pub(super) fn check(&self, head: &Parts) -> Result<Entry, Error> {
        self.check_host(head)?;
        let Some(origin) = head.headers.get(ORIGIN) else {
            // Old browsers' forms and images send no origin, but say that they cross sites.
            return match head.headers.get(SEC_FETCH_SITE) {
                Some(site) if site == "cross-site" => Err(forbidden_origin("another site's page")),
                _ => Ok(Entry::Call(None)),
            };
        };
        if !self.origins.iter().any(|allowed| allowed == "*" || allowed.as_bytes() == origin.as_bytes()) {
            return Err(forbidden_origin(&String::from_utf8_lossy(origin.as_bytes())));
        }
        if head.method == Method::OPTIONS && head.headers.contains_key("access-control-request-method") {
            return Ok(Entry::Preflight(preflight(head, origin)));
        }
        Ok(Entry::Call(Some(origin.clone())))
    }

    /// Refuses what a page asks for that is another one's than Weir's own.
    pub(crate) fn check_page(&self, head: &Parts) -> Result<(), Error> {
        let own = |origin: &[u8]| {
            let host = head.headers.get(HOST).map(HeaderValue::as_bytes).unwrap_or_default();
            let bare = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
            bare.is_some_and(|bare| !host.is_empty() && bare.eq_ignore_ascii_case(host))
        };
        match (head.headers.get(ORIGIN), head.headers.get(SEC_FETCH_SITE)) {
            (Some(origin), _) if !own(origin.as_bytes()) => {
                Err(forbidden_origin(&String::from_utf8_lossy(origin.as_bytes())))
            }
            (None, Some(site)) if site == "cross-site" => Err(forbidden_origin("another site's page")),
            _ => Ok(()),
        }
    }

    /// Refuses a request that addresses somebody else.
    pub(crate) fn check_host(&self, head: &Parts) -> Result<(), Error> {
        // Who stands in front of Weir may have looked at the other one.
        if head.headers.get_all(HOST).iter().nth(1).is_some() {
            return Err(Error::new(ErrorKind::BadHead, "the request has several host headers; send one"));
        }
        let host = match (head.uri.authority(), head.headers.get(HOST)) {
            (Some(authority), _) => Some(authority.as_str().as_bytes()),
            (None, host) => host.map(HeaderValue::as_bytes),
        };
        let known = |host: &[u8]| self.names.iter().any(|name| name.as_bytes().eq_ignore_ascii_case(host));
        if self.any_name || host.is_some_and(known) {
            return Ok(());
        }
        let host = host.map_or_else(|| "nothing".to_owned(), |host| format!("{:?}", String::from_utf8_lossy(host)));
        let message = format!(
            "the host header names {host}, which is not this Weir; add it to allowed_hosts in weir.toml if it is"
        );
        Err(Error::new(ErrorKind::ForbiddenHost, message))
    }
}

fn forbidden_origin(origin: &str) -> Error {
    let message =
        format!("calls from {origin} are not allowed; add its origin to allowed_origins in weir.toml to allow them");
    Error::new(ErrorKind::ForbiddenOrigin, message)
}

fn preflight(head: &Parts, origin: &HeaderValue) -> Response<Bytes> {
    let mut response = Response::new(Bytes::new());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    allow(origin, headers);
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET, POST, DELETE"));
    headers.insert(ACCESS_CONTROL_MAX_AGE, HeaderValue::from_static("600"));
    if let Some(asked) = head.headers.get("access-control-request-headers") {
        headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
    }
    response
}

/// Lets a page of `origin` see an answer.
pub(super) fn allow(origin: &HeaderValue, headers: &mut HeaderMap) {
    headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
    headers.insert(
        ACCESS_CONTROL_EXPOSE_HEADERS,
        HeaderValue::from_static("x-request-id, x-weir-request-id, x-weir-error"),
    );
    headers.append(VARY, HeaderValue::from_static("origin"));
}
