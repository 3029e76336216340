//! Tokens of a request, out of its body as it was sent.
//!
//! Text and the frame of its messages are counted as OpenAI says in its cookbook ("How to count tokens with tiktoken", as of
//! 2026-11), which is exact for its models. What is not text (tools, images) is counted as far as its rules are known.

use super::image;
use super::tokenizer::Family;
use super::unescape::Unescaper;
use super::{Count, Counter, Tokenizer, tools};
use crate::dialect::Api;
use crate::json::{self, Member};

/// What starts the answer.
const PRIMER: u64 = 3;
/// What surrounds a message.
const MESSAGE: u64 = 3;
/// A call of a tool in an earlier message, beside its name and arguments. Not published; calls with their results were
/// seen to take 20 to 25 tokens in all.
const TOOL_CALL: u64 = 8;

/// Tokens of the request `body`, to a model of that name that counts so.
#[must_use]
pub fn count_input(api: Api, tokenizer: Tokenizer, model: &str, body: &[u8]) -> Count {
    let mut input = Input::new(tokenizer, model);
    for member in json::members(body).map_while(Result::ok) {
        input.member(api, &member);
    }
    if input.messages > 0 {
        input.extra += PRIMER;
    }
    input.finish()
}

/// What is counted so far.
pub(super) struct Input<'a> {
    tokenizer: Tokenizer,
    model: &'a str,
    counter: Counter,
    /// Tokens that are no text.
    pub(super) extra: u64,
    /// Tokens that are no text and are the model's own, whatever its vocabulary.
    own: u64,
    messages: u64,
    /// Something was estimated.
    pub(super) guessed: bool,
}

impl<'a> Input<'a> {
    fn new(tokenizer: Tokenizer, model: &'a str) -> Input<'a> {
        let counter = Counter::new(tokenizer.encoding);
        Input { tokenizer, model, counter, extra: 0, own: 0, messages: 0, guessed: false }
    }

    fn finish(mut self) -> Count {
        let text = self.counter.finish();
        let count = Count { tokens: text.tokens + self.extra, exact: text.exact && !self.guessed };
        let count = self.tokenizer.convert(count);
        Count { tokens: count.tokens + self.own, ..count }
    }

    pub(super) fn family(&self) -> Family {
        self.tokenizer.family
    }

    fn member(&mut self, api: Api, member: &Member<'_>) {
        match (api, member.key) {
            (Api::Chat, b"messages") => json::elements(member.value).for_each(|message| self.message(message)),
            (Api::Completions, b"prompt") | (Api::Embeddings, b"input") => self.prompt(member.value),
            (Api::Responses, b"instructions") if member.value != b"null" => {
                self.guessed = true;
                self.begin_message();
                self.whole("system");
                self.string(member.value);
            }
            (Api::Responses, b"input") => self.items(member.value),
            (Api::Chat | Api::Responses, b"tools") => tools::tools(self, member.value),
            (Api::Chat, b"functions") => tools::tools(self, member.value),
            (Api::Chat, b"response_format") | (Api::Responses, b"text") => {
                for inner in members(member.value).filter(|inner| matches!(inner.key, b"json_schema" | b"format")) {
                    self.guessed = true;
                    self.as_written(inner.value);
                }
            }
            _ => {}
        }
    }

    fn begin_message(&mut self) {
        self.messages += 1;
        self.extra += MESSAGE + u64::from(self.family() == Family::Gpt35First);
    }

    fn message(&mut self, message: &[u8]) {
        self.begin_message();
        for member in members(message) {
            match member.key {
                b"role" => self.string(member.value),
                b"content" | b"refusal" | b"reasoning_content" | b"output" => self.content(member.value),
                b"name" if member.value != b"null" => {
                    self.string(member.value);
                    // In the oldest model the name took the place of the role.
                    match self.family() {
                        Family::Gpt35First => self.extra = self.extra.saturating_sub(1),
                        _ => self.extra += 1,
                    }
                }
                b"tool_calls" => json::elements(member.value).for_each(|call| self.tool_call(call)),
                b"function_call" => self.tool_call(member.value),
                _ => {}
            }
        }
    }

    fn tool_call(&mut self, call: &[u8]) {
        self.guessed = true;
        self.extra += TOOL_CALL;
        for member in members(call) {
            match member.key {
                b"function" => {
                    for inner in members(member.value) {
                        self.string(inner.value);
                    }
                }
                b"name" | b"arguments" => self.string(member.value),
                _ => {}
            }
        }
    }

    /// A text, or a list of parts.
    fn content(&mut self, value: &[u8]) {
        match value.first() {
            Some(b'"') => self.string(value),
            _ => json::elements(value).for_each(|part| self.part(part)),
        }
    }

    fn part(&mut self, part: &[u8]) {
        let (mut kind, mut image, mut detail) = (None, None, None);
        for member in members(part) {
            match member.key {
                b"type" => kind = member.text(),
                b"text" | b"thinking" | b"refusal" => self.content(member.value),
                // Chat writes an object, responses a URL.
                b"image_url" if member.value.first() == Some(&b'{') => {
                    for inner in members(member.value) {
                        match inner.key {
                            b"url" => image = Some(inner.value),
                            b"detail" => detail = inner.text(),
                            _ => {}
                        }
                    }
                }
                b"image_url" => image = Some(member.value),
                b"detail" => detail = member.text(),
                _ => {}
            }
        }
        if let Some(url) = image {
            self.guessed = true;
            self.own += image::tokens(self.tokenizer.family, self.model, url, detail.as_deref());
        } else {
            // Of sound and files nothing is known here but that they cost.
            let text = matches!(kind.as_deref(), None | Some("text" | "input_text" | "output_text" | "refusal"));
            self.guessed |= !text;
        }
    }

    /// `input` of a response: a text, or messages and other items.
    fn items(&mut self, value: &[u8]) {
        self.guessed = true;
        if value.first() == Some(&b'"') {
            self.begin_message();
            self.whole("user");
            self.string(value);
            return;
        }
        for item in json::elements(value) {
            let kind = members(item).find(|member| member.key == b"type").and_then(|member| member.text());
            match kind.as_deref() {
                Some("function_call") => self.tool_call(item),
                _ => self.message(item),
            }
        }
    }

    /// A text, several, or tokens.
    fn prompt(&mut self, value: &[u8]) {
        match value.first() {
            Some(b'"') => self.string(value),
            Some(b'[') => json::elements(value).for_each(|value| self.prompt(value)),
            Some(b'0'..=b'9') => self.own += 1,
            _ => {}
        }
    }

    /// A JSON string as written.
    pub(super) fn string(&mut self, value: &[u8]) {
        if let [b'"', raw @ .., b'"'] = value {
            let (mut unescaper, counter) = (Unescaper::default(), &mut self.counter);
            unescaper.feed(raw, &mut |text| counter.push(text));
            unescaper.end(&mut |text| counter.push(text));
            counter.end_text();
        }
    }

    /// A text.
    pub(super) fn whole(&mut self, text: &str) {
        self.counter.push(text);
        self.counter.end_text();
    }

    /// JSON as it is written, where no rule says how it is shown to the model.
    pub(super) fn as_written(&mut self, value: &[u8]) {
        self.whole(&String::from_utf8_lossy(value));
    }
}

pub(super) fn members(value: &[u8]) -> impl Iterator<Item = Member<'_>> {
    json::object_members(value).into_iter().flatten().map_while(Result::ok)
}
