//! A web server that has the files of a folder, takes others, and can do wrong.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

/// Serves until the test program ends.
pub struct Server {
    /// Its address, as `--mirror` and `--remote` take it.
    pub address: String,
    state: Arc<State>,
}

#[derive(Default)]
struct State {
    folder: PathBuf,
    stalls: Mutex<Option<String>>,
    cuts: AtomicUsize,
    bodies: AtomicUsize,
    requests: AtomicUsize,
    status: Mutex<Option<u16>>,
    authorization: Mutex<Option<String>>,
}

impl Server {
    /// Serves the files of `folder`, and puts there what it gets.
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State { folder: folder.to_owned(), ..State::default() });
        let shared = state.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                shared.requests.fetch_add(1, Ordering::SeqCst);
                let state = shared.clone();
                // A client that was killed breaks its connection.
                std::thread::spawn(move || answer(stream, &state).ok());
            }
        });
        Self { address, state }
    }

    /// From now on, whether each body stops in its middle.
    pub fn stall(&self, stalls: bool) {
        self.stall_at(stalls.then_some("GET /"));
    }

    /// From now on, requests that begin like this stop in their middle.
    pub fn stall_at(&self, begin: Option<&str>) {
        *self.state.stalls.lock().unwrap() = begin.map(str::to_owned);
    }

    /// Has the connection closed in the middle of so many bodies.
    pub fn cut(&self, bodies: usize) {
        self.state.cuts.store(bodies, Ordering::SeqCst);
    }

    /// From now on, all it says.
    pub fn answer_with(&self, status: Option<u16>) {
        *self.state.status.lock().unwrap() = status;
    }

    /// From now on, who does not say this is turned away.
    pub fn require(&self, authorization: &str) {
        *self.state.authorization.lock().unwrap() = Some(authorization.to_owned());
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.state.requests.load(Ordering::SeqCst)
    }

    /// How many bodies, whole or not, were sent.
    pub fn bodies(&self) -> usize {
        self.state.bodies.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, state: &State) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let (mut length, mut from, mut authorization) = (0, 0, None);
    loop {
        let mut header = String::new();
        if request.read_line(&mut header)? <= 2 {
            break;
        }
        let (name, value) = header.split_once(':').unwrap_or_default();
        match (name.to_ascii_lowercase().as_str(), value.trim()) {
            ("content-length", value) => length = value.parse().unwrap_or(0),
            ("range", value) => from = value.trim_start_matches("bytes=").trim_end_matches('-').parse().unwrap_or(0),
            ("authorization", value) => authorization = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let stalls = state.stalls.lock().unwrap().as_ref().is_some_and(|begin| first.starts_with(begin));
    let path = state.folder.join(path.trim_start_matches('/'));
    let empty = |status| format!("HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    let status = *state.status.lock().unwrap();
    if let Some(status) = status {
        return stream.write_all(empty(status).as_bytes());
    }
    if state.authorization.lock().unwrap().as_ref().is_some_and(|required| authorization.as_ref() != Some(required)) {
        return stream.write_all(empty(401).as_bytes());
    }
    match method {
        "PUT" => {
            let mut body = vec![0; length];
            request.read_exact(&mut body)?;
            if stalls {
                return request.read_line(&mut String::new()).map(drop);
            }
            // As WebDAV has it: nobody made the folder.
            let status = if std::fs::write(path, body).is_ok() { 201 } else { 409 };
            return stream.write_all(empty(status).as_bytes());
        }
        "MKCOL" => {
            let status = if std::fs::create_dir(path).is_ok() { 201 } else { 405 };
            return stream.write_all(empty(status).as_bytes());
        }
        "DELETE" => {
            let status = if std::fs::remove_file(path).is_ok() { 204 } else { 404 };
            return stream.write_all(empty(status).as_bytes());
        }
        _ => {}
    }
    let Ok(whole) = std::fs::read(path) else {
        return stream.write_all(empty(404).as_bytes());
    };
    let content = &whole[from.min(whole.len())..];
    let status = match from {
        0 => "200 OK".to_owned(),
        _ => format!("206 Partial Content\r\nContent-Range: bytes {from}-{}/{}", whole.len() - 1, whole.len()),
    };
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n", content.len());
    stream.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    state.bodies.fetch_add(1, Ordering::SeqCst);
    let (begin, rest) = content.split_at(content.len() / 2);
    stream.write_all(begin)?;
    if stalls {
        // Ends when the client is gone.
        return request.read_line(&mut String::new()).map(drop);
    }
    if state.cuts.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |cuts| cuts.checked_sub(1)).is_ok() {
        return Ok(());
    }
    stream.write_all(rest)
}
