//! A form on its way: the same model at any cuts, in bounded memory.

use meter::form::Form;

/// Checks a `content-type`, the first line, and the body behind it.
pub fn check(bytes: &[u8]) {
    let (head, body) = super::parted(bytes);
    let read = |pieces: &[&[u8]]| {
        let mut form = Form::of_content_type(head)?;
        pieces.iter().for_each(|piece| form.observe(piece));
        form.model().map(str::to_owned)
    };
    let whole = read(&[body]);
    for pieces in super::cuts(body) {
        assert_eq!(read(&pieces), whole);
    }
    if let Some(model) = whole {
        assert!(model.len() <= 1024);
        // What is found stands there.
        assert!(body.windows(model.len().max(1)).any(|found| found == model.as_bytes()) || model.is_empty());
    }
}
