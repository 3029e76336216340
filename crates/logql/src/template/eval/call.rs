//! Calls of functions: Go checks the number and the types of arguments against the function's signature.

use super::{Argument, Eval, Operand, State};
use crate::template::functions::{Function, Parameter};
use crate::template::value::Value;

impl<'t, 'a> State<'t, 'a, '_> {
    pub(super) fn call(
        &mut self,
        dot: &Value<'a>,
        function: &'static Function,
        node: &'t Argument,
        command: &'t dyn std::fmt::Display,
        arguments: &'t [Argument],
        last: Option<Value<'a>>,
    ) -> Eval<Value<'a>> {
        let name = function.name;
        self.count(function, node, arguments.len(), last.is_some())?;
        if matches!(name, "and" | "or") {
            return self.short_circuit(dot, name == "or", arguments, last);
        }
        let mut values = Vec::with_capacity(arguments.len() + 1);
        for (index, argument) in arguments.iter().enumerate() {
            values.push(self.typed(dot, function.parameter(index), argument)?);
        }
        if let Some(last) = last {
            let parameter = function.parameter(values.len());
            // Go has no node for it: the error stands at the function's last argument, or at its name.
            let at = arguments.last().unwrap_or(node);
            values.push(self.checked(parameter, last, at)?);
        }
        match (function.run)(&self.scope, &values) {
            Ok(value) => Ok(value),
            Err(words) => self.fail(node.at, command, &format!("error calling {name}: {words}")),
        }
    }

    fn count(&self, function: &Function, node: &Argument, given: usize, last: bool) -> Eval<()> {
        let (fixed, total) = (function.parameters.len(), given + usize::from(last));
        let name = function.name;
        if function.more.is_some() {
            if total < fixed {
                let words = format!("wrong number of args for {name}: want at least {fixed} got {given}");
                return self.fail(node.at, node, &words);
            }
        } else if total != fixed {
            let words = format!("wrong number of args for {name}: want {fixed} got {total}");
            return self.fail(node.at, node, &words);
        }
        Ok(())
    }

    /// `and` and `or` give the argument that decides, and do not look at those behind it.
    fn short_circuit(
        &mut self,
        dot: &Value<'a>,
        until: bool,
        arguments: &'t [Argument],
        last: Option<Value<'a>>,
    ) -> Eval<Value<'a>> {
        let mut value = Value::None;
        for argument in arguments {
            value = self.argument(dot, argument)?;
            if value.truth() == until {
                return Ok(value);
            }
        }
        Ok(last.unwrap_or(value))
    }

    /// An argument that may be anything.
    pub(super) fn argument(&mut self, dot: &Value<'a>, argument: &'t Argument) -> Eval<Value<'a>> {
        match &argument.operand {
            Operand::Nil => Ok(Value::Nil),
            Operand::Field(names) => self.fields(dot, dot.clone(), argument, names, &[], None),
            Operand::Variable(names) => {
                let value = self.variable(&names[0]);
                self.fields(dot, value, argument, &names[1..], &[], None)
            }
            Operand::Pipeline(pipeline) => self.pipeline(dot, pipeline),
            Operand::Function(function) => self.call(dot, function, argument, argument, &[], None),
            Operand::Chain(inner, names) => {
                let value = self.chained(dot, argument, inner)?;
                self.fields(dot, value, argument, names, &[], None)
            }
            _ => self.constant(dot, argument),
        }
    }

    fn typed(&mut self, dot: &Value<'a>, parameter: Parameter, argument: &'t Argument) -> Eval<Value<'a>> {
        let expected = match (&argument.operand, parameter) {
            (_, Parameter::Any) => return self.argument(dot, argument),
            (Operand::Nil, _) => {
                let words = format!("cannot assign nil to {}", parameter.type_name());
                return self.fail(argument.at, argument, &words);
            }
            (Operand::String(..), Parameter::String) => return self.argument(dot, argument),
            (Operand::Number(number), Parameter::Int) if number.int.is_some() => {
                return Ok(Value::Int(number.int.unwrap_or_default()));
            }
            (Operand::Number(number), Parameter::Float) if number.float.is_some() => {
                return Ok(Value::Float(number.float.unwrap_or_default()));
            }
            (Operand::Bool(_) | Operand::Number(_) | Operand::String(..), _) => match parameter {
                Parameter::String => "string",
                Parameter::Int => "integer",
                Parameter::Float => "float",
                Parameter::Any | Parameter::Time => {
                    let words = format!("can't handle {argument} for arg of type {}", parameter.type_name());
                    return self.fail(argument.at, argument, &words);
                }
            },
            _ => {
                let value = self.argument(dot, argument)?;
                return self.checked(parameter, value, argument);
            }
        };
        self.fail(argument.at, argument, &format!("expected {expected}; found {argument}"))
    }

    fn checked(&self, parameter: Parameter, value: Value<'a>, at: &Argument) -> Eval<Value<'a>> {
        let fits = match (parameter, &value) {
            (Parameter::Any, _)
            | (Parameter::String, Value::String(_))
            | (Parameter::Int, Value::Int(_))
            | (Parameter::Float, Value::Float(_))
            | (Parameter::Time, Value::Time(_)) => true,
            (_, Value::None) => {
                return self.fail(at.at, at, &format!("invalid value; expected {}", parameter.type_name()));
            }
            _ => false,
        };
        if fits {
            return Ok(value);
        }
        let (expected, got) = (parameter.type_name(), value.type_name());
        self.fail(at.at, at, &format!("wrong type for value; expected {expected}; got {got}"))
    }
}
