//! `weir prices MODEL`.

use std::fmt::Write as _;
use std::path::PathBuf;

use meter::catalog::{Band, Catalog, Row};
use meter::cost::{Ask, Cost, CostStatus, Explained, NANO, Prices};
use meter::decimal;
use meter::time;
use meter::usage::{Class, Usage};

use super::tell;
use crate::config::Config;

/// Decimal places between pico-dollars per token and USD per million.
const PER_MILLION: u8 = 6;
const PICO: u8 = 12;

/// Who makes models, and sells them too: of several providers that have one, these are looked at first.
const MAKERS: &[&str] = &["openai", "anthropic", "google", "mistral", "deepseek", "xai", "cohere", "moonshot", "zai"];

/// What to explain.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The model, by the name that a request or an answer has for it.
    #[arg(value_name = "MODEL", required = true)]
    model: Option<String>,
    /// The provider: one of weir.toml, or one of the catalogue; found by the model if not given.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Input tokens of the sample, cached ones not among them.
    #[arg(long, value_name = "TOKENS", default_value_t = 1000)]
    input: u64,
    /// Output tokens of the sample, reasoning not among them.
    #[arg(long, value_name = "TOKENS", default_value_t = 500)]
    output: u64,
    /// Cached input tokens of the sample.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    cached: u64,
    /// Tokens of the sample written to the cache.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    cache_write: u64,
    /// Reasoning tokens of the sample.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    reasoning: u64,
    /// Web searches of the sample.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    searches: u64,
    /// Searches of stored files of the sample.
    #[arg(long, value_name = "COUNT", default_value_t = 0)]
    file_searches: u64,
    /// The service tier that the answer names.
    #[arg(long, value_name = "TIER")]
    tier: Option<String>,
    /// The time of the sample, UTC: 2026-11-23, or 2026-11-23T10:30; now if not given.
    #[arg(long, value_name = "TIME")]
    at: Option<String>,
    /// The configuration, for own prices and contracts; without it weir.toml here, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where a newer catalogue lies, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let config = super::configured(options.config.as_deref(), options.data_dir.as_ref())?;
    let model = options.model.as_deref().unwrap_or_default();
    let at = match &options.at {
        Some(text) => moment(text).ok_or_else(|| format!("--at {text}: write 2026-11-23 or 2026-11-23T10:30"))?,
        None => crate::recorder::now(),
    };
    let catalog = config.prices.book().catalog.clone();
    let (provider, target) = match provider(options, &config, &catalog, model)? {
        Meant::One(provider, target) => (provider, target),
        Meant::Several(page) => {
            tell(page.trim_end());
            return Ok(());
        }
    };
    let prices = crate::prices::for_provider(&config, &provider);
    let usage = Usage::default()
        .with(Class::Input, options.input)
        .with(Class::CachedInput, options.cached)
        .with(Class::CacheWrite, options.cache_write)
        .with(Class::Output, options.output)
        .with(Class::Reasoning, options.reasoning);
    let ask = Ask {
        provider: &provider,
        models: [target.as_deref(), Some(model), None],
        tier: options.tier.as_deref(),
        at,
        usage: Some(&usage),
        exact: true,
        searches: options.searches,
        file_searches: options.file_searches,
        code_runs: 0,
        ..Ask::default()
    };
    tell(page(&prices, &ask, model).trim_end());
    if prices.cost(&ask).is_none() && prices.explain(&ask).row.is_none() {
        return Err(format!("nothing is known of a model {model:?} of {provider:?}"));
    }
    Ok(())
}

/// A time as people write it, in nanoseconds since 1970.
fn moment(text: &str) -> Option<u64> {
    let whole = if text.contains('T') {
        format!("{}:00.000000000Z", text.trim_end_matches('Z'))
    } else {
        format!("{text}T00:00:00.000000000Z")
    };
    time::parse(whole.as_bytes())
}

/// Of whom the price is asked for.
enum Meant {
    /// The provider, and the model that it is asked for where that is another one.
    One(String, Option<String>),
    /// It may be one of several: what to say of them.
    Several(String),
}

