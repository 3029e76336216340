//! libFuzzer's way into [`weir_fuzz::pattern`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::pattern::check(data));
