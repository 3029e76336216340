//! What a machine draws for a token, as far as measurements say: a formula of what is known to happen, with seven numbers
//! fitted to 515 measured configurations (`data/energy_fit.tsv`; `weir energy fit` makes it).
//!
//! **Output.** Each step makes one token for each request of the batch. It costs something however little it does, more with
//! each accelerator and a little more with the model's depth; it reads the weights that the batch needs, of a mixture of
//! experts those that at least one of its tokens is sent to. That is shared by the batch, though less than evenly, since a
//! fuller step draws more power. Then each token computes with the active parameters, and reads the context before it.
//!
//! **Input** is read many tokens at a time and so bound by computing: two operations per active parameter and token, and
//! attention to what stands before it. [`INPUT_JOULES`] says what that takes.

use std::sync::LazyLock;

use super::Band;
use super::matrix::Matrix;

/// How many numbers are fitted.
pub const COEFFICIENTS: usize = 7;

/// Their names, in order. The first four are logarithms of joules, the others exponents.
pub const NAMES: [&str; COEFFICIENTS] =
    ["ln_step", "ln_weights", "ln_compute", "ln_context", "step_active", "batch", "context_active"];

/// Joules of the accelerators for an input token and a billion active parameters. In the middle a GPU of 700 W and 989 TFLOPS
/// (H100, 16 bits) that reaches 40 % of them; low 80 %, as 8 bits on a well-filled machine; high 18 %. DeepSeek's own figures
/// of 2025-03 come to 0.0039.
pub const INPUT_JOULES: Band = Band { low: 0.0018, mid: 0.0035, high: 0.008 };

/// What of an input token's energy one takes that the provider had in its prompt cache.
pub const CACHED_SHARE: Band = Band { low: 0.0, mid: 0.08, high: 0.3 };

/// Tokens of context at which attention takes as much as all else, of a model with 8 billion active parameters: twelve times
/// its width of 4,096. Width grows with the cube root of the parameters.
const ATTENTION_TOKENS: f64 = 49_152.0;

/// What is measured lies within these; beyond them the formula is carried on, and the band widened.
pub const DOMAIN_TOTAL: (f64, f64) = (8.0, 671.0);
/// The same of active parameters, in billions.
pub const DOMAIN_ACTIVE: (f64, f64) = (3.0, 405.0);

/// Output tokens of an answer, on average, as they were measured: what lies beyond is taken for one of the two.
const ANSWER_TOKENS: (f64, f64) = (350.0, 12_000.0);
/// An answer of the usual length, in tokens.
pub(super) const USUAL_TOKENS: f64 = 1000.0;
/// Between these sizes, in billions of parameters, one's own machine goes over from the band of small models to that of large ones.
/// Nothing in between is measured.
const SMALL_TO_LARGE: (f64, f64) = (32.0, 70.0);

/// A model as a machine sees it; parameters in billions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Machine {
    /// Parameters that each token meets.
    pub active: f64,
    /// All parameters.
    pub total: f64,
    /// Bytes of a parameter.
    pub bytes: f64,
    /// Accelerators that serve one copy.
    pub accelerators: f64,
    /// Requests at a time.
    pub batch: f64,
}

impl Machine {
    /// On the accelerators that hold it with a fifth to spare: a power of two of them, in the middle between those of 80 and
    /// of 180 GB.
    #[must_use]
    pub fn holding(active: f64, total: f64, bytes: f64, batch: f64) -> Machine {
        let (most, least) = accelerators(total, bytes);
        Machine { active, total, bytes, accelerators: (most * least).sqrt(), batch }
    }

    /// Gigabytes of weights that a step reads.
    #[must_use]
    pub fn read_gigabytes(&self) -> f64 {
        let share = (self.active / self.total).min(1.0);
        let touched = 1.0 - (1.0 - share).powf(self.batch);
        self.bytes * (self.active + (self.total - self.active).max(0.0) * touched)
    }
}

/// How many accelerators of 80 GB, and of 180 GB, hold a model with a fifth to spare: a power of two of each.
#[must_use]
pub fn accelerators(total: f64, bytes: f64) -> (f64, f64) {
    let of = |gigabytes: f64| (1.2 * bytes * total / gigabytes).max(1.0).log2().ceil().exp2();
    (of(80.0), of(180.0))
}

/// What an output token draws of the accelerators, part by part, in joules.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parts {
    /// A step, of the whole batch.
    pub step: f64,
    /// Reading the weights that it needs, for the whole batch.
    pub weights: f64,
    /// What of the two falls to one request.
    pub shared: f64,
    /// Computing.
    pub compute: f64,
    /// Reading the context, for each token of it.
    pub context: f64,
}

/// What was fitted.
#[derive(Debug, Clone, PartialEq)]
pub struct Fit {
    /// The numbers, in the order of [`NAMES`].
    pub coefficients: [f64; COEFFICIENTS],
    /// Their covariance.
    pub covariance: Matrix,
    /// The logarithms of how far below and above the middle a request of a provider that serves many may be.
    pub shared: (f64, f64),
    /// The same of one's own machine, of a model that one or two accelerators hold.
    pub own_small: (f64, f64),
    /// The same of one's own machine, of a larger model.
    pub own_large: (f64, f64),
    /// Requests at a time on one's own machine: their logarithm at an answer of one token, and what an e-fold of tokens adds to it.
    pub own_requests: (f64, f64),
}

impl Fit {
    /// Joules of the accelerators for an output token: without context, and for each token of it.
    #[must_use]
    pub fn output_joules(&self, machine: &Machine) -> (f64, f64) {
        let Parts { shared, compute, context, .. } = self.parts(machine);
        (shared + compute, context)
    }

