//! A web server that has the files of a folder and can stop in the middle of one.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// Serves until the test program ends.
pub struct Server {
    /// Its address, as `--mirror` takes it.
    pub address: String,
    stalls: Arc<AtomicBool>,
    bodies: Arc<AtomicUsize>,
    requests: Arc<AtomicUsize>,
}

impl Server {
    /// Serves the files of `folder`.
    pub fn of(folder: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let (stalls, bodies) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicUsize::new(0)));
        let (folder, stall, count): (PathBuf, _, _) = (folder.to_owned(), stalls.clone(), bodies.clone());
        let requests = Arc::new(AtomicUsize::new(0));
        let connected = requests.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                connected.fetch_add(1, Ordering::SeqCst);
                let (folder, stall, count) = (folder.clone(), stall.clone(), count.clone());
                // A client that was killed breaks its connection.
                std::thread::spawn(move || answer(stream, &folder, &stall, &count).ok());
            }
        });
        Self { address, stalls, bodies, requests }
    }

    /// From now on, whether each body stops in its middle.
    pub fn stall(&self, stalls: bool) {
        self.stalls.store(stalls, Ordering::SeqCst);
    }

    /// How many requests there were.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    /// How many bodies, whole or not, were sent.
    pub fn bodies(&self) -> usize {
        self.bodies.load(Ordering::SeqCst)
    }
}

fn answer(mut stream: TcpStream, folder: &Path, stall: &AtomicBool, count: &AtomicUsize) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    request.read_line(&mut first)?;
    let mut header = String::new();
    while request.read_line(&mut header)? > 2 {
        header.clear();
    }
    let mut words = first.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let Ok(content) = std::fs::read(folder.join(path.trim_start_matches('/'))) else {
        return stream.write_all(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    };
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\nETag: \"v1\"\r\nConnection: close\r\n\r\n", content.len());
    stream.write_all(head.as_bytes())?;
    if method == "HEAD" {
        return Ok(());
    }
    count.fetch_add(1, Ordering::SeqCst);
    let (begin, rest) = content.split_at(content.len() / 2);
    stream.write_all(begin)?;
    if stall.load(Ordering::SeqCst) {
        // Ends when the client is gone.
        return request.read_line(&mut header).map(drop);
    }
    stream.write_all(rest)
}
