//! Providers: who they are, how they are reached, what they ask for.

use std::path::PathBuf;

use http::HeaderValue;
use http::uri::{Authority, Scheme, Uri};
use meter::catalog::of_host;
use meter::pattern::Pattern;

use super::presets::{PRESETS, Preset};
use super::written::{OnClientGone, WrittenProvider, WrittenUpstream};
use super::{ConfigError, invalid, secret};

/// Whose key a provider is shown.
#[derive(Debug, Clone)]
pub enum Key {
    /// The caller's own, as it came.
    Caller,
    /// Weir's: the value of the `authorization` header, marked so that it is never printed.
    Held(HeaderValue),
}

impl Key {
    /// The key that Weir holds.
    #[must_use]
    pub fn secret(&self) -> Option<&str> {
        let Key::Held(value) = self else { return None };
        value.to_str().ok()?.strip_prefix("Bearer ")
    }

    /// What of a held key must not stand in a text that a provider wrote.
    #[must_use]
    pub fn shown(&self) -> Option<&str> {
        let Key::Held(value) = self else { return None };
        shown_in(value)
    }
}

/// Bytes below which nothing is taken for a key: what stands in such a header for form's sake is no secret.
const MIN_KEY: usize = 4;

/// The key in a header that carries one.
#[must_use]
pub fn shown_in(value: &HeaderValue) -> Option<&str> {
    let shown = std::str::from_utf8(value.as_bytes()).ok()?.trim();
    let secret = match shown.split_once(' ') {
        Some((scheme, key)) if ["bearer", "basic"].iter().any(|other| scheme.eq_ignore_ascii_case(other)) => key.trim(),
        _ => shown,
    };
    Some(secret).filter(|secret| secret.len() >= MIN_KEY)
}

/// Who answers.
#[derive(Debug, Clone)]
pub struct Provider {
    /// Its name on Records and labels.
    pub name: String,
    /// http or https.
    pub scheme: Scheme,
    /// Host, and port where it is not the scheme's own.
    pub authority: Authority,
    /// What stands in the `host` header.
    pub host: HeaderValue,
    /// What takes the place of `/v1`: `/v1`, or `/v1beta/openai`.
    pub path: String,
    /// Whose key it is shown.
    pub key: Key,
    /// The models it serves.
    pub models: Vec<Pattern>,
    /// Whether it gets what belongs to nobody else.
    pub default: bool,
    /// Whether it may be asked for the usage of a stream.
    pub inject_usage: bool,
    /// Where its models run, if that is known and makes a difference to the price.
    pub region: Option<String>,
    /// What happens to an answer whose caller has gone.
    pub on_client_gone: OnClientGone,
}

impl Provider {
    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.is_tls() { 443 } else { 80 })
    }

    /// Whether it is reached through TLS.
    #[must_use]
    pub fn is_tls(&self) -> bool {
        self.scheme == Scheme::HTTPS
    }
}

/// How providers are reached.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upstream {
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy on the way out.
    pub proxy: Option<Authority>,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<String>,
}

impl Upstream {
    /// The proxy on the way to `host`, if there is one.
    #[must_use]
    pub fn proxy_for(&self, host: &str) -> Option<&Authority> {
        let direct = |name: &String| {
            let suffix = name.trim_start_matches("*.").trim_start_matches('.');
            name == "*" || host == suffix || host.strip_suffix(suffix).is_some_and(|rest| rest.ends_with('.'))
        };
        self.proxy.as_ref().filter(|_| !self.no_proxy.iter().any(direct))
    }

    /// Whether a request to `host` asks the proxy itself, in absolute form; with TLS it asks for a tunnel to the host.
    #[must_use]
    pub fn asks_proxy(&self, tls: bool, host: &str) -> bool {
        !tls && self.proxy_for(host).is_some()
    }
}

pub(super) fn upstream(written: &WrittenUpstream) -> Result<Upstream, ConfigError> {
    let proxy = written.proxy.as_deref().filter(|text| !text.is_empty()).map(|text| {
        let uri: Uri = text
            .parse()
            .map_err(|_| invalid("upstream.proxy", format_args!("{:?} is not a URL", secret::address(text))))?;
        let plain = uri.scheme().is_none_or(|scheme| *scheme == Scheme::HTTP);
        let whole = |authority: &&Authority| plain && !text.contains('@') && has_sound_port(authority);
        uri.authority().filter(whole).cloned().ok_or_else(|| {
            invalid("upstream.proxy", "write \"http://HOST:PORT\"; other schemes and logins are not supported")
        })
    });
    Ok(Upstream { ca_file: written.ca_file.clone(), proxy: proxy.transpose()?, no_proxy: written.no_proxy.clone() })
}

pub(super) fn providers(written: &[WrittenProvider]) -> Result<Vec<Provider>, ConfigError> {
    let mut providers: Vec<Provider> = Vec::with_capacity(written.len());
    for one in written {
        let provider = provider(&completed(one)?)?;
        if providers.iter().any(|other| other.name == provider.name) {
            return Err(invalid(format!("providers.\"{}\"", provider.name), "this name is taken twice"));
        }
        providers.push(provider);
    }
    let defaults = providers.iter().filter(|provider| provider.default).count();
    match (defaults, providers.as_mut_slice()) {
        // Where there is only one provider there is no question.
        (0, [only]) => only.default = true,
        (0 | 1, _) => {}
        _ => return Err(invalid("providers", "more than one has default = true")),
    }
    Ok(providers)
}

