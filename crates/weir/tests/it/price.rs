//! Prices on the wire and on the command line: what stands on a Record, and how the catalogue is brought up to date.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;
use tempfile::TempDir;

use super::harness::{Authority, Upstream, Weir, answer, events, json, provider, request};

const GPT_4O: &str = "{\"model\":\"gpt-4o-mini\"}";

fn usage(more: &str) -> String {
    format!(
        "{{\"id\":\"x\",\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[],\"usage\":{{\"prompt_tokens\":1000,\
         \"completion_tokens\":100,\"prompt_tokens_details\":{{\"cached_tokens\":400}}}}{more}}}"
    )
}

/// The Record of one answer, with the provider in the catalogue as `openai`.
fn record(answer: impl Into<Vec<u8>>, more: &str) -> Value {
    let upstream = Upstream::answering(answer);
    let weir = Weir::start(&(provider("up", &upstream, "catalog = \"openai\"") + more));
    weir.chat(GPT_4O);
    weir.record()
}

#[test]
fn the_catalogue_prices_what_nobody_else_does() {
    let record = record(json(usage("")), "");
    assert_eq!(record["cost_status"], "list");
    // 600 at 0.15, 400 at 0.075 and 100 at 0.6 per million.
    assert_eq!(record["cost_usd"], 0.00018);
    assert_eq!((&record["cost_input_usd"], &record["cost_cache_usd"]), (&0.00009.into(), &0.00003.into()));
    assert_eq!(
        (&record["price_id"], &record["price_as_of"]),
        (&"openai/gpt-4o-mini-2024-07-18".into(), &"2026-11-23".into())
    );
}

/// A response that is fetched again, or asked for until it is done, was paid for by the request that made it.
#[test]
fn what_is_only_fetched_costs_nothing() {
    let upstream = Upstream::answering(json(usage("")));
    let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\"\ndefault = true"));
    for index in 0..2 {
        assert_eq!(weir.ask(request("GET /v1/responses/x", &[], "")).text(), usage(""));
        let record = &weir.settled(index + 1)[index];
        assert_eq!((&record["status"], &record["usage_source"]), (&"success".into(), &"none".into()));
        assert_eq!((&record["total_tokens"], &record["cost_usd"]), (&Value::Null, &Value::Null));
    }
}

/// What a response in the background will use nobody knows when it is asked for.
#[test]
fn a_response_in_the_background_is_not_counted() {
    for status in ["queued", "in_progress"] {
        let answer = format!(
            "{{\"id\":\"r\",\"object\":\"response\",\"status\":\"{status}\",\"background\":true,\
             \"model\":\"gpt-4o-mini-2024-07-18\",\"output\":[],\"usage\":null}}"
        );
        let upstream = Upstream::answering(json(answer));
        let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\""));
        let body = "{\"model\":\"gpt-4o-mini\",\"background\":true,\"input\":\"What flows?\"}";
        weir.ask(request("POST /v1/responses", &[("content-type", "application/json")], body));
        let record = weir.record();
        assert_eq!((&record["status"], &record["usage_source"]), (&"success".into(), &"none".into()), "{record:#}");
        assert_eq!((&record["input_tokens"], &record["cost_usd"]), (&Value::Null, &Value::Null), "{record:#}");
    }
}

#[test]
fn the_tier_of_the_answer_is_priced_and_an_unknown_one_is_not() {
    let priority = record(json(usage(",\"service_tier\":\"priority\"")), "");
    assert_eq!(priority["cost_usd"], 0.0003);
    assert_eq!(priority["price_id"], "openai/gpt-4o-mini-2024-07-18 @priority");
    let unknown = record(json(usage(",\"service_tier\":\"premium\"")), "");
    assert_eq!((&unknown["cost_usd"], &unknown["cost_status"]), (&Value::Null, &"unpriced".into()));
    assert!(unknown.get("price_id").is_none());
}

