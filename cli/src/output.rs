//! Standard output and error. With `--json`, standard output gets exactly one object, at the end.

use std::cell::{Cell, RefCell};
use std::io::{self, IsTerminal, Write};

use serde_json::{Value, json};

use crate::style::{Painter, Style, When};
use crate::text::shown_lines;
use crate::{Answer, Done, PENDING};

/// Version of the objects that `--json` prints.
const SCHEMA: u64 = 1;

/// Where a command writes to.
#[derive(Debug)]
pub(crate) struct Output {
    json: bool,
    out: Painter,
    err: Painter,
    /// Writing has failed: nothing more is written, and nothing that is under way is disturbed.
    broken: RefCell<Option<io::Error>>,
    /// Something was changed, so that failing to tell about it is no failure.
    changed: Cell<bool>,
}

impl Output {
    pub(crate) fn new(json: bool, colour: When) -> Output {
        Output {
            json,
            out: colour.on(&io::stdout()),
            err: colour.on(&io::stderr()),
            broken: RefCell::new(None),
            changed: Cell::new(false),
        }
    }

    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    pub(crate) fn out_style(&self) -> Painter {
        self.out
    }

    pub(crate) fn err_style(&self) -> Painter {
        self.err
    }

    /// Whether anybody still reads standard output.
    pub(crate) fn is_broken(&self) -> bool {
        self.broken.borrow().is_some()
    }

    pub(crate) fn is_terminal(&self) -> bool {
        !self.json && io::stdout().is_terminal()
    }

    /// Remembers that the command has changed something.
    pub(crate) fn set_changed(&self) {
        self.changed.set(true);
    }

    /// Writes text as it is, for people only.
    pub(crate) fn print(&self, text: &str) {
        if !self.json {
            self.write(text.as_bytes());
        }
    }

    /// Writes a line, for people only.
    pub(crate) fn line(&self, text: &str) {
        self.print(&format!("{text}\n"));
    }

    /// Writes a line to standard error, for people only.
    pub(crate) fn remark(&self, text: &str) {
        if !self.json {
            // Nobody can be told when this fails.
            drop(writeln!(io::stderr(), "{}", shown_lines(text)));
        }
    }

    fn write(&self, bytes: &[u8]) {
        if self.is_broken() {
            return;
        }
        let mut out = io::stdout().lock();
        if let Err(error) = out.write_all(bytes).and_then(|()| out.flush()) {
            *self.broken.borrow_mut() = Some(error);
        }
    }

    /// Ends a command: writes the object or the error, and returns the exit code.
    pub(crate) fn finish(&self, command: &str, done: Done) -> u8 {
        if self.json {
            self.write(format!("{}\n", envelope(command, &done)).as_bytes());
        }
        let code = match &done {
            Ok(Answer { pending: true, .. }) => PENDING,
            Ok(_) => 0,
            Err(failure) => {
                if !self.json {
                    drop(writeln!(
                        io::stderr(),
                        "{} {}",
                        self.err.paint(Style::Bad, "ambar:"),
                        failure.for_people()
                    ));
                }
                failure.code()
            }
        };
        match &*self.broken.borrow() {
            Some(error) if error.kind() != io::ErrorKind::BrokenPipe => {
                drop(writeln!(io::stderr(), "ambar: cannot write to standard output: {error}"));
                if code == 0 && !self.changed.get() { ambar::Class::Failed as u8 } else { code }
            }
            _ => code,
        }
    }
}

/// The object that `--json` prints.
pub(crate) fn envelope(command: &str, done: &Done) -> Value {
    let mut object = json!({
        "schema": SCHEMA,
        "command": (!command.is_empty()).then_some(command),
        "ok": done.is_ok(),
    });
    match done {
        Ok(answer) => object["result"] = answer.result.clone(),
        Err(failure) => {
            object["error"] = failure.to_json();
            if let Some(result) = failure.result() {
                object["result"] = result.clone();
            }
        }
    }
    object
}
