//! libFuzzer's way into [`weir_fuzz::frame`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::frame::check(data));
