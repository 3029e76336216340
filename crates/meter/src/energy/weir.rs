//! The method of Weir's own: [`physics`](super::physics) for a model, with what a proxy cannot know as a band.
//!
//! What is computed once for a model is six figures in three versions; a request is a few multiplications with them.

use super::calibrate::BATCH;
use super::physics::{
    CACHED_SHARE, DOMAIN_ACTIVE, DOMAIN_TOTAL, Fit, INPUT_JOULES, Machine, USUAL_TOKENS, attention_tokens, crowded,
};
use super::{Band, Basis, Building, Method, Profile};
use crate::usage::{Class, Usage};

/// The name of the method. A change of any figure that it rests on changes the number.
pub(super) const NAME: &str = "weir/2";

/// What the host adds to its accelerators: processors, memory, network, fans. Between 1.15 and 1.4 times as much together,
/// from production figures of 2025.
pub const HOST: Band = Band { low: 1.15, mid: 1.27, high: 1.4 };

/// How far off a guessed number of parameters may be, either way.
const GUESS: f64 = 1.8;
/// By how much the band grows, in logarithms, for each e-fold beyond what was measured.
const BEYOND: f64 = 0.3;

/// Who else a machine serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Serving {
    /// Many: a provider that anybody may ask. It fills its machines, with 32 to 512 requests at a time.
    #[default]
    Shared,
    /// Nobody knows: a machine of one's own, with one request or four thousand at a time.
    Own,
}

impl Serving {
    /// The name in the configuration.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Serving::Shared => "shared",
            Serving::Own => "own",
        }
    }
}

/// A model, ready to be multiplied: joules with the host and without the building.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weir {
    /// For an input token that was not cached.
    pub input: Band,
    /// For each input token, times each input token before it.
    pub attention: Band,
    /// For a cached input token.
    pub cached: Band,
    /// For an output token of an answer of the usual length.
    pub output: Band,
    /// By how much a longer answer draws more for each, as [`crowded`] takes it.
    pub crowding: f64,
    /// For an output token, times each token before it.
    pub context: Band,
    /// What makes the band.
    pub shares: Shares,
    /// The machine in the middle of the band.
    pub machine: Machine,
}

/// What makes the band, as logarithms of how far it goes below and above the middle.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Shares {
    /// Batch, accelerators and the fit's own error.
    pub serving: Share,
    /// Bits of a parameter, where they are not published.
    pub precision: Share,
    /// The guess at the size.
    pub size: Share,
    /// The host.
    pub host: Share,
    /// The distance from what was measured.
    pub beyond: Share,
}

/// Below and above.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Share {
    /// Below the middle.
    pub below: f64,
    /// Above the middle.
    pub above: f64,
}

impl Share {
    const fn even(by: f64) -> Share {
        Share { below: by, above: by }
    }

    /// Of the middle of a band and its ends.
    fn of(band: Band) -> Share {
        Share { below: (band.mid / band.low).ln(), above: (band.high / band.mid).ln() }
    }
}

impl Shares {
    /// Together: they have nothing to do with each other, so their squares add up.
    #[must_use]
    pub fn together(&self, serving: Share) -> Share {
        let all = [serving, self.precision, self.size, self.host, self.beyond];
        let root = |of: fn(&Share) -> f64| all.iter().map(|share| of(share).powi(2)).sum::<f64>().sqrt();
        Share { below: root(|share| share.below), above: root(|share| share.above) }
    }
}

/// Bytes of a parameter: as published or as the name says; where nobody says, a provider that serves many may have taken
/// 16 bits or 8, and one's own machine takes what is usual, 16.
fn bytes(profile: &Profile, serving: Serving) -> Band {
    match (profile.bits, serving) {
        (Some(bits @ 1..=8), _) => Band::point(if bits <= 4 { 0.55 } else { 1.0 }),
        (_, Serving::Own) => Band::point(2.0),
        (_, Serving::Shared) => Band { low: 1.0, mid: std::f64::consts::SQRT_2, high: 2.0 },
    }
}

/// Between two sizes, as factors are.
fn middle((small, large): (f64, f64)) -> f64 {
    (small * large).sqrt()
}

