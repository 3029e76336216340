//! libFuzzer's way into [`weir_fuzz::inspect`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::inspect::check(data));
