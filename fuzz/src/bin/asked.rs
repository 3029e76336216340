//! libFuzzer's way into [`weir_fuzz::asked`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::asked::check(data));
