//! libFuzzer's way into [`weir_fuzz::form`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::form::check(data));
