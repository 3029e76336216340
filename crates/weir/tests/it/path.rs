//! Paths beside chat: everything under `/v1/` leads somewhere and is recorded.

use serde_json::{Value, json};

use super::harness::{ANSWER, CHAT, Upstream, Weir, answer, is_own_error, provider, request, until};

fn models(ids: &[&str]) -> Vec<u8> {
    let all: Vec<Value> = ids.iter().map(|id| json!({ "id": id, "object": "model", "extra": [1.50] })).collect();
    super::harness::json(json!({ "object": "list", "data": all }).to_string())
}

#[test]
fn every_other_path_goes_to_the_default_provider() {
    let first = Upstream::answering(super::harness::json(ANSWER));
    let default = Upstream::answering(answer("200 OK", "application/octet-stream", b"\0\xff\r\n"));
    let weir = Weir::start(
        &(provider("first", &first, "models = [\"gpt-*\"]") + &provider("main", &default, "default = true")),
    );
    for (index, start) in
        ["GET /v1/files", "DELETE /v1/files/f-1", "POST /v1/batches", "GET /v1/models/gpt-4"].into_iter().enumerate()
    {
        let passed = weir.ask(request(start, &[], ""));
        assert_eq!((passed.body.as_slice(), passed.header("x-weir-error")), (b"\0\xff\r\n".as_slice(), None));
        assert_eq!(default.seen()[index].start, format!("{start} HTTP/1.1"));
    }
    for record in weir.settled(4) {
        assert_eq!((&record["provider"], &record["api"]), (&"main".into(), &"other".into()));
        assert_eq!((&record["status"], &record["response_bytes"]), (&"success".into(), &4.into()));
        assert!(record["model"].is_null());
    }
    assert!(first.seen().is_empty());
}

#[test]
fn without_a_default_other_paths_lead_nowhere() {
    let (one, two) = (Upstream::answering(""), Upstream::answering(""));
    let weir = Weir::start(&(provider("one", &one, "") + &provider("two", &two, "")));
    is_own_error(&weir.ask(request("GET /v1/files", &[], "")), 404, "weir_unknown_model", true);
    weir.settled(1);
}

#[test]
fn a_form_streams_through_and_is_counted() {
    let upstream = Upstream::start(|request, peer| {
        peer.send(super::harness::json(format!("{{\"text\":\"{}\"}}", request.body.len())));
    });
    let weir = Weir::start(&format!("body_limit = \"1 KiB\"\n{}", provider("up", &upstream, "")));
    let part = "--b\r\ncontent-disposition: form-data; name=\"file\"\r\n\r\n";
    let body = [part.as_bytes(), &vec![0xab; 3 << 20], b"\r\n--b--\r\n"].concat();
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let passed = weir.ask(request("POST /v1/audio/transcriptions", &headers, &body));
    assert_eq!(passed.text(), format!("{{\"text\":\"{}\"}}", body.len()));
    // In chunks, of which nobody knows how many come.
    let chunked = [("content-type", headers[0].1), ("transfer-encoding", "chunked")];
    let framed: Vec<u8> = body.chunks(70_000).flat_map(super::harness::chunk).chain(*b"0\r\n\r\n").collect();
    let passed = weir.ask(request("POST /v1/audio/transcriptions", &chunked, framed));
    assert_eq!(passed.text(), format!("{{\"text\":\"{}\"}}", body.len()));
    let seen = upstream.seen();
    assert!(seen.iter().all(|request| request.body == body));
    assert_eq!(seen[0].header("content-length").unwrap(), body.len().to_string());
    assert_eq!(seen[1].header("transfer-encoding"), Some("chunked"));
    assert!(weir.settled(2).iter().all(|record| record["request_bytes"] == body.len()));
}

#[test]
fn a_streamed_body_that_breaks_off_does_not_reach_the_provider_whole() {
    let upstream = Upstream::start(|_, peer| peer.wait_until_left());
    let weir = Weir::before(&upstream);
    let mut caller = weir.connect();
    caller.send(
        "POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: text/plain\r\ncontent-length: 100\r\n\r\nabc",
    );
    until("the request is admitted", || (weir.metrics().number("weir_accepted_total") == 1).then_some(()));
    caller.close();
    let record = weir.settled(1).remove(0);
    assert_eq!((&record["event"], &record["end_reason"]), (&"llm_request_cancelled".into(), &"client_gone".into()));
    assert!(upstream.seen().iter().all(|request| !request.whole));
}

