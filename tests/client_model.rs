//! Whatever happens to the client in whatever order: the driver in `support/client.rs` holds it to the contract.

use proptest::prelude::*;
use tidewire_tests::fuzz_client;

/// Steps as `support/fuzz_client.rs` reads them, the likely ones more often.
fn steps() -> impl Strategy<Value = String> {
    let step = prop_oneof![
        8 => "a",
        3 => "S",
        3 => "C",
        2 => "[dDrcu](data: [a-z]{0,9}|id: [0-9]{0,2}|event: x|retry: [0-9]{1,4}|: hi|data)",
        6 => "d",
        3 => "[dDruc][ -~]{0,12}",
        2 => "[GJ]",
        2 => "[zZ](data: [a-z]{0,9}|[ -~]{0,12})",
        1 => "[duc](data: \\[DONE\\]|event: error|event: ping|data:)",
        2 => "H(200 OK|204 No|302 Found|500 Oops|503 Busy|100 Continue)",
        1 => "D(Location: (/x|http://b.test/|ftp:x)?|Content-Length: [0-9]|Content-Type: text/(event-stream|plain|html)|Content-Type: application/json)",
        1 => "D(Retry-After: ([0-9]{1,5}|Sun, 06 Nov 1994 08:49:37 GMT)|Date: Sun, 06 Nov 1994 08:49:00 GMT)",
        2 => "R(/[a-z]|http://[ab].test/)?",
        3 => "[tT][ -~]{1,4}",
        1 => "f[a-z]",
        1 => "g[a-z]",
        2 => "[0eExXqwQpUN]",
        1 => "[kK]",
    ];
    prop::collection::vec(step, 0..60).prop_map(|steps| steps.join("\n"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_steps_never_break_the_contract(cuts in "[@A-_]{0,5}", letters in "[panjtzlodrgxmvwiyhbkqcfe]{0,5}", steps in steps()) {
        fuzz_client::machine(format!("{cuts}\n{letters}\n{steps}").as_bytes());
    }
}
