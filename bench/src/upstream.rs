//! The streaming provider: chunks of a chat completion at a fixed pace, each a write of its own.

use std::convert::Infallible;
use std::ffi::OsStr;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::LocalSet;
use tokio::time::{Instant, MissedTickBehavior};

use crate::http;
use crate::lab::{Lab, Process, Seat, free_port};

const WORDS: [&str; 8] = [" water", " passes", " over", " the", " crest", " of", " a", " weir"];

/// Starts this program as the upstream.
pub(crate) fn start(lab: &Lab, interval: Duration) -> Result<(Process, SocketAddr)> {
    let directory = lab.directory("streams")?;
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?));
    let (listen, interval) = (addr.to_string(), interval.as_millis().to_string());
    let args = ["upstream", "--listen", &listen, "--interval-ms", &interval].map(OsStr::new);
    let mut process = lab.start(Seat::Others, &std::env::current_exe()?, &args, &directory)?;
    process.wait_for(addr)?;
    Ok((process, addr))
}

/// Serves until killed.
pub(crate) fn serve(addr: SocketAddr, interval_ms: u64) -> Result<()> {
    let interval = Duration::from_millis(interval_ms.max(1));
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let served: Result<Infallible> = LocalSet::new().block_on(&runtime, async {
        let socket = TcpSocket::new_v4()?;
        socket.set_reuseaddr(true)?;
        socket.bind(addr)?;
        let listener = socket.listen(4096)?;
        loop {
            let (connection, _) = listener.accept().await?;
            connection.set_nodelay(true)?;
            // A caller that goes away ends its own connection only.
            tokio::task::spawn_local(answer_all(connection, interval));
        }
    });
    served.map(|_| ())
}

async fn answer_all(mut connection: TcpStream, interval: Duration) -> Result<()> {
    let mut received = Vec::new();
    while let Some(question) = next_question(&mut connection, &mut received).await? {
        answer(&mut connection, &question, interval).await?;
    }
    Ok(())
}

/// Reads one request and gives its body; None where the connection ends between requests.
async fn next_question(connection: &mut TcpStream, received: &mut Vec<u8>) -> Result<Option<Value>> {
    loop {
        if let Some((head, body)) = http::split_head(received) {
            let length: usize = http::header(head, "content-length").context("no Content-Length")?.parse()?;
            if body.len() >= length {
                let question = serde_json::from_slice(&body[..length])?;
                let end = received.len() - body.len() + length;
                received.drain(..end);
                return Ok(Some(question));
            }
        }
        if connection.read_buf(received).await? == 0 {
            ensure!(received.is_empty(), "the connection ended within a request");
            return Ok(None);
        }
    }
}

async fn answer(connection: &mut TcpStream, question: &Value, interval: Duration) -> Result<()> {
    let chunks = question["max_tokens"].as_u64().unwrap_or(100);
    let usage = question["stream_options"]["include_usage"].as_bool().unwrap_or(false);
    connection
        .write_all(
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream; charset=utf-8\r\ncache-control: no-cache\r\n\
              transfer-encoding: chunked\r\n\r\n",
        )
        .await?;
    let mut pace = tokio::time::interval_at(Instant::now() + interval, interval);
    // A late chunk delays the rest rather than being followed by two at once, which a proxy could pass on as one.
    pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for (number, word) in (0..chunks).zip(WORDS.iter().cycle()) {
        // Even a tick that is due takes up to a millisecond, tokio's resolution: none before the first chunk.
        if number > 0 {
            pace.tick().await;
        }
        let finish = if number + 1 == chunks { "\"stop\"" } else { "null" };
        let choice =
            format!(r#"[{{"index":0,"delta":{{"content":"{word}"}},"logprobs":null,"finish_reason":{finish}}}]"#);
        connection.write_all(&chunk(&choice, if usage { ",\"usage\":null" } else { "" })).await?;
    }
    if usage {
        let figures =
            format!(r#","usage":{{"prompt_tokens":25,"completion_tokens":{chunks},"total_tokens":{}}}"#, 25 + chunks);
        connection.write_all(&chunk("[]", &figures)).await?;
    }
    let mut end = framed("data: [DONE]\n\n");
    end.extend_from_slice(b"0\r\n\r\n");
    connection.write_all(&end).await?;
    Ok(())
}

fn chunk(choices: &str, usage: &str) -> Vec<u8> {
    framed(&format!(
        "data: {{\"id\":\"chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG\",\"object\":\"chat.completion.chunk\",\
         \"created\":1741570283,\"model\":\"gpt-4-0613\",\"service_tier\":\"default\",\
         \"system_fingerprint\":\"fp_44709d6fcb\",\"choices\":{choices}{usage}}}\n\n"
    ))
}

fn framed(event: &str) -> Vec<u8> {
    format!("{:x}\r\n{event}\r\n", event.len()).into_bytes()
}
