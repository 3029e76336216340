//! Contracts: what an operator pays in place of the list.

use super::price::ONE;
use crate::decimal;
use crate::pattern::Pattern;
use crate::time;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// A factor on the list price, or capacity that is paid otherwise, for some models of some providers and for some time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// As it was written: `openai/gpt-5*`.
    pub pattern: String,
    provider: Pattern,
    model: Pattern,
    /// Millionths.
    pub(super) factor: u64,
    /// Whether the capacity is paid otherwise.
    pub(super) provisioned: bool,
    /// Nanoseconds since 1970.
    from: u64,
    until: u64,
}

/// A rule that cannot be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadRule {
    /// No slash between provider and model.
    #[error("write \"PROVIDER/MODEL\"; * stands for anything on either side")]
    Pattern,
    /// Not a factor.
    #[error("factor {0}: write a number from 0.000001 to 1000, with at most six decimal places")]
    Factor(String),
    /// Neither or both of what a rule may say.
    #[error("a rule has either a factor or provisioned = true")]
    Nothing,
    /// Not a date.
    #[error("{0:?} is not a date; write \"2026-11-23\"")]
    Date(String),
    /// It ends before it begins.
    #[error("until is not after from, so it never holds")]
    Never,
}

impl Rule {
    /// From what an operator wrote. `until` is the first day on which it no longer holds; both are days of UTC.
    ///
    /// # Errors
    /// See [`BadRule`].
    pub fn new(
        pattern: &str,
        factor: Option<f64>,
        provisioned: bool,
        from: Option<&str>,
        until: Option<&str>,
    ) -> Result<Rule, BadRule> {
        let (provider, model) = pattern.split_once('/').ok_or(BadRule::Pattern)?;
        if factor.is_some() == provisioned {
            return Err(BadRule::Nothing);
        }
        let factor = factor.map_or(Ok(ONE), |factor| {
            let millionths = decimal::from_float(factor, 6).ok().filter(|factor| (1..=1000 * ONE).contains(factor));
            millionths.ok_or_else(|| BadRule::Factor(factor.to_string()))
        })?;
        let day = |text: &str| {
            time::parse_day(text).map(|day| u64::from(day) * DAY_NANOS).ok_or_else(|| BadRule::Date(text.to_owned()))
        };
        let (from, until) = (from.map_or(Ok(0), day)?, until.map_or(Ok(u64::MAX), day)?);
        if until <= from {
            return Err(BadRule::Never);
        }
        Ok(Rule {
            pattern: pattern.to_owned(),
            provider: Pattern::new(provider),
            model: Pattern::new(model),
            factor,
            provisioned,
            from,
            until,
        })
    }

    /// Whether it is about a model under one of its names.
    pub(super) fn is_about(&self, provider: &str, models: &[Option<&str>]) -> bool {
        self.provider.matches(provider) && models.iter().flatten().any(|model| self.model.matches(model))
    }

    /// Whether it holds at a time, in nanoseconds since 1970.
    pub(super) fn holds(&self, at: u64) -> bool {
        (self.from..self.until).contains(&at)
    }

    /// What sorts rules: the one that fixes more of the names comes first, then the one that began later.
    pub(super) fn rank(&self) -> (usize, u64) {
        (self.provider.fixed() + self.model.fixed(), self.from)
    }

    /// In words, for explanations.
    #[must_use]
    pub fn words(&self) -> String {
        match self.provisioned {
            true => "capacity that is paid otherwise".to_owned(),
            false => format!("× {}", decimal::to_string(self.factor, 6)),
        }
    }
}
