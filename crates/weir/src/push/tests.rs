use std::io::Write as _;

use proptest::prelude::*;
use store::pushed::Entry;

use super::*;
use crate::config::{Config, PushConfig};

const NOW: i64 = 1_795_400_000_000_000_000;

fn limits(settings: &str) -> PushConfig {
    let provider = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";
    Config::parse(&format!("[push]\n{settings}\n{provider}")).unwrap().push
}

fn checked(settings: &str, body: &str) -> Checked {
    check(read(Format::Json, body.as_bytes()).unwrap(), &limits(settings), NOW, |_| (false, 0)).unwrap()
}

/// The refusal's words for one line under `labels`.
fn refusal(settings: &str, labels: &str, value: &str) -> String {
    let checked = checked(settings, &format!("{{\"streams\":[{{\"stream\":{labels},\"values\":[{value}]}}]}}"));
    assert!(checked.entries.is_empty() && checked.refused_entries() == 1);
    checked.refusal().unwrap().message
}

fn labels(entry: &Entry) -> String {
    logql::Labels::new(entry.stream.labels()).to_string()
}

fn metadata(entry: &Entry) -> Vec<(String, String)> {
    entry.metadata().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn level(labels: &str, line: &str) -> String {
    let line = serde_json::to_string(line).unwrap();
    let body = format!("{{\"streams\":[{{\"stream\":{labels},\"values\":[[\"1\",{line}]]}}]}}");
    metadata(&checked("", &body).entries[0])[0].1.clone()
}

#[test]
fn json_says_what_was_pushed() {
    let body = r#"{"other":[1],"streams":[{"stream":{"b":"\"\n","a":"x","b":"last"},"values":
        [["1","pl\u00e4in"],["-2","",{"id":"7"}]]},{"stream":{"a":"y"},"values":[]}]}"#;
    let read = read(Format::Json, body.as_bytes()).unwrap();
    assert_eq!(read.streams.len(), 2);
    let pairs = [("a", "x"), ("b", "last")].map(|(name, value)| (name.into(), value.into()));
    assert_eq!(read.streams[0].labels, PushedLabels::Pairs(pairs.to_vec()));
    let entries = &read.streams[0].entries;
    assert_eq!((entries[0].timestamp, &*entries[0].line), (1, "pläin".as_bytes()));
    assert_eq!((entries[1].timestamp, &entries[1].metadata[..]), (-2, &[("id".into(), "7".into())][..]));
}

/// The labels that a stream keeps under `settings`, of which one line was pushed.
fn kept(settings: &str, stream: &str) -> String {
    let body = format!("{{\"streams\":[{{\"stream\":{stream},\"values\":[[\"1\",\"x\"]]}}]}}");
    labels(&checked(settings, &body).entries[0])
}

