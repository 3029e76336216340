//! Public reports of wrong costs in other proxies and tools, by their threads, each with the figure that is right. An answer goes
//! the whole way: its bytes, the dialect, the classes of tokens, the price.

// A test's helpers, which the lints cannot know for one.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;

use meter::cost::{Ask, Book, Cost, CostStatus, Listing, Price, Prices, Tariff};
use meter::decimal;
use meter::meter::{Format, read};
use meter::time;
use meter::usage::{Class, Usage};

/// Prices of the built-in catalogue for all providers under their own names.
fn prices() -> Prices {
    let names = ["anthropic", "aws-bedrock", "google", "openai", "openrouter", "snowflake", "deepseek", "xai"];
    let listing = |name: &str| (name.to_owned(), Listing { provider: name.to_owned(), region: None });
    Prices::from(Book { listings: names.into_iter().map(listing).collect(), ..Book::default() })
}

/// The operator's own prices for a model, in USD per million tokens.
fn own(model: &str, input: f64, cached: f64, output: f64) -> Prices {
    let tariff = Tariff { input, output, cached_input: Some(cached), per_million: true, ..Tariff::default() };
    let price = Arc::new(Price::from_tariff(&format!("config:{model}"), &tariff).unwrap());
    Prices::from(Book { own: [(model.to_owned(), price)].into(), ..Book::default() })
}

fn day(text: &str) -> u64 {
    time::parse(format!("{text}T12:00:00.000000000Z").as_bytes()).unwrap()
}

