//! From tokens to the tree, with Go's errors.

mod constant;
mod control;

use std::collections::HashMap;

use super::functions;
use super::lexer::{Kind, Lexer, Token};
use super::node::{Argument, Command, Node, Operand, Pipeline};
use crate::stage::quote::quote;

/// How deep parentheses and branches may nest.
const DEPTH: usize = 100;

/// The templates of a text: its own, and those that it defines.
pub(super) struct Parsed {
    pub(super) root: Vec<Node>,
    pub(super) defined: HashMap<String, Vec<Node>>,
}

pub(super) fn parse(name: &str, text: &str) -> Result<Parsed, String> {
    let mut parser = Parser {
        name,
        lexer: Lexer::new(text),
        ahead: Vec::new(),
        line: 1,
        action_line: 0,
        variables: vec!["$".to_owned()],
        ranges: 0,
        depth: 0,
        defined: HashMap::new(),
    };
    let root = parser.top()?;
    Ok(Parsed { root, defined: parser.defined })
}

struct Parser<'a> {
    name: &'a str,
    lexer: Lexer<'a>,
    /// Tokens that were given back, the next one last.
    ahead: Vec<Token>,
    /// The line of the token read last.
    line: usize,
    /// Where the action under way begins; 0: none is.
    action_line: usize,
    variables: Vec<String>,
    ranges: usize,
    depth: usize,
    defined: HashMap<String, Vec<Node>>,
}

type Parse<T> = Result<T, String>;

