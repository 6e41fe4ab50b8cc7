//! Faults of machines, by Vagrant commands that work with every provider.

use camino::Utf8PathBuf;

use super::command::Vagrantfile;
use super::machine::Machine;
use super::{HALT, SOON, Vagrant, log, ssh};
use crate::driver::{Faults, SET_CLOCK};
use crate::report::Outcome;
use crate::values::HostName;
use crate::workspace::Home;

impl Faults for Vagrant {
    fn kill(&self, home: &Home, member: &HostName) -> Outcome<()> {
        tell(home, member, &["halt", "--force"])
    }

    fn pause(&self, home: &Home, member: &HostName) -> Outcome<()> {
        tell(home, member, &["suspend"])
    }

    fn resume(&self, home: &Home, member: &HostName) -> Outcome<()> {
        // Vagrant itself notices if there is nothing to do.
        tell(home, member, &["resume"])?;
        // The machine wakes up with the time at which it was suspended, and not every machine
        // reaches a time server. `verify` reports a clock that cannot be set.
        let shell = crate::process::shell()?;
        let ssh = ssh::command(&shell, home, &Machine::of(home, member));
        crate::process::run(ssh.args(["--", SET_CLOCK]), SOON);
        Ok(())
    }

    fn data(&self, _home: &Home, _member: &HostName) -> Option<Utf8PathBuf> {
        None
    }
}

fn tell(home: &Home, member: &HostName, words: &[&str]) -> Outcome<()> {
    let shell = crate::process::shell()?;
    let machine = Machine::of(home, member);
    let vagrant = Vagrantfile::of(home)
        .vagrant(&shell, words)?
        .arg(machine.name());
    log::follow(home, vagrant, HALT, &mut |_| {})
}
