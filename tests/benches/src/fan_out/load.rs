//! The readers: sockets in one epoll set, and who publishes to them.

use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use memchr::memchr_iter;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::{MARK, Order, Place, data, process, subscribe};

/// A server's readers and its publisher.
pub struct Load {
    epoll: OwnedFd,
    readers: Vec<Reader>,
    publisher: Publisher,
    server: u32,
    size: u32,
    /// When each message was published.
    published: Vec<Instant>,
    /// Deliveries that are still to come.
    missing: u64,
    delays: Vec<u32>,
    ready: Vec<epoll::Event>,
    buffer: Vec<u8>,
}

struct Reader {
    socket: TcpStream,
    seen: u64,
}

struct Publisher {
    socket: TcpStream,
    /// The request that publishes, and how many of its answers are to come.
    request: Option<Vec<u8>>,
    unanswered: usize,
}

/// What a run cost.
#[derive(Clone, Debug, Default)]
pub struct Figures {
    /// Messages times readers.
    pub deliveries: u64,
    /// How long it took, in nanoseconds.
    pub wall: u64,
    /// The server's processor time, in nanoseconds.
    pub processor: u64,
    /// Its part outside the kernel.
    pub user: u64,
    /// Microseconds from the publication until half had it.
    pub p50: u32,
    /// Microseconds until all but a hundredth had it.
    pub p99: u32,
}

impl Load {
    /// Connects so many readers to the server, which is the process `server`.
    ///
    /// # Errors
    ///
    /// When that fails.
    pub fn connect(place: &Place, server: u32, readers: usize, size: u32) -> io::Result<Self> {
        let epoll = epoll::create(epoll::CreateFlags::CLOEXEC)?;
        let publisher = Publisher::connect(place, size)?;
        let mut load = Self {
            epoll,
            readers: Vec::with_capacity(readers),
            publisher,
            server,
            size,
            published: Vec::new(),
            missing: 0,
            delays: Vec::new(),
            ready: Vec::with_capacity(1024),
            buffer: vec![0; 1 << 20],
        };
        for _ in 0..readers {
            let socket = subscribe(place, None)?;
            load.add(socket)?;
        }
        Ok(load)
    }

    fn add(&mut self, socket: TcpStream) -> io::Result<()> {
        socket.set_nonblocking(true)?;
        let data = epoll::EventData::new_u64(self.readers.len() as u64);
        epoll::add(&self.epoll, &socket, data, epoll::EventFlags::IN)?;
        self.readers.push(Reader { socket, seen: self.published.len() as u64 });
        Ok(())
    }

    /// One message at a time; the readers look every 2 ms.
    ///
    /// # Errors
    ///
    /// When the server is gone.
    pub fn quiet(&mut self, messages: usize) -> io::Result<Figures> {
        self.measure(|load| {
            for _ in 0..messages {
                load.publish(1)?;
                while load.missing > 0 {
                    std::thread::sleep(Duration::from_millis(2));
                    while load.take(Some(Duration::ZERO))? > 0 {}
                }
                load.publisher.await_answers()?;
            }
            Ok(())
        })
    }

    /// Sixteen at once, and the next sixteen when all have them.
    ///
    /// # Errors
    ///
    /// When the server is gone.
    pub fn burst(&mut self, batches: usize) -> io::Result<Figures> {
        self.measure(|load| {
            for _ in 0..batches {
                load.publish(16)?;
                while load.missing > 0 {
                    load.take(Some(PATIENCE))?;
                }
                load.publisher.await_answers()?;
            }
            Ok(())
        })
    }

    /// So many deliveries a second for so long; the readers sleep until something comes.
    ///
    /// # Errors
    ///
    /// When the server is gone.
    pub fn steady(&mut self, rate: f64, time: Duration) -> io::Result<Figures> {
        let every = Duration::from_secs_f64(self.readers.len() as f64 / rate);
        self.measure(|load| {
            let start = Instant::now();
            let mut next = start;
            while start.elapsed() < time {
                let now = Instant::now();
                if now >= next {
                    load.publisher.await_answers()?;
                    load.publish(1)?;
                    next += every;
                } else {
                    load.take(Some(next - now))?;
                }
            }
            while load.missing > 0 {
                load.take(Some(PATIENCE))?;
            }
            Ok(())
        })
    }

    /// Does something and returns what it cost.
    fn measure(&mut self, run: impl FnOnce(&mut Self) -> io::Result<()>) -> io::Result<Figures> {
        self.delays.clear();
        let (wall, before) = (Instant::now(), process::processor(self.server)?);
        run(self)?;
        let (wall, after) = (wall.elapsed(), process::processor(self.server)?);
        self.delays.sort_unstable();
        let share = |part: usize| self.delays.get(self.delays.len() * part / 100).copied().unwrap_or(0);
        let nanos = |time: Duration| time.as_nanos() as u64;
        Ok(Figures {
            deliveries: self.delays.len() as u64,
            wall: nanos(wall),
            processor: nanos(after.all.saturating_sub(before.all)),
            user: nanos(after.user.saturating_sub(before.user)),
            p50: share(50),
            p99: share(99),
        })
    }

