//! Prices: the operator's own, contracts, and where each provider stands in the catalogue.

use std::collections::HashMap;
use std::sync::Arc;

use meter::catalog::{self, Catalog};
use meter::cost::{Book, Listing, Price, Prices, Rule, Tariff};

use super::provider::Provider;
use super::written::{Written, WrittenProvider};
use super::{ConfigError, invalid};

pub(super) fn prices(written: &Written, providers: &[Provider]) -> Result<Prices, ConfigError> {
    let catalog = Arc::new(Catalog::embedded());
    let listings = listings(&written.providers, providers, &catalog)?;
    Ok(Prices::from(Book { own: own(written)?, rules: rules(written)?, listings, catalog }))
}

fn own(written: &Written) -> Result<HashMap<String, Arc<Price>>, ConfigError> {
    let mut prices = HashMap::new();
    for (model, price) in &written.pricing {
        let place = || format!("pricing.\"{model}\"");
        let tariff: Tariff = price.tariff().map_err(|reason| invalid(place(), reason))?;
        let price =
            Price::from_tariff(&format!("config:{model}"), &tariff).map_err(|reason| invalid(place(), reason))?;
        prices.insert(model.clone(), Arc::new(price));
    }
    Ok(prices)
}

fn rules(written: &Written) -> Result<Vec<Rule>, ConfigError> {
    let rule = |(pattern, rule): (&String, &super::written::WrittenPricingRule)| {
        Rule::new(pattern, rule.factor, rule.provisioned, rule.from.as_deref(), rule.until.as_deref())
            .map_err(|error| invalid(format!("pricing_rules.\"{pattern}\""), error))
    };
    written.pricing_rules.iter().map(rule).collect()
}

/// Where each provider stands in the catalogue: where its configuration says, else where its address says, else under its
/// own name if the catalogue has one like it.
fn listings(
    written: &[WrittenProvider],
    providers: &[Provider],
    catalog: &Catalog,
) -> Result<HashMap<String, Listing>, ConfigError> {
    let mut listings = HashMap::new();
    for (written, provider) in written.iter().zip(providers) {
        let name = match written.catalog.as_deref() {
            Some("none") => continue,
            Some(name) if catalog.has_provider(name) => name,
            Some(name) => {
                let place = format!("providers.\"{}\".catalog", provider.name);
                let reason = format!("the catalogue of prices has no provider {name:?}; \"none\" leaves it out");
                return Err(invalid(place, reason));
            }
            None => match catalog::of_host(provider.authority.host()) {
                Some((name, _)) => name,
                None if catalog.has_provider(&provider.name) => &provider.name,
                None => continue,
            },
        };
        let listing = Listing { provider: name.to_owned(), region: provider.region.clone() };
        listings.insert(provider.name.clone(), listing);
    }
    Ok(listings)
}
