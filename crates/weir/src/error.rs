//! Errors that Weir itself answers with: one table of status, code and what to do, in OpenAI's shape.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{Response, StatusCode};
use meter::record::{EndReason, id_text};

/// Whose fault it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The caller's.
    Client,
    /// The provider's, or the way to it.
    Upstream,
    /// Weir's own.
    Internal,
}

/// What went wrong. Those that come before a request is admitted are counted by [`ErrorKind::code`], the others recorded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ErrorKind {
    /// What came is not the head of a request, or names several hosts.
    BadHead,
    /// The head of a request is longer, or has more headers, than is read.
    HeadTooLarge,
    /// The `host` header names somebody else.
    ForbiddenHost,
    /// A browser's page that is not allowed to call.
    ForbiddenOrigin,
    /// Not under `/v1/`.
    NotFound,
    /// A path that exists, with another method.
    MethodNotAllowed,
    /// `upgrade`, as WebSockets need it.
    UpgradeUnsupported,
    /// No key, where callers need one.
    MissingKey,
    /// A key that is none of Weir's.
    InvalidKey,
    /// A key that was revoked.
    RevokedKey,
    /// A token of the operators' side that is for something else.
    MissingScope,
    /// `max_in_flight` is reached.
    TooManyInFlight,
    /// The journal cannot be written.
    JournalUnavailable,
    /// The body is not JSON.
    InvalidJson,
    /// The body's `model` is not a string, or there are several where the caller's key is for certain models.
    InvalidModel,
    /// The body is JSON by right and says otherwise.
    UnsupportedMediaType,
    /// No `model`.
    MissingModel,
    /// A `model` that no provider serves.
    UnknownModel,
    /// A `model` that the caller's key is not for.
    ModelNotAllowed,
    /// The body is over `body_limit`.
    BodyTooLarge,
    /// The bodies together are over `body_memory`.
    BodyMemory,
    /// The caller's body stood still, or is not framed as HTTP says.
    BodyIncomplete,
    /// The caller went away before its body was whole. Nobody reads the answer.
    CallerGone,
    /// The provider could not be reached.
    UpstreamUnreachable,
    /// The provider could not be reached in time.
    ConnectTimeout,
    /// The provider did not answer in time.
    UpstreamTimeout,
    /// The provider's answer is not HTTP, or broke off in its head.
    UpstreamBroken,
}

/// Status, code, OpenAI's type, side: one row each.
type Row = (StatusCode, &'static str, &'static str, Side);

