//! Providers: whether each can be reached and takes the key. Asked is the list of models, which costs nothing.

use http::header::AUTHORIZATION;
use http::{HeaderMap, StatusCode};
use tokio::task::JoinSet;

use super::finding::{Part, Report};
use super::web::{Site, compare_clocks, shown};
use crate::config::{Config, Key, Provider};
use crate::proxy::Reply;

pub(super) async fn examine(config: &Config, report: &mut Report) {
    let mut asking = JoinSet::new();
    for (index, provider) in config.providers.iter().enumerate() {
        let site = site(config, provider);
        asking.spawn(async move { (index, site.get("/models").await) });
    }
    let mut answers: Vec<_> = Vec::new();
    while let Some(answer) = asking.join_next().await {
        answers.extend(answer.ok());
    }
    answers.sort_by_key(|(index, _)| *index);
    for (index, answer) in answers {
        let provider = &config.providers[index];
        match answer {
            Ok(answer) => {
                compare_clocks(&provider.name, &answer.headers, report);
                judge(provider, &answer, report);
            }
            Err(error) => {
                let way = config.upstream.proxy_for(provider.authority.host());
                let to_do = match way {
                    Some(proxy) => format!("look at base_url and at the proxy {proxy} on the way (upstream.proxy)"),
                    None => "look at base_url, name resolution, firewalls and NetworkPolicies; upstream.ca_file for \
                             certificates of one's own, upstream.proxy where the way out needs one"
                        .to_owned(),
                };
                report.fault(Part::Providers, &provider.name, format!("cannot be reached: {error}"), to_do);
            }
        }
    }
}

fn site(config: &Config, provider: &Provider) -> Site {
    let mut headers = HeaderMap::new();
    if let Key::Held(value) = &provider.key {
        headers.insert(AUTHORIZATION, value.clone());
    }
    let base = format!("{}://{}{}", provider.scheme, provider.authority, provider.path);
    Site::new(base, headers, config.upstream.clone())
}

fn judge(provider: &Provider, answer: &Reply, report: &mut Report) {
    let held = matches!(provider.key, Key::Held(_));
    let (name, status) = (&provider.name, answer.status);
    let code = status.as_u16();
    // What it says may repeat the key.
    let said = provider.key.shown().map_or_else(|| shown(answer), |key| shown(answer).replace(key, "***"));
    match status {
        _ if status.is_success() && held => report.sound(Part::Providers, name, "answers and takes the key"),
        _ if status.is_success() => report.sound(Part::Providers, name, "answers"),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN if held => {
            let to_do = "put the right key where api_key says; it is read again within seconds";
            report.fault(Part::Providers, name, format!("refuses the key: {code} {said}"), to_do);
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            report.sound(Part::Providers, name, "answers; callers bring the key");
        }
        // Some have no list of models; somebody is there all the same.
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::BAD_REQUEST => {
            let to_do = "if requests get 404 too, base_url lacks its path, /v1 for example";
            report.warning(Part::Providers, name, format!("answers {code} where its models should be listed"), to_do);
        }
        StatusCode::TOO_MANY_REQUESTS => {
            report.warning(Part::Providers, name, "answers, and wants fewer requests (429)", "ask for a higher limit");
        }
        _ if status.is_redirection() => {
            let to_do = "write the address it leads to into base_url";
            report.warning(Part::Providers, name, format!("answers {code}, so it is elsewhere"), to_do);
        }
        _ => {
            report.fault(Part::Providers, name, format!("answers {code} {said}"), "look at the provider's status page")
        }
    }
}
