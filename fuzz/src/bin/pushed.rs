//! libFuzzer's way into [`weir_fuzz::pushed`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::pushed::check(data));
