//! `tokio-news PORT`: articles at `/articles`, the old ones from a store that is sorted by their ids; and two clients that print them: one
//! that wants everything, and one that comes back. It is the example of LaunchDarkly's repository.
//!
//! ```text
//! cargo run -p tidewire-tokio --example tokio-news 8081
//! curl -N -H 'Last-Event-ID: 2' http://127.0.0.1:8081/articles
//! ```

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::error::Error;
use std::future::pending;
use std::ops::Bound;
use std::sync::{Arc, PoisonError, RwLock};

use serde::Serialize;
use tidewire_core::channels::{Batch, ChannelConfig, Endpoint, Load, Replay};
use tidewire_core::client::{Config, Event};
use tidewire_core::sse::{EventId, ToMessage};
use tidewire_tokio::{EventServer, EventSource, Loading, Repository, serve};
use tokio::net::TcpListener;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = std::env::args().nth(1).ok_or("usage: tokio-news PORT")?.parse()?;
    let archive = Arc::new(Archive::default());
    archive.add(Article::new(2, "Governments struggle to control global price of gas", "Hot air...."));
    archive.add(Article::new(1, "Tomorrow is another day", "And so is the day after."));
    archive.add(Article::new(3, "News for news' sake", "Nothing has happened."));

    let server = EventServer::default();
    let mut channel = ChannelConfig::default();
    channel.replay = Replay::All;
    server.register_with("articles", channel, Arc::clone(&archive))?;
    server.channels_at("/articles", ["articles"], Endpoint::default())?;
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    let url = format!("http://{}/articles", listener.local_addr()?);
    println!("articles at {url}");
    let publisher = server.publisher();
    tokio::spawn(serve(listener, server, pending::<()>()));

    println!("everything:");
    let mut source = EventSource::open(Config::new(url.parse()?)).await?;
    print(&mut source, 3).await;
    // Stored first, published after.
    let fresh = Article::new(10, "Ten comes after nine", "Whatever the alphabet says.");
    archive.add(fresh.clone());
    publisher.publish(["articles"], &fresh)?;
    print(&mut source, 1).await;

    println!("after 1:");
    let mut config = Config::new(url.parse()?);
    config.last_event_id = Some(EventId::new("1")?);
    print(&mut EventSource::open(config).await?, 3).await;
    println!("and so on");
    pending().await
}

async fn print(source: &mut EventSource, mut count: usize) {
    while count > 0
        && let Some(event) = source.next().await
    {
        if let Event::Message(article) = event {
            println!("{} {} {}", article.last_event_id(), article.event_type(), article.data());
            count -= 1;
        }
    }
}

/// Articles by their ids: as numbers, so that 10 comes after 9.
#[derive(Default)]
struct Archive(RwLock<BTreeMap<u64, Article>>);

impl Archive {
    fn add(&self, article: Article) {
        self.0.write().unwrap_or_else(PoisonError::into_inner).insert(article.number, article);
    }
}

impl Repository for Archive {
    fn following<'a>(&'a self, load: &'a Load) -> Loading<'a> {
        Loading::new(async {
            let articles = self.0.read().unwrap_or_else(PoisonError::into_inner);
            let mut batch = Batch::default();
            let start = match load.after.as_deref() {
                None => Bound::Unbounded,
                Some(id) => match id.parse() {
                    Ok(number) if articles.contains_key(&number) => Bound::Excluded(number),
                    // All that there is, and the reader is told that it is not what it asked for.
                    _ => {
                        batch.missed = true;
                        Bound::Unbounded
                    }
                },
            };
            let mut following = articles.range((start, Bound::Unbounded)).map(|(_, article)| article);
            for article in following.by_ref().take(load.max_publications) {
                batch.push(article)?;
            }
            batch.more = following.next().is_some();
            Ok(batch)
        })
    }
}

#[derive(Clone, Serialize)]
struct Article {
    #[serde(skip)]
    number: u64,
    #[serde(skip)]
    id: String,
    #[serde(rename = "Title")]
    title: String,
    #[serde(rename = "Content")]
    content: String,
}

impl Article {
    fn new(number: u64, title: &str, content: &str) -> Self {
        Self { number, id: number.to_string(), title: title.into(), content: content.into() }
    }
}

impl ToMessage for Article {
    fn own_id(&self) -> Option<&str> {
        Some(&self.id)
    }

    fn raw_event_type(&self) -> Option<&str> {
        Some("News Article")
    }

    fn data(&self) -> Cow<'_, str> {
        // Strings are always written.
        serde_json::to_string(self).unwrap_or_default().into()
    }
}
