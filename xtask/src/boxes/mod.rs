//! Makes Vagrant boxes for systems whose makers publish none: from the distribution's cloud image,
//! or from its packages. Neither needs root, a loop device or a boot.

mod catalogue;
mod cloud_image;
mod disk;
mod packages;
mod seed;
mod tool;
mod wrap;

use camino::{Utf8Path, Utf8PathBuf};
use sha2::{Digest, Sha256};

use crate::cache::{Cache, refused};
use crate::download::Limits;
use crate::profile::CloudImage;
use crate::reason::Reason;
use crate::report::{Diagnostic, Failure, Outcome};
pub use catalogue::FinishedBox;
pub use packages::SOURCE_DATE;

/// What a box is made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Material {
    /// The distribution's cloud image.
    CloudImage,
    /// The distribution's packages, installed into a folder.
    Packages,
}

/// A box to make.
#[derive(Debug, Clone, Copy)]
pub struct Order<'a> {
    /// The profile's name.
    pub profile: &'a str,
    /// The usual name of the system.
    pub title: &'a str,
    /// The distribution's cloud image and packages.
    pub image: &'a CloudImage,
    /// Another cloud image than the pinned one, and its SHA-512.
    pub other_image: Option<(&'a str, &'a str)>,
    /// The material to use, if the user insists on one.
    pub from: Option<Material>,
    /// The workspace's cache.
    pub cache: &'a Utf8Path,
    /// How long downloads may take.
    pub limits: Limits,
}

/// The version of the recipe. Raise it for each change that no other input shows; otherwise a
/// faulty box would stay current after the fix.
const RECIPE: u32 = 1;

impl Order<'_> {
    fn materials(&self) -> Vec<Material> {
        match self.from {
            Some(material) => vec![material],
            None => vec![Material::CloudImage, Material::Packages],
        }
    }

    /// The digest of the inputs that determine the box. A box from packages also depends on the
    /// archive.
    pub fn inputs(&self, material: Material) -> String {
        let mut hasher = Sha256::new();
        for input in match material {
            Material::CloudImage => cloud_image::inputs(self),
            Material::Packages => packages::inputs(self.image),
        } {
            hasher.update(input);
            hasher.update([0]);
        }
        hasher.update(RECIPE.to_le_bytes());
        hasher.update(seed::inputs());
        hasher.update(disk::SIZE.to_le_bytes());
        hex(&hasher.finalize())
    }

    fn cache(&self) -> Cache {
        Cache::at(self.cache.join("boxes"))
    }
}

/// The existing box, if it was made from the current inputs. Updates its catalogue if the workspace
/// was moved.
pub fn made(order: &Order<'_>) -> Outcome<Option<FinishedBox>> {
    let cache = order.cache();
    let read = || FinishedBox::read(&cache, order.profile).filter(|one| is_current(order, one));
    let is_written = |one: &FinishedBox| one.is_written(&cache, order.profile);
    let Some(catalogue) = read() else {
        return Ok(None);
    };
    if is_written(&catalogue) {
        return Ok(Some(catalogue));
    }
    let failure = |why: Reason| Failure::host(Diagnostic::error(why));
    // A task that is making a box may have written it in the meantime.
    let _locked = cache.lock(|| ()).map_err(failure)?;
    let catalogue = read();
    if let Some(moved) = catalogue.as_ref().filter(|one| !is_written(one)) {
        moved.write(&cache, order.profile).map_err(failure)?;
    }
    Ok(catalogue)
}

fn is_current(order: &Order<'_>, catalogue: &FinishedBox) -> bool {
    let mut materials = order.materials().into_iter();
    materials.any(|material| order.inputs(material) == catalogue.inputs)
}

/// Makes a box from the first material that works, whatever exists already. Prints its progress.
pub fn make(order: &Order<'_>, say: &dyn Fn(&str)) -> Outcome<FinishedBox> {
    let mut reasons = Vec::new();
    for material in order.materials() {
        match make_from(order, material, say) {
            Ok(catalogue) => return Ok(catalogue),
            Err(why) => {
                if order.from.is_none() && material == Material::CloudImage {
                    say(why.as_str());
                }
                reasons.push(why);
            }
        }
    }
    let title = order.title;
    let diagnostic = Diagnostic::error(format!("could not make a box of {title}"));
    Err(Failure::host(
        reasons
            .into_iter()
            .fold(diagnostic, Diagnostic::note)
            .hint(tool::install())
            .hint("if this network needs a proxy, export `https_proxy` and `http_proxy`"),
    ))
}

fn make_from(
    order: &Order<'_>,
    material: Material,
    say: &dyn Fn(&str),
) -> Result<FinishedBox, Reason> {
    tool::require(material)?;
    let cache = order.cache();
    let locked = cache.lock(|| say("waiting for another task that is making a box"))?;
    if let Some(catalogue) = FinishedBox::read(&cache, order.profile)
        && catalogue.inputs == order.inputs(material)
        && catalogue.is_newer_than(&locked)
    {
        // The other task made the same box.
        return Ok(catalogue);
    }
    let scratch = locked.scratch()?;
    let disk = scratch.path.join("disk.raw");
    match material {
        Material::CloudImage => cloud_image::raw(order, &scratch.path, &disk, say)?,
        Material::Packages => packages::raw(order.image, &scratch.path, &disk, say)?,
    }
    say("preparing the box for Vagrant");
    seed::plant(&scratch.path, &disk)?;
    let complete = wrap::wrap(&scratch.path, &disk)?;
    let sha256 = crate::download::sha256(&complete).map_err(refused("read", &complete))?;
    let inputs = order.inputs(material);
    let short = |digest: &str| digest.get(..12).unwrap_or(digest).to_owned();
    let file: Utf8PathBuf =
        cache
            .folder()
            .join(format!("{}-{}.box", order.profile, short(&inputs)));
    locked.keep(&complete, &file)?;
    let catalogue = FinishedBox {
        name: format!("xtask/{}-{}", order.profile, short(&sha256)),
        description: description(order, material),
        file,
        sha256,
        inputs,
    };
    catalogue.write(&cache, order.profile)?;
    Ok(catalogue)
}

fn description(order: &Order<'_>, material: Material) -> String {
    let title = order.title;
    match (material, order.other_image) {
        (Material::CloudImage, None) => format!("{title}, its cloud image {}", order.image.build),
        (Material::CloudImage, Some((url, _))) => format!("{title}, the image {url}"),
        (Material::Packages, _) => format!("{title}, from its packages"),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
