//! A value as YAML that every reader understands alike.
//!
//! Texts of several lines become blocks, plain words stay plain, and everything else is quoted as in JSON, which YAML 1.2
//! takes. Members come in the order of their names.

use std::fmt::Write as _;

use serde_json::Value;

/// Plain words that some reader takes for something else.
const NOT_WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n", "nan", "inf"];

/// Writes a document.
pub(super) fn render(value: &Value) -> String {
    let mut out = String::new();
    match value {
        Value::Object(members) if !members.is_empty() => object(&mut out, members, 0, false),
        Value::Array(items) if !items.is_empty() => array(&mut out, items, 0),
        scalar => _ = writeln!(out, "{}", flow(scalar)),
    }
    out
}

fn indent(out: &mut String, depth: usize) {
    out.extend(std::iter::repeat_n("  ", depth));
}

/// `begun` says that the first member goes on a line that has begun.
fn object(out: &mut String, members: &serde_json::Map<String, Value>, depth: usize, begun: bool) {
    for (at, (name, value)) in members.iter().enumerate() {
        if at > 0 || !begun {
            indent(out, depth);
        }
        out.push_str(&word(name));
        out.push(':');
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.push('\n');
                object(out, inner, depth + 1, false);
            }
            Value::Array(items) if !items.is_empty() => {
                out.push('\n');
                array(out, items, depth + 1);
            }
            scalar => scalar_after(out, scalar, depth + 1),
        }
    }
}

fn array(out: &mut String, items: &[Value], depth: usize) {
    for item in items {
        indent(out, depth);
        out.push('-');
        match item {
            Value::Object(inner) if !inner.is_empty() => {
                out.push(' ');
                object(out, inner, depth + 1, true);
            }
            Value::Array(inner) if !inner.is_empty() => {
                out.push('\n');
                array(out, inner, depth + 1);
            }
            scalar => scalar_after(out, scalar, depth + 1),
        }
    }
}

fn scalar_after(out: &mut String, scalar: &Value, depth: usize) {
    match scalar {
        Value::String(text) if is_block(text) => block(out, text, depth),
        other => _ = writeln!(out, " {}", flow(other)),
    }
}

/// Whether a text can stand as a block and be read back as it is.
fn is_block(text: &str) -> bool {
    let Some(lines) = text.strip_suffix('\n') else { return false };
    let printable = |c: char| c == '\n' || c == ' ' || (!c.is_control() && !c.is_whitespace() && c != '\u{feff}');
    let begins = lines.chars().next().is_some_and(|c| c != ' ' && c != '\n');
    begins && !lines.ends_with('\n') && text.chars().all(printable)
}

fn block(out: &mut String, text: &str, depth: usize) {
    out.push_str(" |\n");
    for line in text.lines() {
        if !line.is_empty() {
            indent(out, depth);
            out.push_str(line);
        }
        out.push('\n');
    }
}

fn flow(scalar: &Value) -> String {
    match scalar {
        Value::String(text) => word(text),
        Value::Object(_) => "{}".to_owned(),
        Value::Array(_) => "[]".to_owned(),
        other => other.to_string(),
    }
}

/// A text, plain if nobody can take it for something else.
fn word(text: &str) -> String {
    let begins = text.starts_with(|c: char| c.is_ascii_alphabetic());
    let inside = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '.' | '/');
    if begins && text.chars().all(inside) && !NOT_WORDS.contains(&text.to_ascii_lowercase().as_str()) {
        return text.to_owned();
    }
    quoted(text)
}

/// Quoted, and in ASCII where a reader could take a character amiss.
fn quoted(text: &str) -> String {
    let mut out = String::new();
    for c in Value::from(text).to_string().chars() {
        match c {
            '\u{7f}'..='\u{a0}' | '\u{2028}' | '\u{2029}' | '\u{feff}' | '\u{fffe}' | '\u{ffff}' => {
                _ = write!(out, "\\u{:04x}", u32::from(c));
            }
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests;
