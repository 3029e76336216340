//! What others state of requests beside what the methods say.

use meter::catalog::Catalog;
use meter::energy::{Ask, Basis, Book, Choice, Energy, Estimator, Models, Point, Serving, points};
use meter::usage::{Parts, Usage};
use weir::config::site_of;

use crate::{check_table_under, read};

fn estimate(point: &Point, choice: Choice) -> Energy {
    let site = site_of(&point.provider, None).unwrap();
    let sites = [(point.provider.clone(), (site, Serving::Shared))].into();
    let estimator = Estimator::from(Book { models: Models::embedded(), choice, sites, ..Book::default() });
    let usage = Usage::from_inclusive(point.input_tokens, point.output_tokens, Parts::default());
    let models = [None, Some(&*point.model), None];
    let ask = Ask { provider: &point.provider, models, usage: &usage, at: 0, seconds: None };
    estimator.estimate(&ask).unwrap_or_else(|| panic!("{}", point.name)).0
}

fn watt_hours(pico_kwh: u64) -> f64 {
    pico_kwh as f64 / 1e9
}

#[test]
fn the_reference_points_are_those_of_the_table() {
    let mut table = String::from(
        "| Stated | Wh | Model, size | In / out | `weir/2`: low, middle, high | Width | Inside | EcoLogits | Note |\n\
         |---|---|---|---|---|---|---|---|---|\n",
    );
    let mut inside = 0;
    for point in points() {
        let (energy, other) = (estimate(&point, Choice::Weir), estimate(&point, Choice::Ecologits));
        let [low, mid, high] = [energy.low, energy.mid, energy.high].map(watt_hours);
        let hit = (low..=high).contains(&point.middle());
        inside += u32::from(hit);
        let (least, most) = point.watt_hours;
        let stated = if least < most { format!("{least} to {most}") } else { format!("{least}") };
        let size = energy.basis.name();
        table += &format!(
            "| {} | {stated} | `{}`, {size} | {} / {} | {low:.2}, {mid:.2}, {high:.2} | ×{:.1} | {} | {:.2} to {:.2} | {} |\n",
            point.name,
            point.model,
            point.input_tokens,
            point.output_tokens,
            high / low,
            if hit { "yes" } else { "**no**" },
            watt_hours(other.low),
            watt_hours(other.high),
            point.note,
        );
    }
    table += &format!("\n{inside} of {} inside.", points().len());
    check_table_under("docs/energy.md", "## What others state", &table);
}

/// Providers, and how many in a hundred of their models of the catalogue must have a figure: of those that answer with text,
/// and of those that embed.
const COVERED: [(&str, u32, u32); 20] = [
    ("openai", 95, 100),
    ("anthropic", 100, 0),
    ("google", 85, 100),
    ("google-vertex", 93, 80),
    ("aws-bedrock", 98, 100),
    ("azure", 97, 100),
    ("mistral", 98, 100),
    ("deepseek", 100, 0),
    ("xai", 96, 0),
    ("cohere", 100, 100),
    ("groq", 100, 0),
    ("together", 90, 100),
    ("fireworks", 90, 70),
    ("deepinfra", 85, 70),
    ("openrouter", 85, 70),
    ("perplexity", 95, 100),
    ("moonshot", 100, 0),
    ("alibaba", 98, 0),
    ("zai", 95, 0),
    ("minimax", 90, 0),
];

/// How many models of a provider there are of a kind, and how many of them have a size on each basis.
fn sizes(provider: &str, is_meant: fn(&str) -> bool) -> (u32, [u32; 4]) {
    let (mut all, mut by_basis) = (0, [0; 4]);
    for row in Catalog::embedded().rows().filter(|row| row.provider == provider && is_meant(&row.mode)) {
        all += 1;
        match Models::embedded().profile(&row.model).map(|profile| profile.basis) {
            Some(Basis::Disclosed | Basis::Rate) => by_basis[0] += 1,
            Some(Basis::Named) => by_basis[1] += 1,
            Some(Basis::Guessed) => by_basis[2] += 1,
            Some(Basis::Likened) => by_basis[3] += 1,
            None if std::env::var_os("WEIR_SHOW").is_some() => println!("{provider} {}", row.model),
            None => {}
        }
    }
    (all, by_basis)
}

#[test]
fn the_shares_of_models_with_a_figure_are_those_of_the_table() {
    let mut table = String::from(
        "| Provider | Models that write | With a figure | Disclosed, named, guessed, likened | Models that embed | With a figure |\n\
         |---|---|---|---|---|---|\n",
    );
    let mut short = Vec::new();
    for (provider, least, least_embedding) in COVERED {
        let (all, [disclosed, named, guessed, likened]) =
            sizes(provider, |mode| matches!(mode, "" | "chat" | "completion" | "responses"));
        let (embedding, by_basis) = sizes(provider, |mode| mode == "embedding");
        let (sized, embedding_sized) = (disclosed + named + guessed + likened, by_basis.iter().sum::<u32>());
        if all == 0 || sized * 100 < least * all || embedding_sized * 100 < least_embedding * embedding {
            short.push(format!("{provider}: {sized} of {all}, {embedding_sized} of {embedding}"));
        }
        table += &format!(
            "| {provider} | {all} | {sized} ({} %) | {disclosed}, {named}, {guessed}, {likened} | {embedding} | {embedding_sized} |\n",
            sized * 100 / all
        );
    }
    assert_eq!(short, Vec::<String>::new(), "fewer than they must be");
    check_table_under("docs/energy.md", "## Whose models have a figure", &table);
}

/// What a model is likened to holds against what others state: with its size hidden, each statement about a model that nobody
/// publishes the size of lies in the band of those that it would be likened to.
#[test]
fn likened_models_keep_to_what_others_state() {
    let kin = [("gemini-2.5-flash", "gemini-2.0-flash"), ("gpt-4o", "gpt-99"), ("gpt-5", "gpt-99")];
    let mut seen = 0;
    for point in points() {
        let Some((_, kin)) = kin.iter().find(|(model, _)| *model == point.model) else { continue };
        let energy = estimate(&Point { model: (*kin).to_owned(), ..point.clone() }, Choice::Weir);
        assert_eq!(energy.basis, Basis::Likened, "{kin}");
        let [low, high] = [energy.low, energy.high].map(watt_hours);
        assert!((low..=high).contains(&point.middle()), "{}: {low} to {high}", point.name);
        assert!(high / low < 20.0, "{}: ×{}", point.name, high / low);
        seen += 1;
    }
    assert_eq!(seen, 7);
}

#[test]
fn the_page_names_every_method_and_table() {
    let page = read("docs/energy.md");
    for name in ["rates/1", "weir/2", "ecologits/0.11.3", "energy_fit.tsv", "electricity_mixes.tsv"] {
        assert!(page.contains(name), "docs/energy.md lacks {name}");
    }
    let fit = read("crates/meter/data/energy_fit.tsv");
    let source = fit.lines().nth(1).unwrap().trim_start_matches("# ").split(';').next().unwrap().to_owned();
    assert!(page.contains(&source), "the page says how the fit was made: {source}");
}
