//! The same questions asked of a Weir or of a Loki, over HTTP.

use std::time::Duration;

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use logql::Labels;
use logql::eval::{Answer, LogEntry, Request, Sample, Series};
use logql::source::Direction;
use logql::syntax::ast::Expr;
use serde_json::Value;

use super::Failure;
use crate::config::{Auth, Secret, Upstream};
use crate::proxy::inquire;

/// How long an answer may take.
const LIMIT: Duration = Duration::from_secs(300);
/// How much of an answer is read, in bytes.
const MOST: usize = 512 << 20;
/// A second in nanoseconds.
const SECOND: f64 = 1e9;

/// Who is asked.
#[derive(Debug)]
pub(super) struct Site<'a> {
    /// The address, as in `http://127.0.0.1:4001`.
    pub(super) url: &'a str,
    /// Where a token lies: "env:NAME" or "file:PATH".
    pub(super) token: Option<&'a str>,
    /// The tenant.
    pub(super) tenant: Option<&'a str>,
}

/// What is answered.
pub(super) fn ask(site: &Site, text: &str, query: &Expr, request: &Request) -> Result<Answer, Failure> {
    let instant = request.step == 0;
    let mut parameters = vec![("query", text.to_owned()), ("limit", request.limit.to_string())];
    let direction = if request.direction == Direction::Forward { "forward" } else { "backward" };
    parameters.push(("direction", direction.to_owned()));
    if instant {
        parameters.push(("time", request.end.to_string()));
    } else {
        parameters.extend([("start", request.start.to_string()), ("end", request.end.to_string())]);
        if matches!(query, Expr::Metric(_)) {
            parameters.push(("step", (request.step as f64 / SECOND).to_string()));
        }
    }
    let path = if instant { "query" } else { "query_range" };
    let query: Vec<String> = parameters.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let base = site.url.trim_end_matches('/').trim_end_matches("/loki/api/v1");
    let url: Uri = format!("{base}/loki/api/v1/{path}?{}", query.join("&")).parse()?;
    let headers = headers(site)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let reply = runtime.block_on(inquire(&Upstream::default(), &url, &headers, MOST, LIMIT));
    let reply = reply.map_err(|error| format!("{base} cannot be asked: {error}"))?;
    if !reply.status.is_success() {
        let said = String::from_utf8_lossy(&reply.body).trim().chars().take(500).collect::<String>();
        return Err(format!("{base} answers {}: {said}", reply.status.as_u16()).into());
    }
    let body: Value = serde_json::from_slice(&reply.body)?;
    read(&body["data"]).ok_or_else(|| format!("{base} answers what Loki does not").into())
}

fn headers(site: &Site) -> Result<HeaderMap, Failure> {
    let mut headers = HeaderMap::new();
    let flags = HeaderName::from_static("x-loki-response-encoding-flags");
    headers.insert(flags, HeaderValue::from_static("categorize-labels"));
    if let Some(tenant) = site.tenant {
        headers.insert(HeaderName::from_static("x-scope-orgid"), HeaderValue::from_str(tenant)?);
    }
    if let Some(token) = site.token
        && let Some(value) = Auth::Bearer(Secret::new(token)?).header()?
    {
        headers.insert(AUTHORIZATION, value);
    }
    Ok(headers)
}

fn escape(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes().map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }).collect()
}

fn read(data: &Value) -> Option<Answer> {
    let result = &data["result"];
    Some(match data["resultType"].as_str()? {
        "streams" => Answer::Entries(streams(result.as_array()?)?),
        "matrix" => {
            let series = result.as_array()?.iter().map(|series| {
                let points = series["values"].as_array()?.iter().map(point).collect::<Option<_>>()?;
                Some(Series { labels: labels(&series["metric"]), points })
            });
            Answer::Matrix(series.collect::<Option<_>>()?)
        }
        "vector" => {
            let sample =
                |sample: &Value| Some(Sample { labels: labels(&sample["metric"]), value: point(&sample["value"])?.1 });
            Answer::Vector(result.as_array()?.iter().map(sample).collect::<Option<_>>()?)
        }
        "scalar" => Answer::Scalar(point(result)?.1),
        _ => return None,
    })
}

/// Entries of all streams, the newest first.
fn streams(streams: &[Value]) -> Option<Vec<LogEntry>> {
    let mut entries = Vec::new();
    for stream in streams {
        let of_stream = labels(&stream["stream"]);
        for value in stream["values"].as_array()? {
            entries.push(LogEntry {
                labels: of_stream.clone(),
                metadata: labels(&value[2]["structuredMetadata"]),
                parsed: labels(&value[2]["parsed"]),
                timestamp: value[0].as_str()?.parse().ok()?,
                line: value[1].as_str()?.as_bytes().to_vec(),
            });
        }
    }
    entries.sort_by_key(|entry| std::cmp::Reverse(entry.timestamp));
    Some(entries)
}

fn labels(members: &Value) -> Labels {
    let pairs = members.as_object().into_iter().flatten();
    Labels::new(pairs.filter_map(|(name, value)| Some((name.as_str(), value.as_str()?))))
}

fn point(pair: &Value) -> Option<(i64, f64)> {
    let value = pair[1].as_str()?;
    #[allow(clippy::cast_possible_truncation, reason = "a time")]
    // To the millisecond, as it was written.
    let at = (pair[0].as_f64()? * 1e3).round() as i64 * 1_000_000;
    Some((at, value.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn answers_are_read_back() {
        let entry = json!({"resultType": "streams", "result": [{"stream": {"app": "x"}, "values": [
            ["1", "a", {}], ["2", "b", {"structuredMetadata": {"m": "1"}, "parsed": {"p": "2"}}],
        ]}]});
        let Some(Answer::Entries(entries)) = read(&entry) else { panic!("no entries") };
        assert_eq!(entries[0].line, b"b");
        assert_eq!(entries[0].all_labels().to_string(), r#"{app="x", m="1", p="2"}"#);
        let matrix =
            json!({"resultType": "matrix", "result": [{"metric": {}, "values": [[1.5, "+Inf"], [2, "0.25"]]}]});
        let Some(Answer::Matrix(series)) = read(&matrix) else { panic!("no matrix") };
        assert_eq!(series[0].points, [(1_500_000_000, f64::INFINITY), (2_000_000_000, 0.25)]);
        assert_eq!(read(&json!({"resultType": "scalar", "result": [4, "2"]})), Some(Answer::Scalar(2.0)));
        for wrong in [json!({}), json!({"resultType": "streams"}), json!({"resultType": "vector", "result": [{}]})] {
            assert_eq!(read(&wrong), None, "{wrong}");
        }
    }
}
