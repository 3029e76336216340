use proptest::prelude::*;

use super::*;

fn head_of(bytes: &[u8]) -> Result<Option<Head>, Malformed> {
    read_head(&mut BytesMut::from(bytes), &Method::POST)
}

fn decoded(bytes: &[u8], cuts: &[usize]) -> Result<(Vec<u8>, bool, Vec<u8>), Malformed> {
    let (mut decoder, mut buffer, mut body) = (Decoder::chunked(), BytesMut::new(), Vec::new());
    let mut start = 0;
    for cut in cuts.iter().copied().chain([bytes.len()]) {
        buffer.extend_from_slice(&bytes[start..cut]);
        start = cut;
        while let Decoded::Data(data) = decoder.decode(&mut buffer)? {
            body.extend_from_slice(&data);
        }
    }
    Ok((body, decoder.is_over(), buffer.to_vec()))
}

#[test]
fn a_head_at_every_cut() {
    let bytes = b"HTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-A: \xffb \r\nx-a: c\r\n\r\nhello";
    for cut in 0..bytes.len() {
        let mut buffer = BytesMut::from(&bytes[..cut]);
        let early = read_head(&mut buffer, &Method::POST).unwrap();
        let head = early.or_else(|| {
            buffer.extend_from_slice(&bytes[cut..]);
            read_head(&mut buffer, &Method::POST).unwrap()
        });
        let head = head.unwrap();
        assert_eq!((head.parts.status, &head.body, head.keep), (StatusCode::OK, &Decoder::Exact(5), true));
        let values: Vec<_> = head.parts.headers.get_all("x-a").iter().map(|value| value.as_bytes()).collect();
        assert_eq!(values, [b"\xffb".as_slice(), b"c"]);
    }
}

#[test]
fn where_a_body_ends() {
    for (head, body, keep) in [
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n", Decoder::chunked(), true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n", Decoder::chunked(), true),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n", Decoder::ToEnd, false),
        ("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ncontent-length: 3\r\n\r\n", Decoder::chunked(), false),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3, 3\r\n\r\n", Decoder::Exact(3), true),
        ("HTTP/1.1 200 OK\r\n\r\n", Decoder::ToEnd, false),
        ("HTTP/1.1 204 No Content\r\n\r\n", Decoder::Exact(0), true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 3\r\nconnection: x, Close\r\n\r\n", Decoder::Exact(3), false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 3\r\n\r\n", Decoder::Exact(3), false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 3\r\nconnection: keep-alive\r\n\r\n", Decoder::Exact(3), true),
    ] {
        let read = head_of(head.as_bytes()).unwrap().unwrap();
        assert_eq!((read.body, read.keep), (body, keep), "{head}");
    }
    let head = read_head(&mut BytesMut::from("HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\n"), &Method::HEAD);
    assert!(head.unwrap().unwrap().body.is_over());
}

#[test]
fn what_is_no_head() {
    for bytes in [
        "hello\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 3\r\ncontent-length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: -3\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: +3\r\n\r\n",
        "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
        "HTTP/2 200\r\n\r\n",
    ] {
        assert!(head_of(bytes.as_bytes()).is_err(), "{bytes}");
    }
    assert!(head_of(format!("HTTP/1.1 200 OK\r\na: {}", "x".repeat(MAX_HEAD)).as_bytes()).is_err());
    assert!(head_of("HTTP/1.1 200 OK\r\na: b\r\n".as_bytes()).unwrap().is_none());
}

#[test]
fn chunks_at_every_cut() {
    let bytes = b"5\r\nhello\r\n1b;name=\"x\"\r\n, abcdefghijklmnopqrstuvwxy\r\n0\r\nx-t: 1\r\n\r\nHTTP";
    let whole = decoded(bytes, &[]).unwrap();
    assert_eq!(whole, (b"hello, abcdefghijklmnopqrstuvwxy".to_vec(), true, b"HTTP".to_vec()));
    for cut in 0..=bytes.len() {
        assert_eq!(decoded(bytes, &[cut]).unwrap(), whole, "cut at {cut}");
    }
}

#[test]
fn the_last_chunk_is_known_as_the_last() {
    let mut buffer = BytesMut::from("2\r\nhi\r\n0\r\n\r\n");
    let mut decoder = Decoder::chunked();
    assert_eq!(decoder.decode(&mut buffer), Ok(Decoded::Data(Bytes::from_static(b"hi"))));
    assert!(decoder.is_over() && buffer.is_empty());
}

#[test]
fn what_are_no_chunks() {
    for bytes in ["x\r\n", "\r\n", "5\nhello", "5\r\nhelloX\r\n", "ffffffffffffffffff\r\n", "-1\r\n", "1\r\na\n"] {
        assert!(decoded(bytes.as_bytes(), &[]).is_err(), "{bytes}");
    }
    assert!(decoded(&vec![b'1'; MAX_LINE + 2], &[]).is_err());
    assert!(decoded(format!("0\r\n{}", "a: b\r\n".repeat(MAX_LINE)).as_bytes(), &[]).is_err());
}

#[test]
fn a_head_as_it_is_written() {
    let mut headers = HeaderMap::new();
    headers.insert("host", HeaderValue::from_static("x"));
    let mut out = BytesMut::new();
    write_head(&Method::POST, &Uri::from_static("/v1/a?b"), &headers, false, &mut out);
    assert_eq!(out, "POST /v1/a?b HTTP/1.1\r\nhost: x\r\n\r\n");
    out.clear();
    write_head(&Method::GET, &Uri::from_static("http://h:1/v1/a?b"), &headers, true, &mut out);
    assert_eq!(out, "GET http://h:1/v1/a?b HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n");
}

proptest! {
    #[test]
    fn any_body_comes_out_whole(parts in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 1..50), 0..6), cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..4)) {
        let mut bytes = Vec::new();
        for part in &parts {
            bytes.extend_from_slice(format!("{:x}\r\n", part.len()).as_bytes());
            bytes.extend_from_slice(part);
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(b"0\r\n\r\n");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.index(bytes.len())).collect();
        cuts.sort_unstable();
        prop_assert_eq!(decoded(&bytes, &cuts).unwrap(), (parts.concat(), true, Vec::new()));
    }

    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = head_of(&bytes);
        let _ = decoded(&bytes, &[]);
        let _ = head_of(&[b"HTTP/1.1 200 OK\r\n".as_slice(), &bytes].concat());
    }
}
