//! OpenAI's format, and what its many speakers add to it.
//!
//! Chat completions, completions and embeddings report `usage` with `prompt_tokens` and `completion_tokens`; responses
//! report `input_tokens` and `output_tokens`, in a stream inside `response`. Both include cached input in the input and
//! reasoning in the output. Source: OpenAI's API reference, as of 2026-11.
//!
//! What others do differently is told in `docs/providers.md`, with an example of each in `crates/meter/tests/providers`.

use super::Heard;
use crate::json::{DEAD, ROOT, Scalar, Visitor};
use crate::tokens::Kind;
use crate::usage::{Parts, Units, Usage};

/// Places in an answer. A plain list of bytes, since they index nothing but themselves.
mod node {
    pub(super) const ID: u8 = 2;
    pub(super) const MODEL: u8 = 3;
    pub(super) const SERVICE_TIER: u8 = 4;
    pub(super) const USAGE: u8 = 5;
    pub(super) const ERROR: u8 = 6;
    pub(super) const CHOICES: u8 = 7;
    pub(super) const STATUS: u8 = 8;
    pub(super) const INPUT: u8 = 10;
    pub(super) const OUTPUT: u8 = 11;
    pub(super) const INPUT_DETAILS: u8 = 12;
    pub(super) const OUTPUT_DETAILS: u8 = 13;
    pub(super) const CACHED: u8 = 14;
    pub(super) const CACHE_WRITE: u8 = 15;
    pub(super) const AUDIO_INPUT: u8 = 16;
    pub(super) const IMAGE_INPUT: u8 = 17;
    pub(super) const REASONING: u8 = 18;
    pub(super) const AUDIO_OUTPUT: u8 = 19;
    pub(super) const ERROR_TYPE: u8 = 20;
    pub(super) const ERROR_CODE: u8 = 21;
    pub(super) const ERROR_MESSAGE: u8 = 22;
    pub(super) const FINISH_REASON: u8 = 23;
    pub(super) const MESSAGE: u8 = 24;
    pub(super) const TEXT: u8 = 25;
    pub(super) const TOOL_CALLS: u8 = 26;
    pub(super) const TOOL_CALL_ID: u8 = 27;
    pub(super) const EVENT_TYPE: u8 = 28;
    pub(super) const EVENT_DELTA: u8 = 29;
    pub(super) const TOTAL: u8 = 30;
    pub(super) const COST: u8 = 31;
    pub(super) const COST_TICKS: u8 = 32;
    pub(super) const COST_DETAILS: u8 = 33;
    pub(super) const COST_UPSTREAM: u8 = 34;
    pub(super) const OWN_KEY: u8 = 35;
    pub(super) const SERVER_TOOLS: u8 = 36;
    pub(super) const SEARCHES: u8 = 37;
    pub(super) const ITEMS: u8 = 38;
    pub(super) const ITEM_TYPE: u8 = 39;
    pub(super) const ITEM_ACTION: u8 = 40;
    pub(super) const ITEM_ACTION_TYPE: u8 = 41;
    pub(super) const CHOICE_INDEX: u8 = 42;
    pub(super) const REASONING_TEXT: u8 = 43;
    pub(super) const TOOL_NAME: u8 = 44;
    pub(super) const TOOL_TEXT: u8 = 45;
    pub(super) const ITEM_SUMMARY: u8 = 47;
    pub(super) const ITEM_TEXT: u8 = 48;
    pub(super) const ITEM_REASONING: u8 = 49;
    pub(super) const ITEM_TOOL: u8 = 50;
    pub(super) const GROQ: u8 = 51;
    pub(super) const CACHE_READ_BESIDE: u8 = 52;
    pub(super) const CACHE_WRITE_BESIDE: u8 = 53;
    pub(super) const PROMPT: u8 = 54;
    pub(super) const CACHED_DETAILS: u8 = 55;
    pub(super) const CACHED_AUDIO: u8 = 56;
    pub(super) const CACHED_IMAGE: u8 = 57;
    pub(super) const DATA: u8 = 58;
    pub(super) const PICTURE: u8 = 59;
    pub(super) const DURATION: u8 = 60;
    pub(super) const USAGE_SECONDS: u8 = 61;
}

