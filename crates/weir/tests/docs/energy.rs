//! What others state of requests beside what the methods say.

use meter::energy::{Ask, Basis, Book, Choice, Energy, Estimator, Models, Point, Serving, points};
use meter::usage::{Parts, Usage};
use weir::config::site_of;

use crate::{check_table, read};

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
        let size = if energy.basis == Basis::Guessed { "guessed" } else { "disclosed" };
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
    check_table("docs/energy.md", &table);
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
