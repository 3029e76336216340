//! The catalogue beside the published prices of the most used models, kept by hand, so that an update cannot move them without
//! somebody looking: provider, model, USD per million tokens of input, output, cached input and cache writes, as known on
//! 2026-11-23, and the provider's page on which to check them. What a provider does not give is `None`.

use meter::catalog::{Catalog, Component};
use meter::time;

const OPENAI: &str = "https://developers.openai.com/api/docs/pricing";
const ANTHROPIC: &str = "https://platform.claude.com/docs/en/about-claude/pricing";
const GOOGLE: &str = "https://ai.google.dev/gemini-api/docs/pricing";
const DEEPSEEK: &str = "https://api-docs.deepseek.com/quick_start/pricing";
const MISTRAL: &str = "https://docs.mistral.ai/models";
const XAI: &str = "https://docs.x.ai/docs/models";
const GROQ: &str = "https://groq.com/pricing";
const MOONSHOT: &str = "https://platform.kimi.ai/docs/pricing/chat-k3";
const ZAI: &str = "https://docs.z.ai/guides/overview/pricing";

const AS_OF: &str = "2026-11-23";

type Published = (&'static str, &'static str, f64, f64, Option<f64>, Option<f64>, &'static str);

const PUBLISHED: [Published; 40] = [
    ("openai", "gpt-4o", 2.5, 10.0, Some(1.25), None, OPENAI),
    ("openai", "gpt-4o-mini", 0.15, 0.6, Some(0.075), None, OPENAI),
    ("openai", "gpt-4.1", 2.0, 8.0, Some(0.5), None, OPENAI),
    ("openai", "gpt-4.1-mini", 0.4, 1.6, Some(0.1), None, OPENAI),
    ("openai", "gpt-4.1-nano", 0.1, 0.4, Some(0.025), None, OPENAI),
    ("openai", "o3", 2.0, 8.0, Some(0.5), None, OPENAI),
    ("openai", "o4-mini", 1.1, 4.4, Some(0.275), None, OPENAI),
    ("openai", "gpt-5", 1.25, 10.0, Some(0.125), None, OPENAI),
    ("openai", "gpt-5-mini", 0.25, 2.0, Some(0.025), None, OPENAI),
    ("openai", "gpt-5-nano", 0.05, 0.4, Some(0.005), None, OPENAI),
    ("openai", "gpt-5.4", 2.5, 15.0, Some(0.25), None, OPENAI),
    ("openai", "gpt-5.4-mini", 0.75, 4.5, Some(0.075), None, OPENAI),
    ("openai", "gpt-5.5", 5.0, 30.0, Some(0.5), None, OPENAI),
    ("openai", "gpt-6-sol", 2.0, 10.0, Some(0.2), Some(2.5), OPENAI),
    ("openai", "gpt-6.1-sol", 2.0, 10.0, Some(0.1), Some(2.5), OPENAI),
    ("openai", "gpt-6-luna", 0.1, 0.5, Some(0.01), Some(0.125), OPENAI),
    ("openai", "text-embedding-3-small", 0.02, 0.0, None, None, OPENAI),
    ("openai", "text-embedding-3-large", 0.13, 0.0, None, None, OPENAI),
    ("anthropic", "claude-sonnet-4-5", 3.0, 15.0, Some(0.3), Some(3.75), ANTHROPIC),
    ("anthropic", "claude-sonnet-5", 2.0, 10.0, Some(0.2), Some(2.5), ANTHROPIC),
    ("anthropic", "claude-sonnet-5-5", 2.0, 10.0, Some(0.1), Some(2.5), ANTHROPIC),
    ("anthropic", "claude-opus-4-6", 5.0, 25.0, Some(0.5), Some(6.25), ANTHROPIC),
    ("anthropic", "claude-opus-5", 5.0, 25.0, Some(0.5), Some(6.25), ANTHROPIC),
    ("anthropic", "claude-opus-5-5", 4.0, 20.0, Some(0.2), Some(5.0), ANTHROPIC),
    ("anthropic", "claude-haiku-4-5", 1.0, 5.0, Some(0.1), Some(1.25), ANTHROPIC),
    ("anthropic", "claude-haiku-5-5", 0.1, 0.5, Some(0.01), Some(0.125), ANTHROPIC),
    ("google", "gemini-2.5-pro", 1.25, 10.0, Some(0.125), None, GOOGLE),
    ("google", "gemini-2.5-flash", 0.3, 2.5, Some(0.03), None, GOOGLE),
    ("google", "gemini-2.5-flash-lite", 0.1, 0.4, Some(0.01), None, GOOGLE),
    ("google", "gemini-3.5-flash", 1.5, 9.0, Some(0.15), None, GOOGLE),
    ("google", "gemini-3.8-flash", 0.75, 3.75, Some(0.075), None, GOOGLE),
    ("deepseek", "deepseek-v4-flash", 0.3, 1.2, Some(0.006), None, DEEPSEEK),
    ("deepseek", "deepseek-v4-pro", 1.32, 3.96, Some(0.044), None, DEEPSEEK),
    ("mistral", "mistral-large-4", 0.7, 2.1, Some(0.07), None, MISTRAL),
    ("mistral", "mistral-large-latest", 0.5, 1.5, Some(0.05), None, MISTRAL),
    ("mistral", "mistral-medium-latest", 1.5, 7.5, Some(0.15), None, MISTRAL),
    ("xai", "grok-4.3", 1.25, 2.5, Some(0.2), None, XAI),
    ("groq", "openai/gpt-oss-120b", 0.15, 0.6, Some(0.075), None, GROQ),
    ("moonshot", "kimi-k3", 3.0, 15.0, Some(0.3), Some(3.0), MOONSHOT),
    ("zai", "glm-5.2", 1.4, 4.4, Some(0.26), None, ZAI),
];

#[test]
fn the_most_used_models_cost_what_their_providers_publish() {
    let (catalog, day) = (Catalog::embedded(), time::parse_day(AS_OF).unwrap());
    for (provider, model, input, output, cached, write, page) in PUBLISHED {
        let (row, _) = catalog.find(provider, model).unwrap_or_else(|| panic!("{provider}/{model} is missing"));
        let rates = row.standard(day).unwrap().rates;
        let figures = [
            (Component::Input, Some(input)),
            (Component::Output, Some(output)),
            (Component::CacheRead, cached),
            (Component::CacheWrite, write),
        ];
        for (component, published) in figures {
            let Some(usd) = published else { continue };
            let pico = (usd * 1e6).round() as u64;
            assert_eq!(rates.get(component), Some(pico), "{provider}/{model} {}: {page}", component.name());
        }
    }
}

/// What is beyond a standard price, at those providers that publish it.
#[test]
fn tiers_thresholds_and_announced_prices() {
    let catalog = Catalog::embedded();
    let line = |provider, model| catalog.find(provider, model).unwrap().0.to_string();
    for (provider, model, parts) in [
        ("openai", "gpt-5.4", &[">272000 input=5 output=22.5", "@priority input=5 output=30", "eu=1.1"][..]),
        ("openai", "gpt-6.1-sol", &["@ultrafast input=12 output=60", "@batch >272000 input=2 output=7.5"]),
        ("openai", "gpt-4o-2024-08-06", &["@priority input=4.25 output=17", "web_search=0.01"]),
        ("anthropic", "claude-opus-5-5", &["@batch input=2 output=10", "@fast input=8 output=40", "us=1.1"]),
        ("anthropic", "claude-haiku-5-5", &[">100000 input=0.5 output=2.5"]),
        ("google", "gemini-2.5-pro", &[">200000 input=2.5 output=15", "@flex input=0.625", "web_search=0.035"]),
        (
            "google",
            "gemini-3.8-flash",
            &["from:2027-01-01 input=1.5 output=7.5", "@priority until:2027-01-01 input=1.35"],
        ),
        ("google", "gemini-4-argon", &["from:2026-12-01 input=4 output=20"]),
        ("deepseek", "deepseek-v4-pro", &["when:12345/00:00-01:00,04:00-06:00,10:00-24:00;67/00:00-24:00 input=0.66"]),
        ("mistral", "mistral-large-4", &["from:2026-10-29 input=0.7 output=2.1"]),
    ] {
        let line = line(provider, model);
        for part in parts {
            assert!(line.contains(part), "{part}: {line}");
        }
    }
}
