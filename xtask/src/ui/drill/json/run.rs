//! How a run of drills was made, in the JSON of `drill`.

use serde::Serialize;

use super::milliseconds;
use crate::drill::run::Run;
use crate::moment::utc;
use crate::values::DriverName;

#[derive(Serialize)]
pub(super) struct RunJson<'a> {
    started: String,
    host: &'a str,
    kernel: &'a str,
    processors: Option<u32>,
    driver: DriverName,
    xtask: &'a str,
    command: &'a str,
    hold_milliseconds: Option<u64>,
    rate: u32,
}

impl<'a> RunJson<'a> {
    pub(super) fn of(run: &'a Run) -> Self {
        Self {
            started: utc(run.started),
            host: &run.host,
            kernel: &run.kernel,
            processors: run.processors,
            driver: run.driver,
            xtask: &run.xtask,
            command: &run.command,
            hold_milliseconds: run.hold.map(milliseconds),
            rate: run.rate,
        }
    }
}
