use std::time::Duration;

use serde_json::json;

use super::*;

/// The mission's own request, as its Record.
const COMPLETED: &str = r#"{"timestamp":"2025-08-06T10:30:15.123000000Z","logger_name":"llm-metrics","level":"INFO","event":"llm_request_completed","request_id":"01987f0a-0000-7000-8000-000000000000","model":"gpt-4","input_tokens":25,"output_tokens":150,"total_tokens":175,"processing_time_seconds":2.345,"energy_consumption_kwh":0.000875,"cost_usd":0.00975,"temperature":0.7,"status":"success","v":1,"user_id":"user-07","stream":true,"time_to_first_token_seconds":0.41,"cost_status":"list"}"#;

fn view() -> View {
    View::new(vec!["Page  http://127.0.0.1:4001/".to_owned()]).with_style(Style::Plain)
}

fn failed() -> String {
    json!({ "timestamp": "2025-08-06T10:30:16.000000000Z", "event": "llm_request_failed", "model": "gpt-4",
        "input_tokens": null, "output_tokens": null, "total_tokens": null, "processing_time_seconds": 0.04,
        "cost_usd": null, "status": "error", "status_code": 429, "error_type": "rate_limit_exceeded" })
    .to_string()
}

fn unpriced() -> String {
    json!({ "timestamp": "2025-08-06T10:30:17.000000000Z", "event": "llm_request_completed", "model": "your-model",
        "input_tokens": 10, "output_tokens": 20, "total_tokens": 30, "processing_time_seconds": 1.0,
        "energy_consumption_kwh": null, "cost_usd": null, "status": "success", "cost_status": "unpriced" })
    .to_string()
}

#[test]
fn the_missions_request_is_shown_with_its_figures() {
    let mut view = view();
    view.push(COMPLETED);
    let shown = view.render(120, 40);
    for part in [
        "Page  http://127.0.0.1:4001/",
        "1 requests  0 % errors  0 cancelled  tokens 25 in, 150 out",
        "cost $0.009750  energy ≈ 0.875 Wh",
        "10:30:15  gpt-4",
        "25 → 150",
        "ok  user-07  stream, first token 0.41 s",
    ] {
        assert!(shown.contains(part), "{part} is not in\n{shown}");
    }
    assert!(!shown.contains('\x1b'));
}

#[test]
fn unknown_cost_is_never_an_amount() {
    let mut view = view();
    view.push(&unpriced());
    view.push(&failed());
    let shown = view.render(120, 40);
    assert!(!shown.contains('$'), "{shown}");
    assert!(shown.contains("cost no price  energy unknown  1 request without a known cost"), "{shown}");
    assert!(shown.contains("50.0 % errors") && shown.contains("error 429 rate_limit_exceeded"), "{shown}");
    view.push(COMPLETED);
    assert!(view.render(120, 40).contains("cost ≥ $0.009750"));
}

#[test]
fn lines_of_other_events_and_broken_ones_are_not_summed() {
    let mut view = view();
    for line in [
        r#"{"event":"llm_cost_adjusted","parent_id":"x","adjustment_usd":1}"#,
        r#"{"message":"something else"}"#,
        "not json",
        "",
    ] {
        view.push(line);
    }
    let shown = view.render(120, 40);
    assert!(shown.contains("0 requests") && shown.contains("2 lines unreadable"), "{shown}");
    assert!(shown.contains("Waiting for the first request"), "{shown}");
}

#[test]
fn it_fits_every_terminal() {
    let mut view = view();
    for number in 0..3000 {
        view.push(&unpriced().replace("your-model", &format!("一model-{}-with-a-rather-long-name", number % 40)));
    }
    for (columns, rows) in [(1, 1), (20, 6), (80, 24), (120, 40), (300, 100), (0, 0)] {
        let shown = view.render(columns, rows);
        assert!(shown.lines().count() <= usize::from(rows.max(1)), "{columns} by {rows}\n{shown}");
        let widest = shown.lines().map(|line| line.chars().count()).max().unwrap();
        assert!(widest <= usize::from(columns), "{columns} by {rows}\n{shown}");
    }
    let shown = view.render(120, 100);
    assert!(shown.contains("other") && shown.matches("10:30:17").count() == LATEST, "{shown}");
}

#[test]
fn in_a_terminal_it_is_drawn_in_place() {
    let mut view = view().with_style(Style::Colour);
    view.push(COMPLETED);
    let shown = view.render(100, 30);
    assert!(shown.starts_with("\x1b[H") && shown.ends_with("\x1b[J"));
    assert!(!shown.contains("\x1b[2J") && shown.contains("\x1b[32m"));
    assert!(!view.with_style(Style::Monochrome).render(100, 30).contains("\x1b[32m"));
}

#[test]
fn what_a_model_is_called_cannot_steer_the_terminal() {
    let mut view = view().with_style(Style::Monochrome);
    view.push(&unpriced().replace("your-model", "evil\\u001b]0;title\\u0007"));
    let shown = view.render(100, 30);
    assert!(!shown.contains('\x07') && shown.contains("evil·]0;title·"), "{shown}");
}

#[test]
fn the_rate_follows_the_lines() {
    let mut view = view();
    let start = Instant::now();
    for tenth in 0..100 {
        view.push_at(COMPLETED, start + Duration::from_millis(tenth * 100));
    }
    let shown = view.render_at(100, 30, start + Duration::from_millis(9_950));
    assert!(shown.contains("10.1 requests/s") || shown.contains("10.0 requests/s"), "{shown}");
}
