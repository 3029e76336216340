//! Text and actions: branches, loops, and templates within templates.

use super::{Kind, Node, Parse, Parser, constant};
use crate::template::node::{Branch, Control};

/// What ends a list of nodes.
enum End {
    End,
    Else,
}

impl End {
    fn show(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A node, or what ends the list that it would stand in.
enum Item {
    Node(Node),
    End(End),
}

impl Parser<'_> {
    pub(super) fn top(&mut self) -> Parse<Vec<Node>> {
        let mut nodes = Vec::new();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                let token = self.next_non_space();
                if token.kind == Kind::Keyword && token.text == "define" {
                    self.definition()?;
                    continue;
                }
                self.back(token);
                self.back(delim);
            }
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return self.fail(&format!("unexpected {}", end.show())),
            }
        }
        Ok(nodes)
    }

    fn item(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Item::Node(Node::Text(token.text))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let item = self.deeper(Self::action);
                self.action_line = 0;
                item
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parse<Item> {
        let token = self.next_non_space();
        let keyword = if token.kind == Kind::Keyword { token.text.as_str() } else { "" };
        let at = token.at;
        let node = match keyword {
            "end" => {
                self.expect(Kind::RightDelim, "end")?;
                return Ok(Item::End(End::End));
            }
            "else" => {
                let next = self.peek_non_space();
                let chained = next.kind == Kind::Keyword && matches!(next.text.as_str(), "if" | "with");
                if !chained {
                    self.expect(Kind::RightDelim, "else")?;
                }
                return Ok(Item::End(End::Else));
            }
            "if" => Node::Branch(self.branch(Control::If, at)?),
            "with" => Node::Branch(self.branch(Control::With, at)?),
            "range" => Node::Branch(self.branch(Control::Range, at)?),
            "break" | "continue" => self.jump(keyword)?,
            "template" => self.call(at)?,
            "block" => self.block(at)?,
            _ => {
                self.back(token);
                Node::Action(self.pipeline("command", Kind::RightDelim)?)
            }
        };
        Ok(Item::Node(node))
    }

    fn jump(&mut self, keyword: &str) -> Parse<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, &format!("{{{{{keyword}}}}}"));
        }
        if self.ranges == 0 {
            return self.fail(&format!("{{{{{keyword}}}}} outside {{{{range}}}}"));
        }
        Ok(if keyword == "break" { Node::Break } else { Node::Continue })
    }

    /// What follows `if`, `with` or `range`, up to and with its `end`.
    fn branch(&mut self, control: Control, at: usize) -> Parse<Branch> {
        let context = match control {
            Control::If => "if",
            Control::With => "with",
            Control::Range => "range",
        };
        let known = self.variables.len();
        let pipeline = self.pipeline(context, Kind::RightDelim)?;
        self.ranges += usize::from(control == Control::Range);
        let (body, end) = self.list()?;
        self.ranges -= usize::from(control == Control::Range);
        let otherwise = match end {
            End::End => None,
            End::Else => Some(self.otherwise(control, context)?),
        };
        self.variables.truncate(known);
        Ok(Branch { at, control, pipeline, body, otherwise })
    }

    /// `else if` is an `if` in the `else`, which shares its `end`.
    fn otherwise(&mut self, control: Control, context: &str) -> Parse<Vec<Node>> {
        let next = self.peek().clone();
        if next.kind == Kind::Space {
            self.next();
        }
        let next = self.peek().clone();
        if control != Control::Range && next.kind == Kind::Keyword && next.text == context {
            self.next();
            let branch = self.deeper(|parser| parser.branch(control, next.at))?;
            return Ok(vec![Node::Branch(branch)]);
        }
        let (nodes, end) = self.list()?;
        match end {
            End::End => Ok(nodes),
            End::Else => self.fail("expected end; found {{else}}"),
        }
    }

    fn list(&mut self) -> Parse<(Vec<Node>, End)> {
        let mut nodes = Vec::new();
        while self.peek_non_space().kind != Kind::Eof {
            match self.item()? {
                Item::Node(node) => nodes.push(node),
                Item::End(end) => return Ok((nodes, end)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn quoted_name(&mut self, context: &str) -> Parse<String> {
        let token = self.next_non_space();
        if !matches!(token.kind, Kind::String | Kind::RawString) {
            return self.unexpected(&token, context);
        }
        match constant::unquote(&token.text) {
            Some(name) => Ok(String::from_utf8_lossy(&name).into_owned()),
            None => self.fail("invalid syntax"),
        }
    }

    fn call(&mut self, at: usize) -> Parse<Node> {
        let name = self.quoted_name("template clause")?;
        let token = self.next_non_space();
        if token.kind == Kind::RightDelim {
            return Ok(Node::Template(at, name, None));
        }
        self.back(token);
        let pipeline = self.pipeline("template clause", Kind::RightDelim)?;
        Ok(Node::Template(at, name, Some(pipeline)))
    }

    fn block(&mut self, at: usize) -> Parse<Node> {
        let name = self.quoted_name("block clause")?;
        let pipeline = self.pipeline("block clause", Kind::RightDelim)?;
        self.define(name.clone(), "block clause")?;
        Ok(Node::Template(at, name, Some(pipeline)))
    }

    fn definition(&mut self) -> Parse<()> {
        let name = self.quoted_name("define clause")?;
        self.expect(Kind::RightDelim, "define clause")?;
        self.define(name, "define clause")
    }

    /// The body of a template that is defined here: it sees no variables but `$`.
    fn define(&mut self, name: String, context: &str) -> Parse<()> {
        let outer = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.ranges);
        let (nodes, end) = self.list()?;
        (self.variables, self.ranges) = (outer, ranges);
        match end {
            End::End => {
                self.defined.insert(name, nodes);
                Ok(())
            }
            End::Else => self.fail(&format!("unexpected {{{{else}}}} in {context}")),
        }
    }
}
