//! Output of `backup`.

mod json;
mod progress;
mod table;

pub use json::{HELP, list as json_list, one as json_one};
pub use progress::SizeProgress;
pub use table::render as table;
