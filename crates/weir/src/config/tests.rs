use proptest::prelude::*;

use super::*;

const WHOLE: &str = r#"
listen = "127.0.0.1:4000"
data_dir = "weir-data"

[admin]
listen = "127.0.0.1:4001"

[[providers]]
name = "openai"
base_url = "https://api.openai.com/v1"
api_key = "caller"
models = ["gpt-*", "o*", "text-embedding-*"]

[[routes]]
model = "fast"
targets = [{ provider = "openai", model = "gpt-4.1-mini" }]

[pricing."gpt-4"]
input = 0.03
output = 0.06

[energy_rates]
"gpt-4" = 0.005
"#;

fn refused(text: &str) -> String {
    Config::parse(text).unwrap_err().to_string()
}

#[test]
fn a_name_may_stand_in_a_variable() {
    let named = |instance: &str| {
        let text = format!("instance = \"{instance}\"\n[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n");
        Config::parse(&text).map(|config| config.instance).map_err(|error| error.to_string())
    };
    assert_eq!(named("weir-1"), Ok(Some("weir-1".to_owned())));
    assert_eq!(named("env:CARGO_PKG_NAME"), Ok(Some("weir".to_owned())));
    assert!(named("env:NO_SUCH_VARIABLE").unwrap_err().starts_with("instance: the environment variable NO_SUCH"));
}

#[test]
fn the_interface() {
    let config = Config::parse(WHOLE).unwrap();
    assert_eq!(config.listen.port(), 4000);
    assert_eq!(config.providers[0].authority, "api.openai.com");
    assert!(config.providers[0].default, "the only provider is the default");
    assert_eq!((config.routes[0].provider, config.routes[0].target.as_str()), (0, "gpt-4.1-mini"));
    assert!(config.prices.book().own.contains_key("gpt-4"));
    let least = Config::parse("[[providers]]\nname = \"a\"\nbase_url = \"http://x/v1\"").unwrap();
    assert_eq!(least.listen.port(), 4000, "everything else has a default");
}

#[test]
fn an_unknown_key_is_refused_with_a_hint() {
    let error = refused("listn = \"127.0.0.1:1\"");
    assert!(error.contains("`listn`") && error.contains("did you mean `listen`?"), "{error}");
    let error = refused("[[providers]]\nname = \"a\"\nbase_ulr = \"http://x\"");
    assert!(error.contains("`base_ulr`") && error.contains("did you mean `base_url`?"), "{error}");
    assert!(!refused("zzzzzzzz = 1").contains("did you mean"));
}

#[test]
fn what_cannot_be_is_refused_by_name() {
    for (text, place) in [
        ("listen = \"nowhere\"", "listen"),
        ("threads = 0", "threads"),
        ("max_in_flight = 0", "max_in_flight"),
        ("body_limit = \"many\"", "body_limit"),
        ("durability = \"maybe\"", "durability"),
        ("[[providers]]\nname = \"a\"\nbase_url = \"ftp://x\"", "providers.\"a\".base_url"),
        ("[[providers]]\nname = \"a\"\nbase_url = \"http://x/v1?y\"", "providers.\"a\".base_url"),
        ("[[providers]]\nname = \"a\"\nbase_url = \"http://x\"\napi_key = \"env:WEIR_TEST_UNSET\"", "WEIR_TEST_UNSET"),
        ("[[routes]]\nmodel = \"m\"\ntargets = [{ provider = \"nobody\" }]", "nobody"),
        ("[[routes]]\nmodel = \"m\"\ntargets = []", "routes.\"m\""),
        ("[pricing.\"m\"]\ninput = -1.0", "pricing.\"m\""),
        ("[pricing.\"m\"]\noutput = 1.0", "input is missing"),
        ("[pricing.\"m\"]\ninput = 1.0\noutput_per_million = 1.0", "mixed"),
        ("[energy_rates]\nm = -0.5", "energy_rates.\"m\""),
        ("[journal]\nrotate_bytes = 1", "journal.rotate_bytes"),
        ("[journal]\nrotate_after = \"0s\"", "journal.rotate_after"),
        ("timeouts.connect = \"0s\"", "timeouts.connect"),
        ("timeouts.total = \"0ms\"", "timeouts.total"),
        ("allowed_origins = [\"https://app.example.com/\"]", "write \"https://app.example.com\""),
        ("allowed_origins = [\"https://App.example.com/path\"]", "write \"https://app.example.com\""),
        ("allowed_origins = [\"app.example.com\"]", "allowed_origins"),
        ("", "providers: there is none"),
        ("[upstream]\nproxy = \"socks5://x:1\"", "upstream.proxy"),
    ] {
        let error = refused(text);
        assert!(error.contains(place), "{text}: {error}");
    }
}

#[test]
fn a_key_is_never_repeated() {
    let error = refused("[[providers]]\nname = \"a\"\nbase_url = \"http://x\"\napi_key = \"sk-secret\"");
    assert!(!error.contains("sk-secret") && error.contains("env:NAME"), "{error}");
}

