//! How far the estimates are from what was measured. Each family of models is left out in turn, so that it is foretold by
//! what was learnt of the others.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::calibrate::{Bands, Blind, Known, Measured, calibrate, quantile, unseen};
use super::ecologits;
use super::matrix::Matrix;
use super::physics::Fit;

/// What a miss costs in an interval score: 2 over the share that a band may miss, here 20 %.
const PENALTY: f64 = 10.0;

/// The width that the best band there could be is looked at with.
const WIDTH: f64 = 5.0;

/// Rows that were looked at blind.
#[derive(Debug, Clone, PartialEq)]
pub struct Group {
    /// Which.
    pub name: &'static str,
    /// How many.
    pub rows: usize,
    /// The share of them that the band covers.
    pub covered: f64,
    /// High over low, of the median row.
    pub median_width: f64,
    /// The mean of the band's width in logarithms and, where it misses, ten times the distance.
    pub score: f64,
    /// EcoLogits' on the same rows. Its band has no width for a size that is disclosed.
    pub ecologits_score: f64,
}

/// See the module.
#[derive(Debug, Clone, PartialEq)]
pub struct Evaluation {
    /// Rows.
    pub rows: usize,
    /// Families of models.
    pub families: usize,
    /// The factor by which the fit to all rows is off: of the median row, and of 90 in 100.
    pub fitted: (f64, f64),
    /// The same of rows of families that were left out, with all known of the machine.
    pub unseen: (f64, f64),
    /// The same of a plain log-linear fit.
    pub plain: (f64, f64),
    /// The same of EcoLogits.
    pub ecologits: (f64, f64),
    /// With nothing known but the model and the tokens.
    pub blind: Vec<Group>,
    /// The share of rows that bands of the factor 5 can cover at most, each of a model, task and precision at its best place.
    pub best_possible: f64,
    /// High over low, of the median row, of the narrowest bands that each cover four in five measurements of a model, task and
    /// precision: what knowing the measurements themselves would come to.
    pub best_even: f64,
}

/// Compares.
///
/// # Errors
/// Too few rows, or rows that say too little.
pub fn evaluate(rows: &[Measured]) -> Result<Evaluation, String> {
    let fit = calibrate(rows)?;
    let little = "leaving a family out leaves too little";
    let known = unseen(rows, &fit, Known::All).ok_or(little)?;
    let blind = Blind::of(rows, &fit).ok_or(little)?;
    let fitted: Vec<f64> = rows.iter().map(|row| row.joules.ln() - row.ln_joules_by(&fit, Known::All)).collect();
    let ecologits: Vec<f64> = rows.iter().map(by_ecologits).collect();
    Ok(Evaluation {
        rows: rows.len(),
        families: families(rows).len(),
        fitted: factors(&fitted),
        unseen: factors(&known),
        plain: factors(&plain(rows).ok_or(little)?),
        ecologits: factors(&ecologits),
        blind: groups(rows, &blind, &ecologits).ok_or(little)?,
        best_possible: best_possible(rows),
        best_even: best_even(rows).ok_or(little)?,
    })
}

fn families(rows: &[Measured]) -> BTreeSet<&str> {
    rows.iter().map(|row| row.family.as_str()).collect()
}

/// The factors of the median and of 90 in 100.
fn factors(errors: &[f64]) -> (f64, f64) {
    let far: Vec<f64> = errors.iter().map(|error| error.abs()).collect();
    let factor = |share| quantile(&far, share).unwrap_or(f64::NAN).exp();
    (factor(0.5), factor(0.9))
}

/// Measured over EcoLogits' energy of the accelerators, as a logarithm.
fn by_ecologits(row: &Measured) -> f64 {
    let joules = ecologits::accelerator_joules(row.machine.active, row.machine.total);
    (row.joules / joules).ln()
}

/// The errors of a fit that is linear in the logarithms of sizes and batch, and in whether a parameter has 8 bits or fewer,
/// where the row's family was left out.
fn plain(rows: &[Measured]) -> Option<Vec<f64>> {
    let features = |row: &Measured| {
        let machine = &row.machine;
        [1.0, machine.active.ln(), machine.total.ln(), machine.batch.ln(), f64::from(u8::from(machine.bytes < 2.0))]
    };
    let mut errors = vec![0.0; rows.len()];
    for family in families(rows) {
        let mut normal = Matrix::zero(5);
        let mut right = vec![0.0; 5];
        for row in rows.iter().filter(|row| row.family != family) {
            let one = features(row);
            for (index, value) in one.iter().enumerate() {
                right[index] += value * row.joules.ln();
                normal.row_mut(index).iter_mut().zip(one).for_each(|(sum, other)| *sum += value * other);
            }
        }
        let factors = normal.solve(&right)?;
        for (row, error) in rows.iter().zip(&mut errors).filter(|(row, _)| row.family == family) {
            *error = row.joules.ln() - features(row).iter().zip(&factors).map(|(a, b)| a * b).sum::<f64>();
        }
    }
    Some(errors)
}

