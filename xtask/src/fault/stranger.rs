//! A server that answers at a member's client URL and is not etcd, such as a web server on the same
//! host.

use std::io::{self, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::plan::Member;

const ANSWER: &[u8] =
    b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 16\r\nConnection: close\r\n\r\n<p>It works!</p>";

/// The server. It runs until it is dropped.
pub(super) struct Stranger {
    ended: Arc<AtomicBool>,
    at: std::net::SocketAddr,
    thread: Option<JoinHandle<()>>,
}

impl Stranger {
    /// Starts to listen.
    pub(super) fn begin(member: &Member) -> io::Result<Self> {
        let listener = TcpListener::bind(member.client_socket())?;
        let at = listener.local_addr()?;
        let ended = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&ended);
        let thread = thread::spawn(move || {
            for client in listener.incoming() {
                if told.load(Ordering::SeqCst) {
                    return;
                }
                // In threads, so that no client waits for another.
                if let Ok(client) = client {
                    thread::spawn(move || answer(client));
                }
            }
        });
        Ok(Self {
            ended,
            at,
            thread: Some(thread),
        })
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        // Only a connection wakes the listener.
        let woken = TcpStream::connect_timeout(&self.at, Duration::from_secs(1));
        if let (Ok(_), Some(thread)) = (woken, self.thread.take()) {
            let _ = thread.join();
        }
    }
}

fn answer(mut client: TcpStream) {
    let mut request = [0; 4096];
    let _ = client.set_read_timeout(Some(Duration::from_secs(1)));
    let _ = client.read(&mut request);
    let _ = client.write_all(ANSWER);
}
