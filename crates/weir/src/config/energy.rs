//! Energy and carbon: the operator's rates and sizes, and where each provider's machines stand.

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use meter::carbon::{Centers, Hourly, Mixes, Series, Site};
use meter::cost::Prices;
use meter::energy::{Band, Basis, Book, Building, Choice, Estimator, Models, Profile, Rates, Serving};

use super::provider::Provider;
use super::written::{Written, WrittenCarbon, WrittenMethod, WrittenModel, WrittenProvider, WrittenServing};
use super::{ConfigError, invalid, secret};

/// The largest file of a grid's hours, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// A zone's grid by the hour that is asked for.
#[derive(Clone)]
pub struct Grid {
    /// The zone.
    pub zone: String,
    /// Whom to ask.
    pub url: Uri,
    /// What is shown as `auth-token`.
    pub token: Option<http::HeaderValue>,
    /// How often.
    pub every: Duration,
    /// What is known so far.
    pub hourly: Arc<Hourly>,
}

impl std::fmt::Debug for Grid {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // A token may stand in the URL, too.
        f.debug_struct("Grid").field("zone", &self.zone).field("every", &self.every).finish_non_exhaustive()
    }
}

type Hours = HashMap<String, Arc<Hourly>>;

pub(super) fn estimator(
    written: &Written,
    providers: &[Provider],
    prices: &Prices,
) -> Result<(Estimator, Vec<Grid>), ConfigError> {
    let (hours, grids) = hours(written)?;
    let mut sites = HashMap::new();
    for (one, provider) in written.providers.iter().zip(providers) {
        let listing = prices.book().listings.get(&provider.name).map(|listing| listing.provider.as_str());
        sites.insert(provider.name.clone(), site(one, provider, listing, &hours)?);
    }
    let own = written.energy.models.iter().map(|(name, model)| Ok((name.clone(), profile(name, *model)?)));
    let book = Book {
        rates: rates(written)?,
        choice: match written.energy.method {
            WrittenMethod::Weir => Choice::Weir,
            WrittenMethod::Ecologits => Choice::Ecologits,
            WrittenMethod::Rates => Choice::Rates,
        },
        models: Models::embedded(),
        own: own.collect::<Result<_, ConfigError>>()?,
        sites,
    };
    Ok((Estimator::from(book), grids))
}

fn rates(written: &Written) -> Result<Rates, ConfigError> {
    let mut rates = Rates::default();
    for (model, kwh) in &written.energy_rates {
        rates.insert(model.clone(), *kwh).map_err(|reason| invalid(format!("energy_rates.\"{model}\""), reason))?;
    }
    Ok(rates)
}

fn profile(name: &str, model: WrittenModel) -> Result<Profile, ConfigError> {
    let place = |key: &str| format!("energy.models.\"{name}\".{key}");
    let active = model.active_b.unwrap_or(model.total_b);
    for (key, size) in [("total_b", model.total_b), ("active_b", active)] {
        if !(0.001..=100_000.0).contains(&size) {
            return Err(invalid(place(key), format_args!("{size} is not between 0.001 and 100000 billion parameters")));
        }
    }
    if active > model.total_b {
        return Err(invalid(place("active_b"), "a token cannot meet more parameters than there are"));
    }
    if model.bits.is_some_and(|bits| !matches!(bits, 1..=32)) {
        return Err(invalid(place("bits"), "a parameter has 1 to 32 bits"));
    }
    let total = (model.total_b, model.total_b);
    Ok(Profile { active: (active, active), total, bits: model.bits, basis: Basis::Disclosed, ..Profile::default() })
}

/// Grids by the hour: read where they are files; asked for where they are URLs.
fn hours(written: &Written) -> Result<(Hours, Vec<Grid>), ConfigError> {
    let (mut hours, mut grids) = (Hours::new(), Vec::new());
    for (zone, one) in &written.carbon {
        let place = format!("carbon.\"{zone}\".series");
        let hourly = if one.is_url() {
            let grid = grid(zone, one)?;
            grids.push(grid.clone());
            grid.hourly
        } else {
            Arc::new(Hourly::new(read(Path::new(&one.series), zone).map_err(|reason| invalid(place, reason))?))
        };
        hours.insert(zone.to_ascii_lowercase(), hourly);
    }
    Ok((hours, grids))
}

