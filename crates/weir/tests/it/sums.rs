//! One event, all views equal: whatever the traffic, the sums of the journal are the counters, exactly.

use std::collections::BTreeMap;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};

use meter::record::{Line, Owned};
use meter::usage::Class;
use serde_json::Value;

use super::harness::{Metrics, Upstream, Weir, answer, chat, chunk, events, json, provider, request};

/// Requests of one run.
const REQUESTS: usize = 200;
const MODELS: [&str; 4] = ["gpt-4", "free-one", "unpriced", "gpt-4-turbo"];

/// Random figures for a usage, and now and then parts of it.
fn usage(chance: &mut fastrand::Rng) -> String {
    let (input, output) = (chance.u64(0..5_000), chance.u64(0..3_000));
    let details = match chance.u8(0..3) {
        0 => format!(
            ",\"prompt_tokens_details\":{{\"cached_tokens\":{},\"audio_tokens\":{}}},\
             \"completion_tokens_details\":{{\"reasoning_tokens\":{}}}",
            chance.u64(0..6_000),
            chance.u64(0..100),
            chance.u64(0..4_000)
        ),
        _ => String::new(),
    };
    format!("{{\"prompt_tokens\":{input},\"completion_tokens\":{output}{details}}}")
}

/// An upstream that does one of many things, each with its own seed.
fn moody(seed: u64) -> Upstream {
    let calls = AtomicU64::new(seed << 32);
    Upstream::start(move |request, peer| {
        let mut chance = fastrand::Rng::with_seed(calls.fetch_add(1, Ordering::Relaxed));
        let usage = usage(&mut chance);
        let stream = request.text().contains("\"stream\":true");
        let event = "data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n";
        let last = format!("data: {{\"choices\":[],\"usage\":{usage}}}\n\ndata: [DONE]\n\n");
        match chance.u8(0..10) {
            _ if request.text().contains("\"gone-") => peer.wait_until_left(),
            0 => peer.send(answer("429 Too Many Requests", "application/json", "{\"error\":{\"code\":\"slow_down\"}}")),
            1 => peer.close(),
            2 if stream => {
                peer.send(&events([event, &last])[..150]);
                peer.close();
            }
            2 => peer.send(answer("200 OK", "text/html", "<p>")),
            3 if stream => {
                // Until the caller goes.
                peer.send("HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n");
                peer.send(chunk(event));
                peer.pause();
                peer.send(chunk(&last));
                peer.send("0\r\n\r\n");
            }
            _ if stream => peer.send(events([event, &last])),
            _ => peer.send(json(format!("{{\"id\":\"x\",\"model\":\"m\",\"choices\":[],\"usage\":{usage}}}"))),
        }
    })
}

/// Sends one request of many kinds; sometimes leaves before the answer is over, but not before the request is certain to
/// have been heard. Whether it is one that is admitted.
fn one(weir: &Weir, upstream: &Upstream, chance: &mut fastrand::Rng) -> bool {
    let model = MODELS[chance.usize(0..MODELS.len())];
    let stream = chance.bool();
    let mut wire = weir.connect();
    match chance.u8(0..10) {
        0 => drop(wire.ask(chat("not json"))),
        1 => drop(wire.ask(request("GET /v1/models", &[], ""))),
        2 => drop(wire.ask(request("POST /v1/audio/speech", &[("content-type", "text/plain")], "hello"))),
        3 => {
            wire.ask(request("GET /elsewhere", &[], ""));
            return false;
        }
        4 => {
            let patient = chance.bool();
            let user = format!("{}-{}", if patient { "patient" } else { "gone" }, chance.u64(..));
            wire.send(chat(format!("{{\"model\":\"{model}\",\"stream\":{stream},\"user\":\"{user}\"}}")));
            upstream.sees(&user);
            if patient {
                let _ = wire.read_some();
            }
            wire.close();
        }
        _ => {
            wire.send(chat(format!("{{\"model\":\"{model}\",\"stream\":{stream}}}")));
            wire.answer().expect("an answer");
        }
    }
    true
}

