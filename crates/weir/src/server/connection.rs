//! Connections, each served on the thread that accepted it.

use std::convert::Infallible;
use std::future::{Future, poll_fn};
use std::io;
use std::net::TcpListener;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use http::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::Acceptor;
use super::refusal::{Listener, Spoken};
use crate::admin::Admin;
use crate::proxy::{self, Deadlines, Shared, Worker};

/// How long to wait when the system has no more files or memory for a connection.
const EXHAUSTED: Duration = Duration::from_millis(50);
/// How often unused connections to providers are looked for.
const SWEEP: Duration = Duration::from_secs(10);
/// How long after its deadline a request is given to end by itself.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long the other end of an HTTP/2 connection may take to answer a ping.
const PING: Duration = Duration::from_secs(20);
/// What an HTTP/2 connection begins with.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
/// Streams on one HTTP/2 connection.
const MAX_STREAMS: u32 = 256;

fn runtime() -> io::Result<Runtime> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()
}

/// Starts a worker thread.
pub(super) fn spawn_worker(
    index: usize,
    listener: TcpListener,
    worker: Arc<Worker>,
    acceptor: Acceptor,
    stop: watch::Receiver<bool>,
    hurry: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime()?;
    std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
        let shared = worker.shared.clone();
        runtime.block_on(async {
            let sweeper = tokio::spawn(sweep(worker.clone()));
            let tls = || acceptor.lock().unwrap_or_else(PoisonError::into_inner).clone().map(TlsAcceptor::from);
            let serve = |stream, stop| accepted(stream, worker.clone(), tls(), stop);
            let hurried = hurry.clone();
            match accept(listener, stop, || grace(&shared, hurry, Instant::now()), serve).await {
                Ok(told) => tokio::select! {
                    () = worker.drains.settle() => {}
                    () = grace(&shared, hurried, told) => {}
                },
                Err(error) => crate::log::say(format_args!("a worker cannot listen: {error}")),
            }
            sweeper.abort();
        });
        // What is still under way is dropped with its runtime, and recorded as stopped by us.
        worker.stopping.store(true, Ordering::Relaxed);
        drop(runtime);
    })
}

/// Starts the operators' thread. It answers until all else has stopped.
pub(super) fn spawn_admin(
    listeners: Vec<TcpListener>,
    admin: Admin,
    stop: watch::Receiver<bool>,
) -> io::Result<JoinHandle<()>> {
    let runtime = runtime()?;
    std::thread::Builder::new().name("admin".to_owned()).spawn(move || {
        let admin = Arc::new(admin);
        let (shared, mut gone) = (admin.shared.clone(), stop.clone());
        runtime.block_on(async {
            let (_until_the_end, end) = watch::channel(false);
            for listener in listeners {
                let (admin, never) = (admin.clone(), end.clone());
                let serve = move |stream, stop| operator(stream, admin.clone(), stop);
                tokio::spawn(async move { accept(listener, never, || std::future::ready(()), serve).await });
            }
            // The sender says so first and goes last; in between the answer to /readyz is that we are going down.
            if gone.wait_for(|stopping| *stopping).await.is_ok() {
                shared.draining.store(true, Ordering::Relaxed);
            }
            while gone.changed().await.is_ok() {}
        });
    })
}

/// Accepts until told to stop or until nobody is left to tell, then waits for what was accepted, as long as `grace` does.
/// Gives when it was told.
async fn accept<F, G>(
    listener: TcpListener,
    stop: watch::Receiver<bool>,
    grace: impl FnOnce() -> G,
    serve: impl Fn(TcpStream, watch::Receiver<bool>) -> F,
) -> io::Result<Instant>
where
    F: Future<Output = ()> + Send + 'static,
    G: Future<Output = ()>,
{
    let listener = tokio::net::TcpListener::from_std(listener)?;
    // Each connection holds a sender; when all have gone the receiver knows.
    let (alive, mut all_gone) = mpsc::channel::<Infallible>(1);
    let mut stopping = stop.clone();
    let mut told = pin!(stopping.wait_for(|stop| *stop));
    loop {
        let accepted = tokio::select! {
            biased;
            _ = &mut told => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => {
                // In a place of its own: a task that takes a future in and waits for it has room for two of them.
                let (connection, alive) = (Box::pin(serve(stream, stop.clone())), alive.clone());
                tokio::spawn(async move {
                    connection.await;
                    drop(alive);
                });
            }
            Err(_) => tokio::time::sleep(EXHAUSTED).await,
        }
    }
    let told = Instant::now();
    drop((listener, alive));
    tokio::select! {
        _ = all_gone.recv() => {}
        () = grace() => {}
    }
    Ok(told)
}

