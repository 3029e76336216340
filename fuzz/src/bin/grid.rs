//! libFuzzer's way into [`weir_fuzz::grid`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::grid::check(data));
