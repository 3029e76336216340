//! What some tokens of a model cost, step by step, as `/api/v1/price` computes it: the meter's own figures, from the prices
//! that requests are priced by.

use std::collections::BTreeSet;

use meter::cost::{Ask, Cost, CostStatus, Explained, Prices};
use meter::time;
use meter::usage::{Class, Units, Usage};
use serde_json::{Value, json};

use super::address::Members;
use crate::config::Config;
use crate::recorder;

/// The classes of tokens, by the names that the question has for them.
const CLASSES: &[(&str, Class)] = &[
    ("input", Class::Input),
    ("cached_input", Class::CachedInput),
    ("cache_write", Class::CacheWrite),
    ("cache_write_1h", Class::CacheWrite1h),
    ("output", Class::Output),
    ("reasoning", Class::Reasoning),
];

const PICO_PER_USD: f64 = 1e12;
const NANO_PER_USD: f64 = 1e9;

/// The answer to `model=…&provider=…&tier=…&at=SECONDS&input=TOKENS&…`.
///
/// # Errors
/// No model is named, or a number is none: what to say.
pub(super) fn answer(members: &Members, config: &Config) -> Result<Value, String> {
    let model = members.get("model").ok_or("model is missing")?;
    let (provider, target) = provider_of(members.get("provider"), model, config);
    let mut usage = Usage::default();
    for (name, class) in CLASSES {
        usage = usage.with(*class, members.number(name)?.unwrap_or(0));
    }
    let at = members.number("at")?.map_or_else(recorder::now, |seconds| seconds.saturating_mul(1_000_000_000));
    let ask = Ask {
        provider: &provider,
        models: [target.as_deref(), Some(model), members.get("answered")],
        tier: members.get("tier"),
        at,
        usage: Some(&usage),
        each_input: members.number("each_input")?,
        exact: true,
        searches: members.number("searches")?.unwrap_or(0),
        file_searches: members.number("file_searches")?.unwrap_or(0),
        code_runs: members.number("code_runs")?.unwrap_or(0),
        units: Units {
            images: members.number("image_count")?.unwrap_or(0),
            audio_micros: members.micros("audio_seconds")?.unwrap_or(0),
            characters: members.number("characters")?.unwrap_or(0),
        },
        reported: None,
    };
    Ok(told(&crate::prices::for_provider(config, &provider), &ask, model))
}

/// Who would serve a model: the one that is named, or where requests for it go.
fn provider_of(named: Option<&str>, model: &str, config: &Config) -> (String, Option<String>) {
    if let Some(name) = named {
        return (name.to_owned(), None);
    }
    if let Some(route) = config.routes.iter().find(|route| route.model == model)
        && let Some(provider) = config.providers.get(route.provider)
    {
        return (provider.name.clone(), Some(route.target.clone()));
    }
    let serves = config.providers.iter().find(|one| one.models.iter().any(|pattern| pattern.matches(model)));
    let provider = serves.or_else(|| config.providers.iter().find(|one| one.default));
    (provider.map(|one| one.name.clone()).unwrap_or_default(), None)
}

fn told(prices: &Prices, ask: &Ask<'_>, model: &str) -> Value {
    let explained = prices.explain(ask);
    let cost = prices.cost(ask);
    json!({
        "model": model,
        "provider": ask.provider,
        "status": cost.as_ref().map_or(CostStatus::Unpriced, |cost| cost.status).name(),
        "price_id": cost.as_ref().map(|cost| &*cost.price_id),
        "as_of": cost.as_ref().and_then(|cost| cost.as_of.as_deref()),
        "cost_usd": cost.as_ref().map(|cost| usd(cost.total(), NANO_PER_USD)),
        "list_usd": cost.as_ref().and_then(|cost| cost.list).map(|nano| usd(nano, NANO_PER_USD)),
        "above": thresholds(&explained),
        "region_factor": usd(explained.regional, 1e6),
        "rule": explained.rule.as_ref().map(|(pattern, words)| format!("{pattern}: {words}")),
        "sources": sources(prices, &explained, cost.as_ref()),
        "steps": explained.steps.iter().map(step).collect::<Vec<_>>(),
    })
}