/// How long answers may go on when Weir goes down, since it was told to.
async fn grace(shared: &Shared, mut hurry: watch::Receiver<bool>, told: Instant) {
    let limit = shared.snapshot().config.shutdown_grace.saturating_sub(told.elapsed());
    let _ = tokio::time::timeout(limit, hurry.wait_for(|hurry| *hurry)).await;
}

async fn sweep(worker: Arc<Worker>) {
    loop {
        tokio::time::sleep(SWEEP).await;
        worker.pool.sweep();
        // A thread without requests must not keep an old configuration, and the secrets in it.
        drop(worker.shared.snapshot());
    }
}

async fn accepted(stream: TcpStream, worker: Arc<Worker>, tls: Option<TlsAcceptor>, stop: watch::Receiver<bool>) {
    // Without it small pieces of a stream would wait for each other.
    let _ = stream.set_nodelay(true);
    // A caller that stops reading must not keep its slot for ever: the kernel closes what nobody takes for so long.
    let timeouts = worker.shared.snapshot().config.timeouts;
    let silence = timeouts.between_chunks;
    let _ = socket2::SockRef::from(&stream).set_tcp_user_timeout(Some(silence));
    match tls {
        None => {
            let mut stopping = stop.clone();
            let protocol = tokio::select! {
                biased;
                protocol = Protocol::of(&stream) => protocol,
                // A connection on which nothing is asked is closed, here as in `overdue`.
                () = tokio::time::sleep(timeouts.caller) => return,
                _ = stopping.wait_for(|stop| *stop) => return,
            };
            call(stream, protocol, worker, stop).await;
        }
        Some(tls) => match tokio::time::timeout(timeouts.caller, tls.accept(stream)).await {
            Ok(Ok(stream)) => {
                let protocol = Protocol::agreed(stream.get_ref().1.alpn_protocol());
                call(stream, protocol, worker, stop).await;
            }
            _ => drop(worker.shared.bad_heads.fetch_add(1, Ordering::Relaxed)),
        },
    }
}

/// What a connection speaks. Where it is known hyper reads the first request as it comes. Where hyper has to find out by itself, it
/// takes the first bytes apart, and the room that it reads into is twice as large for as long as the connection lives.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Protocol {
    One,
    Two,
    Unknown,
}

impl Protocol {
    /// By the first bytes, which stay where they are.
    async fn of(stream: &TcpStream) -> Protocol {
        let mut first = [0; PREFACE.len()];
        // What is wrong with a connection shows where it is read.
        let length = stream.peek(&mut first).await.unwrap_or_default();
        Protocol::told(&first[..length])
    }

    fn told(first: &[u8]) -> Protocol {
        match PREFACE.starts_with(first) {
            false => Protocol::One,
            true if first.len() == PREFACE.len() => Protocol::Two,
            // More is on its way, or nothing.
            true => Protocol::Unknown,
        }
    }

    /// By what TLS agreed on.
    fn agreed(name: Option<&[u8]>) -> Protocol {
        match name {
            Some(b"http/1.1") => Protocol::One,
            Some(b"h2") => Protocol::Two,
            _ => Protocol::Unknown,
        }
    }
}

