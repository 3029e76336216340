//! `weir energy MODEL`.

use std::fmt::Write as _;
use std::path::PathBuf;

use meter::carbon::{Carbon, Mixes, Site};
use meter::decimal;
use meter::energy::physics::{CACHED_SHARE, INPUT_JOULES, crowded};
use meter::energy::{
    Ask, Band, Basis, Book, Choice, Deployment, Energy, Estimate, Estimator, Found, Origin, PICO, Profile, Rates,
    Serving, Share, Weir,
};
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
        let mix = mix.ok_or_else(|| format!("there is no zone {zone:?}; `weir energy zones` lists them"))?;
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
            size(&mut out, estimator, &found);
            weirs(&mut out, weir, found.profile.as_ref().map(|(_, profile)| profile), found.serving, usage);
        }
        (None, Some(Estimate::Ecologits(ecologits))) => {
            size(&mut out, estimator, &found);
            ecologits_steps(&mut out, &ecologits.profile, usage, ask.seconds);
        }
        (None, None) => {}
    }
    if let Some(site) = &found.site {
        let pue = site.building.pue;
        let between = if pue.low < pue.high { format!(" ({:.2} to {:.2})", pue.low, pue.high) } else { String::new() };
        let applied = if found.rate.is_some() { ", which the rate has in it" } else { "" };
        let _ = writeln!(out, "building   PUE {:.2}{between}{applied}: {}", pue.mid, site.from);
    }
    let _ =
        writeln!(out, "\nenergy     {} kWh, {} to {} (×{:.1})", kwh(energy.mid), kwh(energy.low), kwh(energy.high), {
            energy.high as f64 / energy.low.max(1) as f64
        });
    let _ = writeln!(
        out,
        "           {} Wh; method {}, size {}",
        watt_hours(energy.mid),
        energy.method,
        energy.basis.name()
    );
    if let (Some(site), Some(carbon)) = (&found.site, carbon) {
        carbon_steps(&mut out, site, carbon, ask.at);
    }
    out
}

fn kwh(pico: u64) -> String {
    decimal::to_string(pico, PICO)
}

fn watt_hours(pico: u64) -> String {
    format!("{:.4}", pico as f64 / 1e9)
}

/// Where the size comes from.
fn size(out: &mut String, estimator: &Estimator, found: &Found) {
    let Some((name, profile)) = &found.profile else { return };
    let between =
        |(small, large): (f64, f64)| if small < large { format!("{small} to {large}") } else { small.to_string() };
    let _ = writeln!(
        out,
        "size       {} billion parameters, of which a token meets {}: {}",
        between(profile.total),
        between(profile.active),
        match profile.basis {
            Basis::Guessed => "a guess, from price, speed and leaks",
            Basis::Likened => "likened, since nobody says and nobody guesses",
            Basis::Named => "the name says it",
            Basis::Rate | Basis::Disclosed => "disclosed",
        }
    );
    let models = &estimator.book().models;
    // A size of the operator's own is in neither table.
    let (row, family) = match models.known(name).filter(|(known, _)| known == profile) {
        Some((_, Origin::Row(row))) => (Some(row), None),
        Some((_, Origin::Family(family))) => (None, Some(family)),
        Some((_, Origin::Name)) | None => (None, None),
    };
    if let Some(row) = row
        && let Some((_, date, source)) = models.sources().iter().find(|(letter, _, _)| *letter == row.source)
    {
        let _ = writeln!(out, "           {}/{}, {source}, {date}", row.provider, row.model);
    }
    if let Some(family) = family {
        let _ = writeln!(out, "           {}: {}, {}", family.pattern, family.source, family.day);
    }
}

fn joules(band: Band) -> String {
    format!("{:.4} J ({:.4} to {:.4})", band.mid, band.low, band.high)
}

