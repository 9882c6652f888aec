//! The readers: sockets in one epoll set, and who publishes to them.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use memchr::memchr_iter;
use rustix::buffer::spare_capacity;
use rustix::event::{Timespec, epoll};

use super::{MARK, Order, Place, ask, data, process, subscribe};

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
    /// What was read last.
    last: Vec<u8>,
}

struct Reader {
    socket: TcpStream,
    seen: u64,
}

struct Publisher {
    socket: TcpStream,
    address: SocketAddr,
    /// When it was used last.
    used: Instant,
    /// The request that publishes, and how many of its answers are to come.
    request: Option<Vec<u8>>,
    unanswered: usize,
}

/// What readers that stall cost.
#[derive(Clone, Debug)]
pub struct Stall {
    /// The others' deliveries.
    pub figures: Figures,
    /// Bytes by which the server's memory has grown.
    pub process: u64,
    /// Bytes of the server's socket buffers.
    pub kernel: u64,
    /// How many readers stalled.
    pub stalled: u64,
    /// How many of them got everything in the end.
    pub got: usize,
    /// How many were told a gap, or ended.
    pub told: usize,
    /// How many lost messages without a word.
    pub untold: usize,
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
            last: Vec::new(),
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

    /// Publishes, then has as many readers more come back with the id from before that: `missed` messages each, which they get at
    /// once. The ones that stayed are asked for theirs first.
    ///
    /// # Errors
    ///
    /// When a reader does not get what it missed.
    pub fn resume(&mut self, place: &Place, readers: usize, missed: u32) -> io::Result<Figures> {
        let id = self.last_id()?;
        for _ in 0..missed {
            self.publish(1)?;
            self.publisher.await_answers()?;
            while self.missing > 0 {
                self.take(Some(PATIENCE))?;
            }
        }
        let came = self.readers.len();
        let figures = self.measure(|load| {
            let id = String::from_utf8_lossy(&id).into_owned();
            for _ in 0..readers {
                let socket = ask(place, Some(&id))?;
                load.add(socket)?;
                if let Some(reader) = load.readers.last_mut() {
                    reader.seen -= u64::from(missed);
                }
            }
            load.missing += readers as u64 * u64::from(missed);
            while load.missing > 0 {
                load.take(Some(PATIENCE))?;
            }
            Ok(())
        })?;
        self.leave(came)?;
        Ok(Figures { deliveries: readers as u64, ..figures })
    }

    /// Has as many readers more come, and waits until their streams have begun.
    ///
    /// # Errors
    ///
    /// When they cannot.
    pub fn connects(&mut self, place: &Place, readers: usize) -> io::Result<Figures> {
        let came = self.readers.len();
        let figures = self.measure(|load| {
            for _ in 0..readers {
                let socket = subscribe(place, None)?;
                load.add(socket)?;
            }
            Ok(())
        })?;
        self.leave(came)?;
        Ok(Figures { deliveries: readers as u64, ..figures })
    }

    /// Lets half of the readers read nothing while so many messages are published at so many a second.
    ///
    /// # Errors
    ///
    /// When the others do not get theirs.
    pub fn stall(&mut self, messages: usize, rate: f64) -> io::Result<Stall> {
        let every = Duration::from_secs_f64(1.0 / rate);
        let reading = self.readers.len() / 2;
        let empty = process::memory(self.server)?;
        let stalled = self.readers.split_off(reading);
        for reader in &stalled {
            epoll::delete(&self.epoll, &reader.socket)?;
        }
        let before = self.published.len();
        let figures = self.measure(|load| {
            let mut next = Instant::now();
            while load.published.len() < before + messages || load.missing > 0 {
                let now = Instant::now();
                if now >= next && load.published.len() < before + messages {
                    load.publisher.await_answers()?;
                    load.publish(1)?;
                    next += every;
                } else {
                    load.take(Some(next.saturating_duration_since(now).max(Duration::from_micros(100))))?;
                }
            }
            Ok(())
        })?;
        let process = process::memory(self.server)?.saturating_sub(empty);
        let kernel = stalled.iter().map(|reader| process::kernel_memory(&reader.socket)).sum::<io::Result<u64>>()?;
        // Then they read again, and say what they got.
        let (mut got, mut told, mut untold) = (0, 0, 0);
        for mut reader in stalled {
            reader.socket.set_nonblocking(true)?;
            let mut received = Vec::new();
            let mut quiet = Instant::now();
            let mut ended = false;
            while quiet.elapsed() < Duration::from_millis(300) && !ended {
                match reader.socket.read(&mut self.buffer) {
                    Ok(0) => ended = true,
                    Ok(count) => {
                        received.extend_from_slice(&self.buffer[..count]);
                        quiet = Instant::now();
                    }
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => std::thread::yield_now(),
                    Err(_) => ended = true,
                }
            }
            let count = memchr_iter(MARK, &received).count();
            let gap = memchr::memmem::find(&received, b"event: gap").is_some();
            match count {
                count if count == messages => got += 1,
                _ if gap || ended => told += 1,
                _ => untold += 1,
            }
        }
        Ok(Stall { figures, process, kernel, stalled: (got + told + untold) as u64, got, told, untold })
    }

    /// Lets go of the readers from the one at `from` on.
    fn leave(&mut self, from: usize) -> io::Result<()> {
        for reader in self.readers.split_off(from) {
            epoll::delete(&self.epoll, &reader.socket)?;
        }
        Ok(())
    }

    /// Publishes one message and returns the id that the first reader got with it.
    fn last_id(&mut self) -> io::Result<Vec<u8>> {
        self.publish(1)?;
        while self.missing > 0 {
            self.take(Some(PATIENCE))?;
        }
        self.publisher.await_answers()?;
        let at = memchr::memmem::rfind(&self.last, b"id: ").ok_or(io::ErrorKind::InvalidData)?;
        Ok(self.last[at + 4..].split(|byte| *byte == b'\n').next().unwrap_or_default().to_vec())
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
            if count < 4096 {
                self.last.clear();
                self.last.extend_from_slice(&self.buffer[..count]);
            }
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
        Ok(Self { socket: Self::dial(address)?, address, used: Instant::now(), request, unanswered: 0 })
    }

    fn dial(address: SocketAddr) -> io::Result<TcpStream> {
        let socket = TcpStream::connect(address)?;
        socket.set_nodelay(true)?;
        socket.set_read_timeout(Some(PATIENCE))?;
        Ok(socket)
    }

    fn publish(&mut self, order: Order) -> io::Result<()> {
        match &self.request {
            None => self.socket.write_all(&order.to_bytes()),
            Some(request) => {
                // While others had their turn the server may have found it idle for too long.
                if self.used.elapsed() > Duration::from_secs(10) {
                    self.socket = Self::dial(self.address)?;
                }
                self.used = Instant::now();
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
