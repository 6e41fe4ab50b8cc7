//! `cargo xtask box`: makes the Vagrant box of a cluster's machines.

use std::time::Instant;

use clap::ValueEnum;

use super::{Exit, Which};
use crate::boxes::{self, FinishedBox, Material, Order};
use crate::lifecycle::{definitions, machine_box};
use crate::profile::{CloudImage, MachineBox, Profile};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Make the Vagrant box of a cluster's machines
///
/// This task is for operating systems without a published box, which means Debian. It makes the box
/// from the distribution's cloud image, downloaded and checked against its pinned SHA-512. If the
/// image is unavailable, it makes the box from the distribution's packages, with mmdebstrap. Neither
/// needs root. The box is for libvirt. It is kept in the cache, and made again only if the result
/// would differ. `cargo xtask up` makes a missing box.
///
/// The same image, or the same packages, give the same box, byte for byte. Package archives change
/// over time: `--again` fetches the current packages.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// The source of the box
    #[arg(long, value_enum, value_name = "MATERIAL")]
    from: Option<From>,
    /// A cloud image to use instead of the pinned one: a raw disk, or qcow2
    #[arg(long, value_name = "URL", requires = "sha512")]
    image: Option<String>,
    /// The SHA-512 of that image
    #[arg(long, value_name = "DIGITS", requires = "image")]
    sha512: Option<String>,
    /// Make the box even if it exists
    #[arg(long)]
    again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// The distribution's cloud image
    CloudImage,
    /// The distribution's packages, with mmdebstrap
    Packages,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask box
  cargo xtask box --from packages --again    with the current packages

Exit status:
  0  the box exists
  3  the definition has errors
  5  the box could not be made, or the operating system has a published box";

/// Runs `box`.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let plan = definitions::plan(ui, &workspace, &args.which.name)?;
    let profile = plan.machine.profile;
    let image = made_here(profile)?;
    let cache = workspace.cache();
    let order = Order {
        other_image: args.image.as_deref().zip(args.sha512.as_deref()),
        from: match args.from {
            // Packages must not replace an image that the user has chosen.
            None if args.image.is_some() => Some(Material::CloudImage),
            None => None,
            Some(From::CloudImage) => Some(Material::CloudImage),
            Some(From::Packages) => Some(Material::Packages),
        },
        ..machine_box::order(profile, image, &cache)
    };
    if !args.again
        && let Some(there) = boxes::made(&order)?
    {
        ui.say("the box exists; `--again` makes it again");
        print(ui, &there);
        return Ok(Exit::Success);
    }
    let begun = Instant::now();
    let catalogue = boxes::make(&order, &ui.saying())?;
    ui.say(&format!("made in {:.0} s", begun.elapsed().as_secs_f64()));
    print(ui, &catalogue);
    Ok(Exit::Success)
}

fn print(ui: Ui, catalogue: &FinishedBox) {
    let FinishedBox {
        name,
        description,
        file,
        sha256,
        ..
    } = catalogue;
    ui.print(&format!(
        "{name}: {description}\n{file}\nSHA-256 {sha256}\n"
    ));
}

fn made_here(profile: &'static Profile) -> Outcome<&'static CloudImage> {
    match &profile.machine_box {
        MachineBox::Made(image) => Ok(image),
        MachineBox::Published(published) => {
            let title = profile.title;
            let diagnostic = Diagnostic::error(format!("this project makes no box of {title}"));
            Err(Failure::host(match published.gone {
                Some(why) => why.iter().copied().fold(diagnostic, Diagnostic::note),
                None => diagnostic.note(format!(
                    "its makers publish a box for {}, which Vagrant downloads",
                    published.providers.join(" and ")
                )),
            }))
        }
    }
}
