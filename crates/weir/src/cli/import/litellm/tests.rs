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
  - model_name: oss
    litellm_params: { model: bedrock/converse/us.openai.gpt-oss-120b-1:0, aws_region_name: us-east-1, aws_access_key_id: AKIA }
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
            ("azure-ours", "https://ours.openai.azure.com/openai/v1", "env:AZURE_API_KEY", false),
            ("anthropic", "https://api.anthropic.com/v1", "env:ANTHROPIC_API_KEY", false),
            ("openai-2", "https://api.openai.com/v1", "env:OPENAI_API_KEY", false),
            ("openrouter", "https://openrouter.ai/api/v1", "env:OPENROUTER_API_KEY", true),
            ("ollama-10-0-0-1", "http://10.0.0.1:11434/v1", "caller", false),
            ("vllm", "http://vllm:8000/v1", "caller", false),
            ("bedrock", "https://bedrock-mantle.us-east-1.api.aws/v1", "env:AWS_BEARER_TOKEN_BEDROCK", false),
            ("openai-10-0-0-2", "http://10.0.0.2/v1", "env:OPENAI_10_0_0_2_API_KEY", false),
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
            ("oss", 7, "openai.gpt-oss-120b"),
            ("meta", 8, "meta/llama"),
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
        "gpt-4o: litellm_params.api_version has no equivalent",
        "bedrock: LiteLLM reaches anthropic.claude-v2 at bedrock in a format of its own",
        "oss: litellm_params.aws_access_key_id has no equivalent",
        "litellm_settings.set_verbose: ",
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
    assert_eq!((written.providers.len(), written.routes.len(), written.keys.len()), (9, 8, 1));
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
        ("model_list:\n  - model_name: x\n    litellm_params: { model: sagemaker/y }", "a format of its own"),
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
        let key = ["_API_KEY", "_TOKEN", "_BEDROCK"].iter().any(|end| known.variable.ends_with(end));
        assert!(!known.name.is_empty() && key, "{line}");
        assert!(known.base_url.is_empty() || known.base_url.parse::<http::Uri>().is_ok(), "{line}");
    }
}

/// The address and the key's variable of each entry, with `params` as LiteLLM's parameters.
fn reached(params: &[&str]) -> (Vec<(String, String)>, String) {
    let entry =
        |(place, params): (usize, &&str)| format!("  - model_name: m{place}\n    litellm_params: {{ {params} }}\n");
    let text = format!("model_list:\n{}", params.iter().enumerate().map(entry).collect::<String>());
    let outline = import(&text, variables).unwrap();
    let provider = |route: &Route| {
        let provider = &outline.providers[route.provider];
        (provider.base_url.clone(), provider.api_key.clone())
    };
    (outline.routes.iter().map(provider).collect(), outline.notes.join("\n"))
}

