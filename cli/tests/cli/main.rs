//! The program as people and programs meet it: through its command line, its output and its exit codes.

mod place;

mod changes;
mod failures;
mod machines;
mod packages;
mod questions;
mod shell;