/// What was read of an answer so far. A value that comes again replaces the one before, as JSON and streams have it.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// `id`
    pub id: Option<String>,
    /// `model`
    pub model: Option<String>,
    /// `service_tier`
    pub service_tier: Option<String>,
    /// `finish_reason` of a choice, or the `status` of a response.
    pub finish_reason: Option<String>,
    /// `error.type`
    pub error_type: Option<String>,
    /// `error.code`
    pub error_code: Option<String>,
    /// `error.message`
    pub error_message: Option<String>,
    /// Whether an `error` was there at all, be it a bare string.
    pub failed: bool,
    /// The usage object as written, at most 1,024 bytes.
    pub usage_raw: Option<String>,
    /// Tool calls begun.
    pub tool_calls: u64,
    /// Non-empty pieces of text, reasoning or tool arguments.
    pub texts: u64,
    /// Whether the response was still to be made, or being made, when it last told its `status`.
    pub pending: bool,
    /// Whether an event said that the response is over.
    pub response_over: bool,
    /// The answer's text.
    pub heard: Heard,
    /// The input as that of a prompt, which includes what was cached under whatever name.
    prompt: Option<u64>,
    /// The input under its other name. Where both are there the prompt counts, in whatever order they stand.
    input: Option<u64>,
    output: Option<u64>,
    total: Option<u64>,
    parts: Parts,
    /// What Anthropic's names say of the cache: beside `input_tokens`, within `prompt_tokens`.
    cache_read: u64,
    cache_write: u64,
    bill: Bill,
    /// Pictures: those of a list, and those that events or items say are done.
    listed_pictures: u64,
    pictures: u64,
    /// Microseconds of audio: of an answer that is a transcript, and as its usage has them.
    duration: u64,
    usage_duration: u64,
}

/// What an answer says that it cost, in nano-dollars.
#[derive(Debug, Clone, Copy, Default)]
struct Bill {
    /// OpenRouter's and Perplexity's `usage.cost`, or xAI's `cost_in_usd_ticks`.
    cost: Option<u64>,
    /// What the provider behind OpenRouter bills for itself.
    upstream: Option<u64>,
    /// Whether it bills the owner of a key that OpenRouter was given.
    own_key: bool,
    /// Web searches that are counted, and those that are listed.
    searches: Option<u64>,
    search_items: u64,
    /// Listed ones that only opened a page, which costs nothing.
    page_items: u64,
    /// Searches of files, and runs of code.
    file_items: u64,
    code_items: u64,
}

/// No request costs a million dollars.
const MAX_BILL: u64 = 1_000_000_000_000_000;

/// Dollars as nano-dollars.
fn dollars(scalar: Scalar<'_>) -> Option<u64> {
    let Scalar::Number(digits) = scalar else { return None };
    let number = std::str::from_utf8(digits).ok()?.parse::<f64>().ok()?;
    crate::decimal::round_float(number, crate::cost::NANO).ok().filter(|nano| *nano < MAX_BILL)
}

/// Seconds as microseconds; some write them as text.
fn micros(scalar: Scalar<'_>) -> u64 {
    let (Scalar::Number(digits) | Scalar::Text(digits)) = scalar else { return 0 };
    let number = std::str::from_utf8(digits).ok().and_then(|text| text.parse::<f64>().ok());
    // No recording lasts a year.
    let number = number.filter(|seconds| (0.0..31_536_000.0).contains(seconds));
    number.and_then(|seconds| crate::decimal::round_float(seconds, 6).ok()).unwrap_or(0)
}

impl Answer {
    /// What of the answer is paid by the piece: pictures, and seconds of audio that was heard. Characters stand in the
    /// request.
    #[must_use]
    pub fn units(&self) -> Units {
        let told = if self.usage_duration > 0 { self.usage_duration } else { self.duration };
        Units { images: self.listed_pictures.max(self.pictures), audio_micros: told, characters: 0 }
    }

    /// The provider's figures, if it gave any.
    #[must_use]
    pub fn usage(&self) -> Option<Usage> {
        let told = self.prompt.or(self.input);
        if told.is_none() && self.output.is_none() {
            return None;
        }
        let (mut input, mut output) = (told.unwrap_or(0), self.output.unwrap_or(0));
        let mut parts = self.parts;
        parts.cached_input = parts.cached_input.max(self.cache_read);
        parts.cache_write = parts.cache_write.max(self.cache_write);
        if self.prompt.is_none() {
            input = input.saturating_add(self.cache_read).saturating_add(self.cache_write);
        }
        // Some speakers (xAI, Gemini) leave reasoning out of the output and count it in the total only.
        if let Some(beyond) = self.total.and_then(|total| total.checked_sub(input.saturating_add(output))) {
            output = output.saturating_add(beyond);
        }
        Some(Usage::from_inclusive(input, output, parts))
    }

