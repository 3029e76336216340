//! A provider that does exactly what a test says.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::wire::{Message, Wire, patient};
use super::{Authority, until};

/// See the module. Its thread lives as long as the process.
pub(crate) struct Upstream {
    pub(crate) address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Message>>>,
    connections: Arc<AtomicUsize>,
    left: Arc<AtomicUsize>,
}

/// One connection from Weir.
pub(crate) struct Peer {
    wire: Wire,
    open: bool,
    left: Arc<AtomicUsize>,
}

impl Peer {
    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        // Whether Weir takes it is for the test to find out on the other side.
        let _ = self.wire.send(bytes);
    }

    /// Sends, and says whether the connection still took it.
    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.wire.send(bytes)
    }

    /// Lets what was sent arrive by itself before what follows.
    pub(crate) fn pause(&self) {
        std::thread::sleep(Duration::from_millis(20));
    }

    /// Closes after this.
    pub(crate) fn close(&mut self) {
        self.wire.close();
        self.open = false;
    }

    /// Says nothing more and waits until Weir closes the connection, which [`Upstream::was_left`] then tells.
    pub(crate) fn wait_until_left(&mut self) {
        self.wire.read_to_end();
        self.left.fetch_add(1, Ordering::SeqCst);
        self.open = false;
    }

    /// The connection itself, for what is not HTTP.
    pub(crate) fn wire(&mut self) -> &mut Wire {
        &mut self.wire
    }
}

impl Upstream {
    /// Answers each request by `script`, on kept connections.
    pub(crate) fn start(script: impl Fn(&Message, &mut Peer) + Send + Sync + 'static) -> Upstream {
        Upstream::with("http", Some, script)
    }

    /// Likewise, behind TLS.
    pub(crate) fn start_tls(
        authority: &Authority,
        script: impl Fn(&Message, &mut Peer) + Send + Sync + 'static,
    ) -> Upstream {
        Upstream::with("https", authority.acceptor(), script)
    }

    /// Answers every request with the same bytes.
    pub(crate) fn answering(bytes: impl Into<Vec<u8>>) -> Upstream {
        let bytes = bytes.into();
        Upstream::start(move |_, peer| peer.send(&bytes))
    }

    /// Answers every request with the same bytes and then closes.
    pub(crate) fn answering_once(bytes: impl Into<Vec<u8>>) -> Upstream {
        let bytes = bytes.into();
        Upstream::start(move |_, peer| {
            peer.send(&bytes);
            peer.close();
        })
    }

    fn with(
        scheme: &'static str,
        accept: impl Fn(Wire) -> Option<Wire> + Send + Sync + 'static,
        script: impl Fn(&Message, &mut Peer) + Send + Sync + 'static,
    ) -> Upstream {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let (seen, connections, left) = (Arc::default(), Arc::default(), Arc::default());
        let upstream = Upstream { address, scheme, seen, connections, left };
        let (seen, connections, left) = (upstream.seen.clone(), upstream.connections.clone(), upstream.left.clone());
        let both = Arc::new((accept, script));
        std::thread::spawn(move || {
            for socket in listener.incoming().flatten() {
                connections.fetch_add(1, Ordering::SeqCst);
                let (seen, left, both) = (Arc::clone(&seen), left.clone(), both.clone());
                std::thread::spawn(move || {
                    let Some(wire) = both.0(wire(socket)) else { return };
                    serve(Peer { wire, open: true, left }, &seen, &both.1);
                });
            }
        });
        upstream
    }

    /// For `base_url`.
    pub(crate) fn url(&self) -> String {
        format!("{}://127.0.0.1:{}/v1", self.scheme, self.address.port())
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Message> {
        self.seen.lock().expect("the requests").clone()
    }

    /// The one request that came.
    pub(crate) fn only(&self) -> Message {
        let mut seen = self.seen();
        assert_eq!(seen.len(), 1, "one request");
        seen.remove(0)
    }

    /// Waits until a request has come whose body has this in it.
    pub(crate) fn sees(&self, text: &str) {
        let has = |seen: &[Message]| seen.iter().any(|request| request.text().contains(text));
        until("the upstream has the request", || has(&self.seen.lock().expect("the requests")).then_some(()));
    }

    pub(crate) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Waits until Weir has left `count` connections that were waiting for it.
    pub(crate) fn was_left(&self, count: usize) {
        until("the upstream's connection is closed", || (self.left.load(Ordering::SeqCst) >= count).then_some(()));
    }
}

fn wire(socket: TcpStream) -> Wire {
    Wire::new(patient(socket))
}

fn serve(mut peer: Peer, seen: &Mutex<Vec<Message>>, script: &impl Fn(&Message, &mut Peer)) {
    while peer.open {
        let Some(request) = peer.wire.request() else { return };
        seen.lock().expect("the requests").push(request.clone());
        script(&request, &mut peer);
    }
}
