//! Whether a provider took the question for a stream's usage well.

use std::future::poll_fn;
use std::pin::Pin;

use bytes::BytesMut;
use http_body::Body;

use super::body::within;
use super::exchange::Exchange;
use super::upstream::Sent;

/// A refusal says why in less than this.
const MAX_REFUSAL: usize = 64 << 10;

/// See the module.
pub(super) enum Asking {
    /// The answer, whatever it is, is to be passed on.
    Granted(Box<Sent>),
    /// The provider does not know the question.
    Refused,
}

/// Looks at an answer to a request that was asked for its usage. A 4xx is read, to see whether it names the question; what
/// was read is put back in front of the rest.
pub(super) async fn examine(exchange: &Exchange, mut sent: Sent) -> Asking {
    sent.injected = true;
    if !sent.head.status.is_client_error() {
        return Asking::Granted(Box::new(sent));
    }
    let mut read = BytesMut::new();
    let whole = async {
        while read.len() < MAX_REFUSAL {
            match poll_fn(|context| Pin::new(&mut sent.body).poll_frame(context)).await {
                Some(Ok(frame)) => read.extend_from_slice(frame.data_ref().map_or(&[], |data| data)),
                Some(Err(error)) => return Some(error),
                None => break,
            }
        }
        None
    };
    let broken = within(exchange.snapshot().config.timeouts.between_chunks, whole).await.flatten();
    let names = |word: &[u8]| memchr::memmem::find(&read, word).is_some();
    if names(b"stream_options") || names(b"include_usage") {
        return Asking::Refused;
    }
    sent.body.put_back(read.freeze(), broken);
    Asking::Granted(Box::new(sent))
}
