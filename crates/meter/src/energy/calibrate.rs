//! Fits [`physics`](super::physics) to measured configurations, and measures how far it is off where it has not seen a family
//! of models.

use std::collections::BTreeSet;

use super::matrix::Matrix;
use super::physics::{COEFFICIENTS, Fit, Machine, USUAL_TOKENS, crowded};

/// Where the search begins; where it ends does not depend on it.
const START: [f64; COEFFICIENTS] = [-0.5, -2.8, -6.2, -5.2, 0.3, 0.7, 0.6];
/// Steps of the search, at most.
const MOST_STEPS: usize = 60;
/// A step for derivatives.
const STEP: f64 = 1e-5;

/// Requests at a time, where nobody says how many: about the middle of what is measured.
pub(super) const BATCH: f64 = 96.0;
/// Batches that are taken for those of a provider that serves many.
const SHARED_BATCHES: (f64, f64) = (31.0, 520.0);
/// The quantiles that make the band of a provider that serves many. They leave room for what a family that was not seen does
/// otherwise.
const SHARED: (f64, f64) = (0.07, 0.93);
/// The width of the band of one's own machine with a small model: of its places the one is taken at which it covers most.
const OWN_SMALL_WIDTH: f64 = 4.95;
/// The quantiles that make the band of one's own machine with a large model, of which the batch makes more: it covers what the other
/// one lacks, so that both together cover four in five.
const OWN_LARGE: (f64, f64) = (0.035, 0.965);
/// Billions of parameters up to which a model is small: one or two accelerators hold it.
const SMALL: f64 = 47.0;

/// One measured configuration.
#[derive(Debug, Clone, PartialEq)]
pub struct Measured {
    /// What was asked: `lm-arena-chat`, `gpqa`.
    pub task: String,
    /// The model without its maker, its precision, its date and what it was trained for.
    pub family: String,
    /// What it ran on.
    pub machine: Machine,
    /// Output tokens of an answer, on average.
    pub output_tokens: f64,
    /// Joules of the accelerators for an output token.
    pub joules: f64,
}

impl Measured {
    /// Tokens before an output token, on average. The lengths of prompts are not published; these are about the tasks' own.
    #[must_use]
    pub fn context(&self) -> f64 {
        let prompt = if self.task == "lm-arena-chat" { 100.0 } else { 300.0 };
        prompt + self.output_tokens / 2.0
    }

    /// Whether one or two accelerators hold the model.
    #[must_use]
    pub fn is_small(&self) -> bool {
        self.machine.total <= SMALL
    }

    /// Whether its batch is one of a provider that serves many.
    #[must_use]
    pub fn is_shared(&self) -> bool {
        (SHARED_BATCHES.0..=SHARED_BATCHES.1).contains(&self.machine.batch)
    }

    /// What the fit says of it with all or little known, as a logarithm.
    pub(super) fn ln_joules_by(&self, fit: &Fit, known: Known) -> f64 {
        let Machine { active, total, bytes, .. } = self.machine;
        let (machine, factor) = match known {
            Known::All => (self.machine, 1.0),
            Known::Shared => (Machine::holding(active, total, bytes, BATCH), 1.0),
            Known::Own => {
                let machine = Machine::holding(active, total, bytes, fit.own_batch(USUAL_TOKENS));
                (machine, crowded(fit.crowding(&machine), self.output_tokens))
            }
        };
        let (token, per_context) = fit.output_joules(&machine);
        (token * factor + per_context * self.context()).ln()
    }
}

/// What is known of a machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Known {
    /// The accelerators and the batch.
    All,
    /// That a provider serves many with it.
    Shared,
    /// Nothing: it is one's own.
    Own,
}

