//! Executes a template.

mod call;
mod field;

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt::Display;

use super::functions::Scope;
use super::node::{Argument, Branch, Command, Control, Node, Number, Operand, Pipeline};
use super::value::Value;
use super::{Lookup, format};
use crate::stage::quote::quote;

/// Commands that one rendering may execute.
const STEPS: usize = 200_000;
/// Bytes that one rendering may write.
pub(super) const OUTPUT: usize = 4 << 20;
/// How deep templates may call each other.
const DEPTH: usize = 50;

/// A template's text with its tree.
pub(super) struct Program<'t> {
    pub(super) name: &'t str,
    pub(super) text: &'t str,
    pub(super) root: &'t [Node],
    pub(super) defined: &'t HashMap<String, Vec<Node>>,
}

/// Renders a program for one entry.
pub(super) fn render(program: &Program<'_>, entry: &dyn Lookup, out: &mut Vec<u8>) -> Result<(), String> {
    let begin = out.len();
    let dot = Value::Labels(entry);
    let mut state = State {
        program,
        name: program.name,
        scope: Scope { entry },
        out,
        begin,
        variables: vec![("$", dot.clone())],
        steps: 0,
        depth: 0,
    };
    state.list(&dot, program.root).map(|_| ())
}

struct State<'t, 'a, 'o> {
    program: &'t Program<'t>,
    /// The template under way: the program's own, or one that it defines.
    name: &'t str,
    scope: Scope<'a>,
    out: &'o mut Vec<u8>,
    begin: usize,
    variables: Vec<(&'t str, Value<'a>)>,
    steps: usize,
    depth: usize,
}

type Eval<T> = Result<T, String>;

/// How a list of nodes ended.
#[derive(Clone, Copy, PartialEq)]
enum Flow {
    On,
    Break,
    Continue,
}

