//! Channels under any order of steps, beside a naive model; the hand-over from replay to live at every interleaving.

use proptest::prelude::*;
use tidewire_tests::fuzz_channels::channels;

fn run(script: &str) {
    channels(script.as_bytes());
}

#[test]
fn each_kind_of_reader_is_given_everything_in_order() {
    run("aABRODabcrod:abrodQ");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2_000, max_shrink_iters: 200_000, ..ProptestConfig::default() })]

    #[test]
    fn any_script_holds(script in "!?[abcrdspo:ABRODLLqxlmnfQ+0-3KUGS]{0,60}") {
        run(&script);
    }

    #[test]
    fn any_script_about_a_repository_holds(script in "!?[ospOLLqqxlmnfQ01]{0,40}") {
        run(&script);
    }

    #[test]
    fn any_script_with_long_times_holds(script in "!?[abcrdsoABRODLqxlmQT+0-3KUG]{0,60}") {
        run(&script);
    }
}
