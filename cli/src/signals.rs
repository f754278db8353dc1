//! Interrupts: the first asks the transaction to stop cleanly, the second ends the process at once. Either is
//! safe at every moment.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;

static CANCELLED: OnceLock<Arc<AtomicBool>> = OnceLock::new();

/// From now on an interrupt is remembered instead of ending the process. What only reads, or waits for an
/// answer, does not call this and just ends.
pub(crate) fn catch() {
    CANCELLED.get_or_init(|| {
        let cancelled = Arc::new(AtomicBool::new(false));
        for signal in [SIGINT, SIGTERM] {
            // The order matters: the flag is still unset when the first signal comes. Where a handler cannot
            // be had, the signal ends the process, which is safe too.
            drop(flag::register_conditional_default(signal, Arc::clone(&cancelled)));
            drop(flag::register(signal, Arc::clone(&cancelled)));
        }
        cancelled
    });
}

/// Whether an interrupt has come.
pub(crate) fn cancelled() -> bool {
    CANCELLED.get().is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
}
