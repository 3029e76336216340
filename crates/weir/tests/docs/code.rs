//! The errors that Weir answers with, and the codes that Records carry.

use std::collections::BTreeSet;

use http::header::RETRY_AFTER;
use weir::error::{Error, ErrorKind, Side};

use crate::{check_table, read, rows};

/// Every kind of error, with what it is about. A new kind does not compile until it has a sentence here; that it is in
/// [`KINDS`] too is what [`every_code_is_explained`] looks after.
fn sentence(kind: ErrorKind) -> &'static str {
    match kind {
        ErrorKind::BadHead => {
            "What came is no head of a request, or has several `host` headers; counted as `bad_head`."
        }
        ErrorKind::HeadTooLarge => "The path or the headers are too long or too many; counted as `bad_head`.",
        ErrorKind::ForbiddenHost => "The `host` header names somebody else: see `allowed_hosts`.",
        ErrorKind::ForbiddenOrigin => "A browser's page that may not call: see `allowed_origins`.",
        ErrorKind::NotFound => {
            "The path is not under `/v1/`, or has `.` or `..` in it: the client's base URL must end in `/v1`."
        }
        ErrorKind::MethodNotAllowed => "The path takes another method.",
        ErrorKind::UpgradeUnsupported => "An `upgrade` was asked for, as WebSockets need it.",
        ErrorKind::MissingKey => "Callers need a key, and none was shown: see `[[keys]]`.",
        ErrorKind::InvalidKey => "The key that was shown is none of `[[keys]]`.",
        ErrorKind::RevokedKey => "The key was revoked.",
        ErrorKind::MissingScope => "An operator's token that is for something else: see `admin.tokens[].scopes`.",
        ErrorKind::TooManyInFlight => "`max_in_flight` requests are under way.",
        ErrorKind::JournalUnavailable => "The journal cannot be written: free room on the disk of `data_dir`.",
        ErrorKind::InvalidJson => "The body is not a JSON object.",
        ErrorKind::InvalidModel => {
            "`model` is not a string, or stands there more than once and the caller's key is for certain models."
        }
        ErrorKind::UnsupportedMediaType => {
            "The body does not say that it is JSON, which is required where Weir holds a key, or it is compressed."
        }
        ErrorKind::MissingModel => "The body names no `model`.",
        ErrorKind::UnknownModel => "No provider serves the model, or none has `default = true`.",
        ErrorKind::ModelNotAllowed => {
            "The caller's key is not for this model, or it is for certain models and the request names none."
        }
        ErrorKind::BodyTooLarge => "The body is larger than `body_limit`.",
        ErrorKind::BodyMemory => "All bodies together are larger than `body_memory`.",
        ErrorKind::BodyIncomplete => "The body stood still, or is not framed as HTTP says.",
        ErrorKind::CallerGone => "The caller went away before its body was whole. Nobody reads this answer.",
        ErrorKind::UpstreamUnreachable => "The provider cannot be reached.",
        ErrorKind::ConnectTimeout => "The provider could not be reached within `timeouts.connect`.",
        ErrorKind::UpstreamTimeout => "The provider did not answer in time.",
        ErrorKind::UpstreamBroken => "The provider's answer is not HTTP, or broke off in its head.",
    }
}

const KINDS: [ErrorKind; 27] = [
    ErrorKind::BadHead,
    ErrorKind::HeadTooLarge,
    ErrorKind::ForbiddenHost,
    ErrorKind::ForbiddenOrigin,
    ErrorKind::NotFound,
    ErrorKind::MethodNotAllowed,
    ErrorKind::UpgradeUnsupported,
    ErrorKind::MissingKey,
    ErrorKind::InvalidKey,
    ErrorKind::RevokedKey,
    ErrorKind::MissingScope,
    ErrorKind::TooManyInFlight,
    ErrorKind::JournalUnavailable,
    ErrorKind::InvalidJson,
    ErrorKind::InvalidModel,
    ErrorKind::UnsupportedMediaType,
    ErrorKind::MissingModel,
    ErrorKind::UnknownModel,
    ErrorKind::ModelNotAllowed,
    ErrorKind::BodyTooLarge,
    ErrorKind::BodyMemory,
    ErrorKind::BodyIncomplete,
    ErrorKind::CallerGone,
    ErrorKind::UpstreamUnreachable,
    ErrorKind::ConnectTimeout,
    ErrorKind::UpstreamTimeout,
    ErrorKind::UpstreamBroken,
];

#[test]
fn the_errors_are_those_of_the_table() {
    let mut table = String::from("| Code | Status | Retry-After | Leaves a Record | Side | Meaning |\n");
    table += "|---|---|---|---|---|---|\n";
    for kind in KINDS {
        let response = Error::new(kind, "").response(None);
        let wait = response.headers().get(RETRY_AFTER).map_or("", |wait| wait.to_str().unwrap());
        let refused =
            ErrorKind::REFUSALS.contains(&kind) || matches!(kind, ErrorKind::BadHead | ErrorKind::HeadTooLarge);
        let recorded = match kind {
            ErrorKind::MissingScope => "no",
            _ if refused => "no, counted",
            _ => "yes",
        };
        let side = match kind.side() {
            Side::Client => "caller",
            Side::Upstream => "provider",
            Side::Internal => "Weir",
        };
        let status = kind.status().as_u16();
        table += &format!("| `{}` | {status} | {wait} | {recorded} | {side} | {} |\n", kind.code(), sentence(kind));
    }
    check_table("docs/operations.md", &table);
}

#[test]
fn every_code_is_explained() {
    let page = read("docs/operations.md");
    let explained = rows(&page);
    let mut codes = BTreeSet::new();
    for file in ["error.rs", "proxy/settle.rs", "recorder/recovery.rs"] {
        let source = read(&format!("crates/weir/src/{file}"));
        let source = source.split("#[cfg(test)]").next().unwrap();
        let is_code = |text: &&str| text.starts_with("weir_") && text.len() > "weir_".len();
        codes.extend(source.split('"').skip(1).step_by(2).filter(is_code).map(str::to_owned));
    }
    assert!(codes.len() > KINDS.len(), "the codes are found in the source: {codes:?}");
    for code in &codes {
        assert!(explained.contains(code.as_str()), "docs/operations.md does not explain {code}");
    }
    for code in explained.iter().filter(|code| code.starts_with("weir_")) {
        assert!(codes.contains(*code), "docs/operations.md explains {code}, which there is not");
    }
}
