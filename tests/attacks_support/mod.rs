//! The packages that the readers' own tests build.
#![allow(dead_code, unreachable_pub, missing_docs, clippy::unwrap_used, clippy::new_without_default)]

#[path = "../../pkgfmt/tests/common/build.rs"]
pub mod build;
#[path = "../../pkgfmt/tests/common/deb.rs"]
pub mod deb;
#[path = "../../pkgfmt/tests/common/entropy.rs"]
pub mod entropy;
