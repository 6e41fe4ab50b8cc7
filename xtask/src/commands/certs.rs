//! `cargo xtask certs`: shows and renews the certificates of a cluster with TLS.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::ValueEnum;
use serde_json::{Value, json};

use super::{Exit, Which};
use crate::command_line;
use crate::hint::Hint;
use crate::lifecycle::certs::{self, Certs, CertsRequest, Listed, Owner};
use crate::moment;
use crate::observation::certificates::Certificate;
use crate::report::Outcome;
use crate::ui::Ui;
use crate::ui::table::Table;

/// Show and renew the certificates of a cluster with TLS
///
/// The first `up` of a cluster with `tls = true` makes a certificate authority, a certificate for each
/// member and one for the tools of this host, in `.state/NAME/pki/`. With `authority` in the
/// definition, that authority signs instead.
///
/// `--renew` issues the certificates of the members and of this host again, with the same keys. etcd
/// reads them at each connection, so members serve them without a restart; the task checks that.
///
/// `--replace-authority` makes a new authority, or takes the one that the definition names now. Members
/// read the authorities that they trust only when they start: `cargo xtask apply` restarts them one at
/// a time to trust both, lets the new one sign, and restarts them again to forget the old one. If no
/// member runs, the next `up` starts them with the new one.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Issue all certificates again, apart from that of the authority
    #[arg(long)]
    renew: bool,
    /// Make a new certificate authority
    #[arg(long, conflicts_with = "renew")]
    replace_authority: bool,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask certs
  cargo xtask certs five --renew
  cargo xtask certs --replace-authority && cargo xtask apply

Exit status:
  0  the certificates are shown, or renewed and served
  1  one of them has expired, or cannot be read
  2  the cluster runs without TLS
  4  the cluster was never started, or a killed drill or restoration left it unfinished
  5  openssl is missing, or the authority cannot be used
  6  a member does not serve its renewed certificate

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, replaces_authority (whether `apply` has to complete that)
  certificates[]: owner (authority, client or the name of a member), path, from, until (in UTC),
    names[], error (why it cannot be read, or null), is_served (by the running member, or null)";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `certs`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let request = match (args.renew, args.replace_authority) {
        (true, _) => CertsRequest::Renew,
        (false, true) => CertsRequest::ReplaceAuthority,
        (false, false) => CertsRequest::List,
    };
    let certs = certs::certs(ui, &args.which.name, request)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.unwrap_or_default();
    match args.format {
        Format::Table => {
            ui.print(&table(&certs, now));
            if certs.is_replaced {
                ui.hint(&Hint::heals(
                    "let the new authority take the place of the old one",
                    [command_line::task(&certs.session.plan, "apply")],
                ));
            }
        }
        Format::Json => {
            ui.print(&format!("{:#}\n", json(&certs)));
        }
    }
    let is_valid = |one: &Listed| one.certificate.as_ref().is_ok_and(|one| one.until > now);
    let mut invalid = certs.certificates.iter().filter(|one| !is_valid(one));
    let Some(first) = invalid.next() else {
        return Ok(Exit::Success);
    };
    if first.owner != Owner::Authority {
        let renew = command_line::renew_certificates(&args.which.name);
        ui.hint(&Hint::heals("renew the certificates", [renew]));
    }
    Ok(Exit::Unhealthy)
}

fn table(certs: &Certs, now: Duration) -> String {
    let mut table = Table::new(["CERTIFICATE", "EXPIRES", "LEFT", "SERVED", "FOR"]).right(2);
    for one in &certs.certificates {
        let owner = owner(&one.owner);
        let served = match one.is_served {
            Some(true) => "yes",
            Some(false) => "another",
            None => "-",
        };
        table.row(match &one.certificate {
            Ok(certificate) => [
                owner,
                day(certificate.until),
                left(certificate.until, now),
                served.to_owned(),
                own_names(certificate),
            ],
            Err(why) => [
                owner,
                "unknown".to_owned(),
                "-".to_owned(),
                served.to_owned(),
                why.clone(),
            ],
        });
    }
    table.to_string()
}

/// The names that no other certificate has.
fn own_names(certificate: &Certificate) -> String {
    let names = certificate.names.iter().map(String::as_str);
    let names = names.filter(|name| !["localhost", "127.0.0.1"].contains(name));
    names.collect::<Vec<_>>().join(", ")
}

fn day(time: Duration) -> String {
    moment::utc(time).chars().take(10).collect()
}

fn left(until: Duration, now: Duration) -> String {
    match until.checked_sub(now) {
        Some(left) => format!("{} d", left.as_secs() / (24 * 3600)),
        None => "expired".to_owned(),
    }
}

fn owner(owner: &Owner) -> String {
    match owner {
        Owner::Authority => "authority".to_owned(),
        Owner::Client => "client".to_owned(),
        Owner::Member(name) => name.to_string(),
    }
}

fn json(certs: &Certs) -> Value {
    let certificates = certs.certificates.iter().map(|one| {
        let certificate = one.certificate.as_ref();
        json!({
            "owner": owner(&one.owner),
            "path": one.path,
            "from": certificate.ok().map(|one| moment::utc(one.from)),
            "until": certificate.ok().map(|one| moment::utc(one.until)),
            "names": certificate.map_or(&[][..], |one| &one.names),
            "error": certificate.err(),
            "is_served": one.is_served,
        })
    });
    json!({
        "format": 1,
        "cluster": certs.session.home.name.as_str(),
        "replaces_authority": certs.is_replaced,
        "certificates": certificates.collect::<Vec<Value>>(),
    })
}