/// The bands of a family come from the errors of the others, too.
fn groups(rows: &[Measured], blind: &Blind, ecologits: &[f64]) -> Option<Vec<Group>> {
    let mut bands = BTreeMap::new();
    for family in families(rows) {
        let Bands { shared, own_small, own_large } = Bands::of(rows, blind, Some(family))?;
        bands.insert(family, Fit { shared, own_small, own_large, ..Fit::default() });
    }
    let shared = |row: &Measured| bands[row.family.as_str()].shared;
    let own = |row: &Measured| bands[row.family.as_str()].own(row.machine.total);
    type Of<'a> = &'a dyn Fn(&Measured) -> bool;
    type Width<'a> = &'a dyn Fn(&Measured) -> (f64, f64);
    let all: [(&'static str, Of<'_>, Width<'_>, &[f64]); 5] = [
        ("own machine, all rows", &|_| true, &own, &blind.own),
        ("own machine, up to 32 billion", &Measured::is_small, &own, &blind.own),
        ("own machine, 70 billion and more", &|row| !row.is_small(), &own, &blind.own),
        ("shared, batches of 32 to 512", &Measured::is_shared, &shared, &blind.shared),
        ("shared, all rows", &|_| true, &shared, &blind.shared),
    ];
    let group = |(name, of, width, errors): (&'static str, Of<'_>, Width<'_>, &[f64])| {
        let chosen: Vec<usize> = (0..rows.len()).filter(|index| of(&rows[*index])).collect();
        let mean = |score: &dyn Fn(usize) -> f64| {
            chosen.iter().map(|index| score(*index)).sum::<f64>() / chosen.len().max(1) as f64
        };
        let beyond = |index: usize| {
            let (below, above) = width(&rows[index]);
            (-below - errors[index]).max(errors[index] - above).max(0.0)
        };
        let wide = |index: usize| width(&rows[index]).0 + width(&rows[index]).1;
        let widths: Vec<f64> = chosen.iter().map(|index| wide(*index)).collect();
        Some(Group {
            name,
            rows: chosen.len(),
            covered: mean(&|index| f64::from(u8::from(beyond(index) == 0.0))),
            median_width: quantile(&widths, 0.5)?.exp(),
            score: mean(&|index| wide(index) + PENALTY * beyond(index)),
            ecologits_score: mean(&|index| PENALTY * ecologits[index].abs()),
        })
    };
    all.into_iter().map(group).collect()
}

/// The logarithms of what was measured, by model, task and precision.
fn by_model(rows: &[Measured]) -> Vec<Vec<f64>> {
    let mut groups: BTreeMap<(&str, &str, u64), Vec<f64>> = BTreeMap::new();
    for row in rows {
        let key = (row.family.as_str(), row.task.as_str(), row.machine.bytes.to_bits());
        groups.entry(key).or_default().push(row.joules.ln());
    }
    groups.into_values().collect()
}

/// See [`Evaluation::best_possible`].
fn best_possible(rows: &[Measured]) -> f64 {
    let within = |group: &[f64], low: f64| group.iter().filter(|one| (low..=low + WIDTH.ln()).contains(*one)).count();
    let best = |group: &Vec<f64>| group.iter().map(|low| within(group, *low)).max().unwrap_or(0);
    by_model(rows).iter().map(best).sum::<usize>() as f64 / rows.len().max(1) as f64
}

/// See [`Evaluation::best_even`].
fn best_even(rows: &[Measured]) -> Option<f64> {
    let mut widths = Vec::new();
    for mut group in by_model(rows) {
        group.sort_by(f64::total_cmp);
        let covered = (group.len() * 4).div_ceil(5).max(1);
        let narrowest = group.windows(covered).map(|window| window[covered - 1] - window[0]).min_by(f64::total_cmp)?;
        widths.extend(std::iter::repeat_n(narrowest, group.len()));
    }
    Some(quantile(&widths, 0.5)?.exp())
}

impl fmt::Display for Evaluation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(out, "{} configurations of {} families of models\n", self.rows, self.families)?;
        writeln!(out, "{:<58} {:>6} {:>6}", "factor by which the estimate is off", "median", "p90")?;
        for (name, (median, p90)) in [
            ("the fit, on what it was fitted to", self.fitted),
            ("the fit, each family left out, machine and batch known", self.unseen),
            ("a plain log-linear fit, each family left out", self.plain),
            ("EcoLogits", self.ecologits),
        ] {
            writeln!(out, "{name:<58} {median:>6.2} {p90:>6.2}")?;
        }
        writeln!(out, "\nblind: the model and the tokens are known, nothing else; each family left out\n")?;
        writeln!(
            out,
            "{:<34} {:>5} {:>8} {:>7} {:>7} {:>10}",
            "band", "rows", "covered", "width", "score", "EcoLogits"
        )?;
        for group in &self.blind {
            writeln!(
                out,
                "{:<34} {:>5} {:>7.1}% {:>7} {:>7.2} {:>10.2}",
                group.name,
                group.rows,
                group.covered * 100.0,
                format!("×{:.2}", group.median_width),
                group.score,
                group.ecologits_score
            )?;
        }
        writeln!(
            out,
            "\nBands of the factor {WIDTH} that know each model's measurements and lie where they cover most cover {:.1}% of all rows.\n\
             The narrowest that cover four in five of each model's measurements have a median width of ×{:.2}.",
            self.best_possible * 100.0,
            self.best_even
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn factors_are_of_either_side() {
        let (median, p90) = factors(&[2f64.ln(), -(2f64.ln()), 0.0, 2f64.ln()]);
        assert!((median - 2.0).abs() < 1e-9 && (p90 - 2.0).abs() < 1e-9);
    }
}
