use logql::eval::{Answer, Request, Sample, Series};
use logql::{Labels, source::Entry};

use super::{chart, lines, output, when};

const FILE: &str = r#"before any time
{"timestamp":"2026-11-23T03:00:00.5Z","level":"INFO","event":"llm_request_completed","provider":"openai","app":"other","instance":"one"}

{"timestamp":"2026-11-23T04:00:00+01:00","level":"WARN","event":"llm_request_failed"}
no JSON
"#;

fn entries() -> Vec<Entry> {
    let mut entries = Vec::new();
    lines::read(FILE.as_bytes(), &lines::Defaults::default(), &mut entries).unwrap();
    entries
}

#[test]
fn lines_have_labels_and_times_of_their_own() {
    let shown: Vec<String> =
        entries().iter().map(|entry| format!("{} {}", when::write(entry.timestamp), entry.labels)).collect();
    assert_eq!(
        shown,
        [
            r#"2026-11-23T03:00:00.499999999Z {app="llm-proxy", namespace="llm"}"#,
            r#"2026-11-23T03:00:00.5Z {app="other", event="llm_request_completed", instance="one", level="info", namespace="llm", provider="openai"}"#,
            r#"2026-11-23T03:00:00Z {app="llm-proxy", event="llm_request_failed", level="warn", namespace="llm"}"#,
            r#"2026-11-23T03:00:00.000000001Z {app="llm-proxy", namespace="llm"}"#,
        ]
    );
}

#[test]
fn equal_lines_without_a_time_are_as_many_as_they_are() {
    let mut entries = Vec::new();
    lines::read("again\nagain\nagain\n".as_bytes(), &lines::Defaults::default(), &mut entries).unwrap();
    assert_eq!(entries.iter().map(|entry| entry.timestamp).collect::<Vec<_>>(), [0, 1, 2]);
}

fn vector() -> (Answer, Request) {
    let sample = |model: &str, value: f64| Sample { labels: Labels::new([("model", model)]), value };
    (Answer::Vector(vec![sample("a,\"b", 1.5), sample("c", f64::INFINITY)]), Request::instant(1_000_000_000))
}

fn written(write: impl FnOnce(&mut Vec<u8>) -> std::io::Result<()>) -> String {
    let mut out = Vec::new();
    write(&mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn an_answer_is_written_in_each_form() {
    let (answer, request) = vector();
    let table = written(|out| output::table(out, answer.clone(), &request));
    assert_eq!(
        table,
        "timestamp             model  value\n1970-01-01T00:00:01Z  a,\"b     1.5\n1970-01-01T00:00:01Z  c       +Inf\n"
    );
    let csv = written(|out| output::csv(out, answer.clone(), &request));
    assert_eq!(csv, "timestamp,model,value\r\n1970-01-01T00:00:01Z,\"a,\"\"b\",1.5\r\n1970-01-01T00:00:01Z,c,+Inf\r\n");
    let json = written(|out| output::json(out, answer, &request));
    let objects: Vec<serde_json::Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(objects[0]["value"], 1.5);
    assert_eq!(objects[1]["value"], "+Inf");
    assert_eq!(objects[0]["labels"]["model"], "a,\"b");
}

#[test]
fn a_chart_shows_the_course_of_each_series() {
    let points = [(0, 0.0), (10, 4.0), (30, 8.0)].map(|(at, value)| (at * 1_000_000_000, value)).to_vec();
    let answer = Answer::Matrix(vec![Series { labels: Labels::default(), points }]);
    let request = Request::range(0, 30_000_000_000, 10_000_000_000);
    let chart = written(|out| chart::draw(out, &answer, &request, 60));
    assert_eq!(chart, "1970-01-01T00:00:00Z to 1970-01-01T00:00:30Z, 0 to 8\nall ▁▅ █ 8\n");
    let Answer::Matrix(mut series) = answer else { panic!("a matrix") };
    series.push(Series { labels: Labels::new([("model", "a")]), ..series[0].clone() });
    let chart = written(|out| chart::draw(out, &Answer::Matrix(series), &request, 60));
    assert!(chart.contains("\n{}          ▁▅ █ 8\n{model=\"a\"} ▁▅ █ 8\n"), "beside others it is not all: {chart}");
    let (vector, request) = vector();
    assert!(chart::draw(&mut Vec::new(), &vector, &request, 60).is_err());
}

#[test]
fn times_and_steps_are_what_people_type() {
    assert_eq!(when::time("1970-01-01T00:00:01.5Z"), Ok(1_500_000_000));
    assert_eq!(when::time("42"), Ok(42));
    assert!(when::time("soon").is_err());
    assert_eq!(when::duration("1h30m"), Ok(5_400_000_000_000));
    assert!(when::duration("0s").is_err());
    assert_eq!(when::even_step(3_600_000_000_000), 60_000_000_000);
    assert_eq!(when::even_step(7_000_000_000), 1_000_000_000);
}