async fn call(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    worker: Arc<Worker>,
    stop: watch::Receiver<bool>,
) {
    let shared = worker.shared.clone();
    let deadlines = Arc::new(Deadlines::default());
    let service = service_fn({
        let deadlines = deadlines.clone();
        move |request: Request<Incoming>| {
            let (worker, deadlines) = (worker.clone(), deadlines.clone());
            async move { Ok::<_, Infallible>(proxy::handle(worker, deadlines, request).await) }
        }
    });
    let caller = shared.snapshot().config.timeouts.caller;
    let mut builder = auto::Builder::new(TokioExecutor::new());
    // Pieces of an answer are small: copying one behind its frame is cheaper than two for the kernel to gather.
    builder.http1().timer(TokioTimer::new()).header_read_timeout(caller).writev(false);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .keep_alive_interval(Some(caller))
        .keep_alive_timeout(PING);
    let builder = match protocol {
        Protocol::One => builder.http1_only(),
        Protocol::Two => builder.http2_only(),
        Protocol::Unknown => builder,
    };
    let connection = pin!(builder.serve_connection(TokioIo::new(Spoken::new(stream, Listener::Caller)), service));
    let told = until_told(connection, stop, auto::Connection::graceful_shutdown);
    let outcome = tokio::select! {
        biased;
        outcome = told => outcome,
        // What is under way is dropped with the connection, and recorded.
        () = overdue(&deadlines, caller) => return,
    };
    if outcome.is_err_and(|error| error.downcast_ref::<hyper::Error>().is_some_and(hyper::Error::is_parse)) {
        shared.bad_heads.fetch_add(1, Ordering::Relaxed);
    }
}

/// Ends when a connection has to be closed: it was opened and nothing was asked, or a request's time is up and it has not
/// ended by itself.
async fn overdue(deadlines: &Deadlines, caller: Duration) {
    tokio::time::sleep(caller).await;
    loop {
        let (next, used) = deadlines.next();
        let late = next.is_some_and(|at| Instant::now() >= at + OVERDUE);
        if late || !used {
            return;
        }
        // Requests come and go; a look every now and then is enough.
        let again = Instant::now() + caller;
        tokio::time::sleep_until(next.map_or(again, |at| again.min(at + OVERDUE)).into()).await;
    }
}

async fn operator(stream: TcpStream, admin: Arc<Admin>, stop: watch::Receiver<bool>) {
    let service = service_fn(move |request: Request<Incoming>| {
        let admin = admin.clone();
        async move { Ok::<_, Infallible>(admin.answer(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(30));
    let connection =
        pin!(builder.serve_connection_with_upgrades(TokioIo::new(Spoken::new(stream, Listener::Operator)), service));
    // Whoever asks about a Weir and goes away has not to be told of.
    let _ = until_told(connection, stop, auto::UpgradeableConnection::graceful_shutdown).await;
}

/// Runs a connection; when told to stop it ends after the requests that are under way.
async fn until_told<C: Future>(
    mut connection: Pin<&mut C>,
    mut stop: watch::Receiver<bool>,
    shut_down: fn(Pin<&mut C>),
) -> C::Output {
    let changes = stop.clone();
    let mut told = pin!(stop.wait_for(|stop| *stop));
    let (mut waiting, mut done) = (false, false);
    poll_fn(|context| {
        if let Poll::Ready(outcome) = connection.as_mut().poll(context) {
            return Poll::Ready(outcome);
        }
        // Once registered the task is woken when told; until then looking at a flag is enough.
        let look = !done && (!waiting || changes.has_changed().unwrap_or(true));
        waiting = true;
        if look && told.as_mut().poll(context).is_ready() {
            done = true;
            shut_down(connection.as_mut());
            return connection.as_mut().poll(context);
        }
        Poll::Pending
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_connection_speaks() {
        for (first, protocol) in [
            (&b"POST /v1/chat/completions HTTP/1.1\r\n"[..], Protocol::One),
            (b"GET / HTTP", Protocol::One),
            (b"PRX", Protocol::One),
            (b"\x16\x03\x01", Protocol::One),
            (PREFACE, Protocol::Two),
            (b"PRI * HTTP/2.0\r\n", Protocol::Unknown),
            (b"P", Protocol::Unknown),
            (b"", Protocol::Unknown),
        ] {
            assert_eq!(Protocol::told(&first[..first.len().min(PREFACE.len())]), protocol, "{first:?}");
        }
        assert_eq!(Protocol::agreed(Some(b"h2")), Protocol::Two);
        assert_eq!(Protocol::agreed(Some(b"http/1.1")), Protocol::One);
        assert_eq!(Protocol::agreed(None), Protocol::Unknown);
    }
}