#[test]
fn an_open_door_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("key");
    std::fs::write(&file, "sk-secret\n").unwrap();
    let provider =
        format!("[[providers]]\nname = \"a\"\nbase_url = \"http://x\"\napi_key = \"file:{}\"", file.display());
    let error = refused(&format!("listen = \"0.0.0.0:4000\"\n{provider}"));
    assert!(error.contains("listen") && error.contains("api_key = \"caller\""), "{error}");
    let config = Config::parse(&provider).unwrap();
    assert!(!format!("{config:?}").contains("sk-secret"));
    // What the command line says counts, in both directions.
    let written = |text: &str| Written::parse(text).unwrap();
    let at = |listen: &str| Overrides { listen: Some(address(listen).unwrap()), ..Overrides::default() };
    let closed = Config::with_overrides(written(&format!("listen = \"0.0.0.0:4000\"\n{provider}")), &at("localhost:1"));
    assert_eq!(closed.unwrap().listen.to_string(), "127.0.0.1:1");
    assert!(Config::with_overrides(written(&provider), &at("0.0.0.0:1")).is_err());
    Config::parse("listen = \"0.0.0.0:4000\"\n[[providers]]\nname = \"a\"\nbase_url = \"http://x\"").unwrap();
}

#[test]
fn a_preset_fills_in_what_is_not_written() {
    let one = |text: &str| Config::parse(&format!("[[providers]]\n{text}")).unwrap().providers.remove(0);
    for text in ["name = \"deepseek\"", "name = \"mine\"\npreset = \"deepseek\""] {
        let provider = one(text);
        assert_eq!((provider.authority.as_str(), provider.path.as_str()), ("api.deepseek.com", "/v1"), "{text}");
        assert!(provider.models[0].matches("deepseek-chat") && provider.inject_usage);
        assert!(matches!(provider.key, Key::Caller), "no key is taken that nobody named");
    }
    assert!(!one("name = \"mistral\"").inject_usage);
    assert!(one("name = \"mistral\"\ninject_usage = true").inject_usage);
    let other = one("name = \"deepseek\"\nbase_url = \"http://127.0.0.1:1/v1\"");
    assert!(other.models.is_empty(), "a name beside an address is only a name");
    let moved = one("name = \"x\"\npreset = \"vllm\"\nbase_url = \"http://gpu:9/v1\"\nmodels = [\"m\"]");
    assert_eq!((moved.authority.as_str(), moved.models.len()), ("gpu:9", 1));
}

#[test]
fn a_preset_that_is_not_enough_says_what_is_missing() {
    let refused = |text: &str| refused(&format!("[[providers]]\n{text}"));
    let error = refused("name = \"azure\"");
    assert!(error.contains("RESOURCE.openai.azure.com"), "{error}");
    let error = refused("name = \"mine\"");
    assert!(error.contains("providers.\"mine\".base_url") && error.contains("llama.cpp"), "{error}");
    let error = refused("name = \"mine\"\npreset = \"deepsek\"");
    assert!(error.contains("providers.\"mine\".preset") && error.contains("deepseek"), "{error}");
}

#[test]
fn every_preset_can_be_used() {
    for preset in PRESETS {
        let url = format!("base_url = \"{}\"", preset.base_url.to_lowercase());
        let url = if preset.has_own_address() { url } else { String::new() };
        let text = format!("[[providers]]\nname = \"{}\"\npreset = \"{}\"\n{url}", preset.name, preset.name);
        let config = Config::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", preset.name));
        assert_eq!(config.providers[0].models.len(), preset.models.len());
    }
    let (config, table) = from_environment(|_| false, &Overrides::default()).unwrap();
    assert!(
        config.providers.len() == 1 && table.len() == 11,
        "clouds and machines of one's own need a file: {table:?}"
    );
}

#[test]
fn an_environment_without_a_file() {
    let (config, table) = from_environment(|_| false, &Overrides::default()).unwrap();
    assert_eq!(config.providers.len(), 1);
    assert!(matches!(config.providers[0].key, Key::Caller));
    assert!(table[0].starts_with("openai") && table[0].contains("on ") && table[0].ends_with("(default)"));
    assert!(table[1..].iter().all(|line| line.contains("off  ")));
}

#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../weir.schema.json");
    let published = std::fs::read_to_string(path).unwrap_or_default();
    let current = format!("{:#}\n", schema());
    assert!(published == current, "weir.schema.json is stale: run `weir config schema > weir.schema.json`");
}

#[test]
fn the_example_is_valid_and_carries_the_missions_tables() {
    let text = include_str!("../../../../weir.example.toml");
    let written = Written::parse(text).unwrap();
    for (model, rate) in [("gpt-4", 0.005), ("gpt-3.5-turbo", 0.002), ("gpt-4-turbo", 0.004), ("custom-model", 0.003)] {
        assert_eq!(written.energy_rates.get(model), Some(&rate), "{model}");
    }
    for (model, input, output) in [("gpt-4", 0.03, 0.06), ("gpt-3.5-turbo", 0.0015, 0.002), ("your-model", 0.01, 0.02)]
    {
        let tariff = written.pricing[model].tariff().unwrap();
        assert_eq!((tariff.input, tariff.output, tariff.per_million), (input, output, false), "{model}");
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _ = Config::parse(&text);
    }
}