    /// The provider's own bill in nano-dollars, if the answer has one. With a key of the caller's own OpenRouter bills its fee,
    /// and the provider behind it the rest.
    #[must_use]
    pub fn reported_cost(&self) -> Option<u64> {
        let upstream = self.bill.upstream.filter(|_| self.bill.own_key).unwrap_or(0);
        self.bill.cost.map(|cost| cost.saturating_add(upstream))
    }

    /// Web searches that the provider made for the answer, where it says so.
    #[must_use]
    pub fn search_calls(&self) -> Option<u64> {
        let listed = self.bill.search_items.saturating_sub(self.bill.page_items);
        self.bill.searches.or((self.bill.search_items > 0).then_some(listed))
    }

    /// Searches of stored files that the provider made for the answer.
    #[must_use]
    pub fn file_search_calls(&self) -> Option<u64> {
        Some(self.bill.file_items).filter(|calls| *calls > 0)
    }

    /// How often the provider ran code for the answer. It bills the sessions of its containers, which no answer counts.
    #[must_use]
    pub fn code_interpreter_calls(&self) -> Option<u64> {
        Some(self.bill.code_items).filter(|calls| *calls > 0)
    }

    fn bill(&mut self, node: u8, scalar: Scalar<'_>) {
        match node {
            node::COST => self.bill.cost = dollars(scalar),
            // A tick is a ten-thousand-millionth of a dollar.
            node::COST_TICKS => self.bill.cost = scalar.count().map(|ticks| (ticks + 5) / 10),
            node::COST_UPSTREAM => self.bill.upstream = dollars(scalar),
            node::SEARCHES => self.bill.searches = scalar.count(),
            _ => {}
        }
    }

    fn count(&mut self, node: u8, tokens: u64) {
        match node {
            node::PROMPT => self.prompt = Some(tokens),
            node::INPUT => self.input = Some(tokens),
            node::CACHE_READ_BESIDE => self.cache_read = tokens,
            node::CACHE_WRITE_BESIDE => self.cache_write = tokens,
            node::OUTPUT => self.output = Some(tokens),
            node::TOTAL => self.total = Some(tokens),
            // Some say it under two names.
            node::CACHED => self.parts.cached_input = self.parts.cached_input.max(tokens),
            node::CACHE_WRITE => self.parts.cache_write = tokens,
            node::AUDIO_INPUT => self.parts.audio_input = tokens,
            node::IMAGE_INPUT => self.parts.image_input = tokens,
            node::REASONING => self.parts.reasoning = tokens,
            node::AUDIO_OUTPUT => self.parts.audio_output = tokens,
            node::CACHED_AUDIO => self.parts.cached_audio = tokens,
            node::CACHED_IMAGE => self.parts.cached_image = tokens,
            _ => {}
        }
    }

    fn text(&mut self, node: u8, scalar: Scalar<'_>) {
        let slot = match node {
            node::ID => &mut self.id,
            node::MODEL => &mut self.model,
            node::SERVICE_TIER => &mut self.service_tier,
            node::FINISH_REASON | node::STATUS => &mut self.finish_reason,
            node::ERROR_TYPE => &mut self.error_type,
            node::ERROR_CODE => &mut self.error_code,
            node::ERROR_MESSAGE | node::ERROR => &mut self.error_message,
            _ => return,
        };
        if node == node::STATUS {
            // A response that is under way says so, which is no reason to finish.
            self.pending = matches!(scalar, Scalar::Text(b"in_progress" | b"queued"));
            if self.pending {
                return;
            }
        }
        // Each chunk of a stream repeats the id and the model; they are taken once.
        // Azure begins with one in which they are empty.
        let repeated = matches!(node, node::ID | node::MODEL) && (slot.is_some() || scalar == Scalar::Text(b""));
        if !repeated && let Some(text) = scalar.text() {
            *slot = Some(text);
        }
    }
}

