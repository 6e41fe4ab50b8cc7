use super::{HostCheck, Judgement, many};
use crate::hint::Hint;
use crate::host::resources::Disk;
use crate::host::{Host, Probe};
use crate::plan::Plan;
use crate::report::Diagnostic;
use crate::values::quantity;

pub(super) static CHECK: HostCheck = HostCheck {
    name: "disk",
    title: "there is enough space for the machines' disks",
    judge,
};

/// The space that a machine takes in the end: its image grows as it writes.
const A_MACHINE: u64 = 2 << 30;

/// The space that a box takes where Vagrant keeps it, and again where the provider does.
const A_BOX: u64 = 1 << 30;

/// The space that a machine writes until it serves.
const AT_LEAST: u64 = 512 << 20;

fn judge(plan: &Plan, host: &Host) -> Judgement {
    // A stopped machine already has its disk.
    let members = plan.members.iter();
    let new = members.filter(|member| !host.has_disk(&member.name));
    let count = new.count();
    if count == 0 {
        return Judgement::pass("every machine has its disk already");
    }
    let images = match &host.images {
        Probe::Seen(images) => images,
        Probe::Missing => return Judgement::not_seen("the location of the disks is unknown"),
        Probe::Unknown(why) => return Judgement::not_seen(why),
    };
    let boxes = host.boxes.seen();
    let share = boxes.is_some_and(|boxes| boxes.mounted_on == images.mounted_on);
    let of_machines = A_MACHINE.saturating_mul(count as u64) + A_BOX;
    let wanted = if share {
        of_machines + A_BOX
    } else {
        of_machines
    };
    let mut diagnostics = Vec::new();
    diagnostics.extend(lack(
        plan,
        host,
        images,
        wanted,
        AT_LEAST * count as u64,
        &many(count, "machine"),
    ));
    if let Some(boxes) = boxes.filter(|_| !share) {
        diagnostics.extend(lack(plan, host, boxes, A_BOX, A_BOX / 2, "the box"));
    }
    let evidence = format!(
        "{}: about {} needed, {} free in {}",
        many(count, "machine"),
        quantity::size(wanted),
        quantity::size(images.available),
        images.folder
    );
    let found = Judgement::of(evidence, diagnostics);
    match &host.boxes {
        Probe::Seen(_) => found,
        Probe::Missing => found.except("the folder for boxes"),
        Probe::Unknown(why) => found.except(&format!("the folder for boxes ({why})")),
    }
}

fn lack(
    plan: &Plan,
    host: &Host,
    disk: &Disk,
    wanted: u64,
    least: u64,
    what: &str,
) -> Option<Diagnostic> {
    let (free, folder) = (quantity::size(disk.available), &disk.folder);
    let about = if disk.available < least {
        Diagnostic::error(format!(
            "there is not enough space for {what} in `{folder}`: {free} is free"
        ))
        .note(format!(
            "about {} is needed, and {} at the very least",
            quantity::size(wanted),
            quantity::size(least)
        ))
    } else if disk.available < wanted {
        Diagnostic::warning(format!(
            "there is little space for {what} in `{folder}`: {free} is free"
        ))
        .note(format!(
            "about {} is needed; a machine stops when its disk cannot grow",
            quantity::size(wanted)
        ))
    } else {
        return None;
    };
    let about = about.hint(Hint::informs(
        "see what uses the space",
        [format!(
            "sudo du -xh --max-depth=2 {} | sort -h | tail",
            disk.mounted_on
        )],
    ));
    // Each build of a box has its own name, and none replaces another.
    let current = host.catalogue.seen().map(|catalogue| &catalogue.name);
    let earlier = host.kept_boxes.iter();
    let about = earlier
        .filter(|name| Some(*name) != current)
        .fold(about, |about, name| {
            about.hint(Hint::heals(
                "remove a box of an earlier version",
                [format!("vagrant box remove {name}")],
            ))
        });
    Some(about.hint(format!("or define fewer members in {}", plan.source)))
}
