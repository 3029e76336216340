use clap::Parser;
use serde_json::Value;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use super::*;
use crate::simulate::provider::ProviderOptions;
use crate::simulate::provider::tests::{Running, quick};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    options: TrafficOptions,
}

fn options(port: u16) -> TrafficOptions {
    TrafficOptions {
        url: BaseUrl::local(port),
        rate: 2000.0,
        requests: Some(60),
        seed: Some(3),
        ..TrafficOptions::default()
    }
}

fn settled(progress: &Progress) -> bool {
    progress.sent == progress.completed + progress.failed() + progress.cancelled + progress.abandoned
}

#[test]
fn options_have_the_defaults_they_show() {
    assert_eq!(Line::parse_from(["weir"]).options, TrafficOptions::default());
    let line = Line::parse_from(["weir", "--models", "gpt-4=2,own", "--duration", "5", "--url", "http://h:1/v1"]);
    assert_eq!(line.options.models.len(), 2);
    assert_eq!(line.options.duration_seconds, Some(5.0));
}

#[tokio::test]
async fn every_request_is_answered_by_a_provider_that_works() {
    let provider = Running::start(quick()).await;
    let traffic = TrafficOptions { cancel_share: 0.0, ..options(provider.address.port()) };
    let progress = run(traffic, std::future::pending(), |_| {}).await;
    assert_eq!((progress.sent, progress.completed, progress.failed()), (60, 60, 0), "{progress}");
    assert!(progress.streaming > 10 && progress.input_tokens > 1000 && progress.output_tokens > 1000);
    assert!(progress.latency.quantile(0.5).is_some());
    provider.stop().await;
}

#[tokio::test]
async fn callers_hang_up_as_often_as_asked() {
    let provider = Running::start(ProviderOptions { tokens_per_second: 2000.0, ..quick() }).await;
    let traffic = TrafficOptions { stream_share: 1.0, cancel_share: 1.0, ..options(provider.address.port()) };
    let progress = run(traffic, std::future::pending(), |_| {}).await;
    assert!(progress.cancelled > 40 && settled(&progress), "{progress}");
    provider.stop().await;
}

#[tokio::test]
async fn what_goes_wrong_is_counted_by_its_kind() {
    let faults =
        ProviderOptions { error_rate: 0.2, rate_limit_rate: 0.2, cut_rate: 0.2, malformed_rate: 0.2, ..quick() };
    let provider = Running::start(faults).await;
    let progress = run(options(provider.address.port()), std::future::pending(), |_| {}).await;
    assert!(settled(&progress), "{progress}");
    let statuses: Vec<u16> = progress.failed_by_status.keys().copied().collect();
    assert_eq!(statuses, [429, 500]);
    assert!(progress.broken > 0 && progress.malformed > 0 && progress.completed > 0, "{progress}");
    provider.stop().await;
}

#[tokio::test]
async fn a_refused_connection_is_counted_and_tried_again() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    drop(listener);
    let progress = run(TrafficOptions { requests: Some(5), ..options(port) }, std::future::pending(), |_| {}).await;
    assert_eq!((progress.sent, progress.unreachable), (5, 5));
    assert!(progress.to_string().contains("refused"), "{progress}");
}

#[tokio::test]
async fn the_end_comes_with_the_time_or_the_order_to_stop() {
    let provider = Running::start(ProviderOptions { first_token_seconds: 100.0, ..quick() }).await;
    let traffic = TrafficOptions { requests: None, rate: 100.0, ..options(provider.address.port()) };
    let stop = tokio::time::sleep(Duration::from_millis(200));
    let progress = run(traffic.clone(), stop, |_| {}).await;
    assert!(progress.abandoned > 0 && settled(&progress), "{progress}");
    provider.stop().await;
    let provider = Running::start(quick()).await;
    let traffic =
        TrafficOptions { url: BaseUrl::local(provider.address.port()), duration_seconds: Some(0.2), ..traffic };
    let progress = run(traffic, std::future::pending(), |_| {}).await;
    assert!(progress.completed > 0 && settled(&progress), "{progress}");
    provider.stop().await;
}

#[tokio::test]
async fn requests_carry_what_believable_ones_do() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let traffic = TrafficOptions {
        requests: Some(1),
        models: vec!["gpt-4".parse().unwrap()],
        api_key: Some("sk-simulated".parse().unwrap()),
        ..options(port)
    };
    let heard = async {
        let (mut socket, _) = listener.accept().await.unwrap();
        let mut text = String::new();
        loop {
            let mut buffer = [0; 4096];
            let count = socket.read(&mut buffer).await.unwrap();
            text.push_str(std::str::from_utf8(&buffer[..count]).unwrap());
            let body = text.split_once("\r\n\r\n").map(|(_, body)| serde_json::from_str::<Value>(body));
            if let Some(Ok(body)) = body {
                return (text, body);
            }
        }
    };
    let sent = run(traffic, std::future::pending(), |_| {});
    let ((head, body), progress) = tokio::join!(heard, sent);
    for part in [
        "POST /v1/chat/completions HTTP/1.1\r\n",
        "\r\nuser-agent: weir-simulate/",
        "\r\nx-user-id: user-",
        "\r\nx-organization: ",
        "\r\nx-session-id: session-",
        "\r\ntraceparent: 00-",
        "\r\nauthorization: Bearer sk-simulated\r\n",
    ] {
        assert!(head.contains(part), "{part} is not in {head}");
    }
    assert_eq!(body["metadata"]["user_id"], body["user"]);
    assert_eq!((progress.sent, progress.broken), (1, 1));
}
