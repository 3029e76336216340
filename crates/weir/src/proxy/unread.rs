//! What is left of a body that nobody has read, because its request is refused.
//!
//! The next request of a connection begins behind it. So it is read and thrown away; and where that would take too long, the answer
//! says that the connection ends with it, since a caller that is not told sends its next request into nothing.

use std::future::poll_fn;
use std::pin::Pin;
use std::time::Duration;

use http::header::{CONNECTION, EXPECT, HeaderValue};
use http::request::Parts;
use http::{Response, Version};
use http_body::Body;
use hyper::body::Incoming;

/// How long it is read and thrown away, so that the caller gets to read why it is refused.
const LONGEST: Duration = Duration::from_secs(10);

/// Reads what is left; whether that was all of it.
pub(super) async fn discard(mut body: Pin<&mut Incoming>) -> bool {
    let all = async {
        loop {
            match poll_fn(|context| body.as_mut().poll_frame(context)).await {
                Some(Ok(_)) => {}
                Some(Err(_)) => return false,
                None => return true,
            }
        }
    };
    tokio::time::timeout(LONGEST, all).await.unwrap_or(false)
}

/// Leaves nothing of a request's body on its connection, or says in `response` that the connection ends.
pub(crate) async fn leave<B>(head: &Parts, body: &mut Incoming, response: &mut Response<B>) {
    // Over HTTP/2 a request has a stream of its own.
    if body.is_end_stream() || head.version == Version::HTTP_2 {
        return;
    }
    // A caller that waits for leave to send hears no at once.
    if head.headers.contains_key(EXPECT) || !discard(Pin::new(body)).await {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
}
