//! Chance: the few distributions a believable simulation needs, over a small seeded generator.

use fastrand::Rng;

/// The golden ratio in 64 bits: it spreads consecutive numbers far apart (splitmix64 steps by it).
const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

/// The generator of the `number`th request under `seed`: the same pair always draws the same numbers.
pub(super) fn generator(seed: u64, number: u64) -> Rng {
    Rng::with_seed(seed ^ number.wrapping_add(1).wrapping_mul(SPREAD))
}

/// A number from a log-normal distribution around `median`. `sigma` is the spread: 0 is none, 0.5 is what latencies have.
pub(super) fn log_normal(rng: &mut Rng, median: f64, sigma: f64) -> f64 {
    median * (sigma * normal(rng)).exp()
}

/// The wait until the next arrival of a Poisson process, in seconds.
///
/// `rate` is in arrivals per second and above 0.
pub(super) fn exponential(rng: &mut Rng, rate: f64) -> f64 {
    -(1.0 - rng.f64()).ln() / rate
}

/// True in a `share` of all draws; `share` is between 0 and 1.
pub(super) fn happens(rng: &mut Rng, share: f64) -> bool {
    rng.f64() < share
}

/// One of `choices`, or the type's default where there is none.
pub(super) fn pick<T: Copy + Default>(rng: &mut Rng, choices: &[T]) -> T {
    rng.choice(choices).copied().unwrap_or_default()
}

/// `length` lower-case hexadecimal digits.
pub(super) fn hex(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| rng.digit(16)).collect()
}

/// `length` letters and digits, as in the ids of providers.
pub(super) fn alphanumeric(rng: &mut Rng, length: usize) -> String {
    (0..length).map(|_| rng.alphanumeric()).collect()
}

/// A draw from the standard normal distribution (Box and Muller, 1958).
fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_seed_draws_the_same_numbers_and_the_next_request_draws_others() {
        assert_eq!(hex(&mut generator(7, 1), 32), hex(&mut generator(7, 1), 32));
        assert_ne!(hex(&mut generator(7, 1), 32), hex(&mut generator(7, 2), 32));
    }

    #[test]
    fn distributions_lie_where_they_should() {
        let mut rng = generator(1, 1);
        let mut waits: Vec<f64> = (0..4001).map(|_| exponential(&mut rng, 4.0)).collect();
        let mean = waits.iter().sum::<f64>() / waits.len() as f64;
        assert!((mean - 0.25).abs() < 0.02, "mean wait {mean}");
        waits = (0..4001).map(|_| log_normal(&mut rng, 0.3, 0.5)).collect();
        waits.sort_by(f64::total_cmp);
        assert!((waits[2000] - 0.3).abs() < 0.03, "median {}", waits[2000]);
    }
}
