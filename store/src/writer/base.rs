//! What the machine's directories are compared with when they follow a switch.

use std::collections::HashMap;

use super::Writer;
use crate::error::Error;
use crate::lists::Lists;
use crate::record::Record;
use crate::root::Root;

/// What the machine's directories are compared with: the live generation, or, when they have not followed an
/// earlier switch yet, the one before that.
pub(super) struct Base {
    pub(super) is_live: bool,
    from: Option<u64>,
    record: Option<Record>,
}

impl Base {
    pub(super) fn of(writer: &Writer<'_>) -> Result<Base, Error> {
        let machine = &writer.unfinished.machine;
        let from = machine.as_ref().and_then(|row| row.from);
        let record = match from.map(|from| writer.root.record(from)).transpose() {
            Ok(record) => record.map(|(record, _)| record),
            Err(Error::NoGeneration(_)) => None,
            Err(error) => return Err(error),
        };
        Ok(Base { is_live: machine.is_none(), from, record })
    }

    /// Its packages, when it is not the live generation.
    pub(super) fn lists(&self, root: &Root) -> Result<Option<Lists<'_>>, Error> {
        self.record.as_ref().map(|record| Lists::of(root, record, &HashMap::new())).transpose()
    }

    pub(super) fn number(&self, live: Option<u64>) -> Option<u64> {
        if self.is_live { live } else { self.from }
    }
}
