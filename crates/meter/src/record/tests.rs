use proptest::prelude::*;

use super::*;
use crate::cost::{Price, Tariff};
use crate::usage::Parts;

fn sample() -> Record {
    let usage = Usage::from_inclusive(25, 150, Parts::default());
    let tariff = Tariff { input: 0.03, output: 0.06, ..Tariff::default() };
    let price = Price::from_tariff("config:gpt-4", &tariff).unwrap();
    Record {
        timestamp: 1_754_476_215_123_000_000,
        request_id: id_from_text(b"550e8400-e29b-41d4-a716-446655440000").unwrap(),
        what: What { model: Some("gpt-4".to_owned()), temperature: Some(0.7), ..What::default() },
        cost: price.cost(&usage),
        energy: Some(crate::energy::Energy {
            low: 875_000_000,
            mid: 875_000_000,
            high: 875_000_000,
            method: "rates/1",
            basis: crate::energy::Basis::Rate,
        }),
        usage: Some(usage),
        usage_source: UsageSource::Provider,
        times: Times { processing: 2_345_000_000, ..Times::default() },
        ..Record::default()
    }
}

fn line(record: &Record) -> String {
    let mut out = Vec::new();
    render(record, &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn the_missions_sample() {
    let expected = "{\"timestamp\":\"2025-08-06T10:30:15.123000000Z\",\"logger_name\":\"llm-metrics\",\"level\":\"INFO\",\
        \"event\":\"llm_request_completed\",\"request_id\":\"550e8400-e29b-41d4-a716-446655440000\",\"model\":\"gpt-4\",\
        \"input_tokens\":25,\"output_tokens\":150,\"total_tokens\":175,\"processing_time_seconds\":2.345,\
        \"energy_consumption_kwh\":0.000875,\"cost_usd\":0.00975,\"temperature\":0.7,\"status\":\"success\",\"v\":1,";
    let line = line(&sample());
    assert!(line.starts_with(expected), "{line}");
    assert!(line.ends_with("}\n"));
}

#[test]
fn unknown_is_null_in_the_first_block_and_absent_beyond() {
    let line = line(&Record::default());
    assert!(line.contains("\"model\":null,\"input_tokens\":null,\"output_tokens\":null,\"total_tokens\":null"));
    assert!(line.contains("\"energy_consumption_kwh\":null,\"cost_usd\":null,\"temperature\":null"));
    assert!(!line.contains("cost_status") && !line.contains("user_id"));
}

#[test]
fn tokens_without_a_price_are_unpriced() {
    let record = Record { cost: None, ..sample() };
    assert!(line(&record).contains("\"cost_status\":\"unpriced\""));
}

/// A field that tells of the request and is not marked would be lost with a killed process.
#[test]
fn what_a_request_says_is_known_early() {
    let text = || Some("x".to_owned());
    let begun = Record {
        who: Who {
            key: text(),
            user_id: text(),
            organization: text(),
            session_id: text(),
            prompt_category: text(),
            trace_id: text(),
            span_id: text(),
            client: text(),
            client_request_id: text(),
            client_retry: Some(1),
            instance: text(),
        },
        what: What {
            model: text(),
            provider: text(),
            target: text(),
            stream: Some(true),
            max_tokens: Some(1),
            temperature: Some(1.0),
            top_p: Some(1.0),
            simulated: true,
            ..What::default()
        },
        times: Times { started_at: 1, ..Times::default() },
        request_bytes: Some(1),
        ..Record::default()
    };
    let mut early = Vec::new();
    render_begun(&begun, LINE_LIMIT, &mut early);
    let (early, whole) = (Line::parse(&early).unwrap(), Line::parse(line(&begun).as_bytes()).unwrap());
    let nothing = Line::parse(line(&Record::default()).as_bytes()).unwrap();
    for field in FIELDS {
        let name = field.name;
        match field.early {
            true => assert_eq!(early.get(name), whole.get(name), "{name}"),
            false => assert_eq!(whole.get(name), nothing.get(name), "{name} is known early and not marked"),
        }
    }
}

#[test]
fn names_are_unique_and_documented() {
    let mut names: Vec<_> = FIELDS.iter().map(|field| field.name).collect();
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), FIELDS.len());
    assert!(FIELDS.iter().all(|field| !field.doc.is_empty()));
}

#[test]
fn a_long_text_is_cut_and_the_line_says_so() {
    let mut record = sample();
    record.who.user_id = Some("ü".repeat(500));
    let text = line(&record);
    assert!(text.contains("\"truncated\":true"));
    assert!(text.contains(&format!("\"user_id\":\"{}\"", "ü".repeat(128))));
}

