//! Followers: where Records go beside the journal and stdout.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::uri::{Authority, Scheme, Uri};
use meter::record::{FIELDS, Role, field};
use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Bytes, Span};
use super::caller::callers;
use super::field::fields;
use super::provider::has_sound_port;
use super::{Auth, ConfigError, Fields, Secret, Written, invalid};

/// Where lines are pushed to, below the address.
const PUSH: &str = "/loki/api/v1/push";
/// Where a hub is fed, below its address.
const HUB: &str = "/api/v1/hub";
/// Labels of every line that are there unless others are given.
pub const USUAL_LABELS: [(&str, &str); 2] = [("app", "llm-proxy"), ("namespace", "llm")];
/// How many labels a line may have: one less than Loki's `max_label_names_per_series`, because Loki adds `service_name` by
/// itself, which some of its versions count.
const MAX_LABELS: usize = 14;
/// Bytes of a label's name and of its value (`max_label_name_length`, `max_label_value_length`).
const MAX_LABEL_NAME: usize = 1024;
const MAX_LABEL_VALUE: usize = 2048;
/// Above this a gRPC message within Loki would be too large (`grpc_server_max_recv_msg_size` is 4 MiB).
const MAX_BATCH: u64 = 3 << 20;
/// Below this a line of the largest size and its labels would not fit.
const MIN_BATCH: u64 = 64 << 10;

/// Where Records go beside the journal and stdout.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenFollower {
    /// What it is: "loki", or "weir" for another Weir that is a hub.
    pub kind: FollowerKind,
    /// Its name on /metrics and in data_dir; if not given, its kind.
    #[serde(default)]
    pub name: Option<String>,
    /// The address: "http://loki:3100".
    pub url: String,
    /// The tenant, sent as X-Scope-OrgID.
    #[serde(default)]
    pub tenant: Option<String>,
    /// The user of basic authentication.
    #[serde(default)]
    pub username: Option<String>,
    /// "env:NAME" or "file:PATH": the password of basic authentication.
    #[serde(default)]
    pub password: Option<String>,
    /// "env:NAME" or "file:PATH": a token, sent as authorization: Bearer.
    #[serde(default)]
    pub bearer_token: Option<String>,
    /// Certificates to trust beside the system's, PEM.
    #[serde(default)]
    pub ca_file: Option<PathBuf>,
    /// Labels that are the same on every line; app and namespace are there if not given.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Bytes that are sent at once, at most.
    #[serde(default = "batch_bytes")]
    pub batch_bytes: Bytes,
    /// Lines that are sent at once, at most.
    #[serde(default = "batch_lines")]
    pub batch_lines: usize,
    /// How long a line waits for others.
    #[serde(default = "batch_wait")]
    pub batch_wait: Span,
    /// How long an answer may take.
    #[serde(default = "timeout")]
    pub timeout: Span,
    /// Size of the file of lines that were refused for good, beyond which no more are kept.
    #[serde(default = "dead_letter_bytes")]
    pub dead_letter_bytes: Bytes,
}

fn batch_bytes() -> Bytes {
    Bytes(1 << 20)
}

fn batch_lines() -> usize {
    2000
}

fn batch_wait() -> Span {
    Span(Duration::from_secs(1))
}

fn timeout() -> Span {
    Span(Duration::from_secs(10))
}

fn dead_letter_bytes() -> Bytes {
    Bytes(64 << 20)
}

/// What a follower is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FollowerKind {
    /// Grafana Loki.
    Loki,
    /// Another Weir, a hub.
    Weir,
}

/// A Loki that Records are pushed to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LokiConfig {
    /// Its name on /metrics and in `data_dir`.
    pub name: String,
    /// Whether it is reached through TLS.
    pub tls: bool,
    /// Host, and port where it is not the scheme's own.
    pub authority: Authority,
    /// The path that lines are pushed to.
    pub path: String,
    /// The tenant.
    pub tenant: Option<String>,
    /// How Weir says who it is.
    pub auth: Auth,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Labels that are the same on every line.
    pub labels: BTreeMap<String, String>,
    /// Declared fields that become labels.
    pub label_fields: Vec<String>,
    /// Bytes that are sent at once, before they are packed.
    pub batch_bytes: usize,
    /// Lines that are sent at once.
    pub batch_lines: usize,
    /// How long a line waits for others.
    pub batch_wait: Duration,
    /// How long an answer may take.
    pub timeout: Duration,
    /// Size of the file of dead letters.
    pub dead_letter_bytes: u64,
}

