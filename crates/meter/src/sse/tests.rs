use super::*;
use crate::dialect::Answer;

fn feed(pieces: &[&[u8]]) -> (Seen, bool, Answer) {
    let (mut events, mut answer, mut all) = (Events::default(), Answer::default(), Seen::default());
    for piece in pieces {
        let seen = events.feed(piece, &mut answer);
        all.events += seen.events;
        all.broken += seen.broken;
        all.done |= seen.done;
    }
    (all, events.at_boundary(), answer)
}

#[test]
fn every_line_end_and_every_cut() {
    for end in ["\n", "\r\n", "\r"] {
        let stream = [
            ": hello",
            "",
            "event: chunk",
            "data: {\"id\":\"a\",",
            "data: \"usage\":{\"prompt_tokens\":3,\"completion_tokens\":4}}",
            "",
            "database: no",
            "data:[1]",
            "",
            "data: oops",
            "",
            "data: [DONE]",
            "",
            "",
        ]
        .join(end);
        let stream = stream.as_bytes();
        for cut in 0..=stream.len() {
            let (seen, boundary, answer) = feed(&[&stream[..cut], &stream[cut..]]);
            assert_eq!(seen, Seen { events: 3, broken: 1, done: true }, "{end:?} cut at {cut}");
            assert!(boundary);
            let usage = answer.usage().unwrap();
            assert_eq!((usage.input(), usage.output()), (3, 4));
            assert_eq!(answer.id.as_deref(), Some("a"));
        }
    }
}

#[test]
fn an_event_without_its_blank_line_is_not_over() {
    let (seen, boundary, _) = feed(&[b"data: {}\n"]);
    assert_eq!((seen.events, boundary), (0, false));
}
