//! A small real HTTP/1.1 server: each request is answered by a closure, and what was asked and
//! how much was sent is kept.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// One request. Names of headers are in lower case.
#[derive(Debug, Clone)]
pub struct Request {
    pub method: String,
    pub target: String,
    pub headers: HashMap<String, String>,
    /// How many requests came before.
    pub number: usize,
}

impl Request {
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(String::as_str)
    }

    /// The start of `Range: bytes=<start>-`.
    pub fn range_start(&self) -> Option<usize> {
        self.header("range")?.strip_prefix("bytes=")?.split('-').next()?.parse().ok()
    }
}

/// One response.
#[derive(Debug, Clone, Default)]
pub struct Reply {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: Vec<u8>,
    /// Close the connection when so many bytes of the body were sent.
    pub cut: Option<usize>,
    /// Send the body again and again, until the client has enough.
    pub endless: bool,
}

impl Reply {
    /// 200 with this body and its length.
    pub fn ok(body: &[u8]) -> Self {
        Self::status(200).body(body)
    }

    pub fn status(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub fn body(mut self, body: &[u8]) -> Self {
        self.body = body.to_vec();
        self.header("Content-Length", body.len())
    }

    pub fn header(mut self, name: &str, value: impl ToString) -> Self {
        self.headers.push((name.to_owned(), value.to_string()));
        self
    }

    pub fn etag(self, etag: &str) -> Self {
        self.header("ETag", etag)
    }

    pub fn cut(mut self, after: usize) -> Self {
        self.cut = Some(after);
        self
    }

    /// What a good server says to a request for `whole`: all of it, or the rest from the byte
    /// that is asked for, if `If-Range` names `etag`.
    pub fn good(request: &Request, whole: &[u8], etag: &str) -> Self {
        match request.range_start() {
            Some(start) if request.header("if-range") == Some(etag) => Self::part(whole, start, start).etag(etag),
            _ => Self::ok(whole).etag(etag),
        }
    }

    /// 206 with the bytes from `start` on, which are said to begin at `said`.
    pub fn part(whole: &[u8], start: usize, said: usize) -> Self {
        let range = format!("bytes {said}-{}/{}", whole.len() - 1, whole.len());
        Self::status(206).body(&whole[start..]).header("Content-Range", range)
    }
}

/// Answers until the process ends.
pub struct Server {
    address: SocketAddr,
    scheme: &'static str,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    requests: Mutex<Vec<Request>>,
    connections: AtomicUsize,
    sent: AtomicU64,
}

impl Server {
    pub fn start(answer: impl Fn(&Request) -> Reply + Send + Sync + 'static) -> Self {
        Self::run("http", answer, |stream, talk| talk(&mut &stream))
    }

    /// The same with TLS.
    pub fn start_tls(
        config: Arc<rustls::ServerConfig>,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::run("https", answer, move |mut stream, talk| {
            let mut session = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut tls = rustls::Stream::new(&mut session, &mut stream);
            talk(&mut tls);
            tls.conn.send_close_notify();
            let _ = tls.flush();
        })
    }

    fn run(
        scheme: &'static str,
        answer: impl Fn(&Request) -> Reply + Send + Sync + 'static,
        wrap: impl Fn(TcpStream, &dyn Fn(&mut dyn ReadWrite)) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State::default());
        let (shared, handlers) = (state.clone(), Arc::new((answer, wrap)));
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.connections.fetch_add(1, Ordering::SeqCst);
                let (state, handlers) = (shared.clone(), handlers.clone());
                thread::spawn(move || {
                    let (answer, wrap) = &*handlers;
                    wrap(stream, &|stream| talk(stream, &state, answer));
                });
            }
        });
        Self { address, scheme, state }
    }

    /// The address of `path`, which begins with a slash.
    pub fn url(&self, path: &str) -> String {
        format!("{}://{}{path}", self.scheme, self.address)
    }

    pub fn requests(&self) -> Vec<Request> {
        self.state.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        self.state.connections.load(Ordering::SeqCst)
    }

    /// Bytes of bodies that were sent.
    pub fn sent(&self) -> u64 {
        self.state.sent.load(Ordering::SeqCst)
    }
}

pub trait ReadWrite: Read + Write {}
impl<T: Read + Write> ReadWrite for T {}

/// Answers one request. Errors are the client's, who may leave when it wants.
fn talk(stream: &mut dyn ReadWrite, state: &State, answer: impl Fn(&Request) -> Reply) {
    let Some(mut request) = read_request(stream) else { return };
    {
        let mut requests = state.requests.lock().unwrap();
        request.number = requests.len();
        requests.push(request.clone());
    }
    let reply = answer(&request);
    let mut head = format!("HTTP/1.1 {} Scripted\r\nConnection: close\r\n", reply.status);
    for (name, value) in &reply.headers {
        head += &format!("{name}: {value}\r\n");
    }
    if stream.write_all((head + "\r\n").as_bytes()).is_err() || request.method == "HEAD" {
        return;
    }
    loop {
        for chunk in reply.body[..reply.cut.unwrap_or(reply.body.len())].chunks(1 << 14) {
            // Counted before: the client may have read it before this thread goes on.
            state.sent.fetch_add(chunk.len() as u64, Ordering::SeqCst);
            if stream.write_all(chunk).is_err() {
                return;
            }
        }
        if !reply.endless {
            break;
        }
    }
    let _ = stream.flush();
}

fn read_request(stream: &mut dyn ReadWrite) -> Option<Request> {
    // One byte at a time: nothing behind the request is taken.
    let mut lines = BufReader::with_capacity(1, stream).lines();
    let first = lines.next()?.ok()?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let headers = lines
        .map_while(Result::ok)
        .take_while(|line| !line.is_empty())
        .filter_map(|line| line.split_once(": ").map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned())))
        .collect();
    Some(Request { method, target, headers, number: 0 })
}
