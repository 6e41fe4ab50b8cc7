//! Pauses between two polls of something that sends no notification.

use std::thread;
use std::time::Duration;

/// Sleeps. It guarantees nothing: the caller polls again and has its own deadline.
pub fn pause(time: Duration) {
    thread::sleep(time);
}
