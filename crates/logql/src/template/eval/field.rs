//! Fields: `.a.b`, of maps; and the methods that a time has.

use std::borrow::Cow;
use std::rc::Rc;

use super::{Argument, Eval, State};
use crate::template::format;
use crate::template::time::Time;
use crate::template::value::Value;

impl<'t, 'a> State<'t, 'a, '_> {
    /// Follows names from a value. Only the last one may take arguments.
    pub(super) fn fields(
        &mut self,
        dot: &Value<'a>,
        mut value: Value<'a>,
        node: &'t Argument,
        names: &'t [String],
        arguments: &'t [Argument],
        last: Option<Value<'a>>,
    ) -> Eval<Value<'a>> {
        let Some((end, before)) = names.split_last() else { return Ok(value) };
        for name in before {
            value = self.field(value, name, node, &[])?;
        }
        // Only a method looks at its arguments; what is none refuses them as they are.
        let given = arguments.len() + usize::from(last.is_some());
        if given > 0 && matches!(value, Value::Labels(_) | Value::Map(_)) {
            return self.fail(node.at, node, &format!("{end} is not a method but has arguments"));
        }
        let mut values = Vec::with_capacity(given);
        if matches!(value, Value::Time(_)) {
            for argument in arguments {
                values.push(self.argument(dot, argument)?);
            }
            values.extend(last);
        }
        self.field(value, end, node, &values)
    }

    fn field(&self, value: Value<'a>, name: &str, node: &Argument, arguments: &[Value<'a>]) -> Eval<Value<'a>> {
        match &value {
            Value::None => Ok(Value::None),
            Value::Nil => self.fail(node.at, node, &format!("nil pointer evaluating interface {{}}.{name}")),
            // A label that is not there is the empty string, a member that is not there is nil.
            Value::Labels(labels) => {
                Ok(Value::String(Cow::Borrowed(labels.label(name).unwrap_or_default().as_bytes())))
            }
            Value::Map(map) => Ok(map.get(name).cloned().unwrap_or(Value::Nil)),
            Value::Time(time) => self.method(time, name, node, arguments),
            other => {
                let words = format!("can't evaluate field {name} in type {}", other.type_name());
                self.fail(node.at, node, &words)
            }
        }
    }

    /// The methods of Go's `time.Time` that make sense in a log line.
    fn method(&self, time: &Rc<Time>, name: &str, node: &Argument, arguments: &[Value<'a>]) -> Eval<Value<'a>> {
        let wanted = usize::from(name == "Format");
        let value = match name {
            "Format" => match arguments {
                [Value::String(layout)] => Value::text(time.format(&String::from_utf8_lossy(layout))),
                [other] => {
                    let got = other.type_name();
                    let words = format!("wrong type for value; expected string; got {got}");
                    return self.fail(node.at, node, &words);
                }
                _ => Value::None,
            },
            "String" => Value::text(format::show(&Value::Time(Rc::clone(time)))),
            "UTC" => Value::Time(Rc::new(time.utc())),
            "IsZero" => Value::Bool(time.is_zero()),
            "Unix" => Value::Int64(time.unix()),
            "UnixMilli" => Value::Int64(time.unix_scaled(1_000)),
            "UnixMicro" => Value::Int64(time.unix_scaled(1_000_000)),
            "UnixNano" => Value::Int64(time.unix_scaled(1_000_000_000)),
            "Nanosecond" => Value::Int(i64::from(time.nanosecond())),
            "Month" => Value::text(time.format("January")),
            "Weekday" => Value::text(time.format("Monday")),
            "Year" | "Day" | "Hour" | "Minute" | "Second" | "YearDay" => Value::Int(time.part(name)),
            _ => {
                let words = format!("can't evaluate field {name} in type time.Time");
                return self.fail(node.at, node, &words);
            }
        };
        if arguments.len() != wanted {
            let got = arguments.len();
            return self.fail(node.at, node, &format!("wrong number of args for {name}: want {wanted} got {got}"));
        }
        Ok(value)
    }
}
