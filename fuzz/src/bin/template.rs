//! libFuzzer's way into [`weir_fuzz::template`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::template::check(data));
