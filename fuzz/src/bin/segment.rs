//! libFuzzer's way into [`weir_fuzz::segment`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::segment::check(data));
