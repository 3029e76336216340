use proptest::prelude::*;

use super::*;

fn spliced(pieces: &[&[u8]]) -> Vec<u8> {
    let (mut splicer, mut out) = (Splicer::default(), Vec::new());
    for piece in pieces {
        splicer.feed(piece, &mut out);
    }
    splicer.finish(&mut out);
    out
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

const USAGE: &str = r#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2}}"#;

/// A stream as it comes with usage asked for, and as it would come without.
fn pair(end: &str, null: &str) -> (String, String) {
    let with = |null: &str, usage: &str| {
        [
            format!(": keep-alive{end}{end}"),
            format!("data: {{\"id\":\"c\",\"choices\":[{{\"delta\":{{\"content\":\"a \\\"usage\\\":null b\"}}}}]{null}}}{end}{end}"),
            format!("event: x{end}data: {{\"choices\": [ ], \"prompt_filter_results\": []{null}}}{end}{end}"),
            usage.to_owned(),
            format!("data: [DONE]{end}{end}"),
        ]
        .concat()
    };
    (with(null, &format!("data: {USAGE}{end}{end}")), with("", ""))
}

#[test]
fn the_stream_without_usage_at_every_cut() {
    for end in ["\n", "\r\n", "\r"] {
        for null in [",\"usage\":null", ", \"usage\": null", ""] {
            let (with, without) = pair(end, null);
            let bytes = with.as_bytes();
            for cut in 0..=bytes.len() {
                assert_eq!(text(&spliced(&[&bytes[..cut], &bytes[cut..]])), without, "{end:?} {null:?} cut at {cut}");
            }
            let single: Vec<&[u8]> = bytes.chunks(1).collect();
            assert_eq!(text(&spliced(&single)), without);
        }
    }
}

#[test]
fn a_null_is_cut_out_wherever_it_stands() {
    for (event, expected) in [
        (r#"{"usage":null}"#, r#"{}"#),
        (r#"{"usage": null, "a": 1}"#, r#"{"a": 1}"#),
        (r#"{"a":1,"usage":null,"b":2}"#, r#"{"a":1,"b":2}"#),
        (r#"{"a": {"usage":null}}"#, r#"{"a": {"usage":null}}"#),
    ] {
        assert_eq!(text(&spliced(&[format!("data: {event}\n\n").as_bytes()])), format!("data: {expected}\n\n"));
    }
}

#[test]
fn usage_beside_choices_was_not_added_by_asking() {
    for event in [
        r#"{"choices":[{"delta":{}}],"usage":{"prompt_tokens":1}}"#,
        r#"{"usage":{"prompt_tokens":1}}"#,
        r#"{"usage":null"#,
    ] {
        let stream = format!("data: {event}\n\n");
        assert_eq!(text(&spliced(&[stream.as_bytes()])), stream);
    }
}

#[test]
fn an_endless_event_passes_in_bounded_memory() {
    let (mut splicer, mut out) = (Splicer::default(), Vec::new());
    let piece = vec![b'x'; 64 * 1024];
    for _ in 0..64 {
        splicer.feed(&piece, &mut out);
        assert!(splicer.held.len() <= MAX_HELD);
    }
    splicer.feed(format!("\n\ndata: {USAGE}\n\n").as_bytes(), &mut out);
    splicer.finish(&mut out);
    assert_eq!(out.len(), 64 * piece.len() + 2);
}

#[test]
fn a_long_event_passes_at_any_cut() {
    let long = format!("data: {{\"a\":\"{}\",\"usage\":null}}\n\n", "x".repeat(MAX_HELD));
    assert!(text(&spliced(&[long.as_bytes()])) == long);
    assert!(text(&spliced(&long.as_bytes().chunks(60_000).collect::<Vec<_>>())) == long);
}

#[test]
fn a_last_event_that_ends_with_cr_is_spliced() {
    let stream = format!("data: {{\"a\":1,\"usage\":null}}\r\rdata: {USAGE}\r\r");
    assert_eq!(text(&spliced(&[stream.as_bytes()])), "data: {\"a\":1}\r\r");
}

#[test]
fn an_unfinished_event_is_not_lost() {
    assert_eq!(text(&spliced(&[b"data: {\"a\":1}\n\ndata: {\"b\""])), "data: {\"a\":1}\n\ndata: {\"b\"");
}

proptest! {
    #[test]
    fn what_has_no_usage_passes_unchanged(lines in proptest::collection::vec("[ -~]{0,20}", 0..20), cuts in proptest::collection::vec(0usize..400, 0..5)) {
        let stream = lines.join("\n").replace("usage", "");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(stream.len())).collect();
        cuts.sort_unstable();
        let mut pieces = Vec::new();
        let mut start = 0;
        for cut in cuts {
            pieces.push(&stream.as_bytes()[start..cut]);
            start = cut;
        }
        pieces.push(&stream.as_bytes()[start..]);
        prop_assert_eq!(text(&spliced(&pieces)), stream);
    }
}
