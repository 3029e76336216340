//! The fields of the Record, as `/api/v1/fields` lists them.

use meter::record::{FIELDS, Role, Unit};
use serde_json::{Value, json};

use crate::config::Fields;

/// All fields: those of the table, then the operator's own.
pub(super) fn list(own: &Fields) -> Value {
    let built_in = FIELDS.iter().map(|field| {
        json!({ "name": field.name, "unit": unit(field.unit), "role": role(field.role), "about": field.doc, "own": false })
    });
    let declared = own.declared.iter().filter(|field| field.on_line).map(|field| {
        json!({ "name": field.name, "unit": "text", "role": "line", "about": "A field of your own.", "own": true })
    });
    Value::Array(built_in.chain(declared).collect())
}

const fn role(role: Role) -> &'static str {
    match role {
        Role::Label => "label",
        Role::Metadata => "metadata",
        Role::Line => "line",
    }
}

const fn unit(unit: Unit) -> &'static str {
    match unit {
        Unit::Text(_) => "text",
        Unit::Count => "count",
        Unit::Usd => "us_dollars",
        Unit::Kwh => "kilowatt_hours",
        Unit::Grams => "grams",
        Unit::Millilitres => "millilitres",
        Unit::Seconds => "seconds",
        Unit::Number => "number",
        Unit::Bool => "yes_or_no",
        Unit::Time => "time",
        Unit::Id => "id",
    }
}
