//! The user and the password for clusters with authentication enabled. They come from the environment, and reach
//! etcdctl only through its own: the process list shows everybody's arguments.

use std::env;

use crate::process::SECRETS;

/// A user of etcd.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

impl Credentials {
    /// Those in the environment, as etcdctl reads them: `ETCDCTL_USER=name:password`, or the name there and the
    /// password in `ETCDCTL_PASSWORD`. None without a password, which etcdctl would ask for.
    pub fn given() -> Option<Self> {
        let [user, password] = SECRETS.map(|name| env::var(name).unwrap_or_default());
        let (user, password) = match user.split_once(':') {
            Some((user, within)) if password.is_empty() => (user.to_owned(), within.to_owned()),
            _ => (user, password),
        };
        (!user.is_empty() && !password.is_empty()).then_some(Self { user, password })
    }

    /// In the form that every version of etcdctl 3 reads from `ETCDCTL_USER`.
    pub(super) fn in_one(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }
}
