//! Who may call, and whose key is shown to whom.

use std::net::SocketAddr;

use super::harness::{ANSWER, CHAT, Message, Process, Upstream, Weir, answer, is_own_error, json, provider, request};

const JSON: (&str, &str) = ("content-type", "application/json");

fn post(weir: &Weir, headers: &[(&str, &str)]) -> Message {
    let headers: Vec<_> = headers.iter().copied().chain([JSON]).collect();
    weir.ask(request("POST /v1/chat/completions", &headers, CHAT))
}

#[test]
fn whoever_addresses_somebody_else_is_refused() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&format!("allowed_hosts = [\"weir.internal\"]\n{}", provider("up", &upstream, "")));
    let port = weir.listen.port();
    for host in ["localhost", "LOCALHOST", "127.0.0.1", "[::1]", "weir.internal", "Weir.Internal"] {
        assert_eq!(post(&weir, &[("host", host)]).status(), 200, "{host}");
        assert_eq!(post(&weir, &[("host", &format!("{host}:{port}"))]).status(), 200, "{host}:{port}");
    }
    let hosts =
        ["evil.example", "localhost.evil.example", "localhost:1", "", "127.0.0.1.evil", "weir.internal.", "0.0.0.0"];
    for host in hosts {
        is_own_error(&post(&weir, &[("host", host)]), 403, "weir_forbidden_host", false);
    }
    // In absolute form the target counts, whatever the header says; and one without any host names nobody.
    let absolute = request("POST http://evil.example/v1/chat/completions", &[JSON], CHAT);
    is_own_error(&weir.ask(absolute), 403, "weir_forbidden_host", false);
    let length = CHAT.len();
    let nameless = format!(
        "POST /v1/chat/completions HTTP/1.1\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{CHAT}"
    );
    is_own_error(&weir.ask(nameless), 403, "weir_forbidden_host", false);
    weir.refused("forbidden_host", hosts.len() as u64 + 2);
    weir.settled(12);
    assert_eq!(upstream.seen().len(), 12);
}

/// One reader may take the first, another the last.
#[test]
fn several_hosts_are_none() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    let hosts = [("host", "localhost"), ("host", "evil.example")];
    for hosts in [[hosts[0], hosts[1]], [hosts[1], hosts[0]], [hosts[0], hosts[0]]] {
        is_own_error(&post(&weir, &hosts), 400, "weir_bad_head", false);
        is_own_error(&weir.ask_admin(request("GET /metrics", &hosts, "")), 400, "weir_bad_head", false);
    }
    weir.refused("bad_head", 3);
    weir.settled(0);
}

#[test]
fn operators_address_weir_too() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::before(&upstream);
    for path in ["/metrics", "/healthz", "/readyz", "/"] {
        assert_eq!(weir.ask_admin(request(&format!("GET {path}"), &[], "")).status(), 200);
        let rebound = weir.ask_admin(request(&format!("GET {path}"), &[("host", "evil.example")], ""));
        is_own_error(&rebound, 403, "weir_forbidden_host", false);
    }
    is_own_error(&weir.ask_admin(request("GET /nothing", &[], "")), 404, "weir_not_found", false);
    is_own_error(&weir.ask_admin(request("POST /metrics", &[], "x")), 405, "weir_method_not_allowed", false);
}

#[test]
fn pages_are_refused_unless_they_are_allowed() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&format!("allowed_origins = [\"https://app.example\"]\n{}", provider("up", &upstream, "")));
    for origin in ["https://evil.example", "null", "https://app.example.evil", "http://app.example", "http://localhost"]
    {
        let refused = post(&weir, &[("origin", origin)]);
        is_own_error(&refused, 403, "weir_forbidden_origin", false);
        assert_eq!(refused.header("access-control-allow-origin"), None);
    }
    is_own_error(&post(&weir, &[("sec-fetch-site", "cross-site")]), 403, "weir_forbidden_origin", false);
    let preflight = |origin| {
        let asks = [
            ("origin", origin),
            ("access-control-request-method", "POST"),
            ("access-control-request-headers", "authorization, content-type"),
        ];
        weir.ask(request("OPTIONS /v1/chat/completions", &asks, ""))
    };
    is_own_error(&preflight("https://evil.example"), 403, "weir_forbidden_origin", false);
    weir.refused("forbidden_origin", 7);
    let granted = preflight("https://app.example");
    assert_eq!((granted.status(), granted.header("access-control-allow-origin")), (204, Some("https://app.example")));
    assert_eq!(granted.header("access-control-allow-headers"), Some("authorization, content-type"));
    assert!(granted.header("access-control-allow-methods").unwrap().contains("POST"));
    weir.settled(0);
    let passed = post(&weir, &[("origin", "https://app.example")]);
    assert_eq!(
        (passed.text().as_str(), passed.header("access-control-allow-origin")),
        (ANSWER, Some("https://app.example"))
    );
    assert!(passed.header("access-control-expose-headers").unwrap().contains("x-weir-request-id"));
    assert_eq!(passed.header("vary"), Some("origin"));
    // A page is also to read why it was not served.
    let failed = weir.ask(request("POST /v1/chat/completions", &[("origin", "https://app.example"), JSON], "{}"));
    is_own_error(&failed, 400, "weir_missing_model", true);
    assert_eq!(failed.header("access-control-allow-origin"), Some("https://app.example"));
    weir.settled(2);
    assert_eq!(upstream.seen().len(), 1);
}

