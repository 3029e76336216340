//! `weir energy update`.

use std::path::PathBuf;

use meter::energy::feed;

use super::{configured, tell};
use crate::cli::prices::fetch;
use crate::prices::write;

const MODELS: &str = "https://raw.githubusercontent.com/mlco2/ecologits/main/ecologits/data/models.json";
const MIXES: &str = "https://raw.githubusercontent.com/mlco2/ecologits/main/ecologits/data/electricity_mixes.json";

const DAY_NANOS: u64 = 86_400_000_000_000;

/// How to update.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// Sizes of models, in the shape of EcoLogits' models.json: a file or a URL.
    #[arg(long, value_name = "FILE|URL", default_value = MODELS)]
    models: String,
    /// Electricity by zone, in the shape of EcoLogits' electricity_mixes.json: a file or a URL.
    #[arg(long, value_name = "FILE|URL", default_value = MIXES)]
    mixes: String,
    /// The directory where the tables are written; `data_dir`, where `weir serve` finds them, if not given.
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,
    /// The day on which the feeds were fetched, as 2026-11-23; today if not given.
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Show what would change and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// The configuration, for `data_dir` and `[upstream]`; without it weir.toml here, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the tables lie, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let config = configured(options.config.as_deref(), options.data_dir.as_ref())?;
    let today = match &options.as_of {
        Some(text) => {
            meter::time::parse_day(text).ok_or_else(|| format!("--as-of {text}: write a date as 2026-11-23"))?
        }
        None => u32::try_from(crate::recorder::now() / DAY_NANOS).map_err(|error| error.to_string())?,
    };
    let day = meter::time::day_text(today);
    let (known, zones) = (config.energy.book().models.clone(), meter::carbon::Mixes::embedded());
    let text = |place: &str| String::from_utf8(fetch(place, &config)?).map_err(|_| format!("{place} is not text"));
    let models =
        feed::models(&text(&options.models)?, &known, &day).map_err(|error| format!("{}: {error}", options.models))?;
    let mixes =
        feed::mixes(&text(&options.mixes)?, &zones, &day).map_err(|error| format!("{}: {error}", options.mixes))?;
    for (name, update) in [("models", &models), ("zones", &mixes)] {
        update.changes.iter().for_each(tell);
        tell(format_args!("{} {name}, {} changed", update.rows, update.changes.len()));
    }
    if options.dry_run {
        tell("nothing was written");
        return Ok(());
    }
    let to = options.to.as_ref().unwrap_or(&config.data_dir);
    for (name, update) in [(crate::energy::MODELS, &models), (crate::energy::MIXES, &mixes)] {
        let path = to.join(name);
        write(&path, &update.text).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    tell(format_args!("written to {}; a running Weir takes them over", to.display()));
    Ok(())
}
