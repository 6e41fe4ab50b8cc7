//! The user and the password for clusters with authentication enabled. They come from the environment or a file, and
//! reach etcdctl only through its environment: the process list shows everybody's arguments.

use std::env;
use std::fmt;
use std::fs;
use std::os::unix::fs::MetadataExt;

use camino::Utf8Path;

use crate::hint::Hint;
use crate::process::{SECRETS, quoted};
use crate::report::{Diagnostic, Failure, Outcome};

/// A user of etcd.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The name.
    pub user: String,
    /// The password.
    pub password: String,
}

/// Nothing prints the password.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let user = &self.user;
        f.debug_struct("Credentials")
            .field("user", user)
            .finish_non_exhaustive()
    }
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

    /// Those in this file, as `name:password` on its first line, which only its owner may read.
    pub fn read(path: &Utf8Path) -> Outcome<Self> {
        let diagnostic = |why: String| {
            Diagnostic::error(format!("`{path}` cannot be used: {why}"))
                .note("the definition names it as `credentials`, for the user of etcd")
        };
        let unusable = |why: String| {
            let hint =
                "write `name:password` in its first line, and make it readable for you alone";
            Failure::host(diagnostic(why).hint(hint))
        };
        let metadata = fs::metadata(path).map_err(|error| unusable(error.to_string()))?;
        // Somebody would have to write to a pipe first.
        if !metadata.is_file() {
            return Err(unusable("it is not a regular file".to_owned()));
        }
        if metadata.mode() & 0o077 != 0 {
            let quoted = quoted(path.as_str());
            let why = "others can read it".to_owned();
            return Err(Failure::host(diagnostic(why).hint(Hint::heals(
                "make it readable for you alone",
                [format!("chmod 600 {quoted}")],
            ))));
        }
        let text = fs::read_to_string(path).map_err(|error| unusable(error.to_string()))?;
        let line = text.lines().next().unwrap_or_default();
        match line.split_once(':') {
            Some((user, password)) if !user.is_empty() && !password.is_empty() => Ok(Self {
                user: user.to_owned(),
                password: password.to_owned(),
            }),
            _ => Err(unusable("its first line is not `name:password`".to_owned())),
        }
    }

    /// In the form that every version of etcdctl 3 reads from `ETCDCTL_USER`.
    pub(super) fn in_one(&self) -> String {
        format!("{}:{}", self.user, self.password)
    }
}
