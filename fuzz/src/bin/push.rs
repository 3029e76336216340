//! libFuzzer's way into [`weir_fuzz::push`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::push::check(data));
