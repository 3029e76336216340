//! Answer: what the model says to a request, decided as a whole before the first byte leaves.
//!
//! Streamed or not, the same answer goes out, so its usage is the same either way.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::{SystemTime, UNIX_EPOCH};

use fastrand::Rng;
use serde::Serialize;

use super::model::Model;
use super::request::{Api, Request, ToolUse};
use super::schema::sample;
use crate::simulate::chance::{alphanumeric, happens, hex, log_normal};
use crate::simulate::text::{self, count_tokens, truncate};

/// The shortest prompt a provider remembers, and the step in which it does, in tokens.
const CACHE_FROM_TOKENS: u64 = 1024;
const CACHE_STEP_TOKENS: u64 = 128;
/// Reasoning is counted in steps of so many tokens.
const REASONING_STEP_TOKENS: u64 = 64;
/// The tokens that frame a tool call.
const CALL_TOKENS: u64 = 7;
/// The share of requests with tools that end in a call.
const CALL_SHARE: f64 = 0.5;
/// The longest answer without a limit, in tokens.
const LONGEST_ANSWER: f64 = 4096.0;

/// What goes out, whatever the wire looks like.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) created: u64,
    pub(super) model: String,
    pub(super) fingerprint: String,
    pub(super) choices: Vec<Choice>,
    pub(super) usage: Usage,
}

/// One of the answers asked for.
#[derive(Clone, Debug)]
pub(super) struct Choice {
    pub(super) said: Said,
    pub(super) finish: &'static str,
}

/// Words, or calls of tools.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Text(String),
    Calls(Vec<Call>),
}

/// A call of a tool.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) id: String,
    pub(super) name: String,
    /// JSON, as text.
    pub(super) arguments: String,
}

/// The usage object of OpenAI's API.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct Usage {
    pub(super) prompt_tokens: u64,
    pub(super) completion_tokens: u64,
    pub(super) total_tokens: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) prompt_tokens_details: Option<PromptDetails>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) completion_tokens_details: Option<CompletionDetails>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct PromptDetails {
    pub(super) cached_tokens: u64,
    pub(super) audio_tokens: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub(super) struct CompletionDetails {
    pub(super) reasoning_tokens: u64,
    pub(super) audio_tokens: u64,
    pub(super) accepted_prediction_tokens: u64,
    pub(super) rejected_prediction_tokens: u64,
}

impl Answer {
    /// The answer to `request`, of about `length` tokens per choice where nothing limits it.
    pub(super) fn compose(rng: &mut Rng, request: &Request, model: Model, length: f64) -> Answer {
        let (mut written, mut reasoned) = (0, 0);
        let choices = (0..request.choices)
            .map(|_| {
                let thought = reasoning(rng, request, model);
                let (choice, tokens) = choose(rng, request, thought, length);
                reasoned += thought;
                written += tokens;
                choice
            })
            .collect();
        let snapshot = if model.snapshot.is_empty() { &request.model } else { model.snapshot };
        let prefix = if request.api == Api::Chat { "chatcmpl-" } else { "cmpl-" };
        Answer {
            id: format!("{prefix}{}", alphanumeric(rng, 29)),
            created: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs()),
            model: snapshot.to_owned(),
            fingerprint: fingerprint(snapshot),
            choices,
            usage: usage(rng, request, model, written, reasoned),
        }
    }
}

/// The name of what runs the model: the same for all its answers.
fn fingerprint(snapshot: &str) -> String {
    let mut hasher = DefaultHasher::new();
    snapshot.hash(&mut hasher);
    format!("fp_{}", hex(&mut Rng::with_seed(hasher.finish()), 10))
}

fn usage(rng: &mut Rng, request: &Request, model: Model, written: u64, reasoned: u64) -> Usage {
    let cached = cached_tokens(rng, request.prompt_tokens, model);
    let chat = request.api == Api::Chat;
    Usage {
        prompt_tokens: request.prompt_tokens,
        completion_tokens: written + reasoned,
        total_tokens: request.prompt_tokens + written + reasoned,
        prompt_tokens_details: chat.then_some(PromptDetails { cached_tokens: cached, audio_tokens: 0 }),
        completion_tokens_details: chat.then_some(CompletionDetails {
            reasoning_tokens: reasoned,
            audio_tokens: 0,
            accepted_prediction_tokens: 0,
            rejected_prediction_tokens: 0,
        }),
    }
}

/// The part of a long prompt that the provider remembers from last time, in whole steps.
fn cached_tokens(rng: &mut Rng, prompt_tokens: u64, model: Model) -> u64 {
    if !model.caches || prompt_tokens < CACHE_FROM_TOKENS || happens(rng, 0.4) {
        return 0;
    }
    let steps = (prompt_tokens - CACHE_FROM_TOKENS) / CACHE_STEP_TOKENS;
    CACHE_FROM_TOKENS + rng.u64(0..=steps) * CACHE_STEP_TOKENS
}

/// The tokens a model thinks before it answers.
fn reasoning(rng: &mut Rng, request: &Request, model: Model) -> u64 {
    if !model.reasons || happens(rng, 0.15) {
        return 0;
    }
    let steps = log_normal(rng, 4.0, 0.7).clamp(1.0, 64.0) as u64;
    (steps * REASONING_STEP_TOKENS).min(request.limit.unwrap_or(u64::MAX))
}

/// One choice and its tokens, beside the `thought` that came before it.
fn choose(rng: &mut Rng, request: &Request, thought: u64, length: f64) -> (Choice, u64) {
    let room = request.limit.map_or(u64::MAX, |limit| limit - thought);
    let calls = match request.tool_use {
        ToolUse::Never => false,
        ToolUse::Sometimes => happens(rng, CALL_SHARE),
        ToolUse::Always => true,
    };
    if calls && !request.tools.is_empty() {
        let (calls, tokens) = call(rng, request);
        // A call that does not fit is not made: half a call would be of no use to anyone.
        if tokens <= room {
            return (Choice { said: Said::Calls(calls), finish: "tool_calls" }, tokens);
        }
    }
    let mut text = write(rng, request, room, length);
    let (tokens, cut) = truncate(&mut text, room);
    (Choice { said: Said::Text(text), finish: if cut { "length" } else { "stop" } }, tokens)
}

fn write(rng: &mut Rng, request: &Request, room: u64, length: f64) -> String {
    let topic = text::topic_of(rng, &request.prompt);
    match &request.schema {
        Some(schema) => sample(rng, schema, topic).to_string(),
        None => {
            let about = log_normal(rng, length, 0.8).clamp(1.0, LONGEST_ANSWER) as u64;
            text::answer(rng, topic, about.min(room.saturating_add(1)))
        }
    }
}

/// One call, sometimes two, and their tokens.
fn call(rng: &mut Rng, request: &Request) -> (Vec<Call>, u64) {
    let topic = text::topic_of(rng, &request.prompt);
    let count = if happens(rng, 0.2) { 2 } else { 1 };
    let mut tokens = 0;
    let mut calls = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(tool) = rng.choice(&request.tools) else { break };
        let arguments = sample(rng, &tool.parameters, topic).to_string();
        tokens += CALL_TOKENS + count_tokens(&tool.name) + count_tokens(&arguments);
        calls.push(Call { id: format!("call_{}", alphanumeric(rng, 24)), name: tool.name.clone(), arguments });
    }
    (calls, tokens)
}
