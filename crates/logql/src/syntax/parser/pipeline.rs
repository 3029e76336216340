//! Selectors, pipelines and ranges.

use super::super::ast::{
    Conversion, Extraction, LabelFormat, LabelSource, LogExpr, LogRange, NamedMatcher, Stage, StageKind, Unwrap,
};
use super::super::token::Token;
use super::super::{ParseError, check};
use super::Parser;

/// A range that is still being read: what comes in what order is free within limits.
struct Partial {
    log: LogExpr,
    interval: Option<i64>,
    offset: Option<i64>,
    unwrap: Option<Unwrap>,
}

impl Parser<'_> {
    /// A selector and the stages behind it, outside of a range.
    pub(super) fn log(&mut self) -> Result<LogExpr, ParseError> {
        let start = self.start();
        let matchers = self.selector()?;
        let stages = self.stages()?;
        if let Token::Word("|") = self.peek()? {
            self.advance();
            return Err(self.unexpected(&[]));
        }
        Ok(LogExpr { matchers, stages, span: self.span(start) })
    }

    /// Stages until there are no more, or `| unwrap` comes.
    fn stages(&mut self) -> Result<Vec<Stage>, ParseError> {
        let mut stages = Vec::new();
        loop {
            let start = self.start();
            if let Some(op) = self.line_op()? {
                let filters = self.line_filters(op)?;
                let span = self.span(start);
                stages.extend(filters.into_iter().map(|filter| Stage { kind: StageKind::LineFilter(filter), span }));
            } else if self.is("|")? && !matches!(self.peek_at(1)?, Token::Word("unwrap")) {
                self.advance();
                let kind = self.stage()?;
                stages.push(Stage { kind, span: self.span(start) });
            } else {
                break;
            }
        }
        for stage in &stages {
            check::stage(stage)?;
        }
        Ok(stages)
    }

    fn stage(&mut self) -> Result<StageKind, ParseError> {
        let Token::Word(word) = *self.peek()? else {
            return match self.peek()? {
                Token::Identifier(_) => self.label_filter().map(StageKind::LabelFilter),
                _ => Err(self.unexpected(&[])),
            };
        };
        if word == "(" {
            return self.label_filter().map(StageKind::LabelFilter);
        }
        const KNOWN: [&str; 10] = [
            "json",
            "logfmt",
            "regexp",
            "pattern",
            "unpack",
            "line_format",
            "label_format",
            "decolorize",
            "drop",
            "keep",
        ];
        if !KNOWN.contains(&word) {
            return Err(self.unexpected(&[]));
        }
        self.advance();
        Ok(match word {
            "json" => StageKind::Json(self.extractions()?),
            "logfmt" => self.logfmt()?,
            "regexp" => StageKind::Regexp(self.expect_text(&["STRING"])?),
            "pattern" => StageKind::Pattern(self.expect_text(&["STRING"])?),
            "unpack" => StageKind::Unpack,
            "line_format" => StageKind::LineFormat(self.expect_text(&["STRING"])?),
            "label_format" => StageKind::LabelFormat(self.label_formats()?),
            "decolorize" => StageKind::Decolorize,
            "drop" => StageKind::Drop(self.named_matchers()?),
            _ => StageKind::Keep(self.named_matchers()?),
        })
    }

    fn logfmt(&mut self) -> Result<StageKind, ParseError> {
        let (mut strict, mut keep_empty) = (false, false);
        while let Token::Flag(flag) = *self.peek()? {
            self.advance();
            strict |= flag == "--strict";
            keep_empty |= flag == "--keep-empty";
        }
        Ok(StageKind::Logfmt { strict, keep_empty, fields: self.extractions()? })
    }

    /// `a, b="c"`, perhaps nothing.
    fn extractions(&mut self) -> Result<Vec<Extraction>, ParseError> {
        let mut found = Vec::new();
        if !matches!(self.peek()?, Token::Identifier(_)) {
            return Ok(found);
        }
        loop {
            let label = self.expect_identifier(&["IDENTIFIER"])?;
            let expression = if self.take("=")? { self.expect_text(&["STRING"])? } else { label.clone() };
            found.push(Extraction { label, expression });
            if !self.take(",")? {
                return Ok(found);
            }
        }
    }

    fn label_formats(&mut self) -> Result<Vec<LabelFormat>, ParseError> {
        let mut formats = Vec::new();
        loop {
            let name = self.expect_identifier(&["IDENTIFIER"])?;
            self.expect("=")?;
            let source = match self.peek()? {
                Token::Text(text) => LabelSource::Template(text.clone()),
                Token::Identifier(name) => LabelSource::Rename(name.clone()),
                _ => return Err(self.unexpected(&["IDENTIFIER", "STRING"])),
            };
            self.advance();
            formats.push(LabelFormat { name, source });
            if !self.take(",")? {
                return Ok(formats);
            }
        }
    }

    fn named_matchers(&mut self) -> Result<Vec<NamedMatcher>, ParseError> {
        let mut found = Vec::new();
        loop {
            let compared = matches!(self.peek_at(1)?, Token::Word("=" | "!=" | "=~" | "!~"));
            found.push(match compared {
                true => NamedMatcher::Matcher(self.matcher(&["IDENTIFIER"])?),
                false => NamedMatcher::Name(self.expect_identifier(&["IDENTIFIER"])?),
            });
            if !self.take(",")? {
                return Ok(found);
            }
        }
    }

    /// What stands in a range aggregation: a selector, stages, a range in brackets, an offset, an unwrap.
    pub(super) fn log_range(&mut self) -> Result<LogRange, ParseError> {
        let Partial { log, interval, offset, unwrap } = self.partial_range()?;
        let Some(interval) = interval else { return Err(self.unexpected(&[])) };
        Ok(LogRange { log, interval, offset: offset.unwrap_or(0), unwrap })
    }

    fn partial_range(&mut self) -> Result<Partial, ParseError> {
        self.deeper()?;
        let start = self.start();
        let mut partial = match self.peek()? {
            Token::Word("(") => {
                self.advance();
                let mut inner = self.partial_range()?;
                if !self.take(")")? {
                    return Err(self.unexpected(&[]));
                }
                if inner.interval.is_none() {
                    self.range(&mut inner)?;
                    if inner.interval.is_none() {
                        return Err(self.unexpected(&["RANGE"]));
                    }
                }
                inner
            }
            Token::Word("{") => {
                let matchers = self.selector()?;
                let log = LogExpr { matchers, stages: Vec::new(), span: self.span(start) };
                let mut partial = Partial { log, interval: None, offset: None, unwrap: None };
                self.range(&mut partial)?;
                partial.log.stages = self.stages()?;
                partial.log.span = self.span(start);
                partial
            }
            _ => return Err(self.unexpected(&["{", "("])),
        };
        if partial.unwrap.is_none() && self.is("|")? {
            partial.unwrap = Some(self.unwrap()?);
        }
        if partial.interval.is_none() {
            self.range(&mut partial)?;
        }
        self.depth -= 1;
        Ok(partial)
    }

    /// `[5m] offset 1h`, if it is there.
    fn range(&mut self, partial: &mut Partial) -> Result<(), ParseError> {
        let Token::Range(interval) = *self.peek()? else { return Ok(()) };
        self.advance();
        partial.interval = Some(interval);
        if !self.take("offset")? {
            return Ok(());
        }
        let Token::Duration(offset) = *self.peek()? else { return Err(self.unexpected(&["DURATION"])) };
        self.advance();
        partial.offset = Some(offset);
        Ok(())
    }

    fn unwrap(&mut self) -> Result<Unwrap, ParseError> {
        self.expect("|")?;
        if !self.take("unwrap")? {
            return Err(self.unexpected(&[]));
        }
        let (conversion, label) = match self.peek()?.clone() {
            Token::Identifier(label) => {
                self.advance();
                (Conversion::Number, label)
            }
            Token::Function(name @ ("bytes" | "duration" | "duration_seconds")) => {
                self.advance();
                self.expect("(")?;
                let label = self.expect_identifier(&["IDENTIFIER"])?;
                self.expect(")")?;
                let conversion = match name {
                    "bytes" => Conversion::Bytes,
                    "duration" => Conversion::Duration,
                    _ => Conversion::DurationSeconds,
                };
                (conversion, label)
            }
            _ => {
                return Err(self.unexpected(&["IDENTIFIER", "BYTES_CONV", "DURATION_CONV", "DURATION_SECONDS_CONV"]));
            }
        };
        let mut filters = Vec::new();
        while self.take("|")? {
            if !matches!(self.peek()?, Token::Identifier(_) | Token::Word("(")) {
                return Err(self.unexpected(&["IDENTIFIER", "("]));
            }
            filters.push(self.label_filter()?);
        }
        for filter in &filters {
            check::label_filter(filter)?;
        }
        Ok(Unwrap { label, conversion, filters })
    }
}
