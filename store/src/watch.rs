//! The steps of a transaction, as others see them go by.

/// A point in a transaction, told to whoever watches: for progress, and for tests that stop there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The lock is held, and what an earlier crash left is put right.
    Locked,
    /// One object is stored (or known).
    Object,
    /// All objects are written.
    Objects,
    /// One entry of the tree is made.
    TreeEntry,
    /// The tree is complete, under `work/`.
    Tree,
    /// The record is written.
    Record,
    /// The tree has its final name.
    Named,
    /// Everything so far is durable.
    Synced,
    /// The database knows the generation.
    Committed,
    /// The names at the root's top are there.
    TopLinks,
    /// The link names the new generation: it is live.
    Switched,
    /// The machine's directories have followed.
    Machine,
    /// Nothing is left to do.
    Finished,
}

/// Watches a transaction, and may ask it to stop.
pub trait Watch: Sync {
    /// A step was reached.
    fn step(&self, _step: Step) {}

    /// Whether to stop. Asked often; heeded before the commit, never after.
    fn cancelled(&self) -> bool {
        false
    }
}
