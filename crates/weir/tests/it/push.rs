//! Loki's push API: what is pushed is asked back, and touches nothing of Weir's own.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, chat, json as answer, provider, request};

const JSON: (&str, &str) = ("content-type", "application/json");

fn weir(settings: &str) -> Weir {
    let upstream = Upstream::answering(answer(ANSWER));
    Weir::start(&format!("[push]\n{settings}\n{}", provider("up", &upstream, "")))
}

fn push(weir: &Weir, body: &Value) -> Message {
    weir.ask_admin(request("POST /loki/api/v1/push", &[JSON], body.to_string()))
}

fn one(at: i64, line: &str) -> Value {
    json!({"streams": [{"stream": {"app": "a"}, "values": [[at.to_string(), line]]}]})
}

fn now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_nanos().try_into().unwrap()
}

/// All entries of a stream, from old to new: their times, lines and metadata.
fn asked(weir: &Weir, query: &str) -> Vec<(String, String, Value)> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let path = format!(
        "GET /loki/api/v1/query_range?query={escaped}&start=0&end={}&direction=forward&limit=5000",
        now() + 3_600_000_000_000
    );
    let path = path.replace("&start=0", &format!("&start={}", now() - 30 * 86_400_000_000_000 + 3_600_000_000_000));
    let answer = weir.ask_admin(request(&path, &[("x-loki-response-encoding-flags", "categorize-labels")], ""));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let mut entries: Vec<_> = answer.json()["data"]["result"]
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|stream| stream["values"].as_array().unwrap().clone())
        .map(|value| {
            let text = |at: usize| value[at].as_str().unwrap().to_owned();
            (text(0), text(1), value[2]["structuredMetadata"].clone())
        })
        .collect();
    entries.sort_by_key(|(at, line, _)| (at.parse::<i64>().unwrap(), line.clone()));
    entries
}

