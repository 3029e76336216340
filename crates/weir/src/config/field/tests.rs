use super::*;
use crate::config::Config;

const PROVIDER: &str = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";

fn refused(fields: &str) -> String {
    Config::parse(&format!("{PROVIDER}{fields}")).unwrap_err().to_string()
}

fn field(name: &str, from: &str, more: &str) -> String {
    format!("[[fields]]\nname = \"{name}\"\nfrom = {from}\n{more}\n")
}

#[test]
fn what_cannot_be_declared_is_refused_with_a_hint() {
    for (text, hint) in [
        (
            field("cost_usd", "\"const:1\"", ""),
            "fields.\"cost_usd\": `cost_usd` is a name of Weir's own; write `my_cost_usd`",
        ),
        (field("llm_team", "\"const:1\"", ""), "write `team`"),
        (field("gen_ai_team", "\"const:1\"", ""), "write `team`"),
        (field("Team", "\"const:1\"", ""), "write `team`"),
        (field("team", "\"x-team\"", ""), "write \"header:NAME\""),
        (field("team", "[]", ""), "names no source"),
        (field("team", "\"header:x team\"", ""), "not a header's name"),
        (field("team", "\"header:Authorization\"", ""), "carries keys"),
        (field("team", "\"json:\"", ""), "metadata.team"),
        (field("team", "\"json:a..b\"", ""), "metadata.team"),
        (field("team", "\"key:team\"", ""), "there are no [[keys]]"),
        (field("n", "\"const:x\"", "type = \"integer\""), "not what `type` says"),
        (field("n", "\"header:n\"", "type = \"number\""), "unknown variant"),
        (field("n", "\"header:n\"", "type = \"integer\"\nhash = true"), "leave the type out"),
        (field("user_id", "\"header:n\"", "type = \"integer\""), "leave the type out"),
        (field("team", "\"header:a\"", "").repeat(2), "taken twice"),
        ((0..33).map(|n| field(&format!("f{n}"), "\"header:a\"", "")).collect(), "room for 32"),
    ] {
        let error = refused(&text);
        assert!(error.contains(hint), "{text}: {error}");
    }
    let keys = format!("[[keys]]\nname = \"a\"\nsha256 = \"{}\"\nattributes = {{ team = \"x\" }}\n", "0".repeat(64));
    let error = refused(&(keys + &field("team", "\"key:taem\"", "")));
    assert!(error.contains("there are name, team"), "{error}");
}

#[test]
fn values_become_what_was_declared_or_nothing() {
    let text = |text: &'static str| Raw::Text(text.into());
    let found = |found| Raw::Found(Box::leak(Box::new(found)));
    for (kind, raw, value) in [
        (Kind::String, text("a\nb"), Some(CustomValue::Text("a\nb".to_owned()))),
        (Kind::String, found(Found::Number("1e3".to_owned())), Some(CustomValue::Text("1e3".to_owned()))),
        (Kind::String, found(Found::Container), None),
        (Kind::Integer, text(" 42 "), Some(CustomValue::Integer(42))),
        (Kind::Integer, found(Found::Number("-7".to_owned())), Some(CustomValue::Integer(-7))),
        (Kind::Integer, found(Found::Number("1.5".to_owned())), None),
        (Kind::Integer, text("99999999999999999999"), None),
        (Kind::Float, found(Found::Text("0.5".to_owned())), Some(CustomValue::Float(0.5))),
        (Kind::Float, text("inf"), None),
        (Kind::Float, text("1e300"), None),
        (Kind::Bool, found(Found::Bool(true)), Some(CustomValue::Bool(true))),
        (Kind::Bool, text("0"), Some(CustomValue::Bool(false))),
        (Kind::Bool, text("yes"), None),
    ] {
        assert_eq!(convert(kind, &raw), value, "{kind:?} {raw:?}");
    }
}

#[test]
fn counters_go_on_over_a_change() {
    let config = |fields: &str| Config::parse(&format!("{PROVIDER}{fields}")).unwrap();
    let before = config(&field("n", "\"header:n\"", "type = \"integer\""));
    assert_eq!(before.fields.plans[0].take(&Raw::Text("x".into()), None), None);
    let after = field("m", "\"header:m\"", "") + &field("n", "\"header:other\"", "type = \"bool\"");
    let after = before.succeed(config(&after)).unwrap();
    assert_eq!(after.fields.wrong().collect::<Vec<_>>(), [("m", 0), ("n", 1)]);
}
