//! Progress, told to whoever watches. The library never prints and never asks: it reports through this
//! trait, and questions are data in the plan.

use ambar_pkgfmt::Draft;
use ambar_store::{Step, Watch};

/// Something that has happened during a transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event<'e> {
    /// Storing begins: so many packages, which declare so many bytes of content.
    Begin {
        /// Number of packages whose content is read.
        packages: u64,
        /// Bytes that they declare.
        bytes: u64,
    },
    /// A package's content is being read.
    Package {
        /// Its name.
        name: &'e str,
    },
    /// So many more bytes of content are stored (or known).
    Stored {
        /// Bytes since the last such event.
        bytes: u64,
    },
    /// A step of the protocol is done.
    Step(Step),
}

/// Watches a transaction, from any thread.
pub trait Observer: Sync {
    /// Something has happened.
    fn event(&self, _event: Event<'_>) {}

    /// Whether to stop. Asked often, heeded at every moment before the commit; what has been done by then is
    /// undone.
    fn cancelled(&self) -> bool {
        false
    }
}

/// Watches nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Silent;

impl Observer for Silent {}

/// Tells that the content of one package is going to be read.
pub(crate) fn begin(observer: &dyn Observer, package: &Draft) {
    observer.event(Event::Begin { packages: 1, bytes: package.declared_size() });
    observer.event(Event::Package { name: &package.manifest.name });
}

/// An observer as the store's watch.
pub(crate) struct Watching<'o>(pub(crate) &'o dyn Observer);

impl Watch for Watching<'_> {
    fn step(&self, step: Step) {
        self.0.event(Event::Step(step));
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
