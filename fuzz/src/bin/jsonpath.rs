//! libFuzzer's way into [`weir_fuzz::jsonpath`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::jsonpath::check(data));
