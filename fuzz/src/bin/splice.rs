//! libFuzzer's way into [`weir_fuzz::splice`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::splice::check(data));
