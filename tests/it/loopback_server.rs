//! A web server on loopback that misbehaves as it is told.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::thread;

/// What is answered to every request.
#[derive(Clone)]
pub(crate) enum Answer {
    /// This file.
    File(Arc<Vec<u8>>),
    /// The first half of this file, announced as the whole.
    Half(Arc<Vec<u8>>),
    /// That there is no such file.
    NotFound,
    /// Look at this URL, followed by the path that was asked for.
    Redirect(String),
    /// Nothing, for ever.
    Silence,
}

/// A server that ends with the test.
pub(crate) struct Server {
    /// Its URL.
    pub(crate) url: String,
    /// Says something each time that a request has come.
    pub(crate) came: Receiver<()>,
    /// Says something each time that a client has gone.
    pub(crate) gone: Receiver<()>,
    asked: Arc<AtomicUsize>,
}

impl Server {
    pub(crate) fn answering(answer: Answer) -> Self {
        crate::network::own();
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        let (coming, came) = mpsc::channel();
        let (going, gone) = mpsc::channel();
        // It waits for its next client when the test binary ends, and ends with it.
        thread::spawn(move || {
            for client in listener.incoming() {
                count.fetch_add(1, Ordering::SeqCst);
                let (answer, coming, going) = (answer.clone(), coming.clone(), going.clone());
                thread::spawn(move || {
                    serve(&client.unwrap(), &answer, || {
                        let _ = coming.send(());
                    });
                    // Few tests listen.
                    let _ = going.send(());
                });
            }
        });
        Self {
            url,
            came,
            gone,
            asked,
        }
    }

    /// How many requests have come.
    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn serve(mut client: &TcpStream, answer: &Answer, came: impl FnOnce()) {
    let mut lines = BufReader::new(client).lines();
    let request = lines.next().unwrap().unwrap();
    let path = request.split(' ').nth(1).unwrap().to_owned();
    while lines.next().is_some_and(|line| !line.unwrap().is_empty()) {}
    came();
    // The client may have gone away.
    let _ = match answer {
        Answer::File(bytes) => client
            .write_all(head(bytes.len()).as_bytes())
            .and_then(|()| client.write_all(bytes)),
        Answer::Half(bytes) => client
            .write_all(head(bytes.len()).as_bytes())
            .and_then(|()| client.write_all(&bytes[..bytes.len() / 2])),
        Answer::NotFound => client.write_all(
            b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
        ),
        Answer::Redirect(to) => client.write_all(
            format!(
                "HTTP/1.1 302 Found\r\nLocation: {to}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            )
            .as_bytes(),
        ),
        Answer::Silence => {
            // Until the client gives up.
            while lines.next().is_some_and(|line| line.is_ok()) {}
            Ok(())
        }
    };
}

fn head(length: usize) -> String {
    format!(
        "HTTP/1.1 200 OK\r\nContent-Type: application/gzip\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
    )
}
