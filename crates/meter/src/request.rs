//! A request's body: what it asks for, and the two things Weir may write into it, by splicing bytes.

use std::ops::Range;

use crate::json::{self, Malformed, Member};
use crate::path::{Findings, Paths};

/// Why a body cannot be forwarded.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRequest {
    /// Not a JSON object.
    #[error("the body is {0}")]
    NotJson(#[from] Malformed),
    /// `model` is there and not a string.
    #[error("`model` must be a string")]
    ModelType,
}

/// What a request asks for, and where that stands in its body. Of a member that comes twice the last counts, as it does for
/// every provider seen, except `model`, which is rewritten wherever it stands.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Asked {
    /// `model`
    pub model: Option<String>,
    /// `stream`
    pub stream: bool,
    /// `stream_options.include_usage`, if it was said either way.
    pub include_usage: Option<bool>,
    /// `temperature`
    pub temperature: Option<f64>,
    /// `top_p`
    pub top_p: Option<f64>,
    /// `max_completion_tokens`, `max_tokens` or `max_output_tokens`
    pub max_tokens: Option<u64>,
    /// `user`
    pub user: Option<String>,
    /// `service_tier`
    pub service_tier: Option<String>,
    /// `metadata`, as far as it says who asks.
    pub metadata: Metadata,
    /// `session_id`
    pub session_id: Option<String>,
    /// What stood at the paths that were looked for.
    pub found: Findings,
    models: Vec<Range<usize>>,
    body_start: usize,
    empty: bool,
    options: Vec<Options>,
}

/// What `metadata` says of who asks, and why.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Metadata {
    /// `metadata.user_id`
    pub user_id: Option<String>,
    /// `metadata.organization`
    pub organization: Option<String>,
    /// `metadata.session_id`
    pub session_id: Option<String>,
    /// `metadata.prompt_category`
    pub prompt_category: Option<String>,
}

impl Metadata {
    fn read(value: &[u8]) -> Metadata {
        let mut metadata = Metadata::default();
        // What is broken inside is the provider's to refuse.
        for member in json::object_members(value).into_iter().flatten().map_while(Result::ok) {
            let slot = match member.key {
                b"user_id" => &mut metadata.user_id,
                b"organization" => &mut metadata.organization,
                b"session_id" => &mut metadata.session_id,
                b"prompt_category" => &mut metadata.prompt_category,
                _ => continue,
            };
            *slot = member.text();
        }
        metadata
    }
}

/// A `stream_options` member of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Options {
    /// The whole value.
    value: Range<usize>,
    /// Whether it is an object; anything else is replaced.
    object: bool,
    empty: bool,
    /// Where `include_usage` has its value, if it is there.
    include_usage: Vec<Range<usize>>,
}

/// Reads the top level of a request's body.
///
/// # Errors
/// The body is not a JSON object, or its `model` is not a string.
pub fn inspect(body: &[u8]) -> Result<Asked, BadRequest> {
    inspect_for(body, &Paths::default())
}

/// The same, and takes out what stands at `paths`.
///
/// # Errors
/// The body is not a JSON object, or its `model` is not a string.
pub fn inspect_for(body: &[u8], paths: &Paths) -> Result<Asked, BadRequest> {
    let mut asked = Asked {
        // The first `{`: only white space can stand in front of it.
        body_start: body.iter().position(|byte| *byte == b'{').map_or(0, |at| at + 1),
        empty: true,
        ..Asked::default()
    };
    for member in json::members(body) {
        let member = member?;
        asked.empty = false;
        asked.take(&member, paths)?;
    }
    Ok(asked)
}

/// Characters of a request's `input`: what is to be spoken is paid by them. 0 where there is no such text.
#[must_use]
pub fn characters(body: &[u8]) -> u64 {
    let input = json::members(body).map_while(Result::ok).filter(|member| member.is("input")).last();
    input.and_then(|member| member.text()).map_or(0, |text| text.chars().count() as u64)
}

impl Asked {
    /// Whether `model` stands in the body more than once; the last one is [`Asked::model`].
    #[must_use]
    pub fn has_several_models(&self) -> bool {
        self.models.len() > 1
    }

