//! Replaces the data of machines: a stub.

use camino::{Utf8Path, Utf8PathBuf};

use super::Vagrant;
use crate::driver::MemberData;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
use crate::values::HostName;
use crate::workspace::Home;

impl MemberData for Vagrant {
    fn immovable(&self, _home: &Home, members: &[HostName]) -> Vec<(HostName, Reason)> {
        members
            .iter()
            .map(|member| (member.clone(), "it is on a machine".into()))
            .collect()
    }

    fn staged(&self, home: &Home, member: &HostName) -> Utf8PathBuf {
        home.folder().join("restored").join(member.as_str())
    }

    fn discard_staged(&self, _home: &Home, _members: &[HostName]) -> Outcome<()> {
        Ok(())
    }

    fn deliver(&self, _home: &Home, _members: &[HostName]) -> Outcome<()> {
        Err(stub())
    }

    fn halt(&self, _home: &Home, _members: &[HostName], _say: &dyn Fn(&str)) -> Outcome<()> {
        Err(stub())
    }

    fn set_aside(&self, _home: &Home, _members: &[HostName], _time: &str) -> Outcome<()> {
        Err(stub())
    }

    fn put_back(&self, _home: &Home, _members: &[HostName], _time: &str) -> Outcome<()> {
        Err(stub())
    }

    fn place(&self, _home: &Home, _members: &[HostName]) -> Outcome<()> {
        Err(stub())
    }

    fn release(&self, _home: &Home, _members: &[HostName]) -> Outcome<()> {
        Err(stub())
    }

    fn aside(&self, _home: &Home, _member: &HostName, _time: &str) -> Option<String> {
        None
    }

    fn copy(&self, _home: &Home, _member: &HostName, _to: &Utf8Path) -> Outcome<()> {
        Err(stub())
    }
}

fn stub() -> Failure {
    Failure::failed(Diagnostic::error("not yet on machines"))
}
