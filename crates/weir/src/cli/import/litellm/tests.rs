use proptest::prelude::*;

use super::*;
use crate::config::{Config, Written};

/// What people write, a bit of each.
const WHOLE: &str = r#"
x-shared: &shared
  api_key: os.environ/OPENAI_KEY_OF_OURS
model_list:
  - model_name: gpt-4o
    litellm_params:
      <<: *shared
      model: openai/gpt-4o
      rpm: 6
    model_info:
      input_cost_per_token: 0.0000025
      output_cost_per_token: 1e-05
      cache_read_input_token_cost: 1.25e-06
  - model_name: gpt-4o
    litellm_params:
      model: azure/ours
      api_base: os.environ/AZURE_API_BASE
      api_key: "os.environ/AZURE_API_KEY"
      api_version: "2024-02-01"
    model_info:
      base_model: azure/gpt-4o
      mode: chat
      input_cost_per_image: 0.01
  - model_name: mini
    litellm_params: { model: gpt-4o-mini, api_key: os.environ/OPENAI_KEY_OF_OURS }
  - model_name: sonnet
    litellm_params: { model: anthropic/claude-sonnet-4-5, api_key: sk-ant-secret }
  - model_name: "claude-*"
    litellm_params: { model: "anthropic/claude-*", api_key: sk-ant-secret }
  - model_name: "openai/*"
    litellm_params: { model: "openai/*" }
  - model_name: "*"
    litellm_params: { model: "openrouter/*" }
  - model_name: llama
    litellm_params: { model: ollama/llama3.2, api_base: "http://10.0.0.1:11434" }
  - model_name: own
    litellm_params: { model: hosted_vllm/meta/llama-3, api_base: "http://vllm:8000" }
  - model_name: bedrock
    litellm_params: { model: bedrock/anthropic.claude-v2, aws_region_name: us-east-1 }
  - model_name: meta
    litellm_params: { model: meta/llama, custom_llm_provider: openai, api_base: "http://10.0.0.2/v1", api_key: none }
litellm_settings:
  request_timeout: 600
  num_retries: 3
  set_verbose: true
  fallbacks: [{ gpt-4o: [mini] }]
  success_callback: ["langfuse"]
general_settings:
  master_key: sk-1234
  database_url: postgresql://x
router_settings:
  routing_strategy: simple-shuffle
  model_group_alias: { "gpt-4": gpt-4o, "lost": nothing }
"#;

fn variables(name: &str) -> Option<String> {
    (name == "AZURE_API_BASE").then(|| "https://ours.openai.azure.com/".to_owned())
}

#[test]
fn a_model_list_becomes_providers_and_routes() {
    let outline = import(WHOLE, variables).unwrap();
    let providers: Vec<_> = outline
        .providers
        .iter()
        .map(|one| (one.name.as_str(), one.base_url.as_str(), one.api_key.as_str(), one.default))
        .collect();
    assert_eq!(
        providers,
        [
            ("openai", "https://api.openai.com/v1", "env:OPENAI_KEY_OF_OURS", false),
            ("azure", "https://ours.openai.azure.com/openai/v1", "env:AZURE_API_KEY", false),
            ("anthropic", "https://api.anthropic.com/v1", "env:ANTHROPIC_API_KEY", false),
            ("openai-2", "https://api.openai.com/v1", "env:OPENAI_API_KEY", false),
            ("openrouter", "https://openrouter.ai/api/v1", "env:OPENROUTER_API_KEY", true),
            ("ollama", "http://10.0.0.1:11434/v1", "caller", false),
            ("vllm", "http://vllm:8000/v1", "caller", false),
            ("openai-3", "http://10.0.0.2/v1", "env:OPENAI_API_KEY", false),
        ]
    );
    assert_eq!(outline.providers[2].models, ["claude-*"]);
    let routes: Vec<_> =
        outline.routes.iter().map(|route| (route.model.as_str(), route.provider, route.target.as_str())).collect();
    assert_eq!(
        routes,
        [
            ("gpt-4o", 0, "gpt-4o"),
            ("mini", 0, "gpt-4o-mini"),
            ("sonnet", 2, "claude-sonnet-4-5"),
            ("llama", 5, "llama3.2"),
            ("own", 6, "meta/llama-3"),
            ("meta", 7, "meta/llama"),
            ("gpt-4", 0, "gpt-4o"),
        ]
    );
    assert_eq!(
        outline.prices,
        [Price {
            model: "gpt-4o".to_owned(),
            parts: vec![("input_per_million", 2.5), ("output_per_million", 10.0), ("cached_input_per_million", 1.25),],
        }]
    );
    assert_eq!(outline.keys, [("master".to_owned(), hex(&sha256(b"sk-1234")))]);
    assert_eq!(outline.total_seconds, Some(600));
}

