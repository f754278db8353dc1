//! Positions by owner, as lists one after another.

/// Positions by owner: those of an owner stand together, in their order.
pub(crate) struct Groups {
    /// Where those of each owner start; the last one's end.
    pub(crate) starts: Vec<u32>,
    pub(crate) positions: Vec<u32>,
}

impl Groups {
    /// Groups of `count` owners. Positions whose owner is no owner are left out.
    pub(crate) fn new(count: usize, owners: impl Iterator<Item = u32> + Clone) -> Groups {
        // Counted one further than they are wanted: handing out places moves each start to the next one.
        let mut starts = vec![0_u32; count + 2];
        for owner in owners.clone().filter(|owner| (*owner as usize) < count) {
            starts[owner as usize + 2] += 1;
        }
        for owner in 0..=count {
            starts[owner + 1] += starts[owner];
        }
        let mut positions = vec![0; starts[count + 1] as usize];
        for (position, owner) in owners.enumerate().filter(|(_, owner)| (*owner as usize) < count) {
            let next = &mut starts[owner as usize + 1];
            positions[*next as usize] = position as u32;
            *next += 1;
        }
        starts.truncate(count + 1);
        Groups { starts, positions }
    }

    fn range(&self, owner: usize) -> std::ops::Range<usize> {
        self.starts[owner] as usize..self.starts[owner + 1] as usize
    }

    pub(crate) fn of(&self, owner: u32) -> &[u32] {
        &self.positions[self.range(owner as usize)]
    }

    /// Sorts those of each owner; of two that compare equal, the lower position comes first.
    pub(crate) fn sort_each(&mut self, mut compare: impl FnMut(u32, u32) -> std::cmp::Ordering) {
        for owner in 0..self.starts.len() - 1 {
            let range = self.range(owner);
            if range.len() > 1 {
                self.positions[range].sort_unstable_by(|a, b| compare(*a, *b).then(a.cmp(b)));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_keep_the_order_within_an_owner() {
        let owners = [2, 0, 2, 9, 1, 0, 2];
        let mut groups = Groups::new(4, owners.into_iter());
        assert_eq!(groups.starts, [0, 2, 3, 6, 6]);
        assert_eq!(groups.of(0), [1, 5]);
        assert_eq!(groups.of(2), [0, 2, 6]);
        assert!(groups.of(3).is_empty());
        groups.sort_each(|a, b| b.cmp(&a));
        assert_eq!(groups.positions, [5, 1, 4, 6, 2, 0]);
    }
}
