//! `cargo xtask box`: makes the box that Vagrant boots machines from.

use std::time::Instant;

use clap::ValueEnum;

use super::{Exit, Which};
use crate::boxes::{self, Catalogue, Material, Order};
use crate::lifecycle::{definitions, machine_box};
use crate::profile::{CloudImage, MachineBox, Profile};
use crate::report::{Diagnostic, Failure, Outcome};
use crate::ui::Ui;
use crate::workspace::Workspace;

/// Make the box that Vagrant boots a cluster's machines from
///
/// For systems whose makers publish no box: Debian. It is made from the distribution's cloud image,
/// downloaded and checked against its pinned SHA-512, or where that cannot be had from its packages,
/// by mmdebstrap. Neither takes root. The box is for libvirt; it is kept in the cache, and made again
/// only where it would turn out otherwise. `cargo xtask up` makes it where it is missing.
///
/// The same image gives the same box. The same packages do as well, byte for byte, but an archive has
/// newer ones now and then: `--again` fetches them.
#[derive(Debug, clap::Args)]
#[command(verbatim_doc_comment, after_long_help = AFTER_HELP)]
pub struct Args {
    #[command(flatten)]
    which: Which,
    /// What to make it from
    #[arg(long, value_enum, value_name = "MATERIAL")]
    from: Option<From>,
    /// Another cloud image than the pinned one: a raw disk, or qcow2
    #[arg(long, value_name = "URL", requires = "sha512")]
    image: Option<String>,
    /// The SHA-512 of that image
    #[arg(long, value_name = "DIGITS", requires = "image")]
    sha512: Option<String>,
    /// Make it though there is one
    #[arg(long)]
    again: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum From {
    /// The distribution's image for clouds
    CloudImage,
    /// The distribution's packages, by mmdebstrap
    Packages,
}

const AFTER_HELP: &str = "\
Examples:
  cargo xtask box
  cargo xtask box --from packages --again    with the packages of today

Exit status:
  0  there is a box
  3  the definition has errors
  5  none could be made, or the system has boxes of its own";

/// Runs `box`.
///
/// # Errors
/// Fails where no box can be made.
pub fn run(ui: Ui, args: &Args) -> Outcome<Exit> {
    let workspace = Workspace::find()?;
    let plan = definitions::plan(ui, &workspace, &args.which.name)?;
    let profile = plan.machine.profile;
    let image = made_here(profile)?;
    let cache = workspace.cache();
    let order = Order {
        other_image: args.image.as_deref().zip(args.sha512.as_deref()),
        from: match args.from {
            // Another image is not to be replaced by packages.
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
        ui.say("it is there already; `--again` makes it anew");
        print(ui, &there);
        return Ok(Exit::Success);
    }
    let begun = Instant::now();
    let catalogue = boxes::make(&order, &ui.saying())?;
    ui.say(&format!("made in {:.0} s", begun.elapsed().as_secs_f64()));
    print(ui, &catalogue);
    Ok(Exit::Success)
}

fn print(ui: Ui, catalogue: &Catalogue) {
    let Catalogue {
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
            let diagnostic = Diagnostic::error(format!("no box of {title} is made here"));
            Err(Failure::host(match published.gone {
                Some(why) => why.iter().copied().fold(diagnostic, Diagnostic::note),
                None => diagnostic.note(format!(
                    "its makers publish one for {}, which Vagrant fetches itself",
                    published.providers.join(" and ")
                )),
            }))
        }
    }
}
