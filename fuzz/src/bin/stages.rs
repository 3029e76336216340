//! libFuzzer's way into [`weir_fuzz::stages`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::stages::check(data));
