//! Reads a machine's report about itself.

use super::{LOG_FOLDERS, StartedWith};
use crate::plan::flags::Certificate;
use crate::reason::Reason;
use crate::render::LOST_DATA;

/// The state of a machine, as it reports it.
#[derive(Debug, Clone, PartialEq)]
pub struct MachineStatus {
    /// The state of its unit `etcd.service`, as systemd calls it: `active`, `activating`, `failed`, ….
    pub unit: String,
    /// The status with which its main process has exited last.
    pub exit: Option<i32>,
    /// What systemd does again and again before it can start etcd, such as the download of etcd; none if that succeeds, is
    /// under way, or has failed only a few times.
    pub failing: Option<FailingStart>,
    /// The SHA-256 of the user-data that it was set up with; none if it has read none.
    pub user_data: Option<String>,
    /// The words about discovery in its etcd's command line and environment; none if no etcd runs there, or
    /// if it could not be inspected.
    pub discovery: Option<Vec<String>>,
    /// The flags that its etcd was started with; none unless exactly one etcd runs there and could be
    /// inspected.
    pub started: Option<StartedWith>,
    /// Whether it has data of etcd, if that could be found out.
    pub has_data: Option<bool>,
    /// The minimum and maximum number of seconds by which its clock is ahead of this host's. The time that
    /// the query takes makes it a range.
    pub clock_ahead: (f64, f64),
}

/// A unit that fails before its etcd is started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailingStart {
    /// How often it has failed.
    pub times: u32,
    /// The last line of its log.
    pub said: String,
}

/// How often a unit may fail before it counts as failing: servers and networks may be away for a moment.
const FAILURES: u32 = 3;

impl FailingStart {
    /// What happens, as a clause about a member.
    pub fn in_words(&self) -> String {
        let Self { times, said } = self;
        format!(
            "has failed {times} times before etcd was started: {}",
            said.escape_debug()
        )
    }
}

impl MachineStatus {
    /// Whether its start script ended because the member has lost its data.
    pub fn gave_up_without_data(&self) -> bool {
        self.unit == "failed" && self.exit == Some(LOST_DATA)
    }

    /// Whether its start script waits for the other members, or for somebody to add it.
    pub fn waits_without_data(&self) -> bool {
        self.unit == "active" && self.has_data == Some(false)
    }
}

/// A POSIX shell script that prints what [`read`] reads: lines of a name, an equals sign and a value.
///
/// `user_data_path` is the path where the system looks for its user-data. cloud-init keeps its own copy
/// (cloud-init, "Instance data").
pub fn script(user_data_path: &str) -> String {
    format!(
        r#"echo "clock=$(date +%s.%N)"
echo "unit=$(systemctl is-active etcd.service)"
echo "exit=$(systemctl show --property=ExecMainStatus etcd.service | cut -d= -f2)"
if systemctl show --property=SubState etcd.service | grep -qx SubState=auto-restart &&
  systemctl show --property=ExecStartPre etcd.service | grep -q 'code=exited ; status=[1-9]'; then
  echo "failed=$(systemctl show --property=NRestarts etcd.service | cut -d= -f2)"
  echo "said=$(sudo journalctl --quiet --lines=1 --output=cat --no-pager _SYSTEMD_UNIT=etcd.service)"
fi
for file in /var/lib/cloud/instance/user-data.txt {user_data_path}; do
  if sudo test -f "$file"; then
    echo "user_data=$(sudo sha256sum "$file" | cut -d' ' -f1)"
    break
  fi
done
authorities=$(sudo stat --format=%Y {authorities} 2>/dev/null)
if [ -n "$authorities" ]; then
  # etcd reads them when it starts.
  started=$(systemctl show --timestamp=unix --property=ExecMainStartTimestamp etcd.service | sed -n 's/.*@//p')
  [ "$authorities" -le "${{started:-0}}" ] || echo trusts_former=yes
fi
for comm in $(grep -slx -e etcd -e etcd2 /proc/[0-9]*/comm); do
  process=${{comm%/comm}}
  sudo cat "$process/cmdline" | tr '\0' '\n' | sed 's/^/argument=/'
  sudo cat "$process/environ" | tr '\0' '\n' | sed -n 's/^ETCD_/environment=&/p'
  sudo cat "$process/cmdline" "$process/environ" | tr '\0' '\n' | grep -i discovery | sed 's/^/discovery=/'
  # One that has ended has no words.
  if sudo grep -q . "$process/cmdline" && sudo cat "$process/environ" >/dev/null; then
    echo etcd=read
  else
    echo etcd=unread
  fi
done
({data})
echo end="#,
        data = data_script(&DATA_FOLDERS),
        authorities = Certificate::on_machine().authorities,
    )
}

/// etcd's data folders: the usual one, that of CoreOS's own unit, and that of a 2015 container.
pub const DATA_FOLDERS: [&str; 3] = ["/var/lib/etcd/data", "/var/lib/etcd2", "/opt/etcd"];

/// A POSIX shell script that prints whether any of these folders holds data of etcd, for [`has_data`].
pub fn data_script(folders: &[&str]) -> String {
    let [new, old] = LOG_FOLDERS;
    format!(
        "for data in {}; do for log in $data/{new} $data/{old}; do \
         if sudo test -e $log; then echo data=yes; exit; fi; done; done; echo data=no",
        folders.join(" ")
    )
}

/// Reads the output of [`data_script`]; none if it did not finish.
pub fn has_data(output: &str) -> Option<bool> {
    match output.trim() {
        "data=yes" => Some(true),
        "data=no" => Some(false),
        _ => None,
    }
}

/// Reads a machine's report that was made between these moments of this host's clock, in seconds.
pub fn read(output: &str, asked: f64, answered: f64) -> Result<MachineStatus, Reason> {
    let values = |name: &'static str| {
        let pairs = output.lines().filter_map(|line| line.split_once('='));
        pairs
            .filter(move |(key, _)| *key == name)
            .map(|(_, value)| value.trim().to_owned())
    };
    let one = |name| {
        values(name)
            .next()
            .ok_or_else(|| format!("it does not report its {name}"))
    };
    // Without its last line, the report may be incomplete.
    one("end")?;
    let clock: f64 = one("clock")?
        .parse()
        .map_err(|_| "its clock is not a number")?;
    let words: Vec<String> = values("discovery").collect();
    let etcds: Vec<String> = values("etcd").collect();
    let (arguments, environment): (Vec<String>, Vec<String>) = (
        values("argument").collect(),
        values("environment").collect(),
    );
    let only_one_was_read = matches!(etcds.as_slice(), [etcd] if etcd == "read");
    let all_were_read = !etcds.is_empty() && etcds.iter().all(|etcd| etcd == "read");
    Ok(MachineStatus {
        unit: one("unit")?,
        exit: values("exit").next().and_then(|exit| exit.parse().ok()),
        failing: values("failed")
            .next()
            .and_then(|failed| failed.parse().ok())
            .filter(|restarts| *restarts >= FAILURES)
            .map(|times| FailingStart {
                times,
                said: values("said").next().unwrap_or_default(),
            }),
        user_data: values("user_data").next(),
        // What was found counts even if another etcd could not be inspected.
        discovery: (all_were_read || !words.is_empty()).then_some(words),
        started: only_one_was_read.then(|| StartedWith {
            trusts_former: values("trusts_former").next().is_some(),
            ..StartedWith::read(&arguments, &environment)
        }),
        has_data: match values("data").next().as_deref() {
            Some("yes") => Some(true),
            Some("no") => Some(false),
            _ => None,
        },
        clock_ahead: (clock - answered, clock - asked),
    })
}
