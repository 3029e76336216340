//! `weir replay`: sends again what a follower had to set aside.

use std::path::PathBuf;
use std::process::ExitCode;

use super::prices::tell;
use super::serve::USUAL;
use crate::config::{ConfigError, LokiConfig, load_followers};
use crate::sink::loki::replay;

/// What to send again.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct ReplayOptions {
    /// The configuration that names the followers.
    #[arg(long, value_name = "FILE", default_value = USUAL)]
    config: PathBuf,
    /// The directory that Weir writes to, in place of the configuration's.
    #[arg(long, value_name = "DIR")]
    data_dir: Option<PathBuf>,
    /// The follower whose dead letters are sent; all followers, if none is named.
    #[arg(long, value_name = "NAME")]
    follower: Option<String>,
}

pub(super) fn run(options: &ReplayOptions) -> ExitCode {
    let (data_dir, followers) = match chosen(options) {
        Ok(chosen) => chosen,
        Err(error) => {
            crate::log::say(error);
            return ExitCode::FAILURE;
        }
    };
    let mut sound = true;
    for follower in &followers {
        match replay(follower, &data_dir) {
            Ok(replayed) => {
                let (sent, refused) = (replayed.sent, replayed.refused);
                tell(format_args!("{}: {sent} lines sent, {refused} refused again", follower.name));
                sound &= replayed.refused == 0;
            }
            Err(error) => {
                crate::log::say(format_args!("{}: {error}; its dead letters stay where they are", follower.name));
                sound = false;
            }
        }
    }
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn chosen(options: &ReplayOptions) -> Result<(PathBuf, Vec<LokiConfig>), ConfigError> {
    let (data_dir, mut followers) = load_followers(&options.config)?;
    if let Some(name) = &options.follower {
        followers.retain(|follower| follower.name == *name);
    }
    if followers.is_empty() {
        let reason = match &options.follower {
            Some(name) => format!("{} has no follower named \"{name}\"", options.config.display()),
            None => format!("{} names none", options.config.display()),
        };
        return Err(ConfigError::Invalid { place: "followers".to_owned(), reason });
    }
    Ok((options.data_dir.clone().unwrap_or(data_dir), followers))
}
