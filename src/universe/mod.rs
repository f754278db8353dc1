//! Universes for the resolver: packages as it compares them.

pub mod debian;
// Most of them are for manifests, which come into universes next.
#[allow(dead_code)]
mod fields;
mod texts;
