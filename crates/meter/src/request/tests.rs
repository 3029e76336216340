use proptest::prelude::*;

use super::*;

fn rewritten(body: &str, model: Option<&str>, usage: bool) -> String {
    let asked = inspect(body.as_bytes()).unwrap();
    String::from_utf8(asked.rewrite(body.as_bytes(), model, usage)).unwrap()
}

#[test]
fn what_a_request_asks_for() {
    let asked = inspect(
        br#" {"model": "gpt-4", "messages": [{"model": "no"}], "stream": true, "temperature": 0.7, "top_p": 1,
        "max_tokens": 100, "user": "ann\u0061", "stream_options": {"include_usage": true}, "service_tier": "flex"} "#,
    )
    .unwrap();
    assert_eq!(asked.model.as_deref(), Some("gpt-4"));
    assert!(asked.stream);
    assert_eq!((asked.temperature, asked.top_p, asked.max_tokens), (Some(0.7), Some(1.0), Some(100)));
    assert_eq!(asked.user.as_deref(), Some("anna"));
    assert_eq!(asked.include_usage, Some(true));
    assert_eq!(asked.service_tier.as_deref(), Some("flex"));
}

#[test]
fn what_cannot_be_forwarded() {
    assert!(matches!(inspect(b"hello"), Err(BadRequest::NotJson(_))));
    assert!(matches!(inspect(b""), Err(BadRequest::NotJson(_))));
    assert!(matches!(inspect(b"[1]"), Err(BadRequest::NotJson(_))));
    assert_eq!(inspect(br#"{"model": 5}"#), Err(BadRequest::ModelType));
    assert_eq!(inspect(br#"{"model": null}"#).unwrap().model, None);
    assert_eq!(inspect(br#"{"model": "a", "model": null}"#).unwrap().model, None);
}

#[test]
fn usage_is_asked_for_wherever_it_was_not() {
    for (body, expected) in [
        (r#"{"stream":true}"#, r#"{"stream_options":{"include_usage":true},"stream":true}"#),
        (r#" { }"#, r#" {"stream_options":{"include_usage":true} }"#),
        (r#"{"stream_options":{}}"#, r#"{"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options":null}"#, r#"{"stream_options":{"include_usage":true}}"#),
        (r#"{"stream_options": {"x":1}}"#, r#"{"stream_options": {"include_usage":true,"x":1}}"#),
        (r#"{"stream_options":{"include_usage": false}}"#, r#"{"stream_options":{"include_usage": true}}"#),
    ] {
        assert_eq!(rewritten(body, None, true), expected);
    }
}

#[test]
fn a_model_is_replaced_wherever_it_stands() {
    let body = r#"{"model":"a","messages":[{"model":"a"}],"mod\u0065l": "b"}"#;
    assert_eq!(
        rewritten(body, Some("x\"y"), false),
        r#"{"model":"x\"y","messages":[{"model":"a"}],"mod\u0065l": "x\"y"}"#
    );
}

proptest! {
    #[test]
    fn a_rewritten_body_differs_in_what_was_written_only(
        model in "[a-z]{1,8}", text in ".{0,20}", options in proptest::option::of(any::<bool>()), first: bool, target in ".{1,10}",
    ) {
        let mut body = serde_json::json!({"messages": [{"content": text}], "stream": true});
        if first { body["amodel"] = 1.into(); }
        body["model"] = model.into();
        if let Some(include) = options { body["stream_options"] = serde_json::json!({"include_usage": include, "y": [1]}); }
        let bytes = serde_json::to_string_pretty(&body).unwrap();
        let out: serde_json::Value = serde_json::from_str(&rewritten(&bytes, Some(&target), true)).unwrap();
        body["model"] = target.into();
        if options.is_none() { body["stream_options"] = serde_json::json!({}); }
        body["stream_options"]["include_usage"] = true.into();
        prop_assert_eq!(out, body);
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        if let Ok(asked) = inspect(&bytes) {
            let _ = asked.rewrite(&bytes, Some("m"), true);
        }
    }
}
