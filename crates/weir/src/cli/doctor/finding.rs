//! What was found: of which part, how it is, and what to do.

use std::fmt::{Display, Write as _};
use std::io::Write as _;

use serde_json::{Value, json};

/// A part of the way from the configuration to the dashboard, in its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Machine,
    Configuration,
    DataDir,
    Ports,
    Weir,
    Providers,
    Journal,
    Followers,
    Loki,
    Prometheus,
    Grafana,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Part::Machine => "machine",
            Part::Configuration => "configuration",
            Part::DataDir => "data_dir",
            Part::Ports => "ports",
            Part::Weir => "weir",
            Part::Providers => "providers",
            Part::Journal => "journal",
            Part::Followers => "followers",
            Part::Loki => "loki",
            Part::Prometheus => "prometheus",
            Part::Grafana => "grafana",
        }
    }
}

/// How something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// As it should be.
    Sound,
    /// To be looked at.
    Warning,
    /// Something does not work.
    Fault,
}

impl State {
    const fn name(self) -> &'static str {
        match self {
            State::Sound => "sound",
            State::Warning => "warning",
            State::Fault => "fault",
        }
    }

    /// What stands in front of a line, of one width.
    const fn mark(self) -> &'static str {
        match self {
            State::Sound => "  ok   ",
            State::Warning => "  look ",
            State::Fault => "  FAULT",
        }
    }
}

#[derive(Debug)]
struct Finding {
    part: Part,
    state: State,
    /// What was looked at: a provider's name, a path, an address.
    about: String,
    found: String,
    to_do: Option<String>,
}

/// Everything that was found.
#[derive(Debug, Default)]
pub(super) struct Report(Vec<Finding>);

impl Report {
    pub(super) fn sound(&mut self, part: Part, about: impl Display, found: impl Display) {
        self.add(part, State::Sound, about, found, None);
    }

    pub(super) fn warning(&mut self, part: Part, about: impl Display, found: impl Display, to_do: impl Display) {
        self.add(part, State::Warning, about, found, Some(to_do.to_string()));
    }

    pub(super) fn fault(&mut self, part: Part, about: impl Display, found: impl Display, to_do: impl Display) {
        self.add(part, State::Fault, about, found, Some(to_do.to_string()));
    }

    fn add(&mut self, part: Part, state: State, about: impl Display, found: impl Display, to_do: Option<String>) {
        self.0.push(Finding { part, state, about: about.to_string(), found: found.to_string(), to_do });
    }

    /// Whether there is no fault.
    pub(super) fn is_sound(&self) -> bool {
        self.count(State::Fault) == 0
    }

    fn count(&self, state: State) -> usize {
        self.0.iter().filter(|finding| finding.state == state).count()
    }

    /// Writes it to stdout. Where nobody reads any more it is lost, and nothing else is.
    pub(super) fn print(&self, as_json: bool) {
        let text = if as_json { format!("{:#}\n", self.to_json()) } else { self.to_text() };
        let _ = std::io::stdout().lock().write_all(text.as_bytes());
    }

    fn to_json(&self) -> Value {
        let finding = |finding: &Finding| {
            json!({
                "part": finding.part.name(), "about": finding.about, "state": finding.state.name(),
                "found": finding.found, "to_do": finding.to_do,
            })
        };
        json!({
            "sound": self.is_sound(),
            "faults": self.count(State::Fault),
            "warnings": self.count(State::Warning),
            "findings": self.0.iter().map(finding).collect::<Vec<_>>(),
        })
    }

    pub(super) fn to_text(&self) -> String {
        let mut out = String::new();
        let mut part = None;
        for finding in &self.0 {
            if part != Some(finding.part) {
                part = Some(finding.part);
                // Writing to memory cannot fail.
                let _ = writeln!(out, "{}", finding.part.name());
            }
            let _ = writeln!(out, "{}  {}: {}", finding.state.mark(), finding.about, finding.found);
            for line in finding.to_do.iter().flat_map(|to_do| to_do.lines()) {
                let _ = writeln!(out, "         → {line}");
            }
        }
        let (faults, warnings) = (self.count(State::Fault), self.count(State::Warning));
        let many = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let _ = match faults {
            0 => writeln!(out, "\nno fault, {}", many(warnings, "warning")),
            _ => writeln!(
                out,
                "\n{}, {}; docs/troubleshooting.md has more",
                many(faults, "fault"),
                many(warnings, "warning")
            ),
        };
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_is_told_from_a_warning() {
        let mut report = Report::default();
        report.sound(Part::Machine, "clock", "right");
        report.warning(Part::DataDir, "/x", "small", "make it larger");
        assert!(report.is_sound());
        assert_eq!(
            report.to_text(),
            "machine\n  ok     clock: right\ndata_dir\n  look   /x: small\n         → make it larger\n\nno fault, 1 warning\n"
        );
        report.fault(Part::DataDir, "/y", "gone", "bring it back\nor not");
        assert!(
            !report.is_sound()
                && report.to_text().contains("FAULT  /y: gone\n         → bring it back\n         → or not")
        );
        let value = report.to_json();
        assert_eq!((&value["sound"], &value["faults"], &value["warnings"]), (&false.into(), &1.into(), &1.into()));
        assert_eq!(value["findings"][2]["state"], "fault");
        assert_eq!(value["findings"][0]["to_do"], Value::Null);
    }
}
