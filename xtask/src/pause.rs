//! Time that passes before the next look at something that tells nobody when it changes.

use std::thread;
use std::time::Duration;

/// Lets this time pass. It makes nothing come true: whoever looks again has a deadline of their own.
pub fn pause(time: Duration) {
    thread::sleep(time);
}
