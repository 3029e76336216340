//! Energy and carbon on Records: the grid by the hour, and what has no tokens.

use serde_json::Value;

use super::harness::{Upstream, Weir, answer, json, provider, request, until};

/// A model that the table of sizes has, where nobody gave a rate.
const ASK: &str = r#"{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}]}"#;
const ANSWER: &str = r#"{"id":"c","object":"chat.completion","model":"gpt-4o","choices":[{"index":0,"message":{"role":"assistant","content":"ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":500,"completion_tokens":300,"total_tokens":800}}"#;

/// Grams for each kilowatt-hour, as a Record has them.
fn grams(record: &Value) -> f64 {
    let figure = |name: &str| record[name].as_f64().unwrap_or_else(|| panic!("{name}: {record:#}"));
    figure("carbon_gco2e") / figure("energy_consumption_kwh")
}

/// Hours around now, as Electricity Maps has them, with 100 grams an hour ago and 302 from then on.
fn history() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64;
    let hour = 3_600_000_000_000;
    let this = now / hour * hour;
    let rows = [(this - hour, 100), (this, 302), (this + hour, 302)].map(|(at, grams)| {
        let time = String::from_utf8(meter::time::format(at).to_vec()).unwrap();
        format!(r#"{{"zone":"DE","carbonIntensity":{grams},"datetime":"{time}","isEstimated":false}}"#)
    });
    format!(r#"{{"zone":"DE","history":[{}]}}"#, rows.join(","))
}

fn configured(up: &Upstream, grid: &Upstream, token: &std::path::Path) -> String {
    let url = format!("http://{}/v3/carbon-intensity/history?zone=DE", grid.address);
    let carbon = format!("[carbon.DE]\nseries = {url:?}\ntoken = \"file:{}\"", token.display());
    format!("{}\n{carbon}\n", provider("up", up, "zone = \"DE\""))
}

#[test]
fn the_grid_by_the_hour_is_fetched_and_stands_on_records() {
    let place = tempfile::tempdir().unwrap();
    let token = place.path().join("token");
    std::fs::write(&token, "grid-token\n").unwrap();
    let (up, grid) = (Upstream::answering(json(ANSWER)), Upstream::answering(json(history())));
    let weir = Weir::start(&configured(&up, &grid, &token));
    // A request never waits for the grid, so those before its answer have no carbon in a zone that no table has.
    let asked = until("the hour's grid is on a Record", || {
        assert_eq!(weir.chat(ASK).status(), 200);
        let records = weir.records();
        let known = records.last().is_some_and(|record| !record["carbon_gco2e"].is_null());
        known.then_some(records.len())
    });
    let record = weir.settled(asked).pop().unwrap();
    assert!((grams(&record) - 302.0).abs() < 0.01, "{record:#}");
    assert_eq!(record["carbon_zone"], "DE");
    let question = grid.only();
    assert_eq!(question.target(), "/v3/carbon-intensity/history?zone=DE");
    assert_eq!(question.header("auth-token"), Some("grid-token"));
}

#[test]
fn where_the_grid_cannot_be_read_the_years_average_holds() {
    let place = tempfile::tempdir().unwrap();
    let token = place.path().join("token");
    std::fs::write(&token, "grid-token").unwrap();
    let up = Upstream::answering(json(ANSWER));
    for broken in [answer("503 Service Unavailable", "text/plain", "later"), json("{\"history\":[]}"), json("rubbish")]
    {
        let grid = Upstream::answering(broken);
        let config = configured(&up, &grid, &token).replace("DE", "FRA");
        let weir = Weir::start(&config);
        until("the grid was asked", || (!grid.seen().is_empty()).then_some(()));
        assert_eq!(weir.chat(ASK).status(), 200);
        let record = weir.record();
        assert!((grams(&record) - 41.0).abs() < 15.0, "France's average: {record:#}");
    }
}

/// The Record of one request to OpenAI, as the table of data centres has it.
fn record(path: &str, kind: &str, body: &str, bytes: Vec<u8>) -> Value {
    let up = Upstream::answering(bytes);
    let weir = Weir::start(&provider("up", &up, "catalog = \"openai\""));
    assert_eq!(weir.ask(request(&format!("POST {path}"), &[("content-type", kind)], body)).status(), 200);
    weir.record()
}

#[test]
fn what_is_paid_by_the_piece_has_no_energy_and_no_carbon() {
    let picture = (
        "/v1/images/generations",
        r#"{"model":"gpt-4o","prompt":"A weir"}"#,
        json(r#"{"created":1,"data":[{"url":"https://x/y.png"}]}"#),
    );
    let speech = (
        "/v1/audio/speech",
        r#"{"model":"gpt-4o","voice":"alloy","input":"The weir"}"#,
        answer("200 OK", "audio/mpeg", "\u{1}\u{2}"),
    );
    for (path, body, bytes) in [picture, speech] {
        let record = record(path, "application/json", body, bytes);
        assert_eq!(record["energy_consumption_kwh"], Value::Null, "{path}: {record:#}");
        assert!(record.get("carbon_gco2e").is_none() && record.get("energy_method").is_none(), "{path}: {record:#}");
    }
}

#[test]
fn an_embedding_has_energy_of_its_input() {
    let body = r#"{"model":"Qwen3-Embedding-8B","input":"The weir"}"#;
    let bytes = json(
        r#"{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.1]}],"model":"Qwen3-Embedding-8B","usage":{"prompt_tokens":1000,"total_tokens":1000}}"#,
    );
    let record = record("/v1/embeddings", "application/json", body, bytes);
    let kwh = record["energy_consumption_kwh"].as_f64().unwrap();
    assert!((1e-6..1e-4).contains(&kwh), "{record:#}");
    assert_eq!(record["energy_basis"], "named", "{record:#}");
}

#[test]
fn an_answer_without_tokens_draws_nothing() {
    let bytes = json(ANSWER.replace("500", "0").replace("300", "0").replace("800", "0"));
    let record = record("/v1/chat/completions", "application/json", ASK, bytes);
    assert_eq!(record["energy_consumption_kwh"].as_f64(), Some(0.0), "{record:#}");
}

/// What nobody can say of a model is said as such: no series says that it draws nothing, and a counter counts.
#[test]
fn a_model_without_an_estimate_is_counted_and_has_no_series() {
    let of = |text: &str| text.replace("gpt-4o", "gpt-image-99");
    let up = Upstream::answering(json(of(ANSWER)));
    let weir = Weir::start(&provider("up", &up, ""));
    for _ in 0..2 {
        assert_eq!(weir.chat(of(ASK)).status(), 200);
    }
    let record = weir.settled(2).pop().unwrap();
    assert_eq!((&record["total_tokens"], &record["energy_consumption_kwh"]), (&800.into(), &Value::Null));
    let metrics = weir.metrics();
    let labels = "{provider=\"up\",model=\"gpt-image-99\"}";
    assert_eq!(metrics.number(&format!("llm_unestimated_requests_total{labels}")), 2);
    for name in ["joules", "low_joules", "high_joules"].map(|name| format!("llm_energy_{name}_total{labels}")) {
        assert!(!metrics.0.contains_key(&name), "{name}");
    }
    assert!(!metrics.0.contains_key(&format!("llm_carbon_grams_total{labels}")));
}
