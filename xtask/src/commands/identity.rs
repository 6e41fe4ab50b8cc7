//! `cargo xtask identity`: predicts the cluster ID and the member IDs of a cluster.

use clap::ValueEnum;
use serde_json::json;

use super::{Exit, Which};
use crate::driver;
use crate::lifecycle::definitions;
use crate::plan::Plan;
use crate::plan::identity::EtcdId;
use crate::report::Outcome;
use crate::state::Record;
use crate::ui::Ui;
use crate::ui::table::Table;
use crate::values::DriverName;
use crate::workspace::Workspace;

/// Print the cluster ID and the member IDs of a cluster
///
/// etcd derives the IDs from the members' peer URLs and the token, so they are known before the
/// first boot; `verify` compares running members with them. The ID of a member that was added to a
/// running cluster depends on the time, too: it is the recorded one. Without --driver, the IDs are
/// those of the started cluster, or follow from the addresses in the definition if it was never
/// started. This task needs no running cluster.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// Use the addresses that members have under this driver
    #[arg(long, value_name = "DRIVER")]
    driver: Option<DriverName>,
    /// The output format
    #[arg(long, value_enum, default_value_t = Format::Table)]
    format: Format,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask identity coreos-2015
  cargo xtask identity --driver local    the IDs of local members, on loopback addresses
  cargo xtask identity --format json | jq -r .cluster_id

Exit status:
  3  the definition has errors, or there is no definition of this name
  6  the record of the started cluster cannot be read

JSON: one object. Within `format` 1, fields are added but neither removed nor changed.
  format, cluster, token, cluster_id, cluster_id_decimal
  members[]: name, peer_url, id, id_decimal, added (whether it was added or moved later)
IDs are strings, with hexadecimal digits as etcd prints them, or decimal digits: as numbers, they
would exceed the range that JSON parsers keep exactly.";

#[derive(Debug, Clone, Copy, ValueEnum)]
enum Format {
    /// For people
    Table,
    /// For programs: stable, see below
    Json,
}

/// Runs `identity`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let plan = definitions::plan(ui, &workspace, &args.which.name)?;
    let record = match args.driver {
        Some(_) => None,
        None => Record::read(&workspace.home(&args.which.name))?,
    };
    let driver = args.driver.or(record.as_ref().map(|record| record.driver));
    let plan = driver.map_or_else(|| plan.clone(), |driver| driver::named(driver).place(&plan));
    let plan = match record {
        Some(record) => record.running(plan),
        None => plan,
    };
    ui.print(&match args.format {
        Format::Table => table(&plan, ui.width()),
        Format::Json => format!("{:#}\n", json(&plan)),
    });
    Ok(Exit::Success)
}

fn table(plan: &Plan, width: usize) -> String {
    let mut table = Table::new(["", "hexadecimal", "decimal", "from"]);
    let mut row = |name: &str, id: EtcdId, from: String| {
        table.row([name.to_owned(), id.to_string(), id.0.to_string(), from]);
    };
    let token = format!("token {}", plan.etcd.token);
    row("cluster", plan.cluster_id, token);
    for member in &plan.members {
        let from = if plan.is_predicted(member) {
            member.peer_url()
        } else {
            format!("{}, added or moved later", member.peer_url())
        };
        row(member.name.as_str(), member.id, from);
    }
    // The maximum number of digits of an ID.
    let table = table.wide(1, 16).wide(2, 20);
    table.fit(width, &[2], 3).to_string()
}

fn json(plan: &Plan) -> serde_json::Value {
    let members = plan.members.iter().map(|member| {
        json!({
            "name": member.name,
            "peer_url": member.peer_url(),
            "id": member.id.to_string(),
            "id_decimal": member.id.0.to_string(),
            "added": !plan.is_predicted(member),
        })
    });
    json!({
        "format": 1,
        "cluster": plan.name.as_str(),
        "token": plan.etcd.token.as_str(),
        "cluster_id": plan.cluster_id.to_string(),
        "cluster_id_decimal": plan.cluster_id.0.to_string(),
        "members": members.collect::<Vec<_>>(),
    })
}