fn grid(zone: &str, one: &WrittenCarbon) -> Result<Grid, ConfigError> {
    let place = |key: &str| format!("carbon.\"{zone}\".{key}");
    let url = one.series.parse::<Uri>().ok().filter(|url| url.host().is_some());
    let url = url.ok_or_else(|| invalid(place("series"), "is neither a file nor a URL"))?;
    let token = one.token.as_deref().map(|text| secret::read(text, "")).transpose();
    let token = token.map_err(|reason| invalid(place("token"), reason))?;
    let header = token.map(|token| http::HeaderValue::from_str(&token)).transpose();
    let mut token = header.map_err(|_| invalid(place("token"), "has characters that no header takes"))?;
    token.iter_mut().for_each(|token| token.set_sensitive(true));
    let every = one.every.0.max(Duration::from_secs(60));
    Ok(Grid { zone: zone.to_owned(), url, token, every, hourly: Arc::default() })
}

fn read(path: &Path, zone: &str) -> Result<Series, String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    let length = std::fs::metadata(path).map_err(named)?.len();
    if length > MOST_BYTES {
        return Err(format!("{} is longer than {MOST_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(named)?;
    Series::parse(&text, zone).map_err(|reason| format!("{}: {reason}", path.display()))
}

/// Where a provider stands that is not configured, by its name in the catalogue of prices.
#[must_use]
pub fn site_of(listing: &str, zone: Option<&str>) -> Option<Site> {
    Centers::embedded().of(listing).map(|center| Site::of(center, zone))
}

fn site(
    written: &WrittenProvider,
    provider: &Provider,
    listing: Option<&str>,
    hours: &Hours,
) -> Result<(Site, Serving), ConfigError> {
    let place = |key: &str| format!("providers.\"{}\".{key}", provider.name);
    let host = provider.authority.host();
    let own = listing.is_none() && is_private(host);
    let zone = match &written.zone {
        Some(zone) if Mixes::embedded().get(zone).is_none() && !hours.contains_key(&zone.to_ascii_lowercase()) => {
            let reason = format!("there is no zone {zone:?}; `weir energy zones` lists them, and [carbon] adds more");
            return Err(invalid(place("zone"), reason));
        }
        Some(zone) => Some(zone.clone()),
        None => region(host),
    };
    let center = if own { "own" } else { listing.unwrap_or("*") };
    let mut site = site_of(center, zone.as_deref())
        .ok_or_else(|| invalid(place("zone"), "the table of data centres that is built in cannot be read"))?;
    if let Some(pue) = positive(written.pue, 1.0, 10.0).map_err(|reason| invalid(place("pue"), reason))? {
        site.building = Building { pue: Band::point(pue) };
        "weir.toml".clone_into(&mut site.from);
    }
    let water = positive(written.water_l_per_kwh, 0.0, 1000.0);
    let water = water.map_err(|reason| invalid(place("water_l_per_kwh"), reason))?;
    site.water_l_per_kwh = water.or(site.water_l_per_kwh);
    let market = positive(written.market_gco2e_per_kwh, 0.0, 5000.0);
    site.market_g_per_kwh = market.map_err(|reason| invalid(place("market_gco2e_per_kwh"), reason))?;
    site.hourly = hours.get(&site.zone.to_ascii_lowercase()).cloned();
    let serving = match written.serving {
        Some(WrittenServing::Shared) => Serving::Shared,
        Some(WrittenServing::Own) => Serving::Own,
        None if own => Serving::Own,
        None => Serving::Shared,
    };
    Ok((site, serving))
}

fn positive(written: Option<f64>, least: f64, most: f64) -> Result<Option<f64>, String> {
    match written {
        Some(value) if !(least..=most).contains(&value) => Err(format!("{value} is not between {least} and {most}")),
        other => Ok(other),
    }
}

/// The zone that a host's name says: Google's have the region in front.
fn region(host: &str) -> Option<String> {
    let region =
        host.to_ascii_lowercase().strip_suffix("-aiplatform.googleapis.com").map(|name| format!("gcp:{name}"))?;
    Mixes::embedded().get(&region).map(|mix| mix.zone.clone())
}

/// Whether a host is on this machine or in a network of one's own.
fn is_private(host: &str) -> bool {
    let host = host.trim_matches(['[', ']']);
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(ip)) => ip.is_loopback() || ip.is_private() || ip.is_link_local(),
        Ok(IpAddr::V6(ip)) => ip.is_loopback() || ip.is_unique_local() || ip.is_unicast_link_local(),
        Err(_) => {
            let ends = [".local", ".internal", ".lan", ".svc", ".localhost"];
            !host.contains('.') || ends.iter().any(|end| host.ends_with(end)) || host.contains(".svc.")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Config;
    use super::*;

    fn of(more: &str, tables: &str) -> Result<(Site, Serving), String> {
        let text = format!("[[providers]]\nname = \"p\"\n{more}\n{tables}");
        let config = Config::parse(&text).map_err(|error| error.to_string())?;
        config.energy.book().sites.get("p").cloned().ok_or_else(String::new)
    }

    #[test]
    fn where_providers_stand() {
        for (more, zone, pue, serving) in [
            ("base_url = \"https://api.openai.com/v1\"", "USA", 1.2, Serving::Shared),
            ("base_url = \"https://api.mistral.ai/v1\"", "SWE", 1.16, Serving::Shared),
            (
                "base_url = \"https://europe-west1-aiplatform.googleapis.com/v1\"",
                "gcp:europe-west1",
                1.09,
                Serving::Shared,
            ),
            ("base_url = \"http://vllm:8000/v1\"\nzone = \"fra\"", "FRA", 1.339, Serving::Own),
            ("base_url = \"http://10.0.0.7/v1\"\npue = 1.5\nserving = \"shared\"", "WOR", 1.5, Serving::Shared),
            ("base_url = \"https://llm.example.com/v1\"", "WOR", 1.29, Serving::Shared),
        ] {
            let (site, found) = of(more, "").unwrap();
            assert_eq!((&*site.zone, found), (zone, serving), "{more}");
            assert!((site.building.pue.mid - pue).abs() < 0.001, "{more} {:?}", site.building);
        }
    }

    #[test]
    fn what_cannot_be() {
        let base = "base_url = \"http://a/v1\"";
        for (more, tables, place) in [
            ("zone = \"Atlantis\"", "", "providers.\"p\".zone"),
            ("pue = 0.5", "", "providers.\"p\".pue"),
            ("market_gco2e_per_kwh = -1", "", "providers.\"p\".market_gco2e_per_kwh"),
            ("water_l_per_kwh = -1", "", "providers.\"p\".water_l_per_kwh"),
            ("", "[energy.models.m]\ntotal_b = 0", "energy.models.\"m\".total_b"),
            ("", "[energy.models.m]\ntotal_b = 8\nactive_b = 9", "energy.models.\"m\".active_b"),
            ("", "[carbon.DE]\nseries = \"/nowhere.csv\"", "carbon.\"DE\".series"),
            ("", "[carbon.DE]\nseries = \"https://x/y\"\ntoken = \"abc\"", "carbon.\"DE\".token"),
        ] {
            let error = of(&format!("{base}\n{more}"), tables).unwrap_err();
            assert!(error.starts_with(place), "{place}: {error}");
        }
    }

    #[test]
    fn a_zone_of_ones_own_by_the_hour() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("de.csv");
        std::fs::write(&path, "datetime,gco2e_per_kwh\n2026-11-23T10:00:00Z,302\n").unwrap();
        let tables = format!("[carbon.DE]\nseries = {:?}", path.display().to_string());
        let (site, _) = of("base_url = \"http://a/v1\"\nzone = \"DE\"", &tables).unwrap();
        let at = meter::time::parse(b"2026-11-23T10:59:00.000000000Z").unwrap();
        assert_eq!(site.grams_per_kwh(at), Some(302.0));
        assert_eq!(site.grams_per_kwh(0), None, "no year is known of it");
    }
}
