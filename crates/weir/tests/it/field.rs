//! Fields that an operator declares, and those that Weir fills by itself.

use weir::config::{HashKey, hex, sha256};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, answer, events, json, provider, request};

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(weir: &Weir, headers: &[(&str, &str)], body: &str) -> Message {
    let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
    let answer = weir.ask(request("POST /v1/chat/completions", &headers, body));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer
}

fn field(name: &str, from: &str, more: &str) -> String {
    format!("[[fields]]\nname = \"{name}\"\nfrom = {from}\n{more}\n")
}

#[test]
fn who_asks_and_why_is_recorded_without_being_declared() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let said = |body: &str| format!("{{\"model\":\"gpt-4\",{body}}}");
    let heads = [("x-user-id", "h-user"), ("openai-organization", "h-org"), ("x-session-id", "h-session")];
    post(&weir, &heads, CHAT);
    post(&weir, &[("x-organization", "x-org"), ("openai-organization", "h-org"), ("x-prompt-category", "poem")], CHAT);
    post(&weir, &heads, &said(r#""user":"u","metadata":{"user_id":"m","organization":"o","session_id":"s"}"#));
    post(&weir, &heads, &said(r#""metadata":{"user_id":"m","prompt_category":"code"},"session_id":"top""#));
    post(&weir, &[], &said(r#""user":7,"metadata":[],"session_id":{}"#));
    let names = ["user_id", "organization", "session_id", "prompt_category"];
    let found: Vec<Vec<&str>> = weir
        .settled(5)
        .iter()
        .map(|record| names.iter().map(|name| record[name].as_str().unwrap_or("-").to_owned()).collect::<Vec<_>>())
        .map(|names| names.into_iter().map(|name| &*name.leak()).collect())
        .collect();
    assert_eq!(
        found,
        [
            vec!["h-user", "h-org", "h-session", "-"],
            vec!["-", "x-org", "-", "poem"],
            vec!["u", "o", "s", "-"],
            vec!["m", "h-org", "top", "code"],
            vec!["-", "-", "-", "-"],
        ]
    );
}

#[test]
fn values_come_from_wherever_was_declared() {
    let body = ANSWER.trim_end().strip_suffix('}').unwrap().to_owned() + ",\"router\":{\"pool\":\"b\"}}";
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nx-region: eu\r\nx-cache: HIT\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let upstream = Upstream::answering(head + &body);
    let keys = format!(
        "[[keys]]\nname = \"alice\"\nsha256 = \"{}\"\nattributes = {{ team = \"blue\", level = 3 }}\n",
        hex(&sha256(b"k"))
    );
    let config = provider("up", &upstream, "")
        + &keys
        + &field("team", "[\"json:metadata.team\", \"header:X-Team\", \"key:team\"]", "")
        + &field("rank", "\"key:level\"", "type = \"integer\"")
        + &field("tokens", "\"response_json:usage.total_tokens\"", "type = \"integer\"")
        + &field("pool", "\"response_json:router.pool\"", "")
        + &field("answered_in", "[\"response_header:x-region\", \"const:nowhere\"]", "")
        + &field("cluster", "\"const:prod\"", "")
        + &field("weight", "\"json:metadata.weight\"", "type = \"float\"")
        + &field("dry_run", "\"json:dry_run\"", "type = \"bool\"")
        + &field("caller", "\"key:name\"", "")
        + &field("organization", "\"key:team\"", "");
    let weir = Weir::start(&config);
    let key = ("x-api-key", "k");
    post(&weir, &[key], CHAT);
    post(&weir, &[key, ("x-team", "red"), ("x-organization", "claimed")], CHAT);
    let said = r#"{"model":"gpt-4","metadata":{"team":"green","weight":-0.5,"organization":"claimed"},"dry_run":true}"#;
    post(&weir, &[key, ("x-team", "red")], said);
    let lines = weir.settled(3);
    let teams: Vec<_> = lines.iter().map(|line| line["team"].as_str().unwrap()).collect();
    assert_eq!(teams, ["blue", "red", "green"]);
    for line in &lines {
        assert_eq!((&line["rank"], &line["tokens"], &line["pool"]), (&3.into(), &175.into(), &"b".into()));
        assert_eq!(
            (&line["answered_in"], &line["cluster"], &line["caller"]),
            (&"eu".into(), &"prod".into(), &"alice".into())
        );
        assert_eq!((&line["organization"], &line["cache_hit"]), (&"blue".into(), &true.into()), "who declares decides");
    }
    assert_eq!((&lines[2]["weight"], &lines[2]["dry_run"]), (&(-0.5).into(), &true.into()));
    assert_eq!(lines[0].get("weight"), None);
    let raw = serde_json::to_string(&lines[2]).unwrap();
    assert!(raw.contains("team"));
    assert_eq!(weir.metrics().sum("weir_field_errors_total{"), 0);
}

#[test]
fn values_of_a_stream_are_found_packed_or_not() {
    let sent = "data: {\"id\":\"x\",\"pool\":\"a\",\"choices\":[]}\n\ndata: {\"pool\":\"b\",\"choices\":[]}\n\ndata: [DONE]\n\n";
    let upstream = Upstream::answering(events([sent]));
    let weir = Weir::start(&(provider("up", &upstream, "") + &field("pool", "\"response_json:pool\"", "")));
    post(&weir, &[], r#"{"model":"gpt-4","stream":true}"#);
    assert_eq!(weir.record()["pool"], "b");
}

#[test]
fn hostile_values_break_no_line() {
    let upstream = Upstream::answering(json(ANSWER));
    let all = |name: &str, kind: &str| {
        field(
            &format!("{name}_{kind}"),
            &format!("\"{}\"", if name == "h" { "header:x-v" } else { "json:v" }),
            &format!("type = \"{kind}\"\nlabel = true"),
        )
    };
    let mut config = provider("up", &upstream, "");
    for kind in ["string", "integer", "float", "bool"] {
        config += &(all("h", kind) + &all("j", kind));
    }
    let weir = Weir::start(&config);
    let megabyte = format!("\"{}\"", "x".repeat(1 << 20));
    let bodies = [
        r#""a\nb\r\n{\"event\":\"llm_request_completed\"}\u0000\u001b[31m""#,
        r#""\ud800""#,
        megabyte.as_str(),
        r#"{"a":1}"#,
        r#"[[["x"]],"y"]"#,
        "null",
        "1e999",
        "-0",
        "0.1e-300",
        "123456789012345678901234567890",
        r#""NaN""#,
        "true",
        r#""\",\"cost_usd\":999,\"x\":\"""#,
    ];
    for body in bodies {
        post(&weir, &[("x-v", "\u{e9}\",\"cost_usd\":999,\"\\")], &format!("{{\"model\":\"gpt-4\",\"v\":{body}}}"));
    }
    post(&weir, &[("x-v", &"y".repeat(60_000))], CHAT);
    // Reading them at all checks that each is one line, an object, and what the recorder would write again.
    let records = weir.settled(bodies.len() + 1);
    for record in &records {
        assert_eq!(record["cost_usd"], 0.00975);
        assert!(record["h_string"].as_str().unwrap().len() <= 256);
        assert!(record.get("j_string").is_none_or(|text| text.as_str().unwrap().len() <= 256));
    }
    let of = |index: usize, name: &str| records[index].get(name).cloned();
    assert_eq!(of(0, "j_string").unwrap().as_str().unwrap().lines().count(), 3, "escaped, and whole");
    assert_eq!((of(2, "j_string").unwrap().as_str().unwrap().len(), &records[2]["truncated"]), (256, &true.into()));
    assert_eq!((of(3, "j_string"), of(4, "j_string"), of(5, "j_string")), (None, None, None));
    assert_eq!((of(6, "j_float"), of(8, "j_float"), of(9, "j_integer")), (None, None, None));
    assert_eq!(of(7, "j_integer"), Some(0.into()));
    assert_eq!(of(11, "j_bool"), Some(true.into()));
    let metrics = weir.metrics();
    let wrong = |name: &str| metrics.number(&format!("weir_field_errors_total{{field=\"{name}\"}}"));
    assert_eq!((wrong("h_string"), wrong("h_integer"), wrong("j_string")), (0, records.len() as u64, 2));
    assert_eq!(metrics.sum("llm_requests_total{"), records.len() as u64);
}

#[test]
fn a_hash_takes_the_place_of_a_value_and_stays_the_same() {
    let upstream = Upstream::answering(json(ANSWER));
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), "0123456789abcdef\n").unwrap();
    let fields = provider("up", &upstream, "")
        + &field("user_id", "[\"json:user\", \"header:x-user-id\"]", "hash = true")
        + &field("mail", "\"header:x-mail\"", "hash = true");
    let given = format!("hash_key = \"file:{}\"\n{fields}", dir.path().join("key").display());
    let weir = Weir::start(&given);
    post(&weir, &[("x-mail", "a@example.com"), ("x-user-id", "alice")], CHAT);
    let record = weir.record();
    let key = HashKey::new("0123456789abcdef").unwrap();
    assert_eq!((&record["mail"], &record["user_id"]), (&key.hash("a@example.com").into(), &key.hash("alice").into()));
    drop(weir);
    // Without a key of the operator's Weir makes one, readable by nobody else.
    let mut weir = Weir::start(&fields);
    post(&weir, &[("x-mail", "a@example.com")], r#"{"model":"gpt-4","user":"alice"}"#);
    weir.reload(&fields).unwrap();
    post(&weir, &[("x-user-id", "alice")], CHAT);
    let records = weir.settled(2);
    let hash = records[0]["user_id"].as_str().unwrap();
    assert!(hash.len() == 32 && hash != key.hash("alice") && records[1]["user_id"] == hash);
    assert!(!format!("{records:?}").contains("alice") && !format!("{records:?}").contains("example.com"));
    let mode =
        std::os::unix::fs::PermissionsExt::mode(&weir.data_dir().join("hash_key").metadata().unwrap().permissions());
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn labels_are_bounded_and_sums_stay_exact() {
    let upstream = Upstream::answering(json(ANSWER));
    let config = provider("up", &upstream, "")
        + &field("team", "\"header:x-team\"", "label = true")
        + &field("stage", "\"header:x-stage\"", "label = true");
    let weir = Weir::start(&config);
    let mut wire = weir.connect();
    let mut ask = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
        assert_eq!(wire.ask(request("POST /v1/chat/completions", &headers, CHAT)).status(), 200);
    };
    ask(&[]);
    ask(&[("x-team", "a \"b\" \\"), ("x-stage", "prod")]);
    ask(&[("x-team", "a \"b\" \\"), ("x-stage", "prod")]);
    (0..220).for_each(|team| ask(&[("x-team", &format!("team-{team}"))]));
    let records = weir.settled(223);
    assert_eq!(records.len(), 223);
    let metrics = weir.metrics();
    let of = |labels: &str| {
        metrics.number(&format!(
            "llm_requests_total{{provider=\"up\",model=\"gpt-4\"{labels},api=\"chat\",status=\"success\"}}"
        ))
    };
    assert_eq!(of(""), 1);
    assert_eq!(of(",team=\"a \\\"b\\\" \\\\\",stage=\"prod\""), 2);
    assert_eq!((of(",team=\"team-0\""), of(",team=\"other\"")), (1, 21));
    assert_eq!(metrics.sum("llm_requests_total{"), 223);
    assert_eq!(metrics.sum("llm_tokens_total{"), 223 * 175);
    let histogram = "llm_request_duration_seconds_count{provider=\"up\",model=\"gpt-4\"}";
    assert_eq!(metrics.number(histogram), 223, "times are not split by labels");
}

#[test]
fn fields_can_come_and_go_while_weir_runs() {
    let upstream = Upstream::start(|_, peer| peer.send(answer("200 OK", "application/json", ANSWER)));
    let up = provider("up", &upstream, "");
    let mut weir = Weir::start(&up);
    post(&weir, &[("x-team", "blue")], CHAT);
    weir.reload(&(up.clone() + &field("team", "\"header:x-team\"", "label = true"))).unwrap();
    post(&weir, &[("x-team", "blue")], CHAT);
    weir.reload(&(up.clone() + &field("squad", "\"header:x-team\"", ""))).unwrap();
    post(&weir, &[("x-team", "blue")], CHAT);
    let refused = weir.reload(&(up + &field("model", "\"header:x-team\"", ""))).unwrap_err().to_string();
    assert!(refused.contains("write `my_model`"), "{refused}");
    let records = weir.settled(3);
    let names: Vec<_> = records.iter().map(|line| (line.get("team").is_some(), line.get("squad").is_some())).collect();
    assert_eq!(names, [(false, false), (true, false), (false, true)]);
}