/// OpenAI's stream begins with the wish, `auto`; the event that names the tier is its last, which here never comes.
#[test]
fn a_response_that_is_cut_before_it_names_its_tier_has_the_standard_price() {
    let begun = "data: {\"type\":\"response.created\",\"response\":{\"id\":\"r\",\"model\":\"gpt-4o-mini-2024-07-18\",\
        \"status\":\"in_progress\",\"service_tier\":\"auto\"}}\n\n\
        data: {\"type\":\"response.output_text.delta\",\"delta\":\"The weir measures what flows.\"}\n\n";
    let upstream = Upstream::answering(events([begun]));
    let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\""));
    let body = "{\"model\":\"gpt-4o-mini\",\"stream\":true,\"input\":\"What flows?\"}";
    weir.ask(request("POST /v1/responses", &[("content-type", "application/json")], body));
    let record = weir.record();
    assert_eq!((&record["cost_status"], &record["service_tier"]), (&"estimated".into(), &"auto".into()), "{record:#}");
    assert_eq!(record["price_id"], "openai/gpt-4o-mini-2024-07-18");
    assert!(record["cost_usd"].as_f64().unwrap() > 0.0);
}

#[test]
fn a_contract_counts_before_a_bill_and_a_bill_before_the_list() {
    let billed = json(usage("").replace("\"prompt_tokens\"", "\"cost\":0.0002,\"prompt_tokens\""));
    let reported = record(billed.clone(), "");
    assert_eq!((&reported["cost_status"], &reported["cost_usd"]), (&"reported".into(), &0.0002.into()));
    assert_eq!(reported["cost_list_usd"], 0.00018);
    assert!(reported.get("cost_input_usd").is_none(), "a bill is one figure");
    let rules = "[pricing_rules]\n\"up/gpt-4o*\" = { factor = 0.5 }\n";
    let contracted = record(billed, rules);
    assert_eq!((&contracted["cost_status"], &contracted["cost_usd"]), (&"contracted".into(), &0.00009.into()));
    let own = record(json(usage("")), "[pricing.\"gpt-4o-mini\"]\ninput = 0.001\noutput = 0.001\n");
    assert_eq!((&own["price_id"], &own["cost_usd"]), (&"config:gpt-4o-mini".into(), &0.0011.into()));
    assert_eq!(own["cost_list_usd"], 0.00018);
    let rules = "[pricing_rules]\n\"up/*\" = { provisioned = true }\n";
    let provisioned = record(json(usage("")), rules);
    assert_eq!((&provisioned["cost_status"], &provisioned["cost_usd"]), (&"contracted".into(), &0.into()));
    assert_eq!(provisioned["cost_list_usd"], 0.00018);
}

#[test]
fn litellms_header_is_a_bill_and_its_zero_is_none() {
    let with = |cost: &str| {
        let header = format!("content-type: application/json\r\nx-litellm-response-cost: {cost}\r\n");
        let body = usage("");
        record(format!("HTTP/1.1 200 OK\r\n{header}content-length: {}\r\n\r\n{body}", body.len()), "")
    };
    let billed = with("0.00021");
    assert_eq!((&billed["cost_status"], &billed["cost_usd"]), (&"reported".into(), &0.00021.into()));
    assert_eq!(with("0.0")["cost_status"], "list");
}

#[test]
fn searches_of_a_stream_are_counted_and_billed() {
    let stream = "data: {\"type\":\"response.completed\",\"response\":{\"id\":\"r\",\"model\":\"gpt-4o-mini\",\"status\":\"completed\",\
        \"output\":[{\"type\":\"web_search_call\",\"action\":{\"type\":\"search\"}},{\"type\":\"message\"}],\
        \"usage\":{\"input_tokens\":1000,\"output_tokens\":100}}}\n\n";
    let upstream = Upstream::answering(events([stream]));
    let weir = Weir::start(&provider("up", &upstream, "catalog = \"openai\""));
    weir.ask(super::harness::request("POST /v1/responses", &[("content-type", "application/json")], GPT_4O));
    let record = weir.record();
    assert_eq!((&record["search_calls"], &record["cost_tools_usd"]), (&1.into(), &0.025.into()));
    assert_eq!(record["cost_usd"], 0.02521);
}