impl Visitor for Answer {
    fn child(&mut self, parent: u8, key: &[u8]) -> u8 {
        match parent {
            ROOT => root(key),
            node::USAGE => usage(key),
            node::INPUT_DETAILS => input_details(key),
            node::OUTPUT_DETAILS => output_details(key),
            node::ITEMS => item(key),
            node::CHOICES => match key {
                b"finish_reason" => node::FINISH_REASON,
                b"index" => node::CHOICE_INDEX,
                b"delta" | b"message" => {
                    self.heard.message();
                    node::MESSAGE
                }
                b"text" if !self.heard.has_messages() => node::TEXT,
                _ => DEAD,
            },
            node::MESSAGE => match key {
                b"content" | b"refusal" => node::TEXT,
                b"reasoning_content" | b"reasoning" => self.heard.reasoning_under(key, node::REASONING_TEXT),
                b"tool_calls" | b"function_call" => node::TOOL_CALLS,
                _ => DEAD,
            },
            node::TEXT => match key {
                // Content in parts, of which thinking is one.
                b"text" => node::TEXT,
                b"thinking" => node::REASONING_TEXT,
                _ => DEAD,
            },
            node::REASONING_TEXT if key == b"text" => node::REASONING_TEXT,
            node::TOOL_CALLS => match key {
                b"id" => node::TOOL_CALL_ID,
                b"function" => node::TOOL_CALLS,
                b"name" => node::TOOL_NAME,
                b"arguments" => node::TOOL_TEXT,
                _ => DEAD,
            },
            _ => aside(parent, key),
        }
    }

    fn scalar(&mut self, node: u8, scalar: Scalar<'_>) {
        match (node, scalar) {
            (node::TEXT | node::REASONING_TEXT | node::TOOL_TEXT | node::EVENT_DELTA, Scalar::Text(text)) => {
                self.texts += u64::from(!text.is_empty());
            }
            (node::TOOL_CALL_ID, Scalar::Text(id)) => {
                self.tool_calls += u64::from(!id.is_empty());
                self.heard.end_text();
            }
            (node::CHOICE_INDEX, Scalar::Number(_)) => {
                if let Some(index) = scalar.count() {
                    self.heard.choice(index);
                }
            }
            (node::EVENT_TYPE, Scalar::Text(kind)) => {
                self.heard.event(kind);
                self.pictures += u64::from(kind.starts_with(b"image_") && kind.ends_with(b".completed"));
                self.response_over |= matches!(
                    kind,
                    b"response.completed" | b"response.failed" | b"response.incomplete" | b"response.cancelled"
                );
            }
            (node::ITEM_TYPE, Scalar::Text(kind)) => {
                self.bill.search_items += u64::from(kind == b"web_search_call");
                self.bill.file_items += u64::from(kind == b"file_search_call");
                self.bill.code_items += u64::from(kind == b"code_interpreter_call");
                self.pictures += u64::from(kind == b"image_generation_call");
            }
            (node::PICTURE, Scalar::Text(picture)) => self.listed_pictures += u64::from(!picture.is_empty()),
            (node::DURATION, _) => self.duration = micros(scalar),
            (node::USAGE_SECONDS, _) => self.usage_duration = micros(scalar),
            (node::ITEM_ACTION_TYPE, Scalar::Text(kind)) => {
                self.bill.page_items += u64::from(matches!(kind, b"open_page" | b"find_in_page"));
            }
            (node::OWN_KEY, Scalar::Literal(word)) => self.bill.own_key = word == b"true",
            (node::COST..=node::SEARCHES, Scalar::Number(_)) => self.bill(node, scalar),
            (_, Scalar::Number(_)) => {
                if let Some(tokens) = scalar.count() {
                    self.count(node, tokens);
                }
            }
            (_, Scalar::Text(_)) => {
                self.failed |= node == node::ERROR;
                self.text(node, scalar);
            }
            (_, Scalar::Literal(_)) => {}
        }
    }

    fn hears(&self, node: u8) -> bool {
        match node {
            node::TEXT | node::REASONING_TEXT | node::TOOL_NAME | node::TOOL_TEXT => true,
            node::EVENT_DELTA => self.heard.hears_event(),
            node::ITEM_TEXT | node::ITEM_REASONING | node::ITEM_TOOL => !self.heard.has_events(),
            _ => false,
        }
    }

    fn hear(&mut self, node: u8, raw: &[u8]) {
        let kind = match node {
            node::EVENT_DELTA => None,
            node::REASONING_TEXT | node::ITEM_REASONING => Some(Kind::Reasoning),
            node::TOOL_NAME | node::TOOL_TEXT | node::ITEM_TOOL => Some(Kind::Tool),
            _ => Some(Kind::Content),
        };
        self.heard.hear(kind, raw);
    }

    fn wants_raw(&self, node: u8) -> bool {
        matches!(node, node::USAGE | node::ERROR)
    }