/// A figure of a Record as a whole number of 10^-scale, as the journal's digits have it.
fn units(line: &Line, name: &str, scale: u8) -> u128 {
    match line.get(name) {
        None => 0,
        Some(Owned::Fixed(units, kept)) if *kept == scale => (*units).into(),
        other => panic!("{name} is {other:?}"),
    }
}

/// A decimal number as a whole number of 10^-scale, without any rounding.
fn decimal(text: &str, scale: u8) -> u128 {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    assert!(fraction.len() <= usize::from(scale) && !text.contains(['e', 'E', '-']), "{text}");
    format!("{whole}{fraction:0<width$}", width = usize::from(scale)).parse().expect("digits")
}

type Sums = BTreeMap<String, u128>;

/// The counters, computed anew from the journal. Labels are `provider` and `model` as the metrics write them.
fn of_journal(records: &[Value], lines: &[Line]) -> Sums {
    let mut sums = Sums::new();
    for ((record, line), labels) in records.iter().zip(lines).zip(labels_in_order(records)) {
        let text = |name: &str| record[name].as_str().unwrap_or_default();
        let mut add = |name: String, units: u128| *sums.entry(name).or_default() += units;
        let (api, status) = (text("api"), text("status"));
        add(format!("llm_requests_total{{{labels},api=\"{api}\",status=\"{status}\"}}"), 1);
        let count = |name: &str| record[name].as_u64().unwrap_or(0);
        let inputs = ["cached_input", "cache_write", "cache_write_1h", "audio_input", "image_input"];
        let outputs = ["reasoning", "audio_output"];
        let part = |name: &&str| count(&format!("{name}_tokens"));
        let input = count("input_tokens") - inputs.iter().map(part).sum::<u64>();
        let output = count("output_tokens") - outputs.iter().map(part).sum::<u64>();
        assert_eq!(count("total_tokens"), count("input_tokens") + count("output_tokens"));
        for class in Class::ALL {
            let tokens = match class {
                Class::Input => input,
                Class::Output => output,
                class => part(&class.name()),
            };
            if tokens > 0 || matches!(class, Class::Input | Class::Output) {
                add(format!("llm_tokens_total{{{labels},class=\"{}\"}}", class.name()), tokens.into());
            }
        }
        let parts = ["cost_input_usd", "cost_output_usd", "cost_cache_usd"].map(|name| units(line, name, 9));
        assert_eq!(parts.iter().sum::<u128>(), units(line, "cost_usd", 9), "{record:#}");
        add(format!("llm_cost_usd_total{{{labels}}}"), units(line, "cost_usd", 9));
        // A kilowatt-hour is 3.6 million joules; in units of 1e-12 kWh and 1e-7 J that is 36.
        // A series of which nothing is known is left out.
        if !record["energy_consumption_kwh"].is_null() {
            add(format!("llm_energy_joules_total{{{labels}}}"), units(line, "energy_consumption_kwh", 12) * 36);
            add(format!("llm_energy_low_joules_total{{{labels}}}"), units(line, "energy_kwh_low", 12) * 36);
            add(format!("llm_energy_high_joules_total{{{labels}}}"), units(line, "energy_kwh_high", 12) * 36);
        }
        if !record["carbon_gco2e"].is_null() {
            add(format!("llm_carbon_grams_total{{{labels}}}"), units(line, "carbon_gco2e", 9));
        }
        let unestimated = !record["total_tokens"].is_null() && record["energy_consumption_kwh"].is_null();
        add(format!("llm_unestimated_requests_total{{{labels}}}"), unestimated.into());
        let unpriced = text("cost_status") == "unpriced";
        add(format!("llm_unpriced_requests_total{{{labels}}}"), unpriced.into());
        add(format!("llm_request_duration_seconds_count{{{labels}}}"), 1);
    }
    sums
}

