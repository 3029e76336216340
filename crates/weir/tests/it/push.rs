//! Loki's push API: what is pushed is asked back, and touches nothing of Weir's own.

use std::io::Write as _;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, Wire, chat, json as answer, provider, request};

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

/// A text of up to `most` characters from where mistakes are made: quotes, control characters, what escapes are written
/// with, letters of several bytes, of which some join or turn around, and the ends of planes.
fn text(random: &mut fastrand::Rng, most: usize) -> String {
    const ODD: &[char] = &[
        '"',
        '\\',
        '`',
        '{',
        '}',
        '=',
        ',',
        '\n',
        '\r',
        '\t',
        '\0',
        '\u{7}',
        '\u{1b}',
        '\u{7f}',
        '\u{85}',
        'é',
        'e',
        '\u{301}',
        'ß',
        'ö',
        '\u{200d}',
        '\u{202e}',
        '\u{2028}',
        '\u{feff}',
        '\u{fffd}',
        '\u{ffff}',
        '漢',
        '🌊',
        '🐟',
        '\u{10ffff}',
    ];
    let length = random.usize(1..=most);
    let mut one = || if random.bool() { random.alphanumeric() } else { ODD[random.usize(..ODD.len())] };
    (0..length).map(|_| one()).collect()
}

/// Names and values, each name once, of which none is one that Loki derives something from.
fn pairs(random: &mut fastrand::Rng, most: usize) -> serde_json::Map<String, Value> {
    let count = random.usize(0..=most);
    let name = |random: &mut fastrand::Rng| format!("n_{}{}", random.alphabetic(), random.u8(..));
    (0..count).map(|_| (name(random), text(random, 40).into())).collect()
}

/// An entry with its stream: the labels, the time, the line, the metadata.
type Sent = (String, i64, String, String);

/// Entries of several streams at once, in any order, some of one time, some to come, and some as long as a line may be.
fn entries_of(random: &mut fastrand::Rng, round: usize, now: i64) -> Vec<Sent> {
    let streams: Vec<String> = (0..random.usize(1..5))
        .map(|at| {
            let mut labels = pairs(random, 8);
            labels.insert("round".to_owned(), format!("{round}").into());
            labels.insert("stream".to_owned(), format!("{at} {}", text(random, 40)).into());
            Value::from(labels).to_string()
        })
        .collect();
    let times: Vec<i64> = (0..12).map(|_| now + random.i64(-20 * 86_400_000_000_000..540_000_000_000)).collect();
    let entry = |at: usize| {
        let mut line = format!("{at} {}", text(random, 200));
        if at.is_multiple_of(10) {
            line.push_str(&"é".repeat(((256 << 10) - line.len()) / 2));
        }
        let (stream, time) = (random.choice(&streams).unwrap(), random.choice(&times).unwrap());
        (stream.clone(), *time, line, Value::from(pairs(random, 4)).to_string())
    };
    (0..40).map(entry).collect()
}

/// A push of these, each entry in a stream of its own, packed or as it is.
fn send(weir: &Weir, entries: &[Sent], packed: bool) {
    let read = |text: &String| serde_json::from_str::<Value>(text).unwrap();
    let streams: Vec<Value> = entries
        .iter()
        .map(|(stream, at, line, metadata)| {
            json!({"stream": read(stream), "values": [[at.to_string(), line, read(metadata)]]})
        })
        .collect();
    let mut body = json!({ "streams": streams }).to_string().into_bytes();
    let mut head = vec![JSON];
    if packed {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&body).unwrap();
        body = gzip.finish().unwrap();
        head.push(("content-encoding", "gzip"));
    }
    let answer = weir.ask_admin(request("POST /loki/api/v1/push", &head, body));
    assert_eq!(answer.status(), 204, "{}", answer.text());
}

