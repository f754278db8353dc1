//! Filling the resolver's universes with what repositories and package files say.

pub mod debian;
mod fields;
