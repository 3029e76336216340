//! Filters: of lines, and of labels.

use super::super::ast::{Compare, LabelFilter, LineFilter, LineOp, LineTest, MatchOp, Matcher};
use super::super::token::Token;
use super::super::{ParseError, check};
use super::Parser;

/// What stands between two label filters. A comma, or nothing, has no precedence: whatever follows is taken in first.
#[derive(Clone, Copy, PartialEq)]
enum Joint {
    Or,
    And,
    Loose,
}

impl Joint {
    /// Whether `a self b` is complete when `next` follows it.
    fn is_complete_before(self, next: Self) -> bool {
        !matches!((self, next), (Self::Loose, _) | (_, Self::Loose) | (Self::Or, Self::And))
    }

    fn join(self, left: LabelFilter, right: LabelFilter) -> LabelFilter {
        match self {
            Self::Or => LabelFilter::Or(Box::new(left), Box::new(right)),
            Self::And | Self::Loose => LabelFilter::And(Box::new(left), Box::new(right)),
        }
    }
}

impl Parser<'_> {
    pub(super) fn line_op(&self) -> Result<Option<LineOp>, ParseError> {
        let Token::Word(word) = self.peek()? else { return Ok(None) };
        Ok(match *word {
            "|=" => Some(LineOp::Contains),
            "!=" => Some(LineOp::NotContains),
            "|~" => Some(LineOp::Match),
            "!~" => Some(LineOp::NotMatch),
            "|>" => Some(LineOp::Pattern),
            "!>" => Some(LineOp::NotPattern),
            _ => None,
        })
    }

    /// `|= "a" or "b"`; `!= "a" or "b"` is two filters.
    pub(super) fn line_filters(&mut self, op: LineOp) -> Result<Vec<LineFilter>, ParseError> {
        self.advance();
        let mut tests = vec![self.line_test()?];
        while self.take("or")? {
            tests.push(self.line_test()?);
        }
        Ok(match op.is_positive() {
            true => vec![LineFilter { op, tests }],
            false => tests.into_iter().map(|test| LineFilter { op, tests: vec![test] }).collect(),
        })
    }

    fn line_test(&mut self) -> Result<LineTest, ParseError> {
        let ip = matches!(self.peek()?, Token::Function("ip"));
        if !ip {
            return Ok(LineTest { text: self.expect_text(&["STRING", "ip"])?, ip });
        }
        Ok(LineTest { text: self.ip()?, ip })
    }

    /// `ip("…")`
    fn ip(&mut self) -> Result<String, ParseError> {
        self.advance();
        self.expect("(")?;
        let text = self.expect_text(&["STRING"])?;
        self.expect(")")?;
        Ok(text)
    }

    pub(super) fn label_filter(&mut self) -> Result<LabelFilter, ParseError> {
        self.deeper()?;
        let mut waiting: Vec<(LabelFilter, Joint)> = Vec::new();
        let mut current = self.label_test()?;
        while let Some(joint) = self.joint()? {
            self.one_more_operator()?;
            while let Some((left, last)) = waiting.pop_if(|(_, last)| last.is_complete_before(joint)) {
                current = last.join(left, current);
            }
            waiting.push((current, joint));
            current = self.label_test()?;
        }
        while let Some((left, joint)) = waiting.pop() {
            current = joint.join(left, current);
        }
        self.depth -= 1;
        Ok(current)
    }

    fn joint(&mut self) -> Result<Option<Joint>, ParseError> {
        Ok(match self.peek()? {
            Token::Word("or") => {
                self.advance();
                Some(Joint::Or)
            }
            Token::Word("and") => {
                self.advance();
                Some(Joint::And)
            }
            Token::Word(",") => {
                self.advance();
                Some(Joint::Loose)
            }
            Token::Word("(") | Token::Identifier(_) => Some(Joint::Loose),
            _ => None,
        })
    }

    fn label_test(&mut self) -> Result<LabelFilter, ParseError> {
        if self.take("(")? {
            let inner = self.label_filter()?;
            if !self.take(")")? {
                return Err(self.unexpected(&[]));
            }
            return Ok(inner);
        }
        let name = self.expect_identifier(&["IDENTIFIER", "("])?;
        let Token::Word(word) = *self.peek()? else { return Err(self.unexpected(&[])) };
        let matches = self.match_op()?;
        let Some(op) = compare(word) else {
            let Some(op) = matches else { return Err(self.unexpected(&[])) };
            self.advance();
            let value = self.expect_text(&["STRING"])?;
            return check::matcher(Matcher { name, op, value }).map(LabelFilter::Text);
        };
        self.advance();
        self.comparison(name, op, matches)
    }

    /// What follows `name` and an operator; `matches` if that may also compare texts.
    fn comparison(&mut self, name: String, op: Compare, matches: Option<MatchOp>) -> Result<LabelFilter, ParseError> {
        match (self.peek()?.clone(), matches) {
            (Token::Text(value), Some(op)) => {
                self.advance();
                check::matcher(Matcher { name, op, value }).map(LabelFilter::Text)
            }
            (Token::Function("ip"), Some(op)) => {
                Ok(LabelFilter::Ip { name, equal: op == MatchOp::Equal, pattern: self.ip()? })
            }
            (Token::Duration(value), _) => {
                self.advance();
                Ok(LabelFilter::Duration { name, op, value })
            }
            (Token::Bytes(value), _) => {
                self.advance();
                Ok(LabelFilter::Bytes { name, op, value })
            }
            (Token::Number(_) | Token::Word("+" | "-"), _) => {
                Ok(LabelFilter::Number { name, op, value: self.literal()? })
            }
            _ => Err(self.unexpected(&[])),
        }
    }
}

fn compare(word: &str) -> Option<Compare> {
    Some(match word {
        "=" | "==" => Compare::Equal,
        "!=" => Compare::NotEqual,
        ">" => Compare::Greater,
        ">=" => Compare::GreaterEqual,
        "<" => Compare::Less,
        "<=" => Compare::LessEqual,
        _ => return None,
    })
}
