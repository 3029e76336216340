//! The journal: whether requests come, and whether their lines are what they should be.

use std::io;
use std::path::Path;

use meter::time;
use serde_json::Value;
use store::journal::{Reader, next_line};

use super::finding::{Part, Report};
use super::process::Running;
use crate::config::Config;
use crate::recorder;

/// How many of the newest lines are looked at.
const NEWEST: u64 = 500;
const SECOND: u64 = 1_000_000_000;

/// A Record, as far as it is looked for elsewhere.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Line {
    /// Its `request_id`.
    pub(super) id: String,
    /// Its `timestamp`, in nanoseconds since 1970.
    pub(super) at: u64,
}

/// The newest Records, oldest first, and how many lines there ever were.
#[derive(Debug, Default)]
pub(super) struct Written {
    /// The newest.
    pub(super) newest: Vec<Line>,
    /// The number that the next line gets.
    pub(super) next: u64,
    wrong: u64,
}

pub(super) fn examine(config: &Config, running: Option<&Running>, report: &mut Report) -> Written {
    let dir = config.data_dir.join("journal");
    let place = dir.display();
    let written = match read(&dir) {
        Ok(written) => written,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if running.is_some() {
                let to_do = "name the running Weir's directory with --data-dir";
                report.warning(Part::Journal, place, "is not there, although a Weir runs", to_do);
            } else {
                report.sound(Part::Journal, place, "is not there yet");
            }
            return Written::default();
        }
        Err(error) => {
            report.fault(Part::Journal, place, error, "run the doctor as the user who runs Weir");
            return Written::default();
        }
    };
    if written.wrong > 0 {
        let found = format!("{} of the newest lines are no Records", written.wrong);
        let to_do = "nothing but Weir may write there; set such files aside while Weir is stopped";
        report.fault(Part::Journal, &place, found, to_do);
    }
    match written.newest.last() {
        Some(last) => {
            let ago = recorder::now().saturating_sub(last.at) / SECOND;
            report.sound(Part::Journal, place, format!("{} lines so far, the newest {ago} s old", written.next - 1));
        }
        None => {
            let to_do = format!(
                "send a request: curl http://{}/v1/models; clients need their base URL changed to end in /v1 here",
                config.listen
            );
            report.warning(Part::Journal, place, "has no Record yet, so every panel is empty", to_do);
        }
    }
    written
}

fn read(dir: &Path) -> io::Result<Written> {
    let next = next_line(dir)?;
    let mut reader = Reader::new(dir, next.saturating_sub(NEWEST).max(1));
    let mut written = Written { next, ..Written::default() };
    while let Some(batch) = reader.read()? {
        for line in batch.lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()) {
            let value = serde_json::from_slice::<Value>(line).unwrap_or_default();
            match parse(&value) {
                Some(line) => written.newest.push(line),
                // A line that says more of an earlier Record is no request's own.
                None if value["logger_name"] == "llm-metrics" => {}
                None => written.wrong += 1,
            }
        }
        // A Weir at work writes on; what was there is enough.
        if reader.next() >= next {
            break;
        }
    }
    Ok(written)
}

/// What is looked for of a Record; `None` of what is none.
pub(super) fn parse(record: &Value) -> Option<Line> {
    record["event"].as_str().filter(|event| event.starts_with("llm_request_"))?;
    let at = time::parse(record["timestamp"].as_str()?.as_bytes())?;
    Some(Line { id: record["request_id"].as_str()?.to_owned(), at })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_are_no_records_are_counted() {
        let dir = tempfile::tempdir().unwrap();
        let record = |id: &str| {
            let event = "\"logger_name\":\"llm-metrics\",\"event\":\"llm_request_completed\"";
            format!("{{\"timestamp\":\"2026-11-23T10:00:00.000000001Z\",{event},\"request_id\":\"{id}\"}}\n")
        };
        let other = "{\"logger_name\":\"llm-metrics\",\"event\":\"price_restated\"}\n";
        let text = format!("{}not json\n{other}{{\"event\":\"x\"}}\n{}", record("a"), record("b"));
        std::fs::write(dir.path().join("00000000000000000001.jsonl"), text).unwrap();
        let written = read(dir.path()).unwrap();
        let ids: Vec<&str> = written.newest.iter().map(|line| line.id.as_str()).collect();
        assert_eq!((ids, written.next, written.wrong), (vec!["a", "b"], 6, 2));
        assert_eq!(written.newest[0].at % SECOND, 1);
    }
}
