//! `weir energy MODEL`.

mod steps;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use meter::carbon::{Carbon, Mix, Mixes, Site};
use meter::decimal;
use meter::energy::{Ask, Book, Choice, Energy, Estimate, Estimator, PICO, Rates, Serving};
use meter::usage::{Class, Usage};

use super::{configured, tell};
use crate::config::{Config, site_of};

/// What to explain.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The model, by the name that a request or an answer has for it.
    #[arg(value_name = "MODEL", required = true)]
    model: Option<String>,
    /// The provider: one of weir.toml, or one of the catalogue of prices; found by the model if not given.
    #[arg(long, value_name = "NAME")]
    provider: Option<String>,
    /// Input tokens of the sample, cached ones not among them.
    #[arg(long, value_name = "TOKENS", default_value_t = 1000)]
    input: u64,
    /// Cached input tokens of the sample.
    #[arg(long, value_name = "TOKENS", default_value_t = 0)]
    cached: u64,
    /// Output tokens of the sample, reasoning among them.
    #[arg(long, value_name = "TOKENS", default_value_t = 500)]
    output: u64,
    /// How long the provider took, in seconds; only EcoLogits' method asks.
    #[arg(long, value_name = "SECONDS")]
    seconds: Option<f64>,
    /// The zone of the electricity, in place of the provider's.
    #[arg(long, value_name = "ZONE")]
    zone: Option<String>,
    /// The method, in place of the configured one.
    #[arg(long, value_enum)]
    method: Option<MethodName>,
    /// The configuration, for rates, sizes and sites; without it weir.toml here, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where newer tables lie, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum MethodName {
    /// The operator's rates.
    Rates,
    /// Weir's own.
    Weir,
    /// EcoLogits's.
    Ecologits,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let config = configured(options.config.as_deref(), options.data_dir.as_ref())?;
    let model = options.model.as_deref().unwrap_or_default();
    let (provider, target) = provider(options, &config, model);
    let estimator = estimator(options, &config, &provider)?;
    let usage = Usage::default()
        .with(Class::Input, options.input)
        .with(Class::CachedInput, options.cached)
        .with(Class::Output, options.output);
    let ask = Ask {
        provider: &provider,
        models: [target.as_deref(), Some(model), None],
        usage: &usage,
        at: crate::recorder::now(),
        seconds: options.seconds,
    };
    let Some((energy, carbon)) = estimator.estimate(&ask) else {
        return Err(format!(
            "nobody says how large {model:?} is, and its name does not. [energy.models.\"{model}\"] with total_b says it, or \
             [energy_rates] what it draws."
        ));
    };
    tell(page(&estimator, &ask, model, &energy, carbon.as_ref()).trim_end());
    Ok(())
}

/// The provider that is meant, and the model that it is asked for where that is another one.
fn provider(options: &Options, config: &Config, model: &str) -> (String, Option<String>) {
    if let Some(name) = &options.provider {
        return (name.clone(), None);
    }
    if let Some(route) = config.routes.iter().find(|route| route.model == model) {
        return (config.providers[route.provider].name.clone(), Some(route.target.clone()));
    }
    let by_name = config.providers.iter().find(|one| one.models.iter().any(|pattern| pattern.matches(model)));
    if let Some(provider) = by_name.or_else(|| config.providers.iter().find(|one| one.default)) {
        return (provider.name.clone(), None);
    }
    let row = config.energy.book().models.row(model);
    let maker = match row.map(|row| row.provider.as_str()) {
        Some("google_genai") => "google",
        Some("mistralai") => "mistral",
        Some("huggingface_hub") | None => "*",
        Some(other) => other,
    };
    (maker.to_owned(), None)
}

