//! Where the messages are published, and with what request.

use std::borrow::Cow;

use tidewire_core::client::publish::{Data, Publication};
use tidewire_core::http::{Fields, Method, RequestHead, Target as RequestTarget, Url};

use crate::args::Bench;
use crate::exit::{Exit, Failure};
use crate::target;

/// A place to publish to.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// The server, or the very URL.
    pub(super) url: Url,
    fields: Fields,
    form: Form,
}

#[derive(Clone, Debug)]
enum Form {
    /// A channel of a Tidewire server.
    Channel(String),
    /// A POST of the message, inside of this text.
    Post(Option<String>),
}

impl Target {
    /// Returns where to publish, if anywhere.
    pub(super) fn of(args: &Bench, events: &Url, fields: &Fields) -> Result<Option<Self>, Failure> {
        let fields = fields.clone();
        match args.publish.as_deref() {
            Some("none") => Ok(None),
            Some(url) => {
                let form = Form::Post(args.publish_body.clone());
                Ok(Some(Self { url: target::http_url(url)?, fields, form }))
            }
            None => Ok(channel(events).map(|(url, channel)| Self { url, fields, form: Form::Channel(channel) })),
        }
    }

    /// Returns the request that publishes a message.
    pub(super) fn request(&self, message: &str) -> Result<(RequestHead, Vec<u8>), Failure> {
        let usage = |error: &dyn std::fmt::Display| Failure::new(Exit::Usage, error.to_string());
        match &self.form {
            Form::Channel(channel) => {
                let publication = Publication { channel, event: None, data: Data::Text(message) };
                publication.request(&self.url, &self.fields).map_err(|error| usage(&error))
            }
            Form::Post(template) => {
                let body = template.as_ref().map_or(Cow::Borrowed(message), |text| text.replace("{}", message).into());
                let mut head = RequestHead::new(Method::POST, self.url.target());
                let mut set = |name: &str, value: &[u8]| head.fields.set(name, value).map_err(|error| usage(&error));
                set("host", self.url.authority().as_bytes())?;
                set("content-type", b"text/plain; charset=utf-8")?;
                for (name, value) in self.fields.iter() {
                    set(name, value)?;
                }
                set("content-length", body.len().to_string().as_bytes())?;
                Ok((head, body.into_owned().into()))
            }
        }
    }
}

/// Returns the server and the first channel of the URL of a Tidewire server's events.
fn channel(events: &Url) -> Option<(Url, String)> {
    let target = RequestTarget::parse(&Method::GET, events.target()).ok()?;
    let base = target.path().strip_suffix("/v1/events")?;
    let channels = target.query_pairs().filter(|(name, _)| name == "channel").map(|(_, value)| value);
    let channel = channels.flat_map(|value| value.split(',').map(str::to_owned).collect::<Vec<_>>()).next()?;
    let server = Url::parse(&format!("{}://{}{base}", events.scheme(), events.authority())).ok()?;
    Some((server, channel))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_channel_of_a_tidewire_server_is_found_and_others_are_not_guessed() {
        let found = |url: &str| channel(&Url::parse(url).unwrap()).map(|(url, channel)| (url.to_string(), channel));
        assert_eq!(found("http://a:1/v1/events?channel=news"), Some(("http://a:1/".into(), "news".into())));
        assert_eq!(
            found("https://a/live/v1/events?x=1&channel=a%20b,c&channel=d"),
            Some(("https://a/live".into(), "a b".into()))
        );
        for url in ["http://a/events?channel=news", "http://a/v1/events", "http://a/v1/events?room=x"] {
            assert_eq!(found(url), None, "{url}");
        }
    }

    #[test]
    fn a_post_has_the_message_where_the_template_says() {
        let mut fields = Fields::new();
        fields.append("content-type", "application/x-www-form-urlencoded").unwrap();
        let form = Form::Post(Some("topic=a&data={}".into()));
        let target = Target { url: Url::parse("http://a/hub?x=1").unwrap(), fields, form };
        let (head, body) = target.request("m/1").unwrap();
        assert_eq!((&*head.target, &*body), ("/hub?x=1", &b"topic=a&data=m/1"[..]));
        assert_eq!(head.fields.get_str("content-type"), Some("application/x-www-form-urlencoded"));
        assert_eq!(head.fields.get_str("content-length"), Some("16"));
    }
}
