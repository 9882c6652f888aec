#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| tidewire_tests::fuzz_ws_deflate::deflate(input));
