//! Request: what a caller asks for, read once from the JSON of the request.

use serde_json::Value;

use super::refusal::Refusal;
use crate::simulate::text::count_tokens;

/// The most answers one request may ask for.
const MOST_CHOICES: u64 = 8;
/// The most tokens any answer has.
const MOST_TOKENS: u64 = 16_384;
/// What OpenAI's older API writes where nothing is asked for.
const COMPLETION_TOKENS: u64 = 16;
/// What an image costs where its size is not known.
const IMAGE_TOKENS: u64 = 255;

/// The two APIs that write text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Api {
    Chat,
    Completion,
}

/// A tool the model may call.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Tool {
    pub(super) name: String,
    /// The JSON schema of its arguments.
    pub(super) parameters: Value,
}

/// Whether tools may, must or cannot be called.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum ToolUse {
    Never,
    Sometimes,
    Always,
}

/// What a caller asks for.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) api: Api,
    pub(super) model: String,
    /// The last thing the person said.
    pub(super) prompt: String,
    pub(super) prompt_tokens: u64,
    /// The most tokens of one choice.
    pub(super) limit: Option<u64>,
    pub(super) choices: u64,
    pub(super) stream: bool,
    pub(super) include_usage: bool,
    pub(super) obfuscate: bool,
    pub(super) tools: Vec<Tool>,
    pub(super) tool_use: ToolUse,
    /// The JSON schema of the answer, `{}` where it is any JSON.
    pub(super) schema: Option<Value>,
}

impl Request {
    /// Reads the body of a request to `api`.
    ///
    /// # Errors
    /// What the provider answers where the body does not hold what it must.
    pub(super) fn read(api: Api, body: &Value) -> Result<Request, Refusal> {
        let model = model_name(body)?;
        let (prompt, prompt_tokens) = match api {
            Api::Chat => read_messages(body)?,
            Api::Completion => read_prompt(body)?,
        };
        let stream_options = &body["stream_options"];
        let (tools, tool_use) = read_tools(body);
        let stream = body["stream"].as_bool().unwrap_or(false);
        if !stream && !stream_options.is_null() {
            let message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
            return Err(Refusal::invalid(message, Some("stream_options")));
        }
        Ok(Request {
            api,
            model,
            prompt,
            prompt_tokens: prompt_tokens + tools.iter().map(tool_tokens).sum::<u64>(),
            limit: read_limit(api, body)?,
            choices: body["n"].as_u64().unwrap_or(1).clamp(1, MOST_CHOICES),
            stream,
            include_usage: stream_options["include_usage"].as_bool().unwrap_or(false),
            obfuscate: stream_options["include_obfuscation"].as_bool().unwrap_or(false),
            tools,
            tool_use,
            schema: read_schema(&body["response_format"]),
        })
    }
}

/// The model asked for.
pub(super) fn model_name(body: &Value) -> Result<String, Refusal> {
    match body["model"].as_str() {
        Some(model) if !model.is_empty() => Ok(model.chars().take(128).collect()),
        _ => Err(Refusal::invalid("you must provide a model parameter", None)),
    }
}

/// The last text of a person and the tokens of all messages.
fn read_messages(body: &Value) -> Result<(String, u64), Refusal> {
    let missing = || Refusal::missing("Missing required parameter: 'messages'.", "messages");
    let messages = body["messages"].as_array().ok_or_else(missing)?;
    if messages.is_empty() {
        let message = "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array \
                       instead.";
        return Err(Refusal::invalid(message, Some("messages")));
    }
    let mut prompt = String::new();
    // Three tokens open the answer and three more frame each message (OpenAI cookbook, "How to count tokens").
    let mut tokens = 3;
    for message in messages {
        let mut text = String::new();
        tokens += 4 + read_content(&message["content"], &mut text);
        tokens += message.get("tool_calls").map_or(0, |calls| count_tokens(&calls.to_string()));
        if message["role"] == "user" {
            prompt = text;
        }
    }
    Ok((prompt, tokens))
}

/// Appends the words of a message to `text` and counts its tokens, images included.
fn read_content(content: &Value, text: &mut String) -> u64 {
    match content {
        Value::String(words) => {
            text.push_str(words);
            count_tokens(words)
        }
        Value::Array(parts) => parts
            .iter()
            .map(|part| match part["text"].as_str() {
                Some(words) => {
                    text.push_str(words);
                    count_tokens(words)
                }
                None => IMAGE_TOKENS,
            })
            .sum(),
        _ => 0,
    }
}

