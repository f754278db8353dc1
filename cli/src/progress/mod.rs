//! Progress on standard error: a bar, lines, or JSON events.

mod bar;
mod json;
mod plain;

use std::io::IsTerminal;

use ambar::{Event, Observer, Step};

use crate::args::Progress;
use crate::context::Context;
use crate::signals;

/// Shows events as they come, from any thread.
trait Show: Sync + Send {
    fn event(&self, event: Event<'_>);

    /// Nothing more will come.
    fn end(&self) {}
}

/// What a command watches its transaction with: progress, and interrupts.
pub(crate) struct Watcher {
    show: Option<Box<dyn Show>>,
}

impl Watcher {
    /// The watcher that the command line asks for. From now on an interrupt cancels.
    pub(crate) fn new(context: &Context) -> Watcher {
        signals::catch();
        let on_terminal = std::io::stderr().is_terminal();
        let show: Option<Box<dyn Show>> = match context.progress() {
            Progress::Auto if on_terminal && !context.output().is_json() => Some(Box::new(bar::Bar::new())),
            Progress::Auto | Progress::None => None,
            Progress::Bar => Some(Box::new(bar::Bar::new())),
            Progress::Plain => Some(Box::new(plain::Plain::default())),
            Progress::Json => Some(Box::new(json::Json::default())),
        };
        Watcher { show }
    }
}

impl Observer for Watcher {
    fn event(&self, event: Event<'_>) {
        if let Some(show) = &self.show {
            show.event(event);
        }
    }

    fn cancelled(&self) -> bool {
        signals::cancelled()
    }
}

impl Drop for Watcher {
    fn drop(&mut self) {
        if let Some(show) = &self.show {
            show.end();
        }
    }
}

/// A step's name, for machines.
fn step_name(step: Step) -> &'static str {
    match step {
        Step::Locked => "locked",
        Step::Object => "object",
        Step::Objects => "objects",
        Step::TreeEntry => "tree-entry",
        Step::Tree => "tree",
        Step::Record => "record",
        Step::Named => "named",
        Step::Synced => "synced",
        Step::Committed => "committed",
        Step::TopLinks => "top-links",
        Step::Switched => "switched",
        Step::Machine => "machine",
        Step::Finished => "finished",
    }
}

/// A step in words, where it is worth telling people.
fn step_words(step: Step) -> Option<&'static str> {
    Some(match step {
        Step::Objects => "content is stored",
        Step::Tree => "the tree is built",
        Step::Synced => "everything is durable",
        Step::Switched => "the new generation is live",
        _ => return None,
    })
}