impl LokiConfig {
    /// The port to connect to.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.authority.port_u16().unwrap_or(if self.tls { 443 } else { 80 })
    }

    /// The address below which everything lies that this Loki answers.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://{}{}", self.authority, self.path.trim_end_matches(PUSH))
    }
}

/// Reads what a file says of followers, and of nothing else: `data_dir` and the followers.
///
/// # Errors
/// See [`ConfigError`].
pub fn load_followers(path: &Path) -> Result<(PathBuf, Vec<LokiConfig>), ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let read = || {
        let written = Written::parse(&text)?;
        let fields = fields(&written.fields, &callers(&written.keys)?)?;
        Ok((written.data_dir.clone(), followers(&written.followers, &fields)?))
    };
    read().map_err(|error: ConfigError| error.located(path, &text))
}

/// Those that go to a Loki.
pub(super) fn followers(written: &[WrittenFollower], fields: &Fields) -> Result<Vec<LokiConfig>, ConfigError> {
    let mut names: Vec<String> = Vec::new();
    let mut followers = Vec::new();
    for one in written {
        let follower = follower(one, fields)?;
        if names.contains(&follower.name) {
            return Err(invalid(format!("followers.\"{}\"", follower.name), "this name is taken twice"));
        }
        names.push(follower.name.clone());
        followers.extend((one.kind == FollowerKind::Loki).then_some(follower));
    }
    Ok(followers)
}

/// Those that go to a hub. It knows a Weir by its name, and by a token that it has.
pub(super) fn hubs(
    written: &[WrittenFollower],
    fields: &Fields,
    instance: Option<&String>,
) -> Result<Vec<LokiConfig>, ConfigError> {
    let hubs = written.iter().filter(|one| one.kind == FollowerKind::Weir);
    hubs.map(|one| {
        let hub = follower(one, fields)?;
        let place = |key: &str| format!("followers.\"{}\".{key}", hub.name);
        if instance.is_none() {
            return Err(invalid("instance", "is not set, and the hub has to tell this Weir's Records from others'"));
        }
        if !matches!(hub.auth, Auth::Bearer(_)) {
            return Err(invalid(place("bearer_token"), "is missing; it is what the hub has as hub.token"));
        }
        if !one.labels.is_empty() || one.tenant.is_some() {
            return Err(invalid(place("labels"), "and tenant are for Lokis; a hub gets the lines as they are"));
        }
        Ok(hub)
    })
    .collect()
}

fn follower(written: &WrittenFollower, fields: &Fields) -> Result<LokiConfig, ConfigError> {
    let usual = if written.kind == FollowerKind::Weir { "hub" } else { "loki" };
    let name = written.name.clone().unwrap_or_else(|| usual.to_owned());
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
    if name.is_empty() || name.len() > 64 || !name.chars().all(fits) || ["stdout", "view"].contains(&name.as_str()) {
        let reason = "a name has 1 to 64 small letters, digits, - and _; stdout and view are names of Weir's own";
        return Err(invalid("followers.name", reason));
    }
    let place = |key: &str| format!("followers.\"{name}\".{key}");
    // The address may have a login in it, so it is not repeated.
    let below = if written.kind == FollowerKind::Weir { HUB } else { PUSH };
    let (tls, authority, path) = address(&written.url, below)
        .ok_or_else(|| invalid(place("url"), "is not a URL such as \"http://loki:3100\", without login and query"))?;
    if written.tenant.as_ref().is_some_and(|tenant| !is_tenant(tenant)) {
        return Err(invalid(place("tenant"), "a tenant has 1 to 150 letters, digits and !-_.*'()"));
    }
    let label_fields: Vec<String> =
        fields.declared.iter().filter(|field| field.label).map(|field| field.name.clone()).collect();
    let batch_bytes = match written.batch_bytes.0 {
        bytes @ MIN_BATCH..=MAX_BATCH => bytes as usize,
        _ => return Err(invalid(place("batch_bytes"), "is not between 64 KiB and 3 MiB")),
    };
    if written.batch_lines == 0 {
        return Err(invalid(place("batch_lines"), "is 0, so nothing would ever be sent"));
    }
    if written.timeout.0 < Duration::from_millis(100) {
        return Err(invalid(place("timeout"), "is less than 100ms, so hardly anything would ever arrive"));
    }
    Ok(LokiConfig {
        tls,
        authority,
        path,
        tenant: written.tenant.clone(),
        auth: auth([&written.username, &written.password, &written.bearer_token], &place)?,
        ca_file: written.ca_file.clone(),
        labels: labels(&written.labels, &label_fields, &place)?,
        label_fields,
        batch_bytes,
        batch_lines: written.batch_lines,
        batch_wait: written.batch_wait.0,
        timeout: written.timeout.0,
        dead_letter_bytes: written.dead_letter_bytes.0,
        name,
    })
}

