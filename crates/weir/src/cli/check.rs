//! `weir check`: whether a configuration is sound, without starting anything.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

use super::prices::tell;
use super::serve::USUAL;
use crate::config::{Config, Key, Overrides};
use crate::server;

/// What to check.
#[derive(Debug, Clone, clap::Args)]
pub(super) struct CheckOptions {
    /// The configuration.
    #[arg(value_name = "FILE", default_value = USUAL)]
    file: PathBuf,
}

pub(super) fn run(options: &CheckOptions) -> ExitCode {
    let checked = Config::load(&options.file, &Overrides::default()).map_err(|error| error.to_string());
    let checked = checked.and_then(|config| match server::check(&config) {
        Ok(()) => Ok(config),
        Err(error) => Err(format!("{}: {error}", options.file.display())),
    });
    match checked {
        Ok(config) => {
            tell(format_args!("{}: sound", options.file.display()));
            tell(summary(&config).trim_end());
            ExitCode::SUCCESS
        }
        Err(error) => {
            crate::log::say(error);
            ExitCode::FAILURE
        }
    }
}

fn summary(config: &Config) -> String {
    let mut out = String::new();
    let callers = if config.callers.is_empty() { "without keys" } else { "with keys of their own" };
    // Writing to memory cannot fail.
    let _ = writeln!(out, "  callers    at {}, {callers}", config.listen);
    for provider in &config.providers {
        let whose = if matches!(provider.key, Key::Held(_)) { "with a key from here" } else { "with the caller's key" };
        let default = if provider.default { ", for all that belongs to nobody else" } else { "" };
        let (scheme, authority, path) = (&provider.scheme, &provider.authority, &provider.path);
        let _ = writeln!(out, "  provider   {} at {scheme}://{authority}{path}, {whose}{default}", provider.name);
    }
    for route in &config.routes {
        let provider = &config.providers[route.provider].name;
        let _ = writeln!(out, "  route      {} to {} of {provider}", route.model, route.target);
    }
    for field in config.fields.declared.iter() {
        let _ = writeln!(out, "  field      {}{}", field.name, if field.label { ", a label" } else { "" });
    }
    for follower in &config.followers {
        let scheme = if follower.tls { "https" } else { "http" };
        let _ = writeln!(out, "  follower   {} to {scheme}://{}{}", follower.name, follower.authority, follower.path);
    }
    for warning in warnings(config) {
        let _ = writeln!(out, "  look here  {warning}");
    }
    out
}

/// What is allowed and hardly meant.
pub(super) fn warnings(config: &Config) -> Vec<String> {
    let mut warnings = Vec::new();
    for (index, provider) in config.providers.iter().enumerate() {
        let routed = config.routes.iter().any(|route| route.provider == index);
        if provider.models.is_empty() && !provider.default && !routed {
            warnings
                .push(format!("provider \"{}\" gets no request: no models, no route, not the default", provider.name));
        }
    }
    if !config.providers.iter().any(|provider| provider.default) {
        warnings.push("no provider has default = true, so unknown models and other paths get 404".to_owned());
    }
    if !config.listen.ip().is_loopback() && config.tls.is_none() && !config.callers.is_empty() {
        warnings.push("callers' keys cross the network in the clear: there is no [tls]".to_owned());
    }
    let proxied = |name: &&&str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if config.upstream.proxy.is_none()
        && let Some(name) = ["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"].iter().find(proxied)
    {
        warnings.push(format!("{name} is set here and not read: where providers need a way out, set upstream.proxy"));
    }
    if let Some(follower) = config.followers.first() {
        let name = &follower.name;
        if config.stdout {
            warnings.push(format!(
                "Records go to stdout and to follower \"{name}\": where something collects stdout for the same Loki, each \
                 line arrives twice; set stdout = false, or leave the follower to the collector"
            ));
        }
        if config.instance.is_none() {
            warnings.push(format!(
                "follower \"{name}\" sends Records without an instance: another Weir's in the same Loki could not be told \
                 apart from them; set instance"
            ));
        }
    }
    warnings
}
