//! Makes a disk from the distribution's cloud image, which is downloaded and checked.

use camino::Utf8Path;

use super::packages::SOURCE_DATE;
use super::{Order, tool};
use crate::cache::refused;
use crate::download;
use crate::etcd::tools::architecture;
use crate::reason::Reason;

/// The inputs that determine the disk.
pub(super) fn inputs(order: &Order<'_>) -> Vec<Vec<u8>> {
    let (url, sha512) = image(order).unwrap_or_default();
    vec![
        b"cloud image".to_vec(),
        url.into_bytes(),
        sha512.into_bytes(),
    ]
}

/// Downloads the image and converts it to a raw disk.
pub(super) fn raw(
    order: &Order<'_>,
    scratch: &Utf8Path,
    disk: &Utf8Path,
    say: &dyn Fn(&str),
) -> Result<(), Reason> {
    let (url, sha512) = image(order)?;
    say(&format!("downloading {url}"));
    let shell = tool::shell(scratch, SOURCE_DATE)?;
    let image = scratch.join("image");
    download::download(&shell, &url, &image, order.limits)
        .map_err(|why| format!("{url} could not be downloaded: {why}"))?;
    let found = download::sha512(&image).map_err(refused("read", &image))?;
    if found != sha512 {
        return Err(Reason::from(format!(
            "{url} is not the pinned image: its SHA-512 is {found}, expected {sha512}"
        )));
    }
    let convert =
        shell
            .cmd("qemu-img")
            .args(["convert", "-O", "raw", image.as_str(), disk.as_str()]);
    tool::run(convert, &[0]).map(drop)
}

/// The URL and the SHA-512 of the image.
fn image(order: &Order<'_>) -> Result<(String, String), Reason> {
    if let Some((url, sha512)) = order.other_image {
        return Ok((url.to_owned(), sha512.to_ascii_lowercase()));
    }
    let image = order.image;
    let here = architecture();
    let pinned = image.sha512.iter().find(|(of, _)| of.as_str() == here);
    let (architecture, sha512) = pinned.ok_or_else(|| {
        format!(
            "no cloud image of {} is pinned for this host's architecture",
            order.title
        )
    })?;
    let url = (image.url)(image.build, *architecture);
    Ok((url, (*sha512).to_owned()))
}
