//! Certificates for a test, made by the `openssl` command, and blocking TLS at both ends.

use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tempfile::TempDir;

use super::wire::{Wire, patient};

const CONFIG: &str = "[req]\ndistinguished_name=dn\nx509_extensions=ext\nprompt=no\n[dn]\nCN=localhost\n\
    [ext]\nbasicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:localhost,IP:127.0.0.1\n";

/// A certificate for localhost that vouches for itself.
pub(crate) struct Authority {
    dir: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Authority {
        let authority = Authority { dir: TempDir::new().expect("a directory") };
        let config = authority.dir.path().join("openssl.cnf");
        std::fs::write(&config, CONFIG).expect("a file");
        let made = Command::new("openssl")
            .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"])
            .args(["-days", "2", "-config"])
            .arg(&config)
            .arg("-keyout")
            .arg(authority.key())
            .arg("-out")
            .arg(authority.cert())
            .output()
            .expect("the openssl command (Debian: openssl)");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        authority
    }

    pub(crate) fn cert(&self) -> PathBuf {
        self.dir.path().join("cert.pem")
    }

    pub(crate) fn key(&self) -> PathBuf {
        self.dir.path().join("key.pem")
    }

    /// What makes a server's end out of a plain connection; `None` where the client does not want it.
    pub(crate) fn acceptor(&self) -> impl Fn(Wire) -> Option<Wire> + Send + Sync + use<> {
        let cert = CertificateDer::from_pem_file(self.cert()).expect("a certificate");
        let key = PrivateKeyDer::from_pem_file(self.key()).expect("a key");
        let config = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_no_client_auth()
            .with_single_cert(vec![cert], key)
            .expect("a certificate and its key");
        let config = Arc::new(config);
        move |wire| {
            let socket = wire.into_socket();
            let mut connection = ServerConnection::new(config.clone()).ok()?;
            let mut below = socket.try_clone().ok()?;
            while connection.is_handshaking() {
                connection.complete_io(&mut below).ok()?;
            }
            Some(Wire::over(Box::new(StreamOwned::new(connection, below)), socket))
        }
    }

    /// A client's configuration that trusts this certificate and offers these protocols.
    pub(crate) fn client(&self, protocols: &[&[u8]]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(self.cert()).expect("a certificate")).expect("a root");
        let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    }

    /// A connection through TLS, and the protocol that the server chose.
    pub(crate) fn connect(&self, address: SocketAddr, protocols: &[&[u8]]) -> (Wire, Option<Vec<u8>>) {
        let socket = patient(TcpStream::connect(address).expect("a connection"));
        let name = ServerName::try_from("localhost").expect("a name");
        let mut connection = ClientConnection::new(self.client(protocols), name).expect("a client");
        let mut below = socket.try_clone().expect("a clone");
        while connection.is_handshaking() {
            connection.complete_io(&mut below).expect("a handshake");
        }
        let chosen = connection.alpn_protocol().map(<[u8]>::to_vec);
        (Wire::over(Box::new(StreamOwned::new(connection, below)), socket), chosen)
    }
}