/// The configured estimator, in which a provider that is not configured stands where the table of data centres says.
fn estimator(options: &Options, config: &Config, provider: &str) -> Result<Estimator, String> {
    let mut book: Book = config.energy.book().clone();
    if !book.sites.contains_key(provider) {
        let site = site_of(provider, None).ok_or("the table of data centres cannot be read")?;
        book.sites.insert(provider.to_owned(), (site, Serving::Shared));
    }
    if let (Some(zone), Some((site, _))) = (&options.zone, book.sites.get_mut(provider)) {
        let mix = Mixes::embedded().get(zone).cloned();
        let mix = mix.ok_or_else(|| {
            let near: Vec<String> = near(zone).iter().map(|mix| format!("{} ({})", mix.zone, mix.name)).collect();
            let meant = if near.is_empty() { String::new() } else { format!("; did you mean {}?", near.join(", ")) };
            format!("there is no zone {zone:?}{meant} `weir energy zones` lists them")
        })?;
        *site = Site { zone: mix.zone.as_str().into(), mix: Some(mix), hourly: None, ..site.clone() };
    }
    match options.method {
        None | Some(MethodName::Rates) => {}
        Some(method) => {
            book.rates = Rates::default();
            book.choice = if method == MethodName::Weir { Choice::Weir } else { Choice::Ecologits };
        }
    }
    Ok(Estimator::from(book))
}

/// Zones that may be meant: those whose code begins so, has its letters in this order as DEU those of DE, or whose name begins so.
fn near(zone: &str) -> Vec<&'static Mix> {
    static MIXES: LazyLock<Arc<Mixes>> = LazyLock::new(Mixes::embedded);
    let zone = zone.to_ascii_lowercase();
    let within = |code: &str| {
        let mut rest = code.chars();
        code.starts_with(|first| zone.starts_with(first)) && zone.chars().all(|letter| rest.any(|one| one == letter))
    };
    let rank = |mix: &Mix| {
        let (code, name) = (mix.zone.to_ascii_lowercase(), mix.name.to_ascii_lowercase());
        let country = code.len() == 3 && code.bytes().all(|byte| byte.is_ascii_lowercase());
        let begins = code.starts_with(&zone);
        [country && begins, country && within(&code), name.starts_with(&zone), begins].into_iter().position(|fits| fits)
    };
    let mut near: Vec<(usize, &Mix)> = MIXES.rows().iter().filter_map(|mix| Some((rank(mix)?, mix))).collect();
    near.sort_by_key(|(rank, _)| *rank);
    near.into_iter().filter(|_| !zone.is_empty()).map(|(_, mix)| mix).take(5).collect()
}

fn page(estimator: &Estimator, ask: &Ask<'_>, model: &str, energy: &Energy, carbon: Option<&Carbon>) -> String {
    let found = estimator.find(ask);
    let mut out = format!("{model} of {}\n\n", ask.provider);
    let usage = ask.usage;
    let cached = usage.get(Class::CachedInput);
    let _ = writeln!(out, "tokens     {} in, {cached} of them cached; {} out", usage.input(), usage.output());
    match (found.rate, &found.method) {
        (Some(rate), _) => {
            let per_1k = decimal::to_string(rate, PICO - 3);
            let _ = writeln!(
                out,
                "rate       {per_1k} kWh per 1,000 tokens of all kinds: [energy_rates] goes before all else"
            );
        }
        (None, Some(Estimate::Weir(weir))) => {
            steps::size(&mut out, estimator, &found);
            steps::weirs(&mut out, weir, found.profile.as_ref().map(|(_, profile)| profile), found.serving, usage);
        }
        (None, Some(Estimate::Ecologits(ecologits))) => {
            steps::size(&mut out, estimator, &found);
            steps::ecologits(&mut out, &ecologits.profile, usage, ask.seconds);
        }
        (None, None) => {}
    }
    if let Some(site) = &found.site {
        let pue = site.building.pue;
        let between = if pue.low < pue.high { format!(" ({:.2} to {:.2})", pue.low, pue.high) } else { String::new() };
        let applied = if found.rate.is_some() { ", which the rate has in it" } else { "" };
        let _ = writeln!(out, "building   PUE {:.2}{between}{applied}: {}", pue.mid, site.from);
    }
    result(&mut out, energy);
    if let (Some(site), Some(carbon)) = (&found.site, carbon) {
        steps::carbon(&mut out, site, carbon, ask.at);
    }
    out
}

