//! What an operator writes: TOML, in which an unknown key is refused with a hint. The doc comments are the published
//! schema's descriptions.

mod energy;
mod mistake;
mod provider;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use meter::cost::Tariff;
use schemars::JsonSchema;
use serde::Deserialize;

use super::amount::{Bytes, Span};
use super::caller::WrittenKey;
use super::field::WrittenField;
use super::follower::WrittenFollower;
use super::goal::{WrittenPage, WrittenSlo};
use super::push::WrittenPush;
use super::query::WrittenQuery;
use super::secret;
use super::token::WrittenToken;
use super::{ConfigError, JournalConfig, StoreConfig, Timeouts, invalid};

pub(super) use energy::{WrittenCarbon, WrittenEnergy, WrittenMethod, WrittenModel, WrittenServing};
pub use provider::OnClientGone;
pub(super) use provider::WrittenProvider;

/// weir.toml
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Written {
    /// Where callers connect.
    pub listen: String,
    /// Where everything durable lies.
    pub data_dir: PathBuf,
    /// Worker threads; one per core if not given.
    pub threads: Option<usize>,
    /// Whether Records go to stdout.
    pub stdout: bool,
    /// The name of this Weir on its Records, to tell several apart; "env:NAME" is what a variable says.
    pub instance: Option<String>,
    /// Requests at a time; beyond it callers get 503 with Retry-After.
    pub max_in_flight: u32,
    /// The largest JSON body.
    pub body_limit: Bytes,
    /// All JSON bodies together.
    pub body_memory: Bytes,
    /// What a Record survives.
    pub durability: Durability,
    /// What happens while the journal cannot be written.
    pub on_journal_failure: OnJournalFailure,
    /// Host names beside the listen address under which callers address Weir.
    pub allowed_hosts: Vec<String>,
    /// Origins of browsers' pages that may call, such as "https://app.example.com".
    pub allowed_origins: Vec<String>,
    /// How long streams may go on after SIGTERM.
    pub shutdown_grace: Span,
    /// The operators' side: metrics and health.
    pub admin: WrittenAdmin,
    /// TLS towards callers.
    pub tls: Option<WrittenTls>,
    /// How providers are reached.
    pub upstream: WrittenUpstream,
    /// Limits on time.
    pub timeouts: WrittenTimeouts,
    /// How the journal is kept.
    pub journal: WrittenJournal,
    /// What others may push to /loki/api/v1/push.
    pub push: WrittenPush,
    /// How Records are kept in columns.
    pub store: WrittenStore,
    /// What questions may take.
    pub query: WrittenQuery,
    /// The page.
    pub page: WrittenPage,
    /// Service levels that the page measures.
    pub slo: Vec<WrittenSlo>,
    /// Other Weirs that bring their Records here.
    pub hub: WrittenHub,
    /// Who answers.
    pub providers: Vec<WrittenProvider>,
    /// Names of one's own for models.
    pub routes: Vec<WrittenRoute>,
    /// What models cost, by the model's name.
    pub pricing: BTreeMap<String, WrittenPrice>,
    /// What is paid in place of the published price, by "PROVIDER/MODEL"; * stands for anything on either side.
    pub pricing_rules: BTreeMap<String, WrittenPricingRule>,
    /// What models draw, in kWh per 1,000 tokens, by the model's name.
    pub energy_rates: BTreeMap<String, f64>,
    /// How energy is estimated where there is no rate.
    pub energy: WrittenEnergy,
    /// The grid by the hour, by the zone's name.
    pub carbon: BTreeMap<String, WrittenCarbon>,
    /// Callers' keys; with any, nobody calls without one.
    pub keys: Vec<WrittenKey>,
    /// Fields of one's own on each Record.
    pub fields: Vec<WrittenField>,
    /// Where Records go beside the journal and stdout.
    pub followers: Vec<WrittenFollower>,
    /// "env:NAME" or "file:PATH": what fields with hash = true are hashed with; if not given, Weir makes a key in data_dir.
    pub hash_key: Option<String>,
}

impl Default for Written {
    fn default() -> Self {
        Written {
            listen: "127.0.0.1:4000".to_owned(),
            data_dir: PathBuf::from("weir-data"),
            threads: None,
            stdout: true,
            instance: None,
            max_in_flight: 4096,
            body_limit: Bytes(32 << 20),
            body_memory: Bytes(512 << 20),
            durability: Durability::default(),
            on_journal_failure: OnJournalFailure::default(),
            allowed_hosts: Vec::new(),
            allowed_origins: Vec::new(),
            shutdown_grace: Span(Duration::from_secs(30)),
            admin: WrittenAdmin::default(),
            tls: None,
            upstream: WrittenUpstream::default(),
            timeouts: WrittenTimeouts::default(),
            journal: WrittenJournal::default(),
            push: WrittenPush::default(),
            store: WrittenStore::default(),
            query: WrittenQuery::default(),
            page: WrittenPage::default(),
            slo: Vec::new(),
            hub: WrittenHub::default(),
            providers: Vec::new(),
            routes: Vec::new(),
            pricing: BTreeMap::new(),
            pricing_rules: BTreeMap::new(),
            energy_rates: BTreeMap::new(),
            energy: WrittenEnergy::default(),
            carbon: BTreeMap::new(),
            keys: Vec::new(),
            fields: Vec::new(),
            followers: Vec::new(),
            hash_key: None,
        }
    }
}

