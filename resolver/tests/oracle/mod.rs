//! The judge: what states are valid and what they cost, said a second time and without regard to speed, and the
//! best state by trying all of them. It shares no code with the resolver.

mod cost;
mod model;
mod order;
mod search;
mod valid;
pub(crate) mod version;

pub(crate) use cost::Cost;
pub(crate) use model::{Model, State, members, state};
pub(crate) use order::order_faults;
