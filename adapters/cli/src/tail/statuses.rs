//! The statuses of `--retry-status`: `transient`, `429,5xx`, `all,!404`.

use tidewire_core::client::RetryStatus;

/// Reads a list of statuses; what comes later counts.
pub(crate) fn parse(text: &str) -> Result<RetryStatus, String> {
    text.split(',').try_fold(RetryStatus::NEVER, |set, item| add(set, item).ok_or_else(|| format!("'{item}': {HELP}")))
}

fn add(set: RetryStatus, item: &str) -> Option<RetryStatus> {
    if let Some(item) = item.strip_prefix('!') {
        let (first, last) = range(item)?;
        return Some(set.without_range(first, last));
    }
    let preset = match item {
        "transient" => RetryStatus::TRANSIENT,
        "llm" => RetryStatus::LLM,
        "all" => RetryStatus::ALL,
        _ => {
            let (first, last) = range(item)?;
            return Some(set.with_range(first, last));
        }
    };
    Some((100..600).filter(|&status| preset.contains(status)).fold(set, RetryStatus::with))
}

/// Reads `429`, `5xx` or `500-503`.
fn range(item: &str) -> Option<(u16, u16)> {
    let status = |text: &str| text.parse().ok().filter(|status| (100..600).contains(status) && text.len() == 3);
    if let Some(class) = item.strip_suffix("xx") {
        let first = status(&format!("{class}00"))?;
        return Some((first, first + 99));
    }
    let (first, last) = item.split_once('-').unwrap_or((item, item));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}

const HELP: &str = "write statuses (429), classes (5xx), ranges (500-503), what is not meant (!501), or one of these sets: \
    transient, llm, all";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statuses_classes_ranges_and_sets_are_read() {
        assert_eq!(parse("transient"), Ok(RetryStatus::TRANSIENT));
        assert_eq!(parse("llm"), Ok(RetryStatus::LLM));
        assert_eq!(parse("all"), Ok(RetryStatus::ALL));
        assert_eq!(parse("429"), Ok(RetryStatus::NEVER.with(429)));
        assert_eq!(parse("429,5xx"), Ok(RetryStatus::NEVER.with(429).with_range(500, 599)));
        assert_eq!(parse("500-503"), Ok(RetryStatus::NEVER.with_range(500, 503)));
        assert_eq!(parse("all,!404,!5xx"), Ok(RetryStatus::ALL.without(404).without_range(500, 599)));
        assert_eq!(parse("transient,404"), Ok(RetryStatus::TRANSIENT.with(404)));
    }

    #[test]
    fn anything_else_says_how_to_write_it() {
        for text in ["", "429,", "99", "600", "0429", "6xx", "xx", "503-500", "5x", "busy", "!all", "+42"] {
            assert!(parse(text).unwrap_err().contains("429"), "{text}");
        }
    }
}
