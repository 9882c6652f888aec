//! What `tail` and `publish` talk to: a URL and header fields, as one types them.

use tidewire_core::http::{Fields, Url};

use crate::exit::{Exit, Failure};

/// Reads a URL; without a scheme, it is http.
pub(crate) fn url(text: &str) -> Result<Url, Failure> {
    let whole = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
    Url::parse(&whole).map_err(|error| usage(format!("'{text}': {error}")))
}

/// Reads the values of `-H`.
pub(crate) fn fields(headers: &[(String, String)]) -> Result<Fields, Failure> {
    let mut fields = Fields::new();
    for (name, value) in headers {
        fields.append(name, value).map_err(|error| usage(format!("-H '{name}: {value}': {error}")))?;
    }
    Ok(fields)
}

fn usage(message: String) -> Failure {
    Failure::new(Exit::Usage, message)
}
