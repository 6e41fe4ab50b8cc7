//! The flags of etcd, and the versions that have them.
//!
//! Sources: `etcd --help` of 2.0.0, 2.0.13, 2.3.8, 3.0.17, 3.4.23, 3.5.1, 3.5.16, 3.5.30 and 3.6.14 and
//! what they accept when run; for the versions between and 3.7.1, `etcdmain/config.go`, `embed/config.go`
//! and the change logs of the etcd project. Flags that etcd accepts and ignores are not listed.

use Owner::{Author, AuthorOfTls, Key, OneOf, Plan};

use crate::values::EtcdVersion;

/// The facts about a flag.
#[derive(Debug)]
pub struct FlagFact {
    /// Its name without dashes.
    pub name: &'static str,
    /// The first version that has it.
    pub since: EtcdVersion,
    /// The last minor release that has it; none if the newest still does.
    pub last: Option<(u16, u16)>,
    /// What decides its value.
    pub owner: Owner,
}

/// What decides a flag's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// The author, under `[etcd.flags]`.
    Author,
    /// The author, who may list only these words, for this reason.
    OneOf(&'static [&'static str], &'static str),
    /// The author, if members use TLS. Otherwise, etcd would only log that it ignores the flag, which would
    /// seem to protect.
    AuthorOfTls,
    /// This key of the definition.
    Key(&'static str),
    /// The plan, for this reason.
    Plan(&'static str),
}

impl Owner {
    /// Whether the author may set the flag.
    pub const fn is_author(self) -> bool {
        matches!(self, Author | AuthorOfTls | OneOf(..))
    }
}

impl FlagFact {
    /// Whether this version of etcd has the flag.
    pub fn exists_in(&self, version: EtcdVersion) -> bool {
        self.since <= version && self.last.is_none_or(|last| version.minor_release() <= last)
    }
}

/// The facts about the flag with this name, without dashes.
pub fn find(name: &str) -> Option<&'static FlagFact> {
    FLAGS
        .binary_search_by(|fact| fact.name.cmp(name))
        .ok()
        .and_then(|index| FLAGS.get(index))
}

