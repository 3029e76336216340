//! Tokens of the tools that a request offers, by the rules of OpenAI's cookbook, which were found by trial: right for plain
//! functions, some way off for nested schemas.

use super::input::{Input, members};
use super::tokenizer::Family;
use crate::json;

/// What a family's tools cost beside their text.
struct Rules {
    /// Each function.
    function: u64,
    /// Once, at the end.
    end: u64,
    /// Once, where there are tools: the prompt that explains them.
    prompt: u64,
}

/// A function's properties, and each of them.
const PROPERTIES: u64 = 3;
const PROPERTY: u64 = 3;
/// Each value of an enum; the enum itself takes as much away.
const VALUE: u64 = 3;

fn rules(family: Family) -> Rules {
    match family {
        Family::Gpt4 | Family::Gpt35First => Rules { function: 10, end: 12, prompt: 0 },
        // Anthropic's table of the prompt that it adds: 313 to 346 for Claude 4, in its own tokens.
        Family::Claude => Rules { function: 7, end: 12, prompt: 280 },
        Family::Claude47 => Rules { function: 7, end: 12, prompt: 220 },
        _ => Rules { function: 7, end: 12, prompt: 0 },
    }
}

/// Counts a list of tools, or of functions as they were before tools.
pub(super) fn tools(input: &mut Input<'_>, value: &[u8]) {
    let rules = rules(input.family());
    let mut any = false;
    for tool in json::elements(value) {
        any = true;
        let inner = members(tool).find(|member| member.key == b"function" && member.value.first() == Some(&b'{'));
        function(input, inner.map_or(tool, |inner| inner.value), rules.function);
    }
    if any {
        input.guessed = true;
        input.extra += rules.end + rules.prompt;
    }
}

fn function(input: &mut Input<'_>, function: &[u8], frame: u64) {
    input.extra += frame;
    let (mut name, mut description) = (String::new(), String::new());
    for member in members(function) {
        match member.key {
            b"name" => name = member.text().unwrap_or_default(),
            b"description" => description = member.text().unwrap_or_default(),
            b"parameters" => properties(input, member.value, 0),
            _ => {}
        }
    }
    input.whole(&format!("{name}:{}", without_dot(&description)));
}

/// The properties of a schema. Deeper than this nobody nests, and what does is counted as it is written.
fn properties(input: &mut Input<'_>, schema: &[u8], depth: u8) {
    const DEEPEST: u8 = 8;
    let Some(all) = members(schema).find(|member| member.key == b"properties") else { return };
    if depth == DEEPEST {
        input.as_written(all.value);
        return;
    }
    let mut any = false;
    for one in members(all.value) {
        any = true;
        property(input, &json::unescape(one.key), one.value, depth);
    }
    input.extra += if any { PROPERTIES } else { 0 };
}

fn property(input: &mut Input<'_>, name: &str, schema: &[u8], depth: u8) {
    input.extra += PROPERTY;
    let (mut kind, mut description) = (String::new(), String::new());
    for member in members(schema) {
        match member.key {
            b"type" => kind = member.text().unwrap_or_else(|| String::from_utf8_lossy(member.value).into_owned()),
            b"description" => description = member.text().unwrap_or_default(),
            b"enum" => {
                input.extra = input.extra.saturating_sub(VALUE);
                for value in json::elements(member.value) {
                    input.extra += VALUE;
                    if value.first() == Some(&b'"') { input.string(value) } else { input.as_written(value) }
                }
            }
            b"items" => properties(input, member.value, depth + 1),
            b"anyOf" | b"oneOf" | b"allOf" => input.as_written(member.value),
            _ => {}
        }
    }
    properties(input, schema, depth + 1);
    input.whole(&format!("{name}:{kind}:{}", without_dot(&description)));
}

fn without_dot(text: &str) -> &str {
    text.strip_suffix('.').unwrap_or(text)
}
