//! The fields of the Record, as `/api/v1/fields` lists them.

use meter::record::{FIELDS, Role, Unit};
use serde_json::{Value, json};

use crate::config::{Fields, Kind};

/// All fields: those of the table, then the operator's own.
pub(super) fn list(own: &Fields) -> Value {
    let built_in = FIELDS.iter().map(|field| {
        json!({ "name": field.name, "unit": unit(field.unit), "role": role(field.role), "about": field.doc, "own": false })
    });
    let pairs = own.declared.iter().zip(&own.plans).filter(|(field, _)| field.on_line);
    let declared = pairs.map(|(field, plan)| {
        let unit = kind(plan.kind);
        json!({ "name": field.name, "unit": unit, "role": "line", "about": "A field of your own.", "own": true })
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

const fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::String => "text",
        Kind::Integer => "count",
        Kind::Float => "number",
        Kind::Bool => "yes_or_no",
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn own_fields_come_last_with_what_they_are() {
        let own = "[[fields]]\nname = \"team\"\nfrom = \"header:x-team\"\n[[fields]]\nname = \"turns\"\nfrom = \"json:turns\"\ntype = \"integer\"\n";
        let config = Config::parse(&format!("{own}[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n")).unwrap();
        let told = list(&config.fields);
        let told = told.as_array().unwrap();
        let of = |name: &str| told.iter().find(|field| field["name"] == name).unwrap();
        assert_eq!(
            (&of("team")["unit"], &of("turns")["unit"], &of("turns")["own"]),
            (&json!("text"), &json!("count"), &json!(true))
        );
        assert_eq!(
            (&of("event")["role"], &of("model")["role"], &of("region")["role"]),
            (&json!("label"), &json!("metadata"), &json!("line"))
        );
        assert_eq!(told.len(), FIELDS.len() + 2);
    }
}