#[test]
fn no_key_reaches_a_host_that_the_file_does_not_send_it_to() {
    let (reached, notes) = reached(&[
        "model: gpt-4o, api_key: sk-openai",
        "model: openai/llama, api_base: 'http://gpu-box:8000/v1', api_key: sk-box",
        "model: openai/qwen, api_base: 'http://gpu-box:8000/v1', api_key: sk-box",
        "model: openai/qwen, api_base: 'http://gpu-box:8000/v1', api_key: sk-other",
        "model: openai/x, api_base: 'https://api.foreign.example/v1'",
        "model: custom_openai/x, api_base: 'https://api.custom.example/v1'",
        "model: openai/y, api_base: 'https://api.openai.com@evil.example/v1', api_key: sk-a",
        "model: openai/y, api_base: 'https://api.openai.com.evil.example/v1', api_key: sk-a",
        "model: openai/y, api_base: 'https://openai/v1', api_key: sk-a",
        "model: azure/a, api_base: 'https://one.openai.azure.com', api_key: azure-one",
        "model: azure/b, api_base: 'https://two.openai.azure.com', api_key: azure-two",
        "model: azure/c, api_base: 'https://two.openai.azure.com', api_key: os.environ/AZURE_TWO_KEY",
        "model: gpt-4o-mini, api_key: sk-second",
        "model: openai/z, api_base: 'http://gpu-box:8000/v1', api_key: os.environ/OPENAI_API_KEY",
        "model: openai/gpt-4o, api_base: 'https://API.openai.com/v1'",
    ]);
    let keys: Vec<&str> = reached.iter().map(|(_, key)| key.strip_prefix("env:").unwrap()).collect();
    assert_eq!(
        keys,
        [
            // The file names OPENAI_API_KEY itself, with another key in it.
            "OPENAI_2_API_KEY",
            "GPU_BOX_API_KEY",
            "GPU_BOX_API_KEY",
            "GPU_BOX_2_API_KEY",
            "FOREIGN_API_KEY",
            "CUSTOM_API_KEY",
            "EVIL_API_KEY",
            "OPENAI_API_OPENAI_COM_EVIL_EXAMPLE_API_KEY",
            "OPENAI_OPENAI_API_KEY",
            "AZURE_ONE_API_KEY",
            "AZURE_TWO_API_KEY",
            "AZURE_TWO_KEY",
            "OPENAI_3_API_KEY",
            "OPENAI_API_KEY",
            "OPENAI_API_KEY",
        ]
    );
    assert!(notes.contains("m4: the file names no key for https://api.foreign.example"), "{notes}");
    assert!(notes.contains("m13: the file sends OPENAI_API_KEY to http://gpu-box:8000"), "{notes}");
}

#[test]
fn whatever_the_address_no_usual_key_goes_to_a_stranger() {
    let usual: Vec<&str> = table().filter(|known| !known.base_url.is_empty()).map(|known| known.variable).collect();
    for (prefix, _) in rows() {
        for key in ["", ", api_key: sk-literal"] {
            let stranger = format!("model: {prefix}/maker/model, api_base: 'https://stranger.example/v1'{key}");
            let (reached, _) = reached(&[&stranger]);
            let (base_url, key) = &reached[0];
            assert!(base_url.starts_with("https://stranger.example/"), "{stranger}");
            assert!(!usual.iter().any(|variable| *key == format!("env:{variable}")), "{stranger}: {key}");
        }
    }
}

#[test]
fn clouds_are_reached_at_the_customers_own_place() {
    let (reached, notes) = reached(&[
        "model: vertex_ai/gemini-2.5-pro, vertex_project: ours, vertex_location: europe-west4, vertex_credentials: x",
        "model: vertex_ai/gemini-2.5-pro, vertex_project: ours, vertex_location: global",
        "model: bedrock/eu.qwen.qwen3-32b-v1:0, aws_region_name: eu-west-1",
        "model: bedrock/qwen.qwen3-32b-v1:0",
        "model: mistral/mistral-small-latest",
    ]);
    let addresses: Vec<&str> = reached.iter().map(|(address, _)| address.as_str()).collect();
    assert_eq!(
        addresses,
        [
            "https://europe-west4-aiplatform.googleapis.com/v1/projects/ours/locations/europe-west4/endpoints/openapi",
            "https://aiplatform.googleapis.com/v1/projects/ours/locations/global/endpoints/openapi",
            "https://bedrock-mantle.eu-west-1.api.aws/v1",
            "https://bedrock-mantle.REGION.api.aws/v1",
            "https://api.mistral.ai/v1",
        ]
    );
    for part in ["vertex_credentials has no equivalent", "m3: litellm_params.aws_region_name is not said"] {
        assert!(notes.contains(part), "{part} is not in\n{notes}");
    }
    let text = "model_list: [{ model_name: a, litellm_params: { model: mistral/mistral-small-latest } }]";
    assert!(import(text, variables).unwrap().to_toml("x").contains("inject_usage = false"));
}
