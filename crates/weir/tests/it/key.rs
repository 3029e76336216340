//! Callers' keys: who may call what, and where a key never shows.

use std::process::Command;

use weir::config::{hex, sha256};

use super::harness::{
    ANSWER, CHAT, Message, Process, Upstream, Weir, Wire, answer, is_own_error, json, provider, request,
};

const JSON: (&str, &str) = ("content-type", "application/json");
const ALICE: &str = "sk-weir-alice";
const BOB: &str = "sk-weir-bob";
const GONE: &str = "sk-weir-gone";
const HELD: &str = "sk-held-0123456789";

fn key(name: &str, key: &str, more: &str) -> String {
    format!("[[keys]]\nname = \"{name}\"\nsha256 = \"{}\"\n{more}\n", hex(&sha256(key.as_bytes())))
}

/// Alice may call everything, Bob some models, and one key was revoked.
fn keys() -> String {
    key("alice", ALICE, "attributes = { team = \"blue\", level = 3 }")
        + &key("bob", BOB, "models = [\"gpt-4*\", \"fast\"]")
        + &key("gone", GONE, "revoked = true")
}

fn chat(weir: &Weir, headers: &[(&str, &str)], body: &str) -> Message {
    let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
    weir.ask(request("POST /v1/chat/completions", &headers, body))
}

#[test]
fn who_shows_no_key_or_a_wrong_one_is_refused_and_not_recorded() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&(keys() + &provider("up", &upstream, "")));
    let bearer = |key: &str| format!("Bearer {key}");
    let (long, upper) = ("x".repeat(10_000), ALICE.to_uppercase());
    for (headers, code) in [
        (vec![], "weir_missing_key"),
        (vec![("authorization", "")], "weir_missing_key"),
        (vec![("authorization", "Bearer ")], "weir_missing_key"),
        (vec![("cookie", ALICE)], "weir_missing_key"),
        (vec![("authorization", "Bearer sk-wrong")], "weir_invalid_key"),
        (vec![("authorization", &*format!("Basic {ALICE}"))], "weir_invalid_key"),
        (vec![("x-api-key", &*long)], "weir_invalid_key"),
        (vec![("x-api-key", &*upper)], "weir_invalid_key"),
        (vec![("api-key", &ALICE[..ALICE.len() - 1])], "weir_invalid_key"),
        (vec![("authorization", &*hex(&sha256(ALICE.as_bytes())))], "weir_invalid_key"),
        (vec![("authorization", &*bearer(GONE))], "weir_revoked_key"),
    ] {
        let refused = chat(&weir, &headers, CHAT);
        is_own_error(&refused, 401, code, false);
        assert_eq!(refused.header("www-authenticate"), Some("Bearer"));
        assert!(!refused.text().contains("sk-w"), "{}", refused.text());
    }
    is_own_error(&weir.ask(request("GET /v1/models", &[], "")), 401, "weir_missing_key", false);
    for (reason, count) in [("missing_key", 5), ("invalid_key", 6), ("revoked_key", 1)] {
        weir.refused(reason, count);
    }
    weir.settled(0);
    assert!(upstream.seen().is_empty());
}

/// The head comes, and a moment later the body: as a client writes that has both in pieces.
fn in_pieces(wire: &mut Wire, request: &[u8], body: usize) -> Message {
    let (head, rest) = request.split_at(request.len() - body);
    wire.send(head);
    std::thread::sleep(std::time::Duration::from_millis(50));
    wire.send(rest);
    wire.answer().unwrap()
}

#[test]
fn who_is_refused_may_ask_again_on_the_same_connection() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&(keys() + &provider("up", &upstream, "")));
    let ask = |key: &str| request("POST /v1/chat/completions", &[JSON, ("x-api-key", key)], CHAT);
    let mut wire = weir.connect();
    for _ in 0..3 {
        is_own_error(&in_pieces(&mut wire, &ask("sk-wrong"), CHAT.len()), 401, "weir_invalid_key", false);
    }
    assert_eq!(in_pieces(&mut wire, &ask(ALICE), CHAT.len()).status(), 200);
    // A caller that waits for leave hears no at once, and that the connection ends.
    let waits = [JSON, ("x-api-key", "sk-wrong"), ("expect", "100-continue")];
    let whole = request("POST /v1/chat/completions", &waits, CHAT);
    wire.send(&whole[..whole.len() - CHAT.len()]);
    let refused = wire.answer().unwrap();
    assert_eq!((refused.status(), refused.header("connection")), (401, Some("close")));
}

