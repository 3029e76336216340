use proptest::prelude::*;

use super::rest::Rest;
use super::*;

/// As the service logged before there was a Weir.
const LOGGED: &str = r#"{
  "timestamp": "2025-08-06T10:30:15.123Z", "logger_name": "llm-metrics", "level": "INFO", "event": "llm_request_completed",
  "request_id": "550e8400-e29b-41d4-a716-446655440000", "model": "gpt-4", "input_tokens": 25, "output_tokens": 150,
  "total_tokens": 175, "processing_time_seconds": 2.345, "energy_consumption_kwh": 0.000875, "cost_usd": 0.0105,
  "temperature": 0.7, "status": "success"}"#;

const SPENT: &str = r#"{"request_id":"chatcmpl-1","call_type":"acompletion","api_key":"88dc28","spend":0.00123,"total_tokens":30,
  "prompt_tokens":20,"completion_tokens":10,"startTime":"2025-08-06T10:30:15.100000Z","endTime":"2025-08-06 10:30:17.600000+00:00",
  "completionStartTime":"2025-08-06T10:30:15.600000Z","model":"gpt-4o-2024-08-06","model_group":"gpt-4o","custom_llm_provider":"openai",
  "user":"u1","metadata":{"user_api_key_alias":"app","user_api_key_team_alias":"acme","usage_object":{"prompt_tokens_details":{"cached_tokens":8}}},
  "cache_hit":"False","team_id":"t1","status":"success","new_column":1}"#;

fn mapped(text: &str) -> (Vec<Mapped>, Rest) {
    mapped_with(text, &[])
}

/// With these fields of one's own.
fn mapped_with(text: &str, fields: &[&str]) -> (Vec<Mapped>, Rest) {
    let (mut records, mut rest) = (Vec::new(), Rest::default());
    let how = Reading { from: None, fields: fields.iter().map(|name| (*name).to_owned()).collect() };
    mapped::all(text, &how, "file", &mut records, &mut rest).unwrap();
    (records, rest)
}

fn rendered(record: &Mapped) -> String {
    let mut out = Vec::new();
    record.line.render(&mut out);
    String::from_utf8(out).unwrap()
}

fn data_dir() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

fn lines(dir: &Path) -> Vec<String> {
    let mut lines = Vec::new();
    super::super::report::each_line(dir, &store::lot::Wanted::from(1), &mut |line| {
        lines.push(String::from_utf8(line.to_vec()).unwrap())
    })
    .unwrap();
    lines
}

#[test]
fn a_loggers_line_becomes_a_record() {
    let more = LOGGED.replace('\n', " ").replace(
        "\"status\"",
        "\"prompt_category\": \"x\", \"cost_centre\": \"r&d\", \"nested\": {\"a\": 1}, \"status\"",
    );
    let lines = format!("{more}\nnot json\n{{\"event\":\"startup\"}}\n\n");
    let (records, rest) = mapped_with(&lines, &["cost_centre", "nested"]);
    assert_eq!(records.len(), 1);
    let wanted = "{\"timestamp\":\"2025-08-06T10:30:15.123000000Z\",\"logger_name\":\"llm-metrics\",\"level\":\"INFO\",\
        \"event\":\"llm_request_completed\",\"request_id\":\"550e8400-e29b-41d4-a716-446655440000\",\"model\":\"gpt-4\",\
        \"input_tokens\":25,\"output_tokens\":150,\"total_tokens\":175,\"processing_time_seconds\":2.345,\
        \"energy_consumption_kwh\":0.000875,\"cost_usd\":0.0105,\"temperature\":0.7,\"status\":\"success\",\"v\":1,\
        \"prompt_category\":\"x\",\"origin\":\"log\",\"cost_centre\":\"r&d\"}\n";
    assert_eq!(rendered(&records[0]), wanted);
    assert_eq!(rest.lines(), 2);
    let notes = rest.notes().join("\n");
    assert!(
        notes.contains("it is not a JSON object (first: file:2)")
            && notes.contains("not understood, and left out: nested (1)"),
        "{notes}"
    );
    assert_eq!(mapped(LOGGED).0.len(), 1, "an object may stand on many lines");
}

#[test]
fn what_may_be_content_or_keys_is_left_out() {
    let more = LOGGED.replace('\n', " ").replace(
        "\"status\"",
        "\"prompt\": \"tell me\", \"response\": \"a secret\", \"api_key\": \"sk-abcdefghijklmnopqrstuvwxyz012345\", \
         \"note\": \"by sk-abcdefghijklmnopqrstuvwxyz012345\", \"error_message\": \"bad key sk-abcdefghijklmnopqrstuvwxyz\", \"status\"",
    );
    let (records, rest) = mapped_with(&more, &["note"]);
    let shown = rendered(&records[0]);
    assert!(
        shown.contains("\"note\":\"by [redacted]\"") && shown.contains("\"error_message\":\"bad key [redacted]\""),
        "{shown}"
    );
    for content in ["tell me", "secret", "sk-"] {
        assert!(!shown.contains(content), "{content} in {shown}");
    }
    let notes = rest.notes().join("\n");
    assert!(notes.contains("no field for: api_key (1), prompt (1), response (1) (--field NAME"), "{notes}");
}