/// The provider that is meant.
///
/// # Errors
/// Nobody has such a model.
fn provider(options: &Options, config: &Config, catalog: &Catalog, model: &str) -> Result<Meant, String> {
    if let Some(name) = &options.provider {
        return Ok(Meant::One(name.clone(), None));
    }
    if let Some(route) = config.routes.iter().find(|route| route.model == model) {
        return Ok(Meant::One(config.providers[route.provider].name.clone(), Some(route.target.clone())));
    }
    let serves = |model: &str| {
        let by_name = config.providers.iter().find(|one| one.models.iter().any(|pattern| pattern.matches(model)));
        by_name.or_else(|| config.providers.iter().find(|one| one.default))
    };
    if let Some(provider) = serves(model) {
        return Ok(Meant::One(provider.name.clone(), None));
    }
    let all: Vec<&str> = catalog.providers_of(model).collect();
    if let Some(maker) = MAKERS.iter().find(|maker| all.contains(*maker)) {
        return Ok(Meant::One((*maker).to_owned(), None));
    }
    match all.as_slice() {
        [] => Err(format!(
            "No provider of the catalogue has a model {model:?} (of {}).\n--provider NAME looks among one provider's \
             aliases and dated versions too.",
            time::day_text(catalog.as_of())
        )),
        [only] => Ok(Meant::One((*only).to_owned(), None)),
        several => {
            let mut page =
                format!("Several providers have a model {model:?}; --provider NAME explains one of them.\n\n");
            let today = u32::try_from(crate::recorder::now() / 86_400_000_000_000).unwrap_or(u32::MAX);
            for name in several {
                let price = catalog.find(name, model).and_then(|(row, _)| Some(row.standard(today)?.rates.to_string()));
                let _ = writeln!(page, "  {name:<20} {}", price.unwrap_or_default());
            }
            Ok(Meant::Several(page))
        }
    }
}

/// The explanation.
fn page(prices: &Prices, ask: &Ask<'_>, model: &str) -> String {
    let (explained, catalog) = (prices.explain(ask), &prices.book().catalog);
    let mut out = format!("{model} of {}\n\n", ask.provider);
    match &explained.row {
        Some((row, name, how)) => {
            let _ = writeln!(out, "catalogue  {}/{}: {name:?} is {}", row.provider, row.model, how.words());
            describe(&mut out, catalog, row);
        }
        None => {
            let day = time::day_text(catalog.as_of());
            let _ = writeln!(out, "catalogue  no row for it (of {day})");
        }
    }
    if explained.own {
        out += "own        [pricing] has a price of this name, which goes before all else\n";
    }
    if let Some((pattern, words)) = &explained.rule {
        let _ = writeln!(out, "contract   [pricing_rules] {pattern:?}: {words}");
    }
    sample(&mut out, prices.cost(ask), ask, &explained);
    let of_catalog = explained.row.as_ref().map(|(row, _, _)| row.provider.as_str());
    let others: Vec<&str> = catalog.providers_of(model).filter(|name| Some(*name) != of_catalog).collect();
    if !others.is_empty() {
        let _ = writeln!(out, "\nAlso of {}: --provider NAME explains those.", others.join(", "));
    }
    out
}

fn describe(out: &mut String, catalog: &Catalog, row: &Row) {
    for letter in row.sources.chars() {
        let Some(source) = catalog.sources().iter().find(|source| source.letter.contains(letter)) else { continue };
        let first = row.sources.starts_with(letter);
        let what = if first { "source    " } else { "and       " };
        let _ = writeln!(out, "{what} {}, {}", source.name, time::day_text(source.as_of));
    }
    out.push_str("prices     USD per million tokens\n");
    let line = |band: &Band| {
        let conditions = band.conditions();
        let conditions = if conditions.is_empty() { "standard".to_owned() } else { conditions };
        format!("           {conditions}: {}\n", band.rates)
    };
    row.bands.iter().for_each(|band| out.push_str(&line(band)));
    for (letter, rates) in &row.others {
        let _ = writeln!(out, "           source {letter} says otherwise: {rates}");
    }
    for (kind, pico) in &row.per {
        let counted = if matches!(kind.as_str(), "web_search" | "request") { "" } else { " (not counted by Weir)" };
        let _ = writeln!(out, "per call   {kind} {}{counted}", decimal::to_string(*pico, PICO));
    }
    for (region, factor) in &row.factors {
        let _ = writeln!(out, "region     {region} × {}", decimal::to_string(*factor, PER_MILLION));
    }
    if let Some(day) = row.retire {
        let _ = writeln!(out, "retires    {}", time::day_text(day));
    }
    if !row.aliases.is_empty() {
        let _ = writeln!(out, "aliases    {}", row.aliases.join(" "));
    }
}

