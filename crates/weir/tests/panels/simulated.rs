//! Simulated Records as entries of a log: labels and structured metadata as the table of fields says.

use std::collections::BTreeMap;

use logql::Labels;
use logql::source::{Entry, RowSource};
use meter::record::{FIELDS, Line, Role};
use serde_json::{Map, Value, json};

/// The end of the time that is looked at, in nanoseconds since 1970: a whole day.
pub(crate) const NOW: i64 = 1_760_054_400_000_000_000;
pub(crate) const SECOND: i64 = 1_000_000_000;

/// One request: whole numbers, as the proxy has them.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    pub at: i64,
    pub status: &'static str,
    pub model: &'static str,
    pub provider: &'static str,
    pub organization: Option<&'static str>,
    pub user: Option<&'static str>,
    /// Input, of it cached, of it written to the cache, for an hour; output, of it reasoning.
    pub tokens: Option<[u64; 6]>,
    pub nano_usd: Option<u64>,
    pub pico_kwh: Option<u64>,
    pub method: Option<&'static str>,
    pub zone: Option<&'static str>,
    pub micros: u64,
    pub first_token_micros: Option<u64>,
}

impl Request {
    pub(crate) fn event(&self) -> &'static str {
        match self.status {
            "success" => "llm_request_completed",
            "error" => "llm_request_failed",
            _ => "llm_request_cancelled",
        }
    }

    /// The lower and the upper end of the energy's band.
    pub(crate) fn band(&self) -> Option<(u64, u64)> {
        self.pico_kwh.map(|energy| (energy / 3, energy * 2 + 1))
    }

    /// Carbon in nanograms; of a provider that stands nowhere none.
    pub(crate) fn nano_grams(&self) -> Option<u64> {
        self.zone.and(self.pico_kwh).map(|energy| energy / 1_000 * 384)
    }

    pub(crate) fn seconds(&self) -> f64 {
        self.micros as f64 / 1e6
    }

    pub(crate) fn is_unpriced(&self) -> bool {
        self.tokens.is_some() && self.nano_usd.is_none()
    }
}

/// Requests of a day, the same with each run: every way to end, models without a price, users and organizations or none.
pub(crate) fn requests(count: usize) -> Vec<Request> {
    let mut random = fastrand::Rng::with_seed(7);
    let mut requests = Vec::new();
    for _ in 0..count {
        let status = ["success", "success", "success", "success", "error", "cancelled"][random.usize(0..6)];
        let (provider, model) =
            [("openai", "gpt-4"), ("openai", "gpt-4.1-mini"), ("vllm", "llama-3"), ("other", "new-model")]
                [random.usize(0..4)];
        let known = status == "success" || random.bool();
        let tokens = known.then(|| {
            let (input, output) = (random.u64(10..4000), random.u64(1..900));
            let cached = if random.bool() { random.u64(0..input / 2) } else { 0 };
            let write = if random.bool() { random.u64(0..input / 5) } else { 0 };
            let hour = if random.bool() { random.u64(0..input / 9 + 1) } else { 0 };
            [input, cached, write, hour, output, if random.bool() { random.u64(0..output) } else { 0 }]
        });
        let micros = random.u64(50_000..30_000_000);
        requests.push(Request {
            at: NOW - SECOND * 86_400 + random.i64(1..86_400 * SECOND),
            status,
            model,
            provider,
            organization: [None, Some("acme"), Some("umbrella & sons")][random.usize(0..3)],
            user: [None, Some("ada"), Some("grace"), Some("o'brien")][random.usize(0..4)],
            nano_usd: tokens
                .filter(|_| model != "new-model")
                .map(|[input, .., output, _]| input * 30_000 + output * 60_001),
            pico_kwh: tokens
                .filter(|_| provider != "other" || status == "success")
                .map(|[input, .., output, _]| (input + output) * 5_000_003),
            method: Some(if provider == "openai" { "weir/2" } else { "rates/1" }),
            zone: match provider {
                "openai" => Some("USA"),
                "vllm" => Some("FRA"),
                _ => None,
            },
            tokens,
            micros,
            first_token_micros: (known && random.bool()).then_some(micros / 3),
        });
    }
    requests.sort_by_key(|request| request.at);
    requests
}

