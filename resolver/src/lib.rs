//! Chooses packages.
#![deny(missing_docs)]

mod builder;
mod key;
mod layout;
pub mod universe;

pub use builder::{AtomRef, Builder, Met, PackageRef, PackageSpec, RepositoryRef, TooLarge};
pub use key::{Field, FieldValue, Op, Test};
pub use universe::{Kind, OpenError, SharedBytes, Universe};