    fn take(&mut self, member: &Member<'_>, paths: &Paths) -> Result<(), BadRequest> {
        let unescaped;
        let key = if member.key.contains(&b'\\') {
            unescaped = json::unescape(member.key);
            unescaped.as_bytes()
        } else {
            member.key
        };
        match key {
            b"model" => {
                self.model = match member.value {
                    b"null" => None,
                    _ => Some(member.text().ok_or(BadRequest::ModelType)?),
                };
                self.models.push(member.span.clone());
            }
            b"stream" => self.stream = member.value == b"true",
            b"stream_options" => self.options(member)?,
            b"temperature" => self.temperature = number(member),
            b"top_p" => self.top_p = number(member),
            b"max_completion_tokens" | b"max_tokens" | b"max_output_tokens" => {
                self.max_tokens = std::str::from_utf8(member.value).ok().and_then(|text| text.parse().ok());
            }
            b"user" => self.user = member.text(),
            b"metadata" => self.metadata = Metadata::read(member.value),
            b"session_id" => self.session_id = member.text(),
            b"service_tier" => self.service_tier = member.text(),
            _ => {}
        }
        if !paths.is_empty() {
            self.found.take(paths, key, member);
        }
        Ok(())
    }

    fn options(&mut self, member: &Member<'_>) -> Result<(), BadRequest> {
        let mut options = Options { value: member.span.clone(), object: false, empty: true, include_usage: Vec::new() };
        self.include_usage = None;
        for inner in json::object_members(member.value).into_iter().flatten() {
            let inner = inner?;
            options.empty = false;
            if inner.is("include_usage") {
                self.include_usage = match inner.value {
                    b"true" => Some(true),
                    b"false" => Some(false),
                    _ => None,
                };
                let start = member.span.start;
                options.include_usage.push(inner.span.start + start..inner.span.end + start);
            }
        }
        options.object = member.value.first() == Some(&b'{');
        self.options.push(options);
        Ok(())
    }

    /// The body with `model` replaced, with usage asked for, or both; every other byte stays.
    #[must_use]
    pub fn rewrite(&self, body: &[u8], model: Option<&str>, ask_for_usage: bool) -> Vec<u8> {
        let mut edits: Vec<(Range<usize>, String)> = Vec::new();
        if let Some(model) = model {
            let quoted = serde_json::Value::from(model).to_string();
            edits.extend(self.models.iter().map(|span| (span.clone(), quoted.clone())));
        }
        if ask_for_usage {
            self.ask_for_usage(&mut edits);
        }
        splice(body, edits)
    }

    fn ask_for_usage(&self, edits: &mut Vec<(Range<usize>, String)>) {
        if self.options.is_empty() {
            let comma = if self.empty { "" } else { "," };
            let text = format!("\"stream_options\":{{\"include_usage\":true}}{comma}");
            edits.push((self.body_start..self.body_start, text));
        }
        for options in &self.options {
            if !options.object {
                edits.push((options.value.clone(), "{\"include_usage\":true}".to_owned()));
            } else if options.include_usage.is_empty() {
                let at = options.value.start + 1;
                let comma = if options.empty { "" } else { "," };
                edits.push((at..at, format!("\"include_usage\":true{comma}")));
            } else {
                edits.extend(options.include_usage.iter().map(|span| (span.clone(), "true".to_owned())));
            }
        }
    }
}

fn number(member: &Member<'_>) -> Option<f64> {
    // Beyond a million neither temperature nor top_p means anything, and a figure without exponent would fill the line.
    let number = std::str::from_utf8(member.value).ok()?.parse::<f64>().ok()?;
    (number == 0.0 || (1e-6..=1e6).contains(&number.abs())).then_some(number)
}

/// Applies edits that do not overlap.
fn splice(body: &[u8], mut edits: Vec<(Range<usize>, String)>) -> Vec<u8> {
    edits.sort_by_key(|(span, _)| span.start);
    let mut out = Vec::with_capacity(body.len() + edits.iter().map(|(_, text)| text.len()).sum::<usize>());
    let mut at = 0;
    for (span, text) in edits {
        out.extend_from_slice(&body[at..span.start]);
        out.extend_from_slice(text.as_bytes());
        at = span.end;
    }
    out.extend_from_slice(&body[at..]);
    out
}

#[cfg(test)]
mod tests;