/// The lengths of an input, in tokens, above which the price of the standard tier is another one.
fn thresholds(explained: &Explained) -> BTreeSet<u64> {
    let Some((row, ..)) = explained.row.as_ref().filter(|_| !explained.own) else { return BTreeSet::new() };
    row.bands.iter().filter(|band| band.tier.is_empty() && band.above > 0).map(|band| band.above).collect()
}

/// One step: what is counted, how many, what each costs, and what that makes.
fn step((kind, count, pico): &(&'static str, u64, Option<u64>)) -> Value {
    json!({
        "what": kind,
        "count": count,
        "usd_each": pico.map(|pico| usd(pico, PICO_PER_USD)),
        "usd": pico.map(|pico| usd(count.saturating_mul(pico), PICO_PER_USD)),
    })
}

/// Where the figures come from; nowhere outside, where the operator set them.
fn sources(prices: &Prices, explained: &Explained, cost: Option<&Cost>) -> Vec<Value> {
    let Some((row, ..)) = explained.row.as_ref().filter(|_| !explained.own && cost.is_some()) else {
        return Vec::new();
    };
    let all = prices.book().catalog.sources();
    let of_row = row.sources.chars().filter_map(|letter| all.iter().find(|source| source.letter.contains(letter)));
    of_row.map(|source| json!({ "name": source.name, "as_of": time::day_text(source.as_of) })).collect()
}

#[expect(clippy::cast_precision_loss, reason = "for reading: what is summed is summed as integers before")]
fn usd(units: u64, per_usd: f64) -> f64 {
    units as f64 / per_usd
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "[[providers]]\nname = \"openai\"\nbase_url = \"http://127.0.0.1:1/v1\"\ndefault = true\n";

    fn asked(config: &str, question: &str) -> Value {
        let config = Config::parse(&format!("{config}{ONE}")).unwrap();
        answer(&Members::read(question), &config).unwrap()
    }

    #[test]
    fn a_price_has_its_steps_its_source_and_its_day() {
        let told = asked("", "model=gpt-4o-2024-08-06&input=1000&cached_input=200&output=500&at=1795429800");
        assert_eq!(
            (&told["cost_usd"], &told["status"], &told["provider"]),
            (&json!(0.00775), &json!("list"), &json!("openai"))
        );
        assert_eq!(told["steps"][0], json!({"what": "input", "count": 1000, "usd_each": 2.5e-6, "usd": 0.0025}));
        assert!(told["sources"][0]["name"].is_string() && told["sources"][0]["as_of"].is_string(), "{told}");
        let sum: f64 = told["steps"].as_array().unwrap().iter().map(|step| step["usd"].as_f64().unwrap()).sum();
        assert!((sum - 0.00775).abs() < 1e-12);
    }

    /// Tokens of many requests are long together and short each.
    #[test]
    fn how_long_inputs_are_is_said_where_they_are_summed() {
        let price = |more: &str| asked("", &format!("model=gemini-2.5-pro&provider=google&at=1795429800&{more}"));
        let one = price("input=1000000");
        assert_eq!((&one["cost_usd"], &one["above"]), (&json!(2.5), &json!([200_000])));
        let many = price("input=1000000&each_input=0");
        assert_eq!((&many["cost_usd"], &many["steps"][0]["usd_each"]), (&json!(1.25), &json!(1.25e-6)));
        assert_eq!(price("input=1000000&each_input=200000")["cost_usd"], json!(1.25));
        assert_eq!(price("input=1000000&each_input=200001")["cost_usd"], json!(2.5));
    }

    #[test]
    fn an_own_price_names_no_source_and_an_unknown_one_is_no_zero() {
        let own = asked("[pricing.\"gpt-4\"]\ninput = 0.03\noutput = 0.06\n", "model=gpt-4&input=25&output=150");
        assert_eq!(
            (&own["cost_usd"], &own["status"], &own["sources"]),
            (&json!(0.00975), &json!("contracted"), &json!([]))
        );
        let unknown = asked("", "model=no-such&input=1");
        assert_eq!((&unknown["cost_usd"], &unknown["status"]), (&Value::Null, &json!("unpriced")));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let config = Config::parse(ONE).unwrap();
        assert!(answer(&Members::read(""), &config).unwrap_err().contains("model"));
        assert!(answer(&Members::read("model=a&input=-1"), &config).unwrap_err().contains("input"));
    }
}
