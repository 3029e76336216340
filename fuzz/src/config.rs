//! The configuration: any text is taken or refused with a reason.

use weir::config::{Config, Written};

/// Checks one file's text.
pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let mut written = match Written::parse(text) {
        Ok(written) => written,
        Err(error) => return assert!(!error.to_string().is_empty()),
    };
    for provider in &mut written.providers {
        // What is made up here must not open files; an empty one takes the same way.
        if provider.api_key.as_deref().is_some_and(|key| key.starts_with("file:")) {
            provider.api_key = Some("file:/dev/null".to_owned());
        }
    }
    let keys: Vec<_> = written.providers.iter().filter_map(|provider| provider.api_key.clone()).collect();
    match Config::from_written(written) {
        Ok(config) => {
            assert!(config.threads > 0 && config.max_in_flight > 0);
            assert!(config.routes.iter().all(|route| route.provider < config.providers.len()));
            assert!(config.providers.iter().filter(|provider| provider.default).count() <= 1);
            for provider in &config.providers {
                assert!(provider.port() > 0 || provider.authority.port_u16() == Some(0));
                for pattern in &provider.models {
                    let _ = pattern.matches(&provider.name);
                }
                let _ = config.upstream.proxy_for(provider.authority.host());
            }
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.is_empty());
            // A key that was written where its place should be is not repeated. Short ones may stand in the text anyway.
            let bare = keys.iter().filter(|key| !key.contains(':') && key.len() > 16);
            for key in bare {
                assert!(!error.contains(key.as_str()) || text.matches(key.as_str()).count() > 1, "{error}");
            }
        }
    }
}
