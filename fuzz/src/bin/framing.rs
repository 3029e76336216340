//! libFuzzer's way into [`weir_fuzz::framing`].
#![no_main]

libfuzzer_sys::fuzz_target!(|data: &[u8]| weir_fuzz::framing::check(data));
