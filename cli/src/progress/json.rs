//! Progress as JSON events, one a line (`docs/json.md`).

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use ambar::{Event, Step};
use serde_json::{Value, json};

use super::{Show, step_name};

/// At least so much time lies between two events that only count.
const PACE: Duration = Duration::from_millis(100);

/// Sums of what comes too often to be told each time.
#[derive(Default)]
struct Sums {
    bytes: u64,
    objects: u64,
    entries: u64,
    /// What was told last, of each.
    told: (u64, u64, u64),
    at: Option<Instant>,
}

#[derive(Default)]
pub(super) struct Json {
    sums: Mutex<Sums>,
}

impl Sums {
    /// The events that the sums have become since they were told.
    fn due(&mut self) -> Vec<Value> {
        let mut events = Vec::new();
        if self.bytes > self.told.0 {
            events.push(json!({ "event": "stored", "bytes": self.bytes }));
        }
        if self.objects > self.told.1 {
            events.push(json!({ "event": "objects", "objects": self.objects }));
        }
        if self.entries > self.told.2 {
            events.push(json!({ "event": "entries", "entries": self.entries }));
        }
        self.told = (self.bytes, self.objects, self.entries);
        events
    }

    fn paced(&mut self) -> Vec<Value> {
        if self.at.is_some_and(|at| at.elapsed() < PACE) {
            return Vec::new();
        }
        self.at = Some(Instant::now());
        self.due()
    }
}

impl Show for Json {
    fn event(&self, event: Event<'_>) {
        let mut sums = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let events = match event {
            Event::Begin { packages, bytes } => {
                vec![json!({ "event": "begin", "packages": packages, "bytes": bytes })]
            }
            Event::Package { name } => vec![json!({ "event": "package", "name": name })],
            Event::Stored { bytes } => {
                sums.bytes += bytes;
                sums.paced()
            }
            Event::Step(Step::Object) => {
                sums.objects += 1;
                sums.paced()
            }
            Event::Step(Step::TreeEntry) => {
                sums.entries += 1;
                sums.paced()
            }
            Event::Step(step) => {
                let mut events = sums.due();
                events.push(json!({ "event": "step", "step": step_name(step) }));
                events
            }
            _ => return,
        };
        write(&events);
    }

    fn end(&self) {
        write(&self.sums.lock().unwrap_or_else(PoisonError::into_inner).due());
    }
}

fn write(events: &[Value]) {
    let lines: String = events.iter().map(|event| format!("{event}\n")).collect();
    // Progress that nobody reads is no reason to stop.
    drop(std::io::stderr().lock().write_all(lines.as_bytes()));
}