/// Reads the measured configurations of chat and of reasoning: CSV with a head, as the ML.ENERGY leaderboard's data was laid
/// out for this.
///
/// # Errors
/// A column that is missing or holds no number, in a sentence.
pub fn read_measured(csv: &str) -> Result<Vec<Measured>, String> {
    let mut lines = csv.lines();
    let head: Vec<&str> = lines.next().unwrap_or_default().split(',').map(str::trim).collect();
    let place = |name: &str| {
        head.iter().position(|column| *column == name).ok_or_else(|| format!("there is no column {name:?}"))
    };
    let [task, model, precision] = [place("task")?, place("model")?, place("precision")?];
    let numbers = ["active_b", "total_b", "num_gpus", "avg_batch", "avg_output_tokens", "j_per_output_token"];
    let numbers = numbers.map(place).into_iter().collect::<Result<Vec<_>, _>>()?;
    let mut rows = Vec::new();
    for (index, line) in lines.enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let cells: Vec<&str> = line.split(',').map(str::trim).collect();
        let cell = |at: usize| cells.get(at).copied().unwrap_or_default();
        let number = |at: usize| {
            let value = cell(at).parse::<f64>().ok().filter(|value| value.is_finite() && *value > 0.0);
            value.ok_or_else(|| format!("line {}: {:?} is no number above 0", index + 2, cell(at)))
        };
        if !matches!(cell(task), "lm-arena-chat" | "gpqa") {
            continue;
        }
        let [active, total, accelerators, batch, output_tokens, joules] = [
            number(numbers[0])?,
            number(numbers[1])?,
            number(numbers[2])?,
            number(numbers[3])?,
            number(numbers[4])?,
            number(numbers[5])?,
        ];
        let bytes = match cell(precision) {
            "fp8" => 1.0,
            "mxfp4" => 0.55,
            _ => 2.0,
        };
        rows.push(Measured {
            task: cell(task).to_owned(),
            family: family(cell(model)),
            machine: Machine { active, total, bytes, accelerators, batch },
            output_tokens,
            joules,
        });
    }
    Ok(rows)
}

fn family(model: &str) -> String {
    const SAYS_NOTHING: [&str; 6] = ["Instruct", "Thinking", "it", "2507", "FP8", "0528"];
    let name = model.rsplit('/').next().unwrap_or(model);
    name.split('-').filter(|part| !SAYS_NOTHING.contains(part)).collect::<Vec<_>>().join("-")
}

/// The fit to all rows, with its covariance and its bands.
///
/// # Errors
/// Too few rows, or rows that say too little.
pub fn calibrate(rows: &[Measured]) -> Result<Fit, String> {
    let fit = learn(rows, START).ok_or("the rows do not determine the fit")?;
    let blind = Blind::of(rows, &fit).ok_or("leaving a family out leaves too little")?;
    let bands = Bands::of(rows, &blind, None).ok_or("there is no row of a kind that a band is made for")?;
    Ok(Fit { shared: bands.shared, own_small: bands.own_small, own_large: bands.own_large, ..fit })
}

/// What rows say, but for bands.
fn learn(rows: &[Measured], start: [f64; COEFFICIENTS]) -> Option<Fit> {
    let (coefficients, covariance) = fit(rows, start)?;
    Some(Fit { coefficients, covariance, own_requests: own_requests(rows)?, ..Fit::default() })
}

/// Least squares of the logarithms of batches by those of tokens.
fn own_requests(rows: &[Measured]) -> Option<(f64, f64)> {
    let count = rows.len() as f64;
    let points: Vec<(f64, f64)> = rows.iter().map(|row| (row.output_tokens.ln(), row.machine.batch.ln())).collect();
    let (x, y) = points.iter().fold((0.0, 0.0), |(x, y), point| (x + point.0 / count, y + point.1 / count));
    let (square, product) = points.iter().fold((0.0, 0.0), |(square, product), point| {
        (square + (point.0 - x).powi(2), product + (point.0 - x) * (point.1 - y))
    });
    let rise = product / square;
    rise.is_finite().then_some((y - rise * x, rise))
}

/// How far off the fit is for each row, as the logarithm of measured over estimated, where the row's family was left out.
pub(super) fn unseen(rows: &[Measured], whole: &Fit, known: Known) -> Option<Vec<f64>> {
    let families: BTreeSet<&str> = rows.iter().map(|row| row.family.as_str()).collect();
    let mut errors = vec![0.0; rows.len()];
    for family in families {
        let others: Vec<Measured> = rows.iter().filter(|row| row.family != family).cloned().collect();
        let fit = learn(&others, whole.coefficients)?;
        for (row, error) in rows.iter().zip(&mut errors).filter(|(row, _)| row.family == family) {
            *error = row.joules.ln() - row.ln_joules_by(&fit, known);
        }
    }
    Some(errors)
}

