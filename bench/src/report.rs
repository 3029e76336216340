//! What was measured, as Markdown between markers.

use std::fmt::Write;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result};

use crate::plan::Plan;

const BEGIN: &str = "<!-- begin: written by `make bench` -->";
const END: &str = "<!-- end -->";
const NEW_PAGE: &str =
    "# Benchmarks\n\nWeir beside nginx, measured by `make bench`; how is told in `bench/README.md`.\n\n";

/// One line of the summary.
#[derive(Debug)]
pub(crate) struct Figure {
    pub(crate) what: String,
    pub(crate) nginx: String,
    pub(crate) weir: String,
    pub(crate) wanted: Wanted,
}

/// What a figure should be.
#[derive(Debug)]
pub(crate) enum Wanted {
    /// Weir's median over nginx's.
    Ratio { measured: f64, at_most: f64 },
    /// In the unit of the figure.
    Below { measured: f64, limit: f64, unit: &'static str },
    /// Told, not judged; a ratio where there is one.
    Stated(Option<f64>),
}

impl Wanted {
    fn cells(&self) -> (String, String, &'static str) {
        let ratio = |value: f64| format!("{value:.2}");
        let verdict = |good: bool| if good { "met" } else { "**MISSED**" };
        match *self {
            Wanted::Ratio { measured, at_most } => {
                (ratio(measured), format!("≤ {at_most:.1}"), verdict(measured <= at_most))
            }
            Wanted::Below { measured, limit, unit } => {
                ("".to_owned(), format!("< {limit:.0} {unit}"), verdict(measured < limit))
            }
            Wanted::Stated(value) => (value.map(ratio).unwrap_or_default(), "stated".to_owned(), ""),
        }
    }
}

/// One measurement: its figures for the summary and a table of every run.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) title: &'static str,
    pub(crate) about: String,
    pub(crate) columns: &'static [&'static str],
    pub(crate) rows: Vec<Vec<String>>,
    pub(crate) figures: Vec<Figure>,
}

/// Everything measured.
#[derive(Debug)]
pub(crate) struct Report {
    machine: Vec<(&'static str, String)>,
    quick: bool,
    sections: Vec<Section>,
}

impl Report {
    pub(crate) fn new(machine: Vec<(&'static str, String)>, plan: &Plan) -> Self {
        Report { machine, quick: plan.quick, sections: Vec::new() }
    }

    /// Adds a section, and tells of it at once: a whole benchmark takes minutes.
    pub(crate) fn add(&mut self, section: Section) {
        for figure in &section.figures {
            let (ratio, wanted, verdict) = figure.wanted.cells();
            eprintln!("{}: nginx {}, weir {} {ratio} ({wanted}) {verdict}", figure.what, figure.nginx, figure.weir);
        }
        self.sections.push(section);
    }

    pub(crate) fn render(&self) -> String {
        let mut text = String::new();
        if self.quick {
            text.push_str("A quick trial: one short run of each, no figure to rely on.\n\n");
        }
        let summary = self.sections.iter().flat_map(|section| &section.figures).map(|figure| {
            let (ratio, wanted, verdict) = figure.wanted.cells();
            vec![figure.what.clone(), figure.nginx.clone(), figure.weir.clone(), ratio, wanted, verdict.to_owned()]
        });
        text.push_str(&table(&["", "nginx", "weir", "ratio", "wanted", ""], summary));
        text.push_str("\n### Where\n\n");
        text.push_str(&table(
            &["", ""],
            self.machine.iter().map(|(name, value)| vec![(*name).to_owned(), value.clone()]),
        ));
        text.push_str(
            "\n`CPU used` and `others` are percent of one processor: the proxy's, and what programs outside the benchmark took \
             meanwhile.\n",
        );
        for section in &self.sections {
            // Writing to a String cannot fail.
            let _ = write!(text, "\n### {}\n\n{}\n\n", section.title, section.about);
            text.push_str(&table(section.columns, section.rows.iter().cloned()));
        }
        text
    }
}

fn table(columns: &[&str], rows: impl Iterator<Item = Vec<String>>) -> String {
    let mut text = format!("| {} |\n|{}\n", columns.join(" | "), "---|".repeat(columns.len()));
    for row in rows {
        let _ = writeln!(text, "| {} |", row.join(" | "));
    }
    text
}

/// Puts the text between the markers of a page, and makes the page where there is none.
pub(crate) fn splice(path: &Path, text: &str) -> Result<()> {
    let page = fs::read_to_string(path).unwrap_or_else(|_| format!("{NEW_PAGE}{BEGIN}\n{END}\n"));
    if let Some(directory) = path.parent() {
        fs::create_dir_all(directory)?;
    }
    fs::write(
        path,
        spliced(&page, text).with_context(|| format!("{} has no markers {BEGIN} … {END}", path.display()))?,
    )?;
    Ok(())
}

fn spliced(page: &str, text: &str) -> Option<String> {
    let (before, rest) = page.split_once(BEGIN)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{BEGIN}\n\n{text}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_between_the_markers_is_replaced() {
        let page = format!("before\n{BEGIN}\nold\n{END}\nafter\n");
        let once = spliced(&page, "new\n");
        assert_eq!(once, Some(format!("before\n{BEGIN}\n\nnew\n\n{END}\nafter\n")));
        assert_eq!(once.as_deref().and_then(|page| spliced(page, "new\n")), once);
        assert_eq!(spliced("no markers", "new"), None);
    }

    #[test]
    fn a_miss_is_marked() {
        assert_eq!(Wanted::Ratio { measured: 2.01, at_most: 2.0 }.cells().2, "**MISSED**");
        assert_eq!(Wanted::Ratio { measured: 2.0, at_most: 2.0 }.cells().2, "met");
        // A measurement that gave no number has not been met.
        assert_eq!(Wanted::Ratio { measured: f64::NAN, at_most: 2.0 }.cells().2, "**MISSED**");
        assert_eq!(Wanted::Below { measured: 60.0, limit: 60.0, unit: "MB" }.cells().2, "**MISSED**");
    }
}