/// The same counters as the metrics have them.
fn of_metrics(metrics: &Metrics) -> Sums {
    let scales = [
        ("llm_requests_total", 0),
        ("llm_tokens_total", 0),
        ("llm_cost_usd_total", 9),
        ("llm_energy_joules_total", 7),
        ("llm_energy_low_joules_total", 7),
        ("llm_energy_high_joules_total", 7),
        ("llm_carbon_grams_total", 9),
        ("llm_unpriced_requests_total", 0),
        ("llm_unestimated_requests_total", 0),
        ("llm_request_duration_seconds_count", 0),
    ];
    let scaled = metrics.0.iter().filter_map(|(name, value)| {
        let (_, scale) = scales.iter().find(|(metric, _)| name.starts_with(&format!("{metric}{{")))?;
        Some((name.clone(), decimal(value, *scale)))
    });
    scaled.collect()
}

/// A model's label is its name once it has succeeded, and `other` before.
fn labels_in_order(records: &[Value]) -> Vec<String> {
    let mut known = Vec::new();
    let label = |record: &Value| {
        let text = |name: &str| record[name].as_str().unwrap_or_default().to_owned();
        let model = match text("model") {
            model if model.is_empty() || known.contains(&model) => model,
            model if text("status") == "success" => {
                known.push(model.clone());
                model
            }
            _ => "other".to_owned(),
        };
        format!("provider=\"{}\",model=\"{model}\"", text("provider").replace('"', "\\\""))
    };
    records.iter().map(label).collect()
}

#[test]
fn the_journals_sums_are_the_counters() {
    // Printed when the test fails, so that the run can be had again.
    let seed = std::env::var("WEIR_TEST_SEED")
        .ok()
        .and_then(|seed| seed.parse().ok())
        .unwrap_or_else(|| fastrand::u64(..1 << 31));
    println!("WEIR_TEST_SEED={seed}");
    let upstream = moody(seed);
    let tables = "[pricing.\"gpt-4-turbo\"]\ninput_per_million = 2.517\noutput_per_million = 9.999\n\
        cached_input_per_million = 0.3\n[pricing.\"free-one\"]\ninput = 0\n";
    let weir = Weir::start(&format!("threads = 2\n{}{tables}", provider("up \\\"1", &upstream, "")));
    let callers = 0..4;
    let admitted: usize = std::thread::scope(|scope| {
        let call = |caller| {
            let (weir, upstream) = (&weir, &upstream);
            scope.spawn(move || {
                let mut chance = fastrand::Rng::with_seed(seed + caller);
                (0..REQUESTS / 4).filter(|_| one(weir, upstream, &mut chance)).count()
            })
        };
        let calls: Vec<_> = callers.map(call).collect();
        calls.into_iter().map(|call| call.join().expect("a caller")).sum()
    });
    let records = weir.settled(admitted);
    weir.refused("not_found", (REQUESTS - admitted) as u64);
    let events: std::collections::BTreeSet<&str> =
        records.iter().filter_map(|record| record["event"].as_str()).collect();
    assert_eq!(events.len(), 3, "completed, failed and cancelled: {events:?}");
    assert_eq!(of_journal(&records, &weir.lines()), of_metrics(&weir.metrics()));
    check_page(&weir);
}

/// Has Prometheus's own tool read the page.
fn check_page(weir: &Weir) {
    let page = weir.ask_admin(request("GET /metrics", &[], "")).text();
    let tool = Command::new("promtool").args(["check", "metrics"]).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn();
    let Ok(mut tool) = tool else {
        assert!(std::env::var_os("CI").is_none_or(|ci| ci != "true"), "promtool is missing (Debian: prometheus)");
        println!("promtool is not installed (Debian: prometheus): the page's format was not checked by it");
        return;
    };
    std::io::Write::write_all(&mut tool.stdin.take().unwrap(), page.as_bytes()).unwrap();
    let outcome = tool.wait_with_output().unwrap();
    assert!(outcome.status.success(), "{}\n{page}", String::from_utf8_lossy(&outcome.stderr));
}