/// What is answered, each stream in the order of its direction, as sorted entries.
fn found(weir: &Weir, query: &str, direction: &str, now: i64) -> Vec<Sent> {
    let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let (start, end) = (now - 21 * 86_400_000_000_000, now + 600_000_000_000);
    let path = format!(
        "GET /loki/api/v1/query_range?query={escaped}&start={start}&end={end}&direction={direction}&limit=5000"
    );
    let answer = weir.ask_admin(request(&path, &[("x-loki-response-encoding-flags", "categorize-labels")], ""));
    assert_eq!(answer.status(), 200, "{query}: {}", answer.text());
    let mut all = Vec::new();
    for stream in answer.json()["data"]["result"].as_array().unwrap() {
        let values = stream["values"].as_array().unwrap();
        let times: Vec<i64> = values.iter().map(|value| value[0].as_str().unwrap().parse().unwrap()).collect();
        assert!(if direction == "forward" { times.is_sorted() } else { times.iter().rev().is_sorted() }, "{times:?}");
        for (value, at) in values.iter().zip(times) {
            let metadata = value[2].get("structuredMetadata").cloned().unwrap_or_else(|| json!({}));
            all.push((stream["stream"].to_string(), at, value[1].as_str().unwrap().to_owned(), metadata.to_string()));
        }
    }
    all.sort();
    all
}

