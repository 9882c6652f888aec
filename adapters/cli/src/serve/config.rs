//! What the arguments mean to the machines.

use std::net::{IpAddr, SocketAddr};
use std::num::NonZeroUsize;

use tidewire_core::log::{LagPolicy, OnLag};
use tidewire_core::server::{self, Heartbeat, KeepAlive, When};
use tidewire_core::sse::{EventName, Fields};
use tidewire_core::{api, channels};

use crate::args::{self, Serve};

pub(super) fn api(args: &Serve, ip: IpAddr) -> api::Config {
    let mut config = api::Config::default();
    let access = &mut config.endpoint.access;
    if let Some(hosts) = &mut access.hosts {
        hosts.push(SocketAddr::new(ip, 0).to_string().trim_end_matches(":0").into());
        hosts.extend(args.allow_host.iter().map(|host| host.as_str().into()));
    }
    // Beyond this machine one does not know by what names it is known, unless told.
    if !ip.is_loopback() && args.allow_host.is_empty() {
        access.hosts = None;
    }
    access.origins.extend(args.allow_origin.iter().map(|origin| origin.as_str().into()));
    access.credentials = args.allow_credentials;
    config.endpoint.gzip = args.streams.gzip;
    config.endpoint.padding = args.streams.padding;
    config.max_message = args.limits.max_message.get();
    config
}

pub(super) fn channels(args: &Serve) -> channels::Config {
    let mut config = channels::Config::default();
    let Serve { streams, limits, ending, .. } = args;
    config.log.max_bytes = args.history_total.get();
    config.log.max_age = Some(args.history_age);
    config.channel.topic.max_publications = args.history.get();
    config.channel.topic.max_bytes = args.history_bytes.get();
    config.channel.topic.lag = lag(limits);
    config.channel.debounce = streams.debounce;
    config.channel.max_readers = limits.max_readers.map_or(usize::MAX, NonZeroUsize::get);
    config.max_connections = limits.max_connections.get();
    config.max_connections_per_ip = limits.max_connections_per_ip.get();
    config.retry = Some(streams.retry);
    config.max_time = streams.max_stream_time;
    config.heartbeat = Some(heartbeat(streams));
    config.busy = match ending.busy {
        args::Busy::Status => channels::Busy::Status,
        args::Busy::Stream => channels::Busy::Stream,
        args::Busy::ByClient => channels::Busy::ByClient,
    };
    config.return_rate = ending.return_rate.get();
    config.last_event = ending.last_event.as_deref().map(last_event);
    config
}

pub(super) fn session(api: &api::Config) -> server::Config {
    let mut config = server::Config::default();
    // A message that is somewhat too long is told so in its own words; one far too long need not be taken in by each of
    // thousands of connections.
    config.max_body = api.max_message.saturating_mul(2);
    config
}

fn lag(limits: &args::Limits) -> LagPolicy {
    let then = match limits.on_lag {
        args::OnLag::Gap => OnLag::Gap,
        args::OnLag::End => OnLag::End,
        args::OnLag::Latest => OnLag::Latest,
    };
    let mut lag = LagPolicy::new(limits.max_behind.map_or(usize::MAX, NonZeroUsize::get), then);
    lag.max_behind_bytes = limits.max_behind_bytes.map_or(usize::MAX, NonZeroUsize::get);
    lag
}

fn heartbeat(streams: &args::Streams) -> Heartbeat {
    let mut heartbeat = Heartbeat::new(streams.keep_alive);
    heartbeat.form = match &streams.keep_alive_form {
        args::Form::Comment => KeepAlive::Comment,
        args::Form::Newline => KeepAlive::Newline,
        args::Form::Event(name) => KeepAlive::Event(name.clone()),
    };
    heartbeat.when = match streams.keep_alive_when {
        args::When::Idle => When::Idle,
        args::When::Always => When::Always,
    };
    heartbeat.jitter = streams.keep_alive_jitter;
    heartbeat
}

/// Makes the event that tells a text to all readers of the program.
fn last_event(text: &str) -> bytes::Bytes {
    let data = serde_json::json!({ "type": "system", "data": text }).to_string();
    let mut bytes = Vec::new();
    Fields { id: None, event: EventName::new("system").ok().as_ref(), retry: None, data: &data }.encode(&mut bytes);
    bytes.into()
}