/// What a Record survives.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Durability {
    /// The death of the process.
    #[default]
    Flush,
    /// Loss of power: an answer's last piece leaves once its Record is on the disk. Many Records share one sync.
    Fsync,
}

impl Durability {
    /// Its name in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Durability::Flush => "flush",
            Durability::Fsync => "fsync",
        }
    }
}

/// What happens while the journal cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum OnJournalFailure {
    /// New requests get 503.
    #[default]
    Refuse,
    /// New requests are served, and counted with their tokens and cost as unrecorded.
    Serve,
}

impl OnJournalFailure {
    /// Its name in the configuration.
    pub(super) const fn name(self) -> &'static str {
        match self {
            OnJournalFailure::Refuse => "refuse",
            OnJournalFailure::Serve => "serve",
        }
    }
}

/// The operators' side.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenAdmin {
    /// Where operators connect.
    pub listen: String,
    /// A token that may do everything, as "sha256:DIGITS", "env:NAME" or "file:PATH".
    pub token: Option<String>,
    /// Tokens for certain things.
    pub tokens: Vec<WrittenToken>,
    /// Whether /metrics needs no token.
    pub open_metrics: bool,
}

impl Default for WrittenAdmin {
    fn default() -> Self {
        WrittenAdmin { listen: "127.0.0.1:4001".to_owned(), token: None, tokens: Vec::new(), open_metrics: true }
    }
}

/// Other Weirs that bring their Records here.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenHub {
    /// "env:NAME" or "file:PATH": the token that they show; without it nobody brings any.
    pub token: Option<String>,
}

/// TLS towards callers.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTls {
    /// The certificate chain, PEM.
    pub cert: PathBuf,
    /// Its key, PEM.
    pub key: PathBuf,
}

/// How providers are reached.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenUpstream {
    /// Certificates to trust beside the system's, PEM.
    pub ca_file: Option<PathBuf>,
    /// An HTTP proxy on the way out: "http://HOST:PORT".
    pub proxy: Option<String>,
    /// Hosts that are reached without it.
    pub no_proxy: Vec<String>,
}

/// Limits on time.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenTimeouts {
    /// Connecting to a provider, TLS included.
    pub connect: Span,
    /// From the request's departure to the answer's head.
    pub first_byte: Span,
    /// Silence between two pieces of an answer.
    pub between_chunks: Span,
    /// A request as a whole.
    pub total: Span,
    /// A caller's head, or silence within its body.
    pub caller: Span,
}

impl Default for WrittenTimeouts {
    fn default() -> Self {
        let seconds = |seconds| Span(Duration::from_secs(seconds));
        WrittenTimeouts {
            connect: seconds(10),
            first_byte: seconds(600),
            between_chunks: seconds(300),
            total: seconds(3600),
            caller: seconds(60),
        }
    }
}

impl WrittenTimeouts {
    pub(super) fn needed(self) -> Result<Timeouts, ConfigError> {
        let some = |name: &str, span: Span| match span.0 {
            Duration::ZERO => {
                Err(invalid(format!("timeouts.{name}"), "is no time at all, so no request would succeed"))
            }
            time => Ok(time),
        };
        Ok(Timeouts {
            connect: some("connect", self.connect)?,
            first_byte: some("first_byte", self.first_byte)?,
            between_chunks: some("between_chunks", self.between_chunks)?,
            total: some("total", self.total)?,
            caller: some("caller", self.caller)?,
        })
    }
}

/// How the journal is kept.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenJournal {
    /// Size after which the next file begins.
    pub rotate_bytes: Bytes,
    /// Age after which the next file begins.
    pub rotate_after: Span,
    /// Size of all files together beyond which the oldest go, although somebody may still need them.
    pub max_bytes: Bytes,
    /// Age after which a file goes that is sealed into a segment and that every follower has read.
    pub keep: Span,
}

impl Default for WrittenJournal {
    fn default() -> Self {
        WrittenJournal {
            rotate_bytes: Bytes(16 << 20),
            rotate_after: Span(Duration::from_secs(3600)),
            max_bytes: Bytes(16 << 30),
            keep: Span(Duration::from_secs(7 * 86_400)),
        }
    }
}

impl WrittenJournal {
    pub(super) fn needed(self) -> Result<JournalConfig, ConfigError> {
        if self.rotate_bytes.0 < 64 << 10 {
            return Err(invalid("journal.rotate_bytes", "less than 64 KiB"));
        }
        if self.rotate_after.0 < Duration::from_secs(1) {
            return Err(invalid("journal.rotate_after", "less than 1s: each Record would begin a file"));
        }
        Ok(JournalConfig {
            rotate_bytes: self.rotate_bytes.0,
            rotate_after: self.rotate_after.0,
            max_bytes: self.max_bytes.0,
            keep: Some(self.keep.0),
        })
    }
}