/// The prompt of the older API: a text, several texts, or tokens.
fn read_prompt(body: &Value) -> Result<(String, u64), Refusal> {
    match &body["prompt"] {
        Value::Null => Err(Refusal::missing("Missing required parameter: 'prompt'.", "prompt")),
        Value::Array(parts) => {
            let texts: Vec<&str> = parts.iter().filter_map(Value::as_str).collect();
            let numbers = parts.iter().filter(|part| part.is_number()).count() as u64;
            let tokens = texts.iter().map(|text| count_tokens(text)).sum::<u64>();
            Ok((texts.join("\n"), tokens + numbers))
        }
        prompt => {
            let text = prompt.as_str().unwrap_or_default();
            Ok((text.to_owned(), count_tokens(text)))
        }
    }
}

fn read_limit(api: Api, body: &Value) -> Result<Option<u64>, Refusal> {
    let fallback = (api == Api::Completion).then_some(COMPLETION_TOKENS);
    let asked = ["max_completion_tokens", "max_tokens"].into_iter().find(|name| !body[*name].is_null());
    let Some(name) = asked else { return Ok(fallback) };
    match body[name].as_u64() {
        Some(limit) if limit > 0 => Ok(Some(limit.min(MOST_TOKENS))),
        _ => {
            let message = format!("Invalid '{name}': expected an integer of at least 1.");
            Err(Refusal::invalid(message, Some(name)))
        }
    }
}

fn read_tools(body: &Value) -> (Vec<Tool>, ToolUse) {
    let tools: Vec<Tool> = body["tools"].as_array().into_iter().flatten().filter_map(read_tool).take(128).collect();
    let choice = &body["tool_choice"];
    let answered = body["messages"].as_array().and_then(|all| all.last()).is_some_and(|last| last["role"] == "tool");
    let tool_use = match choice.as_str() {
        _ if tools.is_empty() || answered => ToolUse::Never,
        Some("none") => ToolUse::Never,
        Some("required") => ToolUse::Always,
        _ if choice.is_object() => ToolUse::Always,
        _ => ToolUse::Sometimes,
    };
    // A tool asked for by name is the only one that can be called.
    match choice["function"]["name"].as_str() {
        Some(name) => (tools.into_iter().filter(|tool| tool.name == name).collect(), tool_use),
        None => (tools, tool_use),
    }
}

fn read_tool(tool: &Value) -> Option<Tool> {
    let function = &tool["function"];
    let name = function["name"].as_str()?.to_owned();
    Some(Tool { name, parameters: function["parameters"].clone() })
}

fn tool_tokens(tool: &Tool) -> u64 {
    8 + count_tokens(&tool.name) + count_tokens(&tool.parameters.to_string())
}

fn read_schema(format: &Value) -> Option<Value> {
    match format["type"].as_str() {
        Some("json_schema") => Some(format["json_schema"]["schema"].clone()),
        Some("json_object") => Some(Value::Object(serde_json::Map::new())),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_chat_request_is_read() {
        let body = json!({
            "model": "gpt-4", "stream": true, "stream_options": {"include_usage": true}, "max_tokens": 7, "n": 2,
            "messages": [
                {"role": "system", "content": "Be brief."},
                {"role": "user", "content": [{"type": "text", "text": "Hello there"}, {"type": "image_url"}]},
            ],
            "tools": [{"type": "function", "function": {"name": "look_up", "parameters": {}}}],
        });
        let request = Request::read(Api::Chat, &body).unwrap();
        assert_eq!((request.limit, request.choices, request.stream, request.include_usage), (Some(7), 2, true, true));
        assert_eq!(request.prompt, "Hello there");
        assert_eq!(request.tool_use, ToolUse::Sometimes);
        assert!(request.prompt_tokens > IMAGE_TOKENS + 10);
    }

    #[test]
    fn what_must_be_there_is_asked_for() {
        for body in [
            json!({"messages": [{"role": "user", "content": "x"}]}),
            json!({"model": "gpt-4"}),
            json!({"model": "gpt-4", "messages": []}),
            json!({"model": "gpt-4", "messages": [{}], "max_tokens": 0}),
            json!({"model": "gpt-4", "messages": [{}], "stream_options": {"include_usage": true}}),
            json!([1, 2]),
        ] {
            assert_eq!(Request::read(Api::Chat, &body).unwrap_err().status, 400, "{body}");
        }
    }

    #[test]
    fn a_tool_asked_for_by_name_is_the_only_one() {
        let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {}}});
        let mut body = json!({"model": "m", "messages": [{"role": "user"}], "tools": [tool("a"), tool("b")]});
        body["tool_choice"] = json!({"type": "function", "function": {"name": "b"}});
        let request = Request::read(Api::Chat, &body).unwrap();
        assert_eq!((request.tools.len(), request.tool_use), (1, ToolUse::Always));
        body["messages"] = json!([{"role": "tool", "content": "42"}]);
        assert_eq!(Request::read(Api::Chat, &body).unwrap().tool_use, ToolUse::Never);
    }
}