/// Every flag, sorted by name: the first version that has it, the last minor release that has it, and what
/// decides it.
#[rustfmt::skip]
pub static FLAGS: &[FlagFact] = &[
    flag("addr",                                              (2, 0, 0),  Some((2, 3)), MEMBERS),
    flag("advertise-client-urls",                             (2, 0, 0),  None,         URLS),
    flag("auth-token",                                        (3, 2, 0),  None,         Author),
    flag("auth-token-ttl",                                    (3, 3, 23), None,         Author),
    flag("auto-compaction-mode",                              (3, 3, 0),  None,         Key("etcd.auto_compaction")),
    flag("auto-compaction-retention",                         (3, 0, 0),  None,         Key("etcd.auto_compaction")),
    flag("auto-tls",                                          (3, 0, 0),  None,         OWN_TLS),
    flag("backend-batch-interval",                            (3, 4, 0),  None,         Author),
    flag("backend-batch-limit",                               (3, 4, 0),  None,         Author),
    flag("backend-bbolt-freelist-type",                       (3, 5, 0),  None,         Author),
    flag("bcrypt-cost",                                       (3, 4, 0),  None,         Author),
    flag("bind-addr",                                         (2, 0, 0),  Some((2, 3)), MEMBERS),
    flag("bootstrap-defrag-threshold-megabytes",              (3, 6, 0),  None,         Author),
    flag("ca-file",                                           (2, 0, 0),  Some((3, 3)), OWN_TLS),
    flag("cert-file",                                         (2, 0, 0),  None,         CERTIFICATES),
    flag("cipher-suites",                                     (3, 2, 22), None,         AuthorOfTls),
    flag("client-cert-allowed-hostname",                      (3, 4, 0),  None,         OWN_TLS),
    flag("client-cert-auth",                                  (2, 1, 0),  None,         CERTIFICATES),
    flag("client-cert-file",                                  (3, 5, 0),  None,         OWN_TLS),
    flag("client-crl-file",                                   (3, 3, 0),  None,         OWN_TLS),
    flag("client-key-file",                                   (3, 5, 0),  None,         OWN_TLS),
    flag("compact-hash-check-time",                           (3, 6, 0),  None,         Author),
    flag("compaction-batch-limit",                            (3, 6, 0),  None,         Author),
    flag("compaction-sleep-interval",                         (3, 6, 0),  None,         Author),
    flag("config-file",                                       (3, 0, 0),  None,         Plan("with a file, etcd ignores every flag, including the members")),
    flag("corrupt-check-time",                                (3, 6, 0),  None,         Author),
    flag("cors",                                              (2, 0, 0),  None,         Author),
    flag("data-dir",                                          (2, 0, 0),  None,         Plan("it follows from the machine's profile")),
    flag("debug",                                             (2, 1, 0),  Some((3, 4)), Author),
    flag("discovery",                                         (2, 0, 0),  Some((3, 6)), NO_DISCOVERY),
    flag("discovery-cacert",                                  (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-cert",                                    (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-dial-timeout",                            (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-endpoints",                               (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-fallback",                                (2, 0, 0),  Some((3, 7)), NO_DISCOVERY),
    flag("discovery-insecure-skip-tls-verify",                (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-insecure-transport",                      (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-keepalive-time",                          (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-keepalive-timeout",                       (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-key",                                     (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-password",                                (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-proxy",                                   (2, 0, 0),  Some((3, 6)), NO_DISCOVERY),
    flag("discovery-request-timeout",                         (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-srv",                                     (2, 0, 0),  None,         NO_DISCOVERY),
    flag("discovery-srv-name",                                (3, 4, 0),  None,         NO_DISCOVERY),
    flag("discovery-token",                                   (3, 6, 0),  None,         NO_DISCOVERY),
    flag("discovery-user",                                    (3, 6, 0),  None,         NO_DISCOVERY),
    flag("distributed-tracing-address",                       (3, 6, 0),  None,         Author),
    flag("distributed-tracing-instance-id",                   (3, 6, 0),  None,         Author),
    flag("distributed-tracing-sampling-rate",                 (3, 6, 0),  None,         Author),
    flag("distributed-tracing-service-name",                  (3, 6, 0),  None,         Author),
    flag("downgrade-check-time",                              (3, 6, 0),  None,         Author),
    flag("election-timeout",                                  (2, 0, 0),  None,         Key("etcd.election_timeout")),
    flag("enable-distributed-tracing",                        (3, 6, 0),  None,         Author),
    flag("enable-grpc-gateway",                               (3, 4, 0),  None,         Author),
    flag("enable-log-rotation",                               (3, 5, 0),  None,         LOG_FILES),
    flag("enable-pprof",                                      (2, 3, 0),  None,         Author),
    flag("enable-v2",                                         (3, 2, 0),  Some((3, 5)), Author),
    flag("experimental-backend-bbolt-freelist-type",          (3, 4, 0),  Some((3, 4)), Author),
    flag("experimental-bootstrap-defrag-threshold-megabytes", (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-compact-hash-check-enabled",           (3, 5, 5),  Some((3, 6)), Author),
    flag("experimental-compact-hash-check-time",              (3, 5, 5),  Some((3, 6)), Author),
    flag("experimental-compaction-batch-limit",               (3, 4, 0),  Some((3, 6)), Author),
    flag("experimental-compaction-sleep-interval",            (3, 5, 16), Some((3, 6)), Author),
    flag("experimental-corrupt-check-time",                   (3, 3, 0),  Some((3, 6)), Author),
    flag("experimental-distributed-tracing-address",          (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-distributed-tracing-instance-id",      (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-distributed-tracing-sampling-rate",    (3, 5, 16), Some((3, 6)), Author),
    flag("experimental-distributed-tracing-service-name",     (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-downgrade-check-time",                 (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-enable-distributed-tracing",           (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-enable-lease-checkpoint",              (3, 4, 0),  Some((3, 6)), Author),
    flag("experimental-enable-lease-checkpoint-persist",      (3, 4, 20), Some((3, 6)), Author),
    flag("experimental-enable-v2v3",                          (3, 3, 0),  Some((3, 5)), Author),
    flag("experimental-initial-corrupt-check",                (3, 3, 0),  Some((3, 6)), Author),
    flag("experimental-max-learners",                         (3, 6, 0),  Some((3, 6)), Author),
    flag("experimental-memory-mlock",                         (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-peer-skip-client-san-verification",    (3, 3, 16), Some((3, 6)), OWN_TLS),
    flag("experimental-set-member-localaddr",                 (3, 6, 0),  Some((3, 6)), Author),
    flag("experimental-snapshot-catchup-entries",             (3, 5, 16), Some((3, 6)), Author),
    flag("experimental-stop-grpc-service-on-defrag",          (3, 5, 16), Some((3, 6)), Author),
    flag("experimental-txn-mode-write-with-shared-buffer",    (3, 5, 0),  Some((3, 6)), Author),
    flag("experimental-wait-cluster-ready-timeout",           (3, 6, 0),  Some((3, 6)), Author),
    flag("experimental-warning-apply-duration",               (3, 4, 20), Some((3, 6)), Author),
    flag("experimental-warning-unary-request-duration",       (3, 6, 0),  Some((3, 6)), Author),
    flag("experimental-watch-progress-notify-interval",       (3, 4, 11), Some((3, 6)), Author),
    flag("feature-gates",                                     (3, 6, 0),  None,         Author),
    flag("force-new-cluster",                                 (2, 0, 0),  None,         Plan("it would remove the other members from the cluster at every start")),
    flag("grpc-keepalive-interval",                           (3, 2, 10), None,         Author),
    flag("grpc-keepalive-min-time",                           (3, 2, 10), None,         Author),
    flag("grpc-keepalive-timeout",                            (3, 2, 10), None,         Author),
    flag("heartbeat-interval",                                (2, 0, 0),  None,         Key("etcd.heartbeat_interval")),
    flag("host-whitelist",                                    (3, 3, 0),  None,         Plan("etcd would refuse the HTTP requests of tasks, which name a member by its address")),
    flag("initial-advertise-peer-urls",                       (2, 0, 0),  None,         URLS),
    flag("initial-cluster",                                   (2, 0, 0),  None,         MEMBERS),
    flag("initial-cluster-state",                             (2, 0, 0),  None,         Plan("it follows from the state of the cluster")),
    flag("initial-cluster-token",                             (2, 0, 0),  None,         Key("etcd.token")),
    flag("initial-election-tick-advance",                     (3, 3, 4),  None,         Author),
    flag("key-file",                                          (2, 0, 0),  None,         CERTIFICATES),
    flag("listen-client-http-urls",                           (3, 5, 10), None,         Plan("the client URLs would then serve no HTTP, and tasks query `/health` and `/metrics` there")),
    flag("listen-client-urls",                                (2, 0, 0),  None,         URLS),
    flag("listen-metrics-urls",                               (3, 3, 0),  None,         Plan("each member already serves `/metrics` at its client URL, and listens nowhere else")),
    flag("listen-peer-urls",                                  (2, 0, 0),  None,         URLS),
    flag("log-format",                                        (3, 6, 0),  None,         Author),
    flag("log-level",                                         (3, 4, 0),  None,         LOG_LEVELS),
    flag("log-output",                                        (3, 1, 0),  Some((3, 4)), LOG_OUTPUTS),
    flag("log-outputs",                                       (3, 4, 0),  None,         LOG_OUTPUTS),
    flag("log-package-levels",                                (2, 1, 0),  Some((3, 4)), Author),
    flag("log-rotation-config-json",                          (3, 5, 0),  None,         LOG_FILES),
    flag("logger",                                            (3, 4, 0),  None,         Author),
    flag("max-concurrent-streams",                            (3, 4, 20), None,         Author),
    flag("max-learners",                                      (3, 6, 0),  None,         Author),
    flag("max-request-bytes",                                 (3, 2, 10), None,         Author),
    flag("max-snapshots",                                     (2, 0, 0),  Some((3, 7)), Author),
    flag("max-txn-ops",                                       (3, 2, 10), None,         Author),
    flag("max-wals",                                          (2, 0, 0),  None,         Author),
    flag("memory-mlock",                                      (3, 6, 0),  None,         Author),
    flag("metrics",                                           (3, 1, 0),  None,         Author),
    flag("name",                                              (2, 0, 0),  None,         MEMBERS),
    flag("peer-addr",                                         (2, 0, 0),  Some((2, 3)), MEMBERS),
    flag("peer-auto-tls",                                     (3, 0, 0),  None,         OWN_TLS),
    flag("peer-bind-addr",                                    (2, 0, 0),  Some((2, 3)), MEMBERS),
    flag("peer-ca-file",                                      (2, 0, 0),  Some((3, 3)), OWN_TLS),
    flag("peer-cert-allowed-cn",                              (3, 2, 0),  None,         OWN_TLS),
    flag("peer-cert-allowed-hostname",                        (3, 4, 0),  None,         OWN_TLS),
    flag("peer-cert-file",                                    (2, 0, 0),  None,         CERTIFICATES),
    flag("peer-client-cert-auth",                             (2, 1, 0),  None,         CERTIFICATES),
    flag("peer-client-cert-file",                             (3, 5, 0),  None,         OWN_TLS),
    flag("peer-client-key-file",                              (3, 5, 0),  None,         OWN_TLS),
    flag("peer-crl-file",                                     (3, 3, 0),  None,         OWN_TLS),
    flag("peer-key-file",                                     (2, 0, 0),  None,         CERTIFICATES),
    flag("peer-skip-client-san-verification",                 (3, 6, 0),  None,         OWN_TLS),
    flag("peer-trusted-ca-file",                              (2, 1, 0),  None,         CERTIFICATES),
    flag("pre-vote",                                          (3, 4, 0),  None,         Author),
    flag("proxy",                                             (2, 0, 0),  Some((3, 5)), NO_PROXY),
    flag("proxy-dial-timeout",                                (2, 1, 0),  Some((3, 5)), NO_PROXY),
    flag("proxy-failure-wait",                                (2, 1, 0),  Some((3, 5)), NO_PROXY),
    flag("proxy-read-timeout",                                (2, 1, 0),  Some((3, 5)), NO_PROXY),
    flag("proxy-refresh-interval",                            (2, 1, 0),  Some((3, 5)), NO_PROXY),
    flag("proxy-write-timeout",                               (2, 1, 0),  Some((3, 5)), NO_PROXY),
    flag("quota-backend-bytes",                               (3, 0, 0),  None,         Key("etcd.quota")),
    flag("raft-read-timeout",                                 (3, 5, 0),  None,         Author),
    flag("raft-write-timeout",                                (3, 5, 0),  None,         Author),
    flag("self-signed-cert-validity",                         (3, 5, 0),  None,         OWN_TLS),
    flag("snapshot-catchup-entries",                          (3, 6, 0),  None,         Author),
    flag("snapshot-count",                                    (2, 0, 0),  None,         Author),
    flag("socket-reuse-address",                              (3, 5, 0),  None,         Author),
    flag("socket-reuse-port",                                 (3, 5, 0),  None,         Author),
    flag("strict-reconfig-check",                             (2, 2, 0),  None,         Author),
    flag("tls-max-version",                                   (3, 5, 8),  None,         AuthorOfTls),
    flag("tls-min-version",                                   (3, 5, 8),  None,         AuthorOfTls),
    flag("trusted-ca-file",                                   (2, 1, 0),  None,         CERTIFICATES),
    flag("unsafe-no-fsync",                                   (3, 4, 10), None,         Author),
    flag("v2-deprecation",                                    (3, 5, 0),  Some((3, 7)), Author),
    flag("version",                                           (2, 0, 0),  None,         Plan("with it, etcd prints its version and exits")),
    flag("wal-dir",                                           (2, 1, 0),  None,         Plan("the write-ahead log belongs in the data folder, where tasks notice its loss and `destroy` removes it")),
    flag("warning-apply-duration",                            (3, 6, 0),  None,         Author),
    flag("warning-unary-request-duration",                    (3, 6, 0),  None,         Author),
    flag("watch-progress-notify-interval",                    (3, 6, 0),  None,         Author),
];

/// The words that stand for the output of the process. Anything else is a file, or a journal that not every
/// member has.
const LOG_OUTPUTS: Owner = OneOf(
    &["default", "stderr", "stdout"],
    "`logs` and `up` read what etcd prints; in a file, `destroy` would leave it behind",
);
const LOG_LEVELS: Owner = OneOf(
    &["debug", "info", "warn", "error"],
    "`up` reads in the log why a member exited",
);
const LOG_FILES: Owner = Plan("it concerns log files, and etcd logs to none");
const MEMBERS: Owner = Plan("it follows from the members");
const URLS: Owner =
    Plan("it follows from the members' addresses, `etcd.client_port` and `etcd.peer_port`");
const NO_DISCOVERY: Owner = Plan("the members are listed, so nothing is discovered");
const NO_PROXY: Owner = Plan("each member is a full member, never a proxy");

const CERTIFICATES: Owner = Key("etcd.tls");
const OWN_TLS: Owner = Plan("`etcd.tls` decides which certificates there are and who is accepted");

const fn flag(
    name: &'static str,
    (major, minor, patch): (u16, u16, u16),
    last: Option<(u16, u16)>,
    owner: Owner,
) -> FlagFact {
    FlagFact {
        name,
        since: EtcdVersion::new(major, minor, patch),
        last,
        owner,
    }
}
