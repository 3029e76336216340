//! What another Weir brings: a body is refused, or says whose lines follow, and each of those is held once under its number, however
//! often it comes.

use std::ops::ControlFlow;

use store::Lot;
use store::lot::{Wanted, lots};
use store::replica::Replica;
use weir::hub::parse;

/// Checks a body.
pub fn check(bytes: &[u8]) {
    let Ok((head, lines)) = parse(bytes) else { return };
    let count = lines.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert!(count > 0 && lines.ends_with(b"\n") && head.first > 0);
    let Ok(dir) = tempfile::tempdir() else { return };
    let hub = dir.path().join("hub");
    for new in [count, 0] {
        let mut replica = Replica::open(&hub, &head.instance, &head.journal).expect("a replica");
        let taken = replica.take(head.first, count, lines).expect("room for them");
        assert_eq!(taken, (new, 0));
    }
    let lots = lots(dir.path()).expect("a lot");
    assert_eq!(lots.len(), 1);
    let mut held = Vec::new();
    let read = Lot::read(&lots[0], &Wanted::from(1), &mut |number, line| {
        assert_eq!(number, head.first + held.iter().filter(|byte| **byte == b'\n').count() as u64);
        held.extend_from_slice(line);
        held.push(b'\n');
        ControlFlow::Continue(())
    });
    assert!(read.is_ok_and(|damaged| damaged.is_empty()));
    assert!(held == lines, "other lines than were brought");
}
