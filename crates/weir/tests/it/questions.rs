//! Loki's API: what went through the proxy is asked back over HTTP.

use serde_json::{Value, json};

use super::harness::{ANSWER, CHAT, Message, Upstream, Weir, chat, is_own_error, json as answer, provider, request};
use super::token::{READ_TOKEN, guarded};

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
fn a_question_holds_no_more_memory_than_it_may() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = Weir::start(&format!("[query]\nmemory = \"4 KiB\"\n{}", provider("up", &upstream, "")));
    for _ in 0..30 {
        assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    }
    weir.settled(30);
    let refused = ask(&weir, "query_range", &[("query", r#"{app="llm-proxy"}"#)]);
    let words = "the query would take too much memory (limit: 4096 bytes); consider adding more specific stream selectors or \
                 reduce the time range of the query\n";
    assert_eq!((refused.status(), refused.text().as_str()), (400, words));
    let few = body(&ask(&weir, "query_range", &[("query", r#"{app="llm-proxy"}"#), ("limit", "1")]));
    assert_eq!(few["data"]["result"][0]["values"].as_array().unwrap().len(), 1);
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

#[test]
fn drilldown_finds_what_it_needs() {
    let weir = weir_with_records(4);
    let selector = [("query", r#"{service_name="llm-proxy"}"#)];
    let bytes: usize = weir.records().len();
    let stats = body(&ask(&weir, "index/stats", &selector));
    assert_eq!((&stats["streams"], &stats["entries"]), (&json!(1), &json!(bytes)));
    let journal_bytes: u64 = stats["bytes"].as_u64().unwrap();
    let volume = body(&ask(&weir, "index/volume", &[("query", r#"{service_name=~".+"}"#)]));
    assert_eq!(volume["data"]["resultType"], "vector");
    let row = &volume["data"]["result"][0];
    assert_eq!(
        (&row["metric"], &row["value"][1]),
        (&json!({"service_name": "llm-proxy"}), &json!(journal_bytes.to_string()))
    );
    let by_label =
        body(&ask(&weir, "index/volume", &[selector[0], ("aggregateBy", "labels"), ("targetLabels", "provider")]));
    assert_eq!(by_label["data"]["result"][0]["metric"], json!({"provider": ""}));
    let stepwise = body(&ask(&weir, "index/volume_range", &[selector[0], ("step", "60")]));
    assert_eq!(stepwise["data"]["resultType"], "matrix");
    let fields = body(&ask(&weir, "detected_fields", &selector));
    let field =
        |name: &str| fields["fields"].as_array().unwrap().iter().find(|field| field["label"] == name).unwrap().clone();
    assert_eq!(
        field("total_tokens"),
        json!({"label": "total_tokens", "type": "float", "cardinality": 1, "parsers": null})
    );
    assert_eq!(field("detected_level")["type"], "string");
    assert_eq!(field("status")["parsers"], json!(["json"]));
    let values = body(&ask(&weir, "detected_field/model/values", &selector));
    assert_eq!(values["values"], json!(["gpt-4"]));
    let patterns = body(&ask(&weir, "patterns", &selector));
    let pattern = &patterns["data"][0];
    assert_eq!((&pattern["level"], &pattern["samples"][0][1]), (&json!("info"), &json!(4)));
    // What it says is what the filter of patterns finds.
    let found = format!("{{app=\"llm-proxy\"}} |> {}", serde_json::to_string(&pattern["pattern"]).unwrap());
    assert_eq!(entries(&body(&ask(&weir, "query_range", &[("query", &found)]))).len(), 4);
    let limits = body(&ask(&weir, "drilldown-limits", &[]));
    assert_eq!(limits["limits"].as_object().unwrap().len(), 17);
}

/// All lines of an answer.
fn entries(answer: &Value) -> Vec<String> {
    let streams = answer["data"]["result"].as_array().unwrap().iter();
    let values = streams.flat_map(|stream| stream["values"].as_array().unwrap());
    values.map(|value| value[1].as_str().unwrap().to_owned()).collect()
}

#[test]
fn long_answers_are_packed() {
    let weir = weir_with_records(3);
    let path = format!("GET /loki/api/v1/query_range?{}", form(&[("query", r#"{app="llm-proxy"}"#)]));
    let plain = weir.ask_admin(request(&path, &[("accept-encoding", "gzip;q=0, br")], ""));
    assert_eq!(plain.header("content-encoding"), None);
    let packed = weir.ask_admin(request(&path, &[("accept-encoding", "br, gzip;q=0.5")], ""));
    assert_eq!(packed.header("content-encoding"), Some("gzip"));
    let mut text = String::new();
    std::io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&packed.body[..]), &mut text).unwrap();
    let found: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(entries(&found), entries(&plain.json()));
}

mod socket {
    //! A WebSocket's other end.

    use std::io::{Read, Write};
    use std::net::TcpStream;

    use serde_json::Value;

    use super::Weir;

    pub(super) struct Socket {
        stream: TcpStream,
        received: Vec<u8>,
    }

    pub(super) fn open(weir: &Weir, query: &str, more: &str) -> Result<Socket, String> {
        let mut stream = TcpStream::connect(weir.admin).unwrap();
        stream.set_read_timeout(Some(super::super::harness::PATIENCE)).unwrap();
        let head = format!(
            "GET /loki/api/v1/tail?{query} HTTP/1.1\r\nhost: localhost\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
             sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n{more}\r\n"
        );
        stream.write_all(head.as_bytes()).unwrap();
        let mut received = Vec::new();
        while !received.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            received.push(byte[0]);
        }
        let head = String::from_utf8(received).unwrap();
        if !head.starts_with("HTTP/1.1 101") {
            return Err(head);
        }
        assert!(head.contains("sec-websocket-accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
        Ok(Socket { stream, received: Vec::new() })
    }

    impl Socket {
        /// The next frame: its code, and what is in it.
        pub(super) fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
            loop {
                if let [first, second, rest @ ..] = &self.received[..] {
                    let (start, length) = match second & 0x7f {
                        126 if rest.len() >= 2 => (4, usize::from(u16::from_be_bytes([rest[0], rest[1]]))),
                        127 if rest.len() >= 8 => (10, u64::from_be_bytes(rest[..8].try_into().unwrap()) as usize),
                        126 | 127 => (usize::MAX / 2, 0),
                        short => (2, usize::from(short)),
                    };
                    if self.received.len() >= start + length {
                        let (code, payload) = (first & 0x0f, self.received[start..start + length].to_vec());
                        self.received.drain(..start + length);
                        return Some((code, payload));
                    }
                }
                let mut bytes = [0; 4096];
                match self.stream.read(&mut bytes) {
                    Ok(0) | Err(_) => return None,
                    Ok(read) => self.received.extend_from_slice(&bytes[..read]),
                }
            }
        }

        /// The next message, pings left out.
        pub(super) fn message(&mut self) -> Value {
            loop {
                match self.frame() {
                    Some((1, text)) => return serde_json::from_slice(&text).unwrap(),
                    Some((9, _)) => {}
                    other => panic!("{other:?}"),
                }
            }
        }

        /// Sends a frame, masked with zeros.
        pub(super) fn send(&mut self, code: u8, payload: &[u8]) {
            let head = [0x80 | code, 0x80 | payload.len() as u8, 0, 0, 0, 0];
            self.stream.write_all(&[&head[..], payload].concat()).unwrap();
        }
    }
}

#[test]
fn lines_are_followed_as_they_come() {
    let weir = weir_with_records(3);
    let query = form(&[("query", r#"{app="llm-proxy"} | json | total_tokens > 100"#), ("limit", "2")]);
    let mut socket = socket::open(&weir, &query, "x-loki-response-encoding-flags: categorize-labels\r\n").unwrap();
    // First what there is, at most as much as was asked for; the oldest first.
    let first = json!({"data": {"result": socket.message()["streams"]}});
    let journal: Vec<Value> = weir.records();
    let ids = |lines: &[String]| {
        lines.iter().map(|line| serde_json::from_str::<Value>(line).unwrap()["request_id"].clone()).collect::<Vec<_>>()
    };
    assert_eq!(
        ids(&entries(&first)),
        journal[1..].iter().map(|record| record["request_id"].clone()).collect::<Vec<_>>()
    );
    for count in 4..7 {
        assert_eq!(weir.ask(chat(CHAT)).status(), 200);
        let message = socket.message();
        assert_eq!(
            (&message["dropped_entries"], &message["encodingFlags"]),
            (&json!([]), &json!(["categorize-labels"]))
        );
        let lines = entries(&json!({"data": {"result": message["streams"]}}));
        assert_eq!(ids(&lines), [weir.settled(count).pop().unwrap()["request_id"].clone()]);
    }
    socket.send(9, b"there?");
    let pong = std::iter::from_fn(|| socket.frame()).find(|(code, _)| *code == 10).unwrap();
    assert_eq!(pong.1, b"there?");
    socket.send(8, &1000_u16.to_be_bytes());
    let close = std::iter::from_fn(|| socket.frame()).find(|(code, _)| *code == 8).unwrap();
    assert_eq!(close.1, 1000_u16.to_be_bytes());
    assert_eq!(socket.frame(), None, "the connection ends");
}

#[test]
fn what_cannot_be_followed_is_refused() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = Weir::start(&format!("query.max_tails = 1\n{}", provider("up", &upstream, "")));
    let query = form(&[("query", r#"{app="llm-proxy"}"#)]);
    let refused = |query: &str, more: &str| socket::open(&weir, query, more).err().unwrap();
    assert!(refused(&form(&[("query", "{app=")]), "").starts_with("HTTP/1.1 400"));
    assert!(refused(&form(&[("query", r#"{app="x"}"#), ("delay_for", "6")]), "").starts_with("HTTP/1.1 400"));
    assert!(refused(&form(&[("query", r#"count_over_time({app="x"}[1m])"#)]), "").starts_with("HTTP/1.1 400"));
    assert!(refused(&query, "origin: http://evil.example\r\n").starts_with("HTTP/1.1 403"));
    let plain = weir.ask_admin(request(&format!("GET /loki/api/v1/tail?{query}"), &[], ""));
    assert_eq!(plain.status(), 400);
    let one = socket::open(&weir, &query, "origin: http://localhost\r\n").unwrap();
    assert!(refused(&query, "").starts_with("HTTP/1.1 400"), "there is room for one only");
    drop(one);
    super::harness::until("the place is free again", || socket::open(&weir, &query, "").ok());
}

/// A Weir answers in another's place, as a Loki would.
#[test]
fn a_backend_answers_in_weirs_place() {
    let behind = weir_with_records(3);
    let upstream = Upstream::answering(answer(ANSWER));
    let front = |more: &str| {
        let backend = format!("query.backend = \"http://{}/\"\n{more}", behind.admin);
        Weir::start(&format!("{backend}{}", provider("up", &upstream, "")))
    };
    let weir = front("");
    let query = [("query", r#"sum(count_over_time({app="llm-proxy"}[5m]))"#)];
    assert_eq!(body(&ask(&weir, "query", &query))["data"]["result"][0]["value"][1], "3");
    let headers = [("content-type", "application/x-www-form-urlencoded"), ("accept-encoding", "gzip")];
    let form_body = form(&[("query", r#"{app="llm-proxy"}"#)]);
    let packed = weir.ask_admin(request("POST /loki/api/v1/query_range", &headers, &form_body));
    assert_eq!((packed.status(), packed.header("content-encoding")), (200, Some("gzip")));
    let wrong = ask(&weir, "query", &[("query", "{")]);
    assert_eq!((wrong.status(), wrong.text()), (400, ask(&behind, "query", &[("query", "{")]).text()));
    let mut socket = socket::open(&weir, &form(&[("query", r#"{app="llm-proxy"}"#)]), "").unwrap();
    assert_eq!(socket.message()["streams"].as_array().unwrap().len(), 3);
    assert!(socket::open(&weir, &form(&[("query", "{")]), "").err().unwrap().starts_with("HTTP/1.1 400"));
    drop(socket);
    // What Weir knows of itself is asked of itself.
    assert_eq!(weir.ask_admin(request("GET /api/v1/status", &[], "")).json()["balance"]["recorded"], 0);
    drop(behind);
    let gone = ask(&weir, "labels", &[]);
    assert_eq!(gone.status(), 502);
    assert!(gone.text().starts_with("query.backend cannot be asked: "), "{}", gone.text());
}

#[test]
fn the_command_line_asks_over_http() {
    let upstream = Upstream::answering(answer(ANSWER));
    let weir = guarded(&upstream, "");
    for _ in 0..3 {
        assert_eq!(weir.ask(chat(CHAT)).status(), 200);
    }
    let records = weir.settled(3);
    let run = |token: &str, arguments: &[&str]| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_weir"));
        let url = format!("http://{}", weir.admin);
        command.args(["query", "--url", &url, "--token", "env:WEIR_TEST_TOKEN", "--output", "json"]).args(arguments);
        command.env("WEIR_TEST_TOKEN", token).output().unwrap()
    };
    let written = |arguments: &[&str]| {
        let output = run(READ_TOKEN, arguments);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect::<Vec<Value>>()
    };
    let tokens: u64 = records.iter().map(|record| record["total_tokens"].as_u64().unwrap()).sum();
    let sum = written(&["--since", "6h", "sum(sum_over_time({app=\"llm-proxy\"} | unwrap total_tokens [6h]))"]);
    assert_eq!(sum[0]["value"].as_f64(), Some(tokens as f64));
    let lines = written(&["{app=\"llm-proxy\"} | json | line_format \"{{.request_id}}\""]);
    let ids: Vec<_> = lines.iter().map(|line| line["line"].clone()).collect();
    assert_eq!(ids, records.iter().map(|record| record["request_id"].clone()).collect::<Vec<_>>());
    let refused = run("nonsense", &["{app=\"llm-proxy\"}"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("answers 401") && !said.contains("nonsense"), "{said}");
}
