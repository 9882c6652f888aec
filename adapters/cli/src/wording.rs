//! What the client says, in the words of the command line.

/// Names the options of the command line where the client names the fields of its configuration.
pub(crate) fn flags(text: &str) -> String {
    FLAGS.iter().fold(text.to_owned(), |text, (field, flag)| text.replace(field, flag))
}

/// What the client calls it, and what the command line does.
const FLAGS: [(&str, &str); 13] = [
    ("`resolve_timeout`", "--connect-timeout"),
    ("`connect_timeout`", "--connect-timeout"),
    ("`tunnel_timeout`", "--connect-timeout"),
    ("`tls_timeout`", "--connect-timeout"),
    ("`head_timeout`", "--head-timeout"),
    ("`first_byte_timeout`", "--first-byte-timeout"),
    ("`read_timeout`", "--idle-timeout"),
    ("unless `resend` allows it", "without --retry-post"),
    ("give its certificate (PEM) as a root", "give its certificate with --cacert FILE"),
    ("though that was not offered; switch", "though that was not offered; offer it with --compressed, or switch"),
    ("in a circle, or is `max_redirects` too low?", "in a circle?"),
    (
        "is this the address of the stream?",
        "is this the address of the stream? --any-content-type takes it all the same",
    ),
    ("reconnecting is off", "--no-reconnect is set"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_become_options() {
        assert_eq!(flags("raise `read_timeout`; reconnecting is off"), "raise --idle-timeout; --no-reconnect is set");
        assert_eq!(flags("go in a circle, or is `max_redirects` too low?"), "go in a circle?");
        assert_eq!(flags("`anything` else"), "`anything` else");
    }
}