/// What an answer with this usage, and perhaps more members, costs.
fn answered(prices: &Prices, provider: &str, model: &str, members: &str) -> Option<Cost> {
    let body = format!(r#"{{"id":"1","model":"{model}",{members}}}"#);
    let reading = read(Format::Json, body.as_bytes());
    assert!(reading.whole && reading.readable, "{body}");
    let answer = reading.answer;
    prices.cost(&Ask {
        provider,
        models: [None, Some(model), answer.model.as_deref()],
        tier: answer.service_tier.as_deref(),
        at: day("2026-11-23"),
        usage: answer.usage().as_ref(),
        each_input: None,
        exact: true,
        searches: answer.search_calls().unwrap_or(0),
        file_searches: answer.file_search_calls().unwrap_or(0),
        code_runs: answer.code_interpreter_calls().unwrap_or(0),
        units: answer.units(),
        reported: answer.reported_cost(),
    })
}

fn usd(cost: Option<Cost>) -> String {
    cost.map_or_else(|| "unknown".to_owned(), |cost| decimal::to_string(cost.total(), meter::cost::NANO))
}

fn chat(provider: &str, model: &str, usage: &str) -> String {
    usd(answered(&prices(), provider, model, &format!(r#""usage":{{{usage}}}"#)))
}

/// BerriAI/litellm#9812, and #5443, #6575, #31282 of the same kind: tokens written to the cache were billed as input too,
/// $0.0913. Anthropic's console says $0.0544.
#[test]
fn litellm_9812_cache_writes_are_no_input_too() {
    let usage = r#""prompt_tokens":12307,"completion_tokens":550,"prompt_tokens_details":{"cached_tokens":0,"cache_creation_tokens":12304}"#;
    assert_eq!(chat("anthropic", "claude-3-7-sonnet-20250219", usage), "0.054399");
}

/// BerriAI/litellm#11364: cached tokens at the wrong price; LiteLLM said $0.047.
#[test]
fn litellm_11364_cached_and_written_tokens_have_their_prices() {
    let usage = r#""prompt_tokens":98805,"completion_tokens":5120,"prompt_tokens_details":{"cached_tokens":66360,"cache_creation_tokens":32435},"completion_tokens_details":{"reasoning_tokens":1710}"#;
    assert_eq!(chat("aws-bedrock", "eu.anthropic.claude-opus-4-5-20251101-v1:0", usage), "0.400343625");
}

/// BerriAI/litellm#14849: cached input was billed twice, $0.764 in place of $0.185 at the prices of the thread.
#[test]
fn litellm_14849_cached_input_is_billed_once() {
    let usage = r#""usage":{"total_tokens":264704,"prompt_tokens":262960,"completion_tokens":1744,"prompt_tokens_details":{"text_tokens":262960,"cached_tokens":257955}}"#;
    let thread = own("gemini-2.5-pro", 1.25, 0.625, 10.0);
    assert_eq!(usd(answered(&thread, "google", "gemini-2.5-pro", usage)), "0.184918125");
    // Today's prices, and those of an input above 200,000 tokens: 5,005 at 2.5, 257,955 at 0.25, 1,744 at 15.
    assert_eq!(usd(answered(&prices(), "google", "gemini-2.5-pro", usage)), "0.10316125");
}

/// maximhq/bifrost#904: cached input at the price of input, $1.68 in place of $0.34.
#[test]
fn bifrost_904_cached_input_has_its_own_price() {
    let usage =
        r#""prompt_tokens":1239328,"completion_tokens":12909,"prompt_tokens_details":{"cached_tokens":1188096}"#;
    assert_eq!(chat("openai", "gpt-5", usage), "0.341642");
}

/// maximhq/bifrost#3451: cache writes of a stream billed as input too, $1.86 in place of $1.06.
#[test]
fn bifrost_3451_cache_writes_of_a_stream_are_billed_once() {
    let stream = "data: {\"model\":\"claude-opus-4-7\",\"usage\":{\"prompt_tokens\":159223,\"completion_tokens\":1}}\n\n\
        data: {\"model\":\"claude-opus-4-7\",\"usage\":{\"prompt_tokens\":159223,\"completion_tokens\":2745,\
        \"prompt_tokens_details\":{\"cache_write_tokens\":159217}}}\n\ndata: [DONE]\n\n";
    let usage = read(Format::Events, stream.as_bytes()).answer.usage().unwrap();
    let ask = Ask {
        provider: "anthropic",
        models: [None, None, Some("claude-opus-4-7")],
        at: day("2026-11-23"),
        ..Ask::default()
    };
    let cost = prices().cost(&Ask { usage: Some(&usage), exact: true, ..ask });
    assert_eq!(usd(cost), "1.06376125");
}

/// maximhq/bifrost#2292: an operator's own prices were ignored. BerriAI/litellm#40016: with them cached input was billed
/// twice.
#[test]
fn own_prices_count_and_bill_cached_input_once() {
    let usage =
        r#""usage":{"prompt_tokens":10000,"completion_tokens":100,"prompt_tokens_details":{"cached_tokens":9000}}"#;
    let cost = answered(&own("gpt-5", 7.0, 0.7, 70.0), "openai", "gpt-5", usage).unwrap();
    assert_eq!(cost.status, CostStatus::Contracted);
    assert_eq!(usd(Some(cost)), "0.0203");
}

/// BerriAI/litellm#37281 and #37407: cached images were billed as cached and as images; xAI's spend stood 72 % too high.
#[test]
fn litellm_37407_a_cached_image_is_billed_once() {
    let usage = r#""usage":{"prompt_tokens":100,"completion_tokens":10,"total_tokens":110,"prompt_tokens_details":{"cached_tokens":90,"image_tokens":80}}"#;
    assert_eq!(usd(answered(&own("m", 1.0, 0.1, 2.0), "xai", "m", usage)), "0.000039");
}

/// Aider-AI/aider#5516: 17,102 of 17,111 tokens came from the cache, and all were billed as input too.
#[test]
fn aider_5516_a_cached_call_costs_what_is_left() {
    let usage = r#""prompt_tokens":17111,"completion_tokens":0,"prompt_tokens_details":{"cached_tokens":17102}"#;
    assert_eq!(chat("anthropic", "claude-haiku-4-5", usage), "0.0017192");
}

/// BerriAI/litellm#37046: `priority` at the price of `default` for models whose dated versions lacked it.
#[test]
fn litellm_37046_priority_has_its_price() {
    for (model, output, expected) in [
        ("gpt-4o-mini-2024-07-18", 2, "0.00000425"),
        ("gpt-4o-2024-08-06", 1, "0.00005525"),
        ("gpt-4.1-2025-04-14", 1, "0.0000455"),
        ("gpt-4.1-mini-2025-04-14", 1, "0.0000091"),
    ] {
        let members =
            format!(r#""service_tier":"priority","usage":{{"prompt_tokens":9,"completion_tokens":{output}}}"#);
        assert_eq!(usd(answered(&prices(), "openai", model, &members)), expected, "{model}");
    }
}

/// BerriAI/litellm#31837: asked for `priority`, served and billed by OpenAI at `default`. #13810: `flex` is half.
#[test]
fn litellm_31837_and_13810_the_tier_is_the_answers() {
    let with = |tier: &str| {
        let members = format!(r#""service_tier":"{tier}","usage":{{"prompt_tokens":1000,"completion_tokens":100}}"#);
        usd(answered(&prices(), "openai", "o3", &members))
    };
    assert_eq!((with("default"), with("flex"), with("priority")), ("0.0028".into(), "0.0014".into(), "0.0049".into()));
    assert_eq!(with("new-tier"), "unknown");
}

/// BerriAI/litellm#35925: reasoning of a `priority` answer was billed at the standard price.
#[test]
fn litellm_35925_reasoning_follows_the_tier() {
    let members = r#""service_tier":"priority","usage":{"prompt_tokens":0,"completion_tokens":160,"completion_tokens_details":{"reasoning_tokens":159}}"#;
    assert_eq!(usd(answered(&prices(), "google", "gemini-3.8-flash", members)), "0.00108");
}

/// BerriAI/litellm#39861: a batch of long inputs was billed at half of its price.
#[test]
fn litellm_39861_a_long_input_in_a_batch() {
    let members = r#""service_tier":"batch","usage":{"input_tokens":300083,"input_tokens_details":{"cached_tokens":0},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":16}}"#;
    // 300,083 at 0.2 and 20 at 0.9.
    assert_eq!(usd(answered(&prices(), "openai", "gpt-5.6-luna", members)), "0.0600346");
}

/// BerriAI/litellm#18599: only the reasoning of an output was billed.
#[test]
fn litellm_18599_reasoning_is_a_part_of_the_output() {
    let usage = r#""completion_tokens":482,"prompt_tokens":17,"total_tokens":499,"completion_tokens_details":{"reasoning_tokens":448},"prompt_tokens_details":{"cached_tokens":0}"#;
    assert_eq!(chat("openai", "gpt-5-nano-2025-08-07", usage), "0.00019365");
}

/// BerriAI/litellm#35914, #36561 and #30715: a model without a price cost nothing, and nobody was told.
#[test]
fn litellm_35914_an_unknown_model_has_no_cost() {
    let usage = r#""prompt_tokens":37400000,"completion_tokens":1000"#;
    assert_eq!(chat("snowflake", "claude-opus-99", usage), "unknown");
    assert_eq!(chat("openai", "gpt-4o-mini-tts-next", usage), "unknown");
}

/// BerriAI/litellm#27588: OpenRouter bills what it bills, $0.0000139, where the list says $0.0000171.
#[test]
fn litellm_27588_the_bill_counts_and_the_list_stands_beside_it() {
    let members = r#""usage":{"prompt_tokens":14,"completion_tokens":9,"cost":0.0000139}"#;
    let cost = answered(&prices(), "openrouter", "openai/gpt-4o-mini", members).unwrap();
    assert_eq!((cost.status, cost.total(), cost.list), (CostStatus::Reported, 13_900, Some(7_500)));
}

/// ccusage/ccusage#1636 and others: the same week at $2,472 or $1,923, depending on the day of the price list. A request
/// costs what held when it was made.
#[test]
fn ccusage_1636_the_price_of_the_day() {
    let usage = Usage::default().with(Class::Input, 1_000_000);
    let on = |day_text| {
        let models = [None, Some("deepseek-v4-flash"), None];
        let ask =
            Ask { provider: "deepseek", models, at: day(day_text), usage: Some(&usage), exact: true, ..Ask::default() };
        usd(prices().cost(&ask))
    };
    assert_eq!((on("2026-08-01"), on("2026-09-01")), ("0.14".into(), "0.22".into()));
    // Noon is off-peak; the announced price of another model is not forgotten.
    assert_eq!(on("2026-11-23"), "0.15");
}

/// What a stream of these events used.
fn streamed(events: &[&str]) -> Usage {
    let stream: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    let reading = read(Format::Events, stream.as_bytes());
    assert!(reading.readable, "{stream}");
    reading.answer.usage().unwrap()
}

/// What usage costs at the catalogue's price of the day.
fn used(provider: &str, model: &str, usage: &Usage) -> String {
    let ask = Ask { provider, models: [None, Some(model), None], at: day("2026-11-23"), ..Ask::default() };
    usd(prices().cost(&Ask { usage: Some(usage), exact: true, ..ask }))
}

/// BerriAI/litellm#12313: with prompt caching Bedrock stood three times too high; it costs what the same costs at Anthropic.
#[test]
fn litellm_12313_bedrocks_cache_has_its_prices() {
    let usage = r#""prompt_tokens":100000,"completion_tokens":1000,"prompt_tokens_details":{"cached_tokens":90000},"cache_creation_input_tokens":8000"#;
    // 2,000 at 3, 90,000 at 0.3, 8,000 at 3.75 and 1,000 at 15; all of it as input is $0.315.
    for (provider, model) in [
        ("aws-bedrock", "anthropic.claude-sonnet-4-20250514-v1:0"),
        ("aws-bedrock", "eu.anthropic.claude-sonnet-4-20250514-v1:0"),
        ("anthropic", "claude-sonnet-4-20250514"),
    ] {
        assert_eq!(chat(provider, model, usage), "0.078", "{provider}");
    }
}

/// BerriAI/litellm#8514: $26.74 where AWS billed $770. Of a stream only the output was billed, $0.0735 in place of $0.2418; an
/// answer in one piece was right.
#[test]
fn litellm_8514_a_streams_input_is_billed_too() {
    let model = "anthropic.claude-3-5-sonnet-20241022-v2:0";
    assert_eq!(chat("aws-bedrock", model, r#""prompt_tokens":18,"completion_tokens":1224"#), "0.018414");
    let usage = streamed(&[
        r#"{"choices":[{"index":0,"delta":{"content":"fn main"}}]}"#,
        r#"{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#,
        r#"{"choices":[],"usage":{"prompt_tokens":56100,"completion_tokens":4900,"total_tokens":61000}}"#,
        "[DONE]",
    ]);
    assert_eq!(used("aws-bedrock", model, &usage), "0.2418");
}

/// maximhq/bifrost#5243: own prices were off by the factor 100, $0.0004 in place of $0.047575.
#[test]
fn bifrost_5243_own_prices_are_dollars_per_million() {
    let usage = r#""usage":{"prompt_tokens":8650,"completion_tokens":0}"#;
    let cost = answered(&own("openai.gpt-5.5", 5.5, 0.0, 33.0), "aws-bedrock", "openai.gpt-5.5", usage);
    assert_eq!(usd(cost), "0.047575");
}

/// maximhq/bifrost#2292: whatever price was set, a request cost $0.000001.
#[test]
fn bifrost_2292_an_exaggerated_price_shows() {
    let model = "meta-llama/llama-3-8b-instruct";
    let usage = r#""usage":{"prompt_tokens":10,"completion_tokens":10}"#;
    assert_eq!(usd(answered(&own(model, 500.0, 500.0, 250.0), "openrouter", model, usage)), "0.0075");
}

/// BerriAI/litellm#13264, #13319 and #39069: streams had no cost, because headers are gone when it is known. The Record is
/// written at the end.
#[test]
fn litellm_13264_a_stream_has_its_cost() {
    let usage = streamed(&[
        r#"{"model":"gpt-4o-mini","choices":[{"index":0,"delta":{"content":"Hello"}}]}"#,
        r#"{"model":"gpt-4o-mini","choices":[],"usage":{"prompt_tokens":1000,"completion_tokens":100}}"#,
    ]);
    assert_eq!(used("openai", "gpt-4o-mini", &usage), "0.00021");
}

/// envoyproxy/ai-gateway#2290: what only the last event reported was read for its output alone, 5 tokens in all. #2116: so
/// 37 % of what was written to the cache was missing.
#[test]
fn ai_gateway_2290_and_2116_the_last_event_reports_the_input_too() {
    let usage = streamed(&[
        r#"{"type":"message_start","message":{"usage":{"input_tokens":0,"output_tokens":0}}}"#,
        r#"{"type":"message_delta","usage":{"input_tokens":4522,"cache_creation_input_tokens":4511,"output_tokens":5}}"#,
        r#"{"type":"message_stop"}"#,
    ]);
    assert_eq!((usage.input(), usage.get(Class::CacheWrite), usage.total()), (9033, 4511, 9038));
}

/// agentgateway/agentgateway#1089: Claude Code's output stood far too low, because what a stream begins with was kept.
#[test]
fn agentgateway_1089_the_last_figure_counts() {
    let event =
        |output: u64| format!(r#"{{"choices":[],"usage":{{"prompt_tokens":20,"completion_tokens":{output}}}}}"#);
    let events = [event(1), event(400), event(1034)];
    let usage = streamed(&events.each_ref().map(String::as_str));
    assert_eq!((usage.input(), usage.output()), (20, 1034));
}

/// agentgateway/agentgateway#1686: the usage of a streamed response (Codex CLI) was not recorded.
#[test]
fn agentgateway_1686_a_streamed_response_has_usage() {
    let usage = streamed(&[
        r#"{"type":"response.created","response":{"id":"r","model":"gpt-5","status":"in_progress","usage":null}}"#,
        r#"{"type":"response.output_text.delta","delta":"Hello"}"#,
        r#"{"type":"response.completed","response":{"id":"r","status":"completed","usage":{"input_tokens":1200,"input_tokens_details":{"cached_tokens":1024},"output_tokens":90,"output_tokens_details":{"reasoning_tokens":64},"total_tokens":1290}}}"#,
    ]);
    assert_eq!((usage.input(), usage.output()), (1200, 90));
    assert_eq!((usage.get(Class::CachedInput), usage.get(Class::Reasoning)), (1024, 64));
    // 176 at 1.25, 1,024 at 0.125 and 90 at 10.
    assert_eq!(used("openai", "gpt-5", &usage), "0.001248");
}
