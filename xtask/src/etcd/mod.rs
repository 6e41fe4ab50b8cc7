//! The real etcd and etcdctl: finding them, and querying members with them.

mod ask;
mod cache;
pub mod certificates;
pub mod command;
pub mod credentials;
pub mod downgrade;
pub mod find;
pub mod gateway;
pub mod http;
pub mod maintenance;
pub mod membership;
pub mod observe;
mod package;
pub mod pair;
pub mod peers;
mod release;
pub mod serving;
pub mod snapshot;
mod tls;
pub mod tools;
pub mod turns;
pub mod verify;
pub mod version_change;

use crate::plan::flags::Certificate;
use tools::Tools;

/// The environment variables that point etcdctl at these members, or that only choose the API, and those that name its
/// certificate.
///
/// etcd 2.0 and 2.1 read ETCDCTL_PEERS, 2.2 and 2.3 ETCDCTL_ENDPOINT, later versions
/// ETCDCTL_ENDPOINTS (each version's etcdctl/main.go). Until 3.3 the v3 API has to be selected.
pub fn client_environment(
    tools: &Tools,
    client_urls: Option<&[String]>,
) -> Vec<(&'static str, String)> {
    let minor = tools.version.minor_release();
    let needs_choice = ((3, 0)..(3, 4)).contains(&minor);
    let api = needs_choice.then(|| ("ETCDCTL_API", "3".to_owned()));
    let endpoints = match minor {
        (..=1, _) | (2, ..=1) => "ETCDCTL_PEERS",
        (2, _) => "ETCDCTL_ENDPOINT",
        _ => "ETCDCTL_ENDPOINTS",
    };
    let endpoints = client_urls.map(|urls| (endpoints, urls.join(",")));
    let certificate = tools.certificate.iter();
    let certificate = certificate
        .flat_map(Certificate::etcdctl_variables)
        .map(|(name, file)| (name, file.to_owned()));
    api.into_iter()
        .chain(endpoints)
        .chain(certificate)
        .collect()
}
