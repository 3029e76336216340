//! libFuzzer's way into [`weir_fuzz::tokens`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::tokens::check(data));