#[test]
fn what_is_pushed_is_asked_back() {
    let weir = weir("");
    let now = now();
    let long = "ü".repeat(128 << 10);
    // Out of order, two at one time, one of 256 KiB, one in the future, and one that comes twice.
    let mut entries = [
        (now, "now", json!({"trace_id": "7"})),
        (now - 5_000_000_000, "before", json!({})),
        (now, "also now: \"\\\u{1F30A}\n\u{0}", json!({})),
        (now + 60_000_000_000, "soon", json!({"who": "Bjørn 🐟"})),
        (now - 86_400_000_000_000, &long, json!({})),
    ];
    let values: Vec<Value> =
        entries.iter().map(|(at, line, metadata)| json!([at.to_string(), line, metadata])).collect();
    let body = json!({"streams": [{"stream": {"app": "sea", "place": "Ærø \"1\""}, "values": values}]});
    assert_eq!(push(&weir, &body).status(), 204);
    assert_eq!(push(&weir, &body).status(), 204);
    entries.sort_by_key(|(at, line, _)| (*at, (*line).to_owned()));
    let found = asked(&weir, r#"{app="sea", service_name="sea", place="Ærø \"1\""}"#);
    assert_eq!(found.len(), entries.len());
    for ((at, line, metadata), found) in entries.iter().zip(&found) {
        assert_eq!((&at.to_string(), *line), (&found.0, found.1.as_str()));
        let mut wanted = metadata.clone();
        wanted["detected_level"] = "unknown".into();
        assert_eq!(found.2, wanted);
    }
    assert_eq!(asked(&weir, r#"{app="sea"} |= "soon" | who="Bjørn 🐟""#).len(), 1);
}

#[test]
fn bodies_come_packed() {
    let weir = weir("");
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(one(now(), "packed").to_string().as_bytes()).unwrap();
    let head = [JSON, ("content-encoding", "gzip")];
    let answer = weir.ask_admin(request("POST /loki/api/v1/push", &head, gzip.finish().unwrap()));
    assert_eq!((answer.status(), asked(&weir, r#"{app="a"}"#).len()), (204, 1));
}

#[test]
fn each_refusal_has_its_code() {
    let weir = weir("body_limit = 300\nmax_line_bytes = 10\nrate = 40");
    let codes = |body: &str| {
        let answer = weir.ask_admin(request("POST /loki/api/v1/push", &[JSON], body));
        (answer.status(), answer.text())
    };
    assert_eq!(codes("{").0, 400);
    assert_eq!(codes("{\"streams\":[]}").0, 422);
    assert_eq!(codes(&"x".repeat(301)).0, 413);
    assert_eq!(weir.ask_admin(request("GET /loki/api/v1/push", &[], "")).status(), 405);
    let (code, said) = codes(&one(now(), "far too long").to_string());
    assert_eq!(code, 400);
    assert!(
        said.starts_with("Max entry size '10' bytes exceeded for stream '{app=\"a\", service_name=\"a\"}'"),
        "{said}"
    );
    let values: Vec<Value> = (0..4).map(|at| json!([(now() + at).to_string(), "x"])).collect();
    let (code, said) = codes(&json!({"streams": [{"stream": {"app": "a"}, "values": values}]}).to_string());
    assert!(code == 429 && said.starts_with("Ingestion rate limit exceeded"), "{code} {said}");
    let off = super::push::weir("enabled = false");
    assert_eq!(push(&off, &one(now(), "x")).status(), 404);
}

#[test]
fn what_is_pushed_enters_no_sum_of_weirs_own() {
    let weir = weir("");
    assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    let records = weir.settled(1);
    let before = weir.metrics().sum("llm_requests_total");
    let line = records[0].to_string();
    let record = json!({"streams": [{"stream": {"app": "elsewhere"}, "values": [[now().to_string(), line]]}]});
    assert_eq!(push(&weir, &record).status(), 204);
    assert_eq!(asked(&weir, r#"{app="elsewhere"}"#).len(), 1);
    assert_eq!((before, weir.metrics().sum("llm_requests_total"), weir.records().len()), (1, 1, 1));
}

/// Where there are tokens, one for reading is none for pushing, and none is none.
#[test]
fn who_pushes_has_a_token_that_may() {
    let upstream = Upstream::answering(answer(ANSWER));
    let token = |scope: &str| {
        let digest = weir::config::hex(&weir::config::sha256(scope.as_bytes()));
        format!("{{ name = \"{scope}\", sha256 = \"{digest}\", scopes = [\"{scope}\"] }}")
    };
    let tokens = ["read", "push", "admin"].map(token).join(", ");
    let weir = Weir::start(&format!("admin.tokens = [{tokens}]\n{}", provider("up", &upstream, "")));
    let body = one(now(), "x").to_string();
    let with = |headers: &[(&str, &str)]| {
        weir.ask_admin(request("POST /loki/api/v1/push", &[&[JSON][..], headers].concat(), &body)).status()
    };
    assert_eq!(with(&[]), 401);
    assert_eq!(with(&[("authorization", "Bearer nonsense")]), 401);
    assert_eq!(with(&[("authorization", "Bearer read")]), 403);
    assert_eq!(with(&[("authorization", "Bearer push")]), 204);
    assert_eq!(with(&[("authorization", "Bearer admin")]), 204);
}

/// More than a file of the log holds: what is in segments is asked as what is in memory is.
#[test]
fn what_was_sealed_is_asked_as_before() {
    let weir = weir("");
    let now = now();
    let line = |number: i64| -> String {
        let mut random = fastrand::Rng::with_seed(number.unsigned_abs());
        (0..200 << 10).map(|_| random.alphanumeric()).chain([' ', char::from(b'a' + (number % 3) as u8)]).collect()
    };
    // From new to old, each third in another stream, two of them at one time.
    let mut entries: Vec<(i64, String, i64)> =
        (0..60).map(|number| (now - (number / 2) * 1_000_000_000, line(number), number % 3)).collect();
    for part in entries.chunks(20) {
        let streams: Vec<Value> = part
            .iter()
            .map(|(at, line, stream)| {
                json!({"stream": {"app": "sea", "ship": format!("{stream} \"Ærø\"")},
                       "values": [[at.to_string(), line, {"number": stream.to_string()}]]})
            })
            .collect();
        assert_eq!(push(&weir, &json!({"streams": streams})).status(), 204);
    }
    entries.sort();
    let status = super::harness::until("a file is sealed", || {
        let status = weir.ask_admin(request("GET /api/v1/status", &[], "")).json();
        (status["store"]["pushed"]["lines"].as_u64().unwrap() >= 20).then_some(status)
    });
    assert_eq!(status["pushed"]["stored"], 60);
    assert!(weir.metrics().number("weir_store_segments{of=\"pushed\"}") > 0);
    let found = asked(&weir, r#"{app="sea"}"#);
    assert_eq!(found.len(), entries.len());
    for ((at, line, stream), found) in entries.iter().zip(&found) {
        assert_eq!((&at.to_string(), line), (&found.0, &found.1));
        assert_eq!(found.2, json!({"number": stream.to_string(), "detected_level": "unknown"}));
    }
    let some: Vec<_> = entries.iter().filter(|(_, _, stream)| *stream == 1).map(|(at, ..)| at.to_string()).collect();
    let found = asked(&weir, r#"{ship=~"1 .*", service_name="sea"} | number="1" |~ " b$""#);
    assert_eq!(found.iter().map(|(at, ..)| at.clone()).collect::<Vec<_>>(), some);
}
