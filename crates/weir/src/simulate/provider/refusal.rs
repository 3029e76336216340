//! Refusal: an error answer, in the shape and with the words OpenAI's API uses.

use http::{HeaderValue, Method, Response, StatusCode, header};
use serde::Serialize;

use super::pace::{Body, whole};

/// An error answer: its status and what stands in its body.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    message: String,
    kind: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

#[derive(Serialize)]
struct Envelope<'a> {
    error: Detail<'a>,
}

#[derive(Serialize)]
struct Detail<'a> {
    message: &'a str,
    r#type: &'static str,
    param: Option<&'static str>,
    code: Option<&'static str>,
}

impl Refusal {
    fn new(status: StatusCode, message: impl Into<String>, kind: &'static str) -> Refusal {
        Refusal { status, message: message.into(), kind, param: None, code: None }
    }

    /// The caller asked for something that cannot be.
    pub(super) fn invalid(message: impl Into<String>, param: Option<&'static str>) -> Refusal {
        let refusal = Refusal::new(StatusCode::BAD_REQUEST, message, "invalid_request_error");
        Refusal { param, ..refusal }
    }

    /// A parameter that has to be there is not.
    pub(super) fn missing(message: &str, param: &'static str) -> Refusal {
        Refusal { code: Some("missing_required_parameter"), ..Refusal::invalid(message, Some(param)) }
    }

    /// The body is not JSON.
    pub(super) fn not_json() -> Refusal {
        Refusal::invalid(
            "We could not parse the JSON body of your request. (HINT: This likely means you aren't using your HTTP library \
             correctly. The API expects a JSON payload, but what was sent was not valid JSON.)",
            None,
        )
    }

    /// The body is longer than `limit` bytes, or did not arrive.
    pub(super) fn too_large(limit: usize) -> Refusal {
        let message = format!("The body of your request is larger than {limit} bytes.");
        Refusal::new(StatusCode::PAYLOAD_TOO_LARGE, message, "invalid_request_error")
    }

    /// Nothing is served at this path.
    pub(super) fn unknown_path(method: &Method, path: &str) -> Refusal {
        let message = format!("Invalid URL ({method} {path})");
        Refusal::new(StatusCode::NOT_FOUND, message, "invalid_request_error")
    }

    /// The path is served, but not by this method.
    pub(super) fn wrong_method(method: &Method, path: &str) -> Refusal {
        let message =
            format!("Not allowed to {method} on {path} (HINT: Perhaps you meant to use a different HTTP method?)");
        let refusal = Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message, "invalid_request_error");
        Refusal { code: Some("method_not_supported"), ..refusal }
    }

    /// The provider failed.
    pub(super) fn server_error() -> Refusal {
        Refusal::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "The server had an error while processing your request. Sorry about that!",
            "server_error",
        )
    }

    /// The provider has had enough of this caller for a second.
    pub(super) fn rate_limited(model: &str) -> Refusal {
        let message = format!(
            "Rate limit reached for {model} in organization org-simulated on requests per min (RPM): Limit 500, Used 500, \
             Requested 1. Please try again in 1s. Visit https://platform.openai.com/account/rate-limits to learn more."
        );
        let refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, message, "requests");
        Refusal { code: Some("rate_limit_exceeded"), ..refusal }
    }

    /// The answer that goes out.
    pub(super) fn answer(&self) -> Response<Body> {
        let detail = Detail { message: &self.message, r#type: self.kind, param: self.param, code: self.code };
        let body = serde_json::to_vec(&Envelope { error: detail }).unwrap_or_default();
        let mut answer = Response::new(whole(body.into()));
        *answer.status_mut() = self.status;
        let headers = answer.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        answer
    }
}