impl ErrorKind {
    const fn row(self) -> Row {
        use Side::{Client, Internal, Upstream};
        const INVALID: &str = "invalid_request_error";
        const API: &str = "api_error";
        match self {
            ErrorKind::BadHead => (StatusCode::BAD_REQUEST, "weir_bad_head", INVALID, Client),
            ErrorKind::HeadTooLarge => {
                (StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE, "weir_head_too_large", INVALID, Client)
            }
            ErrorKind::ForbiddenHost => (StatusCode::FORBIDDEN, "weir_forbidden_host", INVALID, Client),
            ErrorKind::ForbiddenOrigin => (StatusCode::FORBIDDEN, "weir_forbidden_origin", INVALID, Client),
            ErrorKind::NotFound => (StatusCode::NOT_FOUND, "weir_not_found", INVALID, Client),
            ErrorKind::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "weir_method_not_allowed", INVALID, Client),
            ErrorKind::UpgradeUnsupported => (StatusCode::NOT_IMPLEMENTED, "weir_upgrade_unsupported", INVALID, Client),
            ErrorKind::MissingKey => (StatusCode::UNAUTHORIZED, "weir_missing_key", INVALID, Client),
            ErrorKind::InvalidKey => (StatusCode::UNAUTHORIZED, "weir_invalid_key", INVALID, Client),
            ErrorKind::MissingScope => (StatusCode::FORBIDDEN, "weir_missing_scope", INVALID, Client),
            ErrorKind::RevokedKey => (StatusCode::UNAUTHORIZED, "weir_revoked_key", INVALID, Client),
            ErrorKind::TooManyInFlight => (StatusCode::SERVICE_UNAVAILABLE, "weir_too_many_in_flight", API, Internal),
            ErrorKind::JournalUnavailable => {
                (StatusCode::SERVICE_UNAVAILABLE, "weir_journal_unavailable", API, Internal)
            }
            ErrorKind::InvalidJson => (StatusCode::BAD_REQUEST, "weir_invalid_json", INVALID, Client),
            ErrorKind::InvalidModel => (StatusCode::BAD_REQUEST, "weir_invalid_model", INVALID, Client),
            ErrorKind::UnsupportedMediaType => {
                (StatusCode::UNSUPPORTED_MEDIA_TYPE, "weir_unsupported_media_type", INVALID, Client)
            }
            ErrorKind::MissingModel => (StatusCode::BAD_REQUEST, "weir_missing_model", INVALID, Client),
            ErrorKind::UnknownModel => (StatusCode::NOT_FOUND, "weir_unknown_model", INVALID, Client),
            ErrorKind::ModelNotAllowed => (StatusCode::FORBIDDEN, "weir_model_not_allowed", INVALID, Client),
            ErrorKind::BodyTooLarge => (StatusCode::PAYLOAD_TOO_LARGE, "weir_body_too_large", INVALID, Client),
            ErrorKind::BodyMemory => (StatusCode::SERVICE_UNAVAILABLE, "weir_body_memory", API, Internal),
            ErrorKind::BodyIncomplete => (StatusCode::BAD_REQUEST, "weir_body_incomplete", INVALID, Client),
            ErrorKind::CallerGone => (StatusCode::BAD_REQUEST, "weir_caller_gone", INVALID, Client),
            ErrorKind::UpstreamUnreachable => (StatusCode::BAD_GATEWAY, "weir_upstream_unreachable", API, Upstream),
            ErrorKind::ConnectTimeout => (StatusCode::GATEWAY_TIMEOUT, "weir_connect_timeout", API, Upstream),
            ErrorKind::UpstreamTimeout => (StatusCode::GATEWAY_TIMEOUT, "weir_upstream_timeout", API, Upstream),
            ErrorKind::UpstreamBroken => (StatusCode::BAD_GATEWAY, "weir_upstream_broken", API, Upstream),
        }
    }

    /// The HTTP status it is answered with.
    #[must_use]
    pub const fn status(self) -> StatusCode {
        self.row().0
    }

    /// The code in the answer and on the Record.
    #[must_use]
    pub const fn code(self) -> &'static str {
        self.row().1
    }

    /// Whose fault it is.
    #[must_use]
    pub const fn side(self) -> Side {
        self.row().3
    }

    /// What to call the end of a request that it ended.
    #[must_use]
    pub const fn end_reason(self) -> EndReason {
        match self {
            ErrorKind::ConnectTimeout | ErrorKind::UpstreamTimeout => EndReason::Timeout,
            ErrorKind::UpstreamUnreachable | ErrorKind::UpstreamBroken => EndReason::UpstreamGone,
            ErrorKind::CallerGone => EndReason::ClientGone,
            _ => EndReason::Complete,
        }
    }

    /// When trying again makes sense, if it does.
    const fn retry_after(self) -> Option<Duration> {
        match self {
            ErrorKind::TooManyInFlight | ErrorKind::BodyMemory => Some(Duration::from_secs(1)),
            ErrorKind::JournalUnavailable => Some(Duration::from_secs(5)),
            _ => None,
        }
    }

    /// What to tell a caller for whom there is no slot.
    #[must_use]
    pub const fn advice(self) -> &'static str {
        match self {
            ErrorKind::JournalUnavailable => {
                "the journal cannot be written, so no request is accepted; free room on data_dir's disk (Weir goes on by \
                 itself), or set on_journal_failure = \"serve\""
            }
            _ => "max_in_flight requests are under way; try again shortly, or raise it in weir.toml",
        }
    }

    /// The refusals, which are counted and not recorded.
    pub const REFUSALS: [ErrorKind; 10] = [
        ErrorKind::ForbiddenHost,
        ErrorKind::ForbiddenOrigin,
        ErrorKind::NotFound,
        ErrorKind::MethodNotAllowed,
        ErrorKind::UpgradeUnsupported,
        ErrorKind::MissingKey,
        ErrorKind::InvalidKey,
        ErrorKind::RevokedKey,
        ErrorKind::TooManyInFlight,
        ErrorKind::JournalUnavailable,
    ];
}

/// An error with the sentence that says what happened and what to do.
#[derive(Debug, Clone, thiserror::Error)]
#[error("{message}")]
pub struct Error {
    /// What it is.
    pub kind: ErrorKind,
    /// What happened, and what to do.
    pub message: String,
}

impl Error {
    /// With a sentence.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Error {
        Error { kind, message: message.into() }
    }

    /// The answer, in OpenAI's shape. `x-weir-error: proxy` tells it from a provider's.
    #[must_use]
    pub fn response(&self, request_id: Option<&[u8; 16]>) -> Response<Bytes> {
        let (status, code, kind, _) = self.kind.row();
        let id = request_id.map(|id| String::from_utf8_lossy(&id_text(id)).into_owned());
        let body = serde_json::json!({
            "error": { "message": self.message, "type": kind, "param": null, "code": code, "request_id": id }
        });
        let mut response = Response::new(Bytes::from(body.to_string()));
        *response.status_mut() = status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert("x-weir-error", HeaderValue::from_static("proxy"));
        if status == StatusCode::UNAUTHORIZED {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(wait) = self.kind.retry_after() {
            headers.insert(RETRY_AFTER, HeaderValue::from(wait.as_secs()));
        }
        response
    }
}
