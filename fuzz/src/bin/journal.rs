//! libFuzzer's way into [`weir_fuzz::journal`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::journal::check(data));
