//! What is taken of a push: limits are held as Loki holds them, and said in its words. One entry that is refused does not touch
//! the others.

use std::borrow::Cow;
use std::sync::Arc;

use http::StatusCode;
use jiff::Timestamp;
use logql::Labels;
use store::pushed::{Entry, Stream};

use super::{Pushed, PushedEntry, PushedLabels, PushedStream, Refused, discover, identity, selector};
use crate::config::PushConfig;

pub(super) const SERVICE_NAME: &str = "service_name";
const DETECTED_LEVEL: &str = "detected_level";
/// OpenTelemetry's number of a level, where somebody sends it as metadata.
const SEVERITY_NUMBER: &str = "severity_number";
/// More of what was sent is not repeated.
const MOST_REPEATED: usize = 1024;
/// More reasons are not told apart.
const MOST_REASONS: usize = 20;

/// What is taken of a push.
#[derive(Debug, Default)]
pub struct Checked {
    /// Entries for the log.
    pub entries: Vec<Entry>,
    /// Reasons for which others were refused, and how often each.
    refused: Vec<(String, u64)>,
    /// Streams beyond the limit on their number.
    streams_refused: bool,
}

impl Checked {
    /// Lines that are refused.
    #[must_use]
    pub fn refused_entries(&self) -> u64 {
        self.refused.iter().map(|(_, count)| count).sum()
    }

    /// What the sender is told of those that are refused, if there are any.
    #[must_use]
    pub fn refusal(&self) -> Option<Refused> {
        let message = match self.refused.as_slice() {
            [] => return None,
            [(reason, 1)] => reason.clone(),
            reasons => {
                let said: Vec<_> =
                    reasons.iter().map(|(reason, count)| format!("{count} errors like: {reason}")).collect();
                said.join("; ")
            }
        };
        let status = if self.streams_refused { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::BAD_REQUEST };
        Some(Refused { status, message })
    }

    fn refuse(&mut self, reason: String) {
        let known = self.refused.iter().position(|(known, _)| *known == reason);
        match known {
            // Reasons name streams; who sends many wrong ones is told of some.
            None if self.refused.len() < MOST_REASONS => self.refused.push((reason, 1)),
            known => self.refused[known.unwrap_or(MOST_REASONS - 1)].1 += 1,
        }
    }
}

/// Checks and completes a push. `now` is in nanoseconds since 1970; `streams` says of a stream whether it is being pushed to already,
/// and to how many that is done.
///
/// # Errors
/// Nothing of it can be taken.
pub fn check(
    pushed: Pushed<'_>,
    limits: &PushConfig,
    now: i64,
    streams: impl Fn(&Stream) -> (bool, usize),
) -> Result<Checked, Refused> {
    if pushed.streams.is_empty() {
        let message = "error at least one valid stream is required for ingestion".to_owned();
        return Err(Refused { status: StatusCode::UNPROCESSABLE_ENTITY, message });
    }
    let (mut checked, mut new) = (Checked::default(), Vec::new());
    for one in pushed.streams.into_iter().filter(|stream| !stream.entries.is_empty()) {
        let (entries, level, stream) = match labels(one, limits) {
            Ok(found) => found,
            Err(reason) => {
                checked.refuse(reason);
                continue;
            }
        };
        let text = || Labels::new(stream.labels()).to_string();
        let (known, count) = streams(&stream);
        if !known && !new.contains(&stream) {
            if count + new.len() >= limits.max_streams {
                checked.streams_refused = true;
                checked.refuse(too_many_streams(&text()));
                continue;
            }
            new.push(stream.clone());
        }
        for entry in entries {
            match check_entry(entry, limits, now, text) {
                Ok(entry) => checked.entries.push(complete(entry, &stream, level.as_deref(), limits)),
                Err(reason) => checked.refuse(reason),
            }
        }
    }
    Ok(checked)
}

type Labelled<'a> = (Vec<PushedEntry<'a>>, Option<String>, Arc<Stream>);

/// A stream's entries, the level that its labels tell, and its labels.
fn labels<'a>(stream: PushedStream<'a>, limits: &PushConfig) -> Result<Labelled<'a>, String> {
    let mut pairs = match stream.labels {
        PushedLabels::Selector(text) => selector::parse(&text).map_err(|error| unparsed(&text, &error))?,
        PushedLabels::Pairs(pairs) => {
            pairs.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
        }
    };
    pairs.sort();
    let text = |pairs: &[(String, String)]| shown(&Labels::new(pairs.to_vec()).to_string());
    if let Some((name, _)) = pairs.iter().find(|(name, _)| !selector::is_name(name)) {
        return Err(unparsed(&text(&pairs), &format!("{name:?} is no label's name")));
    }
    // A label without a value is none.
    pairs.retain(|(_, value)| !value.is_empty());
    if pairs.is_empty() {
        return Err("error at least one label pair is required per stream".to_owned());
    }
    identity::tell_apart(&mut pairs, &limits.reserved);
    let own = pairs.iter().filter(|(name, _)| name != SERVICE_NAME).count();
    if own == pairs.len() && !limits.service_labels.is_empty() {
        let service = discover::service(&pairs, &limits.service_labels).to_owned();
        pairs.push((SERVICE_NAME.to_owned(), service));
    }
    pairs.sort();
    if own > limits.max_labels {
        let most = limits.max_labels;
        return Err(format!("entry for stream '{}' has {own} label names; limit {most}", text(&pairs)));
    }
    for (at, (name, value)) in pairs.iter().enumerate() {
        if name.len() > limits.max_label_name_bytes {
            return Err(format!("stream '{}' has label name too long: '{}'", text(&pairs), shown(name)));
        }
        if value.len() > limits.max_label_value_bytes {
            return Err(format!("stream '{}' has label value too long: '{}'", text(&pairs), shown(value)));
        }
        if at > 0 && pairs[at - 1].0 == *name {
            return Err(format!("stream '{}' has duplicate label name: '{name}'", text(&pairs)));
        }
    }
    let level = discover::told(&pairs).map(str::to_owned);
    Ok((stream.entries, level, Arc::new(Stream::new(pairs))))
}

