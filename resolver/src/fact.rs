//! What a contradiction consists of.

/// One thing that holds, and that an explanation may name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Fact {
    /// The job of that number is asked for.
    Job(u32),
    /// An installed package stays, or something takes its place.
    Keep(u32),
    /// An installed package is held as it is.
    Held(u32),
    /// A package is older than the installed one, and nobody agreed to that.
    Older(u32),
    /// A package must not be newly installed: the exclusion of that number.
    Excluded(u32),
    /// A package is marked as not to be newly installed.
    Disabled(u32),
    /// Nothing but what is asked for is newly installed.
    Frozen(u32),
    /// A clause of a package.
    Clause(u32),
    /// A package has an atom among its conflicts.
    Conflict(u32, u32),
    /// Two packages are versions of one.
    Twins(u32, u32),
}
