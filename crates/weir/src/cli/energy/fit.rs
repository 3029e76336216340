//! `weir energy evaluate` and `weir energy fit`.

use std::path::{Path, PathBuf};

use meter::energy::{Measured, calibrate, evaluate as compare, read_measured};

use super::tell;

/// The largest file of measurements, in bytes.
const MOST_BYTES: u64 = 64 << 20;

/// What to compare with.
#[derive(Debug, clap::Args)]
pub(super) struct Options {
    /// The measurements: CSV with the columns task, model, precision, active_b, total_b, num_gpus, avg_batch,
    /// avg_output_tokens and j_per_output_token.
    #[arg(value_name = "CSV")]
    measured: PathBuf,
}

/// What to fit to.
#[derive(Debug, clap::Args)]
pub(super) struct FitOptions {
    #[command(flatten)]
    from: Options,
    /// Where the coefficients are written; shown if not given.
    #[arg(long, value_name = "FILE")]
    to: Option<PathBuf>,
    /// What the measurements are, with their date, for the file's head.
    #[arg(long, value_name = "TEXT", default_value = "measurements of one's own")]
    source: String,
}

fn measured(path: &Path) -> Result<Vec<Measured>, String> {
    let named = |error: std::io::Error| format!("{}: {error}", path.display());
    if std::fs::metadata(path).map_err(named)?.len() > MOST_BYTES {
        return Err(format!("{} is longer than {MOST_BYTES} bytes", path.display()));
    }
    let text = std::fs::read_to_string(path).map_err(named)?;
    read_measured(&text).map_err(|reason| format!("{}: {reason}", path.display()))
}

pub(super) fn evaluate(options: &Options) -> Result<(), String> {
    let evaluation = compare(&measured(&options.measured)?)?;
    tell(evaluation.to_string().trim_end());
    Ok(())
}

pub(super) fn fit(options: &FitOptions) -> Result<(), String> {
    let rows = measured(&options.from.measured)?;
    let about = format!("{}; {} rows; made by `weir energy fit`", options.source.replace('\n', " "), rows.len());
    let text = calibrate(&rows)?.to_text(&about);
    match &options.to {
        Some(path) => std::fs::write(path, text).map_err(|error| format!("{}: {error}", path.display())),
        None => {
            tell(text.trim_end());
            Ok(())
        }
    }
}