#[test]
fn what_has_no_equivalent_is_listed() {
    let outline = import(WHOLE, variables).unwrap();
    let notes = outline.notes.join("\n");
    for part in [
        "gpt-4o: litellm_params.rpm has no equivalent",
        "gpt-4o: there are several",
        "gpt-4o: model_info.base_model azure/gpt-4o: Weir prices by the model that the answer names",
        "gpt-4o: model_info.input_cost_per_image has no equivalent",
        "sonnet: the key in the file is not repeated; put it into the variable ANTHROPIC_API_KEY",
        "openai/*: a pattern cannot lead to *",
        "bedrock: bedrock is reached by LiteLLM in a format of its own",
        "litellm_settings.num_retries: Weir sends a request once",
        "litellm_settings.fallbacks: ",
        "litellm_settings.success_callback: every request leaves a Record",
        "general_settings.database_url: ",
        "router_settings.routing_strategy: ",
        "model_group_alias.lost: there is no nothing",
        "master_key is short enough to be guessed",
    ] {
        assert!(notes.contains(part), "{part} is not in\n{notes}");
    }
    let toml = outline.to_toml("config.yaml");
    assert!(!notes.contains("sk-ant") && !toml.contains("sk-ant") && !toml.contains("sk-1234"), "{toml}");
}

#[test]
fn what_comes_out_is_a_configuration() {
    let toml = import(WHOLE, variables).unwrap().to_toml("a\n\"b\".yaml");
    let written = Written::parse(&toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    assert_eq!((written.providers.len(), written.routes.len(), written.keys.len()), (8, 7, 1));
    // Without variables the secrets are missing, and nothing else.
    let error = Config::parse(&toml).unwrap_err().to_string();
    assert!(error.contains("the environment variable OPENAI_KEY_OF_OURS is not set"), "{error}");
    let keyless = toml.lines().filter(|line| !line.starts_with("api_key")).collect::<Vec<_>>().join("\n");
    Config::parse(&keyless).unwrap_or_else(|error| panic!("{error}\n{keyless}"));
    let strange = "model_list:\n  - model_name: \"a\\\"b\\n]\\\\c'''\"\n    litellm_params: { model: 'openai/x\"y' }\n";
    let toml = import(strange, variables).unwrap().to_toml("x");
    let written = Written::parse(&toml).unwrap_or_else(|error| panic!("{error}\n{toml}"));
    assert_eq!(written.routes[0].model, "a\"b\n]\\c'''");
}

#[test]
fn what_is_no_configuration_is_refused() {
    for (text, part) in [
        ("a: [", "not YAML"),
        ("", "no model_list"),
        ("- a", "no model_list"),
        ("model_list: []", "nothing in model_list"),
        ("model_list:\n  - model_name: x", "an entry of model_list"),
        ("model_list:\n  - model_name: x\n    litellm_params: { model: bedrock/y }", "a format of its own"),
    ] {
        let error = import(text, variables).unwrap_err();
        assert!(error.contains(part), "{text}: {error}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "(model_list|model_name|litellm_params|model|[-:{}\\[\\]&*<'\"|>#! a\n]){0,30}") {
        if let Ok(outline) = import(&text, variables) {
            prop_assert!(Written::parse(&outline.to_toml("x")).is_ok());
        }
    }
}

#[test]
fn the_table_is_well_formed() {
    for line in PROVIDERS.lines().filter(|line| !line.starts_with('#')) {
        assert_eq!(line.split(',').count(), 4, "{line}");
        let known = known(line.split(',').next().unwrap()).unwrap();
        assert!(!known.name.is_empty() && known.variable.ends_with("_API_KEY"), "{line}");
        assert!(known.base_url.is_empty() || known.base_url.parse::<http::Uri>().is_ok(), "{line}");
    }
}