fn result(out: &mut String, energy: &Energy) {
    let width = match energy.high as f64 / energy.low as f64 {
        width if width.is_finite() => format!(" (×{width:.1})"),
        // Nothing was asked for.
        _ => String::new(),
    };
    let [low, mid, high] = [energy.low, energy.mid, energy.high].map(kwh);
    let _ = writeln!(out, "\nenergy     {mid} kWh, {low} to {high}{width}");
    if energy.high == u64::MAX {
        let _ = writeln!(out, "           {high} kWh is the most that a Record holds: so many tokens draw more");
    }
    let (mid, method, basis) = (watt_hours(energy.mid), energy.method, energy.basis.name());
    let _ = writeln!(out, "           {mid} Wh; method {method}, size {basis}");
}

fn kwh(pico: u64) -> String {
    decimal::to_string(pico, PICO)
}

fn watt_hours(pico: u64) -> String {
    format!("{:.4}", pico as f64 / 1e9)
}

pub(super) fn zones() -> Result<(), String> {
    for mix in Mixes::embedded().rows() {
        tell(format_args!("{:<28} {:>8.2} g/kWh  {}", mix.zone, mix.gco2e_per_kwh, mix.name));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(more: &[&str], config: &str) -> String {
        use clap::Parser;
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            options: Options,
        }
        let Line { options } = Line::parse_from(["energy"].iter().chain(more));
        let provider_of_its_own = "[[providers]]\nname = \"here\"\nbase_url = \"http://127.0.0.1:1/v1\"\n";
        let config = Config::parse(&format!("{provider_of_its_own}{config}")).unwrap();
        let model = options.model.clone().unwrap();
        let (provider, _) = provider(&options, &config, &model);
        let estimator = estimator(&options, &config, &provider).unwrap();
        let usage = Usage::default().with(Class::Input, options.input).with(Class::Output, options.output);
        let ask = Ask { provider: &provider, models: [None, Some(&model), None], usage: &usage, at: 0, seconds: None };
        let (energy, carbon) = estimator.estimate(&ask).unwrap();
        page(&estimator, &ask, &model, &energy, carbon.as_ref())
    }

    #[test]
    fn every_step_has_its_source() {
        let page = explained(&["gpt-4o", "--provider", "openai", "--input", "500", "--output", "300"], "");
        for part in [
            "500 in, 0 of them cached; 300 out",
            "440 billion parameters, of which a token meets 44 to 132: a guess",
            "openai/gpt-4o, EcoLogits 0.11.3",
            "8 or 16 bits",
            "guess at the size",
            "PUE 1.20: Microsoft Azure: EcoLogits 0.11.3",
            "method weir/2, size guessed",
            "384.4 g/kWh of the year in USA",
            "more for making the machines",
            "L/kWh on site",
        ] {
            assert!(page.contains(part), "{part}\n{page}");
        }
    }

    /// The figures behind the marks of a line.
    fn figures(page: &str, line: &str) -> Vec<f64> {
        let line = page.lines().find(|text| text.starts_with(line)).unwrap_or_else(|| panic!("{line}: {page}"));
        let words = line.split([' ', '^', '(', ')', '/', '×', '=']).filter(|word| word.contains('.'));
        words.filter_map(|word| word.parse().ok()).collect()
    }

    /// Who has nothing but the page computes its figures again.
    #[test]
    fn an_output_token_can_be_computed_from_the_page() {
        for (model, config) in [("gpt-4o", ""), ("deepseek-chat", ""), ("mine", "[energy.models.mine]\ntotal_b = 8\n")]
        {
            let page = explained(&[model, "--output", "300"], config);
            let is =
                |figure: f64, stated: f64| assert!((figure / stated - 1.0).abs() < 1e-3, "{figure} {stated}: {page}");
            let [a, n, active, exponent, step] = figures(&page, "  a step")[..] else { panic!("{page}") };
            is(a * n * active.powf(exponent), step);
            let [b, gigabytes, weights] = figures(&page, "  weights")[..] else { panic!("{page}") };
            is(b * gigabytes, weights);
            let [_, _, batch, exponent, shared] = figures(&page, "  shared")[..] else { panic!("{page}") };
            is((step + weights) / batch.powf(exponent), shared);
            let [c, active, compute] = figures(&page, "  compute")[..] else { panic!("{page}") };
            is(c * active, compute);
            is((shared + compute) * figures(&page, "  host")[0], figures(&page, "  output")[0]);
            let [d, active, exponent, context] = figures(&page, "  context")[..] else { panic!("{page}") };
            is(d * active.powf(exponent) * figures(&page, "  host")[0], figures(&page, "           and")[0]);
            is(d * active.powf(exponent), context);
        }
    }

    #[test]
    fn a_zone_that_there_is_not_has_neighbours() {
        let first = |zone: &str| near(zone).first().map(|mix| mix.zone.clone());
        for (zone, meant) in [("DE", "DEU"), ("fr", "FRA"), ("SE", "SWE"), ("Ireland", "IRL"), ("PL", "POL")] {
            let zones: Vec<_> = near(zone).iter().map(|mix| mix.zone.clone()).collect();
            assert!(zones.iter().any(|one| one == meant), "{zone}: {zones:?}");
        }
        assert_eq!((first("Germany").as_deref(), first("xyzzy"), first("")), (Some("DEU"), None, None));
    }

    #[test]
    fn nothing_and_too_much() {
        let page = explained(&["gpt-4o", "--input", "0", "--output", "0"], "");
        assert!(page.contains("energy     0 kWh, 0 to 0\n"), "{page}");
        let page = explained(&["gpt-4o", "--input", "18446744073709551615"], "");
        assert!(page.contains("the most that a Record holds"), "{page}");
    }

    #[test]
    fn the_hours_grid_is_named_where_records_take_it() {
        let config = "zone = \"FRA\"\n[carbon.FRA]\nseries = \"https://grid.example/FRA\"\n";
        assert!(explained(&["gpt-4o"], config).contains("of the year (Records take the hour's"));
        assert!(explained(&["gpt-4o"], &config.replace("FRA", "XX")).contains("Records take the hour's"));
    }

    #[test]
    fn a_size_has_its_source() {
        for (model, parts) in [
            ("deepseek-chat", ["671 billion parameters, of which a token meets 37: disclosed", "arXiv:2412.19437"]),
            (
                "grok-4",
                ["290 to 900 billion parameters, of which a token meets 50 to 165: likened", "its maker's usual one"],
            ),
            ("us.anthropic.claude-sonnet-4-5-20250929-v1:0", ["440 billion", "anthropic/claude-sonnet-4-5-20250929"]),
        ] {
            let page = explained(&[model], "");
            assert!(parts.iter().all(|part| page.contains(part)), "{page}");
        }
    }

    #[test]
    fn other_methods_and_places() {
        let rate = "[energy_rates]\n\"gpt-4\" = 0.005\n";
        let page = explained(&["gpt-4", "--input", "25", "--output", "150"], rate);
        assert!(page.contains("0.005 kWh per 1,000") && page.contains("energy     0.000875 kWh"), "{page}");
        let page = explained(&["gpt-4", "--provider", "openai", "--method", "ecologits", "--zone", "fra"], rate);
        assert!(page.contains("ecologits/0.11.3") && page.contains("in FRA France"), "{page}");
        let page = explained(&["mine"], "[energy.models.mine]\ntotal_b = 8\n");
        assert!(page.contains("one's own: nobody knows") && page.contains("8 billion parameters"), "{page}");
    }
}