#[test]
fn loggers_have_their_own_ways() {
    let line = LOGGED
        .replace('\n', " ")
        .replace("\"2025-08-06T10:30:15.123Z\"", "1754476215.125")
        .replace("\"INFO\"", "\"info\"")
        .replace("\"status\": \"success\"", "\"status\": \"error\"")
        .replace("0.0105", "-1");
    let (records, rest) = mapped(&line);
    let shown = rendered(&records[0]);
    let wanted =
        "{\"timestamp\":\"2025-08-06T10:30:15.125000000Z\",\"logger_name\":\"llm-metrics\",\"level\":\"INFO\",";
    assert!(shown.starts_with(wanted) && shown.contains("\"status\":\"success\""), "{shown}");
    let notes = rest.notes().join("\n");
    assert!(notes.contains("not understood, and left out: cost_usd (1)"), "{notes}");
    assert!(notes.contains("status says otherwise than the event, which counts"), "{notes}");
}

#[test]
fn what_litellm_spent_becomes_records() {
    let (records, rest) = mapped(&format!("[{SPENT}]"));
    let wanted = "{\"timestamp\":\"2025-08-06T10:30:17.600000000Z\",\"logger_name\":\"llm-metrics\",\"level\":\"INFO\",\
        \"event\":\"llm_request_completed\",\"request_id\":";
    let shown = rendered(&records[0]);
    assert!(shown.starts_with(wanted), "{shown}");
    for part in [
        "\"model\":\"gpt-4o\",\"input_tokens\":20,\"output_tokens\":10,\"total_tokens\":30,\"processing_time_seconds\":2.5,",
        "\"cost_usd\":0.00123,",
        "\"key\":\"app\"",
        "\"user_id\":\"u1\"",
        "\"organization\":\"acme\"",
        "\"provider\":\"openai\"",
        "\"api\":\"chat\"",
        "\"response_model\":\"gpt-4o-2024-08-06\"",
        "\"response_id\":\"chatcmpl-1\"",
        "\"cached_input_tokens\":8",
        "\"time_to_first_token_seconds\":0.5",
        "\"cost_status\":\"reported\"",
        "\"cache_hit\":false",
        "\"origin\":\"litellm\"",
    ] {
        assert!(shown.contains(part), "{part} is not in {shown}");
    }
    assert_eq!(rest.notes(), ["  no field for: new_column (1)"]);

    let csv = "request_id,call_type,spend,total_tokens,prompt_tokens,completion_tokens,startTime,endTime,model,metadata\n\
        chatcmpl-1,acompletion,0.00123,30,20,10,2025-08-06 10:30:15.1,2025-08-06 10:30:17.6,gpt-4o,\"{\"\"user_api_key_alias\"\": \"\"app\"\"}\"\n\
        too,few\n,acompletion,1,1,1,1,2025-08-06 10:30:15.1,2025-08-06 10:30:17.6,m,{}\n";
    let (rows, rest) = mapped(csv);
    assert_eq!((rows.len(), rest.lines()), (1, 2));
    assert_eq!(rows[0].id, records[0].id, "the same request, however it was exported");
    assert!(rendered(&rows[0]).contains("\"key\":\"app\""));
}

#[test]
fn nothing_is_imported_twice() {
    let (dir, file) = (data_dir(), data_dir());
    let path = file.path().join("export.json");
    std::fs::write(&path, format!("{}\n{}\n", LOGGED.replace('\n', " "), SPENT.replace('\n', " "))).unwrap();
    let options = BringOptions {
        file: vec![path.clone(), path],
        from: None,
        field: Vec::new(),
        data_dir: Some(dir.path().to_owned()),
        config: None,
        dry_run: true,
    };
    bring(&options).unwrap();
    assert!(lines(dir.path()).is_empty());
    let options = BringOptions { dry_run: false, ..options };
    bring(&options).unwrap();
    let first = lines(dir.path());
    assert_eq!(first.len(), 2);
    bring(&options).unwrap();
    assert_eq!(lines(dir.path()), first);
    // What a Weir's own journal holds is not imported into its data directory.
    let own = data_dir();
    std::fs::create_dir(own.path().join("journal")).unwrap();
    std::fs::write(own.path().join("journal/00000000000000000001.jsonl"), format!("{}\n", first[0])).unwrap();
    bring(&BringOptions { data_dir: Some(own.path().to_owned()), ..options }).unwrap();
    assert_eq!(lines(own.path()).len(), 2);
}

#[test]
fn what_a_weir_wrote_comes_as_it_is() {
    let (records, _) = mapped(LOGGED);
    let line = rendered(&records[0]).replace(",\"origin\":\"log\"", "");
    let (again, rest) = mapped(&line);
    assert_eq!(rest.lines(), 0);
    assert_eq!(rendered(&again[0]), line.replace("}\n", ",\"origin\":\"weir\"}\n"));
    assert_eq!(again[0].id, records[0].id);
}

proptest! {
    #[test]
    fn no_file_breaks_the_import(text in "\\PC{0,200}|[\\[{\"a:,}\\]\n]{0,60}") {
        let (mut records, mut rest) = (Vec::new(), Rest::default());
        for from in [None, Some(Origin::Weir), Some(Origin::Log), Some(Origin::Litellm)] {
            let how = Reading { from, fields: vec!["a".to_owned()] };
            let _ = mapped::all(&text, &how, "f", &mut records, &mut rest);
        }
        prop_assert!(records.iter().all(|record| Line::parse(rendered(record).as_bytes()).is_some()));
    }
}
