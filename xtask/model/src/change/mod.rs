//! Steps that change a running cluster. Each is chosen from what was seen last, so a task that was killed is
//! continued by the next one.

pub mod apply;
pub mod downgrade;
pub mod final_task;
pub mod rehearsals;
pub mod replace;
pub mod upgrade;
