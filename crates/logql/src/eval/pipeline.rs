//! The stages of a query, compiled, and an entry on its way through them.

use std::borrow::Cow;

use super::error::EvalError;
use super::filter::{LabelTest, LineTest};
use super::hint::{Hint, filter_names};
use super::row::{DETAILS, ERROR, PRESERVED, Row};
use crate::source::{Batch, FieldSet, LabelMatcher, Lines, Origin, Test};
use crate::stage::json::{self, Paths};
use crate::stage::logfmt::Logfmt;
use crate::stage::pattern::Pattern;
use crate::stage::regexp::Regexp;
use crate::stage::{ParamError, StageError, decolorize, unpack};
use crate::syntax::ast::{
    Extraction, LabelFilter, LabelFormat, LabelSource, LineFilter, NamedMatcher, Stage, StageKind,
};
use crate::syntax::check;
use crate::template::Template;

const TEMPLATE_ERROR: &str = "TemplateFormatErr";

/// Stages, in the order in which they run: filters of lines as early as they may.
pub(super) struct Pipeline {
    pub(super) stages: Vec<Step>,
    pub(super) hint: Hint,
    /// What a source may be asked.
    pub(super) tests: Vec<Test>,
    /// If no stage changes lines or labels: whether `| json` adds to labels.
    untouched: Option<bool>,
}

/// A stage, compiled.
pub(super) struct Step {
    pub(super) run: Run,
    /// Of those that were pushed to the source as a [`crate::source::Test`], which one.
    pub(super) test: Option<usize>,
}

pub(super) enum Run {
    Line { test: LineTest, filter: LineFilter },
    Labels(LabelTest),
    Json,
    Paths { paths: Paths, labels: Vec<String> },
    Logfmt { logfmt: Logfmt, labels: Vec<String> },
    Pattern(Pattern),
    Regexp(Regexp),
    Unpack,
    Decolorize,
    LineFormat(Template),
    LabelFormat(Vec<(String, Format)>),
    Drop(Vec<Named>),
    Keep(Vec<Named>),
}

pub(super) enum Format {
    Rename(String),
    Template(Template),
}

pub(super) enum Named {
    Name(String),
    Matcher(LabelMatcher),
}

/// Whether the entry stays.
pub(super) type Passed = Result<bool, EvalError>;

impl Pipeline {
    pub(super) fn new(stages: &[Stage], hint: Hint) -> Result<Self, ParamError> {
        let (mut steps, mut tests) = (Vec::new(), Vec::new());
        // Whether nothing yet has changed the line or the labels, whether `| json` has added to them, and whether a filter may have
        // left an error: filters of addresses let pass what has one.
        let (mut pristine, mut parsed, mut may_fail) = (true, false, false);
        for stage in reorder(stages) {
            let test = match &stage.kind {
                StageKind::LineFilter(filter) => Some(Test::Line(filter.clone())),
                StageKind::LabelFilter(filter) => {
                    may_fail |= reads_values(filter);
                    let tells = is_plain(filter) && !(may_fail && asks_addresses(filter));
                    tells.then(|| Test::Label { filter: filter.clone(), parsed })
                }
                StageKind::Json(fields) if fields.is_empty() => {
                    parsed = true;
                    None
                }
                _ => {
                    pristine = false;
                    None
                }
            };
            let test = test.filter(|_| pristine).map(|test| {
                tests.push(test);
                tests.len() - 1
            });
            steps.push(Step { run: compile(&stage.kind)?, test });
        }
        Ok(Self { stages: steps, hint, tests, untouched: pristine.then_some(parsed) })
    }

    /// What a source may be asked if `filter` comes behind all stages.
    pub(super) fn test_behind(&self, filter: LabelFilter) -> Option<Test> {
        self.untouched.filter(|_| is_plain(&filter)).map(|parsed| Test::Label { filter, parsed })
    }

    /// Whether lines are looked at, whatever a source promises.
    pub(super) fn reads_lines(&self) -> bool {
        self.stages.iter().any(|step| {
            !matches!(step.run, Run::Line { .. } | Run::Labels(_) | Run::Json | Run::Drop(_) | Run::Keep(_))
        })
    }

    /// The labels that are looked at.
    pub(super) fn fields(&self) -> FieldSet {
        match &self.hint {
            hint if hint.nothing => FieldSet::Some(Vec::new()),
            hint if hint.required.is_empty() => FieldSet::All,
            hint => FieldSet::Some(hint.required.clone()),
        }
    }

