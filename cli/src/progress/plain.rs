//! Progress as lines, for logs.

use std::io::Write;
use std::sync::atomic::{AtomicU64, Ordering};

use ambar::Event;

use super::{Show, step_words};
use crate::text::{count, shown, size};

/// A line for each package and each step that is worth telling.
#[derive(Default)]
pub(super) struct Plain {
    stored: AtomicU64,
}

impl Show for Plain {
    fn event(&self, event: Event<'_>) {
        let line = match event {
            Event::Begin { packages, bytes } => {
                format!("storing {} of content from {}", size(bytes), count(packages, "package"))
            }
            Event::Package { name } => format!("reading {}", shown(name)),
            Event::Stored { bytes } => {
                self.stored.fetch_add(bytes, Ordering::Relaxed);
                return;
            }
            Event::Step(step) => match step_words(step) {
                Some(words) => words.to_owned(),
                None => return,
            },
            _ => return,
        };
        // Progress that nobody reads is no reason to stop.
        drop(writeln!(std::io::stderr(), "{line}"));
    }

    fn end(&self) {
        let stored = self.stored.load(Ordering::Relaxed);
        if stored > 0 {
            drop(writeln!(std::io::stderr(), "{} read in all", size(stored)));
        }
    }
}