    fn publish(&mut self, count: u32) -> io::Result<()> {
        self.published.extend(std::iter::repeat_n(Instant::now(), count as usize));
        self.missing += u64::from(count) * self.readers.len() as u64;
        self.publisher.publish(Order { count, size: self.size })
    }

    /// Waits for something to read, takes it, and returns how many deliveries that were.
    fn take(&mut self, wait: Option<Duration>) -> io::Result<u64> {
        let timeout = wait.map(|wait| Timespec { tv_sec: wait.as_secs() as i64, tv_nsec: wait.subsec_nanos().into() });
        self.ready.clear();
        epoll::wait(&self.epoll, spare_capacity(&mut self.ready), timeout.as_ref())?;
        if self.ready.is_empty() && wait == Some(PATIENCE) {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("{} deliveries are missing", self.missing)));
        }
        let mut taken = 0;
        for event in &self.ready {
            let Some(reader) = self.readers.get_mut(event.data.u64() as usize) else { continue };
            let count = match reader.socket.read(&mut self.buffer) {
                Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
                Ok(count) => count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
                Err(error) => return Err(error),
            };
            let now = Instant::now();
            for _ in memchr_iter(MARK, &self.buffer[..count]) {
                let published = self.published.get(reader.seen as usize).copied();
                let published = published.ok_or_else(|| io::Error::other("a message came that was not published"))?;
                self.delays.push((now - published).as_micros() as u32);
                reader.seen += 1;
                taken += 1;
            }
        }
        self.missing -= taken;
        Ok(taken)
    }

    /// Publishes, and holds what each reader gets against it: every message once, whole and in order.
    ///
    /// # Errors
    ///
    /// When a reader got something else.
    pub fn check(&mut self, count: u32) -> io::Result<()> {
        self.publish(count)?;
        let want = data(self.size as usize);
        for reader in &mut self.readers {
            reader.socket.set_nonblocking(false)?;
            reader.socket.set_read_timeout(Some(PATIENCE))?;
            let mut received = Vec::new();
            while memchr_iter(MARK, &received).count() < count as usize || !received.ends_with(b"\n\n\r\n") {
                let read = reader.socket.read(&mut self.buffer)?;
                received.extend_from_slice(
                    self.buffer.get(..read).filter(|read| !read.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?,
                );
            }
            let times = memchr::memmem::find_iter(&received, want.as_bytes()).count();
            if times != count as usize || memchr::memmem::find_iter(&received, b"\ndata: ").count() < times {
                return Err(io::Error::other(format!("{times} of {count} messages are whole")));
            }
            reader.seen += u64::from(count);
            reader.socket.set_nonblocking(true)?;
        }
        self.missing = 0;
        self.publisher.await_answers()
    }
}

impl Publisher {
    fn connect(place: &Place, size: u32) -> io::Result<Self> {
        let (address, request) = match &place.publish {
            Err(address) => (*address, None),
            Ok(path) => {
                let head = format!(
                    "POST {path} HTTP/1.1\r\nHost: {}\r\nContent-Type: text/plain\r\nContent-Length: {size}\r\n\r\n",
                    place.address
                );
                (place.address, Some((head + &data(size as usize)).into_bytes()))
            }
        };
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(Self { socket, request, unanswered: 0 })
    }

    fn publish(&mut self, order: Order) -> io::Result<()> {
        match &self.request {
            None => self.socket.write_all(&order.to_bytes()),
            Some(request) => {
                self.unanswered += order.count as usize;
                self.socket.write_all(&request.repeat(order.count as usize))
            }
        }
    }

    /// Waits for the answers to what was published.
    fn await_answers(&mut self) -> io::Result<()> {
        let mut buffer = [0; 16 << 10];
        while self.unanswered > 0 {
            let count = self.socket.read(&mut buffer)?;
            let answers = buffer.get(..count).filter(|read| !read.is_empty()).ok_or(io::ErrorKind::UnexpectedEof)?;
            let good = memchr::memmem::find_iter(answers, b"HTTP/1.1 200").count();
            if good == 0 && answers.starts_with(b"HTTP/1.1") {
                return Err(io::Error::other(String::from_utf8_lossy(answers).into_owned()));
            }
            self.unanswered = self.unanswered.saturating_sub(good);
        }
        Ok(())
    }
}

/// How long the last delivery may take.
const PATIENCE: Duration = Duration::from_secs(20);
