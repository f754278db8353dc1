//! Paths that several packages have: what they share, and whose the rest is.

use ambar_pkgfmt::{Digest, Instance, Node, PayloadPath};

use super::{Contents, NodeId, Tree};
use crate::error::{Clash, PathConflict};
use crate::record::Overwrite;

/// A path that several packages have.
#[derive(Debug)]
pub(super) struct Claim {
    pub(super) node: NodeId,
    pub(super) path: PayloadPath,
    /// Package and entry of each, in order of the packages; at least two.
    pub(super) sources: Vec<(u32, u32)>,
}

impl Tree<'_> {
    /// The one package that declares that it overwrites all others that have a path.
    fn declared_owner(&self, sources: &[(u32, u32)]) -> Option<(u32, u32)> {
        let manifest = |source: &(u32, u32)| self.packages[source.0 as usize].manifest;
        let over_all = |source: &&(u32, u32)| {
            let mut others = sources.iter().filter(|other| other != source);
            others.all(|other| manifest(source).overwrites(manifest(other)))
        };
        let mut owners = sources.iter().filter(over_all);
        // Two that overwrite each other have not said whose it is.
        owners.next().copied().filter(|_| owners.next().is_none())
    }

    /// Gives a path that several packages have to one of them: the one that is told to take it now, or the
    /// one that was chosen before among all who have it, or the one that declares that it overwrites the others.
    /// What [is shared](Self::is_shared) wants no choice.
    pub(super) fn settle(
        &mut self,
        claim: &Claim,
        recorded: Option<&Overwrite>,
    ) -> Result<Option<Overwrite>, PathConflict> {
        let name = |source: &(u32, u32)| &self.instances[source.0 as usize];
        let refuse = |a: &(u32, u32), b: &(u32, u32), clash| {
            let [first, second] = [a, b].map(|source| name(source).to_string());
            Err(PathConflict { path: claim.path.clone(), first, second, clash })
        };
        // In order: two of one package are beside each other.
        if let Some(pair) = claim.sources.windows(2).find(|pair| pair[0].0 == pair[1].0) {
            return refuse(&pair[0], &pair[1], Clash::Both);
        }
        // One of those who share an entry speaks for all of them.
        let mut sources: Vec<(u32, u32)> = Vec::new();
        for source in &claim.sources {
            match sources.iter_mut().find(|known| self.is_shared(**known, *source)) {
                // One that is read already tells more than a list.
                Some(known) if self.packages[known.0 as usize].listed => *known = *source,
                Some(_) => {}
                None => sources.push(*source),
            }
        }
        if let [only] = sources[..] {
            let others = claim.sources.iter().filter(|source| **source != only);
            self.shared.insert(claim.node, others.map(|(package, _)| *package).collect());
            self.nodes[claim.node.0 as usize].source = Some(only);
            return Ok(None);
        }
        let takers: Vec<&(u32, u32)> =
            sources.iter().filter(|source| self.packages[source.0 as usize].overwrites).collect();
        let settled = |source: &&(u32, u32)| {
            recorded.is_some_and(|choice| {
                let name = name(source);
                choice.winner.excludes(name) || choice.others.iter().any(|other| other.excludes(name))
            })
        };
        let winner = match takers[..] {
            [taker] => *taker,
            // Nobody has said which of them is to have it.
            [a, b, ..] => return refuse(a, b, Clash::BothTake),
            [] => {
                let newcomer = sources.iter().rev().find(|source| !settled(source));
                let declared = newcomer.and_then(|_| self.declared_owner(&sources));
                if let Some(newcomer) = newcomer.filter(|_| declared.is_none()) {
                    let other = sources.iter().find(|other| *other != newcomer).unwrap_or(newcomer);
                    return refuse(other, newcomer, Clash::Both);
                }
                let won = |test: &dyn Fn(&Instance, &Instance) -> bool| {
                    let winner = recorded.map(|choice| &choice.winner)?;
                    sources.iter().find(|source| test(winner, name(source))).copied()
                };
                // When one of those who shared an entry is gone, it is another's of them.
                let chosen = won(&Instance::excludes).or_else(|| won(&Instance::is_sibling));
                declared.or(chosen).unwrap_or(sources[0])
            }
        };
        let mut others: Vec<Instance> = claim
            .sources
            .iter()
            .filter(|source| **source != winner)
            .map(|source| name(source).clone())
            .collect();
        others.sort();
        let choice = Overwrite { path: claim.path.clone(), winner: name(&winner).clone(), others };
        self.nodes[claim.node.0 as usize].source = Some(winner);
        Ok(Some(choice))
    }

    /// Whether two packages have one entry together: they are one package in two architectures that can be beside
    /// each other, and what they have there is the same. That is how dpkg has it.
    fn is_shared(&self, a: (u32, u32), b: (u32, u32)) -> bool {
        let [one, other] = [a, b].map(|source| &self.instances[source.0 as usize]);
        one.is_sibling(other) && one.arch != other.arch && self.is_equal(a, b)
    }

    /// Whether two entries come to the same on disk. Of a list that is as far as it tells: where it does not say a
    /// file's digest, the size decides.
    fn is_equal(&self, a: (u32, u32), b: (u32, u32)) -> bool {
        const UNKNOWN: Digest = Digest([0; 32]);
        let [from, to] = [a, b].map(|source| self.packages[source.0 as usize]);
        let (one, other) = (self.entry_of(a), self.entry_of(b));
        let unknown = |package: Contents<'_>, digest: &Digest| package.listed && *digest == UNKNOWN;
        let nodes = match (&one.node, &other.node) {
            (Node::File { size, digest }, Node::File { size: other_size, digest: other_digest }) => {
                let digests = digest == other_digest || unknown(from, digest) || unknown(to, other_digest);
                size == other_size && digests
            }
            (one, other) => one == other,
        };
        nodes
            && if from.listed || to.listed {
                (one.mode, one.uid, one.gid) == (other.mode, other.uid, other.gid)
            } else {
                let (a, b) = (from.profile.metadata(one), to.profile.metadata(other));
                // The time matters only where the package says that it does.
                let times = !(one.keep_mtime || other.keep_mtime) || a.mtime == b.mtime;
                times
                    && one.config == other.config
                    && (a.mode, a.owner, a.xattrs) == (b.mode, b.owner, b.xattrs)
            }
    }
}
