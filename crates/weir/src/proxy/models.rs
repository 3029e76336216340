//! `GET /v1/models` over several providers: one list of what can be called here, each model as its provider describes it.

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Request, Response};
use meter::json;
use tokio::task::JoinSet;

use super::body::within;
use super::exchange::Exchange;
use super::{route, upstream};
use crate::config::{Config, Key};
use crate::error::{Error, ErrorKind};

/// A provider's list is hundreds of kilobytes at most.
const MAX_LIST: usize = 8 << 20;

/// Asks all providers at once. One that fails is left out; when all fail, the first one's error is the answer.
pub(super) async fn merged(exchange: &Exchange, head: &Parts) -> Result<Response<Bytes>, Error> {
    let snapshot = exchange.snapshot();
    let config = &snapshot.config;
    let mut asking = JoinSet::new();
    for index in asked(config) {
        let (snapshot, head) = (snapshot.clone(), question(head, config, index));
        asking.spawn(async move {
            let limit = snapshot.config.timeouts.connect * 3;
            let late = || {
                let message =
                    "no provider listed its models in time; try again, or raise timeouts.connect in weir.toml";
                Error::new(ErrorKind::UpstreamTimeout, message)
            };
            let list = within(limit, upstream::fetch(&snapshot, index, head, MAX_LIST)).await.ok_or_else(late);
            (index, list.flatten())
        });
    }
    let mut lists: Vec<_> = asking.join_all().await;
    lists.sort_by_key(|(index, _)| *index);
    let (mut models, mut failure, mut answered) = (Vec::new(), None, false);
    for (index, list) in lists {
        match list {
            Ok((head, body)) if head.status.is_success() => {
                answered = true;
                models.extend(described(&body).into_iter().filter(|(id, _)| leads_to(config, id, index)));
            }
            Ok((head, _)) => {
                let name = &config.providers[index].name;
                let message = format!(
                    "provider \"{name}\" answered {} when asked for its models; see its base_url and api_key in weir.toml",
                    head.status
                );
                failure.get_or_insert_with(|| Error::new(ErrorKind::UpstreamBroken, message));
            }
            Err(error) => drop(failure.get_or_insert(error)),
        }
    }
    match failure {
        Some(error) if !answered && config.routes.is_empty() => Err(error),
        _ => Ok(list(config, models, |id| exchange.caller().is_none_or(|caller| caller.may_call(id)))),
    }
}

/// Who is asked: whoever Weir holds a key of, and one provider at most that is shown the caller's key. A key is for one
/// provider and not to be shown around.
fn asked(config: &Config) -> Vec<usize> {
    let is_callers = |index: &usize| matches!(config.providers[*index].key, Key::Caller);
    let all = 0..config.providers.len();
    let shown =
        all.clone().filter(is_callers).max_by_key(|index| (config.providers[*index].default, usize::MAX - index));
    all.filter(|index| !is_callers(index) || Some(*index) == shown).collect()
}

fn question(head: &Parts, config: &Config, index: usize) -> Parts {
    let (mut question, ()) = Request::new(()).into_parts();
    question.uri = http::Uri::from_static("/v1/models");
    if let (Key::Caller, Some(key)) = (&config.providers[index].key, head.headers.get(AUTHORIZATION)) {
        question.headers.insert(AUTHORIZATION, key.clone());
    }
    question
}

/// The models of a list, each as it stands there.
fn described(body: &[u8]) -> Vec<(String, String)> {
    #[derive(serde::Deserialize)]
    struct List<'a> {
        #[serde(borrow)]
        data: Vec<&'a serde_json::value::RawValue>,
    }
    let models = serde_json::from_slice::<List<'_>>(body).map(|list| list.data).unwrap_or_default();
    let with_id = |model: &&serde_json::value::RawValue| {
        let text = model.get().to_owned();
        let id = json::members(text.as_bytes()).flatten().find(|member| member.is("id"))?.text()?;
        Some((id, text))
    };
    models.iter().filter_map(with_id).collect()
}

/// Whether a call of this model goes to this provider; otherwise the list would promise what is not kept.
fn leads_to(config: &Config, model: &str, provider: usize) -> bool {
    route::of_model(config, model).is_some_and(|route| route.provider == provider && route.target.is_none())
}

fn list(config: &Config, models: Vec<(String, String)>, may_call: impl Fn(&str) -> bool) -> Response<Bytes> {
    let own = config.routes.iter().filter(|route| may_call(&route.model)).map(|route| {
        serde_json::json!({ "id": route.model, "object": "model", "created": 0, "owned_by": "weir" }).to_string()
    });
    let mut seen = std::collections::HashSet::new();
    let all: Vec<String> = own
        .chain(models.into_iter().filter(|(id, _)| may_call(id) && seen.insert(id.clone())).map(|(_, text)| text))
        .collect();
    let mut response = Response::new(Bytes::from(format!("{{\"object\":\"list\",\"data\":[{}]}}", all.join(","))));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}
