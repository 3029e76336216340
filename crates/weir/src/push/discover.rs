//! What Loki adds to what it is sent: the label `service_name`, and the metadata `detected_level`.

use std::borrow::Cow;

use logql::stage::logfmt::Logfmt;
use meter::json::{self, Malformed};

/// Where nothing names the service.
const UNKNOWN_SERVICE: &str = "unknown_service";

/// Where nothing tells the level.
const UNKNOWN: &str = "unknown";

/// Names under which a level is looked for, in this order: Loki's `log_level_fields`.
const LEVEL_FIELDS: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// How deep in JSON a level is looked for: Loki's `log_level_from_json_max_depth`.
const JSON_DEPTH: usize = 2;

/// What levels are called, and what they are: the words that stand for each.
const LEVELS: [(&str, &str); 14] = [
    ("trace", "trace"),
    ("trc", "trace"),
    ("debug", "debug"),
    ("dbg", "debug"),
    ("info", "info"),
    ("inf", "info"),
    ("information", "info"),
    ("warn", "warn"),
    ("wrn", "warn"),
    ("warning", "warn"),
    ("error", "error"),
    ("err", "error"),
    ("critical", "critical"),
    ("fatal", "fatal"),
];

/// Words that tell the level of a line that has no fields, in the order in which they are looked for.
const WORDS: [(&str, &str); 9] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("fatal", "fatal"),
    ("critical", "critical"),
    ("error", "error"),
    ("err", "error"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("info", "info"),
];

/// The service that a stream without `service_name` belongs to.
pub(super) fn service<'a>(labels: &'a [(String, String)], names: &[String]) -> &'a str {
    let value = |name: &String| labels.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str());
    names.iter().filter_map(value).find(|value| !value.is_empty()).unwrap_or(UNKNOWN_SERVICE)
}

/// A level by its usual name, where it is one.
pub(super) fn usual(level: &str) -> Option<&'static str> {
    LEVELS.iter().find(|(word, _)| word.eq_ignore_ascii_case(level)).map(|(_, level)| *level)
}

/// The level that labels or metadata tell.
pub(super) fn told<N: AsRef<str>, V: AsRef<str>>(pairs: &[(N, V)]) -> Option<&str> {
    let value = |field: &&str| pairs.iter().find(|(name, _)| name.as_ref() == *field).map(|(_, value)| value.as_ref());
    let level = LEVEL_FIELDS.iter().find_map(value)?;
    Some(usual(level).unwrap_or(level))
}

/// The level of an entry whose labels and metadata tell none: from the severity number of OpenTelemetry, else from the line.
pub(super) fn detected(severity_number: Option<&str>, line: &[u8]) -> &'static str {
    match severity_number.filter(|number| !number.is_empty()).map(str::parse::<i64>) {
        None => of_line(line),
        Some(Err(_)) => "info",
        Some(Ok(number)) => match number {
            0 | 25.. => UNKNOWN,
            ..=4 => "trace",
            5..=8 => "debug",
            9..=12 => "info",
            13..=16 => "warn",
            17..=20 => "error",
            21..=24 => "fatal",
        },
    }
}

fn of_line(line: &[u8]) -> &'static str {
    let field = if line.trim_ascii().first() == Some(&b'{') && line.trim_ascii().last() == Some(&b'}') {
        in_json(line, JSON_DEPTH).1.map(|level| Cow::Owned(json::text(level)))
    } else if line.contains(&b'=') {
        in_logfmt(line).map(Cow::Owned)
    } else {
        None
    };
    field.and_then(|level: Cow<'_, str>| usual(&level)).unwrap_or_else(|| by_word(line))
}

/// The first text under one of the names, in the order of the line. Whether all of it was read, too: what is broken ends the search.
fn in_json(object: &[u8], depth: usize) -> (Result<(), Malformed>, Option<&[u8]>) {
    for member in json::members(object) {
        let member = match member {
            Ok(member) => member,
            Err(error) => return (Err(error), None),
        };
        match member.value {
            [b'"', text @ .., b'"'] if LEVEL_FIELDS.iter().any(|name| name.as_bytes() == member.key) => {
                return (Ok(()), Some(text));
            }
            [b'{', ..] if depth > 1 => match in_json(member.value, depth - 1) {
                (Ok(()), None) => {}
                found => return found,
            },
            _ => {}
        }
    }
    (Ok(()), None)
}

/// The value under the foremost of the names.
fn in_logfmt(line: &[u8]) -> Option<String> {
    let mut found: Option<(usize, String)> = None;
    let logfmt = Logfmt::new(&[], false, true).ok()?;
    let looked = logfmt.extract(line, &mut |name, value| {
        let place = LEVEL_FIELDS.iter().position(|field| field.eq_ignore_ascii_case(name));
        if let Some(place) = place
            && found.as_ref().is_none_or(|(before, _)| place < *before)
        {
            found = Some((place, json::text(value.unwrap_or_default())));
        }
        place != Some(0)
    });
    looked.ok()?;
    found.map(|(_, level)| level)
}

/// The level by the words of the line: each is looked at where it stands first.
fn by_word(line: &[u8]) -> &'static str {
    let lower = line.to_ascii_lowercase();
    let inside = |at: Option<&u8>| at.is_some_and(|byte| byte.is_ascii_alphanumeric() || *byte == b'_');
    let stands = |word: &str| {
        memchr::memmem::find(&lower, word.as_bytes()).is_some_and(|at| {
            !inside(at.checked_sub(1).and_then(|before| lower.get(before))) && !inside(lower.get(at + word.len()))
        })
    };
    WORDS.iter().find(|(word, _)| stands(word)).map_or(UNKNOWN, |(_, level)| *level)
}