/// How Records are kept in columns.
#[derive(Debug, Clone, Copy, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct WrittenStore {
    /// Whether complete files of the journal become segments. Without, there is what the journal keeps.
    pub enabled: bool,
    /// Age after which Records go; 0 keeps them for good.
    pub retention: Span,
}

impl Default for WrittenStore {
    fn default() -> Self {
        // A year, and a month of the one before to compare with.
        WrittenStore { enabled: true, retention: Span(Duration::from_secs(400 * 86_400)) }
    }
}

impl WrittenStore {
    pub(super) fn needed(self) -> StoreConfig {
        let retention = Some(self.retention.0).filter(|retention| !retention.is_zero());
        StoreConfig { enabled: self.enabled, retention }
    }
}

/// A name of one's own for a model.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenRoute {
    /// The name that callers use.
    pub model: String,
    /// Where it leads.
    pub targets: Vec<WrittenTarget>,
}

/// Where a route leads.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenTarget {
    /// The provider's name.
    pub provider: String,
    /// The model it is asked for; the caller's own name for it if not given.
    #[serde(default)]
    pub model: Option<String>,
}

/// What a model costs, in USD: per 1,000 tokens, or with `_per_million` per 1,000,000.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenPrice {
    /// Input, per 1,000 tokens.
    input: Option<f64>,
    /// Output, per 1,000 tokens.
    output: Option<f64>,
    /// Input found in the prompt cache, per 1,000 tokens; as input if not given.
    cached_input: Option<f64>,
    /// Input written to the prompt cache, per 1,000 tokens; as input if not given.
    cache_write: Option<f64>,
    /// Input, per 1,000,000 tokens.
    input_per_million: Option<f64>,
    /// Output, per 1,000,000 tokens.
    output_per_million: Option<f64>,
    /// Input found in the prompt cache, per 1,000,000 tokens; as input if not given.
    cached_input_per_million: Option<f64>,
    /// Input written to the prompt cache, per 1,000,000 tokens; as input if not given.
    cache_write_per_million: Option<f64>,
}

/// What is paid in place of the published price.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WrittenPricingRule {
    /// What the published price is multiplied with.
    #[serde(default)]
    pub factor: Option<f64>,
    /// Whether the capacity is paid otherwise, so that a request costs nothing more.
    #[serde(default)]
    pub provisioned: bool,
    /// The first day on which it holds, UTC: "2026-11-23".
    #[serde(default)]
    pub from: Option<String>,
    /// The first day on which it no longer holds, UTC.
    #[serde(default)]
    pub until: Option<String>,
}

impl WrittenPrice {
    pub(super) fn tariff(&self) -> Result<Tariff, &'static str> {
        let per_1k = [self.input, self.output, self.cached_input, self.cache_write];
        let per_million = [
            self.input_per_million,
            self.output_per_million,
            self.cached_input_per_million,
            self.cache_write_per_million,
        ];
        let given = |prices: &[Option<f64>; 4]| prices.iter().any(Option::is_some);
        let (prices, million) = match (given(&per_1k), given(&per_million)) {
            (true, true) => return Err("prices per 1,000 and per million tokens are mixed; use one of them"),
            (_, million) => (if million { per_million } else { per_1k }, million),
        };
        let [Some(input), output, cached_input, cache_write] = prices else {
            return Err("input is missing; a model that is truly free says 0");
        };
        // An embedding has no output, so its price may be left out.
        Ok(Tariff { input, output: output.unwrap_or(0.0), cached_input, cache_write, per_million: million })
    }
}

impl Written {
    /// The files that it names.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let keys = self.providers.iter().map(|provider| provider.api_key.as_deref());
        let secrets = keys.chain([self.hash_key.as_deref(), self.admin.token.as_deref()]).filter_map(secret::file);
        let tls = self.tls.iter().flat_map(|tls| [tls.cert.clone(), tls.key.clone()]);
        let series = self.carbon.values().filter(|one| !one.is_url()).map(|one| PathBuf::from(&one.series));
        let tokens = self.carbon.values().filter_map(|one| secret::file(one.token.as_deref()));
        secrets.chain(tls).chain(self.upstream.ca_file.clone()).chain(series).chain(tokens).collect()
    }

    /// Reads TOML.
    ///
    /// # Errors
    /// Not TOML, an unknown key, a wrong type: with line, column and, for a slip of the pen, what was probably meant.
    pub fn parse(text: &str) -> Result<Written, ConfigError> {
        toml::from_str(text).map_err(|error| mistake::of(text, &error))
    }
}

/// The published JSON Schema, for editors.
#[must_use]
pub fn schema() -> serde_json::Value {
    let mut schema = schemars::schema_for!(Written).to_value();
    schema["$id"] = "weir.schema.json".into();
    schema
}
