//! The tree of a template, and how Go writes its nodes in errors.

use std::fmt::{self, Display, Formatter, Write};

use super::functions::Function;

/// A constant number: Go decides by where it is used what it is.
#[derive(Clone, Debug)]
pub(super) struct Number {
    pub(super) text: String,
    pub(super) int: Option<i64>,
    pub(super) float: Option<f64>,
}

/// An argument: an operand of a command.
#[derive(Clone, Debug)]
pub(super) enum Operand {
    Dot,
    Nil,
    Bool(bool),
    Number(Number),
    /// As it was quoted, and its text.
    String(String, Vec<u8>),
    Field(Vec<String>),
    /// `$x` and the fields behind it.
    Variable(Vec<String>),
    Function(&'static Function),
    Pipeline(Pipeline),
    /// Fields of what is neither a field nor a variable.
    Chain(Box<Argument>, Vec<String>),
}

/// An operand and its place, a byte of the template.
#[derive(Clone, Debug)]
pub(super) struct Argument {
    pub(super) at: usize,
    pub(super) operand: Operand,
}

#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) at: usize,
    pub(super) arguments: Vec<Argument>,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Pipeline {
    /// The variables that it is assigned to.
    pub(super) variables: Vec<String>,
    /// `=` instead of `:=`.
    pub(super) assigns: bool,
    pub(super) commands: Vec<Command>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    If,
    With,
    Range,
}

#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) at: usize,
    pub(super) control: Control,
    pub(super) pipeline: Pipeline,
    pub(super) body: Vec<Node>,
    pub(super) otherwise: Option<Vec<Node>>,
}

#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(String),
    Action(Pipeline),
    Branch(Branch),
    Break,
    Continue,
    /// `{{template "name" pipeline}}`, and its place.
    Template(usize, String, Option<Pipeline>),
}

impl Display for Argument {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.operand {
            Operand::Dot => f.write_char('.'),
            Operand::Nil => f.write_str("nil"),
            Operand::Bool(value) => write!(f, "{value}"),
            Operand::Number(number) => f.write_str(&number.text),
            Operand::String(quoted, _) => f.write_str(quoted),
            Operand::Field(names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
            Operand::Variable(names) => f.write_str(&names.join(".")),
            Operand::Function(function) => f.write_str(function.name),
            Operand::Pipeline(pipeline) => write!(f, "({pipeline})"),
            Operand::Chain(argument, names) => {
                write!(f, "{argument}")?;
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
        }
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        separated(f, &self.arguments, " ")
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if !self.variables.is_empty() {
            separated(f, &self.variables, ", ")?;
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        separated(f, &self.commands, " | ")
    }
}

impl Display for Branch {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let word = match self.control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        write!(f, "{{{{{word} {}}}}}", self.pipeline)?;
        self.body.iter().try_for_each(|node| write!(f, "{node}"))?;
        if let Some(otherwise) = &self.otherwise {
            f.write_str("{{else}}")?;
            otherwise.iter().try_for_each(|node| write!(f, "{node}"))?;
        }
        f.write_str("{{end}}")
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.write_str(text),
            Self::Action(pipeline) => write!(f, "{{{{{pipeline}}}}}"),
            Self::Branch(branch) => write!(f, "{branch}"),
            Self::Break => f.write_str("{{break}}"),
            Self::Continue => f.write_str("{{continue}}"),
            Self::Template(_, name, pipeline) => {
                write!(f, "{{{{template {}", crate::stage::quote::quote(name.as_bytes()))?;
                pipeline.iter().try_for_each(|pipeline| write!(f, " {pipeline}"))?;
                f.write_str("}}")
            }
        }
    }
}

fn separated(f: &mut Formatter<'_>, items: &[impl Display], between: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(between)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}
