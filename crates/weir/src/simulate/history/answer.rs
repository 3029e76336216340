//! Answer: the bytes that a provider would have sent, piece by piece, and when.

use std::fmt::Write as _;

use fastrand::Rng;

use super::SECOND;
use super::call::nanos;
use super::story::Plan;
use crate::proxy::past::Ended;
use crate::simulate::chance::{alphanumeric, log_normal};
use crate::simulate::text::{self, any_topic};

/// Some bytes of an answer, and when they came, in nanoseconds since the request's first byte.
pub(super) type Piece = (u64, Vec<u8>);

/// Into so many pieces the text of a stream is put at most. Real ones have more; beside the bytes of the answer nothing on a
/// Record depends on it.
const PIECES: usize = 3;

/// What came of it.
#[derive(Debug)]
pub(super) struct Sent {
    pub(super) pieces: Vec<Piece>,
    /// After how many seconds since the request's first byte it was over.
    pub(super) over: f64,
    pub(super) ended: Ended,
}

/// What the provider says, and how quickly.
#[derive(Debug)]
pub(super) struct Answer {
    id: String,
    first_token: f64,
    /// Seconds for the whole of the text.
    writing: f64,
}

impl Answer {
    pub(super) fn to(rng: &mut Rng, plan: &Plan) -> Answer {
        let thought = plan.reasoning as f64 / plan.model.speed;
        let read = plan.input.saturating_sub(plan.cached) as f64 / 14_000.0;
        let speed = log_normal(rng, plan.model.speed, 0.22);
        Answer {
            id: format!("chatcmpl-{}", alphanumeric(rng, 29)),
            first_token: log_normal(rng, plan.model.patience, 0.3) + thought + read,
            writing: (plan.output - plan.reasoning) as f64 / speed,
        }
    }

    /// The answer to a request that left after `departed` seconds, and was over at `now` (nanoseconds since 1970).
    pub(super) fn sent(&self, rng: &mut Rng, plan: &Plan, now: u64, departed: f64) -> Sent {
        let created = now / SECOND;
        if plan.status == 200 && plan.stream {
            return self.streamed(rng, plan, created, departed);
        }
        let (over, body) = if plan.status != 200 {
            let usual = if plan.status == 503 { 2.4 } else { 0.12 };
            (departed + log_normal(rng, usual, 0.5), refusal(plan.status))
        } else {
            let body = if plan.model.embeds { embedding(plan) } else { self.whole(plan, created) };
            (departed + self.first_token + self.writing, body)
        };
        Sent { pieces: vec![(nanos(over), body.into_bytes())], over, ended: Ended::Whole }
    }

    fn whole(&self, plan: &Plan, created: u64) -> String {
        format!(
            r#"{{"id":"{}","object":"chat.completion","created":{created},"model":"{}","choices":[{{"index":0,"message":{{"role":"assistant","content":"Here is what I found.","refusal":null}},"logprobs":null,"finish_reason":"{}"}}],"usage":{},"service_tier":"default"}}"#,
            self.id,
            plan.model.answers_as,
            finish(plan),
            usage(plan)
        )
    }

    /// A stream. Where it is broken off, nobody says what it used: then its text is as long as what was delivered.
    fn streamed(&self, rng: &mut Rng, plan: &Plan, created: u64, departed: f64) -> Sent {
        let start = departed + self.first_token;
        let Some((share, ended)) = plan.broken_off else {
            let over = start + self.writing;
            let mut pieces = self.words("Here is what I found, with the figures.", plan, created, start, over);
            pieces.push((nanos(over), self.last(plan, created).into_bytes()));
            return Sent { pieces, over, ended: Ended::Whole };
        };
        let visible = (plan.output - plan.reasoning) as f64 * share;
        let topic = any_topic(rng);
        let text = text::answer(rng, topic, (visible as u64).max(4));
        let over = start + self.writing * share;
        Sent { pieces: self.words(&text, plan, created, start, over), over, ended }
    }

    /// The end of a stream: why it ends, and what it used.
    fn last(&self, plan: &Plan, created: u64) -> String {
        let mut end = self.chunk(plan, created, "{}", &format!("\"{}\"", finish(plan)));
        let (id, model) = (&self.id, plan.model.answers_as);
        let _ = write!(
            end,
            "data: {{\"id\":\"{id}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":\"{model}\",\"choices\":[],\"usage\":{}}}\n\ndata: [DONE]\n\n",
            usage(plan)
        );
        end
    }

    /// The text in pieces, evenly from `start` to `over`.
    fn words(&self, text: &str, plan: &Plan, created: u64, start: f64, over: f64) -> Vec<Piece> {
        let words: Vec<&str> = text.split_inclusive(' ').collect();
        let size = words.len().div_ceil(PIECES).max(1);
        let gaps = words.len().div_ceil(size).saturating_sub(1).max(1);
        let pieces = words.chunks(size).enumerate().map(|(number, words)| {
            let content = serde_json::Value::from(words.concat()).to_string();
            let chunk = self.chunk(plan, created, &format!("{{\"content\":{content}}}"), "null");
            (nanos(start + (over - start) * number as f64 / gaps as f64), chunk.into_bytes())
        });
        pieces.collect()
    }

    fn chunk(&self, plan: &Plan, created: u64, delta: &str, finish: &str) -> String {
        format!(
            "data: {{\"id\":\"{}\",\"object\":\"chat.completion.chunk\",\"created\":{created},\"model\":\"{}\",\"choices\":[{{\"index\":0,\"delta\":{delta},\"finish_reason\":{finish}}}]}}\n\n",
            self.id, plan.model.answers_as
        )
    }
}

fn finish(plan: &Plan) -> &'static str {
    if plan.max_tokens.is_some_and(|limit| plan.output >= limit) { "length" } else { "stop" }
}

/// The usage object of OpenAI's API.
fn usage(plan: &Plan) -> String {
    let Plan { input, cached, output, reasoning, .. } = plan;
    format!(
        r#"{{"prompt_tokens":{input},"completion_tokens":{output},"total_tokens":{},"prompt_tokens_details":{{"cached_tokens":{cached},"audio_tokens":0}},"completion_tokens_details":{{"reasoning_tokens":{reasoning},"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}}}"#,
        input + output
    )
}

fn embedding(plan: &Plan) -> String {
    let (model, input) = (plan.model.answers_as, plan.input);
    format!(
        r#"{{"object":"list","data":[{{"object":"embedding","index":0,"embedding":"AACAPwAAAAA="}}],"model":"{model}","usage":{{"prompt_tokens":{input},"total_tokens":{input}}}}}"#
    )
}

fn refusal(status: u16) -> String {
    let (message, kind, code) = match status {
        400 => (
            "This model's maximum context length is 128000 tokens.",
            "invalid_request_error",
            "context_length_exceeded",
        ),
        429 => ("Rate limit reached for requests. Please try again in 1s.", "requests", "rate_limit_exceeded"),
        503 => ("The engine is currently overloaded, please try again later.", "server_error", "overloaded"),
        _ => ("The server had an error while processing your request.", "server_error", "server_error"),
    };
    format!(r#"{{"error":{{"message":"{message}","type":"{kind}","param":null,"code":"{code}"}}}}"#)
}
