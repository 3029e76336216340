//! Words into a tree, by recursive descent. What may stand at a place is named as Loki's generated parser names it: where it
//! expects more than four kinds of words it names none.

mod filter;
mod metric;
mod pipeline;

use super::ast::{Expr, MatchOp, Matcher, Span};
use super::lexer::{self, Placed};
use super::token::Token;
use super::{LONGEST_QUERY_BYTES, ParseError, check};

/// Parses and checks a query.
///
/// # Errors
///
/// What is wrong with it, in Loki's words.
///
/// ```
/// use logql::syntax::{Expr, parse};
///
/// let query = parse(r#"sum by (model) (rate({app="llm-proxy"} | json [5m]))"#)?;
/// assert!(matches!(query, Expr::Metric(_)));
/// # Ok::<(), logql::syntax::ParseError>(())
/// ```
pub fn parse(text: &str) -> Result<Expr, ParseError> {
    let expr = parse_unchecked(text)?;
    check::expr(&expr)?;
    Ok(expr)
}

/// Parses a stream selector, and nothing but one: `{app="x"}`.
///
/// # Errors
///
/// What is wrong with it, in Loki's words.
pub fn parse_matchers(text: &str) -> Result<Vec<Matcher>, ParseError> {
    match parse(text)? {
        Expr::Log(log) if log.stages.is_empty() => Ok(log.matchers),
        _ => Err(ParseError::nowhere("only label matchers is supported")),
    }
}

fn parse_unchecked(text: &str) -> Result<Expr, ParseError> {
    if text.len() >= LONGEST_QUERY_BYTES {
        let message = format!("input size too long ({} > {LONGEST_QUERY_BYTES})", text.len());
        return Err(ParseError::nowhere(message));
    }
    let (tokens, broken) = lexer::tokens(text);
    let mut parser = Parser { text, tokens, broken, at: 0, depth: 0, operators: 0 };
    let expr = parser.expr(0)?;
    match parser.peek()? {
        Token::End => Ok(expr),
        _ => Err(parser.unexpected(&[])),
    }
}

/// Deeper nesting is refused, lest the stack overflow.
const DEEPEST: usize = 200;
/// More operators are refused: each is a level of the tree.
const MOST_OPERATORS: usize = 150;

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Placed>,
    /// Why there are no more tokens.
    broken: Option<ParseError>,
    at: usize,
    depth: usize,
    operators: usize,
}

impl Parser<'_> {
    fn peek(&self) -> Result<&Token, ParseError> {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> Result<&Token, ParseError> {
        match (self.tokens.get(self.at + ahead), &self.broken) {
            (Some(placed), _) => Ok(&placed.token),
            (None, Some(error)) => Err(error.clone()),
            (None, None) => Ok(&Token::End),
        }
    }

    fn is(&self, word: &str) -> Result<bool, ParseError> {
        Ok(matches!(self.peek()?, Token::Word(found) if *found == word))
    }

    fn advance(&mut self) {
        self.at += 1;
    }

    /// Takes `word` if it is next.
    fn take(&mut self, word: &str) -> Result<bool, ParseError> {
        let is = self.is(word)?;
        self.at += usize::from(is);
        Ok(is)
    }

    fn expect(&mut self, word: &str) -> Result<(), ParseError> {
        if self.take(word)? { Ok(()) } else { Err(self.unexpected(&[word])) }
    }

    fn expect_text(&mut self, expected: &[&str]) -> Result<String, ParseError> {
        let Token::Text(text) = self.peek()? else { return Err(self.unexpected(expected)) };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    fn expect_identifier(&mut self, expected: &[&str]) -> Result<String, ParseError> {
        let Token::Identifier(name) = self.peek()? else { return Err(self.unexpected(expected)) };
        let name = name.clone();
        self.advance();
        Ok(name)
    }

    fn expect_number(&mut self) -> Result<String, ParseError> {
        let Token::Number(text) = self.peek()? else { return Err(self.unexpected(&["NUMBER"])) };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    /// The error for the next token, which is none of those that may stand here.
    fn unexpected(&self, expected: &[&str]) -> ParseError {
        let Some(found) = self.tokens.get(self.at) else {
            return self.broken.clone().unwrap_or_else(|| ParseError::nowhere("syntax error: unexpected $end"));
        };
        let expecting =
            if expected.is_empty() { String::new() } else { format!(", expecting {}", expected.join(" or ")) };
        let (line, column) = lexer::place(self.text, found.start);
        ParseError { message: format!("syntax error: unexpected {}{expecting}", found.token.name()), line, column }
    }

    /// Where the next token begins.
    fn start(&self) -> usize {
        self.tokens.get(self.at).map_or(self.text.len(), |placed| placed.start)
    }

    /// From `start` to the end of the token before this one.
    fn span(&self, start: usize) -> Span {
        let last = self.at.checked_sub(1).and_then(|at| self.tokens.get(at));
        Span { start, end: last.map_or(start, |placed| placed.end) }
    }

    fn deeper(&mut self) -> Result<(), ParseError> {
        self.depth += 1;
        if self.depth > DEEPEST { Err(ParseError::nowhere("query is nested too deeply")) } else { Ok(()) }
    }

    fn one_more_operator(&mut self) -> Result<(), ParseError> {
        self.operators += 1;
        match self.operators {
            ..=MOST_OPERATORS => Ok(()),
            _ => Err(ParseError::nowhere(format!("query has more than {MOST_OPERATORS} operators"))),
        }
    }

    /// `{a="b", c=~"d"}`
    fn selector(&mut self) -> Result<Vec<Matcher>, ParseError> {
        self.expect("{")?;
        if self.take("}")? {
            return Ok(Vec::new());
        }
        let mut matchers = vec![self.matcher(&["IDENTIFIER", "}"])?];
        while !self.take("}")? {
            if !self.take(",")? {
                return Err(self.unexpected(&["}", ","]));
            }
            matchers.push(self.matcher(&["IDENTIFIER"])?);
        }
        Ok(matchers)
    }

    fn matcher(&mut self, expected: &[&str]) -> Result<Matcher, ParseError> {
        let name = self.expect_identifier(expected)?;
        let Some(op) = self.match_op()? else { return Err(self.unexpected(&["=", "=~", "!~", "!="])) };
        self.advance();
        let value = self.expect_text(&["STRING"])?;
        check::matcher(Matcher { name, op, value })
    }

    fn match_op(&self) -> Result<Option<MatchOp>, ParseError> {
        let Token::Word(word) = self.peek()? else { return Ok(None) };
        Ok(match *word {
            "=" => Some(MatchOp::Equal),
            "!=" => Some(MatchOp::NotEqual),
            "=~" => Some(MatchOp::Match),
            "!~" => Some(MatchOp::NotMatch),
            _ => None,
        })
    }

    /// `(a, b)`, perhaps empty.
    fn labels(&mut self) -> Result<Vec<String>, ParseError> {
        self.expect("(")?;
        let mut labels = Vec::new();
        if self.take(")")? {
            return Ok(labels);
        }
        labels.push(self.expect_identifier(&["IDENTIFIER", ")"])?);
        while !self.take(")")? {
            if !self.take(",")? {
                return Err(self.unexpected(&[",", ")"]));
            }
            labels.push(self.expect_identifier(&["IDENTIFIER"])?);
        }
        Ok(labels)
    }
}