/// The errors where only the model and the tokens are known.
#[derive(Debug, Clone)]
pub(super) struct Blind {
    /// Of a provider that serves many.
    pub(super) shared: Vec<f64>,
    /// Of one's own machine.
    pub(super) own: Vec<f64>,
}

impl Blind {
    pub(super) fn of(rows: &[Measured], whole: &Fit) -> Option<Blind> {
        Some(Blind { shared: unseen(rows, whole, Known::Shared)?, own: unseen(rows, whole, Known::Own)? })
    }
}

/// How far below and above the middle a band goes, as logarithms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Bands {
    pub(super) shared: (f64, f64),
    pub(super) own_small: (f64, f64),
    pub(super) own_large: (f64, f64),
}

impl Bands {
    /// Of the errors of rows that are not of `without`.
    pub(super) fn of(rows: &[Measured], blind: &Blind, without: Option<&str>) -> Option<Bands> {
        let errors = |all: &[f64], of: fn(&Measured) -> bool| -> Vec<f64> {
            let fits = |row: &Measured| of(row) && Some(row.family.as_str()) != without;
            rows.iter().zip(all).filter(|(row, _)| fits(row)).map(|(_, error)| *error).collect()
        };
        let between = |errors: &[f64], (low, high)| Some((-quantile(errors, low)?, quantile(errors, high)?));
        let (low, high) = fullest(&errors(&blind.own, Measured::is_small), OWN_SMALL_WIDTH.ln())?;
        Some(Bands {
            shared: between(&errors(&blind.shared, Measured::is_shared), SHARED)?,
            own_small: (-low, high),
            own_large: between(&errors(&blind.own, |row| !row.is_small()), OWN_LARGE)?,
        })
    }
}

/// Of all places of a window of this width the one in which most values lie; between equals the lowest.
fn fullest(values: &[f64], width: f64) -> Option<(f64, f64)> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let within = |from: usize| sorted.partition_point(|value| *value <= sorted[from] + width) - from;
    let from = (0..sorted.len()).rev().max_by_key(|from| within(*from))?;
    Some((sorted[from], sorted[from] + width))
}

/// A quantile, between its neighbours.
pub(super) fn quantile(values: &[f64], share: f64) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let place = share * sorted.len().checked_sub(1)? as f64;
    let (low, high) = (sorted[place.floor() as usize], sorted[place.ceil() as usize]);
    Some(low + (high - low) * place.fract())
}

type Solution = ([f64; COEFFICIENTS], Matrix);

/// Least squares of logarithms, after Levenberg and Marquardt; the numbers and their covariance.
fn fit(rows: &[Measured], start: [f64; COEFFICIENTS]) -> Option<Solution> {
    let mut at = start;
    let mut errors = errors_of(rows, &at);
    let mut sum = square(&errors);
    let mut damping = 1e-3;
    for _ in 0..MOST_STEPS {
        let (normal, gradient) = normal_equations(rows, &at, &errors);
        let before = sum;
        for _ in 0..12 {
            let mut damped = normal.clone();
            for index in 0..COEFFICIENTS {
                damped.row_mut(index)[index] *= 1.0 + damping;
            }
            let step = damped.solve(&gradient)?;
            let next: [f64; COEFFICIENTS] = std::array::from_fn(|index| at[index] + step[index].clamp(-1.0, 1.0));
            let next_errors = errors_of(rows, &next);
            let next_sum = square(&next_errors);
            if next_sum < sum {
                (at, errors, sum, damping) = (next, next_errors, next_sum, (damping / 5.0).max(1e-12));
                break;
            }
            damping *= 5.0;
        }
        if before - sum < 1e-12 * before {
            break;
        }
    }
    let free = rows.len().checked_sub(COEFFICIENTS).filter(|free| *free > 0)?;
    let (normal, _) = normal_equations(rows, &at, &errors);
    Some((at, normal.inverse()?.times(sum / free as f64)))
}

fn errors_of(rows: &[Measured], at: &[f64; COEFFICIENTS]) -> Vec<f64> {
    let fit = Fit { coefficients: *at, ..Fit::default() };
    rows.iter().map(|row| row.joules.ln() - row.ln_joules_by(&fit, Known::All)).collect()
}

