//! libFuzzer's way into [`weir_fuzz::query`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::query::check(data));