#[test]
fn only_weirs_own_lines_have_its_labels() {
    let own = r#"{"app":"llm-proxy","namespace":"llm","event":"llm_request_completed"}"#;
    let renamed =
        r#"event="llm_request_completed", exported_app="llm-proxy", namespace="llm", service_name="unknown_service"}"#;
    assert_eq!(kept("", own), format!("{{{renamed}"));
    assert!(kept("as_weir = true", own).starts_with(r#"{app="llm-proxy", "#));
    // What tells the service is Weir's too, and a name that is taken stays whose it is.
    let more = r#"{"app":"llm-proxy","namespace":"llm","event":"llm_x","exported_app":"a","service_name":"llm-proxy"}"#;
    assert_eq!(
        kept("", more),
        r#"{event="llm_x", exported_app="a", exported_exported_app="llm-proxy", exported_service_name="llm-proxy", namespace="llm", service_name="unknown_service"}"#
    );
    // Lines of other programs are as they were: those of the mission's proxy have no event among their labels.
    for (other, app) in [
        (r#"{"app":"llm-proxy","namespace":"llm","level":"info"}"#, "llm-proxy"),
        (r#"{"app":"llm-proxy","namespace":"llm","event":"started"}"#, "llm-proxy"),
        (r#"{"app":"llm-proxy","namespace":"staging","event":"llm_request_completed"}"#, "llm-proxy"),
        (r#"{"app":"gate","namespace":"llm","event":"llm_request_completed"}"#, "gate"),
    ] {
        assert!(kept("", other).starts_with(&format!("{{app=\"{app}\", ")), "{other}");
    }
    // Where Records have other labels, those are Weir's, beside the usual ones.
    let follower = "[[followers]]\nkind = \"loki\"\nurl = \"http://a\"\nlabels = { app = \"gate\" }\n";
    for app in ["gate", "llm-proxy"] {
        let stream = format!(r#"{{"app":"{app}","namespace":"llm","event":"llm_request_failed"}}"#);
        assert!(kept(follower, &stream).contains(&format!("exported_app=\"{app}\"")));
    }
}

#[test]
fn what_is_no_push_is_refused() {
    for body in [
        "",
        "[7]",
        "{\"streams\":7}",
        "{\"streams\":[{\"stream\":{\"a\":7}}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[1,\"x\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1.5\",\"x\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\"]]}]}",
        "{\"streams\":[{\"stream\":{},\"values\":[[\"1\",\"x\",{\"a\":1}]]}]}",
        "{\"streams\":[]} x",
    ] {
        assert_eq!(read(Format::Json, body.as_bytes()).unwrap_err().status, 400, "{body}");
    }
    for message in [&b"\x0a\x05ab"[..], b"\x00\x01", b"\x0a\x02\x0a\xff", b"\x0f", b"\x0a\x06\x12\x04\x0a\x02\x10\xff"]
    {
        assert_eq!(read(Format::Protobuf, message).unwrap_err().status, 400, "{message:?}");
    }
    let nothing = check(Pushed::default(), &limits(""), NOW, |_| (false, 0)).unwrap_err();
    assert_eq!(nothing.status, 422);
}

#[test]
fn bodies_are_unpacked_to_a_limit() {
    let body = vec![b'x'; 5000];
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    gzip.write_all(&body).unwrap();
    let gzip = gzip.finish().unwrap();
    let mut deflate = flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::fast());
    deflate.write_all(&body).unwrap();
    let deflate = deflate.finish().unwrap();
    let snappy = snap::raw::Encoder::new().compress_vec(&body).unwrap();
    let all = [("gzip", &gzip), ("deflate", &deflate), ("snappy", &snappy), ("", &body)];
    for (encoding, packed) in all {
        assert_eq!(&*unpack(encoding, Format::Json, packed, 5000).unwrap(), &body[..], "{encoding}");
        assert_eq!(unpack(encoding, Format::Json, packed, 4999).unwrap_err().status, 413, "{encoding}");
    }
    for encoding in ["", "snappy"] {
        assert_eq!(&*unpack(encoding, Format::Protobuf, &snappy, 5000).unwrap(), &body[..]);
    }
    assert_eq!(unpack("", Format::Protobuf, &snappy, 4999).unwrap_err().status, 413);
    assert_eq!(unpack("", Format::Protobuf, &body, 4999).unwrap_err().status, 400);
    assert_eq!(unpack("gzip", Format::Json, &body, 5000).unwrap_err().status, 400);
    let unknown = unpack("br", Format::Json, &body, 5000).unwrap_err();
    assert_eq!((unknown.status.as_u16(), unknown.message.as_str()), (400, "Content-Encoding \"br\" not supported"));
    assert_eq!(Format::of("application/json; charset=utf-8"), Format::Json);
    assert_eq!((Format::of(""), Format::of("application/x-protobuf")), (Format::Protobuf, Format::Protobuf));
}

#[test]
fn selectors_are_read_as_they_are_written() {
    let read = |text: &str| selector::parse(text);
    let pairs = |pairs: &[(&str, &str)]| pairs.iter().map(|(n, v)| ((*n).to_owned(), (*v).to_owned())).collect();
    assert_eq!(read("{}"), Ok(Vec::new()));
    assert_eq!(
        read(r#" { a = "x" , by="\"},\\\n", c=`\`, } "#),
        Ok(pairs(&[("a", "x"), ("by", "\"},\\\n"), ("c", "\\")]))
    );
    for wrong in
        ["", "a", "{", "{a}", "{a=}", "{a=\"}", "{a=\"b\" c=\"d\"}", "{a=\"b\"} x", "{1=\"b\"}", "{a=~\"b\"}", "{,}"]
    {
        let error = read(wrong).unwrap_err();
        assert!(error.starts_with("1:") || error == "invalid char escape", "{wrong}: {error}");
    }
}

#[test]
fn limits_are_said_in_lokis_words() {
    let app = r#"{"app":"a"}"#;
    let stream = r#"{app="a", service_name="a"}"#;
    let long = refusal("max_line_bytes = 3", app, r#"["1","four"]"#);
    assert_eq!(
        long,
        format!("Max entry size '3' bytes exceeded for stream '{stream}' while adding an entry with length '4' bytes")
    );
    let old = refusal("max_age = \"1h\"", app, &format!("[\"{}\",\"x\"]", NOW - 3_600_000_000_001));
    assert_eq!(
        old,
        format!(
            "entry for stream '{stream}' has timestamp too old: 2026-11-23T01:13:19Z, oldest acceptable timestamp is: 2026-11-23T01:13:20Z"
        )
    );
    let new = refusal("", app, &format!("[\"{}\",\"x\"]", NOW + 600_000_000_001));
    assert_eq!(new, format!("entry for stream '{stream}' has timestamp too new: 2026-11-23T02:23:20Z"));
    let many = refusal("max_labels = 1", r#"{"a":"1","b":"2","service_name":"x"}"#, r#"["1","x"]"#);
    assert_eq!(many, r#"entry for stream '{a="1", b="2", service_name="x"}' has 2 label names; limit 1"#);
    let name = refusal("max_label_name_bytes = 12", r#"{"abcdefghijklm":"1"}"#, r#"["1","x"]"#);
    assert!(name.ends_with("has label name too long: 'abcdefghijklm'"), "{name}");
    let value = refusal("max_label_value_bytes = 15", r#"{"a":"0123456789abcdef"}"#, r#"["1","x"]"#);
    assert!(value.ends_with("has label value too long: '0123456789abcdef'"), "{value}");
    let metadata = refusal("max_metadata_bytes = 3", app, r#"["1","x",{"ab":"cd"}]"#);
    assert!(
        metadata
            .starts_with(&format!("stream '{stream}' has structured metadata too large: '4' bytes, limit: '3' bytes."))
    );
    let metadata = refusal("max_metadata = 1", app, r#"["1","x",{"a":"","b":""}]"#);
    assert!(metadata.contains("too many structured metadata labels: '2', limit: '1'."));
    assert_eq!(refusal("", "{}", r#"["1","x"]"#), "error at least one label pair is required per stream");
    assert!(
        refusal("", r#"{"a-b":"c"}"#, r#"["1","x"]"#).starts_with("Error parsing labels '{a-b=\"c\"}' with error: ")
    );
}

#[test]
fn one_refusal_does_not_touch_the_others() {
    let body = r#"{"streams":[{"stream":{"app":"a"},"values":[["1","fine"],["2","too long"],["3","too long"],["4","fine"]]},
        {"stream":{},"values":[["1","x"]]},{"stream":{"app":"b"},"values":[["5","fine"]]}]}"#;
    let checked = checked("max_line_bytes = 4", body);
    let taken: Vec<_> = checked.entries.iter().map(|entry| entry.timestamp).collect();
    assert_eq!((taken, checked.refused_entries()), (vec![1, 4, 5], 3));
    let refusal = checked.refusal().unwrap();
    assert_eq!(refusal.status, 400);
    assert!(refusal.message.starts_with("2 errors like: Max entry size"), "{}", refusal.message);
    assert!(refusal.message.ends_with("; 1 errors like: error at least one label pair is required per stream"));
}

#[test]
fn lines_are_cut_off_where_that_is_wanted() {
    let body = r#"{"streams":[{"stream":{"app":"a"},"values":[["1","abcdefä"]]}]}"#;
    let checked = checked("max_line_bytes = 7\ntruncate_lines = true", body);
    assert_eq!(checked.entries[0].line(), b"abcdef");
}

#[test]
fn no_more_streams_than_the_limit() {
    let body = r#"{"streams":[{"stream":{"app":"a"},"values":[["1","x"]]},{"stream":{"app":"b"},"values":[["1","x"]]},
        {"stream":{"app":"a"},"values":[["2","x"]]}]}"#;
    let read = || read(Format::Json, body.as_bytes()).unwrap();
    let limits = limits("max_streams = 5");
    let checked = check(read(), &limits, NOW, |_| (false, 4)).unwrap();
    let refusal = checked.refusal().unwrap();
    assert_eq!((checked.entries.len(), refusal.status.as_u16()), (2, 429));
    assert!(
        refusal.message.starts_with("Maximum active stream limit exceeded when trying to create stream {app=\"b\"")
    );
    assert_eq!(check(read(), &limits, NOW, |_| (true, 9)).unwrap().entries.len(), 3);
}

#[test]
fn a_service_is_named_as_loki_names_it() {
    let named = |settings: &str, stream: &str| {
        let body = format!("{{\"streams\":[{{\"stream\":{stream},\"values\":[[\"1\",\"x\"]]}}]}}");
        labels(&checked(settings, &body).entries[0])
    };
    assert_eq!(named("", r#"{"job":"j","app":"a"}"#), r#"{app="a", job="j", service_name="a"}"#);
    assert_eq!(named("", r#"{"job":"j","app":""}"#), r#"{job="j", service_name="j"}"#);
    assert_eq!(named("", r#"{"x":"y"}"#), r#"{service_name="unknown_service", x="y"}"#);
    assert_eq!(named("", r#"{"app":"a","service_name":"own"}"#), r#"{app="a", service_name="own"}"#);
    assert_eq!(
        named("discover_service_name = [\"x\"]", r#"{"app":"a","x":"y"}"#),
        r#"{app="a", service_name="y", x="y"}"#
    );
    assert_eq!(named("discover_service_name = []", r#"{"app":"a"}"#), r#"{app="a"}"#);
}

#[test]
fn a_level_is_found_as_loki_finds_it() {
    for (labels, line, expected) in [
        (r#"{"level":"WARNING"}"#, "error", "warn"),
        (r#"{"severity":"Strange"}"#, "error", "Strange"),
        (r#"{"a":"b"}"#, r#"{"x":1,"level":"ERROR"}"#, "error"),
        (r#"{"a":"b"}"#, r#"{"x":{"lvl":"dbg"},"level":"ERROR"}"#, "debug"),
        (r#"{"a":"b"}"#, r#"{"x":{"y":{"lvl":"dbg"}}}"#, "unknown"),
        (r#"{"a":"b"}"#, r#"{"level":7,"message":"a warning, no more"}"#, "warn"),
        (r#"{"a":"b"}"#, r#"{"level":"loud"}"#, "unknown"),
        (r#"{"a":"b"}"#, "ts=1 severity=fatal level=inf msg=x", "info"),
        (r#"{"a":"b"}"#, "ts=1 Lvl=ERR msg=x", "error"),
        (r#"{"a":"b"}"#, "an Error happened", "error"),
        (r#"{"a":"b"}"#, "no terrors, informally", "unknown"),
        (r#"{"a":"b"}"#, "", "unknown"),
    ] {
        assert_eq!(level(labels, line), expected, "{labels} {line}");
    }
    let of = |metadata: &str| {
        let body = format!(r#"{{"streams":[{{"stream":{{"a":"b"}},"values":[["1","x",{metadata}]]}}]}}"#);
        super::tests::metadata(&checked("", &body).entries[0])
    };
    let detected = |metadata: &str| of(metadata).into_iter().find(|(name, _)| name == "detected_level").unwrap().1;
    assert_eq!(detected(r#"{"severity_number":"17"}"#), "error");
    assert_eq!(detected(r#"{"level":"WARN"}"#), "warn");
    assert_eq!(detected(r#"{"detected_level":"ERR"}"#), "error");
    assert_eq!(
        of(r#"{"a.b":"1","2c":"2"}"#)[..2],
        [("a_b".into(), "1".into()), ("detected_level".into(), "unknown".into())]
    );
    assert_eq!(of(r#"{"2c":"2"}"#)[1].0, "key_2c");
    let body = r#"{"streams":[{"stream":{"a":"b"},"values":[["1","error"]]}]}"#;
    assert!(metadata(&checked("discover_log_levels = false", body).entries[0]).is_empty());
}

type Pair = (String, String);
type Line = (i64, Vec<u8>, Vec<Pair>);

fn any_push() -> impl Strategy<Value = Vec<(Vec<Pair>, Vec<Line>)>> {
    let name = "[a-zA-Z_][a-zA-Z0-9_]{0,9}";
    let text = || "\\PC{1,12}|[\\x00-\\x7f\"\\\\{},=]{1,9}";
    let time = || prop_oneof![Just(NOW), 0..NOW, -5..5_i64, NOW..NOW + 600_000_000_000];
    let line = (time(), "\\PC{0,40}|[\\x00-\\x7f]{0,20}", prop::collection::btree_map(name, text(), 0..4));
    let line = line.prop_map(|(at, line, metadata)| (at, line.into_bytes(), metadata.into_iter().collect()));
    let labels = prop::collection::btree_map(name, text(), 1..5).prop_map(|labels| labels.into_iter().collect());
    prop::collection::vec((labels, prop::collection::vec(line, 1..6)), 1..5)
}

proptest! {
    /// Random labels, Unicode, equal timestamps, out of order, future: both ways of sending say the same, and nothing is lost of it.
    #[test]
    fn what_is_pushed_comes_through(push in any_push()) {
        let mut streams = Vec::new();
        let mut request = Vec::new();
        let mut expected = Vec::new();
        for (labels, lines) in &push {
            let stream: serde_json::Map<_, _> = labels.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
            let values: Vec<_> = lines.iter().map(|(at, line, metadata)| {
                let metadata: serde_json::Map<_, _> = metadata.iter().map(|(n, v)| (n.clone(), v.clone().into())).collect();
                serde_json::json!([at.to_string(), String::from_utf8_lossy(line), metadata])
            }).collect();
            streams.push(serde_json::json!({ "stream": stream, "values": values }));
            let selector = logql::Labels::new(labels.clone()).to_string();
            for (at, line, metadata) in lines {
                // The follower has no times before 1970.
                if *at < 0 { continue }
                let mut entry = Vec::new();
                let metadata_of = metadata.iter().map(|(n, v)| (n.as_str(), v.as_str()));
                wire::entry(*at as u64, std::str::from_utf8(line).unwrap(), metadata_of, &mut entry);
                wire::stream(&selector, [entry.as_slice()], &mut request);
            }
            expected.extend(lines.iter().map(|(at, line, metadata)| (logql::Labels::new(labels.clone()), *at, line.clone(), metadata.clone())));
        }
        let limits = limits("discover_service_name = []\ndiscover_log_levels = false");
        let taken = |format, body: &[u8]| {
            let checked = check(read(format, body).unwrap(), &limits, NOW, |_| (false, 0)).unwrap();
            assert_eq!(checked.refusal(), None);
            let taken = checked.entries.iter().map(|entry| {
                (logql::Labels::new(entry.stream.labels()), entry.timestamp, entry.line().to_vec(), metadata(entry))
            });
            taken.collect::<Vec<_>>()
        };
        let json = serde_json::to_vec(&serde_json::json!({ "streams": streams })).unwrap();
        prop_assert_eq!(taken(Format::Json, &json), expected.clone());
        expected.retain(|(_, at, ..)| *at >= 0);
        if !request.is_empty() {
            let packed = wire::pack(&request).unwrap();
            let body = unpack("", Format::Protobuf, &packed, 1 << 20).unwrap();
            prop_assert_eq!(taken(Format::Protobuf, &body), expected);
        }
    }

    #[test]
    fn no_bytes_break_the_readers(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = read(Format::Json, &bytes);
        let _ = read(Format::Protobuf, &bytes);
        let _ = unpack("gzip", Format::Protobuf, &bytes, 1000);
    }
}
