//! Whom Weir believes to be who they say they are, where it connects through TLS: the system's certificates, and those of a
//! file beside them.

use std::io;
use std::path::Path;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

/// What connecting through TLS needs. `place` is the setting that names `ca_file`.
///
/// # Errors
/// The file cannot be read, or there is no certificate at all.
pub fn client(ca_file: Option<&Path>, place: &str) -> io::Result<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    // A single unreadable certificate among the system's is no reason to do without the others.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = ca_file {
        let named = |error: String| io::Error::other(format!("{place} {}: {error}", path.display()));
        let certificates = CertificateDer::pem_file_iter(path).map_err(|error| named(error.to_string()))?;
        for certificate in certificates {
            let certificate = certificate.map_err(|error| named(error.to_string()))?;
            roots.add(certificate).map_err(|error| named(error.to_string()))?;
        }
    }
    if roots.is_empty() {
        return Err(io::Error::other(format!("no root certificates found; install ca-certificates, or set {place}")));
    }
    let mut tls = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(io::Error::other)?
        .with_root_certificates(roots)
        .with_no_client_auth();
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(tls))
}