/// Whether it goes through TLS, where to, and the path to push to.
fn address(url: &str, below: &str) -> Option<(bool, Authority, String)> {
    let uri: Uri = url.parse().ok()?;
    let scheme = uri.scheme().filter(|scheme| **scheme == Scheme::HTTP || **scheme == Scheme::HTTPS)?;
    let authority = uri.authority().filter(|authority| has_sound_port(authority))?;
    if uri.query().is_some() || url.contains('@') {
        return None;
    }
    // Who writes the whole address, as collectors want it, means the same.
    let base = uri.path().trim_end_matches('/').trim_end_matches(below);
    Some((*scheme == Scheme::HTTPS, authority.clone(), format!("{base}{below}")))
}

/// See Loki's documentation of multi-tenancy; `|` would name several, which only questions may.
pub(super) fn is_tenant(tenant: &str) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || "!-_.*'()".contains(c);
    (1..=150).contains(&tenant.len()) && tenant.chars().all(fits) && tenant != "." && tenant != ".."
}

/// A name and a password, or a token.
pub(super) fn auth(credentials: [&Option<String>; 3], place: &impl Fn(&str) -> String) -> Result<Auth, ConfigError> {
    let [username, password, bearer_token] = credentials;
    let secret = |key: &str, text: &str| Secret::new(text).map_err(|reason| invalid(place(key), reason));
    match (username, password, bearer_token) {
        (None, None, None) => Ok(Auth::None),
        (None, None, Some(token)) => Ok(Auth::Bearer(secret("bearer_token", token)?)),
        (Some(name), Some(_), None) if name.contains(':') || name.chars().any(char::is_control) => {
            Err(invalid(place("username"), "a user's name has no colon and no control characters"))
        }
        (Some(name), Some(password), None) => Ok(Auth::Basic(name.clone(), secret("password", password)?)),
        (_, _, Some(_)) => Err(invalid(place("bearer_token"), "stands beside username or password; use one of them")),
        _ => Err(invalid(place("username"), "and password belong together, and one of them is missing")),
    }
}

/// The labels that are always the same, and whether all together are few enough.
fn labels(
    written: &BTreeMap<String, String>,
    fields: &[String],
    place: &impl Fn(&str) -> String,
) -> Result<BTreeMap<String, String>, ConfigError> {
    let mut labels =
        USUAL_LABELS.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect::<BTreeMap<_, _>>();
    for (name, value) in written {
        let place = place(&format!("labels.{name}"));
        let letter = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let fits = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if !letter || !fits || name.starts_with("__") || name.len() > MAX_LABEL_NAME {
            return Err(invalid(place, "a label's name has letters, digits and _, and begins with a letter"));
        }
        if field(name).is_some() || fields.contains(name) {
            return Err(invalid(place, "is the name of a field of the Record"));
        }
        if value.is_empty() || value.len() > MAX_LABEL_VALUE || value.chars().any(char::is_control) {
            return Err(invalid(
                place,
                format_args!("a value has 1 to {MAX_LABEL_VALUE} bytes and no control characters"),
            ));
        }
        labels.insert(name.clone(), value.clone());
    }
    let built_in = FIELDS.iter().filter(|field| field.role == Role::Label).count();
    let all = labels.len() + built_in + fields.len();
    if all > MAX_LABELS {
        let reason = format_args!(
            "each line would have {all} labels, and Loki takes {MAX_LABELS} beside its own service_name: {built_in} of Weir's own, {} from here and {} \
             from [[fields]] with label = true",
            labels.len(),
            fields.len()
        );
        return Err(invalid(place("labels"), reason));
    }
    Ok(labels)
}

