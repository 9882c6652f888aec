//! How many sockets the process may have open.

/// Raises the limit to the most that the system allows without asking: what is usual, 1024, is for programs of another kind. Where that
/// fails, the server has as many connections as it may have.
#[cfg(unix)]
pub(crate) fn raise_limit() {
    use rustix::process::{Resource, getrlimit, setrlimit};

    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    let _ = setrlimit(Resource::Nofile, limit);
}

#[cfg(not(unix))]
pub(crate) fn raise_limit() {}

/// Makes sure that the process may have `count` files open, raising what it may raise; or returns how many it may have.
#[cfg(unix)]
pub(crate) fn allow(count: u64) -> Result<(), u64> {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    raise_limit();
    let limit = getrlimit(Resource::Nofile);
    let most = limit.current.unwrap_or(u64::MAX);
    // Beyond that it is root's to raise.
    if most >= count || setrlimit(Resource::Nofile, Rlimit { current: Some(count), maximum: Some(count) }).is_ok() {
        Ok(())
    } else {
        Err(most)
    }
}

#[cfg(not(unix))]
pub(crate) fn allow(_count: u64) -> Result<(), u64> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use rustix::process::{Resource, getrlimit};

    #[test]
    fn the_limit_is_the_most_there_is() {
        super::raise_limit();
        let limit = getrlimit(Resource::Nofile);
        assert_eq!(limit.current, limit.maximum);
    }
}