#[test]
fn a_key_is_taken_where_clients_put_it_and_goes_no_further() {
    let upstream = Upstream::answering(json(ANSWER));
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), HELD).unwrap();
    let held = format!("api_key = \"file:{}\"\nmodels = [\"gpt-4\"]", dir.path().join("key").display());
    // The caller's own key for the provider goes through beside Weir's.
    let config = keys() + &provider("held", &upstream, &held) + &provider("own", &upstream, "default = true");
    let weir = Weir::start(&config);
    let bearer = format!("bearer  {ALICE} ");
    let own = r#"{"model":"other"}"#;
    for (headers, body, shown) in [
        (vec![("authorization", &*bearer)], CHAT, Some("Bearer sk-held-0123456789")),
        (vec![("x-api-key", ALICE)], CHAT, Some("Bearer sk-held-0123456789")),
        (vec![("api-key", ALICE)], CHAT, Some("Bearer sk-held-0123456789")),
        (vec![("x-goog-api-key", ALICE)], own, None),
        (vec![("x-api-key", ALICE), ("authorization", "Bearer sk-own")], own, Some("Bearer sk-own")),
        (vec![("authorization", &*bearer), ("x-api-key", ALICE), ("api-key", BOB)], own, None),
        (vec![("authorization", "Bearer sk-own"), ("authorization", &*bearer)], own, Some("Bearer sk-own")),
        (vec![("authorization", &*bearer), ("authorization", "Bearer sk-own")], own, Some("Bearer sk-own")),
        (vec![("x-api-key", "sk-own"), ("x-api-key", ALICE), ("x-api-key", BOB), ("x-api-key", ALICE)], own, None),
    ] {
        assert_eq!(chat(&weir, &headers, body).status(), 200, "{headers:?}");
        let request = upstream.seen().pop().unwrap();
        assert_eq!(request.header("authorization"), shown, "{headers:?}");
        let rest = format!("{:?}", request.headers);
        assert!(!rest.contains("weir-alice") && !rest.contains("weir-bob"), "{rest}");
    }
    let records = weir.settled(9);
    assert!(records.iter().all(|record| record["key"] == "alice"));
}

/// An answer that repeats `text` wherever it can.
fn echo(status: &str, text: &str) -> Vec<u8> {
    let body = format!(
        "{{\"id\":\"{text}\",\"object\":\"chat.completion\",\"model\":\"{text}\",\"echo\":\"not {text}\",\
         \"choices\":[{{\"index\":0,\"message\":{{\"content\":\"x\"}},\"finish_reason\":\"{text}\"}}],\
         \"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1,\"note\":\"of {text}\"}},\
         \"error\":{{\"message\":\"no {text}\",\"type\":\"{text}\"}}}}"
    );
    let head = format!("HTTP/1.1 {status}\r\nx-echo: not {text}\r\nx-request-id: {text}\r\n");
    String::from_utf8(answer(status, "application/json", body))
        .unwrap()
        .replacen(&format!("HTTP/1.1 {status}\r\n"), &head, 1)
        .into_bytes()
}

const ECHOED: &str = "[[fields]]\nname = \"of_body\"\nfrom = \"response_json:echo\"\nlabel = true\n\
    [[fields]]\nname = \"of_head\"\nfrom = \"response_header:x-echo\"\nlabel = true\n";

#[test]
fn no_key_comes_back_into_records_labels_or_refusals() {
    // No prefix by which a key would be known.
    let held = "held.Secret";
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), held).unwrap();
    let api_key = format!("api_key = \"file:{}\"", dir.path().join("key").display());
    for status in ["200 OK", "401 Unauthorized"] {
        let upstream = Upstream::answering(echo(status, held));
        let weir = Weir::start(&(provider("up", &upstream, &api_key) + ECHOED));
        let given = chat(&weir, &[], CHAT);
        assert_eq!(given.header("x-echo"), Some("not ***********"));
        assert_eq!(given.text().contains(held), given.status() == 200, "{}", given.text());
        let record = weir.settled(1).remove(0);
        assert_eq!((&record["of_body"], &record["of_head"]), (&"not [redacted]".into(), &"not [redacted]".into()));
        assert!(!record.to_string().contains(held), "{record}");
        assert!(record["usage_raw"].as_str().unwrap().contains("of [redacted]"), "{record}");
        assert!(!weir.ask_admin(request("GET /metrics", &[], "")).text().contains(held));
    }
    for (name, value) in [
        ("authorization", "bearer own.Secret"),
        ("authorization", "own.Secret"),
        ("x-api-key", "own.Secret"),
        ("api-key", "own.Secret"),
        ("x-goog-api-key", "own.Secret"),
    ] {
        for status in ["200 OK", "401 Unauthorized"] {
            let upstream = Upstream::answering(echo(status, "own.Secret"));
            let weir = Weir::start(&(provider("up", &upstream, "") + ECHOED));
            chat(&weir, &[("x-api-key", "first"), (name, value)], CHAT);
            let record = weir.settled(1).remove(0).to_string();
            assert!(record.contains("not [redacted]") && !record.contains("own.Secret"), "{name}: {record}");
            assert!(!weir.ask_admin(request("GET /metrics", &[], "")).text().contains("own.Secret"));
        }
    }
}

