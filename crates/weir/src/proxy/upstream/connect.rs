//! New connections: directly or through an HTTP proxy, plain or with TLS.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use http::uri::Authority;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::link::Link;
use crate::config::{Config, Provider, Upstream};
use crate::error::{Error, ErrorKind};
use crate::proxy::Snapshot;
use crate::proxy::body::within;

/// A proxy's answer to CONNECT is short.
const MAX_CONNECT_ANSWER: usize = 8 << 10;

/// What TLS needs, if any provider is reached through it: the system's roots, and those of `ca_file`.
pub(crate) fn tls(config: &Config) -> io::Result<Option<Arc<ClientConfig>>> {
    config.providers.iter().any(Provider::is_tls).then(|| client(&config.upstream)).transpose()
}

/// TLS towards the world: the system's roots, and those of `ca_file`.
pub(super) fn client(upstream: &Upstream) -> io::Result<Arc<ClientConfig>> {
    crate::trust::client(upstream.ca_file.as_deref(), "upstream.ca_file")
}

/// Connects to a provider, within `limit`.
pub(super) async fn connect(snapshot: &Snapshot, index: usize, limit: Duration) -> Result<Link, Error> {
    let provider = &snapshot.config.providers[index];
    match within(limit, establish(snapshot, provider)).await {
        Some(Ok(link)) => Ok(link),
        Some(Err(error)) => {
            let message = format!(
                "provider \"{}\" at {} cannot be reached: {error}; try again, or see its base_url in weir.toml",
                provider.name, provider.authority
            );
            Err(Error::new(ErrorKind::UpstreamUnreachable, message))
        }
        None => {
            let message = format!(
                "provider \"{}\" at {} could not be reached within {limit:.1?}; try again, or raise timeouts.connect in \
                 weir.toml",
                provider.name, provider.authority
            );
            Err(Error::new(ErrorKind::ConnectTimeout, message))
        }
    }
}

/// A connection that is open.
pub(super) enum Opened {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

async fn establish(snapshot: &Snapshot, provider: &Provider) -> io::Result<Link> {
    let tls = snapshot.tls.as_ref().filter(|_| provider.is_tls());
    Ok(match open(&snapshot.config.upstream, tls, &provider.authority, provider.port()).await? {
        Opened::Plain(stream) => stream.into(),
        Opened::Tls(stream) => (*stream).into(),
    })
}

/// Opens a connection, through the proxy on the way out if there is one, and through TLS if there is any.
pub(super) async fn open(
    upstream: &Upstream,
    tls: Option<&Arc<ClientConfig>>,
    authority: &Authority,
    port: u16,
) -> io::Result<Opened> {
    let host = authority.host();
    let proxy = upstream.proxy_for(host);
    let mut stream = match proxy {
        Some(proxy) => dial(proxy.host(), proxy.port_u16().unwrap_or(80)).await?,
        None => dial(host, port).await?,
    };
    stream.set_nodelay(true)?;
    let Some(tls) = tls else { return Ok(Opened::Plain(stream)) };
    if proxy.is_some() {
        tunnel(&mut stream, authority, port).await?;
    }
    let name = ServerName::try_from(bare(host).to_owned()).map_err(io::Error::other)?;
    Ok(Opened::Tls(Box::new(TlsConnector::from(tls.clone()).connect(name, stream).await?)))
}

async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    TcpStream::connect((bare(host), port)).await
}

/// An IPv6 address without its brackets.
fn bare(host: &str) -> &str {
    host.trim_start_matches('[').trim_end_matches(']')
}

/// Asks an HTTP proxy for a way through.
async fn tunnel(stream: &mut TcpStream, authority: &Authority, port: u16) -> io::Result<()> {
    let target = format!("{}:{port}", authority.host());
    stream.write_all(format!("CONNECT {target} HTTP/1.1\r\nhost: {target}\r\n\r\n").as_bytes()).await?;
    let mut answer = Vec::new();
    while !answer.ends_with(b"\r\n\r\n") {
        // Byte by byte, because what follows the answer belongs to TLS.
        answer.push(stream.read_u8().await?);
        if answer.len() > MAX_CONNECT_ANSWER {
            return Err(io::Error::other("the egress proxy's answer is too long"));
        }
    }
    if answer.starts_with(b"HTTP/1.1 2") || answer.starts_with(b"HTTP/1.0 2") {
        return Ok(());
    }
    let line = answer.split(|byte| *byte == b'\r').next().unwrap_or_default();
    Err(io::Error::other(format!("the egress proxy answered {:?}", String::from_utf8_lossy(line))))
}