    fn raw(&mut self, node: u8, value: &[u8]) {
        match node {
            node::USAGE => self.usage_raw = Some(crate::json::text(value)),
            node::ERROR => self.failed = true,
            _ => {}
        }
    }
}

/// What stands aside of the text: errors, bills, searches, pictures.
fn aside(parent: u8, key: &[u8]) -> u8 {
    match (parent, key) {
        (node::GROQ, b"usage") => node::USAGE,
        (node::GROQ, b"error") => node::ERROR,
        (node::ERROR, b"type") => node::ERROR_TYPE,
        (node::ERROR, b"code") => node::ERROR_CODE,
        (node::ERROR, b"message") => node::ERROR_MESSAGE,
        (node::COST, b"total_cost") => node::COST,
        (node::COST_DETAILS, b"upstream_inference_cost") => node::COST_UPSTREAM,
        (node::SERVER_TOOLS, b"web_search_requests") => node::SEARCHES,
        (node::ITEM_ACTION, b"type") => node::ITEM_ACTION_TYPE,
        (node::ITEM_SUMMARY, b"text") => node::ITEM_REASONING,
        (node::DATA, b"b64_json" | b"url") => node::PICTURE,
        (node::CACHED_DETAILS, b"audio_tokens") => node::CACHED_AUDIO,
        (node::CACHED_DETAILS, b"image_tokens") => node::CACHED_IMAGE,
        _ => DEAD,
    }
}

/// An item of a response's output.
fn item(key: &[u8]) -> u8 {
    match key {
        b"type" => node::ITEM_TYPE,
        b"action" => node::ITEM_ACTION,
        b"content" => node::ITEMS,
        b"text" | b"refusal" => node::ITEM_TEXT,
        b"summary" => node::ITEM_SUMMARY,
        b"name" | b"arguments" | b"input" => node::ITEM_TOOL,
        _ => DEAD,
    }
}

fn root(key: &[u8]) -> u8 {
    match key {
        b"choices" => node::CHOICES,
        b"id" => node::ID,
        b"model" => node::MODEL,
        b"usage" => node::USAGE,
        b"service_tier" => node::SERVICE_TIER,
        b"error" => node::ERROR,
        // A response stands at the top of a unary answer and inside an event of a stream; both are read alike.
        b"response" => ROOT,
        b"status" => node::STATUS,
        b"type" => node::EVENT_TYPE,
        b"delta" => node::EVENT_DELTA,
        b"output" => node::ITEMS,
        b"x_groq" => node::GROQ,
        b"data" => node::DATA,
        b"duration" => node::DURATION,
        _ => DEAD,
    }
}

fn usage(key: &[u8]) -> u8 {
    match key {
        b"prompt_tokens" => node::PROMPT,
        b"input_tokens" => node::INPUT,
        b"completion_tokens" | b"output_tokens" => node::OUTPUT,
        // Transcriptions and speech say it in the singular.
        b"prompt_tokens_details" | b"input_tokens_details" | b"input_token_details" => node::INPUT_DETAILS,
        b"completion_tokens_details" | b"output_tokens_details" | b"output_token_details" => node::OUTPUT_DETAILS,
        b"total_tokens" => node::TOTAL,
        b"prompt_cache_hit_tokens" | b"cached_tokens" | b"num_cached_tokens" => node::CACHED,
        b"cache_read_input_tokens" => node::CACHE_READ_BESIDE,
        b"cache_creation_input_tokens" => node::CACHE_WRITE_BESIDE,
        b"cost" => node::COST,
        b"cost_in_usd_ticks" => node::COST_TICKS,
        b"cost_details" => node::COST_DETAILS,
        b"is_byok" => node::OWN_KEY,
        b"server_tool_use" => node::SERVER_TOOLS,
        b"seconds" | b"prompt_audio_seconds" => node::USAGE_SECONDS,
        _ => DEAD,
    }
}

fn input_details(key: &[u8]) -> u8 {
    match key {
        b"cached_tokens" => node::CACHED,
        b"cached_tokens_details" => node::CACHED_DETAILS,
        b"cache_write_tokens" | b"cache_creation_tokens" => node::CACHE_WRITE,
        b"audio_tokens" => node::AUDIO_INPUT,
        b"image_tokens" => node::IMAGE_INPUT,
        _ => DEAD,
    }
}

fn output_details(key: &[u8]) -> u8 {
    match key {
        b"reasoning_tokens" => node::REASONING,
        b"audio_tokens" => node::AUDIO_OUTPUT,
        _ => DEAD,
    }
}

#[cfg(test)]
mod tests;
