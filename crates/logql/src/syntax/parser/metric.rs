//! Metric expressions: aggregations, functions, operators.

use super::super::ast::{
    Binary, BinaryOp, Cardinality, Compare, Expr, Grouping, LabelReplace, Matching, MetricExpr, RangeAggregation,
    RangeOp, VectorAggregation, VectorOp,
};
use super::super::token::Token;
use super::super::{ParseError, check, fold};
use super::Parser;

impl Parser<'_> {
    /// An expression whose operators bind at least as tightly as `least`.
    pub(super) fn expr(&mut self, least: u8) -> Result<Expr, ParseError> {
        self.deeper()?;
        let mut left = self.operand()?;
        while let Some((op, strength)) = self.binary_op()? {
            if strength < least {
                break;
            }
            left = self.operation(left, op, strength)?;
        }
        self.depth -= 1;
        Ok(left)
    }

    /// An operator, and what stands on its right.
    fn operation(&mut self, left: Expr, op: BinaryOp, strength: u8) -> Result<Expr, ParseError> {
        self.advance();
        self.one_more_operator()?;
        let mut modifier = Modifier::default();
        self.modifier(&mut modifier)?;
        // Only powers are taken from the right.
        let right = self.expr(if op == BinaryOp::Pow { strength } else { strength + 1 })?;
        join(op, modifier, left, right).map(Expr::Metric)
    }

    fn binary_op(&self) -> Result<Option<(BinaryOp, u8)>, ParseError> {
        let Token::Word(word) = self.peek()? else { return Ok(None) };
        Ok(Some(match *word {
            "or" => (BinaryOp::Or, 1),
            "and" => (BinaryOp::And, 2),
            "unless" => (BinaryOp::Unless, 2),
            "==" => (BinaryOp::Compare(Compare::Equal), 3),
            "!=" => (BinaryOp::Compare(Compare::NotEqual), 3),
            ">" => (BinaryOp::Compare(Compare::Greater), 3),
            ">=" => (BinaryOp::Compare(Compare::GreaterEqual), 3),
            "<" => (BinaryOp::Compare(Compare::Less), 3),
            "<=" => (BinaryOp::Compare(Compare::LessEqual), 3),
            "+" => (BinaryOp::Add, 4),
            "-" => (BinaryOp::Sub, 4),
            "*" => (BinaryOp::Mul, 5),
            "/" => (BinaryOp::Div, 5),
            "%" => (BinaryOp::Mod, 5),
            "^" => (BinaryOp::Pow, 6),
            _ => return Ok(None),
        }))
    }

    /// `bool on (a) group_left (b)`
    fn modifier(&mut self, into: &mut Modifier) -> Result<(), ParseError> {
        into.bool = self.take("bool")?;
        into.matching.on = self.is("on")?;
        if !into.matching.on && !self.is("ignoring")? {
            return Ok(());
        }
        self.advance();
        into.matching.labels = Some(self.labels()?);
        into.matching.cardinality = match self.peek()? {
            Token::Word("group_left") => Cardinality::ManyToOne,
            Token::Word("group_right") => Cardinality::OneToMany,
            _ => return Ok(()),
        };
        self.advance();
        // What follows may also be the right side in parentheses.
        let listed = self.is("(")? && matches!(self.peek_at(1)?, Token::Word(")") | Token::Identifier(_));
        if listed {
            into.matching.include = Some(self.labels()?);
        }
        Ok(())
    }

    /// What stands between operators. Each kind is read in a function of its own: this one is on the stack once for each
    /// parenthesis.
    fn operand(&mut self) -> Result<Expr, ParseError> {
        match self.peek()? {
            Token::Word("{") => self.log_operand(),
            Token::Word("(") => self.parenthesised(),
            Token::Number(_) | Token::Word("+" | "-") => self.literal_operand(),
            Token::Function(name) => {
                let name = *name;
                self.function(name)
            }
            _ => Err(self.unexpected(&[])),
        }
    }

    fn log_operand(&mut self) -> Result<Expr, ParseError> {
        self.log().map(Expr::Log)
    }

    fn literal_operand(&mut self) -> Result<Expr, ParseError> {
        self.literal().map(|value| Expr::Metric(MetricExpr::Literal(value)))
    }

    fn parenthesised(&mut self) -> Result<Expr, ParseError> {
        self.advance();
        let inner = self.expr(0)?;
        if self.take(")")? { Ok(inner) } else { Err(self.unexpected(&[])) }
    }

    fn function(&mut self, name: &'static str) -> Result<Expr, ParseError> {
        let metric = match (name, range_op(name), vector_op(name)) {
            ("label_replace", ..) => self.label_replace(),
            ("vector", ..) => self.constant(),
            (_, Some(op), _) => self.range_aggregation(op),
            (_, _, Some(op)) => self.vector_aggregation(op),
            _ => Err(self.unexpected(&[])),
        };
        metric.map(Expr::Metric)
    }

    fn constant(&mut self) -> Result<MetricExpr, ParseError> {
        self.advance();
        self.expect("(")?;
        let text = self.expect_number()?;
        self.expect(")")?;
        Ok(MetricExpr::Constant(check::number(&text, "vectorExpr")?))
    }

    fn metric(&mut self) -> Result<MetricExpr, ParseError> {
        match self.expr(0)? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(_) => Err(self.unexpected(&[])),
        }
    }

    /// `2`, `+2`, `-2`
    pub(super) fn literal(&mut self) -> Result<f64, ParseError> {
        let negative = self.is("-")?;
        if negative || self.is("+")? {
            self.advance();
        }
        let value = check::number(&self.expect_number()?, "literal")?;
        Ok(if negative { -value } else { value })
    }

    fn range_aggregation(&mut self, op: RangeOp) -> Result<MetricExpr, ParseError> {
        let start = self.start();
        self.advance();
        self.expect("(")?;
        let mut counted = None;
        let parameter = match self.peek()?.clone() {
            _ if op == RangeOp::ApproxCountDistinct => {
                counted = Some(self.expect_identifier(&["IDENTIFIER"])?);
                self.expect(",")?;
                None
            }
            Token::Number(text) => {
                self.advance();
                self.expect(",")?;
                Some(text)
            }
            Token::Word("{" | "(") => None,
            _ => return Err(self.unexpected(&["NUMBER", "{", "("])),
        };
        let range = self.log_range()?;
        if !self.take(")")? {
            return Err(self.unexpected(&[]));
        }
        let grouping = self.grouping()?;
        let parameter = check::range_parameter(op, parameter)?;
        let aggregation = RangeAggregation { op, parameter, counted, range, grouping, span: self.span(start) };
        check::range_aggregation(&aggregation)?;
        Ok(MetricExpr::Range(Box::new(aggregation)))
    }

    fn vector_aggregation(&mut self, op: VectorOp) -> Result<MetricExpr, ParseError> {
        let start = self.start();
        self.advance();
        let mut grouping = self.grouping()?;
        if grouping.is_none() && !self.is("(")? {
            return Err(self.unexpected(&["(", "by", "without"]));
        }
        self.expect("(")?;
        let parameter = match (self.peek()?.clone(), self.peek_at(1)?) {
            (Token::Number(text), Token::Word(",")) => {
                self.at += 2;
                Some(text)
            }
            _ => None,
        };
        let inner = self.metric()?;
        if !self.take(")")? {
            return Err(self.unexpected(&[]));
        }
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let parameter = check::vector_parameter(op, parameter.as_deref(), grouping.is_some())?;
        let grouping = grouping.unwrap_or_default();
        Ok(MetricExpr::Vector(Box::new(VectorAggregation { op, parameter, inner, grouping, span: self.span(start) })))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, ParseError> {
        let without = self.is("without")?;
        if !without && !self.is("by")? {
            return Ok(None);
        }
        self.advance();
        Ok(Some(Grouping { labels: self.labels()?, without }))
    }

    fn label_replace(&mut self) -> Result<MetricExpr, ParseError> {
        self.advance();
        self.expect("(")?;
        let inner = self.metric()?;
        let mut texts = Vec::with_capacity(4);
        for at in 0..4 {
            if !self.take(",")? {
                return Err(self.unexpected(if at == 0 { &[] } else { &[","] }));
            }
            texts.push(self.expect_text(&["STRING"])?);
        }
        self.expect(")")?;
        let mut texts = texts.into_iter();
        let mut next = || texts.next().unwrap_or_default();
        let (destination, replacement, source, regex) = (next(), next(), next(), next());
        let replace = LabelReplace { inner, destination, replacement, source, regex };
        check::label_replace(&replace)?;
        Ok(MetricExpr::LabelReplace(Box::new(replace)))
    }
}