impl Weir {
    /// Of a model at a provider.
    #[must_use]
    pub fn new(profile: &Profile, serving: Serving, fit: &Fit) -> Weir {
        let (active, total) = (middle(profile.active), middle(profile.total));
        let bytes = bytes(profile, serving);
        let batch = match serving {
            Serving::Shared => BATCH,
            Serving::Own => fit.own_batch(USUAL_TOKENS),
        };
        let machine = |active: f64, total: f64, bytes: f64| Machine::holding(active.min(total), total, bytes, batch);
        let token = |active: f64, total: f64, bytes: f64| fit.output_joules(&machine(active, total, bytes));
        let (output, context) = token(active, total, bytes.mid);
        let guess = if profile.basis == Basis::Guessed { GUESS } else { 1.0 };
        let precision =
            Share::even((token(active, total, bytes.high).0 / token(active, total, bytes.low).0).ln() / 2.0);
        let by_total =
            (token(active, total * guess, bytes.mid).0 / token(active, total / guess, bytes.mid).0).ln() / 2.0;
        let by_active =
            (token(profile.active.1, total, bytes.mid).0 / token(profile.active.0, total, bytes.mid).0).ln() / 2.0;
        let shares = Shares {
            serving: serving_share(total, serving, fit),
            precision,
            size: Share::even(match profile.basis {
                // Nobody guesses both ends of a likeness apart: the small ones are small in both.
                Basis::Likened => {
                    let [small, large] = [(profile.active.0, profile.total.0), (profile.active.1, profile.total.1)];
                    (token(large.0, large.1, bytes.mid).0 / token(small.0, small.1, bytes.mid).0).ln() / 2.0
                }
                _ => by_total.hypot(by_active),
            }),
            host: Share::of(HOST),
            beyond: Share::even(BEYOND * (outside(total, DOMAIN_TOTAL) + outside(active, DOMAIN_ACTIVE))),
        };
        let all = shares.together(shares.serving);
        let output = Band::around(output * HOST.mid, all.below, all.above);
        let context = Band::around(context * HOST.mid, all.below, all.above);
        // Reading is bound by computing: neither the batch nor the whole size count, but how many parameters a token meets.
        let active_share = Share::even((profile.active.1 / profile.active.0).ln() / 2.0);
        let reading =
            Shares { size: active_share, precision: Share::default(), ..shares }.together(Share::of(INPUT_JOULES));
        let input = Band::around(INPUT_JOULES.mid * active * HOST.mid, reading.below, reading.above);
        Weir {
            input,
            attention: input.times(1.0 / attention_tokens(active)),
            cached: input.zip(CACHED_SHARE, |joules, share| joules * share),
            output,
            crowding: match serving {
                Serving::Shared => 0.0,
                Serving::Own => fit.crowding(&machine(active, total, bytes.mid)),
            },
            context,
            shares,
            machine: machine(active, total, bytes.mid),
        }
    }

    /// Joules of the machine: accelerators and host, without the building.
    #[must_use]
    pub fn machine_joules(&self, usage: &Usage) -> Band {
        let cached = usage.get(Class::CachedInput) as f64;
        let whole = usage.input() as f64;
        let (read, written) = (whole - cached, usage.output() as f64);
        let crowded = crowded(self.crowding, written);
        let joules = |input: f64, attention: f64, cached_joules: f64, output: f64, context: f64| {
            read * (input + attention * whole)
                + cached * cached_joules
                + written * (output * crowded + context * (whole + written / 2.0))
        };
        let of = |pick: fn(&Band) -> f64| {
            let [input, attention, cached, output, context] =
                [&self.input, &self.attention, &self.cached, &self.output, &self.context].map(pick);
            joules(input, attention, cached, output, context)
        };
        Band { low: of(|band| band.low), mid: of(|band| band.mid), high: of(|band| band.high) }
    }
}

fn serving_share(total: f64, serving: Serving, fit: &Fit) -> Share {
    let (below, above) = match serving {
        Serving::Shared => fit.shared,
        Serving::Own => fit.own(total),
    };
    Share { below, above }
}

/// How many e-folds a size is outside.
fn outside(size: f64, (least, most): (f64, f64)) -> f64 {
    (least / size).ln().max((size / most).ln()).max(0.0)
}

impl Method for Weir {
    fn name(&self) -> &'static str {
        NAME
    }

    fn joules(&self, usage: &Usage, building: &Building, _seconds: Option<f64>) -> Option<Band> {
        Some(self.machine_joules(usage).zip(building.pue, |joules, pue| joules * pue))
    }
}
