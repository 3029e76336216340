//! libFuzzer's way into [`weir_fuzz::feed`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::feed::check(data));