#[test]
fn a_model_without_a_price_is_counted() {
    let upstream = Upstream::answering(json(usage("")));
    let weir = Weir::start(&provider("up", &upstream, ""));
    weir.chat(GPT_4O);
    assert_eq!(weir.record()["cost_status"], "unpriced");
    let metrics = weir.metrics();
    assert_eq!(metrics.number("llm_unpriced_requests_total{provider=\"up\",model=\"gpt-4o-mini\"}"), 1);
    assert_eq!(metrics.number("llm_unestimated_requests_total{provider=\"up\",model=\"gpt-4o-mini\"}"), 0);
    assert!(metrics.number("weir_price_catalog_age_seconds") < 10 * 365 * 86_400);
}

const OPENAI: &str = "[[providers]]\nname = \"openai\"\nbase_url = \"https://api.openai.com/v1\"\n";

/// Runs `weir prices …` in `dir`.
fn prices(dir: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_weir")).arg("prices").args(arguments).current_dir(dir).output().expect("weir")
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn litellm(price: &str) -> String {
    format!(
        "{{\"own/new-model\":{{\"litellm_provider\":\"own\",\"mode\":\"chat\",\"input_cost_per_token\":{price},\"output_cost_per_token\":2e-06}}}}"
    )
}

const ANYTHING: [&str; 4] = ["--min-rows", "0", "--data-dir", "."];

#[test]
fn a_price_is_explained() {
    let dir = TempDir::new().expect("a directory");
    let page = prices(dir.path(), &["gpt-4o-mini", "--input", "2000", "--tier", "priority"]);
    assert!(page.status.success());
    assert!(said(&page).contains("openai/gpt-4o-mini @priority of 2026-11-23"), "{}", said(&page));
    let page = prices(dir.path(), &["no-such-model"]);
    assert!(said(&page).contains("No provider of the catalogue"), "{}", said(&page));
    assert_eq!(page.status.code(), Some(1));
    let page = prices(dir.path(), &["no-such-model", "--provider", "openai"]);
    assert!(said(&page).contains("no row for it"), "{}", said(&page));
    assert_eq!(page.status.code(), Some(1));
    let config = OPENAI.to_owned() + "[pricing_rules]\n\"openai/*\" = { factor = 0.5 }\n";
    std::fs::write(dir.path().join("weir.toml"), config).expect("a file");
    let page = prices(dir.path(), &["gpt-4o-mini"]);
    assert!(said(&page).contains("[pricing_rules] \"openai/*\": × 0.5"), "{}", said(&page));
}

#[test]
fn the_catalogue_is_brought_up_to_date_from_a_file() {
    let dir = TempDir::new().expect("a directory");
    let feed = dir.path().join("feed.json");
    std::fs::write(&feed, litellm("1e-06")).expect("a file");
    // Far fewer rows than before are refused, and nothing is written.
    let refused = prices(dir.path(), &["update", "--from", "feed.json", "--data-dir", "."]);
    assert!(!refused.status.success() && said(&refused).contains("nothing was changed"), "{}", said(&refused));
    assert!(!dir.path().join("prices.tsv").exists());
    let shown = prices(dir.path(), &[&["update", "--from", "feed.json", "--dry-run"], &ANYTHING[..]].concat());
    assert!(said(&shown).contains("+ own/new-model: input=1 output=2"), "{}", said(&shown));
    assert!(!dir.path().join("prices.tsv").exists());
    let updated = prices(dir.path(), &[&["update", "--from", "feed.json"], &ANYTHING[..]].concat());
    assert!(updated.status.success(), "{}", said(&updated));
    let page = prices(dir.path(), &["new-model", "--data-dir", "."]);
    assert!(said(&page).contains("cost_usd         0.002 (list, own/new-model"), "{}", said(&page));
    // What held until today is kept: a request of yesterday still costs what it did.
    std::fs::write(&feed, litellm("2e-06")).expect("a file");
    assert!(prices(dir.path(), &[&["update", "--from", "feed.json"], &ANYTHING[..]].concat()).status.success());
    let page = prices(dir.path(), &["new-model", "--data-dir", ".", "--at", "2026-11-01"]);
    assert!(said(&page).contains("cost_usd         0.002 (list, own/new-model until:"), "{}", said(&page));
    assert!(said(&prices(dir.path(), &["new-model", "--data-dir", "."])).contains("cost_usd         0.003"));
    // A price that jumps is refused, one that is negative too, and what there was stays.
    for (price, why) in [("1e-03", "factor 10"), ("-1e-06", "no price")] {
        std::fs::write(&feed, litellm(price)).expect("a file");
        let refused = prices(dir.path(), &[&["update", "--from", "feed.json"], &ANYTHING[..]].concat());
        assert!(!refused.status.success() && said(&refused).contains(why), "{}", said(&refused));
    }
    assert!(said(&prices(dir.path(), &["new-model", "--data-dir", "."])).contains("cost_usd         0.003"));
}

#[test]
fn a_feed_is_fetched_as_providers_are_reached() {
    let authority = Authority::new();
    let upstream = Upstream::start_tls(&authority, |request, peer| match request.target() {
        "/moved" => {
            let host = request.header("host").unwrap_or_default();
            let head = format!("HTTP/1.1 302 Found\r\nlocation: https://{host}/feed.json\r\ncontent-length: 0\r\n\r\n");
            peer.send(head);
            peer.close();
        }
        "/feed.json" => {
            peer.send(json(litellm("1e-06")));
            peer.close();
        }
        _ => {
            peer.send(answer("404 Not Found", "text/plain", "no"));
            peer.close();
        }
    });
    let dir = TempDir::new().expect("a directory");
    let config = format!("[upstream]\nca_file = {:?}\n{OPENAI}", authority.cert());
    std::fs::write(dir.path().join("weir.toml"), config).expect("a file");
    let url = |path: &str| upstream.url().trim_end_matches("/v1").to_owned() + path;
    let update = |url: &str| prices(dir.path(), &[&["update", "--from", url], &ANYTHING[..]].concat());
    let fetched = update(&url("/moved"));
    assert!(fetched.status.success() && said(&fetched).contains("+ own/new-model"), "{}", said(&fetched));
    let missing = update(&url("/else"));
    assert!(!missing.status.success() && said(&missing).contains("404"), "{}", said(&missing));
    std::fs::write(dir.path().join("weir.toml"), OPENAI).expect("a file");
    assert!(!update(&url("/feed.json")).status.success(), "a certificate that nobody vouches for");
}

#[test]
fn who_asks_needs_no_key() {
    let dir = tempfile::tempdir().unwrap();
    let secret = "\"env:WEIR_TEST_THAT_NOBODY_SETS\"";
    let config = format!(
        "listen = \"0.0.0.0:4000\"\ninstance = {secret}\nhash_key = {secret}\nadmin.token = {secret}\nhub.token = {secret}\n\
         [[providers]]\nname = \"openai\"\napi_key = {secret}\n[[fields]]\nname = \"user_id\"\nfrom = \"json:user\"\nhash = true\n\
         [[followers]]\nkind = \"loki\"\nurl = \"http://127.0.0.1:1\"\nbearer_token = {secret}\n\
         [carbon.DE]\nseries = \"https://127.0.0.1:1/\"\ntoken = {secret}\n[pricing.mine]\ninput_per_million = 2\noutput_per_million = 4\n"
    );
    std::fs::write(dir.path().join("weir.toml"), config).unwrap();
    std::fs::write(dir.path().join("feed.json"), "{}").unwrap();
    let weir = |arguments: &[&str]| {
        let command =
            Command::new(env!("CARGO_BIN_EXE_weir")).args(arguments).current_dir(dir.path()).output().expect("weir");
        let text = [command.stdout, command.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
        assert!(!text.contains("WEIR_TEST_THAT_NOBODY_SETS"), "{arguments:?}: {text}");
        (command.status.success(), text)
    };
    assert!(matches!(weir(&["prices", "mine"]), (true, text) if text.contains("cost_usd")));
    assert!(matches!(weir(&["energy", "gpt-4o"]), (true, _)));
    // It is the feed that is refused.
    assert!(matches!(weir(&["prices", "update", "--from", "feed.json"]), (false, text) if text.contains("feed.json")));
    let check = Command::new(env!("CARGO_BIN_EXE_weir")).arg("check").current_dir(dir.path()).output().expect("weir");
    assert!(!check.status.success(), "serving needs them");
}