    /// Takes an entry of a batch through all stages.
    pub(super) fn process(&self, batch: &Batch, at: usize, row: &mut Row) -> Passed {
        row.begin(batch.stream(at), batch.timestamps[at]);
        for column in batch.columns.iter().filter(|column| column.origin == Origin::Metadata) {
            if let Some(value) = column.text(at) {
                row.add_metadata(&column.name, &value);
            }
        }
        let mut line = Line { lines: &*batch.lines, at, changed: false };
        for step in &self.stages {
            if !self.step(&step.run, batch, &mut line, row)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn step(&self, run: &Run, batch: &Batch, line: &mut Line, row: &mut Row) -> Passed {
        match run {
            Run::Line { test, .. } => return Ok(test.passes(line.read(row)?)),
            Run::Labels(test) => return Ok(test.passes(row)),
            Run::Json if batch.promise.json && !line.changed => self.take_columns(batch, line.at, row),
            Run::Json | Run::Paths { .. } | Run::Logfmt { .. } | Run::Pattern(_) | Run::Regexp(_) | Run::Unpack => {
                if !self.hint.nothing && !self.hint.is_satisfied(row) {
                    line.read(row)?;
                    line.changed |= matches!(run, Run::Unpack);
                    self.parse(run, row);
                }
            }
            Run::Decolorize => {
                line.read(row)?;
                line.changed = true;
                if let Cow::Owned(plain) = decolorize::decolorize(&row.line) {
                    row.line = plain;
                }
            }
            Run::LineFormat(template) => {
                line.read(row)?;
                line.changed = true;
                let mut formatted = Vec::new();
                match template.render(row, &mut formatted) {
                    Ok(()) => row.line = formatted,
                    Err(error) => row.fail(TEMPLATE_ERROR, &error.to_string()),
                }
            }
            Run::LabelFormat(formats) => {
                if formats
                    .iter()
                    .any(|(_, format)| matches!(format, Format::Template(template) if template.reads_line()))
                {
                    line.read(row)?;
                }
                format_labels(formats, row);
            }
            Run::Drop(names) => names.iter().for_each(|name| drop_label(name, row)),
            Run::Keep(names) => keep_labels(names, row),
        }
        Ok(true)
    }

    /// `| json` where the columns are what it would find.
    fn take_columns(&self, batch: &Batch, at: usize, row: &mut Row) {
        if self.hint.nothing || self.hint.is_satisfied(row) {
            return;
        }
        for column in batch.columns.iter().filter(|column| column.origin == Origin::Parsed) {
            let name = row.parsed_name(&column.name);
            if self.hint.wants(&name)
                && let Some(value) = column.text(at)
                && !row.was_parsed(&name)
            {
                row.set(Origin::Parsed, &name, &value);
            }
        }
    }

    /// Takes the line out of the row for as long as it is read.
    fn parse(&self, run: &Run, row: &mut Row) {
        let line = std::mem::take(&mut row.line);
        let (result, changed) = self.parse_line(run, &line, row);
        row.line = changed.unwrap_or(line);
        let Err(error) = result else { return };
        row.fail(error.kind, &error.details);
        if self.hint.preserves_errors {
            row.set(Origin::Parsed, PRESERVED, "true");
        } else {
            row.delete(PRESERVED);
        }
    }

    fn parse_line(&self, run: &Run, line: &[u8], row: &mut Row) -> (Result<(), StageError>, Option<Vec<u8>>) {
        let hint = &self.hint;
        let result = match run {
            Run::Json => json::extract(line, &mut |prefix| hint.wants_prefix(prefix), &mut |name, value| {
                take_field(hint, row, name, value)
            }),
            Run::Unpack => return unpack_line(hint, line, row),
            Run::Pattern(pattern) => {
                pattern.extract(line, &mut |name, value| take_field(hint, row, name, value));
                Ok(())
            }
            Run::Regexp(regexp) => {
                regexp.extract(line, &mut |name, value| take_field(hint, row, name, value));
                Ok(())
            }
            Run::Logfmt { logfmt, labels } if labels.is_empty() => {
                logfmt.extract(line, &mut |name, value| value.is_none_or(|value| take_field(hint, row, name, value)))
            }
            Run::Logfmt { logfmt, labels } => {
                let result = logfmt.extract(line, &mut |name, value| take_wanted(row, name, value));
                fill_up(labels, row);
                result
            }
            Run::Paths { paths, labels } => {
                let result = paths.extract(line, &mut |name, value| take_wanted(row, name, value));
                if result.is_ok() {
                    fill_up(labels, row);
                }
                result
            }
            _ => Ok(()),
        };
        (result, None)
    }
}

/// What a parser of everything found; `false` when it may stop.
fn take_field(hint: &Hint, row: &mut Row, name: &str, value: &[u8]) -> bool {
    let name = row.parsed_name(name);
    if hint.wants(&name) && !row.was_parsed(&name) {
        row.set(Origin::Parsed, &name, &String::from_utf8_lossy(value));
        return !hint.is_satisfied(row);
    }
    true
}

/// What a parser of listed labels found.
fn take_wanted(row: &mut Row, name: &str, value: Option<&[u8]>) -> bool {
    if let Some(value) = value {
        let name = row.parsed_name(name);
        row.set(Origin::Parsed, &name, &String::from_utf8_lossy(value));
    }
    true
}

/// Listed labels that were not found are there, empty.
fn fill_up(labels: &[String], row: &mut Row) {
    for label in labels {
        if row.get(label).is_none() {
            row.set(Origin::Parsed, label, "");
        }
    }
}

fn unpack_line(hint: &Hint, line: &[u8], row: &mut Row) -> (Result<(), StageError>, Option<Vec<u8>>) {
    let mut found = Vec::new();
    let result = unpack::unpack(line, &mut |name, value| {
        found.push((name.to_owned(), value.to_owned()));
        true
    });
    match result {
        Ok(Some(entry)) => {
            for (name, value) in found {
                take_field(hint, row, &name, &value);
            }
            (Ok(()), Some(entry))
        }
        Ok(None) => (Ok(()), None),
        Err(error) => (Err(error), None),
    }
}

/// The line of a row, read when a stage first wants it.
struct Line<'a> {
    lines: &'a dyn Lines,
    at: usize,
    /// Whether a stage may have put another one in its place.
    changed: bool,
}

impl Line<'_> {
    fn read<'r>(&mut self, row: &'r mut Row) -> Result<&'r [u8], EvalError> {
        if !row.has_line {
            row.has_line = true;
            row.line.extend_from_slice(&self.lines.line(self.at)?);
        }
        Ok(&row.line)
    }
}

