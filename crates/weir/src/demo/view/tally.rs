//! Tally: what the Records add up to, in all and by model.

use std::collections::VecDeque;

use super::figure::Money;
use super::line::{Ending, Line};

/// The models that are told apart; those behind them are counted together.
const MODELS: usize = 20;
/// The name they are counted under.
const OTHER: &str = "other";
/// The latest durations kept of each model.
const SAMPLES: usize = 256;

/// What some requests add up to.
#[derive(Clone, Debug, Default)]
pub(super) struct Sum {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) cancelled: u64,
    pub(super) input_tokens: u64,
    pub(super) output_tokens: u64,
    pub(super) money: Money,
    /// Known energy in kilowatt-hours; none while no Record had any.
    pub(super) energy_kwh: Option<f64>,
    /// Requests that used something whose energy is not known.
    pub(super) unestimated: u64,
    /// Requests that did not fail and whose tokens are not known.
    pub(super) uncounted: u64,
    /// The latest durations of successful requests, in seconds.
    seconds: VecDeque<f32>,
}

/// All of them, and by model.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) total: Sum,
    models: Vec<(String, Sum)>,
}

impl Tally {
    pub(super) fn add(&mut self, line: &Line) {
        self.total.add(line);
        let known = self.models.iter().position(|(name, _)| name == line.model());
        let at = known.unwrap_or_else(|| self.place(line.model()));
        if let Some((_, sum)) = self.models.get_mut(at) {
            sum.add(line);
        }
    }

    /// The place of a model that is new: its own while there are few, the last one for all others.
    fn place(&mut self, name: &str) -> usize {
        if self.models.len() <= MODELS {
            let name = if self.models.len() < MODELS { name } else { OTHER };
            self.models.push((name.to_owned(), Sum::default()));
        }
        self.models.len() - 1
    }

    /// At most `rows` models, the busiest first. Where there are more, the last row is the rest of them.
    pub(super) fn models(&self, rows: usize) -> Vec<(String, Sum)> {
        let mut models: Vec<&(String, Sum)> = self.models.iter().collect();
        models.sort_by_key(|(name, sum)| (name == OTHER, std::cmp::Reverse(sum.requests)));
        if models.len() <= rows {
            return models.into_iter().cloned().collect();
        }
        let (shown, rest) = models.split_at(rows.saturating_sub(1));
        let mut together = Sum::default();
        rest.iter().for_each(|(_, sum)| together.merge(sum));
        let shown = shown.iter().map(|model| (*model).clone());
        shown.chain([(format!("{} more", rest.len()), together)]).take(rows).collect()
    }

    pub(super) fn model_count(&self) -> usize {
        self.models.len()
    }
}

impl Sum {
    fn add(&mut self, line: &Line) {
        self.requests += 1;
        match line.ending() {
            Ending::Error => self.errors += 1,
            Ending::Cancelled => self.cancelled += 1,
            Ending::Success => self.seconds.extend(line.processing_time_seconds.map(|seconds| seconds as f32)),
        }
        self.input_tokens += line.input_tokens.unwrap_or_default();
        self.output_tokens += line.output_tokens.unwrap_or_default();
        self.money.add(line.money());
        self.add_energy(line.energy_consumption_kwh);
        self.unestimated += u64::from(line.energy_consumption_kwh.is_none() && line.used_tokens() != Some(0));
        self.uncounted += u64::from(line.used_tokens().is_none());
        self.forget();
    }

    fn merge(&mut self, other: &Sum) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.cancelled += other.cancelled;
        self.input_tokens += other.input_tokens;
        self.output_tokens += other.output_tokens;
        self.money.add(other.money);
        self.add_energy(other.energy_kwh);
        self.unestimated += other.unestimated;
        self.uncounted += other.uncounted;
        self.seconds.extend(&other.seconds);
        self.forget();
    }

    fn add_energy(&mut self, kwh: Option<f64>) {
        if let Some(kwh) = kwh {
            self.energy_kwh = Some(self.energy_kwh.unwrap_or_default() + kwh);
        }
    }

    fn forget(&mut self) {
        let surplus = self.seconds.len().saturating_sub(SAMPLES);
        self.seconds.drain(..surplus);
    }

    /// The seconds that a `share` of the latest successful requests stayed within.
    pub(super) fn quantile(&self, share: f64) -> Option<f64> {
        let mut sorted: Vec<f32> = self.seconds.iter().copied().collect();
        sorted.sort_by(f32::total_cmp);
        let rank = (sorted.len() as f64 * share).ceil() as usize;
        sorted.get(rank.saturating_sub(1)).map(|seconds| f64::from(*seconds))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(model: &str, seconds: f64) -> Line {
        Line { model: Some(model.to_owned()), processing_time_seconds: Some(seconds), ..Line::default() }
    }

    #[test]
    fn models_behind_the_twentieth_are_counted_together() {
        let mut tally = Tally::default();
        for number in 0..1000 {
            tally.add(&line(&format!("model-{number}"), 1.0));
        }
        let models = tally.models(100);
        assert_eq!((models.len(), tally.model_count()), (21, 21));
        assert_eq!((models[20].0.as_str(), models[20].1.requests), ("other", 980));
        let few = tally.models(3);
        assert_eq!((few.len(), few[2].0.as_str()), (3, "19 more"));
        assert_eq!(few.iter().map(|(_, sum)| sum.requests).sum::<u64>(), 1000);
        assert!(tally.models(0).is_empty());
    }

    #[test]
    fn quantiles_follow_the_latest_requests() {
        let mut tally = Tally::default();
        assert_eq!(tally.total.quantile(0.5), None);
        (0..1000).for_each(|_| tally.add(&line("m", 9.0)));
        (1..=256).for_each(|number| tally.add(&line("m", f64::from(number))));
        assert_eq!(tally.total.quantile(0.5), Some(128.0));
        assert_eq!(tally.total.quantile(0.95), Some(244.0));
    }
}