#[test]
fn a_streamed_body_that_is_framed_wrongly_is_the_callers_fault() {
    let upstream = Upstream::start(|_, peer| peer.wait_until_left());
    let weir = Weir::before(&upstream);
    let headers = [("content-type", "text/plain"), ("transfer-encoding", "chunked")];
    let answer = weir.ask(request("POST /v1/files", &headers, "3\r\nabc\r\nzz\r\n"));
    is_own_error(&answer, 400, "weir_body_incomplete", true);
    assert!(upstream.seen().iter().all(|request| !request.whole));
    weir.settled(1);
}

#[test]
fn one_providers_models_pass_as_they_are() {
    let body = "{ \"object\":\"list\", \"data\":[ {\"id\":\"gpt-4\"} ] }\n";
    let upstream = Upstream::answering(super::harness::json(body));
    let weir = Weir::before(&upstream);
    assert_eq!(weir.ask(request("GET /v1/models?x=1", &[], "")).text(), body);
    assert_eq!(upstream.only().target(), "/v1/models?x=1");
    let record = weir.record();
    assert_eq!((&record["api"], &record["provider"]), (&"models".into(), &"up".into()));
}

#[test]
fn several_providers_models_are_one_list_of_what_leads_there() {
    let one = Upstream::answering(models(&["gpt-4", "o3", "claude-x"]));
    let two = Upstream::answering(models(&["claude-x", "gpt-4", "stray"]));
    let dir = tempfile::TempDir::new().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "sk-two\n").unwrap();
    let held = format!("models = [\"claude-*\"]\napi_key = \"file:{}\"", key.display());
    let route = "[[routes]]\nmodel = \"fast\"\ntargets = [{ provider = \"two\", model = \"claude-x\" }]\n";
    let weir = Weir::start(
        &(provider("one", &one, "models = [\"gpt-*\"]\ndefault = true") + &provider("two", &two, &held) + route),
    );
    let answer = weir.ask(request("GET /v1/models", &[("authorization", "Bearer mine")], ""));
    assert_eq!((answer.status(), answer.header("content-type")), (200, Some("application/json")));
    let list = answer.json();
    let ids: Vec<&str> = list["data"].as_array().unwrap().iter().map(|model| model["id"].as_str().unwrap()).collect();
    assert_eq!(ids, ["fast", "gpt-4", "o3", "claude-x"]);
    assert!(answer.text().contains("1.5]"), "each as its provider describes it: {}", answer.text());
    // Each is shown its own key and nobody else's.
    assert_eq!(one.only().header("authorization"), Some("Bearer mine"));
    assert_eq!(two.only().header("authorization"), Some("Bearer sk-two"));
    let record = weir.record();
    assert_eq!((&record["api"], &record["status"]), (&"models".into(), &"success".into()));
    assert_eq!(record["response_bytes"], answer.body.len());
}

#[test]
fn a_provider_that_cannot_list_is_left_out() {
    let dir = tempfile::TempDir::new().unwrap();
    let key = dir.path().join("key");
    std::fs::write(&key, "sk-x").unwrap();
    let key = format!("api_key = \"file:{}\"", key.display());
    let good = Upstream::answering(models(&["gpt-4"]));
    let bad = Upstream::answering(answer("500 Oops", "application/json", "{}"));
    let both = |default: &Upstream, other: &Upstream| {
        provider("one", default, &format!("{key}\ndefault = true")) + &provider("two", other, &key)
    };
    let weir = Weir::start(&both(&good, &bad));
    assert_eq!(weir.ask(request("GET /v1/models", &[], "")).json()["data"].as_array().unwrap().len(), 1);
    weir.settled(1);
    let weir = Weir::start(&both(&bad, &bad));
    is_own_error(&weir.ask(request("GET /v1/models", &[], "")), 502, "weir_upstream_broken", true);
    weir.settled(1);
}

#[test]
fn embeddings_completions_and_responses_are_metered() {
    let usage = "{\"object\":\"list\",\"data\":[],\"model\":\"m\",\"usage\":{\"prompt_tokens\":8,\"total_tokens\":8}}";
    let upstream = Upstream::answering(super::harness::json(usage));
    let weir = Weir::before(&upstream);
    let headers = [("content-type", "application/json")];
    for path in ["embeddings", "completions", "responses"] {
        assert_eq!(weir.ask(request(&format!("POST /v1/{path}"), &headers, CHAT)).text(), usage);
    }
    for (record, api) in weir.settled(3).iter().zip(["embeddings", "completions", "responses"]) {
        assert_eq!(
            (&record["api"], &record["input_tokens"], &record["model"]),
            (&api.into(), &8.into(), &"gpt-4".into())
        );
        assert_eq!(record["cost_usd"], 0.00024);
    }
}