/// Holds an entry against the limits; cuts its line off, where that is wanted.
fn check_entry<'a>(
    mut entry: PushedEntry<'a>,
    limits: &PushConfig,
    now: i64,
    stream: impl Fn() -> String,
) -> Result<PushedEntry<'a>, String> {
    let nanos = |span: std::time::Duration| i64::try_from(span.as_nanos()).unwrap_or(i64::MAX);
    let oldest = limits.max_age.map(|age| now.saturating_sub(nanos(age)));
    if let Some(oldest) = oldest.filter(|oldest| entry.timestamp < *oldest) {
        let (at, oldest) = (seconds(entry.timestamp), seconds(oldest));
        return Err(format!(
            "entry for stream '{}' has timestamp too old: {at}, oldest acceptable timestamp is: {oldest}",
            stream()
        ));
    }
    if entry.timestamp > now.saturating_add(nanos(limits.max_future)) {
        return Err(format!("entry for stream '{}' has timestamp too new: {}", stream(), seconds(entry.timestamp)));
    }
    let (length, most) = (entry.line.len(), limits.max_line_bytes);
    if length > most && limits.truncate_lines {
        entry.line = Cow::Owned(cut(&entry.line, most).to_vec());
    } else if length > most {
        return Err(format!(
            "Max entry size '{most}' bytes exceeded for stream '{}' while adding an entry with length '{length}' bytes",
            stream()
        ));
    }
    let bytes: usize = entry.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
    if bytes > limits.max_metadata_bytes {
        let most = limits.max_metadata_bytes;
        return Err(format!(
            "stream '{}' has structured metadata too large: '{bytes}' bytes, limit: '{most}' bytes. Please see \
             `limits_config.max_structured_metadata_size` or contact your Loki administrator to increase it.",
            stream()
        ));
    }
    if entry.metadata.len() > limits.max_metadata {
        let (count, most) = (entry.metadata.len(), limits.max_metadata);
        return Err(format!(
            "stream '{}' has too many structured metadata labels: '{count}', limit: '{most}'. Please see \
             `limits_config.max_structured_metadata_entries_count` or contact your Loki administrator to increase it.",
            stream()
        ));
    }
    Ok(entry)
}

/// An entry for the log: names of metadata that are fit to be asked for, and the level.
fn complete(entry: PushedEntry<'_>, stream: &Arc<Stream>, level: Option<&str>, limits: &PushConfig) -> Entry {
    let PushedEntry { timestamp, line, metadata } = entry;
    let mut metadata: Vec<(String, String)> =
        metadata.into_iter().map(|(name, value)| (fit(&name), value.into_owned())).collect();
    if limits.discover_log_levels {
        match metadata.iter_mut().find(|(name, _)| name == DETECTED_LEVEL) {
            Some((_, value)) => {
                if let Some(usual) = discover::usual(value) {
                    usual.clone_into(value);
                }
            }
            None => {
                let severity = metadata.iter().find(|(name, _)| name == SEVERITY_NUMBER);
                let told = level.or_else(|| discover::told(&metadata));
                let level =
                    told.unwrap_or_else(|| discover::detected(severity.map(|(_, value)| value.as_str()), &line));
                if !level.is_empty() {
                    let level = level.to_owned();
                    metadata.push((DETECTED_LEVEL.to_owned(), level));
                }
            }
        }
    }
    Entry::new(stream.clone(), timestamp, metadata, &line)
}

/// A name that LogQL can ask for: what it cannot have becomes `_`.
fn fit(name: &str) -> String {
    let fits = |c: char| if c.is_ascii_alphanumeric() || c == '_' { c } else { '_' };
    let name: String = name.chars().map(fits).collect();
    if name.starts_with(|first: char| first.is_ascii_digit()) { format!("key_{name}") } else { name }
}

fn unparsed(labels: &str, error: &str) -> String {
    format!("Error parsing labels '{}' with error: {error}", shown(labels))
}

fn too_many_streams(stream: &str) -> String {
    format!(
        "Maximum active stream limit exceeded when trying to create stream {stream}, reduce the number of active streams \
         (reduce labels or reduce label values), or contact your Loki administrator to see if the limit can be increased, \
         user: 'fake'"
    )
}

fn seconds(nanos: i64) -> String {
    let whole = nanos.div_euclid(1_000_000_000);
    Timestamp::from_second(whole).map_or_else(|_| whole.to_string(), |at| at.to_string())
}

fn shown(text: &str) -> String {
    String::from_utf8_lossy(cut(text.as_bytes(), MOST_REPEATED)).into_owned()
}

/// At most so many bytes, not in the middle of a character.
fn cut(text: &[u8], most: usize) -> &[u8] {
    let end = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    let at = (most.saturating_sub(3)..=most.min(text.len())).rev().find(end).unwrap_or(most.min(text.len()));
    &text[..at.min(text.len())]
}