impl<'t, 'a> State<'t, 'a, '_> {
    /// An error at a node: its place and how it is written, as Go shows them.
    fn fail<T>(&self, at: usize, node: &dyn Display, words: &str) -> Eval<T> {
        let before = self.program.text.get(..at).unwrap_or(self.program.text);
        let line = 1 + before.matches('\n').count();
        let column = at - before.rfind('\n').map_or(0, |newline| newline + 1);
        let (file, name) = (self.program.name, quote(self.name.as_bytes()));
        Err(format!("template: {file}:{line}:{column}: executing {name} at <{node}>: {words}"))
    }

    fn step(&mut self, at: usize, node: &dyn Display) -> Eval<()> {
        self.steps += 1;
        if self.steps > STEPS { self.fail(at, node, "too many steps") } else { Ok(()) }
    }

    fn put(&mut self, bytes: &[u8]) -> Eval<()> {
        if self.out.len() - self.begin + bytes.len() > OUTPUT {
            return Err(format!("template: {}: output too long", self.program.name));
        }
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn list(&mut self, dot: &Value<'a>, nodes: &'t [Node]) -> Eval<Flow> {
        for node in nodes {
            let flow = match node {
                Node::Text(text) => self.put(text.as_bytes()).map(|()| Flow::On)?,
                Node::Action(pipeline) => {
                    let value = self.pipeline(dot, pipeline)?;
                    if pipeline.variables.is_empty() {
                        let mut text = Vec::new();
                        format::print(&value, &mut text);
                        self.put(&text)?;
                    }
                    Flow::On
                }
                Node::Branch(branch) => self.branch(dot, branch)?,
                Node::Break => Flow::Break,
                Node::Continue => Flow::Continue,
                Node::Template(at, name, pipeline) => self.template(dot, *at, node, name, pipeline.as_ref())?,
            };
            if flow != Flow::On {
                return Ok(flow);
            }
        }
        Ok(Flow::On)
    }

    fn template(
        &mut self,
        dot: &Value<'a>,
        at: usize,
        node: &dyn Display,
        name: &'t str,
        pipeline: Option<&'t Pipeline>,
    ) -> Eval<Flow> {
        let program = self.program;
        let Some(body) = program.defined.get(name) else {
            return self.fail(at, node, &format!("template {} not defined", quote(name.as_bytes())));
        };
        if self.depth == DEPTH {
            return self.fail(at, node, &format!("exceeded maximum template depth ({DEPTH})"));
        }
        let dot = match pipeline {
            Some(pipeline) => self.pipeline(dot, pipeline)?,
            None => Value::None,
        };
        let outer = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let outer_name = std::mem::replace(&mut self.name, name);
        self.depth += 1;
        let flow = self.list(&dot, body);
        self.depth -= 1;
        (self.variables, self.name) = (outer, outer_name);
        flow.map(|_| Flow::On)
    }

    fn branch(&mut self, dot: &Value<'a>, branch: &'t Branch) -> Eval<Flow> {
        let known = self.variables.len();
        let flow = match branch.control {
            Control::Range => self.range(dot, branch),
            Control::If | Control::With => {
                let value = self.pipeline(dot, &branch.pipeline)?;
                let inner = if branch.control == Control::With { &value } else { dot };
                match (value.truth(), &branch.otherwise) {
                    (true, _) => self.list(inner, &branch.body),
                    (false, Some(nodes)) => self.list(dot, nodes),
                    (false, None) => Ok(Flow::On),
                }
            }
        };
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, dot: &Value<'a>, branch: &'t Branch) -> Eval<Flow> {
        let pipeline = &branch.pipeline;
        let value = self.pipeline(dot, pipeline)?;
        let known = self.variables.len();
        let mut count = 0usize;
        for (index, element) in self.elements(value, branch)? {
            count += 1;
            self.step(branch.at, branch)?;
            match (pipeline.variables.as_slice(), pipeline.assigns) {
                ([], _) => {}
                ([only], true) => self.assign(only, element.clone()),
                ([first, second, ..], true) => {
                    self.assign(first, index);
                    self.assign(second, element.clone());
                }
                ([only], false) => self.set_last(known, only, element.clone()),
                ([first, second, ..], false) => {
                    self.set_last(known, second, element.clone());
                    self.set_last(known - 1, first, index);
                }
            }
            let flow = self.list(&element, &branch.body)?;
            self.variables.truncate(known);
            if flow == Flow::Break {
                break;
            }
        }
        match &branch.otherwise {
            Some(nodes) if count == 0 => self.list(dot, nodes),
            _ => Ok(Flow::On),
        }
    }

    /// The variables of a range were pushed by its pipeline: the last one stands right before `known`.
    fn set_last(&mut self, known: usize, name: &str, value: Value<'a>) {
        if let Some((variable, slot)) = self.variables.get_mut(known.wrapping_sub(1))
            && *variable == name
        {
            *slot = value;
        }
    }

    /// What a range goes through, each with its index or key.
    fn elements(&mut self, value: Value<'a>, branch: &'t Branch) -> Eval<Vec<(Value<'a>, Value<'a>)>> {
        Ok(match value {
            Value::None | Value::Nil => Vec::new(),
            Value::List(list) => {
                (0..).zip(list.iter()).map(|(index, value)| (Value::Int(index), value.clone())).collect()
            }
            Value::Map(map) => map.iter().map(|(key, value)| (Value::text(key.as_str()), value.clone())).collect(),
            Value::Labels(labels) => {
                let owned = |text: &str| Value::text(text);
                labels.labels().into_iter().map(|(key, value)| (owned(key), owned(value))).collect()
            }
            Value::Int(count) | Value::Int64(count) => {
                if count > STEPS as i64 {
                    return self.fail(branch.at, branch, "too many steps");
                }
                (0..count).map(|index| (Value::Int(index), Value::Int(index))).collect()
            }
            other => {
                let words = format!("range can't iterate over {}", format::show(&other));
                return self.fail(branch.at, branch, &words);
            }
        })
    }

    fn assign(&mut self, name: &str, value: Value<'a>) {
        if let Some((_, slot)) = self.variables.iter_mut().rev().find(|(known, _)| *known == name) {
            *slot = value;
        }
    }

    fn variable(&self, name: &str) -> Value<'a> {
        let found = self.variables.iter().rev().find(|(known, _)| *known == name);
        found.map_or(Value::None, |(_, value)| value.clone())
    }

    fn pipeline(&mut self, dot: &Value<'a>, pipeline: &'t Pipeline) -> Eval<Value<'a>> {
        let mut value = None;
        for command in &pipeline.commands {
            value = Some(self.command(dot, command, value)?.unwrapped());
        }
        let value = value.unwrap_or(Value::None);
        for name in &pipeline.variables {
            if pipeline.assigns {
                self.assign(name, value.clone());
            } else {
                self.variables.push((name, value.clone()));
            }
        }
        Ok(value)
    }

    /// One command; `last` is what the command before it came to, its last argument.
    fn command(&mut self, dot: &Value<'a>, command: &'t Command, last: Option<Value<'a>>) -> Eval<Value<'a>> {
        self.step(command.at, command)?;
        let Some((first, arguments)) = command.arguments.split_first() else { return Ok(Value::None) };
        match &first.operand {
            Operand::Field(names) => return self.fields(dot, dot.clone(), first, names, arguments, last),
            Operand::Variable(names) if names.len() > 1 => {
                let value = self.variable(&names[0]);
                return self.fields(dot, value, first, &names[1..], arguments, last);
            }
            Operand::Chain(inner, names) => {
                let value = self.chained(dot, first, inner)?;
                return self.fields(dot, value, first, names, arguments, last);
            }
            Operand::Function(function) => return self.call(dot, function, first, command, arguments, last),
            _ => {}
        }
        if !arguments.is_empty() || last.is_some() {
            return self.fail(first.at, first, &format!("can't give argument to non-function {first}"));
        }
        match &first.operand {
            Operand::Pipeline(pipeline) => self.pipeline(dot, pipeline),
            Operand::Variable(names) => Ok(self.variable(&names[0])),
            Operand::Nil => self.fail(first.at, first, "nil is not a command"),
            _ => self.constant(dot, first),
        }
    }

    /// What a word stands for by itself.
    fn constant(&mut self, dot: &Value<'a>, argument: &'t Argument) -> Eval<Value<'a>> {
        Ok(match &argument.operand {
            Operand::Dot => dot.clone(),
            Operand::Bool(value) => Value::Bool(*value),
            Operand::String(_, text) => Value::String(Cow::Owned(text.clone())),
            Operand::Number(number) => return self.number(argument, number),
            _ => Value::None,
        })
    }

    /// A number with a point or an exponent is a `float64`, any other an `int`.
    fn number(&self, argument: &Argument, number: &Number) -> Eval<Value<'a>> {
        let text = number.text.to_ascii_lowercase();
        let hex = text.contains("0x") && !text.contains('p');
        let fractional = !hex && !text.starts_with('\'') && text.contains(['.', 'e', 'p']);
        match (number.float, number.int) {
            (Some(float), _) if fractional => Ok(Value::Float(float)),
            (_, Some(int)) => Ok(Value::Int(int)),
            _ => self.fail(argument.at, argument, &format!("{} overflows int", number.text)),
        }
    }

    fn chained(&mut self, dot: &Value<'a>, chain: &'t Argument, inner: &'t Argument) -> Eval<Value<'a>> {
        if matches!(inner.operand, Operand::Nil) {
            return self.fail(chain.at, chain, &format!("indirection through explicit nil in {chain}"));
        }
        self.argument(dot, inner)
    }
}
