//! The store of ambar: objects named by content, generations made of links into them, and the one link that
//! says which generation is live.
//!
//! A change goes through a [`Writer`], in this order: objects, tree and record, barrier, database, link.
//! What a crash leaves after each step is written where the step is taken.
#![deny(missing_docs)]

mod build;
mod cache;
mod config;
pub mod db;
mod dir;
mod error;
mod forward;
mod gc;
mod holdings;
mod in_use;
mod inside;
mod lists;
mod machine;
mod mounts;
mod object;
mod objects;
mod private;
mod record;
mod recover;
mod resolve;
mod root;
mod store;
mod sync;
mod top;
mod tree;
mod verify;
mod watch;
mod writer;

pub use build::LinkKind;
pub use config::{Config, LinkMode, MtimePolicy};
pub use dir::Dir;
pub use error::{Clash, Error, PathConflict};
pub use gc::Collected;
pub use holdings::{holdings, owned_paths};
pub use inside::Inner;
pub use object::{Metadata, OBJECT_MTIME, ObjectId, Profile};
pub use objects::{Intact, ObjectWriter, Objects, Streamed};
pub use record::{Installed, Overwrite, Reason, Record, counterpart};
pub use root::{Found, Root};
pub use store::{FORMAT, Store};
pub use sync::Barrier;
pub use top::check as check_top;
pub use tree::{Contents, MACHINE, Placed, Tree, is_machine};
pub use verify::{Finding, Subject};
pub use watch::{Step, Watch};
pub use writer::{Made, Switched, Writer};
