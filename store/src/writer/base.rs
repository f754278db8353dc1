//! What the machine's directories are compared with when they follow a switch.

use std::collections::HashMap;

use super::Writer;
use crate::error::Error;
use crate::lists::Lists;
use crate::record::Record;
use crate::tree::Tree;

/// What the machine's directories are compared with: the live generation, or, when they have not followed an
/// earlier switch yet, the one before that.
pub(super) struct Base<'m> {
    pub(super) is_live: bool,
    from: Option<u64>,
    record: Option<Record>,
    lists: Lists<'m>,
}

impl Base<'_> {
    pub(super) fn load(writer: &Writer<'_>) -> Result<Self, Error> {
        let record = match writer.unfinished.machine.as_ref().and_then(|row| row.from) {
            Some(from) => match writer.root.record(from) {
                Ok((record, _)) => Some(record),
                Err(Error::NoGeneration(_)) => None,
                Err(error) => return Err(error),
            },
            None => None,
        };
        let packages = record.as_ref().map(|record| record.packages.as_slice());
        let lists = Lists::load(writer.root, packages, &HashMap::new())?;
        let machine = &writer.unfinished.machine;
        let from = machine.as_ref().and_then(|row| row.from);
        Ok(Base { is_live: machine.is_none(), from, record, lists })
    }

    pub(super) fn tree(&self) -> Result<Option<Tree<'_>>, Error> {
        self.record
            .as_ref()
            .map(|record| Tree::merge(self.lists.contents(&[]), &record.overwrites))
            .transpose()
    }

    pub(super) fn number(&self, live: Option<u64>) -> Option<u64> {
        if self.is_live { live } else { self.from }
    }
}
