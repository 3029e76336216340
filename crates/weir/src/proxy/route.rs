//! Where a request leads: the kind of call it is, and the provider and model it goes to.

use http::Method;
use http::request::Parts;
use meter::dialect::Api;
use meter::path::Paths;
use meter::request::{Asked, BadRequest};

use crate::config::Config;
use crate::error::{Error, ErrorKind};

/// Where a request goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Route<'a> {
    /// The provider's place in the configuration.
    pub(super) provider: usize,
    /// The model to ask for, where it is another than the caller named.
    pub(super) target: Option<&'a str>,
    /// Whether a stream of this call can be asked for its usage.
    pub(super) streams_usage: bool,
}

/// What kind of call a request is.
pub(super) fn api(head: &Parts) -> Result<Api, Error> {
    let path = head.uri.path();
    let Some(rest) = path.strip_prefix("/v1/") else {
        let message =
            format!("Weir serves paths under /v1/, not {path}; point the client's base URL at http://HOST:PORT/v1");
        return Err(Error::new(ErrorKind::NotFound, message));
    };
    if rest.bytes().any(|byte| matches!(byte, b'.' | b'%' | b'\\')) && leads_elsewhere(rest) {
        let message = "a path with . or .. among its segments is not passed on; send it without them";
        return Err(Error::new(ErrorKind::NotFound, message));
    }
    if head.headers.contains_key(http::header::UPGRADE) {
        let message = "Weir does not pass WebSockets or other upgrades; use the HTTP API";
        return Err(Error::new(ErrorKind::UpgradeUnsupported, message));
    }
    let (api, method) = match rest {
        "chat/completions" => (Api::Chat, Method::POST),
        "completions" => (Api::Completions, Method::POST),
        "embeddings" => (Api::Embeddings, Method::POST),
        "models" => (Api::Models, Method::GET),
        // A response is also fetched, cancelled and deleted below this path; only its making uses tokens.
        "responses" if head.method == Method::POST => return Ok(Api::Responses),
        _ if head.method == Method::POST => return Ok(piecewise(rest)),
        _ => return Ok(Api::Other),
    };
    if head.method == method || (head.method == Method::GET && api == Api::Chat) {
        // Stored chat completions are listed at the same path.
        return Ok(if head.method == method { api } else { Api::Other });
    }
    let message = format!("{path} takes {method}, not {}", head.method);
    Err(Error::new(ErrorKind::MethodNotAllowed, message))
}

/// Calls that may be paid by the piece; the rest is passed on without a name.
fn piecewise(path: &str) -> Api {
    match path {
        "images/generations" | "images/edits" | "images/variations" => Api::Images,
        "audio/speech" => Api::Speech,
        "audio/transcriptions" | "audio/translations" => Api::Transcriptions,
        _ => Api::Other,
    }
}

/// Whether a path leaves its place once somebody decodes and resolves it: a provider's key is for what lies below its base
/// URL.
fn leads_elsewhere(path: &str) -> bool {
    let path = path.to_ascii_lowercase().replace("%2e", ".").replace("%2f", "/").replace("%5c", "\\");
    path.split(['/', '\\']).any(|segment| segment == "." || segment == "..")
}

/// Whether a call's body must be JSON with a model.
pub(super) fn needs_model(api: Api) -> bool {
    matches!(api, Api::Chat | Api::Completions | Api::Embeddings)
}

/// Reads what a body asks for. Where no model is needed a body that cannot be read asks for nothing.
pub(super) fn inspect(api: Api, body: &[u8], paths: &Paths) -> Result<Asked, Error> {
    match meter::request::inspect_for(body, paths) {
        Ok(asked) if asked.model.is_none() && needs_model(api) => {
            let message = "the request names no model; add \"model\" to its body";
            Err(Error::new(ErrorKind::MissingModel, message))
        }
        Ok(asked) => Ok(asked),
        Err(_) if !needs_model(api) => Ok(Asked::default()),
        Err(error @ BadRequest::NotJson(_)) => {
            Err(Error::new(ErrorKind::InvalidJson, format!("{error}; send a JSON object")))
        }
        Err(error @ BadRequest::ModelType) => {
            Err(Error::new(ErrorKind::InvalidModel, format!("{error}; send its name")))
        }
    }
}

/// Where a request goes: where its model leads, or to the default provider.
pub(super) fn find<'a>(config: &'a Config, api: Api, asked: Option<&Asked>) -> Result<Route<'a>, Error> {
    let streams_usage = matches!(api, Api::Chat | Api::Completions);
    let route = match asked.and_then(|asked| asked.model.as_deref()).filter(|_| needs_model(api)) {
        Some(model) => of_model(config, model).ok_or_else(|| {
            let message = format!(
                "no provider serves the model {:?}; GET /v1/models lists what there is, and `models` or \
                 `default = true` of a provider in weir.toml add more",
                model.chars().take(100).collect::<String>()
            );
            Error::new(ErrorKind::UnknownModel, message)
        }),
        None => default(config).ok_or_else(|| {
            let message = "no provider has default = true in weir.toml, so this path leads nowhere; set it for one";
            Error::new(ErrorKind::UnknownModel, message)
        }),
    }?;
    Ok(Route { streams_usage, ..route })
}

/// Where a model leads: a route of its name, else the first provider that serves it, else the default one.
pub(super) fn of_model<'a>(config: &'a Config, model: &str) -> Option<Route<'a>> {
    if let Some(route) = config.routes.iter().find(|route| route.model == model) {
        return Some(Route { provider: route.provider, target: Some(&route.target), streams_usage: false });
    }
    let serves = |provider: &crate::config::Provider| provider.models.iter().any(|pattern| pattern.matches(model));
    config.providers.iter().position(serves).map(to).or_else(|| default(config))
}

fn default(config: &Config) -> Option<Route<'_>> {
    config.providers.iter().position(|provider| provider.default).map(to)
}

fn to<'a>(provider: usize) -> Route<'a> {
    Route { provider, target: None, streams_usage: false }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_that_lead_elsewhere() {
        for path in ["../x", "a/../../x", "..", "a/%2E%2e/x", "..%2fx", "..\\x", "a%5c..%5cx", "./x"] {
            assert!(leads_elsewhere(path), "{path}");
        }
        for path in ["chat/completions", "files/a.b", "models/gpt-4.1", "x/...", "a%20b", "models/..x"] {
            assert!(!leads_elsewhere(path), "{path}");
        }
    }
}