fn format_labels(formats: &[(String, Format)], row: &mut Row) {
    // Templates see the labels as they were before the first template.
    let mut rendered = Vec::new();
    let mut renamed = 0;
    for (at, (name, format)) in formats.iter().enumerate() {
        match format {
            Format::Rename(from) if rendered.is_empty() => {
                rename(name, from, row);
                renamed = at + 1;
            }
            Format::Rename(_) => {}
            Format::Template(template) => {
                let mut text = Vec::new();
                rendered.push((at, template.render(row, &mut text).map(|()| text)));
            }
        }
    }
    let mut rendered = rendered.into_iter().peekable();
    for (at, (name, format)) in formats.iter().enumerate().skip(renamed) {
        match format {
            Format::Rename(from) => rename(name, from, row),
            Format::Template(_) => match rendered.next_if(|(of, _)| *of == at) {
                Some((_, Ok(text))) => row.set(Origin::Parsed, name, &String::from_utf8_lossy(&text)),
                Some((_, Err(error))) => row.fail(TEMPLATE_ERROR, &error.to_string()),
                None => {}
            },
        }
    }
}

fn rename(name: &str, from: &str, row: &mut Row) {
    if let Some(value) = row.get(from) {
        let value = value.to_owned();
        row.set(Origin::Parsed, name, &value);
        row.delete(from);
    }
}

fn drop_label(named: &Named, row: &mut Row) {
    let (name, matches) = match named {
        Named::Name(name) => (name.as_str(), true),
        Named::Matcher(matcher) => {
            let value = if matcher.name() == DETAILS { row.details() } else { row.get_text(matcher.name()) };
            (matcher.name(), matcher.matches(value))
        }
    };
    match name {
        _ if !matches => {}
        ERROR => row.forget_error(),
        DETAILS => {
            row.forget_details();
            row.delete(DETAILS);
        }
        name => row.delete(name),
    }
}

