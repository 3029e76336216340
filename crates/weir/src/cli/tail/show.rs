//! A Record as people read it: one line.

use std::fmt::Write as _;

use serde_json::{Map, Value};

/// Letters of an error's sentence that are shown.
const MAX_SENTENCE: usize = 120;

/// Escape sequences, or nothing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Colors {
    good: &'static str,
    bad: &'static str,
    odd: &'static str,
    dim: &'static str,
    off: &'static str,
}

impl Colors {
    pub(super) const ON: Colors =
        Colors { good: "\x1b[32m", bad: "\x1b[31m", odd: "\x1b[33m", dim: "\x1b[2m", off: "\x1b[0m" };
    pub(super) const OFF: Colors = Colors { good: "", bad: "", odd: "", dim: "", off: "" };
}

/// Time, outcome, who was asked for what, tokens, cost, duration, who asked, and what went wrong.
pub(super) fn line(record: &Map<String, Value>, colors: Colors) -> String {
    let text = |name: &str| record.get(name).and_then(Value::as_str).map(printable);
    let number = |name: &str| record.get(name).and_then(Value::as_f64);
    let Colors { good, bad, odd, dim, off } = colors;
    let mut out = String::new();
    // Writing to memory cannot fail.
    let time = text("timestamp").unwrap_or_default();
    let _ = write!(out, "{dim}{}{off}  ", time.get(11..19).unwrap_or("--:--:--"));
    let status = text("status").unwrap_or_default();
    let color = match status.as_str() {
        "success" => good,
        "error" => bad,
        _ => odd,
    };
    let _ = write!(out, "{color}{status:<9}{off}  ");
    let asked = text("model").or_else(|| text("api")).unwrap_or_default();
    let provider = text("provider").map(|provider| format!(" @ {provider}")).unwrap_or_default();
    let _ = write!(out, "{:<32}", format!("{asked}{provider}"));
    let tokens = number("input_tokens").zip(number("output_tokens"));
    let tokens = tokens.map(|(input, output)| format!("{input} \u{2192} {output} tokens")).unwrap_or_default();
    let cost = number("cost_usd").map(|cost| format!("{cost} USD")).or_else(|| text("cost_status")).unwrap_or_default();
    let _ = write!(out, "  {tokens:>20}  {cost:>16}  {:>9.3} s", number("processing_time_seconds").unwrap_or(0.0));
    for name in ["key", "user_id"] {
        if let Some(who) = text(name) {
            let _ = write!(out, "  {dim}{who}{off}");
        }
    }
    if let Some(error) = text("error_type").filter(|_| status != "success") {
        let code = number("status_code").map(|code| format!("{code} ")).unwrap_or_default();
        let sentence: String = text("error_message").unwrap_or_default().chars().take(MAX_SENTENCE).collect();
        let _ = write!(out, "  {color}{code}{error}{off} {sentence}");
    }
    out.trim_end().to_owned()
}

/// What others wrote must not move a terminal's cursor.
fn printable(text: &str) -> String {
    let hidden = |c: char| {
        c.is_control() || matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
    };
    text.chars().map(|c| if hidden(c) { char::REPLACEMENT_CHARACTER } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_people() {
        let record = serde_json::json!({
            "timestamp": "2025-08-06T10:30:15.123000000Z", "status": "success", "model": "gpt-4", "provider": "openai",
            "input_tokens": 25, "output_tokens": 150, "cost_usd": 0.00975, "processing_time_seconds": 2.345, "key": "alice"
        });
        assert_eq!(
            line(record.as_object().unwrap(), Colors::OFF),
            "10:30:15  success    gpt-4 @ openai                         25 \u{2192} 150 tokens       0.00975 USD      2.345 s  alice"
        );
    }

    #[test]
    fn nothing_of_others_reaches_the_terminal_as_it_is() {
        let record = serde_json::json!({
            "timestamp": "2025-08-06T10:30:15.123000000Z", "status": "error", "model": "\x1b]0;x\x07\r\n\u{202e}",
            "error_type": "a\x1b[2J", "error_message": "b\x1b[H", "user_id": "\x1b[31m", "status_code": 502
        });
        let shown = line(record.as_object().unwrap(), Colors::OFF);
        assert!(!shown.contains(|c: char| c.is_control() || c == '\u{202e}'), "{shown:?}");
        assert!(shown.contains("502 a\u{fffd}[2J b\u{fffd}[H"), "{shown}");
        let colored = line(record.as_object().unwrap(), Colors::ON);
        assert!(colored.contains("\x1b[31merror    \x1b[0m"), "{colored:?}");
    }
}
