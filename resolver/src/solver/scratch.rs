//! The arrays of a search that are as long as the world: kept between searches, and cleaned where they were used.

use super::Solver;

/// Arrays in which everything is zero, but for `stamps`.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(super) slots: Vec<[u32; 4]>,
    pub(super) watched: Vec<u32>,
    pub(super) clause_at: Vec<u32>,
    pub(super) seen: Vec<bool>,
    pub(super) names: Vec<u32>,
    pub(super) stamps: Vec<u32>,
    /// The greatest of `stamps`.
    pub(super) stamp: u32,
    pub(super) known: Vec<u32>,
}

impl Scratch {
    pub(crate) fn new(variables: usize, clauses: usize, names: usize) -> Scratch {
        Scratch {
            slots: vec![[0; 4]; variables],
            watched: vec![0; variables * 2],
            clause_at: vec![0; clauses],
            seen: vec![false; variables],
            names: vec![0; names],
            stamps: vec![0; names],
            stamp: 0,
            known: vec![0; variables],
        }
    }
}

impl Drop for Solver<'_> {
    fn drop(&mut self) {
        self.back_to(0);
        for lit in &self.trail {
            self.slots[(lit >> 1) as usize] = [0; 4];
            let var = lit >> 1;
            if var < self.world.len() {
                self.costs.names[self.world.name_of(var) as usize] = 0;
            }
        }
        let mut at = 1;
        while let Some(length) = self.arena.get(at) {
            let next = at + 2 + *length as usize;
            for lit in &self.arena[at + 2..next] {
                self.watched[*lit as usize] = 0;
            }
            at = next;
        }
        for (_, package) in &self.costs.table {
            self.costs.known[*package as usize] = 0;
        }
        for clause in &self.placed {
            self.clause_at[*clause as usize] = 0;
        }
        self.world.give_scratch(Scratch {
            slots: std::mem::take(&mut self.slots),
            watched: std::mem::take(&mut self.watched),
            clause_at: std::mem::take(&mut self.clause_at),
            seen: std::mem::take(&mut self.seen),
            names: std::mem::take(&mut self.costs.names),
            stamps: std::mem::take(&mut self.costs.stamps),
            stamp: self.costs.stamp,
            known: std::mem::take(&mut self.costs.known),
        });
    }
}
