//! Progress as a bar on the terminal.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ambar::{Event, Step};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Show, step_words};
use crate::text::{count, shown};

/// A bar over the bytes that packages declare; until they are known, or where nothing is stored, a count of
/// objects.
pub(super) struct Bar {
    bar: ProgressBar,
    begun: AtomicBool,
    objects: AtomicU64,
}

impl Bar {
    pub(super) fn new() -> Bar {
        let bar = ProgressBar::no_length();
        bar.set_style(style("{spinner} {wide_msg}"));
        Bar { bar, begun: AtomicBool::new(false), objects: AtomicU64::new(0) }
    }
}

impl Show for Bar {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Begin { bytes, .. } => {
                self.begun.store(true, Ordering::Relaxed);
                self.bar.set_style(style("{bar:30} {bytes:>10} of {total_bytes}  {wide_msg}"));
                self.bar.set_length(bytes);
            }
            Event::Package { name } => self.bar.set_message(shown(name)),
            Event::Stored { bytes } => self.bar.inc(bytes),
            Event::Step(Step::Object) if !self.begun.load(Ordering::Relaxed) => {
                let objects = self.objects.fetch_add(1, Ordering::Relaxed) + 1;
                if objects.is_multiple_of(64) {
                    self.bar.set_message(count(objects, "object"));
                }
            }
            Event::Step(Step::Object | Step::TreeEntry) => self.bar.tick(),
            Event::Step(step) => {
                if let Some(words) = step_words(step) {
                    self.bar.set_message(words);
                }
            }
            _ => {}
        }
    }

    fn end(&self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}
