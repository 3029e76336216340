//! What is wrong with a text that is no configuration, in a sentence that shows nothing of what was written.

use crate::config::ConfigError;

/// The mistake with its place, the setting in its line, and what was probably meant.
pub(super) fn of(text: &str, error: &toml::de::Error) -> ConfigError {
    let start = error.span().map(|span| span.start);
    let setting = start.and_then(|start| setting(text, start)).map(|name| format!("{name}: "));
    let reason = reason(error.message());
    let hint = hint(&reason).map(|name| format!("\ndid you mean `{name}`?")).unwrap_or_default();
    let setting = setting.filter(|_| !reason.starts_with("unknown field")).unwrap_or_default();
    let text = format!("{setting}{reason}{hint}");
    ConfigError::Malformed { offset: start, text }
}

/// The setting that stands in the line of an offset.
fn setting(text: &str, offset: usize) -> Option<&str> {
    let start = text.get(..offset)?.rfind('\n').map_or(0, |at| at + 1);
    let (name, _) = text[start..].lines().next()?.split_once('=')?;
    let name = name.trim();
    (name.len() <= 40 && name.bytes().all(of_a_setting)).then_some(name)
}

fn of_a_setting(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == b'_'
}

/// What TOML and serde say is wrong, without what was written: no line of the file, no value, and no name but one that looks
/// like a setting's. Whoever writes a key in the wrong place does not find it in a log.
fn reason(message: &str) -> String {
    let (said, expected) = message.split_at(message.rfind(", expected").unwrap_or(message.len()));
    if said.starts_with("invalid type: ") || said.starts_with("invalid value: ") {
        return format!("{}{expected}", said[..said.find(['"', '`']).unwrap_or(said.len())].trim_end());
    }
    let Some(what) = ["unknown field", "unknown variant"].into_iter().find(|what| message.starts_with(what)) else {
        return message.to_owned();
    };
    let (name, known) = message[what.len()..].rsplit_once("`, expected ").unwrap_or_default();
    let name = name.trim_start_matches([' ', '`']);
    let short = name.len() <= 12 && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || of_a_setting(byte));
    let is_setting = short || (name.len() <= 40 && name.bytes().all(of_a_setting));
    if what == "unknown field" && is_setting {
        format!("{what} `{name}`, expected {known}")
    } else {
        format!("{what}, expected {known}")
    }
}

/// Out of serde's "unknown field `listn`, expected one of `listen`, …": the name that is meant, if one is close.
fn hint(message: &str) -> Option<String> {
    let mut names = message.strip_prefix("unknown field ")?.split('`').skip(1).step_by(2);
    let wrong = names.next()?;
    names
        .map(|name| (distance(wrong, name), name))
        .filter(|(distance, name)| *distance <= 1 + name.len() / 4)
        .min()
        .map(|(_, name)| name.to_owned())
}

/// The edits between two words (Levenshtein).
fn distance(a: &str, b: &str) -> usize {
    let b: Vec<char> = b.chars().collect();
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, left) in a.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, right) in b.iter().enumerate() {
            let replaced = diagonal + usize::from(left != *right);
            diagonal = row[j + 1];
            row[j + 1] = replaced.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
