//! Universes for the resolver: packages as it compares them.

pub mod debian;
mod fields;
mod manifests;
mod texts;

pub(crate) use fields::{OwnTest, with_tests};
pub(crate) use manifests::{Compiled, Source, compile};
