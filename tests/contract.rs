//! The published contract tests for SSE clients: each of the 113 that the capabilities of our example `contract-service` allow, on
//! both runtimes, by a harness of our own.

#[path = "contract/basic_parsing.rs"]
mod basic_parsing;
#[path = "contract/bom_handling.rs"]
mod bom_handling;
#[path = "contract/comments.rs"]
mod comments;
#[path = "support/examples.rs"]
mod examples;
#[path = "support/harness.rs"]
mod harness;
#[path = "support/harness_http.rs"]
mod harness_http;
#[path = "contract/http_behavior.rs"]
mod http_behavior;
#[path = "contract/linefeeds.rs"]
mod linefeeds;
#[path = "contract/reconnection.rs"]
mod reconnection;
#[path = "contract/service.rs"]
mod service;

use std::process::Command;

/// Makes tests of the functions of a group.
macro_rules! group {
    ($runtime:literal, $group:ident { $($leaf:ident)* }) => {
        mod $group {
            $(
                #[test]
                fn $leaf() {
                    crate::harness::run($runtime, crate::$group::$leaf);
                }
            )*
        }
    };
}

/// Makes tests of all texts with one line end in chunks of one size.
macro_rules! linefeeds {
    ($runtime:literal, $line_end:literal, $cut:ident, $($leaf:ident $text:ident)*) => {
        $(
            #[test]
            fn $leaf() {
                crate::harness::run($runtime, |contract| {
                    crate::linefeeds::ends(contract, $line_end, crate::linefeeds::$cut, crate::linefeeds::$text);
                });
            }
        )*
    };
}

macro_rules! contract {
    ($runtime:literal) => {
        group!($runtime, basic_parsing {
            one_line_in_one_chunk
            one_line_in_two_chunks
            two_events_in_one_chunk
            two_events_cut_into_three_chunks
            two_lines_in_one_chunk
            seven_megabytes_in_one_chunk
            fourteen_megabytes_in_two_chunks
            empty_data
            event_with_a_type
            default_type_is_message
            event_with_an_id
            event_with_type_and_id
            id_with_a_null_is_ignored
            id_holds_for_later_events
            id_is_reset_by_an_empty_one
            fields_in_reverse_order
            unknown_field_is_ignored
            no_space_after_the_colon
            only_one_space_is_stripped
            field_without_a_colon
            characters_of_several_bytes
            characters_of_several_bytes_byte_by_byte
            hundred_events_keep_their_order
        });
        group!($runtime, bom_handling {
            mark_is_stripped
            mark_before_type_and_id
            mark_before_two_events
            mark_in_later_data_is_kept
            mark_cut_into_two_and_one
            mark_cut_into_three
            only_the_first_of_two_is_stripped
            no_mark
            mark_before_two_lines
            mark_before_a_comment
            mark_before_empty_data
        });
        group!($runtime, comments {
            one_comment
            two_comments_in_a_row
            comment_before_an_event
            comment_after_an_event
        });
        mod linefeeds {
            linefeeds!($runtime, "\n", ONE_CHUNK,
                lf_one_chunk_one_line ONE_LINE
                lf_one_chunk_one_and_two_lines ONE_AND_TWO_LINES
                lf_one_chunk_empty_first_line EMPTY_FIRST_LINE
                lf_one_chunk_empty_middle_line EMPTY_MIDDLE_LINE
                lf_one_chunk_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                lf_one_chunk_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\n", ONE_BYTE_CHUNKS,
                lf_one_byte_chunks_one_line ONE_LINE
                lf_one_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                lf_one_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                lf_one_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                lf_one_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                lf_one_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\n", TWO_BYTE_CHUNKS,
                lf_two_byte_chunks_one_line ONE_LINE
                lf_two_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                lf_two_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                lf_two_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                lf_two_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                lf_two_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r\n", ONE_CHUNK,
                crlf_one_chunk_one_line ONE_LINE
                crlf_one_chunk_one_and_two_lines ONE_AND_TWO_LINES
                crlf_one_chunk_empty_first_line EMPTY_FIRST_LINE
                crlf_one_chunk_empty_middle_line EMPTY_MIDDLE_LINE
                crlf_one_chunk_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                crlf_one_chunk_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r\n", ONE_BYTE_CHUNKS,
                crlf_one_byte_chunks_one_line ONE_LINE
                crlf_one_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                crlf_one_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                crlf_one_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                crlf_one_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                crlf_one_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r\n", TWO_BYTE_CHUNKS,
                crlf_two_byte_chunks_one_line ONE_LINE
                crlf_two_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                crlf_two_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                crlf_two_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                crlf_two_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                crlf_two_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r", ONE_CHUNK,
                cr_one_chunk_one_line ONE_LINE
                cr_one_chunk_one_and_two_lines ONE_AND_TWO_LINES
                cr_one_chunk_empty_first_line EMPTY_FIRST_LINE
                cr_one_chunk_empty_middle_line EMPTY_MIDDLE_LINE
                cr_one_chunk_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                cr_one_chunk_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r", ONE_BYTE_CHUNKS,
                cr_one_byte_chunks_one_line ONE_LINE
                cr_one_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                cr_one_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                cr_one_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                cr_one_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                cr_one_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );
            linefeeds!($runtime, "\r", TWO_BYTE_CHUNKS,
                cr_two_byte_chunks_one_line ONE_LINE
                cr_two_byte_chunks_one_and_two_lines ONE_AND_TWO_LINES
                cr_two_byte_chunks_empty_first_line EMPTY_FIRST_LINE
                cr_two_byte_chunks_empty_middle_line EMPTY_MIDDLE_LINE
                cr_two_byte_chunks_one_extra_blank_line ONE_EXTRA_BLANK_LINE
                cr_two_byte_chunks_two_extra_blank_lines TWO_EXTRA_BLANK_LINES
            );

            #[test]
            fn crlf_cut_between() {
                crate::harness::run($runtime, crate::linefeeds::crlf_cut_between);
            }
        }
        group!($runtime, http_behavior {
            default_method_and_fields
            no_content_ends_it
            follows_301
            follows_307
            empty_location_of_301_is_an_error
            empty_location_of_307_is_an_error
            missing_location_of_301_is_an_error
            missing_location_of_307_is_an_error
            custom_fields
            post_with_a_body
            report_with_a_body
            initial_last_event_id
        });
        group!($runtime, reconnection {
            restart_on_demand
            last_event_id_is_sent
            last_event_id_outlives_events_without_one
            empty_id_takes_the_field_away
            body_is_sent_again
            silence_is_an_error
            partial_event_is_discarded
            events_flow_on_the_next_connection
        });
        // No leaves: what the harness takes for granted.
        group!($runtime, service {
            names_itself_and_its_capabilities
            says_what_is_wrong_with_parameters
            knows_only_its_streams_and_commands
            stops_at_once
            quits
        });
    };
}

mod tokio {
    contract!("tokio");
}

mod smol {
    contract!("smol");
}

#[test]
fn there_are_113_leaves_on_each_runtime() {
    let this = std::env::current_exe().expect("this test has a path");
    let listed = Command::new(this).arg("--list").output().expect("it lists its tests");
    let listed = String::from_utf8(listed.stdout).expect("names");
    for runtime in ["tokio", "smol"] {
        let tests = listed.lines().filter_map(|line| line.strip_suffix(": test")?.strip_prefix(runtime));
        let leaves = tests.filter(|name| !name.starts_with("::service::"));
        assert_eq!(leaves.count(), 113, "{runtime}");
    }
}