    /// The same part by part.
    #[must_use]
    pub fn parts(&self, machine: &Machine) -> Parts {
        let [step, weights, compute, context, step_active, batch, context_active] = self.coefficients;
        let step = step.exp() * machine.accelerators * machine.active.powf(step_active);
        let weights = weights.exp() * machine.read_gigabytes();
        Parts {
            step,
            weights,
            shared: (step + weights) / machine.batch.powf(batch),
            compute: compute.exp() * machine.active,
            context: context.exp() / 1000.0 * machine.active.powf(context_active),
        }
    }

    /// Requests at a time on one's own machine, in the middle, where answers have so many tokens: long ones leave room for fewer.
    #[must_use]
    pub fn own_batch(&self, tokens: f64) -> f64 {
        let (at_one, rise) = self.own_requests;
        (at_one + rise * tokens.clamp(ANSWER_TOKENS.0, ANSWER_TOKENS.1).ln()).exp()
    }

    /// By how much an output token draws more where answers are longer and the machine has room for fewer: the exponent of an
    /// answer's length. See [`crowded`].
    #[must_use]
    pub fn crowding(&self, machine: &Machine) -> f64 {
        let at = |tokens| self.output_joules(&Machine { batch: self.own_batch(tokens), ..*machine }).0;
        let (short, long) = ANSWER_TOKENS;
        ((at(long) / at(short)).ln() / (long / short).ln()).max(0.0)
    }

    /// How far below and above the middle a request on one's own machine may be, as logarithms, by the model's size.
    #[must_use]
    pub fn own(&self, total: f64) -> (f64, f64) {
        let (small, large) = SMALL_TO_LARGE;
        let share = ((total / small).ln() / (large / small).ln()).clamp(0.0, 1.0);
        let between = |small: f64, large: f64| small + share * (large - small);
        (between(self.own_small.0, self.own_large.0), between(self.own_small.1, self.own_large.1))
    }

    /// The one that is built in.
    ///
    /// It is read once; a file that does not read is a broken build, which `the_fit_that_is_built_in_reads` finds.
    #[must_use]
    pub fn embedded() -> &'static Fit {
        static FIT: LazyLock<Fit> =
            LazyLock::new(|| Fit::parse(include_str!("../../data/energy_fit.tsv")).unwrap_or_default());
        &FIT
    }

    /// Reads what [`Fit::to_text`] wrote.
    #[must_use]
    pub fn parse(text: &str) -> Option<Fit> {
        let row = |name: &str| -> Option<Vec<f64>> {
            let line = text.lines().find(|line| line.split('\t').next() == Some(name))?;
            line.split('\t').skip(1).map(|figure| figure.parse().ok()).collect()
        };
        let pair = |name: &str| row(name)?.as_slice().try_into().map(|[a, b]: [f64; 2]| (a, b)).ok();
        let rows: Vec<Vec<f64>> = NAMES.iter().map(|name| row(name)).collect::<Option<_>>()?;
        if rows.iter().any(|row| row.len() != COEFFICIENTS + 1) {
            return None;
        }
        Some(Fit {
            coefficients: std::array::from_fn(|index| rows[index][0]),
            covariance: Matrix::from_rows(rows.iter().map(|row| row[1..].to_vec()).collect()),
            shared: pair("shared")?,
            own_small: pair("own_small")?,
            own_large: pair("own_large")?,
            own_requests: pair("own_requests")?,
        })
    }

    /// As a file: a row for each number with its covariances, a row for each band.
    #[must_use]
    pub fn to_text(&self, about: &str) -> String {
        let mut out = format!("# weir energy fit 1\n# {about}\n# coefficient, value, covariance with each of them\n");
        for (index, name) in NAMES.iter().enumerate() {
            let row: Vec<String> = self.covariance.row(index).iter().map(|value| format!("{value:.6e}")).collect();
            out += &format!("{name}\t{:.6}\t{}\n", self.coefficients[index], row.join("\t"));
        }
        out += "# band, logarithms of how far below and above the middle\n";
        for (name, (below, above)) in
            [("shared", self.shared), ("own_small", self.own_small), ("own_large", self.own_large)]
        {
            out += &format!("{name}\t{below:.4}\t{above:.4}\n");
        }
        let (at_one, rise) = self.own_requests;
        out += "# requests at a time, logarithm at an answer of one token and its rise with that of tokens\n";
        out += &format!("own_requests\t{at_one:.4}\t{rise:.4}\n");
        out
    }
}

impl Default for Fit {
    fn default() -> Fit {
        Fit {
            coefficients: [0.0; COEFFICIENTS],
            covariance: Matrix::zero(COEFFICIENTS),
            shared: (0.0, 0.0),
            own_small: (0.0, 0.0),
            own_large: (0.0, 0.0),
            own_requests: (0.0, 0.0),
        }
    }
}

/// By how much an output token draws more in an answer of so many tokens than in one of the usual length; 1 where the exponent of
/// [`Fit::crowding`] is 0.
#[must_use]
pub fn crowded(exponent: f64, tokens: f64) -> f64 {
    if exponent == 0.0 {
        return 1.0;
    }
    (tokens.clamp(ANSWER_TOKENS.0, ANSWER_TOKENS.1) / USUAL_TOKENS).powf(exponent)
}

/// Tokens of input at which attention to them takes as much as all else.
#[must_use]
pub fn attention_tokens(active: f64) -> f64 {
    ATTENTION_TOKENS * (active / 8.0).cbrt()
}