impl Parser<'_> {
    fn fail<T>(&self, words: &str) -> Parse<T> {
        Err(format!("template: {}:{}: {words}", self.name, self.line))
    }

    fn next(&mut self) -> Token {
        if let Some(token) = self.ahead.pop() {
            return token;
        }
        let token = self.lexer.next();
        self.line = token.line;
        token
    }

    fn back(&mut self, token: Token) {
        self.ahead.push(token);
    }

    fn peek(&mut self) -> &Token {
        let token = self.next();
        let at = self.ahead.len();
        self.ahead.push(token);
        &self.ahead[at]
    }

    fn next_non_space(&mut self) -> Token {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> &Token {
        let token = self.next_non_space();
        self.back(token);
        self.peek()
    }

    fn unexpected<T>(&self, token: &Token, context: &str) -> Parse<T> {
        if token.kind != Kind::Error {
            return self.fail(&format!("unexpected {} in {context}", show(token)));
        }
        let mut words = token.text.clone();
        if self.action_line != 0 && self.action_line != token.line {
            let within = if words.ends_with(" action") { "" } else { " in action" };
            words += &format!("{within} started at {}:{}", self.name, self.action_line);
        }
        self.fail(&words)
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parse<Token> {
        let token = self.next_non_space();
        if token.kind == kind { Ok(token) } else { self.unexpected(&token, context) }
    }

    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Parse<T>) -> Parse<T> {
        if self.depth == DEPTH {
            return self.fail("nests too deeply");
        }
        self.depth += 1;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    /// The expression of an action, up to its end.
    fn pipeline(&mut self, context: &str, end: Kind) -> Parse<Pipeline> {
        let mut pipeline = Pipeline::default();
        while self.peek_non_space().kind == Kind::Variable {
            if !self.declaration(context, &mut pipeline)? {
                break;
            }
        }
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.back(token);
                    let command = self.command()?;
                    pipeline.commands.push(command);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        self.check(&pipeline, context)?;
        Ok(pipeline)
    }

    fn check(&self, pipeline: &Pipeline, context: &str) -> Parse<()> {
        if pipeline.commands.is_empty() {
            return self.fail(&format!("missing value for {context}"));
        }
        for (index, command) in pipeline.commands.iter().enumerate().skip(1) {
            if let Some(Operand::Bool(_) | Operand::Dot | Operand::Nil | Operand::Number(_) | Operand::String(..)) =
                command.arguments.first().map(|argument| &argument.operand)
            {
                return self.fail(&format!("non executable command in pipeline stage {}", index + 1));
            }
        }
        Ok(())
    }

    /// A variable at the beginning of a pipeline. Whether another one may follow.
    fn declaration(&mut self, context: &str, pipeline: &mut Pipeline) -> Parse<bool> {
        let variable = self.next_non_space();
        let behind = self.next();
        let space = (behind.kind == Kind::Space).then(|| behind.clone());
        let next = if space.is_some() { self.next_non_space() } else { behind };
        match next.kind {
            Kind::Assign | Kind::Declare => {
                pipeline.assigns = next.kind == Kind::Assign;
                pipeline.variables.push(variable.text.clone());
                self.variables.push(variable.text);
                Ok(false)
            }
            Kind::Char if next.text == "," => {
                pipeline.variables.push(variable.text.clone());
                self.variables.push(variable.text);
                if context != "range" || pipeline.variables.len() >= 2 {
                    return self.fail(&format!("too many declarations in {context}"));
                }
                match self.peek_non_space().kind {
                    Kind::Variable | Kind::RightDelim | Kind::RightParen => Ok(true),
                    _ => self.fail("range can only initialize variables"),
                }
            }
            _ => {
                self.back(next);
                self.ahead.extend(space);
                self.back(variable);
                Ok(false)
            }
        }
    }

    fn command(&mut self) -> Parse<Command> {
        let mut command = Command { at: self.peek_non_space().at, arguments: Vec::new() };
        loop {
            if let Some(argument) = self.operand()? {
                command.arguments.push(argument);
            }
            let token = self.next();
            match token.kind {
                Kind::Space => continue,
                Kind::RightDelim | Kind::RightParen => self.back(token),
                Kind::Pipe => {}
                _ => return self.unexpected(&token, "operand"),
            }
            break;
        }
        if command.arguments.is_empty() {
            return self.fail("empty command");
        }
        Ok(command)
    }

    /// A term and the fields behind it.
    fn operand(&mut self) -> Parse<Option<Argument>> {
        let Some(mut argument) = self.term()? else { return Ok(None) };
        if self.peek().kind != Kind::Field {
            return Ok(Some(argument));
        }
        let at = self.peek().at;
        let mut names = Vec::new();
        while self.peek().kind == Kind::Field {
            names.push(self.next().text[1..].to_owned());
        }
        match &mut argument.operand {
            // Go puts such a chain where its second part is: errors show it.
            Operand::Field(fields) | Operand::Variable(fields) => {
                fields.append(&mut names);
                argument.at = at;
            }
            Operand::Bool(_) | Operand::String(..) | Operand::Number(_) | Operand::Nil | Operand::Dot => {
                let term = quote(argument.to_string().as_bytes());
                return self.fail(&format!("unexpected . after term {term}"));
            }
            _ => argument = Argument { at, operand: Operand::Chain(Box::new(argument), names) },
        }
        Ok(Some(argument))
    }

    fn term(&mut self) -> Parse<Option<Argument>> {
        let token = self.next_non_space();
        let at = token.at;
        let operand = match token.kind {
            Kind::Identifier => match functions::find(&token.text) {
                Some(function) => Operand::Function(function),
                None => return self.fail(&format!("function {} not defined", quote(token.text.as_bytes()))),
            },
            Kind::Dot => Operand::Dot,
            Kind::Nil => Operand::Nil,
            Kind::Bool => Operand::Bool(token.text == "true"),
            Kind::Field => Operand::Field(vec![token.text[1..].to_owned()]),
            Kind::Variable if !self.variables.contains(&token.text) => {
                return self.fail(&format!("undefined variable {}", quote(token.text.as_bytes())));
            }
            Kind::Variable => Operand::Variable(vec![token.text]),
            Kind::Number | Kind::CharConstant => match constant::number(&token) {
                Ok(number) => Operand::Number(number),
                Err(words) => return self.fail(&words),
            },
            Kind::String | Kind::RawString => match constant::unquote(&token.text) {
                Some(text) => Operand::String(token.text, text),
                None => return self.fail("invalid syntax"),
            },
            Kind::LeftParen => {
                Operand::Pipeline(self.deeper(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?)
            }
            _ => {
                self.back(token);
                return Ok(None);
            }
        };
        Ok(Some(Argument { at, operand }))
    }
}

/// A token in an error, as Go shows it.
fn show(token: &Token) -> String {
    match token.kind {
        Kind::Eof => "EOF".to_owned(),
        Kind::Error => token.text.clone(),
        Kind::Keyword | Kind::Nil => format!("<{}>", token.text),
        // `.` is a keyword to Go.
        Kind::Dot => "<.>".to_owned(),
        _ if token.text.len() > 10 => {
            let cut: String = token.text.chars().take(10).collect();
            format!("{}...", quote(cut.as_bytes()))
        }
        _ => quote(token.text.as_bytes()),
    }
}