/// Each step of Weir's method.
fn weirs(out: &mut String, weir: &Weir, profile: Option<&Profile>, serving: Serving, usage: &Usage) {
    let bits = profile.and_then(|profile| profile.bits);
    let precision = match (bits, serving) {
        (Some(bits), _) => format!("{bits} bits"),
        (None, Serving::Shared) => "8 or 16 bits".to_owned(),
        (None, Serving::Own) => "16 bits".to_owned(),
    };
    let _ = writeln!(
        out,
        "machine    {}, {precision} a parameter",
        match serving {
            Serving::Shared => "shared: 32 to 512 requests at a time",
            Serving::Own => "one's own: nobody knows how many requests at a time",
        }
    );
    let _ = writeln!(out, "\neach token draws, with the host (accelerators × 1.27):");
    let _ = writeln!(out, "  output   {}", joules(weir.output));
    let _ = writeln!(out, "           and {} for each 1,000 tokens before it", joules(weir.context.times(1000.0)));
    if weir.crowding > 0.0 {
        let factor = crowded(weir.crowding, usage.output() as f64);
        let _ = writeln!(
            out,
            "           × {factor:.2} for {} tokens: where answers are longer than 1,000 tokens a machine has room for fewer",
            usage.output()
        );
    }
    let _ = writeln!(out, "           fitted to ML.ENERGY's measurements; docs/energy.md");
    let _ = writeln!(out, "  input    {}", joules(weir.input));
    let _ = writeln!(
        out,
        "           {} J of the accelerators for a billion active parameters ({} to {})",
        INPUT_JOULES.mid, INPUT_JOULES.low, INPUT_JOULES.high
    );
    let _ = writeln!(
        out,
        "           and {} for each 1,000 input tokens, for attention",
        joules(weir.attention.times(1000.0))
    );
    let _ = writeln!(out, "  cached   {}, {} of an input token's", joules(weir.cached), CACHED_SHARE.mid);
    let _ = writeln!(out, "\nthe band of an output token, as factors below and above:");
    let shares = &weir.shares;
    let all = shares.together(shares.serving);
    for (name, share) in [
        ("batch, accelerators, fit", shares.serving),
        ("bits of a parameter", shares.precision),
        ("guess at the size", shares.size),
        ("host", shares.host),
        ("beyond what was measured", shares.beyond),
        ("together", all),
    ] {
        let Share { below, above } = share;
        let _ = writeln!(out, "  {name:<26} ÷{:.2}  ×{:.2}", below.exp(), above.exp());
    }
    let whole = weir.machine_joules(usage);
    let _ = writeln!(out, "\nmachine    {:.3} J, {:.3} to {:.3}", whole.mid, whole.low, whole.high);
}

/// Each step of EcoLogits' method, for the smaller and the larger size.
fn ecologits_steps(out: &mut String, profile: &Profile, usage: &Usage, seconds: Option<f64>) {
    let _ =
        writeln!(out, "method     EcoLogits 0.11.3: output tokens only, batches of 64, 16 bits, 80 GB an accelerator");
    for (name, larger) in [("smaller", false), ("larger", true)] {
        let steps = Deployment::of(profile, larger).impacts(usage.output() as f64, seconds, 1.0);
        let _ = writeln!(
            out,
            "  {name:<8} {} accelerators × {:.3e} kWh + server {:.3e} kWh over {:.1} s = {:.3e} kWh",
            steps.accelerators, steps.accelerator_kwh, steps.server_kwh, steps.seconds, steps.machine_kwh
        );
    }
}

fn carbon_steps(out: &mut String, site: &Site, carbon: &Carbon, at: u64) {
    let grams = |nano: u64| format!("{:.5} g CO2e", nano as f64 / 1e9);
    let _ = match (&site.mix, carbon.location) {
        (_, Some(nano)) => {
            let name = site.mix.as_ref().map_or("", |mix| &mix.name);
            let factor = site.grams_per_kwh(at).unwrap_or_default();
            let hour = if site.hourly.as_ref().is_some_and(|hourly| hourly.at(at).is_some()) {
                "of the hour"
            } else {
                "of the year"
            };
            writeln!(out, "carbon     {} at {factor} g/kWh {hour} in {} {name}", grams(nano), site.zone)
        }
        (_, None) => writeln!(out, "carbon     not known in {}", site.zone),
    };
    if let (Some(nano), Some(factor)) = (carbon.market, site.market_g_per_kwh) {
        let _ = writeln!(out, "           {} by contract, at {factor} g/kWh", grams(nano));
    }
    let _ = writeln!(out, "           {} more for making the machines", grams(carbon.embodied));
    if let (Some(units), Some(on_site)) = (carbon.water, site.water_l_per_kwh) {
        let grid = site.mix.as_ref().and_then(|mix| mix.water_l_per_kwh).unwrap_or_default();
        let _ = writeln!(
            out,
            "water      {:.3} mL: {on_site} L/kWh on site, {grid} L/kWh where the electricity is made",
            units as f64 / 1e6
        );
    }
    let mixes = Mixes::embedded();
    if let (Some(mix), Some((_, date, source))) = (&site.mix, mixes.sources().first()) {
        let year = mix.year.map(|year| format!(" of {year}")).unwrap_or_default();
        let _ = writeln!(out, "           {}{year}; {source}, {date}", mix.source);
    }
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
