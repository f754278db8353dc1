//! Package formats: one model of a package, several containers, nothing trusted.
//!
//! A reader opens a package file ([`PackageFile`]), tells what it says of itself (a [`Draft`], read without
//! touching the payload), and then streams the payload into a [`PayloadSink`]. What the sink found (digests
//! and sizes) turns the draft into a [`Manifest`], after every entry has been checked against what the file
//! promised. Nothing here writes to a tree or a store.
#![deny(missing_docs)]

pub mod codec;
mod contents;
pub mod deb;
pub mod digest;
mod entropy;
mod error;
#[cfg(fuzzing)]
pub mod fuzzing;
mod limits;
mod lzma;
pub mod manifest;
mod md5;
mod metadata;
pub mod native;
mod package;
pub mod path;
mod payload;
pub mod pisi;
pub mod relation;
mod source;
mod spool;
mod translations;
pub mod version;

pub use contents::{Contents, Parts};
pub use digest::{ContentHasher, Digest, Md5Digest, PackageId, Sha1Digest};
pub use entropy::expression;
pub use error::{Error, Problem};
pub use limits::Limits;
pub use manifest::{Entry, Instance, Manifest, Node, VersionOrder};
pub use md5::Md5Check;
pub use metadata::Metadata;
pub use package::{
    Base, BaseNeeded, Draft, DraftEntry, DraftNode, Format, Hashed, Member, PackageFile, Payload,
    PayloadSink, Stopped,
};
pub use path::PayloadPath;
pub use source::SharedBytes;
pub use spool::{Spool, check};
pub use translations::Translations;
