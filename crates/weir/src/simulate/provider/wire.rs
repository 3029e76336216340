//! Wire: an answer as the bytes of OpenAI's API, whole or as a stream of server-sent events.

use std::ops::Range;
use std::time::Duration;

use bytes::Bytes;
use fastrand::Rng;
use serde::Serialize;

use super::answer::{Answer, Call, Said, Usage};
use super::fault::StreamFault;
use super::pace::{Event, Piece};
use super::request::Api;
use crate::simulate::chance::alphanumeric;
use crate::simulate::text::tokens;

/// The end of every stream.
const DONE: &[u8] = b"data: [DONE]\n\n";

#[derive(Serialize)]
struct Envelope<'a, C> {
    id: &'a str,
    object: &'a str,
    created: u64,
    model: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    service_tier: Option<&'a str>,
    system_fingerprint: &'a str,
    choices: &'a [C],
    /// Left out, null, or there: a stream has all three.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<&'a Usage>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    obfuscation: Option<String>,
}

#[derive(Serialize)]
struct ChoicePart<'a> {
    index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<Message<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    delta: Option<Message<'a>>,
    logprobs: Option<()>,
    finish_reason: Option<&'a str>,
}

#[derive(Default, Serialize)]
struct Message<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    role: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<Option<&'a str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<CallPart<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusal: Option<Option<&'a str>>,
}

#[derive(Serialize)]
struct CallPart<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    index: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    r#type: Option<&'a str>,
    function: Function<'a>,
}

#[derive(Serialize)]
struct Function<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    arguments: &'a str,
}

/// The answer in one piece of JSON.
pub(super) fn unary(api: Api, answer: &Answer) -> Vec<u8> {
    let choices: Vec<ChoicePart> = answer
        .choices
        .iter()
        .enumerate()
        .map(|(index, choice)| {
            let (text, message) = match (&choice.said, api) {
                (Said::Text(text), Api::Completion) => (Some(text.as_str()), None),
                (Said::Text(text), Api::Chat) => (None, Some(message(Some(text), Vec::new()))),
                (Said::Calls(calls), _) => (None, Some(message(None, calls.iter().map(whole_call).collect()))),
            };
            ChoicePart { index, text, message, delta: None, logprobs: None, finish_reason: Some(choice.finish) }
        })
        .collect();
    let object = if api == Api::Chat { "chat.completion" } else { "text_completion" };
    let envelope = Envelope { usage: Some(Some(&answer.usage)), ..envelope(api, object, answer, &choices) };
    serde_json::to_vec(&envelope).unwrap_or_default()
}

fn envelope<'a, C>(api: Api, object: &'a str, answer: &'a Answer, choices: &'a [C]) -> Envelope<'a, C> {
    Envelope {
        id: &answer.id,
        object,
        created: answer.created,
        model: &answer.model,
        service_tier: (api == Api::Chat).then_some("default"),
        system_fingerprint: &answer.fingerprint,
        choices,
        usage: None,
        obfuscation: None,
    }
}

fn message<'a>(content: Option<&'a str>, tool_calls: Vec<CallPart<'a>>) -> Message<'a> {
    Message { role: Some("assistant"), content: Some(content), tool_calls, refusal: Some(None) }
}

fn whole_call(call: &Call) -> CallPart<'_> {
    let function = Function { name: Some(&call.name), arguments: &call.arguments };
    CallPart { index: None, id: Some(&call.id), r#type: Some("function"), function }
}

/// What a stream is like beside its answer.
#[derive(Debug)]
pub(super) struct StreamShape {
    pub(super) api: Api,
    /// A usage event goes out before the end.
    pub(super) usage: bool,
    /// The other events carry `"usage":null` then.
    pub(super) null_usage: bool,
    /// Every event carries characters that hide its length.
    pub(super) obfuscate: bool,
    /// When the first token is due.
    pub(super) first: Duration,
    /// The mean time between two tokens.
    pub(super) gap: Duration,
    pub(super) fault: Option<StreamFault>,
}

/// One event of a stream; the numbers are those of the choice and the call.
#[derive(Clone, Debug)]
enum Step {
    Open(usize),
    Text(usize, Range<usize>),
    Call(usize, usize),
    Arguments(usize, usize, Range<usize>),
    Close(usize),
    Usage,
    Done,
}

/// The events of a stream, each rendered when it is asked for.
pub(super) struct Stream {
    answer: Answer,
    shape: StreamShape,
    rng: Rng,
    steps: std::iter::Enumerate<std::vec::IntoIter<Step>>,
    /// The step at which the fault happens.
    fault_at: usize,
    due: Duration,
    cut: bool,
}

impl Stream {
    pub(super) fn new(answer: Answer, shape: StreamShape, mut rng: Rng) -> Stream {
        let steps = steps(&answer, &shape);
        let fault_at = steps.len() / 5 + rng.usize(0..=steps.len() / 2);
        let due = shape.first;
        Stream { answer, shape, rng, steps: steps.into_iter().enumerate(), fault_at, due, cut: false }
    }

