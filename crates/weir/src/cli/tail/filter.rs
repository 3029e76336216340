//! Which Records are shown.

use std::str::FromStr;

use serde_json::{Map, Value};

use crate::config::Pattern;

/// How a value is compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    More,
    AtLeast,
    Contains,
}

/// A longer sign stands before the one that it begins with.
const SIGNS: [(&str, Comparison); 7] = [
    ("!=", Comparison::NotEqual),
    (">=", Comparison::AtLeast),
    ("<=", Comparison::AtMost),
    ("=", Comparison::Equal),
    (">", Comparison::More),
    ("<", Comparison::Less),
    ("~", Comparison::Contains),
];

/// `FIELD=VALUE`, and other comparisons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    field: String,
    comparison: Comparison,
    value: String,
}

impl FromStr for Condition {
    type Err = String;

    fn from_str(text: &str) -> Result<Condition, String> {
        let length = text.find(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).unwrap_or(text.len());
        let (field, rest) = text.split_at(length);
        let found = SIGNS.iter().find_map(|(sign, comparison)| Some((*comparison, rest.strip_prefix(sign)?)));
        match found {
            Some((comparison, value)) if !field.is_empty() => {
                Ok(Condition { field: field.to_owned(), comparison, value: value.to_owned() })
            }
            _ => Err("write FIELD=VALUE, or != > >= < <= ~ (contains) in place of =".to_owned()),
        }
    }
}

impl Condition {
    fn holds(&self, record: &Map<String, Value>) -> bool {
        // What is unknown has no value: equal to nothing but to none, and neither more nor less than anything.
        let shown = match record.get(&self.field) {
            None | Some(Value::Null) => String::new(),
            Some(Value::String(text)) => text.clone(),
            Some(other) => other.to_string(),
        };
        let numbers = shown.parse::<f64>().ok().zip(self.value.parse::<f64>().ok());
        let equal = shown == self.value || numbers.is_some_and(|(one, other)| one == other);
        let order = numbers.and_then(|(one, other)| one.partial_cmp(&other));
        match self.comparison {
            Comparison::Equal => equal,
            Comparison::NotEqual => !equal,
            Comparison::Less => order.is_some_and(std::cmp::Ordering::is_lt),
            Comparison::AtMost => order.is_some_and(std::cmp::Ordering::is_le),
            Comparison::More => order.is_some_and(std::cmp::Ordering::is_gt),
            Comparison::AtLeast => order.is_some_and(std::cmp::Ordering::is_ge),
            Comparison::Contains => shown.contains(&self.value),
        }
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Filter<'a> {
    model: Option<Pattern>,
    status: Option<&'a str>,
    conditions: &'a [Condition],
}

impl<'a> Filter<'a> {
    pub(super) fn new(model: Option<&str>, status: Option<&'a str>, conditions: &'a [Condition]) -> Filter<'a> {
        Filter { model: model.map(Pattern::new), status, conditions }
    }

    pub(super) fn lets_pass(&self, record: &Map<String, Value>) -> bool {
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        self.model.as_ref().is_none_or(|model| model.matches(text("model")))
            && self.status.is_none_or(|status| text("status") == status)
            && self.conditions.iter().all(|condition| condition.holds(record))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions() {
        let record = serde_json::json!({
            "model": "gpt-4", "status": "error", "cost_usd": 0.5, "output_tokens": 150, "team": "a=b", "stream": true,
            "temperature": null
        });
        let record = record.as_object().unwrap();
        for (text, holds) in [
            ("cost_usd>0.1", true),
            ("cost_usd>=0.50", true),
            ("cost_usd<0.5", false),
            ("cost_usd=5e-1", true),
            ("output_tokens<=150", true),
            ("team=a=b", true),
            ("team!=a", true),
            ("team~=", true),
            ("team>a", false),
            ("stream=true", true),
            ("user_id=", true),
            ("user_id!=", false),
            ("temperature=", true),
            ("temperature<1", false),
            ("error_type=x", false),
        ] {
            assert_eq!(text.parse::<Condition>().unwrap().holds(record), holds, "{text}");
        }
        for text in ["", "=x", "team", "a b=c", "team:x"] {
            assert!(text.parse::<Condition>().is_err(), "{text}");
        }
        assert!(Filter::new(Some("gpt-*"), Some("error"), &[]).lets_pass(record));
        assert!(!Filter::new(Some("o*"), None, &[]).lets_pass(record));
        assert!(!Filter::new(None, Some("success"), &[]).lets_pass(record));
    }
}
