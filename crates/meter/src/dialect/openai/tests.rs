use proptest::prelude::*;

use crate::meter::{Format, Reading, read};
use crate::usage::Class;

fn json(body: &str) -> Reading {
    read(Format::Json, body.as_bytes())
}

#[test]
fn a_chat_completion() {
    let reading = json(
        r#"{"id":"chatcmpl-1","object":"chat.completion","model":"gpt-4o-2024-08-06","service_tier":"default",
        "choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[
        {"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}},
        {"id":"call_2","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],
        "usage":{"prompt_tokens":100,"completion_tokens":50,"total_tokens":150,
        "prompt_tokens_details":{"cached_tokens":64,"audio_tokens":0},
        "completion_tokens_details":{"reasoning_tokens":10,"audio_tokens":0,"accepted_prediction_tokens":0}}}"#,
    );
    let answer = &reading.answer;
    let usage = answer.usage().unwrap();
    assert!(reading.whole && reading.readable);
    assert_eq!(answer.id.as_deref(), Some("chatcmpl-1"));
    assert_eq!(answer.model.as_deref(), Some("gpt-4o-2024-08-06"));
    assert_eq!(answer.service_tier.as_deref(), Some("default"));
    assert_eq!(answer.finish_reason.as_deref(), Some("tool_calls"));
    assert_eq!(answer.tool_calls, 2);
    assert_eq!((usage.input(), usage.output(), usage.total()), (100, 50, 150));
    assert_eq!((usage.get(Class::CachedInput), usage.get(Class::Reasoning), usage.get(Class::Input)), (64, 10, 36));
    assert!(answer.usage_raw.as_deref().unwrap().starts_with("{\"prompt_tokens\":100,"));
}

#[test]
fn an_embedding_has_input_only() {
    let reading = json(
        r#"{"object":"list","data":[{"embedding":[0.1,-2e-3]}],"model":"e","usage":{"prompt_tokens":8,"total_tokens":8}}"#,
    );
    let usage = reading.answer.usage().unwrap();
    assert_eq!((usage.input(), usage.output()), (8, 0));
}

#[test]
fn no_usage_is_unknown_and_not_zero() {
    assert_eq!(json(r#"{"id":"x","usage":null}"#).answer.usage(), None);
    assert_eq!(json(r#"{"id":"x"}"#).answer.usage(), None);
    assert_eq!(json(r#"{"usage":{"prompt_tokens":"many","completion_tokens":-4}}"#).answer.usage(), None);
}

#[test]
fn errors_in_their_several_shapes() {
    let answer =
        json(r#"{"error":{"message":"no","type":"invalid_request_error","code":"model_not_found","param":null}}"#)
            .answer;
    assert!(answer.failed);
    assert_eq!(answer.error_message.as_deref(), Some("no"));
    assert_eq!(answer.error_type.as_deref(), Some("invalid_request_error"));
    assert_eq!(answer.error_code.as_deref(), Some("model_not_found"));
    let answer = json(r#"{"error":"model 'x' not found"}"#).answer;
    assert!(answer.failed);
    assert_eq!(answer.error_message.as_deref(), Some("model 'x' not found"));
    assert!(!json(r#"{"error":null,"id":"x"}"#).answer.failed);
}

#[test]
fn a_response_in_a_stream() {
    let stream = "event: response.created\ndata: {\"type\":\"response.created\",\"response\":{\"id\":\"resp_1\",\"model\":\"gpt-5\",\"status\":\"in_progress\",\"usage\":null}}\n\n\
        event: response.output_text.delta\ndata: {\"type\":\"response.output_text.delta\",\"delta\":\"Hi\"}\n\n\
        event: response.completed\ndata: {\"type\":\"response.completed\",\"response\":{\"id\":\"resp_1\",\"status\":\"completed\",\"usage\":{\"input_tokens\":11,\"input_tokens_details\":{\"cached_tokens\":4},\"output_tokens\":7,\"output_tokens_details\":{\"reasoning_tokens\":3}}}}\n\n";
    let reading = read(Format::Events, stream.as_bytes());
    let usage = reading.answer.usage().unwrap();
    assert!(reading.whole);
    assert_eq!((usage.input(), usage.output()), (11, 7));
    assert_eq!((usage.get(Class::CachedInput), usage.get(Class::Reasoning)), (4, 3));
    assert_eq!(reading.answer.finish_reason.as_deref(), Some("completed"));
}

#[test]
fn reasoning_that_only_the_total_counts() {
    let usage = json(
        r#"{"usage":{"prompt_tokens":37,"completion_tokens":530,"total_tokens":800,"completion_tokens_details":{"reasoning_tokens":233}}}"#,
    )
    .answer
    .usage()
    .unwrap();
    assert_eq!((usage.input(), usage.output(), usage.total()), (37, 763, 800));
    assert_eq!((usage.get(Class::Output), usage.get(Class::Reasoning)), (530, 233));
}

#[test]
fn absurd_counts_are_no_counts() {
    let usage =
        json(r#"{"usage":{"prompt_tokens":18446744073709551615,"completion_tokens":4}}"#).answer.usage().unwrap();
    assert_eq!((usage.input(), usage.output()), (0, 4));
}

#[test]
fn a_response_that_breaks_off_is_not_whole() {
    let begun = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"status\":\"in_progress\"}}\n\n";
    let reading = read(Format::Events, begun.as_bytes());
    assert!(!reading.whole && reading.answer.finish_reason.is_none());
}

#[test]
fn what_providers_bill() {
    let bill = |usage: &str| json(&format!(r#"{{"usage":{{"prompt_tokens":1,{usage}}}}}"#)).answer.reported_cost();
    assert_eq!(bill(r#""cost":0.00014"#), Some(140_000), "OpenRouter");
    assert_eq!(bill(r#""cost":1.4e-4,"is_byok":false,"cost_details":{"upstream_inference_cost":9}"#), Some(140_000));
    assert_eq!(
        bill(r#""cost":0.01,"is_byok":true,"cost_details":{"upstream_inference_cost":0.2}"#),
        Some(210_000_000),
        "with a key of the caller's own"
    );
    assert_eq!(bill(r#""cost":{"input_tokens_cost":0.1,"request_cost":0.006,"total_cost":0.106}"#), Some(106_000_000));
    assert_eq!(bill(r#""cost_in_usd_ticks":37756000"#), Some(3_775_600), "xAI");
    for none in [r#""cost":null"#, r#""cost":-1"#, r#""cost":1e300"#, r#""cost":"free""#, r#""n":0"#] {
        assert_eq!(bill(none), None, "{none}");
    }
}

#[test]
fn searches_are_counted_and_opened_pages_are_not() {
    let answer = json(
        r#"{"object":"response","output":[{"type":"web_search_call","action":{"type":"search","query":"a"}},
        {"type":"web_search_call","action":{"type":"open_page"}},{"type":"web_search_call"},
        {"type":"message","content":[{"type":"output_text","text":"web_search_call"}]}],"usage":{"input_tokens":1}}"#,
    )
    .answer;
    assert_eq!(answer.search_calls(), Some(2));
    let answer = json(r#"{"usage":{"prompt_tokens":1,"server_tool_use":{"web_search_requests":3}}}"#).answer;
    assert_eq!(answer.search_calls(), Some(3));
    assert_eq!(json(r#"{"output":[{"type":"message"}]}"#).answer.search_calls(), None);
    let tools = json(
        r#"{"object":"response","output":[{"type":"file_search_call"},{"type":"code_interpreter_call"},{"type":"file_search_call"},
        {"type":"message","content":[{"type":"output_text","text":"file_search_call"}]}],"tools":[{"type":"code_interpreter_call"}]}"#,
    )
    .answer;
    assert_eq!(
        (tools.file_search_calls(), tools.code_interpreter_calls(), tools.search_calls()),
        (Some(2), Some(1), None)
    );
}

/// Members that providers put into a usage object, some under two names.
const MEMBERS: &[&str] = &[
    r#""prompt_tokens":100"#,
    r#""input_tokens":100"#,
    r#""cache_read_input_tokens":40"#,
    r#""cache_creation_input_tokens":7"#,
    r#""completion_tokens":10"#,
    r#""output_tokens":10"#,
    r#""total_tokens":110"#,
    r#""prompt_tokens_details":{"cached_tokens":30,"audio_tokens":2,"cache_write_tokens":5}"#,
    r#""input_tokens_details":{"cached_tokens":25,"image_tokens":3}"#,
    r#""completion_tokens_details":{"reasoning_tokens":4,"audio_tokens":1}"#,
    r#""prompt_cache_hit_tokens":20"#,
    r#""cost":0.25"#,
];

#[test]
fn a_prompt_includes_what_was_cached_wherever_it_stands() {
    for first in [r#""prompt_tokens":100,"input_tokens":100"#, r#""input_tokens":100,"prompt_tokens":100"#] {
        let body = format!(r#"{{"usage":{{{first},"cache_read_input_tokens":40,"total_tokens":110}}}}"#);
        let usage = json(&body).answer.usage().unwrap();
        assert_eq!((usage.input(), usage.output(), usage.get(Class::CachedInput)), (100, 10, 40), "{first}");
    }
}

#[test]
fn a_response_tells_whether_it_is_still_to_come() {
    let pending = |status: &str| json(&format!(r#"{{"object":"response","status":"{status}"}}"#)).answer.pending;
    assert!(pending("queued") && pending("in_progress") && !pending("completed"));
    let event = |status: &str| format!("data: {{\"type\":\"x\",\"response\":{{\"status\":\"{status}\"}}}}\n\n");
    let stream = event("queued") + &event("in_progress") + &event("completed");
    assert!(!read(Format::Events, stream.as_bytes()).answer.pending);
}

proptest! {
    /// The members of an object have no order.
    #[test]
    fn the_order_of_a_usage_object_says_nothing(
        (one, other) in proptest::sample::subsequence(MEMBERS, 1..=MEMBERS.len())
            .prop_flat_map(|members| (Just(members.clone()).prop_shuffle(), Just(members)))
    ) {
        let usage = |members: &[&str]| json(&format!(r#"{{"usage":{{{}}}}}"#, members.join(","))).answer.usage();
        prop_assert_eq!(usage(&one), usage(&other));
    }
}
