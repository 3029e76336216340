//! The tables brought up to date: sizes of models and electricity by zone, in the shapes in which EcoLogits publishes them.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{Basis, Models, Profile, Row};
use crate::carbon::{Mix, Mixes};

/// The letter of EcoLogits on rows.
const LETTER: &str = "E";
/// The share of rows that a feed must still have.
const MOST_GONE: f64 = 0.8;

/// What an update comes to.
#[derive(Debug, Clone, PartialEq)]
pub struct Update {
    /// The new table.
    pub text: String,
    /// Its rows.
    pub rows: usize,
    /// What is different, a line each.
    pub changes: Vec<String>,
}

/// A table of models, of EcoLogits' `models.json`; rows of other sources stay.
///
/// # Errors
/// It is no such list, or far fewer models than before are in it.
pub fn models(text: &str, known: &Models, day: &str) -> Result<Update, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = json["models"].as_array().ok_or("it has no list `models`")?;
    let mut rows: BTreeMap<(String, String), Row> = BTreeMap::new();
    for row in list.iter().filter_map(model) {
        rows.insert((row.provider.clone(), row.model.clone()), row);
    }
    enough(rows.len(), known.rows().iter().filter(|row| row.source == LETTER).count())?;
    for alias in json["aliases"].as_array().into_iter().flatten() {
        let word = |name: &str| alias[name].as_str().map(clean);
        if let (Some(provider), Some(name), Some(of)) = (word("provider"), word("name"), word("alias"))
            && let Some(row) = rows.get_mut(&(provider, of))
        {
            row.aliases.push(name);
        }
    }
    for row in known.rows() {
        let key = (row.provider.clone(), row.model.clone());
        match rows.get_mut(&key) {
            Some(new) => new.profile.bits = row.profile.bits,
            None if row.source != LETTER => drop(rows.insert(key, row.clone())),
            None => {}
        }
    }
    let rows: Vec<Row> = rows.into_values().collect();
    let before = known.rows().iter().map(|row| ((&*row.provider, &*row.model), format!("{:?}", row.profile)));
    let after = rows.iter().map(|row| ((&*row.provider, &*row.model), format!("{:?}", row.profile)));
    let name = |(provider, model): &(&str, &str)| format!("{provider}/{model}");
    let changes = changes(before.collect(), after.collect(), name);
    let text = Models::to_text(&sources(known.sources(), day), &rows);
    Models::parse(&text)?;
    Ok(Update { text, rows: rows.len(), changes })
}

/// A table of electricity, of EcoLogits' `electricity_mixes.json`; zones of other sources stay.
///
/// # Errors
/// It is no such list, or far fewer zones than before are in it.
pub fn mixes(text: &str, known: &Mixes, day: &str) -> Result<Update, String> {
    let json: Value = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let list = json["electricity_mixes"].as_array().ok_or("it has no list `electricity_mixes`")?;
    let mut rows: BTreeMap<String, Mix> = BTreeMap::new();
    for mut mix in list.iter().filter_map(zone) {
        if let Some(before) = known.get(&mix.zone) {
            mix.name.clone_from(&before.name);
        }
        rows.insert(mix.zone.clone(), mix);
    }
    enough(rows.len(), known.rows().iter().filter(|mix| mix.source == "ecologits").count())?;
    for mix in known.rows().iter().filter(|mix| mix.source != "ecologits") {
        rows.entry(mix.zone.clone()).or_insert_with(|| mix.clone());
    }
    let rows: Vec<Mix> = rows.into_values().collect();
    let grams = |mix: &Mix| format!("{} g/kWh", mix.gco2e_per_kwh);
    let before = known.rows().iter().map(|mix| (&*mix.zone, grams(mix)));
    let after = rows.iter().map(|mix| (&*mix.zone, grams(mix)));
    let changes = changes(before.collect(), after.collect(), |zone| (*zone).to_owned());
    let text = Mixes::to_text(&sources(known.sources(), day), &rows);
    Mixes::parse(&text)?;
    Ok(Update { text, rows: rows.len(), changes })
}

fn enough(now: usize, before: usize) -> Result<(), String> {
    if (now as f64) < before as f64 * MOST_GONE {
        return Err(format!("{now} rows, and there were {before}: more than a few are missing"));
    }
    Ok(())
}

/// The same sources, EcoLogits' of that day.
fn sources(known: &[(String, String, String)], day: &str) -> Vec<(String, String, String)> {
    let mut sources = known.to_vec();
    for (letter, date, name) in &mut sources {
        if letter == LETTER {
            day.clone_into(date);
            if let Some((_, rest)) = name.split_once(',') {
                *name = format!("EcoLogits,{rest}");
            }
        }
    }
    sources
}

fn changes<K: Ord + Copy>(
    before: BTreeMap<K, String>,
    after: BTreeMap<K, String>,
    name: impl Fn(&K) -> String,
) -> Vec<String> {
    let changed = after.iter().filter_map(|(key, now)| match before.get(key) {
        None => Some(format!("+ {}", name(key))),
        Some(was) if was != now => Some(format!("~ {}: {was} → {now}", name(key))),
        Some(_) => None,
    });
    let gone = before.keys().filter(|key| !after.contains_key(key)).map(|key| format!("- {}", name(key)));
    changed.chain(gone).collect()
}

