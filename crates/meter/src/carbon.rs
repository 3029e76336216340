//! Carbon and water: where a request was served, and what a kilowatt-hour comes to there.
//!
//! Two ways of counting stand beside each other where both are known: by *location*, what the grid of the zone emits on
//! average, of the year or of the hour; and by *market*, what the operator or the provider has contracted. What it took to
//! make the machines, *embodied*, is counted apart from their use.

mod center;
mod mix;
mod series;

use std::sync::Arc;

pub use center::{Center, Centers};
pub use mix::{Mix, Mixes};
pub use series::{Hourly, Series};

use crate::energy::{Band, Building, Energy, PICO};

/// Decimal places of a nanogram, in which carbon is kept.
pub const NANO: u8 = 9;
/// Decimal places of a nanolitre among millilitres, in which water is kept.
pub const MICRO: u8 = 6;

/// Grams of CO2e that it took to make the hardware, for a kilowatt-hour of the machine. A server of eight accelerators took
/// 5,700 kg and each accelerator 273 (EcoLogits 0.11.3), and they last three years: 0.0104 g a second for each accelerator. It
/// draws 0.6 kW on average (ML.ENERGY), and a quarter of that again with its host.
pub const MADE_GRAMS_PER_KWH: f64 = (5700.0 / 8.0 + 273.0) * 1000.0 / (3.0 * 365.0 * 24.0) / (0.6 * 1.27);

/// What a request comes to beside its energy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Carbon {
    /// The zone whose grid is meant.
    pub zone: Arc<str>,
    /// Nanograms of CO2e, by location.
    pub location: Option<u64>,
    /// The same by market, where somebody has declared that.
    pub market: Option<u64>,
    /// Nanograms of CO2e: the request's share of making the machine.
    pub embodied: u64,
    /// Millionths of a millilitre: on site, and where the electricity is made.
    pub water: Option<u64>,
}

/// Where a provider's machines stand.
#[derive(Debug, Clone)]
pub struct Site {
    /// The zone.
    pub zone: Arc<str>,
    /// What the building adds.
    pub building: Building,
    /// Litres on site for a kilowatt-hour of the machines, where they are known.
    pub water_l_per_kwh: Option<f64>,
    /// The grid's yearly average, where it is known.
    pub mix: Option<Mix>,
    /// Grams of CO2e for a kilowatt-hour, by contract.
    pub market_g_per_kwh: Option<f64>,
    /// The grid by the hour, where somebody says it.
    pub hourly: Option<Arc<Hourly>>,
    /// Whence the building's figures come.
    pub from: String,
}

impl Site {
    /// In a data centre; `zone` is where somebody says that it stands elsewhere.
    #[must_use]
    pub fn of(center: &Center, zone: Option<&str>) -> Site {
        let zone = zone.unwrap_or(&center.zone);
        let mix = Mixes::embedded().get(zone).cloned();
        Site {
            zone: mix.as_ref().map_or(zone, |mix| &mix.zone).into(),
            building: Building::between(center.pue.0, center.pue.1),
            water_l_per_kwh: center.water_l_per_kwh.map(|(least, most)| f64::midpoint(least, most)),
            mix,
            market_g_per_kwh: None,
            hourly: None,
            from: format!("{}: {}", center.host, center.source),
        }
    }

    /// What energy comes to here, at a time in nanoseconds since 1970.
    #[must_use]
    pub fn carbon(&self, energy: &Energy, at: u64) -> Carbon {
        let kwh = energy.mid as f64 / 10f64.powi(i32::from(PICO));
        let machine_kwh = kwh / self.building.pue.mid;
        let grams = |grams: f64| (grams * 1e9).round() as u64;
        let water = |site: f64| {
            let grid = self.mix.as_ref()?.water_l_per_kwh?;
            Some(((machine_kwh * site + kwh * grid) * 1e9).round() as u64)
        };
        Carbon {
            zone: self.zone.clone(),
            location: self.grams_per_kwh(at).map(|factor| grams(kwh * factor)),
            market: self.market_g_per_kwh.map(|factor| grams(kwh * factor)),
            embodied: grams(machine_kwh * MADE_GRAMS_PER_KWH),
            water: self.water_l_per_kwh.and_then(water),
        }
    }

    /// Grams of CO2e for a kilowatt-hour at a time: of the hour if somebody says it, else of the year.
    #[must_use]
    pub fn grams_per_kwh(&self, at: u64) -> Option<f64> {
        let hourly = self.hourly.as_ref().and_then(|hourly| hourly.at(at));
        hourly.or_else(|| self.mix.as_ref().map(|mix| mix.gco2e_per_kwh))
    }
}

impl Building {
    /// Of the least and the most that its PUE may be.
    #[must_use]
    pub fn between(least: f64, most: f64) -> Building {
        Building { pue: Band { low: least, mid: (least * most).sqrt(), high: most } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::energy::Basis;

    fn site() -> Site {
        Site {
            zone: "USA".into(),
            building: Building::between(1.2, 1.2),
            water_l_per_kwh: Some(0.569),
            mix: Mixes::embedded().get("USA").cloned(),
            market_g_per_kwh: Some(100.0),
            hourly: None,
            from: String::new(),
        }
    }

    #[test]
    fn a_kilowatt_hour() {
        let pico = 10u64.pow(12);
        let energy = Energy { low: pico, mid: pico, high: pico, method: "rates/1", basis: Basis::Rate };
        let carbon = site().carbon(&energy, 0);
        assert_eq!(carbon.location, Some(384_400_000_000), "384.4 g");
        assert_eq!(carbon.market, Some(100_000_000_000));
        assert_eq!(carbon.embodied / 1_000_000, 41_010, "49.2 g for a kWh of the machine");
        // 0.569 L for the machine's 0.833 kWh, and the grid's 3.1321 L for all of it.
        assert_eq!(carbon.water, Some(((0.569 / 1.2 + 3.1321) * 1e9_f64).round() as u64));
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let energy = Energy { low: 1, mid: 1, high: 1, method: "rates/1", basis: Basis::Rate };
        let unknown = Site { water_l_per_kwh: None, mix: None, market_g_per_kwh: None, ..site() };
        let carbon = unknown.carbon(&energy, 0);
        assert_eq!((carbon.location, carbon.market, carbon.water), (None, None, None));
    }
}