fn sample(out: &mut String, cost: Option<Cost>, ask: &Ask<'_>, explained: &Explained) {
    let at = time::format(ask.at);
    let at = String::from_utf8_lossy(&at[..16]).into_owned();
    let _ = writeln!(out, "\na sample   at {at}Z, tier {}", ask.tier.unwrap_or("standard"));
    for (kind, count, pico) in &explained.steps {
        let Some(pico) = pico else {
            let _ = writeln!(out, "  {kind:<16} {count:>9} × no price");
            continue;
        };
        let calls = kind.contains(' ') || *kind == "requests";
        let (each, unit) = if calls {
            (decimal::to_string(*pico, PICO), "")
        } else {
            (decimal::to_string(*pico, PER_MILLION), " / 1,000,000")
        };
        let product = decimal::to_string(count.saturating_mul(*pico), PICO);
        let _ = writeln!(out, "  {kind:<16} {count:>9} × {each}{unit} = {product}");
    }
    if explained.regional != 1_000_000 && !explained.own {
        let _ = writeln!(out, "  region                     × {}", decimal::to_string(explained.regional, PER_MILLION));
    }
    match cost {
        None => {
            let reason = if explained.steps.is_empty() {
                "no price for this model, tier and time"
            } else {
                "a price is missing"
            };
            let _ = writeln!(out, "  cost_usd         not known ({}): {reason}", CostStatus::Unpriced.name());
        }
        Some(cost) => {
            let as_of = cost.as_of.as_deref().map(|day| format!(" of {day}")).unwrap_or_default();
            let total = decimal::to_string(cost.total(), NANO);
            let _ = writeln!(out, "  cost_usd         {total} ({}, {}{as_of})", cost.status.name(), cost.price_id);
            if let Some(list) = cost.list {
                let _ = writeln!(out, "  cost_list_usd    {}", decimal::to_string(list, NANO));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(config: &str, model: &str, provider: &str, tier: Option<&str>) -> String {
        let provider_of_its_own = "[[providers]]\nname = \"here\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
        let config = Config::parse(&format!("{provider_of_its_own}{config}")).unwrap();
        let prices = crate::prices::for_provider(&config, provider);
        let usage = Usage::default().with(Class::Input, 1000).with(Class::CachedInput, 200).with(Class::Output, 500);
        let at = moment("2026-11-23T10:30").unwrap();
        let models = [None, Some(model), None];
        page(&prices, &Ask { provider, models, tier, at, usage: Some(&usage), exact: true, ..Ask::default() }, model)
    }

    #[test]
    fn a_price_step_by_step() {
        let page = explained("", "gpt-4o-2024-08-06", "openai", None);
        for part in [
            "catalogue  openai/gpt-4o-2024-08-06: \"gpt-4o-2024-08-06\" is the row's own",
            "standard: input=2.5 output=10 cache_read=1.25",
            "2026-11-23",
            "input                 1000 × 2.5 / 1,000,000 = 0.0025",
            "cached_input           200 × 1.25 / 1,000,000 = 0.00025",
            "cost_usd         0.00775 (list, openai/gpt-4o-2024-08-06 of 2026-11-23)",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    #[test]
    fn what_is_not_known_and_what_is_agreed() {
        let page = explained("", "gpt-4o", "openai", Some("turbo"));
        assert!(page.contains("not known (unpriced): no price for this model, tier and time"), "{page}");
        let page = explained("", "no-such", "openai", None);
        assert!(page.contains("no row for it"), "{page}");
        let config = "[pricing_rules]\n\"openai/gpt-4o\" = { factor = 0.5 }\n";
        let page = explained(config, "gpt-4o", "openai", None);
        assert!(
            page.contains("× 0.5") && page.contains("0.003875 (contracted") && page.contains("0.00775\n"),
            "{page}"
        );
        let page = explained("[pricing.\"gpt-4o\"]\ninput = 1\n", "gpt-4o", "openai", None);
        assert!(page.contains("goes before all else") && page.contains("cost_usd         1.2 (contracted"), "{page}");
    }

    #[test]
    fn times_as_people_write_them() {
        assert_eq!(moment("1970-01-02"), Some(86_400_000_000_000));
        assert_eq!(moment("1970-01-01T01:00Z"), Some(3_600_000_000_000));
        assert_eq!(moment("yesterday"), None);
    }
}
