//! Listening sockets.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use socket2::{Domain, Protocol, Socket, Type};

use super::ServeError;
use crate::config::TlsConfig;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 4096;

/// Listens `count` times on one address; the kernel spreads connections over them. `key` and `flag` are what changes the
/// address.
pub(super) fn bind(address: SocketAddr, count: usize, key: &str, flag: &str) -> Result<Vec<TcpListener>, ServeError> {
    let explain = |source: io::Error| {
        let what = match source.kind() {
            io::ErrorKind::AddrInUse => format!("port {} is taken", address.port()),
            _ => source.to_string(),
        };
        ServeError::Listen(format!(
            "cannot listen on {address}: {what}; choose another address with {flag} HOST:PORT, or `{key}` in weir.toml"
        ))
    };
    // A shared port would also be shared with a stranger who shares it, so it is first taken alone. One that the system
    // chooses is nobody else's.
    if address.port() != 0 {
        drop(open(address, false).map_err(explain)?);
    }
    let first = open(address, true).map_err(explain)?;
    let address = first.local_addr().map_err(explain)?;
    let others = (1..count).map(|_| open(address, true));
    std::iter::once(Ok(first)).chain(others).collect::<io::Result<_>>().map_err(explain)
}

fn open(address: SocketAddr, shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    if shared {
        socket.set_reuse_port(true)?;
    }
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Where the first of them listens.
pub(super) fn local(listeners: &[TcpListener]) -> Result<SocketAddr, ServeError> {
    let first = listeners.first().ok_or_else(|| io::Error::other("no listener"));
    first.and_then(TcpListener::local_addr).map_err(super::io_error("listen"))
}

/// Each stream needs two sockets, and the usual limit of 1,024 files is soon reached. Where the limit cannot be raised it
/// stays.
pub(super) fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// TLS towards callers, with HTTP/2 and HTTP/1.1.
pub(super) fn tls(tls: &TlsConfig) -> io::Result<Arc<ServerConfig>> {
    let named = |path: &std::path::Path| {
        let path = path.display().to_string();
        move |error: rustls::pki_types::pem::Error| io::Error::other(format!("{path}: {error}"))
    };
    let chain: Result<Vec<CertificateDer<'static>>, _> =
        CertificateDer::pem_file_iter(&tls.cert).and_then(Iterator::collect);
    let chain = chain.map_err(named(&tls.cert))?;
    let key = PrivateKeyDer::from_pem_file(&tls.key).map_err(named(&tls.key))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .map_err(io::Error::other)?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
