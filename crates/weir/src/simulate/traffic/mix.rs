//! Mix: where requests go, for which models, under which key — as written on the command line.

use std::fmt;
use std::str::FromStr;

use http::Uri;

/// The base URL of an API: `http://host[:port][/path]`.
#[derive(Clone, Debug, PartialEq)]
pub struct BaseUrl {
    host: String,
    port: u16,
    path: String,
}

impl BaseUrl {
    /// The URL of an API on this machine, at `port`, under `/v1`.
    pub fn local(port: u16) -> BaseUrl {
        BaseUrl { host: "127.0.0.1".to_owned(), port, path: "/v1".to_owned() }
    }

    /// Host and port, as `connect` takes them.
    pub(super) fn address(&self) -> (&str, u16) {
        (self.host.trim_matches(['[', ']']), self.port)
    }

    /// Host and port, as the `host` header has them.
    pub(super) fn authority(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// The path of `endpoint` under this base.
    pub(super) fn path(&self, endpoint: &str) -> String {
        format!("{}{endpoint}", self.path)
    }
}

impl Default for BaseUrl {
    fn default() -> BaseUrl {
        BaseUrl::local(4000)
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "http://{}:{}{}", self.host, self.port, self.path)
    }
}

impl FromStr for BaseUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<BaseUrl, String> {
        let uri: Uri = text.parse().map_err(|error| format!("not a URL: {error}"))?;
        if uri.scheme_str() != Some("http") {
            return Err("simulated traffic goes over http:// only".to_owned());
        }
        let host = uri.host().filter(|host| !host.is_empty()).ok_or("the URL names no host")?;
        let path = uri.path().trim_end_matches('/').to_owned();
        Ok(BaseUrl { host: host.to_owned(), port: uri.port_u16().unwrap_or(80), path })
    }
}

/// A model and how often it is asked for, relative to the others.
#[derive(Clone, Debug, PartialEq)]
pub struct WeightedModel {
    /// The name, as sent.
    pub name: String,
    /// The weight; above 0.
    pub weight: f64,
}

impl fmt::Display for WeightedModel {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}={}", self.name, self.weight)
    }
}

impl FromStr for WeightedModel {
    type Err = String;

    fn from_str(text: &str) -> Result<WeightedModel, String> {
        let (name, weight) = text.rsplit_once('=').unwrap_or((text, "1"));
        let weight: f64 = weight.parse().map_err(|_| format!("'{weight}' is not a weight"))?;
        if name.is_empty() || !(weight > 0.0 && weight.is_finite()) {
            return Err("this takes a model and a weight above 0, as in gpt-4=2".to_owned());
        }
        Ok(WeightedModel { name: name.to_owned(), weight })
    }
}

/// The models of the default mix.
pub(super) fn default_models() -> Vec<WeightedModel> {
    [
        ("gpt-4", 1.5),
        ("gpt-3.5-turbo", 2.0),
        ("gpt-4-turbo", 1.0),
        ("gpt-4.1-mini", 3.0),
        ("gpt-4o", 2.0),
        ("text-embedding-3-small", 1.0),
    ]
    .map(|(name, weight)| WeightedModel { name: name.to_owned(), weight })
    .to_vec()
}

/// A key, shown nowhere.
#[derive(Clone, PartialEq)]
pub struct ApiKey(pub(super) String);

impl FromStr for ApiKey {
    type Err = String;

    fn from_str(text: &str) -> Result<ApiKey, String> {
        if text.is_empty() || text.bytes().any(|byte| !byte.is_ascii_graphic()) {
            return Err("a key has visible ASCII characters only".to_owned());
        }
        Ok(ApiKey(text.to_owned()))
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("ApiKey(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_base_url_is_read_and_shown() {
        let url: BaseUrl = "http://[::1]:8080/proxy/v1/".parse().unwrap();
        assert_eq!(url.to_string(), "http://[::1]:8080/proxy/v1");
        assert_eq!(url.address(), ("::1", 8080));
        assert_eq!(url.path("/models"), "/proxy/v1/models");
        assert_eq!("http://weir".parse::<BaseUrl>().unwrap().authority(), "weir:80");
        for text in ["https://weir/v1", "weir", "/v1", "http:///v1", ""] {
            assert!(text.parse::<BaseUrl>().is_err(), "{text}");
        }
    }

    #[test]
    fn weights_and_keys_are_checked() {
        assert_eq!("gpt-4".parse(), Ok(WeightedModel { name: "gpt-4".to_owned(), weight: 1.0 }));
        assert_eq!("a=b=2.5".parse(), Ok(WeightedModel { name: "a=b".to_owned(), weight: 2.5 }));
        assert!("gpt-4=0".parse::<WeightedModel>().is_err() && "=1".parse::<WeightedModel>().is_err());
        assert!("two words".parse::<ApiKey>().is_err());
        assert_eq!(format!("{:?}", "secret".parse::<ApiKey>().unwrap()), "ApiKey(…)");
    }
}
