//! What a template may read of an entry, found in its tree.

use std::collections::BTreeSet;

use super::node::{Argument, Node, Operand, Pipeline};

#[derive(Clone, Debug, Default)]
pub(super) struct Mentions {
    pub(super) fields: BTreeSet<String>,
    pub(super) line: bool,
    pub(super) all: bool,
    /// The template is this label's value and nothing else.
    pub(super) only: Option<String>,
}

impl Mentions {
    pub(super) fn of<'n>(templates: impl Iterator<Item = &'n Vec<Node>>) -> Self {
        let mut mentions = Self::default();
        let mut templates = templates.peekable();
        while let Some(nodes) = templates.next() {
            mentions.nodes(nodes);
            // The template itself is the last one: with others defined before it nothing is lost.
            if templates.peek().is_none() {
                mentions.only = only_field(nodes);
            }
        }
        mentions
    }

    fn nodes(&mut self, nodes: &[Node]) {
        for node in nodes {
            match node {
                Node::Action(pipeline) => self.pipeline(pipeline),
                Node::Branch(branch) => {
                    self.pipeline(&branch.pipeline);
                    self.nodes(&branch.body);
                    self.nodes(branch.otherwise.as_deref().unwrap_or_default());
                }
                Node::Template(_, _, Some(pipeline)) => self.pipeline(pipeline),
                Node::Text(_) | Node::Break | Node::Continue | Node::Template(..) => {}
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        for argument in pipeline.commands.iter().flat_map(|command| &command.arguments) {
            self.argument(argument);
        }
    }

    fn argument(&mut self, argument: &Argument) {
        match &argument.operand {
            Operand::Dot => self.all = true,
            Operand::Field(names) => self.fields.extend(names.iter().cloned()),
            Operand::Variable(names) => {
                self.all |= names.len() == 1 && names[0] == "$";
                self.fields.extend(names.iter().skip(1).cloned());
            }
            Operand::Function(function) => self.line |= function.name == "__line__",
            Operand::Pipeline(pipeline) => self.pipeline(pipeline),
            Operand::Chain(inner, names) => {
                self.argument(inner);
                self.fields.extend(names.iter().cloned());
            }
            Operand::Nil | Operand::Bool(_) | Operand::Number(_) | Operand::String(..) => {}
        }
    }
}

fn only_field(nodes: &[Node]) -> Option<String> {
    let [Node::Action(pipeline)] = nodes else { return None };
    let [command] = pipeline.commands.as_slice() else { return None };
    match command.arguments.as_slice() {
        [Argument { operand: Operand::Field(names), .. }] if pipeline.variables.is_empty() => match names.as_slice() {
            [name] => Some(name.clone()),
            _ => None,
        },
        _ => None,
    }
}
