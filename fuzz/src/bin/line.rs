//! libFuzzer's way into [`weir_fuzz::line`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::line::check(data));
