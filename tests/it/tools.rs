//! Where etcd comes from: every place for real, the official release from a server on loopback.

use std::cell::RefCell;
use std::ffi::OsString;
use std::fs;
use std::sync::OnceLock;

use camino::Utf8PathBuf;
use xtask::etcd::download::Limits;
use xtask::etcd::tools::{Origin, Tools, Wanted, find};
use xtask::report::Outcome;
use xtask::values::{Architecture, EtcdVersion, Sha256};

#[test]
fn the_distributions_package_serves_where_nothing_else_does() {
    let package = package();
    assert_eq!(package.tools.origin, Origin::Package);
    assert!(package.tools.etcd.starts_with(&package.cache));
}

#[test]
fn an_unpacked_package_serves_again_without_a_word() {
    let package = package();
    let mut search = Trial::new("package-again");
    search.cache.clone_from(&package.cache);
    search.version = package.tools.version;
    let tools = search.find().unwrap();
    assert_eq!(tools.etcd, package.tools.etcd);
    assert_eq!(search.said(), "");
}

/// The distribution's package, fetched by the product itself, once for all tests.
fn package() -> &'static Package {
    static PACKAGE: OnceLock<Package> = OnceLock::new();
    PACKAGE.get_or_init(|| {
        let mut search = Trial::new("package");
        search.cache = shared().join("cache");
        let tools = search.find().unwrap();
        Package {
            cache: search.cache,
            tools,
        }
    })
}

struct Package {
    cache: Utf8PathBuf,
    tools: Tools,
}

fn shared() -> Utf8PathBuf {
    Utf8PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("tools")
}

/// A search, its cache, and what it says.
struct Trial {
    version: EtcdVersion,
    release_url: String,
    sha256: Vec<(Architecture, Sha256)>,
    named: Option<Utf8PathBuf>,
    cache: Utf8PathBuf,
    path: OsString,
    said: RefCell<Vec<String>>,
}

impl Trial {
    fn new(name: &str) -> Self {
        let folder = shared().join(name);
        let _ = fs::remove_dir_all(&folder);
        Self {
            version: EtcdVersion::new(3, 6, 14),
            release_url: "http://127.0.0.1:1".to_owned(),
            sha256: Vec::new(),
            named: None,
            cache: folder.join("cache"),
            path: std::env::var_os("PATH").unwrap(),
            said: RefCell::default(),
        }
    }

    fn find(&self) -> Outcome<Tools> {
        let wanted = Wanted {
            version: self.version,
            release_url: &self.release_url,
            sha256: &self.sha256,
            named: self.named.as_deref(),
            cache: &self.cache,
            path: &self.path,
            limits: Limits::USUAL,
        };
        find(&wanted, &|line| {
            self.said.borrow_mut().push(line.to_owned());
        })
    }

    fn said(&self) -> String {
        self.said.borrow().join("\n")
    }
}
