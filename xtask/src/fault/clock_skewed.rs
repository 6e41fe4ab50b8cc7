//! A machine's clock is wrong.

use super::{Cost, Fault, Injected, Injector, MACHINES, about, no_obstacle};
use crate::driver::SET_CLOCK;
use crate::report::Outcome;

pub(super) static FAULT: Fault = Fault {
    name: "clock-skewed",
    title: "a clock is set five minutes ahead",
    drivers: MACHINES,
    cost: Cost::Nothing,
    obstacle: no_obstacle,
    inject,
};

/// Time services would correct the clock, so they are stopped. They are not disabled, and the note
/// is lost at a boot, so nothing outlasts one. A machine without the clock that undoing needs is
/// left alone.
const SKEW: &str = "\
cat /sys/class/rtc/rtc0/since_epoch >/dev/null || exit
sudo touch /run/xtask-drill-clock || exit
keepers='systemd-timesyncd.service chrony.service chronyd.service ntp.service ntpd.service ntpsec.service'
for keeper in $(systemctl list-units --plain --no-legend --state=active $keepers | cut -d' ' -f1); do
  echo \"$keeper\" | sudo tee -a /run/xtask-drill-clock >/dev/null && sudo systemctl stop \"$keeper\"
done
sudo date --set='+5 minutes' >/dev/null";

/// Setting the clock back by five minutes could not be repeated safely.
fn undo() -> String {
    format!(
        "\
[ -e /run/xtask-drill-clock ] || exit 0
{{ {SET_CLOCK}; }} || exit
for keeper in $(cat /run/xtask-drill-clock); do sudo systemctl start \"$keeper\"; done
sudo rm -f /run/xtask-drill-clock"
    )
}

fn inject(injector: &mut Injector<'_>) -> Outcome<Injected> {
    let member = injector.follower()?;
    injector.run_inside(&member.name, SKEW, &undo())?;
    Ok(Injected::new(
        format!("the clock of {} was set five minutes ahead", member.name),
        vec![about("clock", &member.name)],
    ))
}