#[derive(Default)]
struct Modifier {
    bool: bool,
    matching: Matching,
}

fn join(op: BinaryOp, modifier: Modifier, left: Expr, right: Expr) -> Result<MetricExpr, ParseError> {
    let metric = |side: &str, expr: Expr| match expr {
        Expr::Metric(metric) => Ok(metric),
        Expr::Log(log) => {
            let kind = if log.stages.is_empty() { "MatchersExpr" } else { "PipelineExpr" };
            let op = op.text();
            Err(ParseError::nowhere(format!(
                "unexpected type for {side} leg of binary operation ({op}): *syntax.{kind}"
            )))
        }
    };
    let (left, right) = (metric("left", left)?, metric("right", right)?);
    for (side, leg) in [("left", &left), ("right", &right)] {
        if let (true, MetricExpr::Literal(value)) = (op.is_set(), leg) {
            let op = op.text();
            let message =
                format!("unexpected literal for {side} leg of logical/set binary operation ({op}): {value:.6}");
            return Err(ParseError::nowhere(message));
        }
    }
    if let (MetricExpr::Literal(left), MetricExpr::Literal(right)) = (&left, &right) {
        return Ok(MetricExpr::Literal(fold::literals(op, *left, *right)));
    }
    let Modifier { bool, matching } = modifier;
    Ok(MetricExpr::Binary(Box::new(Binary { op, left, right, bool, matching })))
}

fn range_op(name: &str) -> Option<RangeOp> {
    RangeOp::ALL.into_iter().find(|op| op.name() == name)
}

fn vector_op(name: &str) -> Option<VectorOp> {
    VectorOp::ALL.into_iter().find(|op| op.name() == name)
}