#[test]
fn a_key_is_for_its_models() {
    let upstream = Upstream::answering(json(ANSWER));
    let other = Upstream::answering(json(r#"{"data":[{"id":"gpt-4-x"},{"id":"o3"}]}"#));
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), HELD).unwrap();
    let held = format!("models = [\"gpt-4-x\", \"o3\"]\napi_key = \"file:{}\"", dir.path().join("key").display());
    let config = keys()
        + &provider("up", &upstream, "default = true\nmodels = [\"none\"]")
        + &provider("other", &other, &held)
        + "[[routes]]\nmodel = \"fast\"\ntargets = [{ provider = \"up\", model = \"m\" }]\n"
        + "[[routes]]\nmodel = \"slow\"\ntargets = [{ provider = \"up\", model = \"m\" }]\n";
    let weir = Weir::start(&config);
    let bob = [("x-api-key", BOB)];
    for model in ["gpt-4", "gpt-4o", "fast"] {
        assert_eq!(chat(&weir, &bob, &format!("{{\"model\":\"{model}\"}}")).status(), 200, "{model}");
    }
    for model in ["o3", "slow", "GPT-4", &"x".repeat(1 << 20)] {
        let refused = chat(&weir, &bob, &format!("{{\"model\":\"{model}\"}}"));
        is_own_error(&refused, 403, "weir_model_not_allowed", true);
        assert!(refused.text().len() < 1000);
    }
    // What names no model could be any model.
    let multipart = [bob[0], ("content-type", "multipart/form-data; boundary=x")];
    let audio = weir.ask(request("POST /v1/audio/transcriptions", &multipart, "--x--"));
    is_own_error(&audio, 403, "weir_model_not_allowed", true);
    let batch = weir.ask(request("POST /v1/batches", &[bob[0], JSON], "{\"input_file_id\":\"x\"}"));
    is_own_error(&batch, 403, "weir_model_not_allowed", true);
    // A provider may take the first of two, Weir the last.
    for twice in [r#"{"model":"o3","model":"gpt-4"}"#, r#"{"model":"o3","mod\u0065l":"gpt-4"}"#] {
        is_own_error(&chat(&weir, &bob, twice), 400, "weir_invalid_model", true);
        assert_eq!(chat(&weir, &[("x-api-key", ALICE)], twice).status(), 200);
    }
    assert_eq!(chat(&weir, &[("x-api-key", ALICE)], r#"{"model":"o3"}"#).status(), 200);
    let list = weir.ask(request("GET /v1/models", &bob, "")).text();
    assert!(list.contains("\"gpt-4-x\"") && list.contains("\"fast\""), "{list}");
    assert!(!list.contains("\"o3\"") && !list.contains("\"slow\""), "{list}");
    let records = weir.settled(15);
    let refused: Vec<_> = records.iter().filter(|record| record["status_code"] == 403).collect();
    assert_eq!(refused.len(), 6);
    assert!(refused.iter().all(|record| record["key"] == "bob" && record["error_type"] == "weir_model_not_allowed"));
}

#[test]
fn a_revoked_key_is_refused_from_the_next_request_on() {
    let upstream = Upstream::answering(json(ANSWER));
    let up = provider("up", &upstream, "");
    let mut weir = Weir::start(&(keys() + &up));
    let mut wire = weir.connect();
    let ask = |wire: &mut Wire| wire.ask(request("POST /v1/chat/completions", &[("x-api-key", ALICE), JSON], CHAT));
    assert_eq!(ask(&mut wire).status(), 200);
    weir.reload(&(key("alice", ALICE, "revoked = true") + &up)).unwrap();
    is_own_error(&ask(&mut wire), 401, "weir_revoked_key", false);
    weir.reload(&(key("bob", BOB, "") + &up)).unwrap();
    is_own_error(&ask(&mut wire), 401, "weir_invalid_key", false);
    weir.reload(&up).unwrap();
    assert_eq!(ask(&mut wire).status(), 200, "without keys everybody may call");
    assert_eq!(weir.settled(2)[1].get("key"), None);
}

#[test]
fn pages_read_why_they_are_refused() {
    let upstream = Upstream::answering(json(ANSWER));
    let origin = "https://app.example";
    let weir = Weir::start(&(format!("allowed_origins = [\"{origin}\"]\n") + &keys() + &provider("up", &upstream, "")));
    let asks = [("origin", origin), ("access-control-request-method", "POST")];
    assert_eq!(weir.ask(request("OPTIONS /v1/chat/completions", &asks, "")).status(), 204, "preflights have no keys");
    let refused = chat(&weir, &[("origin", origin)], CHAT);
    is_own_error(&refused, 401, "weir_missing_key", false);
    assert_eq!(refused.header("access-control-allow-origin"), Some(origin));
}

/// With keys of their own callers may come from other machines, although Weir holds a provider's key. Neither that one nor
/// theirs is to be found in anything that Weir says or writes.
#[test]
fn no_key_shows_anywhere() {
    let upstream = Upstream::start(|request, peer| {
        let shown = request.header("authorization").unwrap_or_default().to_owned();
        let body = format!("{{\"error\":{{\"message\":\"no such key: {shown}\",\"code\":\"invalid_api_key\"}}}}");
        let whole = answer(&format!("401 Unauthorized\r\nx-shown: {shown}"), "application/json", body);
        // Cut in the middle of the key.
        let (first, second) = whole.split_at(whole.len() - 45);
        peer.send(first);
        peer.pause();
        peer.send(second);
    });
    let broken = Upstream::answering_once("");
    let held = |models: &str| format!("models = [\"{models}\"]\napi_key = \"env:WEIR_TEST_KEY\"");
    let config = String::from("listen = \"0.0.0.0:0\"\nallowed_hosts = [\"localhost\"]\n")
        + &keys()
        + &provider("scolding", &upstream, &held("gpt-*"))
        + &provider("broken", &broken, &held("o*"));
    let mut weir = Process::start(&config, &[("WEIR_TEST_KEY", HELD)]);
    let mut seen = String::new();
    let address = format!("127.0.0.1:{}", weir.listen.port()).parse().unwrap();
    for (key, model) in [(ALICE, "gpt-4"), (ALICE, "o3"), (ALICE, "none"), (BOB, "o3"), (GONE, "o3"), ("sk-x", "o3")] {
        let headers = [("authorization", &*format!("Bearer {key}")), JSON];
        let body = format!("{{\"model\":\"{model}\"}}");
        let answer = Wire::connect(address).ask(request("POST /v1/chat/completions", &headers, body));
        assert!(answer.status() >= 400);
        seen.push_str(&format!("{:?} {}", answer.headers, answer.text()));
    }
    seen.push_str(&Wire::connect(weir.admin).ask(request("GET /metrics", &[], "")).text());
    seen.push_str(&weir.stop());
    // The configuration has the hashes and is in the directory whose files were read.
    assert!(seen.contains(&format!("no such key: Bearer {}", "*".repeat(HELD.len()))), "{seen}");
    assert!(seen.contains("\"key\":\"alice\"") && seen.contains("invalid_api_key"));
    for secret in [HELD, ALICE, BOB, GONE] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
}

#[test]
fn a_new_key_works_with_what_is_printed_beside_it() {
    let output = Command::new(env!("CARGO_BIN_EXE_weir")).args(["key", "new", "--name", "a \"b\""]).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let key = text.lines().find_map(|line| line.strip_prefix("    ")).unwrap();
    let entry = &text[text.find("[[keys]]").unwrap()..];
    assert!(!entry.contains(key));
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&(entry.to_owned() + &provider("up", &upstream, "")));
    assert_eq!(chat(&weir, &[("authorization", &format!("Bearer {key}"))], CHAT).status(), 200);
    assert_eq!(weir.record()["key"], "a \"b\"");
}
