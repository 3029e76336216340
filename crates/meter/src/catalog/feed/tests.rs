use super::super::{Change, Limits, Refusal, merge};
use super::*;
use crate::time::parse_day;

fn day(text: &str) -> Day {
    parse_day(text).unwrap()
}

fn read(text: &str) -> Feed {
    Feed::read(text.as_bytes(), day("2026-11-23")).unwrap()
}

fn lines(feed: &Feed) -> Vec<String> {
    feed.rows.iter().map(ToString::to_string).collect()
}

#[test]
fn litellms_keys() {
    let feed = read(
        r#"{"sample_spec":{"litellm_provider":"one of …","input_cost_per_token":0},
        "gpt-x":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":2.5e-06,"output_cost_per_token":1e-05,
          "cache_read_input_token_cost":1.25e-06,"input_cost_per_token_above_272k_tokens":5e-06,
          "cache_read_input_token_cost_above_272k_tokens_flex":2.5e-07,"input_cost_per_token_batches":1.25e-06,
          "input_cost_per_token_cache_hit":1,"cache_creation_input_token_cost_above_1hr":4e-06,
          "cache_creation_input_token_cost_above_12hr":5e-06,"deprecation_date":"2027-01-01",
          "search_context_cost_per_query":{"search_context_size_medium":0.01},
          "regional_processing_uplift_multiplier_eu":1.1},
        "gemini/gemini-x":{"litellm_provider":"gemini","input_cost_per_token":1e-06,"input_cost_per_audio_token":3.28571e-08},
        "dashscope/qwen":{"litellm_provider":"dashscope","mode":"chat","tiered_pricing":[
          {"range":[0,256000.0],"input_cost_per_token":5e-08},{"range":[256000.0,1000000.0],"input_cost_per_token":2.5e-07}]},
        "veo":{"litellm_provider":"gemini","mode":"video_generation","output_cost_per_second":0.4},
        "unknown":{"litellm_provider":"openai","mode":"chat","input_cost_per_token":0,"output_cost_per_token":0},
        "m:free":{"litellm_provider":"openrouter","mode":"chat","input_cost_per_token":0,"output_cost_per_token":0},
        "claude-x":{"litellm_provider":"anthropic","input_cost_per_token":1e-06,"provider_specific_entry":{"us":1.1,"fast":2.0}}}"#,
    );
    assert_eq!(
        lines(&feed),
        [
            "alibaba\tqwen\tL\tinput=0.05\t>256000 input=0.25",
            "anthropic\tclaude-x\tL\tinput=1\t@fast input=2\ttimes us=1.1",
            "google\tgemini-x\tL\tinput=1 input_audio=0.032857",
            "openai\tgpt-x\tL\tinput=2.5 output=10 cache_read=1.25 cache_write_1h=4\t>272000 input=5\t@batch input=1.25\
             \t@flex >272000 cache_read=0.25\tper web_search=0.01\ttimes eu=1.1\tretire 2027-01-01",
            "openrouter\tm:free\tL\tinput=0 output=0",
        ]
    );
}

#[test]
fn genai_prices_history_and_variants() {
    let feed = read(
        r#"[{"id":"x-ai","name":"xAI","models":[
        {"id":"grok","match":{"or":[{"equals":"grok"},{"equals":"grok-beta"},{"starts_with":"grok-2026"},{"regex":"^g$"}]},
         "prices":[{"prices":{"input_mtok":1,"output_mtok":2,"cache_read_mtok":0.5}},
                   {"constraint":{"start_date":"2027-01-01"},"prices":{"input_mtok":3,"output_mtok":6}}],
         "price_variants":[{"when":{"service_tier":"default"},"prices":{}},
           {"when":{"processing":"batch"},"prices":{"input_mtok":0.5},"constraint":{"start_date":"2026-10-14"}}]},
        {"id":"tiered","prices":{"input_mtok":{"base":1,"tiers":[{"start":200000,"price":2}]},"output_mtok":5,
          "web_searches_kcount":10,"requests_kcount":12}},
        {"id":"night","prices":[{"prices":{"input_mtok":1}},
          {"constraint":{"start_time":"01:00:00Z","end_time":"04:00:00Z"},"prices":{"input_mtok":2}}]}]}]"#,
    );
    assert_eq!(
        lines(&feed),
        [
            "xai\tgrok\tG\tuntil:2027-01-01 input=1 output=2 cache_read=0.5\tfrom:2027-01-01 input=3 output=6\
             \t@batch until:2027-01-01 input=0.5 output=2 cache_read=0.5\talias grok-2026* grok-beta",
            "xai\tnight\tG\tinput=1\twhen:1234567/01:00-04:00 input=2",
            "xai\ttiered\tG\tinput=1 output=5\t>200000 input=2 output=5\tper request=0.012 web_search=0.01",
        ]
    );
}