fn square(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum()
}

/// The derivatives' products with each other, and with the errors.
fn normal_equations(rows: &[Measured], at: &[f64; COEFFICIENTS], errors: &[f64]) -> (Matrix, Vec<f64>) {
    let derivatives: Vec<Vec<f64>> = (0..COEFFICIENTS)
        .map(|index| {
            let mut moved = *at;
            moved[index] += STEP;
            errors_of(rows, &moved).iter().zip(errors).map(|(moved, error)| (error - moved) / STEP).collect()
        })
        .collect();
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let normal = derivatives.iter().map(|one| derivatives.iter().map(|other| product(one, other)).collect()).collect();
    (Matrix::from_rows(normal), derivatives.iter().map(|one| product(one, errors)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Rows that follow the formula exactly, with numbers of one's own.
    fn made(coefficients: [f64; COEFFICIENTS]) -> Vec<Measured> {
        let fit = Fit { coefficients, ..Fit::default() };
        let mut rows = Vec::new();
        for (active, total) in [(8.0, 8.0), (14.0, 14.0), (70.0, 70.0), (3.0, 30.0), (22.0, 235.0), (37.0, 671.0)] {
            for (batch, tokens) in [(8.0, 300.0), (32.0, 300.0), (100.0, 9000.0), (128.0, 600.0), (1000.0, 5000.0)] {
                let machine = Machine::holding(active, total, 2.0, batch);
                let row = Measured {
                    task: "gpqa".to_owned(),
                    family: format!("{active}-{total}"),
                    machine,
                    output_tokens: tokens,
                    joules: 1.0,
                };
                rows.push(Measured { joules: row.ln_joules_by(&fit, Known::All).exp(), ..row });
            }
        }
        rows
    }

    #[test]
    fn what_follows_the_formula_is_found_again() {
        let truth = [-0.2, -2.0, -5.5, -5.0, 0.4, 0.6, 0.5];
        let rows = made(truth);
        let fit = calibrate(&rows).unwrap();
        for (found, true_one) in fit.coefficients.iter().zip(truth) {
            assert!((found - true_one).abs() < 1e-4, "{:?}", fit.coefficients);
        }
        let errors = unseen(&rows, &fit, Known::All).unwrap();
        assert!(errors.iter().all(|error| error.abs() < 1e-3), "a family that was left out is foretold");
    }

    #[test]
    fn families_and_columns() {
        assert_eq!(family("Qwen/Qwen3-235B-A22B-Thinking-2507-FP8"), "Qwen3-235B-A22B");
        assert_eq!(family("meta-llama/Llama-3.1-405B-Instruct"), "Llama-3.1-405B");
        assert!(read_measured("a,b\n1,2\n").unwrap_err().contains("task"));
        let head = "task,model,precision,active_b,total_b,num_gpus,avg_batch,avg_output_tokens,j_per_output_token\n";
        let rows =
            read_measured(&format!("{head}gpqa,a/B-it,fp8,1,2,1,8,100,0.5\nsourcegraph-fim,x,fp8,,,,,,\n")).unwrap();
        assert_eq!((rows.len(), rows[0].family.as_str(), rows[0].machine.bytes), (1, "B", 1.0));
        assert!(read_measured(&format!("{head}gpqa,a/B,fp8,1,x,1,8,100,0.5\n")).unwrap_err().contains("line 2"));
    }

    #[test]
    fn the_fullest_place_of_a_window() {
        assert_eq!(fullest(&[5.0, 0.0, 0.4, 0.9, 3.0, 3.5], 1.0), Some((0.0, 1.0)));
        assert_eq!(fullest(&[5.0, 0.0, 3.0, 3.5], 0.6), Some((3.0, 3.6)));
        assert_eq!(fullest(&[], 1.0), None);
    }

    #[test]
    fn quantiles() {
        assert_eq!(quantile(&[3.0, 1.0, 2.0], 0.5), Some(2.0));
        assert_eq!(quantile(&[0.0, 1.0], 0.25), Some(0.25));
        assert_eq!(quantile(&[], 0.5), None);
    }
}