#[cfg(test)]
mod tests {
    use super::super::Config;

    const PROVIDER: &str = "[[providers]]\nname = \"a\"\nbase_url = \"http://a/v1\"\n";

    fn parse(follower: &str) -> Result<Config, String> {
        let text = format!("{PROVIDER}[[followers]]\nkind = \"loki\"\n{follower}");
        Config::parse(&text).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_not_said_is_usual() {
        let config = parse("url = \"https://logs.example.com/x/\"").unwrap();
        let loki = &config.followers[0];
        assert_eq!((loki.name.as_str(), loki.tls, loki.port()), ("loki", true, 443));
        assert_eq!((loki.path.as_str(), loki.url().as_str()), ("/x/loki/api/v1/push", "https://logs.example.com/x"));
        let labels: Vec<_> = loki.labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        assert_eq!(labels, ["app=llm-proxy", "namespace=llm"]);
        let whole = parse("url = \"http://loki:3100/loki/api/v1/push\"").unwrap();
        assert_eq!((whole.followers[0].path.as_str(), whole.followers[0].port()), ("/loki/api/v1/push", 3100));
    }

    #[test]
    fn what_cannot_be_is_refused_with_its_place() {
        for (place, follower) in [
            ("url", "url = \"loki:3100\""),
            ("url", "url = \"http://me:secret@loki\""),
            ("tenant", "url = \"http://l\"\ntenant = \"a|b\""),
            ("username", "url = \"http://l\"\nusername = \"me\""),
            ("username", "url = \"http://l\"\nusername = \"m:e\"\npassword = \"env:PATH\""),
            ("password", "url = \"http://l\"\nusername = \"me\"\npassword = \"secret\""),
            ("bearer_token", "url = \"http://l\"\nusername = \"me\"\nbearer_token = \"env:PATH\""),
            ("labels.1st", "url = \"http://l\"\nlabels = { 1st = \"x\" }"),
            ("labels.model", "url = \"http://l\"\nlabels = { model = \"x\" }"),
            ("labels.env", "url = \"http://l\"\nlabels = { env = \"\" }"),
            ("batch_bytes", "url = \"http://l\"\nbatch_bytes = \"8 MiB\""),
            ("batch_lines", "url = \"http://l\"\nbatch_lines = 0"),
            ("timeout", "url = \"http://l\"\ntimeout = \"1ms\""),
        ] {
            let error = parse(follower).unwrap_err();
            assert!(error.starts_with(&format!("followers.\"loki\".{place}: ")), "{place}: {error}");
            assert!(!error.contains("secret"), "{error}");
        }
        assert!(parse("url = \"http://l\"\nname = \"stdout\"").unwrap_err().contains("Weir's own"));
    }

    #[test]
    fn no_line_has_more_labels_than_loki_takes() {
        let with = |count: usize| {
            let field = |n: usize| format!("[[fields]]\nname = \"f{n}\"\nfrom = \"header:x-{n}\"\nlabel = true\n");
            let fields: String = (0..count).map(field).collect();
            parse(&format!("url = \"http://l\"\nlabels = {{ env = \"x\" }}\n{fields}"))
        };
        assert_eq!(with(7).unwrap().followers[0].label_fields.len(), 7);
        assert!(with(8).unwrap_err().contains("15 labels, and Loki takes 14"));
    }
}
