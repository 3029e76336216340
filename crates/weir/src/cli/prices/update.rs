//! `weir prices update`.

use std::path::PathBuf;

use http::Uri;
use meter::catalog::{Change, Feed, Limits, Update, merge};
use meter::time;

use super::tell;
use crate::config::Config;
use crate::prices;
use crate::proxy::download;

const LITELLM: &str = "https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json";
const GENAI_PRICES: &str = "https://raw.githubusercontent.com/pydantic/genai-prices/main/prices/new_data/v2/data.json";

/// Changes of a kind that are printed before the rest is only counted.
const MOST_LINES: usize = 200;

const DAY_NANOS: u64 = 86_400_000_000_000;

/// How to update.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// A feed: a file or a URL, several times for several; LiteLLM's and genai-prices' published ones if none is given.
    #[arg(long, value_name = "FILE|URL")]
    from: Vec<String>,
    /// Where the catalogue is written; prices.tsv in `data_dir`, where `weir serve` finds it, if not given.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// The day on which the feeds were fetched, as 2026-11-23; today if not given.
    #[arg(long, value_name = "DATE")]
    as_of: Option<String>,
    /// Refuse prices that rise or fall by more than this factor.
    #[arg(long, value_name = "FACTOR", default_value_t = Limits::default().jump)]
    max_jump: f64,
    /// Refuse a feed that has less than this share of the rows it had.
    #[arg(long, value_name = "SHARE", default_value_t = Limits::default().rows)]
    min_rows: f64,
    /// Show what would change and write nothing.
    #[arg(long)]
    dry_run: bool,
    /// The configuration, for `data_dir` and `[upstream]`; without it weir.toml here, if there is one.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Where the catalogue lies, in place of `data_dir`.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
}

pub(super) fn run(options: &Options) -> Result<(), String> {
    let config = super::configured(options.config.as_deref(), options.data_dir.as_ref())?;
    let today = match &options.as_of {
        Some(text) => time::parse_day(text).ok_or_else(|| format!("--as-of {text}: write a date as 2026-11-23"))?,
        None => u32::try_from(crate::recorder::now() / DAY_NANOS).map_err(|error| error.to_string())?,
    };
    let usual = [LITELLM, GENAI_PRICES].map(str::to_owned);
    let from = if options.from.is_empty() { &usual[..] } else { &options.from };
    let mut feeds = Vec::new();
    for place in from {
        let bytes = fetch(place, &config)?;
        let feed = Feed::read(&bytes, today).map_err(|error| format!("{place}: {error}"))?;
        tell(format_args!("{place}: {} rows", feed.rows.len()));
        feeds.push(feed);
    }
    let catalog = &config.prices.book().catalog;
    let limits = Limits { jump: options.max_jump, rows: options.min_rows };
    let update = merge(catalog, &feeds, today, &limits)
        .map_err(|refusal| format!("nothing was changed: {refusal}; --max-jump and --min-rows allow more"))?;
    show(&update);
    let to = options.to.clone().unwrap_or_else(|| prices::place(&config.data_dir));
    if options.dry_run {
        tell("nothing was written");
        return Ok(());
    }
    prices::write(&to, &update.text).map_err(|error| format!("{}: {error}", to.display()))?;
    tell(format_args!("{} rows in {}; a running Weir reads it at its next start", update.rows, to.display()));
    Ok(())
}

pub(in crate::cli) fn fetch(place: &str, config: &Config) -> Result<Vec<u8>, String> {
    let named = |error: std::io::Error| format!("{place}: {error}");
    if !place.starts_with("https://") && !place.starts_with("http://") {
        let length = std::fs::metadata(place).map_err(named)?.len();
        if length > prices::MOST_BYTES as u64 {
            return Err(format!("{place} is longer than {} bytes", prices::MOST_BYTES));
        }
        return std::fs::read(place).map_err(named);
    }
    let url: Uri = place.parse().map_err(|_| format!("{place} is not a URL"))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(named)?;
    let body = runtime.block_on(download(&config.upstream, &url, prices::MOST_BYTES)).map_err(named)?;
    Ok(body.to_vec())
}

/// What changes, prices first, of each kind so many lines.
fn show(update: &Update) {
    const KINDS: [&str; 3] = ["with another standard price", "added", "removed"];
    let kind = |change: &Change| match change {
        Change::Price { .. } => 0,
        Change::Added { .. } => 1,
        Change::Removed { .. } => 2,
    };
    for (index, name) in KINDS.into_iter().enumerate() {
        let changes: Vec<&Change> = update.changes.iter().filter(|change| kind(change) == index).collect();
        changes.iter().take(MOST_LINES).for_each(tell);
        if changes.len() > MOST_LINES {
            tell(format_args!("… and {} more", changes.len() - MOST_LINES));
        }
        tell(format_args!("{} {name}", changes.len()));
    }
}
