//! libFuzzer's way into [`weir_fuzz::regex`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::regex::check(data));
