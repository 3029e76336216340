//! The way to providers: TLS, and a proxy on the way out.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::sync::{Arc, Mutex};

use super::harness::{ANSWER, Authority, CHAT, Upstream, Weir, answer, chat, events, is_own_error, json};

fn provider(url: &str) -> String {
    format!("[[providers]]\nname = \"up\"\nbase_url = \"{url}\"\n")
}

#[test]
fn a_provider_behind_tls_is_trusted_by_ca_file_alone() {
    let authority = Authority::new();
    let upstream = Upstream::start_tls(&authority, |request, peer| match request.json()["stream"] == true {
        true => peer
            .send(events(["data: {\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2}}\n\n", "data: [DONE]\n\n"])),
        false => peer.send(json(ANSWER)),
    });
    let trusting = format!("[upstream]\nca_file = {:?}\n{}", authority.cert(), provider(&upstream.url()));
    let weir = Weir::start(&trusting);
    let mut caller = weir.connect();
    for _ in 0..3 {
        assert_eq!(caller.ask(chat(CHAT)).text(), ANSWER);
    }
    assert!(caller.ask(chat("{\"model\":\"gpt-4\",\"stream\":true}")).whole);
    assert_eq!(upstream.connections(), 1, "connections behind TLS are kept too");
    weir.settled(4);
    // Without it, and under a name that the certificate does not have, nothing is sent.
    let seen = upstream.seen().len();
    let stranger = Authority::new();
    let other = format!("[upstream]\nca_file = {:?}\n{}", stranger.cert(), provider(&upstream.url()));
    let misnamed = trusting.replace("https://127.0.0.1:", "https://127.0.0.2:");
    for config in [other, misnamed] {
        let weir = Weir::start(&config);
        let sentence = is_own_error(&weir.chat(CHAT), 502, "weir_upstream_unreachable", true);
        assert!(sentence.contains("\"up\""), "{sentence}");
        weir.settled(1);
    }
    assert_eq!(upstream.seen().len(), seen);
}

/// An HTTP proxy that leads every CONNECT to `target`, and writes down for whom.
fn tunnelling_to(target: std::net::SocketAddr, asked: Arc<Mutex<Vec<String>>>) -> Upstream {
    Upstream::start(move |request, peer| {
        asked.lock().unwrap().push(request.start.clone());
        assert_eq!(request.header("host"), Some(request.target()));
        assert_eq!(request.header("authorization"), None, "what is for the provider is not shown to the proxy");
        let there = TcpStream::connect(target).unwrap();
        peer.send("HTTP/1.1 200 Connection established\r\nproxy-agent: test\r\n\r\n");
        let here = peer.wire().socket();
        let (mut from, mut to) = (here.try_clone().unwrap(), there.try_clone().unwrap());
        let out = std::thread::spawn(move || copy(&mut from, &mut to));
        copy(&mut { there }, &mut { here });
        out.join().unwrap();
        peer.close();
    })
}

fn copy(from: &mut TcpStream, to: &mut TcpStream) {
    let mut piece = [0; 4096];
    while let Ok(read @ 1..) = from.read(&mut piece) {
        if to.write_all(&piece[..read]).is_err() {
            break;
        }
    }
    // Either side may be gone already.
    let _ = (to.shutdown(Shutdown::Both), from.shutdown(Shutdown::Both));
}

#[test]
fn a_proxy_on_the_way_out_tunnels_tls() {
    let authority = Authority::new();
    let upstream = Upstream::start_tls(&authority, |_, peer| peer.send(json(ANSWER)));
    let asked = Arc::new(Mutex::new(Vec::new()));
    let proxy = tunnelling_to(upstream.address, asked.clone());
    let weir = Weir::start(&format!(
        "[upstream]\nca_file = {:?}\nproxy = \"http://{}\"\n{}",
        authority.cert(),
        proxy.address,
        // The proxy knows the way; this machine does not even know the port.
        provider("https://localhost:9/v1")
    ));
    let mut caller = weir.connect();
    for _ in 0..3 {
        assert_eq!(caller.ask(chat(CHAT)).text(), ANSWER);
    }
    assert_eq!(*asked.lock().unwrap(), ["CONNECT localhost:9 HTTP/1.1"]);
    let sent = upstream.seen().remove(0);
    assert_eq!((sent.start.as_str(), sent.header("host")), ("POST /v1/chat/completions HTTP/1.1", Some("localhost:9")));
    weir.settled(3);
}

#[test]
fn a_proxy_that_refuses_is_quoted() {
    let authority = Authority::new();
    let refusals = ["HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n", "SSH-2.0\r\n\r\n", ""];
    for refusal in refusals {
        let proxy = Upstream::answering_once(refusal);
        let weir = Weir::start(&format!(
            "[upstream]\nca_file = {:?}\nproxy = \"{}\"\n{}",
            authority.cert(),
            proxy.address,
            provider("https://localhost:9/v1")
        ));
        let sentence = is_own_error(&weir.chat(CHAT), 502, "weir_upstream_unreachable", true);
        assert!(sentence.contains(refusal.lines().next().unwrap_or_default()), "{sentence}");
        weir.settled(1);
    }
}

#[test]
fn a_proxy_on_the_way_out_gets_plain_requests_in_absolute_form() {
    let proxy = Upstream::answering(json(ANSWER));
    let config =
        format!("[upstream]\nproxy = \"http://{}\"\n{}", proxy.address, provider("http://llm.example:8080/api"));
    let weir = Weir::start(&config);
    let answer = weir.ask(super::harness::request(
        "POST /v1/chat/completions?x=1",
        &[("content-type", "application/json"), ("proxy-authorization", "Basic eA==")],
        CHAT,
    ));
    assert_eq!(answer.text(), ANSWER);
    let sent = proxy.only();
    assert_eq!(sent.start, "POST http://llm.example:8080/api/chat/completions?x=1 HTTP/1.1");
    assert_eq!((sent.header("host"), sent.header("proxy-authorization")), (Some("llm.example:8080"), None));
    weir.settled(1);
}

#[test]
fn no_proxy_goes_straight() {
    let proxy = Upstream::answering(answer("500 Oops", "text/plain", "not this way"));
    let upstream = Upstream::answering(json(ANSWER));
    for no_proxy in ["127.0.0.1", "*"] {
        let config = format!("[upstream]\nproxy = \"http://{}\"\nno_proxy = [\"{no_proxy}\"]\n", proxy.address);
        let weir = Weir::start(&(config + &provider(&upstream.url())));
        assert_eq!(weir.chat(CHAT).text(), ANSWER);
        weir.settled(1);
    }
    assert!(proxy.seen().is_empty());
}