/// With what its preset fills in. A name alone is a preset's where there is no address beside it: who writes both may mean
/// anything by the name.
fn completed(written: &WrittenProvider) -> Result<WrittenProvider, ConfigError> {
    let place = |key: &str| format!("providers.\"{}\".{key}", written.name);
    let names = || PRESETS.iter().map(|preset| preset.name).collect::<Vec<_>>().join(", ");
    let mut completed = written.clone();
    let preset = match &written.preset {
        Some(name) => Some(Preset::named(name).ok_or_else(|| {
            invalid(place("preset"), format_args!("there is no preset {name:?}; there are {}", names()))
        })?),
        None => Preset::named(&written.name).filter(|_| written.base_url.is_none()),
    };
    if let Some(preset) = preset {
        preset.complete(&mut completed);
    }
    match (&completed.base_url, preset) {
        (Some(_), _) => Ok(completed),
        (None, Some(preset)) => {
            Err(invalid(place("base_url"), format_args!("is missing; yours has the form \"{}\"", preset.base_url)))
        }
        (None, None) => Err(invalid(place("base_url"), format_args!("is missing; write it, or a preset: {}", names()))),
    }
}

fn provider(written: &WrittenProvider) -> Result<Provider, ConfigError> {
    let place = |key: &str| format!("providers.\"{}\".{key}", written.name);
    if written.name.is_empty() || written.name.len() > 64 || written.name.chars().any(char::is_control) {
        return Err(invalid("providers.name", "a name has 1 to 64 characters"));
    }
    let base_url = written.base_url.as_deref().unwrap_or_default();
    let bad_url = || {
        let reason = format_args!(
            "{:?} is not a URL such as \"https://api.openai.com/v1\", without login and query",
            secret::address(base_url)
        );
        invalid(place("base_url"), reason)
    };
    // A password with a slash in it ends the host too early, so an `@` is one wherever it stands; nothing is repeated.
    if base_url.contains('@') {
        return Err(invalid(place("base_url"), "has an @: a login does not belong there; set api_key = \"env:NAME\""));
    }
    let uri: Uri = base_url.parse().map_err(|_| bad_url())?;
    let scheme =
        uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS).ok_or_else(bad_url)?;
    let authority = uri.authority().ok_or_else(bad_url)?;
    if !has_sound_port(authority) {
        return Err(invalid(place("base_url"), "has no port from 1 to 65535 behind its host's colon"));
    }
    if uri.query().is_some() {
        return Err(bad_url());
    }
    Ok(Provider {
        name: written.name.clone(),
        scheme: scheme.clone(),
        host: HeaderValue::from_str(authority.as_str()).map_err(|_| bad_url())?,
        authority: authority.clone(),
        path: uri.path().trim_end_matches('/').to_owned(),
        key: key(written.api_key.as_deref()).map_err(|reason| invalid(place("api_key"), reason))?,
        models: written.models.iter().map(|text| Pattern::new(text)).collect(),
        default: written.default,
        inject_usage: written.inject_usage.unwrap_or(true),
        region: written.region.clone().or_else(|| of_host(authority.host())?.1.map(str::to_owned)),
        on_client_gone: written.on_client_gone,
    })
}

/// Whether what stands behind a host is nothing, or a port. The parser of addresses lets anything pass there, and what it
/// cannot read as a number would silently be the usual port.
pub(super) fn has_sound_port(authority: &Authority) -> bool {
    match authority.as_str().rsplit_once('@').map_or(authority.as_str(), |(_, place)| place).rsplit_once(':') {
        // The last colon of an address of version 6 is its own.
        Some((_, rest)) if !rest.ends_with(']') => rest.parse::<u16>().is_ok_and(|port| port > 0),
        _ => true,
    }
}

fn key(written: Option<&str>) -> Result<Key, String> {
    let secret = match written {
        None | Some("caller") => return Ok(Key::Caller),
        Some(text) => secret::read(text, "\"caller\"")?,
    };
    let mut value = HeaderValue::from_str(&format!("Bearer {secret}"))
        .map_err(|_| "the key has characters that no key has".to_owned())?;
    value.set_sensitive(true);
    Ok(Key::Held(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_a_number() {
        for sound in ["h", "h:1", "h:65535", "1.2.3.4:80", "[::1]", "[::1]:443"] {
            assert!(has_sound_port(&Authority::from_static(sound)), "{sound}");
        }
        for text in ["h:", "h:0", "h:65536", "h:KEY", "h:80a", "[::1]:x"] {
            assert!(text.parse::<Authority>().map_or(true, |authority| !has_sound_port(&authority)), "{text}");
        }
    }

    #[test]
    fn the_way_out() {
        let upstream = Upstream {
            proxy: Some(Authority::from_static("proxy:3128")),
            no_proxy: vec!["localhost".to_owned(), ".corp".to_owned()],
            ..Upstream::default()
        };
        assert!(upstream.proxy_for("api.openai.com").is_some());
        assert!(upstream.proxy_for("localhost").is_none());
        assert!(upstream.proxy_for("llm.corp").is_none());
        assert!(upstream.proxy_for("notlocalhost").is_some());
    }
}