fn keep_labels(kept: &[Named], row: &mut Row) {
    let keeps = |name: &str, value: &str| {
        [ERROR, DETAILS, PRESERVED].contains(&name)
            || kept.iter().any(|named| match named {
                Named::Name(kept) => kept == name,
                Named::Matcher(matcher) => matcher.name() == name && matcher.matches(value),
            })
    };
    let others: Vec<String> =
        row.labels().filter(|(_, name, value)| !keeps(name, value)).map(|(_, name, _)| name.to_owned()).collect();
    others.iter().for_each(|name| row.delete(name));
}

/// Whether a filter asks only of labels that a source may know.
fn is_plain(filter: &LabelFilter) -> bool {
    let mut names = Vec::new();
    filter_names(filter, &mut names);
    names.iter().all(|name| !name.starts_with("__") && !name.ends_with("_extracted"))
}

/// Whether a filter reads a label as a number, a duration or a size, which may fail.
fn reads_values(filter: &LabelFilter) -> bool {
    match filter {
        LabelFilter::Number { .. } | LabelFilter::Duration { .. } | LabelFilter::Bytes { .. } => true,
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => reads_values(left) || reads_values(right),
        LabelFilter::Text(_) | LabelFilter::Ip { .. } => false,
    }
}

fn asks_addresses(filter: &LabelFilter) -> bool {
    match filter {
        LabelFilter::Ip { .. } => true,
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => asks_addresses(left) || asks_addresses(right),
        _ => false,
    }
}

/// Filters of lines run before what does not change lines: as Loki has it, even before `decolorize`.
fn reorder(stages: &[Stage]) -> Vec<&Stage> {
    let (mut ordered, mut filters, mut others) = (Vec::new(), Vec::new(), Vec::new());
    for stage in stages {
        match &stage.kind {
            StageKind::LineFilter(_) => filters.push(stage),
            StageKind::LabelFilter(_) => {
                ordered.append(&mut filters);
                ordered.append(&mut others);
                ordered.push(stage);
            }
            StageKind::LineFormat(_) | StageKind::Unpack => {
                others.push(stage);
                ordered.append(&mut filters);
                ordered.append(&mut others);
            }
            _ => others.push(stage),
        }
    }
    ordered.append(&mut filters);
    ordered.append(&mut others);
    ordered
}

fn compile(kind: &StageKind) -> Result<Run, ParamError> {
    let labels = |fields: &[Extraction]| fields.iter().map(|field| field.label.clone()).collect();
    Ok(match kind {
        StageKind::LineFilter(filter) => Run::Line { test: LineTest::new(filter)?, filter: filter.clone() },
        StageKind::LabelFilter(filter) => Run::Labels(LabelTest::new(filter)?),
        StageKind::Json(fields) if fields.is_empty() => Run::Json,
        StageKind::Json(fields) => Run::Paths { paths: Paths::parse(&check::pairs(fields))?, labels: labels(fields) },
        StageKind::Logfmt { strict, keep_empty, fields } => {
            Run::Logfmt { logfmt: Logfmt::new(&check::pairs(fields), *strict, *keep_empty)?, labels: labels(fields) }
        }
        StageKind::Pattern(text) => Run::Pattern(Pattern::parse(text)?),
        StageKind::Regexp(text) => Run::Regexp(Regexp::parse(text)?),
        StageKind::Unpack => Run::Unpack,
        StageKind::Decolorize => Run::Decolorize,
        StageKind::LineFormat(text) => Run::LineFormat(template("line", text)?),
        StageKind::LabelFormat(formats) => Run::LabelFormat(formats.iter().map(format).collect::<Result<_, _>>()?),
        StageKind::Drop(names) => Run::Drop(names.iter().map(named).collect::<Result<_, _>>()?),
        StageKind::Keep(names) => Run::Keep(names.iter().map(named).collect::<Result<_, _>>()?),
    })
}

fn template(name: &str, text: &str) -> Result<Template, ParamError> {
    Template::parse(name, text).map_err(|error| ParamError(error.to_string()))
}

fn format(format: &LabelFormat) -> Result<(String, Format), ParamError> {
    let source = match &format.source {
        LabelSource::Rename(from) => Format::Rename(from.clone()),
        LabelSource::Template(text) => Format::Template(template("label", text)?),
    };
    Ok((format.name.clone(), source))
}

fn named(name: &NamedMatcher) -> Result<Named, ParamError> {
    Ok(match name {
        NamedMatcher::Name(name) => Named::Name(name.clone()),
        NamedMatcher::Matcher(matcher) => Named::Matcher(LabelMatcher::new(matcher)?),
    })
}