/// The request's line, which is one that Weir could have written.
pub(crate) fn line(request: &Request) -> String {
    let mut members: BTreeMap<&str, Value> = BTreeMap::new();
    let mut put = |name, value: Value| _ = members.insert(name, value);
    let nanos = u64::try_from(request.at).unwrap();
    put("timestamp", json!(String::from_utf8_lossy(&meter::time::format(nanos))));
    put("logger_name", json!("llm-metrics"));
    put(
        "level",
        json!(match request.status {
            "success" => "INFO",
            "error" => "ERROR",
            _ => "WARN",
        }),
    );
    put("event", json!(request.event()));
    let id = meter::record::id_v7(nanos / 1_000_000, u128::from(nanos).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c));
    put("request_id", json!(String::from_utf8_lossy(&meter::record::id_text(&id))));
    put("model", json!(request.model));
    let tokens = request.tokens;
    put("input_tokens", json!(tokens.map(|tokens| tokens[0])));
    put("output_tokens", json!(tokens.map(|tokens| tokens[4])));
    put("total_tokens", json!(tokens.map(|tokens| tokens[0] + tokens[4])));
    put("processing_time_seconds", fixed(request.micros, 6));
    put("energy_consumption_kwh", request.pico_kwh.map_or(Value::Null, |energy| fixed(energy, 12)));
    put("cost_usd", request.nano_usd.map_or(Value::Null, |cost| fixed(cost, 9)));
    if let (Some((low, high)), Some(method)) = (request.band(), request.method) {
        put("energy_kwh_low", fixed(low, 12));
        put("energy_kwh_high", fixed(high, 12));
        put("energy_method", json!(method));
    }
    if let (Some(grams), Some(zone)) = (request.nano_grams(), request.zone) {
        put("carbon_gco2e", fixed(grams, 9));
        put("carbon_zone", json!(zone));
    }
    put("temperature", Value::Null);
    put("status", json!(request.status));
    put("provider", json!(request.provider));
    put("instance", json!("weir-0"));
    for (name, value) in [("organization", request.organization), ("user_id", request.user)] {
        _ = value.map(|value| put(name, json!(value)));
    }
    for (name, at) in
        [("cached_input_tokens", 1), ("cache_write_tokens", 2), ("cache_write_1h_tokens", 3), ("reasoning_tokens", 5)]
    {
        _ = tokens.map(|tokens| tokens[at]).filter(|tokens| *tokens > 0).map(|tokens| put(name, json!(tokens)));
    }
    if let Some(micros) = request.first_token_micros {
        put("time_to_first_token_seconds", fixed(micros, 6));
    }
    let written: Vec<String> = FIELDS
        .iter()
        .filter_map(|field| Some(format!("{}:{}", json!(field.name), members.remove(field.name)?)))
        .collect();
    assert!(members.is_empty(), "the table has no fields {members:?}");
    format!("{{{}}}", written.join(","))
}

/// A number of 10^-scale, as the line has it.
fn fixed(units: u64, scale: u8) -> Value {
    serde_json::from_str(&meter::decimal::to_string(units, scale)).unwrap()
}

/// The request's entry, as a collector or Weir's own follower hands it to Loki.
pub(crate) fn entry(request: &Request) -> Entry {
    let line = line(request);
    let members: Map<String, Value> = serde_json::from_str(&line).unwrap();
    let of = |role: Role| {
        let text = |value: &Value| match value {
            Value::Null => None,
            Value::String(text) => Some(text.clone()),
            _ => Some(number(value)),
        };
        let in_role = FIELDS.iter().filter(|field| field.role == role);
        in_role.filter_map(|field| Some((field.name, text(members.get(field.name)?)?))).collect::<Vec<_>>()
    };
    let mut labels = vec![("namespace", "llm".to_owned()), ("app", "llm-proxy".to_owned())];
    labels.extend(of(Role::Label).into_iter().map(|(name, value)| match name {
        "level" => (name, value.to_lowercase()),
        _ => (name, value),
    }));
    let metadata = Labels::new(of(Role::Metadata));
    Entry { labels: Labels::new(labels), timestamp: request.at, line: line.into_bytes(), metadata }
}

/// A number's text on the line.
fn number(value: &Value) -> String {
    let whole = value.as_u64().map(|whole| whole.to_string());
    // Rust writes the shortest decimal that reads back, without an exponent: so does the line.
    whole.unwrap_or_else(|| value.as_f64().unwrap().to_string())
}

/// All of it as a log, among lines of other programs and lines that belong to a Record and carry no money.
pub(crate) fn log(requests: &[Request]) -> RowSource {
    let mut entries: Vec<Entry> = requests.iter().map(entry).collect();
    let attempt = json!({"event": "llm_attempt_failed", "parent_id": "x", "model": "gpt-4"}).to_string();
    let other = Labels::new([("namespace", "llm"), ("app", "llm-proxy"), ("event", "llm_attempt_failed")]);
    let of_others = Labels::new([("namespace", "llm"), ("app", "postgres")]);
    for (labels, line) in [(other, attempt), (of_others, "checkpoint complete".to_owned())] {
        entries.push(Entry {
            labels,
            timestamp: NOW - 60 * SECOND,
            line: line.into_bytes(),
            metadata: Labels::default(),
        });
    }
    RowSource::new(entries)
}

#[test]
fn the_lines_are_such_as_weir_writes() {
    for request in requests(200) {
        let line = line(&request);
        let parsed = Line::parse(line.as_bytes()).unwrap();
        let mut again = Vec::new();
        parsed.render(&mut again);
        assert_eq!(String::from_utf8(again).unwrap().trim_end(), line);
    }
}
