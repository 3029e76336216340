//! libFuzzer's way into [`weir_fuzz::hub`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::hub::check(data));
