//! Chooses packages: complete, deterministic, best by a published order, and explains itself.
//!
//! Packages and relations are compiled once into a [`Universe`], an immutable form that is opened from bytes without
//! being copied. A [`World`] joins universes and knows what is installed. [`solve`] takes a [`Request`] and gives a
//! [`Solution`] with its [`Step`]s in order, an explanation ([`Impossible`]), or says that its budget is spent.
//!
//! There is no input or output here, no clock, no thread, and nothing that depends on the order of a hash table: the
//! same packages and the same request give the same answer, in whatever order they were given.
#![deny(missing_docs)]

mod builder;
mod explain;
mod fact;
mod groups;
mod key;
mod layout;
mod order;
mod removal;
mod request;
mod solve;
mod solver;
pub mod universe;
mod world;

pub use builder::{AtomRef, Builder, Met, PackageRef, PackageSpec, RepositoryRef, TooLarge};
pub use explain::{Correction, Impossible, Link, Remedy, Statement, similar, why};
pub use key::{Field, FieldValue, Op, Test};
pub use order::{Change, Step, order};
pub use removal::{Falls, dependents, needed_by, orphans};
pub use request::{Exclusion, Job, Policy, Request, Selector, Verb};
pub use solve::{Answer, Solution, solve};
pub use universe::{Kind, OpenError, SharedBytes, Universe};
pub use world::{Installed, PackageId, World};

/// How many numbers a cost has; the first that differ decide. In order: unasked removals, age of what was asked for,
/// recommendations of new packages that are not met, new names, installed packages changed unasked, disfavoured
/// packages, age of new packages, number of new packages, lower provided versions.
pub const COST_LEVELS: usize = solver::LEVELS;
