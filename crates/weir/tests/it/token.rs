//! Tokens of the operators' side: who may ask what, and a page's session.

use serde_json::json;

use super::harness::{ANSWER, Upstream, Weir, is_own_error, json as answer, provider, request};

const ADMIN_TOKEN: &str = "a-token-that-may-do-everything";
pub(super) const READ_TOKEN: &str = "a-token-that-may-ask";

fn sha256(text: &str) -> String {
    weir::config::hex(&weir::config::sha256(text.as_bytes()))
}

pub(super) fn guarded(upstream: &Upstream, more: &str) -> Weir {
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