    fn render(&mut self, step: &Step) -> Vec<u8> {
        let answer = &self.answer;
        let chat = self.shape.api == Api::Chat;
        let usage = match step {
            Step::Done => return DONE.to_vec(),
            Step::Usage => Some(Some(&answer.usage)),
            _ => (self.shape.usage && self.shape.null_usage).then_some(None),
        };
        let part = part(answer, chat, step);
        let object = if chat { "chat.completion.chunk" } else { "text_completion" };
        let length = self.rng.usize(1..=16);
        let obfuscation = self.shape.obfuscate.then(|| alphanumeric(&mut self.rng, length));
        let envelope = Envelope { usage, obfuscation, ..envelope(self.shape.api, object, answer, part.as_slice()) };
        let mut bytes = b"data: ".to_vec();
        bytes.extend(serde_json::to_vec(&envelope).unwrap_or_default());
        bytes.extend_from_slice(b"\n\n");
        bytes
    }
}

impl Iterator for Stream {
    type Item = Event;

    fn next(&mut self) -> Option<Event> {
        if self.cut {
            return None;
        }
        let (number, step) = self.steps.next()?;
        if matches!(step, Step::Text(..) | Step::Arguments(..)) {
            self.due += self.shape.gap.mul_f64(0.5 + self.rng.f64());
        }
        let fault = self.shape.fault.filter(|_| number == self.fault_at);
        if let Some(StreamFault::Silence(duration)) = fault {
            self.due += duration;
        }
        if fault == Some(StreamFault::Cut) {
            self.cut = true;
            // A moment later than the piece before it, so that what was written leaves first.
            return Some(Event { due: self.due + Duration::from_millis(10), piece: Piece::Cut });
        }
        let mut bytes = self.render(&step);
        if fault == Some(StreamFault::Malformed) {
            bytes.truncate(bytes.len() / 2);
            bytes.extend_from_slice(b"\n\n");
        }
        Some(Event { due: self.due, piece: Piece::Bytes(Bytes::from(bytes)) })
    }
}

/// Every event of the stream, in order.
fn steps(answer: &Answer, shape: &StreamShape) -> Vec<Step> {
    let mut steps = Vec::new();
    for (index, choice) in answer.choices.iter().enumerate() {
        if shape.api == Api::Chat {
            steps.push(Step::Open(index));
        }
        match &choice.said {
            Said::Text(text) => steps.extend(ranges(text).map(|range| Step::Text(index, range))),
            Said::Calls(calls) => {
                for (number, call) in calls.iter().enumerate() {
                    steps.push(Step::Call(index, number));
                    steps.extend(ranges(&call.arguments).map(|range| Step::Arguments(index, number, range)));
                }
            }
        }
        steps.push(Step::Close(index));
    }
    if shape.usage {
        steps.push(Step::Usage);
    }
    steps.push(Step::Done);
    steps
}

/// Where the tokens of `text` lie in it.
fn ranges(text: &str) -> impl Iterator<Item = Range<usize>> {
    let mut end = 0;
    tokens(text).map(move |token| {
        let start = end;
        end += token.len();
        start..end
    })
}

/// What `step` adds to its choice; nothing for the usage event.
fn part<'a>(answer: &'a Answer, chat: bool, step: &Step) -> Option<ChoicePart<'a>> {
    let (index, delta) = match step {
        Step::Open(index) => {
            let calls = matches!(answer.choices[*index].said, Said::Calls(_));
            (*index, message((!calls).then_some(""), Vec::new()))
        }
        Step::Text(index, range) => {
            (*index, Message { content: Some(said(answer, *index, range)), ..Message::default() })
        }
        Step::Call(index, number) => (*index, call_delta(answer, *index, *number, None)),
        Step::Arguments(index, number, range) => (*index, call_delta(answer, *index, *number, Some(range))),
        Step::Close(index) => (*index, Message::default()),
        Step::Usage | Step::Done => return None,
    };
    let finish_reason = matches!(step, Step::Close(_)).then_some(answer.choices[index].finish);
    let text = (!chat).then(|| delta.content.flatten().unwrap_or_default());
    Some(ChoicePart { index, text, message: None, delta: chat.then_some(delta), logprobs: None, finish_reason })
}

fn said<'a>(answer: &'a Answer, index: usize, range: &Range<usize>) -> Option<&'a str> {
    match &answer.choices.get(index)?.said {
        Said::Text(text) => text.get(range.clone()),
        Said::Calls(_) => None,
    }
}

/// The first event of a call carries its name, those behind it a piece of its arguments.
fn call_delta<'a>(answer: &'a Answer, index: usize, number: usize, range: Option<&Range<usize>>) -> Message<'a> {
    let Some(Said::Calls(calls)) = answer.choices.get(index).map(|choice| &choice.said) else {
        return Message::default();
    };
    let Some(call) = calls.get(number) else { return Message::default() };
    let part = match range {
        None => CallPart {
            index: Some(number),
            function: Function { name: Some(&call.name), arguments: "" },
            ..whole_call(call)
        },
        Some(range) => {
            let arguments = call.arguments.get(range.clone()).unwrap_or_default();
            CallPart { index: Some(number), id: None, r#type: None, function: Function { name: None, arguments } }
        }
    };
    Message { tool_calls: vec![part], ..Message::default() }
}
