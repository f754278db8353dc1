//! The program as people and programs meet it: through its command line, its output and its exit codes.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod place;

mod changes;
mod choosing;
mod failures;
mod inside;
mod machines;
mod packages;
mod plans;
mod policy;
mod questions;
mod real_programs;
mod run;
mod shell;
mod slots;
mod surroundings;
mod vercmp;
