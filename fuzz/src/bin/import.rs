//! libFuzzer's way into [`weir_fuzz::import`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::import::check(data));
