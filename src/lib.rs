//! ambar: a content-addressed, transactional package store.
//!
//! A package is a set of files with a manifest. Its files go, once each, into an object store named by
//! content. A *generation* is a complete list of packages; on disk it is a tree of links into the store, and
//! one link, `current`, names the live one. To install, upgrade, remove or roll back is to prepare a
//! generation beside the live one and to switch that link: after a crash or a power cut a root is the old
//! generation or the new one, never between.
//!
//! ```no_run
//! use ambar::{OsPath, Options, Request, Root, Silent};
//!
//! let root = Root::open("my-root".as_ref())?;
//! let files = vec![OsPath("joe-3.5-2-p11-x86_64.pisi".into())];
//! let plan = root.plan(Request::install(files, Options::default()))?;
//! for item in &plan.items {
//!     println!("{} {} {}", item.action.name(), item.name, item.version);
//! }
//! let outcome = root.execute(&plan, &Silent)?;
//! assert!(outcome.changed);
//! # Ok::<(), ambar::Error>(())
//! ```
//!
//! A [`Plan`] is plain data: show it, save it, execute it later. Progress comes through an [`Observer`], which
//! can also stop a transaction at any moment. Nothing here prints, asks, or reads the environment.
#![deny(missing_docs)]

mod base;
mod check;
mod directory;
mod error;
mod extract;
mod ingest;
mod marks;
mod observer;
mod pack;
mod plan;
mod planner;
pub mod policy;
mod query;
mod repack;
mod root;
pub mod run;
mod saved;
mod select;
mod transaction;
pub mod universe;
mod write;

pub use ambar_pkgfmt as pkgfmt;
pub use ambar_pkgfmt::Instance;
pub use ambar_resolver as resolver;
pub use ambar_store::Error as StoreError;
pub use ambar_store::{Clash, Collected, Finding, Installed, PathConflict, Reason, Step, Subject};

pub use check::{Checked, verify_file};
pub use directory::{Available, Directory, Passed};
pub use error::{Class, Error, Problem};
pub use extract::extract;
pub use observer::{Event, Observer, Silent};
pub use pack::{Description, PackOptions, pack};
pub use plan::{Action, Item, Options, OsPath, Outcome, Plan, PlannedFile, Question, QuestionKind, Request};
pub use planner::{Why, WhyNot};
pub use policy::Policy;
pub use query::{About, Action as HistoryAction, Details, Generation, similar};
pub use repack::{delta, repack};
pub use root::Root;
pub use select::{select, select_one};
pub use write::{Target, Written};
