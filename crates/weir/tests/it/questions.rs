//! Loki's API: what went through the proxy is asked back over HTTP.

use serde_json::{Value, json};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, chat, is_own_error, json as answer, provider, request};

/// `query_range` and the like, with parameters as they are.
fn ask(weir: &Weir, path: &str, parameters: &[(&str, &str)]) -> Message {
    weir.ask_admin(request(&format!("GET /loki/api/v1/{path}?{}", form(parameters)), &[], ""))
}

fn form(parameters: &[(&str, &str)]) -> String {
    let escape = |text: &str| text.bytes().map(|byte| format!("%{byte:02x}")).collect::<String>();
    parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect::<Vec<_>>().join("&")
}

fn body(answer: &Message) -> Value {
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

fn weir_with_records(count: usize) -> Weir {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = Weir::before(&upstream);
    for _ in 0..count {
        assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    }
    weir.settled(count);
    weir
}

#[test]
fn a_record_can_be_asked_for_as_soon_as_its_answer_has_ended() {
    let weir = weir_with_records(0);
    for count in 1..=5 {
        assert_eq!(weir.ask(chat(CHAT)).status(), 200);
        weir.settled(count);
        let found = body(&ask(
            &weir,
            "query_range",
            &[("query", r#"{namespace="llm", app="llm-proxy"} |= "llm_request_completed""#)],
        ));
        assert_eq!(found["data"]["resultType"], "streams");
        let streams = found["data"]["result"].as_array().unwrap();
        let lines: Vec<&str> = streams
            .iter()
            .flat_map(|stream| stream["values"].as_array().unwrap())
            .map(|value| value[1].as_str().unwrap())
            .collect();
        assert_eq!(lines.len(), count);
    }
    let query = [("query", r#"sum(sum_over_time({app="llm-proxy"} | unwrap total_tokens [5m]))"#)];
    let sum: u64 = weir.records().iter().map(|record| record["total_tokens"].as_u64().unwrap()).sum();
    assert_eq!(body(&ask(&weir, "query", &query))["data"]["result"][0]["value"][1], sum.to_string());
}

#[test]
fn what_there_is_to_ask_for_is_told() {
    let weir = weir_with_records(1);
    let names = ["app", "event", "level", "namespace", "provider", "service_name"];
    assert_eq!(body(&ask(&weir, "labels", &[]))["data"], json!(names));
    assert_eq!(body(&ask(&weir, "label/provider/values", &[]))["data"], json!(["up"]));
    assert_eq!(body(&ask(&weir, "label/nothing/values", &[])), json!({"status": "success"}));
    let series = body(&ask(&weir, "series", &[("match[]", r#"{level="info"}"#)]));
    assert_eq!(series["data"][0]["service_name"], "llm-proxy");
    assert_eq!(body(&ask(&weir, "series", &[("match[]", r#"{level="error"}"#)]))["data"], json!([]));
    let detected = body(&ask(&weir, "detected_labels", &[]));
    assert_eq!(detected["detectedLabels"].as_array().unwrap().len(), names.len());
    // Long ago there was nothing.
    assert_eq!(body(&ask(&weir, "labels", &[("start", "1"), ("end", "2")])), json!({"status": "success"}));
    let buildinfo = body(&ask(&weir, "status/buildinfo", &[]));
    assert_eq!(buildinfo["version"], weir::VERSION);
    assert_eq!(weir.ask_admin(request("GET /ready", &[], "")).status(), 200);
}

/// What Grafana asks when a data source is saved, and how it always asks for entries.
#[test]
fn grafanas_data_source_is_content() {
    let weir = weir_with_records(1);
    let health = weir.ask_admin(request(
        "GET /loki/api/v1/query?direction=backward&query=vector(1)%2Bvector(1)&time=4000000000",
        &[("x-loki-response-encoding-flags", "categorize-labels")],
        "",
    ));
    let health = body(&health);
    assert_eq!(health["data"]["resultType"], "vector");
    // The answer's time is the question's, in seconds: nanoseconds and ten digits are both seconds since 1970 here.
    assert_eq!(health["data"]["result"], json!([{"metric": {}, "value": [4_000_000_000_u64, "2"]}]));
    let form = form(&[("query", r#"{app="llm-proxy"}"#), ("limit", "10")]);
    let headers = [
        ("content-type", "application/x-www-form-urlencoded"),
        ("x-loki-response-encoding-flags", "categorize-labels"),
    ];
    let found = body(&weir.ask_admin(request("POST /loki/api/v1/query_range", &headers, &form)));
    assert_eq!(found["data"]["encodingFlags"], json!(["categorize-labels"]));
    let stream = &found["data"]["result"][0];
    assert_eq!(stream["stream"].as_object().unwrap().len(), 6);
    let metadata = &stream["values"][0][2]["structuredMetadata"];
    assert_eq!((&metadata["model"], &metadata["detected_level"]), (&json!("gpt-4"), &json!("info")));
}

#[test]
fn errors_are_lokis() {
    let weir = weir_with_records(1);
    for (path, parameters, status, words) in [
        (
            "query_range",
            &[("query", "{app=\"x\"")][..],
            400,
            "parse error at line 1, col 9: syntax error: unexpected $end, expecting } or ,\n",
        ),
        (
            "query_range",
            &[("query", "{app=\"x\"}"), ("limit", "5001")],
            400,
            "max entries limit per query exceeded, limit > max_entries_limit_per_query (5001 > 5000)\n",
        ),
        (
            "query_range",
            &[("query", "{app=\"x\"}"), ("start", "5"), ("end", "4")],
            400,
            "end timestamp must not be before or equal to start time\n",
        ),
        (
            "query_range",
            &[("query", "{app=\"x\"}"), ("start", "1"), ("end", "9000000"), ("step", "1d")],
            400,
            "the query time range exceeds the limit (query length: 104d3h59m59s, limit: 30d1h)\n",
        ),
        (
            "query",
            &[("query", "{app=\"x\"}")],
            400,
            "log queries are not supported as an instant query type, please change your query to a range query type\n",
        ),
        ("nothing", &[], 404, "404 page not found\n"),
    ] {
        let refused = ask(&weir, path, parameters);
        assert_eq!((refused.status(), refused.text().as_str()), (status, words), "{path}");
    }
    let unformatted = ask(&weir, "format_query", &[("query", "{")]);
    assert_eq!((unformatted.status(), unformatted.json()["status"].as_str()), (400, Some("invalid-query")));
    let put = weir.ask_admin(request("PUT /loki/api/v1/labels", &[], ""));
    assert_eq!(put.status(), 405);
}

#[test]
fn pages_of_others_may_not_ask() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = Weir::start(&provider("up", &upstream, ""));
    let host = weir.admin.to_string();
    let with = |headers: &[(&str, &str)]| {
        let headers: Vec<_> = headers.iter().copied().chain([("host", host.as_str())]).collect();
        weir.ask_admin(request("GET /loki/api/v1/labels", &headers, ""))
    };
    assert_eq!(with(&[("origin", &format!("http://{host}"))]).status(), 200);
    for origin in ["http://evil.example", "null", "http://localhost:1"] {
        is_own_error(&with(&[("origin", origin)]), 403, "weir_forbidden_origin", false);
    }
    is_own_error(&with(&[("sec-fetch-site", "cross-site")]), 403, "weir_forbidden_origin", false);
    assert_eq!(with(&[("sec-fetch-site", "same-origin")]).status(), 200);
}

const ADMIN_TOKEN: &str = "a-token-that-may-do-everything";
const READ_TOKEN: &str = "a-token-that-may-ask";

fn sha256(text: &str) -> String {
    weir::config::hex(&weir::config::sha256(text.as_bytes()))
}

fn guarded(upstream: &Upstream, more: &str) -> Weir {
    let token = |name: &str, token: &str| {
        format!("{{ name = \"{name}\", sha256 = \"{}\", scopes = [\"{name}\"] }}", sha256(token))
    };
    let admin = format!(
        "admin.token = \"sha256:{}\"\nadmin.tokens = [{}, {}]\n{more}\n",
        sha256(ADMIN_TOKEN),
        token("read", READ_TOKEN),
        token("push", "a-token-that-may-push"),
    );
    Weir::start(&format!("{admin}{}", provider("up", upstream, "")))
}

#[test]
fn with_tokens_nobody_asks_without_one() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = guarded(&upstream, "admin.open_metrics = true");
    let with = |path: &str, headers: &[(&str, &str)]| weir.ask_admin(request(&format!("GET {path}"), headers, ""));
    for free in ["/healthz", "/readyz", "/ready", "/metrics", "/", "/api/v1/session"] {
        assert_eq!(with(free, &[]).status(), 200, "{free}");
    }
    let bearer = |token: &str| format!("Bearer {token}");
    for path in ["/loki/api/v1/labels", "/loki/api/v1/status/buildinfo", "/api/v1/status", "/api/v1/panels"] {
        is_own_error(&with(path, &[]), 401, "weir_missing_key", false);
        let wrong = with(path, &[("authorization", "Bearer nonsense")]);
        assert!(!is_own_error(&wrong, 401, "weir_invalid_key", false).contains("nonsense"));
        for token in [ADMIN_TOKEN, READ_TOKEN] {
            assert_eq!(with(path, &[("authorization", &bearer(token))]).status(), 200, "{path}");
        }
        let other = with(path, &[("authorization", &bearer("a-token-that-may-push"))]);
        let sentence = is_own_error(&other, 403, "weir_missing_scope", false);
        assert!(sentence.contains("\"push\"") && sentence.contains("scope read"), "{sentence}");
    }
    // As Grafana's basic authentication sends it: any name, and the token.
    let basic = "Basic eDphLXRva2VuLXRoYXQtbWF5LWFzaw==";
    assert_eq!(with("/loki/api/v1/labels", &[("authorization", basic)]).status(), 200);
}

#[test]
fn a_page_has_a_session_for_a_token() {
    let upstream = Upstream::answering(answer(ANSWER));
    let mut weir = guarded(&upstream, "admin.open_metrics = false");
    is_own_error(&weir.ask_admin(request("GET /metrics", &[], "")), 401, "weir_missing_key", false);
    let host = weir.admin.to_string();
    let login = |token: &str, origin: &str| {
        let headers = [("content-type", "application/json"), ("origin", origin), ("host", host.as_str())];
        weir.ask_admin(request("POST /api/v1/login", &headers, json!({"token": token}).to_string()))
    };
    let own = format!("http://{host}");
    is_own_error(&login("nonsense", &own), 401, "weir_invalid_key", false);
    is_own_error(&login(READ_TOKEN, "http://evil.example"), 403, "weir_forbidden_origin", false);
    let granted = login(READ_TOKEN, &own);
    assert_eq!((granted.status(), granted.json()), (200, json!({"scopes": ["read"]})));
    let cookie = granted.header("set-cookie").unwrap().to_owned();
    assert!(
        cookie.contains("HttpOnly") && cookie.contains("SameSite=Strict") && !cookie.contains(READ_TOKEN),
        "{cookie}"
    );
    let cookie = cookie.split(';').next().unwrap().to_owned();
    let session = |cookie: &str| {
        let answer = weir.ask_admin(request("GET /api/v1/session", &[("cookie", cookie)], ""));
        answer.json()["scopes"].clone()
    };
    assert_eq!(session(&format!("theme=dark; {cookie}")), json!(["read"]));
    assert_eq!(session(&format!("{cookie}0")), json!([]));
    let ended = weir.ask_admin(request("POST /api/v1/logout", &[("cookie", &cookie)], ""));
    assert!(ended.header("set-cookie").unwrap().contains("Max-Age=0"));
    assert_eq!(session(&cookie), json!([]));
    // A token that is taken out of the configuration takes its sessions with it.
    let cookie = login(READ_TOKEN, &own).header("set-cookie").unwrap().split(';').next().unwrap().to_owned();
    assert_eq!(session(&cookie), json!(["read"]));
    let without = format!("admin.token = \"sha256:{}\"\n{}", sha256(ADMIN_TOKEN), provider("up", &upstream, ""));
    weir.reload(&without).unwrap();
    let answer = weir.ask_admin(request("GET /api/v1/session", &[("cookie", &cookie)], ""));
    assert_eq!(answer.json()["scopes"], json!([]));
}

#[test]
fn each_panel_can_be_asked_as_it_stands() {
    let weir = weir_with_records(3);
    let panels = weir.ask_admin(request("GET /api/v1/panels", &[], "")).json();
    for panel in panels["panels"].as_array().unwrap() {
        for query in panel["queries"].as_array().unwrap() {
            let expr = query["logql"].as_str().unwrap().replace("$__auto", "5m");
            let expr = expr.replace("$slo_seconds", "10").replace("$search", "");
            let path = if panel["kind"] == "log" { "query_range" } else { "query" };
            body(&ask(&weir, path, &[("query", &expr)]));
        }
    }
}