#[test]
fn where_a_key_is_held_a_body_must_say_that_it_is_json() {
    let upstream = Upstream::answering(json(ANSWER));
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), "sk-held").unwrap();
    let held = format!("api_key = \"file:{}\"", dir.path().join("key").display());
    let weir = Weir::start(&provider("up", &upstream, &held));
    let types: [&[(&str, &str)]; 4] = [
        &[],
        &[("content-type", "text/plain")],
        &[("content-type", "application/x-www-form-urlencoded")],
        &[("content-type", "text/plain; application/json")],
    ];
    for headers in types {
        let refused = weir.ask(request("POST /v1/chat/completions", headers, CHAT));
        is_own_error(&refused, 415, "weir_unsupported_media_type", true);
    }
    let packed = [JSON, ("content-encoding", "gzip")];
    is_own_error(
        &weir.ask(request("POST /v1/chat/completions", &packed, CHAT)),
        415,
        "weir_unsupported_media_type",
        true,
    );
    assert!(upstream.seen().is_empty());
    let spelt = [("content-type", "Application/JSON ; charset=utf-8")];
    assert_eq!(weir.ask(request("POST /v1/chat/completions", &spelt, CHAT)).text(), ANSWER);
    weir.settled(6);
    // Where the caller brings its own key, old clients that say nothing are served.
    let weir = Weir::before(&upstream);
    assert_eq!(weir.ask(request("POST /v1/chat/completions", &[], CHAT)).text(), ANSWER);
    weir.settled(1);
}

#[test]
fn the_callers_own_key_passes() {
    let upstream = Upstream::answering(json(ANSWER));
    let weir = Weir::start(&provider("up", &upstream, "api_key = \"caller\""));
    assert_eq!(post(&weir, &[("authorization", "Bearer sk-mine-1"), ("api-key", "sk-mine-2")]).text(), ANSWER);
    let sent = upstream.only();
    assert_eq!((sent.header("authorization"), sent.header("api-key")), (Some("Bearer sk-mine-1"), Some("sk-mine-2")));
    assert!(!weir.record().to_string().contains("sk-mine"), "a caller's key is nobody else's business");
}

#[test]
fn a_held_key_is_shown_to_its_provider_and_to_nobody_else() {
    const KEY: &str = "sk-held-0123456789";
    // A provider that repeats the key that it was shown, as some do, in all the places of which Records are made.
    let scolding = Upstream::start(|request, peer| {
        let key = request.header("authorization").unwrap().strip_prefix("Bearer ").unwrap();
        let message = format!("Incorrect API key provided: {key}. key={key}, \\\"{key}\\\"\\n{key}:\\n(Bearer {key})");
        let body = format!("{{\"error\":{{\"message\":\"{message}\",\"code\":\"invalid_api_key\"}}}}");
        peer.send(answer("401 Unauthorized", "application/json", body));
    });
    let good = Upstream::answering(json(ANSWER));
    let broken = Upstream::answering_once("");
    let dir = tempfile::TempDir::new().unwrap();
    std::fs::write(dir.path().join("key"), format!("{KEY}\n")).unwrap();
    let held = |models: &str| format!("models = [\"{models}\"]\napi_key = \"env:WEIR_TEST_KEY\"");
    let config = provider("good", &good, &held("gpt-*"))
        + &provider("scolding", &scolding, &held("claude-*"))
        + &provider("broken", &broken, &held("o*"));
    let mut weir = Process::start(&config, &[("WEIR_TEST_KEY", KEY)]);
    let mut seen = String::new();
    let mut ask = |address: SocketAddr, request: Vec<u8>| {
        let mut wire = super::harness::Wire::connect(address);
        let answer = wire.ask(request);
        seen.push_str(&format!("{:?} {}", answer.headers, answer.text()));
        answer
    };
    let headers = [JSON, ("authorization", "Bearer sk-the-callers")];
    let chat = |model: &str| request("POST /v1/chat/completions", &headers, format!("{{\"model\":\"{model}\"}}"));
    assert_eq!(ask(weir.listen, chat("gpt-4")).text(), ANSWER);
    assert_eq!(good.only().header("authorization"), Some(format!("Bearer {KEY}").as_str()));
    is_own_error(&ask(weir.listen, chat("o3")), 502, "weir_upstream_broken", true);
    is_own_error(&ask(weir.listen, chat("unknown")), 404, "weir_unknown_model", true);
    ask(weir.listen, request("GET /v1/models", &headers, ""));
    ask(weir.admin, request("GET /metrics", &[], ""));
    assert!(!seen.contains(KEY), "{seen}");
    // What a provider says is the caller's, to the byte; but it is not written down.
    let mut wire = super::harness::Wire::connect(weir.listen);
    assert_eq!(wire.ask(chat("claude-x")).status(), 401);
    let kept = weir.stop();
    assert!(kept.contains("invalid_api_key") && kept.contains("[redacted]"), "{kept}");
    for secret in [KEY, "sk-the-callers"] {
        assert!(!kept.contains(secret), "{kept}");
    }
}
