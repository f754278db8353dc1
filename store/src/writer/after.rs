//! Step 6: what follows the switch.

use super::{Switched, Writer};
use crate::db::Changes;
use crate::error::Error;
use crate::root::Root;
use crate::tree::Tree;
use crate::watch::{Step, Watch};
use crate::{machine, top};

impl Writer<'_> {
    /// Step 6: what can only follow the switch. Whatever fails stays pending and is done by the next writer.
    pub(super) fn after_switch(
        &self,
        changes: &Changes,
        top_names: &[Vec<u8>],
        from: Option<&Tree<'_>>,
        to: &Tree<'_>,
        outcome: &mut Switched,
        watch: &dyn Watch,
    ) {
        if changes.generation.as_ref().is_some_and(|change| change.pending.is_some()) {
            match machine::apply(self.root, from, to, false) {
                Ok(notes) => {
                    outcome.notes.extend(notes);
                    outcome.note(finish_pending(self.root, outcome.generation));
                }
                Err(error) => outcome.note(Err(error)),
            }
        }
        watch.step(Step::Machine);
        outcome.note(top::remove_stale_links(self.root.top(), top_names));
        outcome.note(self.mark_swept());
        outcome.note(crate::in_use::close_others(self.root, outcome.generation));
        // What is pending may need the generation that was left; nothing is thrown away before it is done.
        if outcome.pending.is_empty() {
            if self.root.config().keep > 0 {
                outcome.note(crate::gc::apply_policy(self.root));
            }
            outcome.note(crate::recover::empty_trash(self.root));
        }
        watch.step(Step::Finished);
    }
}

/// Takes note that the pending work of a generation is done and durable.
pub(crate) fn finish_pending(root: &Root, generation: u64) -> Result<(), Error> {
    let writing = root.store().db().write()?;
    writing.finish_pending(root.id(), generation)?;
    writing.commit()
}
