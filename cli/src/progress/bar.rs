//! Progress as a bar on the terminal.

use ambar::{Event, Step};
use indicatif::{ProgressBar, ProgressStyle};

use super::{Show, step_words};
use crate::text::shown;

/// A bar over the bytes that packages declare.
pub(super) struct Bar(ProgressBar);

impl Bar {
    pub(super) fn new() -> Bar {
        let bar = ProgressBar::no_length();
        let template = "{bar:30} {bytes:>10} of {total_bytes}  {wide_msg}";
        bar.set_style(
            ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar()),
        );
        Bar(bar)
    }
}

impl Show for Bar {
    fn event(&self, event: Event<'_>) {
        match event {
            Event::Begin { bytes, .. } => self.0.set_length(bytes),
            Event::Package { name } => self.0.set_message(shown(name)),
            Event::Stored { bytes } => self.0.inc(bytes),
            Event::Step(Step::Object | Step::TreeEntry) => self.0.tick(),
            Event::Step(step) => {
                if let Some(words) = step_words(step) {
                    self.0.set_message(words);
                }
            }
            _ => {}
        }
    }

    fn end(&self) {
        self.0.finish_and_clear();
    }
}
