//! EcoLogits 0.11.3's published formulas, so that figures can be compared. Computed from the method's description and
//! constants (Rincé and Banse, EcoLogits, <https://ecologits.ai>, CC BY-SA 4.0); held to 24 runs of the package.
//!
//! It knows output tokens only: input, cache and images cost nothing in it.

use super::{Band, Building, Method, Profile};
use crate::usage::Usage;

/// The name of the method.
pub(super) const NAME: &str = "ecologits/0.11.3";

/// Watt-hours of an accelerator for an output token: factor, decay by batch, and what each takes.
const ALPHA: f64 = 1.166_527_317_045_191_4e-6;
const BETA: f64 = -0.011_205_921_025_579_175;
const GAMMA: f64 = 4.052_928_146_734_005e-5;
/// Seconds of an output token: by a billion active parameters, by batch, and what each takes.
const SECONDS_ACTIVE: f64 = 0.000_678_508_809_435_366_3;
const SECONDS_BATCH: f64 = 0.000_311_931_031_168_825_9;
const SECONDS: f64 = 0.019_473_717_579_473_387;
/// Gigabytes of an accelerator, and accelerators of a server.
const GIGABYTES: f64 = 80.0;
const SERVER_ACCELERATORS: f64 = 8.0;
/// Kilowatts of a server without its accelerators.
const SERVER_KW: f64 = 1.2;
/// Three years.
const LIFE_SECONDS: f64 = 94_608_000.0;
/// kg CO2e, kg Sb-eq and MJ that a server and an accelerator took to make.
const SERVER_MADE: [f64; 3] = [5700.0, 0.37, 70_000.0];
const ACCELERATOR_MADE: [f64; 3] = [273.0, 0.008_95, 3721.0];
/// Requests at a time, and bits of a parameter, as EcoLogits takes them.
const BATCH: f64 = 64.0;
const BITS: f64 = 16.0;

/// What a run is made of. Parameters in billions.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deployment {
    /// Parameters that each token meets.
    pub active: f64,
    /// All parameters.
    pub total: f64,
    /// Tokens per second, where they are known.
    pub tokens_per_second: Option<f64>,
    /// Seconds to the first token, where they are known.
    pub first_token_seconds: Option<f64>,
    /// Requests at a time.
    pub batch: f64,
    /// Bits of a parameter.
    pub bits: f64,
}

/// What a request comes to, for one size of the model.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Impacts {
    /// kWh of one accelerator.
    pub accelerator_kwh: f64,
    /// Seconds that the answer took.
    pub seconds: f64,
    /// Gigabytes of the model.
    pub memory_gb: f64,
    /// Accelerators that hold it.
    pub accelerators: f64,
    /// kWh of the server without its accelerators, this request's share.
    pub server_kwh: f64,
    /// kWh of the machine.
    pub machine_kwh: f64,
    /// kWh with the building.
    pub kwh: f64,
    /// What it took to make the server with its accelerators: kg CO2e, kg Sb-eq, MJ.
    pub made: [f64; 3],
    /// The request's share of that.
    pub embodied: [f64; 3],
}

impl Deployment {
    /// Of a profile's smaller or larger size.
    #[must_use]
    pub fn of(profile: &Profile, larger: bool) -> Deployment {
        let pick = |(small, large): (f64, f64)| if larger { large } else { small };
        Deployment {
            active: pick(profile.active),
            total: pick(profile.total),
            tokens_per_second: profile.tokens_per_second,
            first_token_seconds: profile.first_token_seconds,
            batch: BATCH,
            bits: BITS,
        }
    }

    /// What a request comes to; `seconds` is how long it took as a whole, where that is known.
    #[must_use]
    pub fn impacts(&self, output_tokens: f64, seconds: Option<f64>, pue: f64) -> Impacts {
        let per_token = ALPHA * (BETA * self.batch).exp() * self.active + GAMMA;
        let accelerator_kwh = output_tokens * per_token / 1000.0;
        let per_token_seconds = match self.tokens_per_second {
            Some(tps) => 1.0 / tps,
            None => SECONDS_ACTIVE * self.active + SECONDS_BATCH * self.batch + SECONDS,
        };
        let generated = output_tokens * per_token_seconds + self.first_token_seconds.unwrap_or(0.0);
        let seconds = seconds.map_or(generated, |whole| whole.min(generated));
        let memory_gb = 1.2 * self.total * self.bits / 8.0;
        let accelerators = (memory_gb / GIGABYTES).ceil().max(1.0).log2().ceil().exp2();
        let server_kwh = seconds / 3600.0 * SERVER_KW * accelerators / SERVER_ACCELERATORS / self.batch;
        let machine_kwh = server_kwh + accelerators * accelerator_kwh;
        let made: [f64; 3] = std::array::from_fn(|index| {
            accelerators / SERVER_ACCELERATORS * SERVER_MADE[index] + accelerators * ACCELERATOR_MADE[index]
        });
        Impacts {
            accelerator_kwh,
            seconds,
            memory_gb,
            accelerators,
            server_kwh,
            machine_kwh,
            kwh: pue * machine_kwh,
            made,
            embodied: made.map(|made| seconds * made / (LIFE_SECONDS * self.batch)),
        }
    }
}

/// Joules of all accelerators for an output token, as EcoLogits takes them.
pub(super) fn accelerator_joules(active: f64, total: f64) -> f64 {
    let plain = Profile { active: (active, active), total: (total, total), ..Profile::default() };
    let impacts = Deployment::of(&plain, false).impacts(1.0, None, 1.0);
    impacts.accelerator_kwh * impacts.accelerators * 3.6e6
}

/// The method, for a model.
#[derive(Debug, Clone)]
pub struct Ecologits {
    /// The model.
    pub profile: Profile,
}

impl Method for Ecologits {
    fn name(&self) -> &'static str {
        NAME
    }

    fn joules(&self, usage: &Usage, building: &Building, seconds: Option<f64>) -> Option<Band> {
        let kwh = |larger: bool, pue: f64| {
            Deployment::of(&self.profile, larger).impacts(usage.output() as f64, seconds, pue).kwh * 3.6e6
        };
        let (low, high) = (kwh(false, building.pue.low), kwh(true, building.pue.high));
        Some(Band { low, mid: (low + high) / 2.0, high })
    }
}