/// A name that cannot break a line.
fn clean(name: &str) -> String {
    let name: String = name.chars().filter(|character| !character.is_control() && *character != ',').collect();
    name.trim_start_matches('#').to_owned()
}

fn model(json: &Value) -> Option<Row> {
    let parameters = &json["architecture"]["parameters"];
    let (active, total) = match range(parameters) {
        Some(all) => (all, all),
        None => (range(&parameters["active"])?, range(&parameters["total"])?),
    };
    let guessed = json["warnings"].as_array().is_some_and(|all| all.iter().any(|one| one == "model-arch-not-released"));
    let speed = |names: [&str; 2]| {
        let places = [json, &json["deployment"]];
        let found = places.iter().flat_map(|place| names.iter().map(move |name| &place[*name])).find_map(Value::as_f64);
        found.filter(|value| (1e-3..1e6).contains(value)).map(|value| (value * 1e6).round() / 1e6)
    };
    let profile = Profile {
        active,
        total,
        bits: None,
        tokens_per_second: speed(["tps", "throughput"]),
        first_token_seconds: speed(["ttft", "ttft_s"]),
        basis: if guessed { Basis::Guessed } else { Basis::Disclosed },
    };
    let (provider, model) = (clean(json["provider"].as_str()?), clean(json["name"].as_str()?));
    (!model.is_empty()).then_some(Row { provider, model, profile, source: LETTER.to_owned(), aliases: Vec::new() })
}

/// A number, or the least and the most.
fn range(json: &Value) -> Option<(f64, f64)> {
    let size =
        |json: &Value| json.as_f64().filter(|size| (1e-3..1e5).contains(size)).map(|size| (size * 1e6).round() / 1e6);
    if let Some(one) = size(json) {
        return Some((one, one));
    }
    let (least, most) = (size(&json["min"])?, size(&json["max"])?);
    (least <= most).then_some((least, most))
}

fn zone(json: &Value) -> Option<Mix> {
    let number = |name: &str| json[name].as_f64().filter(|value| (0.0..1e4).contains(value));
    let zone = clean(json["name"].as_str()?);
    let grams = (number("gwp")? * 1e9).round() / 1e6;
    (!zone.is_empty() && grams < 5000.0).then(|| Mix {
        name: zone.clone(),
        zone,
        gco2e_per_kwh: grams,
        adpe_kgsb_per_kwh: number("adpe"),
        primary_mj_per_kwh: number("pe"),
        water_l_per_kwh: number("wue"),
        year: None,
        source: "ecologits".to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_as_they_are_published() {
        let known = Models::parse(
            "# E 2026-01-01 EcoLogits 0.1, models\n# M 2026-01-01 Somebody\n\
             openai\told\t8\t8\t8\t8\tdisclosed\t-\t-\t-\tE\nx\topen-8b\t8\t8\t8\t8\tdisclosed\t8\t-\t-\tM\n",
        )
        .unwrap();
        let text = r#"{"aliases":[{"provider":"openai","name":"big-latest","alias":"big"}],"models":[
            {"provider":"openai","name":"big","architecture":{"type":"moe","parameters":{"total":440,"active":{"min":44,"max":132}}},
             "warnings":["model-arch-not-released"],"deployment":{"tps":74.5,"ttft":0.5}},
            {"provider":"openai","name":"no\tsize","architecture":{}}]}"#;
        let update = models(text, &known, "2026-11-24").unwrap();
        assert_eq!((update.rows, update.changes), (2, vec!["+ openai/big".to_owned(), "- openai/old".to_owned()]));
        let again = Models::parse(&update.text).unwrap();
        let row = again.row("big-latest").unwrap();
        assert_eq!(
            (row.profile.active, row.profile.total, row.profile.basis),
            ((44.0, 132.0), (440.0, 440.0), Basis::Guessed)
        );
        assert_eq!(row.profile.tokens_per_second, Some(74.5));
        assert!(again.row("open-8b").is_some() && update.text.contains("# E 2026-11-24 EcoLogits, models"));
        assert!(models("{\"models\":[]}", &known, "2026-11-24").unwrap_err().contains("missing"));
        assert!(models("[]", &known, "2026-11-24").is_err());
    }

    #[test]
    fn electricity_as_it_is_published() {
        let known =
            Mixes::parse("DEU\tGermany\t344\t-\t-\t-\t-\tecologits\nSE3\tSweden\t20\t-\t-\t-\t2025\tcodecarbon\n")
                .unwrap();
        let text = r#"{"electricity_mixes":[{"name":"DEU","adpe":8.8e-8,"pe":8.7,"gwp":0.33044,"wue":1.947,"warnings":null}]}"#;
        let update = mixes(text, &known, "2026-11-24").unwrap();
        assert_eq!((update.rows, update.changes), (2, vec!["~ DEU: 344 g/kWh → 330.44 g/kWh".to_owned()]));
        let again = Mixes::parse(&update.text).unwrap();
        assert_eq!(again.get("DEU").map(|mix| (mix.gco2e_per_kwh, mix.name.as_str())), Some((330.44, "Germany")));
        assert!(again.get("se3").is_some());
    }
}