#[test]
fn nonsense_is_refused() {
    for (text, said) in [
        ("", "not JSON"),
        ("{", "not JSON"),
        ("3", "neither"),
        ("{}", "neither"),
        (r#"{"a":{"b":1}}"#, "neither"),
        ("[]", "no prices"),
        (r#"[{"id":"x"}]"#, "neither"),
        (r#"{"schema":"price-catalogue/9","models":[]}"#, "neither"),
        (r#"{"m":{"litellm_provider":"p","mode":"chat"}}"#, "no prices"),
        (r#"{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":-1e-06}}"#, "no price"),
        (r#"{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":"NaN"}}"#, "no price"),
        (r#"{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":"cheap"}}"#, "no price"),
        (r#"{"m":{"litellm_provider":"p","mode":"chat","input_cost_per_token":1e300}}"#, "no price"),
        (r#"[{"id":"p","models":[{"id":"m","prices":{"input_mtok":-1}}]}]"#, "no price"),
        ("# weir prices 1\nrubbish", "line 2"),
    ] {
        let error = Feed::read(text.as_bytes(), 1).unwrap_err().to_string();
        assert!(error.contains(said), "{text}: {error}");
    }
}

#[test]
fn names_cannot_break_a_line() {
    let feed = read(
        r#"{"a\tb\tL":{"litellm_provider":"p","input_cost_per_token":1e-06},"a\nb":{"litellm_provider":"p","input_cost_per_token":1e-06},
        "ok":{"litellm_provider":"p\n#","input_cost_per_token":1e-06},"good":{"litellm_provider":"p","input_cost_per_token":1e-06}}"#,
    );
    assert_eq!(lines(&feed), ["p\tgood\tL\tinput=1"]);
}

/// A row of nobody, or with a kind or region that is no word, cannot stand on a line.
#[test]
fn rows_say_whose_they_are() {
    let feed = read(
        r#"{"schema":"price-catalogue/1","as_of":"2026-11-23","sources":{"L":{"name":"a\nb","licence":"MIT"}},"models":[
        {"provider":"p","model":"nobodys","per":{"web_search":0.01}},
        {"provider":"p","model":"anothers","src":"X","per":{"web_search":0.01}},
        {"provider":"p","model":"m","src":"L","mode":"a b","per":{"web search":0.01,"request":1},"mult":{"e u":1.1}}]}"#,
    );
    assert_eq!(lines(&feed), ["p\tm\tL\tper request=1"]);
    assert_eq!(feed.sources[0].name, "a b, MIT");
}

fn catalog(rows: &str) -> Catalog {
    let head = "# weir prices 1\n# L 2026-11-01 LiteLLM\n# G 2026-11-01 genai\n";
    Catalog::parse(format!("{head}{rows}\n")).unwrap()
}

fn litellm(models: &[(&str, f64)]) -> Feed {
    let models: Vec<String> = models
        .iter()
        .map(|(name, price)| format!(r#""{name}":{{"litellm_provider":"p","input_cost_per_token":{price:e}}}"#))
        .collect();
    read(&format!("{{{}}}", models.join(",")))
}

fn genai(prices: &str) -> Feed {
    read(&format!(r#"[{{"id":"p","models":[{{"id":"m","prices":{prices}}}]}}]"#))
}

fn merged(catalog: &Catalog, feeds: &[Feed]) -> (Vec<String>, Vec<String>) {
    let update = merge(catalog, feeds, day("2026-11-23"), &Limits::default()).unwrap();
    let rows = Catalog::parse(update.text).unwrap().rows().map(|row| row.to_string()).collect();
    (rows, update.changes.iter().map(Change::to_string).collect())
}

#[test]
fn an_update_says_what_it_changes() {
    let before = catalog(
        "p\ta\tL\tinput=1\np\tb\tL\tinput=1\np\tc\tL\tinput=1\np\td\tL\tinput=1\np\te\tL\tinput=1\np\tf\tG\tinput=1",
    );
    let feed = litellm(&[("a", 1e-6), ("b", 2e-6), ("c", 1e-6), ("d", 1e-6), ("new", 3e-6)]);
    let (rows, changes) = merged(&before, &[feed]);
    assert_eq!(changes, ["~ p/b: input=1 → input=2", "- p/e", "+ p/new: input=3"]);
    assert!(rows.contains(&"p\tf\tG\tinput=1".to_owned()), "another source's rows stay");
    assert!(rows.contains(&"p\tb\tL\tuntil:2026-11-23 input=1\tfrom:2026-11-23 input=2".to_owned()), "{rows:?}");
}

#[test]
fn what_only_one_source_has_goes_on() {
    let before = catalog(
        "p\tm\tLG\tuntil:2027-01-01 input=1\tfrom:2027-01-01 input=2\t@batch until:2027-01-01 input=0.5\talias x",
    );
    let (rows, changes) = merged(&before, &[litellm(&[("m", 1e-6)])]);
    assert_eq!(
        rows[0],
        "p\tm\tLG\tuntil:2027-01-01 input=1\tfrom:2027-01-01 input=2\t@batch until:2027-01-01 input=0.5\talias x"
    );
    assert!(changes.is_empty());
}

#[test]
fn where_two_sources_differ() {
    let (rows, _) = merged(&catalog("p\tm\tL\tinput=1"), &[genai(r#"{"input_mtok":1.5}"#)]);
    assert_eq!(rows[0], "p\tm\tLG\tinput=1\talso G input=1.5", "the first keeps its figures");
    let (rows, _) = merged(&catalog("p\tm\tL\tinput=1"), &[genai(r#"{"input_mtok":1.01,"cache_read_mtok":0.1}"#)]);
    let known = "p\tm\tLG\tuntil:2026-11-23 input=1\tfrom:2026-11-23 input=1 cache_read=0.1";
    assert_eq!(rows[0], known, "1 % is no difference");
    let dated =
        r#"[{"prices":{"input_mtok":1}},{"constraint":{"start_date":"2026-11-10"},"prices":{"input_mtok":0.5}}]"#;
    let (rows, _) = merged(&catalog("p\tm\tL\tinput=1"), &[genai(dated)]);
    assert_eq!(
        rows[0], "p\tm\tGL\tuntil:2026-11-10 input=1\tfrom:2026-11-10 input=0.5\talso L input=1",
        "the first is late"
    );
}

#[test]
fn a_version_has_its_models_tiers() {
    let before = catalog("p\tm\tL\tinput=1\np\tn\tL\tinput=1");
    let feed = read(
        r#"[{"id":"p","models":[{"id":"m","match":{"equals":"m-0613"},"prices":{"input_mtok":1},
        "price_variants":[{"when":{"service_tier":"flex"},"prices":{"input_mtok":0.5}}]},
        {"id":"m-0613","prices":{"input_mtok":1}},{"id":"m-2026-01-01","prices":{"input_mtok":1}},
        {"id":"m-2026-02-02","prices":{"input_mtok":2}}]}]"#,
    );
    let (rows, _) = merged(&before, &[feed]);
    assert_eq!(
        rows[..4],
        [
            "p\tm\tLG\tinput=1\t@flex input=0.5\talias m-0613",
            "p\tm-0613\tG\tinput=1\t@flex input=0.5",
            "p\tm-2026-01-01\tG\tinput=1\t@flex input=0.5",
            "p\tm-2026-02-02\tG\tinput=2",
        ]
    );
}

#[test]
fn an_update_that_is_nonsense_is_refused() {
    let before = catalog("p\ta\tL\tinput=1\np\tb\tL\tinput=1\np\tc\tL\tinput=1\np\td\tL\tinput=1\np\te\tL\tinput=1");
    let today = day("2026-11-23");
    let refusal = |feed: Feed, limits| merge(&before, &[feed], today, &limits).unwrap_err();
    let few = refusal(litellm(&[("a", 1e-6)]), Limits::default());
    assert!(matches!(few, Refusal::FewRows { now: 1, before: 5, .. }), "{few}");
    let same = [("a", 1e-6), ("b", 1e-6), ("c", 1e-6), ("d", 1e-6)];
    let jump = refusal(litellm(&[&same[..], &[("e", 1.1e-5)]].concat()), Limits::default());
    assert!(jump.to_string().contains("p/e: input=1 → input=11"), "{jump}");
    let told = Limits { jump: 20.0, ..Limits::default() };
    assert!(merge(&before, &[litellm(&[&same[..], &[("e", 1.1e-5)]].concat())], today, &told).is_ok());
    let fall = refusal(litellm(&[&same[..], &[("e", 1e-8)]].concat()), Limits::default());
    assert!(matches!(fall, Refusal::Jumps { count: 1, .. }), "{fall}");
    let mut old = litellm(&[&same[..], &[("e", 1e-6)]].concat());
    old.sources[0].as_of = day("2026-10-01");
    let old = refusal(old, Limits::default());
    assert!(old.to_string().contains("2026-10-01"), "{old}");
}

#[test]
fn a_catalogue_read_as_a_feed_is_the_same() {
    let embedded = Catalog::embedded();
    let feed = Feed::read(embedded_text().as_bytes(), 1).unwrap();
    let update = merge(&embedded, &[feed], embedded.as_of(), &Limits::default()).unwrap();
    assert!(update.changes.is_empty());
    assert_eq!(update.text, embedded_text());
}

fn embedded_text() -> &'static str {
    include_str!("../../../data/prices.tsv")
}
