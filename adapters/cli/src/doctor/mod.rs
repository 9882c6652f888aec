//! `tidewire doctor`: says in words what stands between a client and a stream.
//!
//! [`probe`] follows the stream and writes down what comes when; [`findings`] judges that, and does no I/O; [`report`] prints.

use std::time::Duration;

use futures_lite::future;
use tidewire_core::client::Config;
use tidewire_core::http::coding::Codings;
use tidewire_core::sse::EventId;
use tidewire_tls::Client;

use crate::args::Doctor;
use crate::exit::{Exit, Failure};
use crate::stop::{self, Cause};
use crate::{output, target};

mod alpn;
mod findings;
mod probe;
mod report;
mod web_socket;

use findings::{Case, Finding, Level};
use probe::{Observation, watch};
use report::Summary;

pub(crate) fn run(args: &Doctor) -> Result<(), Failure> {
    let mut config = Config::new(target::url(&args.url)?);
    config.fields = target::fields(&args.header, args.bearer.as_deref())?;
    if let Some(origin) = &args.origin {
        let set = config.fields.set("origin", origin);
        set.map_err(|error| Failure::new(Exit::Usage, format!("--origin: {error}")))?;
    }
    args.network.apply(&mut config)?;
    let tls = args.network.tls()?;
    let stopped = stop::watch(None, Some(stop::GRACE))?;
    let examined = async {
        if config.url.is_web_socket() {
            return Ok(web_socket::examine(args, &config, &tls).await);
        }
        let case = examine(args, &config, &tls).await;
        Ok((Summary::of(&case), findings::judge(&case)))
    };
    let interrupted = async { Err(stopped.recv().await.unwrap_or(Cause::Interrupted)) };
    let Ok((summary, findings)) = smol::block_on(future::or(examined, interrupted)) else {
        return Err(Failure::told(Exit::Interrupted));
    };
    report::print(args, &summary, &findings)?;
    match findings.iter().any(|finding| finding.level == Level::Fault) {
        true => Err(Failure::told(exit(&findings))),
        false => Ok(()),
    }
}

/// Follows the stream, and asks again where that can tell more.
async fn examine(args: &Doctor, config: &Config, tls: &Client) -> Case {
    output::tell(&format!("watching {} for {}", config.url, crate::duration::display(args.watch)));
    let plain = watch(config, tls, args.watch).await;
    let mut case = Case { origin: args.origin.clone(), ..Case::new(plain) };
    if case.plain.opened.is_none() {
        return case;
    }
    let (patience, first) = (short(&case.plain, args.watch), case.plain.items.first());
    if first.is_some() {
        output::tell("asking again as browsers do, with compression");
        let mut coded = config.clone();
        coded.codings = Codings::ALL;
        case.coded = Some(watch(&coded, tls, patience).await);
    }
    if let Some((after, _)) = case.plain.resumable()
        && let Ok(id) = EventId::new(after.id.clone())
    {
        output::tell("asking again to resume after an event seen");
        let mut resumed = config.clone();
        resumed.last_event_id = Some(id);
        case.resumed = Some(watch(&resumed, tls, patience).await);
    }
    // Behind a proxy or on a socket the handshake would be another one.
    let direct = config.unix_socket.is_none() && config.proxies.proxy_for(&config.url).is_none();
    if config.url.is_tls() && direct {
        case.http2 = alpn::offers_http2(&config.url, tls, config.connect_timeout.unwrap_or(args.watch)).await;
    }
    case
}

/// How long a second look takes: long enough that what came before would have come again.
fn short(plain: &Observation, watch: Duration) -> Duration {
    let first = plain.items.first().map_or(watch, |item| item.at);
    (first * 3 + Duration::from_secs(2)).min(watch)
}

/// One code for what keeps a client from the stream, another for what does not get that far.
fn exit(findings: &[Finding]) -> Exit {
    if findings.iter().any(|finding| finding.check == "connection") { Exit::Network } else { Exit::Between }
}