#[test]
fn what_is_no_figure_and_no_day_is_not_read() {
    assert!(Line::parse(br#"{"temperature":-1.5}"#).is_some());
    for line in [
        r#"{"temperature":-inf}"#,
        r#"{"temperature":-nan}"#,
        r#"{"temperature":1e999}"#,
        r#"{"timestamp":"2025-02-31T00:00:00.000000000Z"}"#,
    ] {
        assert!(Line::parse(line.as_bytes()).is_none(), "{line}");
    }
}

#[test]
fn ids_of_version_7() {
    let id = id_v7(0x0123_4567_89ab, u128::MAX);
    assert_eq!(id_text(&id), *b"01234567-89ab-7fff-bfff-ffffffffffff");
    assert_eq!(id_from_text(&id_text(&id)), Some(id));
    assert_eq!(id_from_text(b"01234567-89ab-7fff-bfff-fffffffffff"), None);
    assert_eq!(id_from_text(b"0123456789ab7fffbfffffffffffffff"), None);
}

fn declared(values: Vec<(&str, CustomValue)>) -> Option<Box<Custom>> {
    let fields = values.iter().map(|(name, _)| Declared::new(name, true, false)).collect();
    Some(Box::new(Custom { fields, values: values.into_iter().map(|(_, value)| Some(value)).collect() }))
}

#[test]
fn what_was_declared_stands_behind_the_table() {
    let mut record = sample();
    record.custom = declared(vec![
        ("team", CustomValue::Text("a\n\"b\"\0".to_owned())),
        ("priority", CustomValue::Integer(-3)),
        ("weight", CustomValue::float(0.25).unwrap()),
        ("paid", CustomValue::Bool(true)),
    ]);
    let text = line(&record);
    let end = "\"started_at\":\"1970-01-01T00:00:00.000000000Z\",\"team\":\"a\\n\\\"b\\\"\\u0000\",\"priority\":-3,\
        \"weight\":0.25,\"paid\":true}\n";
    assert!(text.ends_with(end), "{text}");
    let parsed = Line::parse(text.as_bytes()).unwrap();
    assert_eq!(parsed.custom("priority"), Some(&CustomValue::Integer(-3)));
    record.who.user_id = Some("x".repeat(300));
    assert!(line(&record).ends_with("\"paid\":true,\"truncated\":true}\n"));
}

#[test]
fn what_was_declared_gives_way_where_there_is_no_room() {
    let mut record = sample();
    record.who.client = Some("c".repeat(200));
    let names: Vec<String> = (0..MAX_FIELDS).map(|number| format!("{}{number:02}", "n".repeat(62))).collect();
    let long = || CustomValue::Text("\u{1}".repeat(1000));
    record.custom = declared(names.iter().map(|name| (name.as_str(), long())).collect());
    let text = line(&record);
    assert!(text.len() <= LINE_LIMIT && text.contains(&names[31]), "{text}");
    let mut begun = Vec::new();
    render_begun(&record, 992, &mut begun);
    let begun = String::from_utf8(begun).unwrap();
    assert!(begun.len() <= 992 && begun.contains("\"truncated\":true") && !begun.contains("nnnn"), "{begun}");
    record.custom = declared(vec![("team", CustomValue::Text("blue".to_owned()))]);
    let mut begun = Vec::new();
    render_begun(&record, 992, &mut begun);
    assert!(String::from_utf8(begun).unwrap().contains("\"team\":\"blue\""));
}

#[test]
fn names_that_cannot_be_declared_come_with_a_hint() {
    for (name, hint) in [
        ("model", "write `my_model`"),
        ("cost_usd", "write `my_cost_usd`"),
        ("carbon_zone", "write `my_carbon_zone`"),
        ("le", "write `my_le`"),
        ("llm_team", "write `team`"),
        ("weir_model", "write `my_weir_model`"),
        ("gen_ai_x", "write `x`"),
        ("Cost-Center", "write `cost_center`"),
        ("1st", "write `st`"),
        ("", "write `team`"),
        (&"x".repeat(65), "1 to 64"),
        ("a\"b", "write `a_b`"),
    ] {
        let error = check_name(name).unwrap_err().to_string();
        assert!(error.contains(hint), "{name}: {error}");
    }
    for name in ["team", "cost_center", "x1", &"x".repeat(64)] {
        assert_eq!(check_name(name), Ok(()), "{name}");
    }
}

proptest! {
    #[test]
    fn a_line_is_one_line_reads_back_and_renders_the_same(
        text in "\\PC{0,400}|[\\x00-\\x7f]{0,2000}", other in "[\\x00-\\x1f]{0,1100}", cents: u32, tokens in 0u64..1 << 40,
        integer: i64, number in -1e15f64..1e15, small in -1.0f64..1.0,
        nanos: u32, temperature in proptest::option::of(-2.0f64..2.0), stream: bool,
    ) {
        let mut record = sample();
        record.who.user_id = Some(text.clone());
        record.who.client = Some(text.clone());
        record.what.model = Some(text.clone());
        record.what.target = Some(other.clone());
        record.what.response_model = Some(other.clone());
        record.what.response_id = Some(other.clone());
        record.what.finish_reason = Some(other.clone());
        record.outcome.error_message = Some(other.clone());
        record.usage_raw = Some(other);
        record.usage = Some(Usage::from_inclusive(tokens, u64::from(cents), Parts { cached_input: tokens / 2, ..Parts::default() }));
        record.times.processing = u64::from(nanos);
        record.what.temperature = temperature;
        record.what.stream = Some(stream);
        record.custom = declared([
            Some(("text", CustomValue::Text(text))),
            Some(("integer", CustomValue::Integer(integer))),
            CustomValue::float(number).map(|number| ("number", number)),
            CustomValue::float(small).map(|small| ("small", small)),
            Some(("flag", CustomValue::Bool(stream))),
        ].into_iter().flatten().collect());
        let mut bytes = Vec::new();
        render(&record, &mut bytes);
        prop_assert!(bytes.len() <= LINE_LIMIT);
        prop_assert_eq!(bytes.iter().filter(|byte| **byte < 0x20).count(), 1);
        prop_assert!(serde_json::from_slice::<serde_json::Value>(&bytes).is_ok());
        let mut again = Vec::new();
        Line::parse(&bytes).unwrap().render(&mut again);
        prop_assert_eq!(again, bytes);
    }
}