/// Whatever is pushed is what is asked back: labels, lines and metadata of any text, times in any order, equal ones and
/// some to come, in both directions, from memory and from segments.
#[test]
fn whatever_is_pushed_is_asked_back() {
    let weir = weir("discover_service_name = []\ndiscover_log_levels = false");
    let (mut random, now) = (fastrand::Rng::with_seed(11), now());
    let mut rounds = Vec::new();
    for round in 0..12 {
        let mut entries = entries_of(&mut random, round, now);
        random.shuffle(&mut entries);
        entries.chunks(17).for_each(|part| send(&weir, part, random.bool()));
        // Once more, in another order: nothing is there twice.
        random.shuffle(&mut entries);
        send(&weir, &entries, true);
        entries.sort();
        rounds.push(entries);
    }
    super::harness::until("some are in a segment", || {
        let status = weir.ask_admin(request("GET /api/v1/status", &[], "")).json();
        (status["store"]["pushed"]["lines"].as_u64().unwrap() > 0).then_some(())
    });
    let same = |query: &str, direction: &str, wanted: &[&Sent]| {
        let found = found(&weir, query, direction, now);
        let other = found.iter().zip(wanted).find(|(found, wanted)| found != *wanted);
        assert!(other.is_none() && found.len() == wanted.len(), "{query}, {direction}: {} {other:?}", found.len());
    };
    for (round, entries) in rounds.iter().enumerate() {
        for direction in ["forward", "backward"] {
            same(&format!("{{round=\"{round}\"}}"), direction, &entries.iter().collect::<Vec<_>>());
        }
        let stream = &entries[random.usize(..entries.len())].0;
        let labels: serde_json::Map<String, Value> = serde_json::from_str(stream).unwrap();
        let matchers: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let of_stream: Vec<&Sent> = entries.iter().filter(|entry| entry.0 == *stream).collect();
        same(&format!("{{{}}}", matchers.join(", ")), "forward", &of_stream);
    }
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
fn what_is_too_large_is_refused_and_read_away() {
    let weir = weir("body_limit = 300");
    let mut wire = Wire::connect(weir.admin);
    let large = "x".repeat(4 << 20);
    assert_eq!(wire.ask(request("POST /loki/api/v1/push", &[JSON], &large)).status(), 413);
    assert_eq!(wire.ask(request("POST /loki/api/v1/push", &[JSON], "{")).status(), 400);
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

/// What every panel and the mission's queries answer, for the hours around `at`.
fn shown(weir: &Weir, at: i64) -> Vec<(String, Value)> {
    let panels = weir.ask_admin(request("GET /api/v1/panels", &[], "")).json();
    let queries = panels["panels"].as_array().unwrap().iter().flat_map(|panel| panel["queries"].as_array().unwrap());
    let queries = queries.map(|query| query["logql"].as_str().unwrap().to_owned());
    let stages = ["", " | json | total_tokens > 100", " | json | cost_usd > 0.001", " | json | model = \"gpt-4\""];
    let mission =
        stages.map(|stage| format!("{{namespace=\"llm\", app=\"llm-proxy\"}} |= \"llm_request_completed\"{stage}"));
    let hour = 3_600_000_000_000;
    let all = queries.chain(mission).map(|query| {
        let query = query.replace("$__auto", "1h").replace("$slo_seconds", "1").replace("$search", "");
        let escaped: String = query.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let (start, end) = (at - hour, at + hour);
        let path = format!("GET /loki/api/v1/query_range?query={escaped}&start={start}&end={end}&step=600");
        let answer = weir.ask_admin(request(&path, &[], ""));
        assert_eq!(answer.status(), 200, "{query}: {}", answer.text());
        (query, answer.json()["data"]["result"].clone())
    });
    all.collect()
}

/// A copy of a Record, with its own labels and metadata, and one that claims another cost.
fn forged(weir: &Weir, record: &Value) -> (i64, Value) {
    let at = asked(weir, r#"{app="llm-proxy"}"#)[0].0.parse::<i64>().unwrap();
    let series = weir.ask_admin(request("GET /loki/api/v1/series?match[]=%7Bapp%3D%22llm-proxy%22%7D", &[], "")).json();
    let copied = series["data"][0].as_object().unwrap().clone();
    assert_eq!((&copied["event"], &copied["service_name"]), (&json!("llm_request_completed"), &json!("llm-proxy")));
    let mut plain = copied.clone();
    plain.remove("service_name");
    let line = record.to_string();
    let metadata = json!({"model": "gpt-4", "total_tokens": "7", "cost_usd": "7", "energy_consumption_kwh": "7",
        "organization": "acme", "user_id": "eve", "processing_time_seconds": "7"});
    let values = |at: i64| json!([[at.to_string(), line, metadata]]);
    let streams = json!([{"stream": copied, "values": values(at + 1)}, {"stream": plain, "values": values(at + 2)}]);
    (at, json!({ "streams": streams }))
}

/// The labels of Weir's own lines are no one else's, so no panel and none of the mission's queries counts what is pushed with them.
#[test]
fn what_is_pushed_as_if_it_were_weirs_enters_no_panel() {
    let weir = weir("");
    assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    let (at, body) = forged(&weir, &weir.settled(1)[0]);
    let before = shown(&weir, at);
    assert!(before.iter().filter(|(_, result)| *result != json!([])).count() > 10);
    assert_eq!(push(&weir, &body).status(), 204);
    assert_eq!(shown(&weir, at), before);
    assert_eq!(asked(&weir, r#"{service_name="llm-proxy"}"#).len(), 1);
    let found = asked(&weir, r#"{exported_app="llm-proxy", namespace="llm", event="llm_request_completed"}"#);
    assert_eq!(found.iter().map(|(at, ..)| at.clone()).collect::<Vec<_>>(), [at + 1, at + 2].map(|at| at.to_string()));
}

/// Unless somebody wants it so, who has other proxies' lines pushed here.
#[test]
fn others_lines_stand_among_weirs_own_where_that_is_wanted() {
    let weir = weir("as_weir = true");
    assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    let (at, body) = forged(&weir, &weir.settled(1)[0]);
    let before = shown(&weir, at);
    assert_eq!(push(&weir, &body).status(), 204);
    assert_ne!(shown(&weir, at), before);
    assert_eq!(asked(&weir, r#"{app="llm-proxy", event="llm_request_completed"}"#).len(), 3);
    assert_eq!(weir.metrics().sum("llm_requests_total"), 1);
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
