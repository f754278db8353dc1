//! The tree of a generation as a plan: which entry of which package is at each path, before anything is on
//! disk. All conflicts are found here.

mod claim;

use std::collections::BTreeMap;

use ambar_pkgfmt::{Entry, Instance, Manifest, Node, PayloadPath};

use crate::error::{Clash, Error, PathConflict};
use crate::object::{ObjectId, Profile};
use crate::record::Overwrite;
use crate::resolve::Resolver;
use claim::Claim;

/// Names at the top that belong to the machine, not to a generation.
pub const MACHINE: [&str; 13] =
    ["boot", "dev", "home", "media", "mnt", "proc", "root", "run", "srv", "sys", "tmp", "var", ".ambar"];

/// A package as a tree sees it.
#[derive(Debug, Clone, Copy)]
pub struct Contents<'a> {
    /// What it contains.
    pub manifest: &'a Manifest,
    /// How its metadata goes to disk.
    pub profile: Profile,
    /// Whether it takes paths that another package has (`--overwrite`).
    pub overwrites: bool,
    /// Whether it is only what a file list promises: the digests of its files may be unknown, all zero.
    pub listed: bool,
}

/// The tree of a generation: an arena of nodes, of which 0 is the top.
#[derive(Debug)]
pub struct Tree<'a> {
    packages: Vec<Contents<'a>>,
    /// What names each of them.
    instances: Vec<Instance>,
    nodes: Vec<TreeNode>,
    /// Paths that several packages have, and which of them was chosen; sorted by path.
    pub overwrites: Vec<Overwrite>,
    /// Packages that share an entry with the one that it is from ([`Tree::is_shared`]).
    shared: BTreeMap<NodeId, Vec<u32>>,
    /// What people should see: directories that packages disagree about.
    pub notes: Vec<String>,
}

/// Position of a node in its tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct NodeId(u32);

#[derive(Debug)]
struct TreeNode {
    /// The entry: package and position in its manifest. A directory that no package declares has none.
    source: Option<(u32, u32)>,
    /// Children by name, for directories.
    children: Option<BTreeMap<Box<[u8]>, NodeId>>,
}

/// What the tree has at one path.
#[derive(Debug, Clone, Copy)]
pub struct Placed<'t, 'a> {
    tree: &'t Tree<'a>,
    id: NodeId,
}

impl<'a> Tree<'a> {
    /// The top of every tree.
    const TOP: NodeId = NodeId(0);

    /// Merges packages into one tree. `packages` are in order of their instances; `overwrites` are those of the
    /// generation before.
    ///
    /// # Errors
    /// [`Error::Conflict`] with every path that two packages claim, or [`Error::Unplaceable`].
    pub fn merge(packages: Vec<Contents<'a>>, overwrites: &[Overwrite]) -> Result<Tree<'a>, Error> {
        let links = packages.iter().flat_map(|package| &package.manifest.entries).filter_map(|entry| {
            match &entry.node {
                Node::Symlink { target } => Some((entry.path.as_bytes(), target.as_slice())),
                _ => None,
            }
        });
        let mut resolver = Resolver::new(links).map_err(|reason| unplaceable_any(&packages, reason))?;
        let top = TreeNode { source: None, children: Some(BTreeMap::new()) };
        let instances = packages.iter().map(|package| package.manifest.instance()).collect();
        let mut tree = Tree {
            packages,
            instances,
            nodes: vec![top],
            overwrites: Vec::new(),
            shared: BTreeMap::new(),
            notes: Vec::new(),
        };
        let mut conflicts = Vec::new();
        let mut claims = BTreeMap::new();
        for package in 0..tree.packages.len() {
            for entry in 0..tree.packages[package].manifest.entries.len() {
                tree.insert((package as u32, entry as u32), &mut resolver, &mut claims, &mut conflicts)?;
            }
        }
        for claim in claims.into_values() {
            let recorded = overwrites.iter().find(|choice| choice.path == claim.path);
            match tree.settle(&claim, recorded) {
                Ok(choice) => tree.overwrites.extend(choice),
                Err(conflict) => conflicts.push(conflict),
            }
        }
        tree.overwrites.sort_by(|a, b| a.path.cmp(&b.path));
        conflicts.sort_by(|a, b| a.path.cmp(&b.path));
        if conflicts.is_empty() { Ok(tree) } else { Err(Error::Conflict(conflicts)) }
    }

    fn insert(
        &mut self,
        source: (u32, u32),
        resolver: &mut Resolver,
        claims: &mut BTreeMap<NodeId, Claim>,
        conflicts: &mut Vec<PathConflict>,
    ) -> Result<(), Error> {
        let contents = self.packages[source.0 as usize];
        let entry = &contents.manifest.entries[source.1 as usize];
        let package = self.instances[source.0 as usize].to_string();
        let unplaceable =
            |reason| Error::Unplaceable { package: package.clone(), path: entry.path.clone(), reason };
        let is_dir = matches!(entry.node, Node::Directory);
        // A directory may lie over a link to one: `lib` in a package, `lib → usr/lib` in another.
        let place = if is_dir {
            resolver.directory(entry.path.as_bytes())
        } else {
            resolver.place(entry.path.as_bytes())
        };
        let place = place.map_err(unplaceable)?;
        if place.is_empty() {
            return Ok(());
        }
        let path =
            PayloadPath::new(&place).map_err(|_| unplaceable("it is too deep once links are followed"))?;
        if path.starts_with(b".ambar") {
            return Err(unplaceable("the name is ambar's own"));
        }
        let is_top = path.parent().is_none();
        if is_top && !is_dir && (is_machine(path.as_bytes()) || path.as_bytes() == b"etc") {
            return Err(unplaceable("the name belongs to the machine and can only be a directory"));
        }
        let conflict = |first: &Tree<'_>, other: NodeId| PathConflict {
            path: path.clone(),
            first: first.owner_name(other),
            second: package.clone(),
            clash: Clash::Kind,
        };
        let mut at = Tree::TOP;
        let mut components = path.components().peekable();
        while let Some(component) = components.next() {
            let last = components.peek().is_none();
            let known = self.children(at).and_then(|children| children.get(component)).copied();
            match (known, last) {
                (Some(child), false) => {
                    if self.children(child).is_none() {
                        conflicts.push(conflict(self, child));
                        return Ok(());
                    }
                    at = child;
                }
                (Some(child), true) => {
                    self.meet(child, source, &path, claims, conflicts);
                    return Ok(());
                }
                (None, _) => {
                    let children = (is_dir || !last).then(BTreeMap::new);
                    let id = NodeId(self.nodes.len() as u32);
                    self.nodes.push(TreeNode { source: last.then_some(source), children });
                    if let Some(children) = &mut self.nodes[at.0 as usize].children {
                        children.insert(component.into(), id);
                    }
                    at = id;
                }
            }
        }
        Ok(())
    }

    /// A second claim on a path.
    fn meet(
        &mut self,
        there: NodeId,
        source: (u32, u32),
        path: &PayloadPath,
        claims: &mut BTreeMap<NodeId, Claim>,
        conflicts: &mut Vec<PathConflict>,
    ) {
        let entry = self.entry_of(source);
        let is_dir = matches!(entry.node, Node::Directory);
        let node = &self.nodes[there.0 as usize];
        match (node.children.is_some(), is_dir) {
            (true, true) => match node.source {
                // Packages come in order of name: the first that declares a directory says what it is like.
                None => self.nodes[there.0 as usize].source = Some(source),
                Some(owner) => {
                    let (a, b) = (self.entry_of(owner), entry);
                    if (a.mode, a.uid, a.gid) != (b.mode, b.uid, b.gid) {
                        let [first, second] =
                            [owner, source].map(|(package, _)| &self.instances[package as usize]);
                        self.notes.push(format!(
                            "{path}: {first} has mode {:04o} owner {}:{}, {second} has mode {:04o} owner {}:{}; \
                             the first holds",
                            a.mode, a.uid, a.gid, b.mode, b.uid, b.gid
                        ));
                    }
                }
            },
            (false, false) => {
                let first = node.source.into_iter().collect();
                let claim = || Claim { node: there, path: path.clone(), sources: first };
                claims.entry(there).or_insert_with(claim).sources.push(source);
            }
            (true, false) | (false, true) => {
                let first = self.owner_name(there);
                let second = self.instances[source.0 as usize].to_string();
                conflicts.push(PathConflict { path: path.clone(), first, second, clash: Clash::Kind });
            }
        }
    }

    fn children(&self, id: NodeId) -> Option<&BTreeMap<Box<[u8]>, NodeId>> {
        self.nodes[id.0 as usize].children.as_ref()
    }

    fn entry_of(&self, (package, entry): (u32, u32)) -> &'a Entry {
        let manifest: &'a Manifest = self.packages[package as usize].manifest;
        &manifest.entries[entry as usize]
    }

    /// The package that a node belongs to, as it is shown; for a directory that nobody declares, of the first thing in it.
    fn owner_name(&self, mut id: NodeId) -> String {
        loop {
            let node = &self.nodes[id.0 as usize];
            if let Some((package, _)) = node.source {
                return self.instances[package as usize].to_string();
            }
            match node.children.as_ref().and_then(|children| children.values().next()) {
                Some(&child) => id = child,
                None => return String::new(),
            }
        }
    }

    /// The top of the tree.
    #[must_use]
    pub fn top(&self) -> Placed<'_, 'a> {
        Placed { tree: self, id: Tree::TOP }
    }

    /// What is at a path, links not followed.
    #[must_use]
    pub fn at(&self, path: &[u8]) -> Option<Placed<'_, 'a>> {
        let mut at = self.top();
        for component in path.split(|&byte| byte == b'/') {
            at = at.child(component)?;
        }
        Some(at)
    }

    /// Every node below the top, with its path, parents first.
    pub fn walk(&self) -> impl Iterator<Item = (PayloadPath, Placed<'_, 'a>)> {
        let mut stack: Vec<(Vec<u8>, Placed<'_, 'a>)> = self.top().children_with(b"");
        std::iter::from_fn(move || {
            loop {
                let (path, placed) = stack.pop()?;
                stack.extend(placed.children_with(&path));
                // Paths were checked when they were placed.
                if let Ok(path) = PayloadPath::new(&path) {
                    return Some((path, placed));
                }
            }
        })
    }
}

impl<'t, 'a> Placed<'t, 'a> {
    /// Whether it is a directory.
    #[must_use]
    pub fn is_dir(&self) -> bool {
        self.tree.children(self.id).is_some()
    }

    /// The entry that is here; a directory that no package declares has none.
    #[must_use]
    pub fn entry(&self) -> Option<&'a Entry> {
        self.tree.nodes[self.id.0 as usize].source.map(|source| self.tree.entry_of(source))
    }

    /// The package that the entry is from.
    #[must_use]
    pub fn package(&self) -> Option<Contents<'a>> {
        self.tree.nodes[self.id.0 as usize].source.map(|(package, _)| self.tree.packages[package as usize])
    }

    /// What names the packages that have the entry: the one that it is from, and those that share it.
    pub fn instances(&self) -> impl Iterator<Item = &'t Instance> + use<'t, 'a> {
        let tree = self.tree;
        let from = tree.nodes[self.id.0 as usize].source.map(|(package, _)| package);
        let shared = tree.shared.get(&self.id).into_iter().flatten().copied();
        from.into_iter().chain(shared).map(move |package| &tree.instances[package as usize])
    }

    /// The profile it goes to disk under.
    #[must_use]
    pub fn profile(&self) -> Profile {
        self.package().map_or_else(Profile::default, |package| package.profile)
    }

    /// The object that a linked, non-empty file is linked from.
    #[must_use]
    pub fn object(&self) -> Option<ObjectId> {
        ObjectId::of_entry(self.entry()?, self.profile())
    }

    /// The children, by name.
    pub fn children(&self) -> impl Iterator<Item = (&'t [u8], Placed<'t, 'a>)> + use<'t, 'a> {
        let tree = self.tree;
        tree.children(self.id).into_iter().flatten().map(move |(name, &id)| (&**name, Placed { tree, id }))
    }

    /// The child of that name.
    #[must_use]
    pub fn child(&self, name: &[u8]) -> Option<Placed<'t, 'a>> {
        let id = *self.tree.children(self.id)?.get(name)?;
        Some(Placed { tree: self.tree, id })
    }

    fn children_with(&self, path: &[u8]) -> Vec<(Vec<u8>, Placed<'t, 'a>)> {
        let join = |name: &[u8]| if path.is_empty() { name.to_vec() } else { [path, b"/", name].concat() };
        let mut children: Vec<_> = self.children().map(|(name, placed)| (join(name), placed)).collect();
        children.reverse();
        children
    }
}

/// Whether a name at the top belongs to the machine.
#[must_use]
pub fn is_machine(name: &[u8]) -> bool {
    MACHINE.iter().any(|machine| machine.as_bytes() == name)
}

/// An error for links that do not settle, which no single entry is to blame for.
fn unplaceable_any(packages: &[Contents<'_>], reason: &'static str) -> Error {
    let links = packages
        .iter()
        .flat_map(|package| package.manifest.entries.iter().map(move |entry| (package.manifest, entry)));
    let mut links = links.filter(|(_, entry)| matches!(entry.node, Node::Symlink { .. }));
    match links.next() {
        Some((manifest, entry)) => {
            Error::Unplaceable { package: manifest.instance().to_string(), path: entry.path.clone(), reason }
        }
        None => Error::Conflict(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::{Digest, VersionOrder};

    fn manifest(name: &str, entries: &[(&str, &str)]) -> Manifest {
        let mut manifest = Manifest::new(name, "1", VersionOrder::Pisi);
        for (path, what) in entries {
            let path = PayloadPath::new(path.as_bytes()).unwrap();
            let (node, mode) = match *what {
                "dir" => (Node::Directory, 0o755),
                "private dir" => (Node::Directory, 0o700),
                "file" => (Node::File { size: 1, digest: Digest::of(name.as_bytes()) }, 0o644),
                target => (Node::Symlink { target: target.into() }, 0o777),
            };
            manifest.entries.push(Entry::new(path, node, mode));
        }
        manifest.normalise();
        manifest
    }

    fn contents(manifest: &Manifest) -> Contents<'_> {
        Contents { manifest, profile: Profile::default(), overwrites: false, listed: false }
    }

    fn owner(tree: &Tree<'_>, path: &str) -> Option<String> {
        Some(tree.at(path.as_bytes())?.package()?.manifest.name.clone())
    }

    #[test]
    fn a_merged_usr_is_seen_across_packages() {
        let base = manifest("base", &[("lib", "usr/lib"), ("usr/lib", "dir")]);
        let old = manifest("old", &[("lib/x", "file"), ("lib", "dir")]);
        let tree = Tree::merge(vec![contents(&base), contents(&old)], &[]).unwrap();
        assert_eq!(owner(&tree, "usr/lib/x").as_deref(), Some("old"));
        assert!(!tree.at(b"lib").unwrap().is_dir());
        let rival = manifest("rival", &[("usr/lib/x", "file")]);
        let error = Tree::merge(vec![contents(&base), contents(&old), contents(&rival)], &[]).unwrap_err();
        let Error::Conflict(conflicts) = error else { panic!("{error}") };
        assert_eq!(conflicts.len(), 1);
        assert_eq!((conflicts[0].first.as_str(), conflicts[0].second.as_str()), ("old", "rival"));
        assert_eq!(conflicts[0].path.to_string(), "usr/lib/x");
    }

    #[test]
    fn a_file_and_a_directory_cannot_share_a_name() {
        let a = manifest("a", &[("usr/x", "file")]);
        let b = manifest("b", &[("usr/x/y", "file")]);
        for order in [[&a, &b], [&b, &a]] {
            let error = Tree::merge(order.map(contents).to_vec(), &[]).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("usr/x") && text.contains('a') && text.contains('b'), "{text}");
        }
    }

    #[test]
    fn the_smallest_name_says_what_a_shared_directory_is_like() {
        let a = manifest("a", &[("srv2", "dir")]);
        let b = manifest("b", &[("srv2", "private dir")]);
        let tree = Tree::merge(vec![contents(&a), contents(&b)], &[]).unwrap();
        assert_eq!(tree.at(b"srv2").unwrap().entry().unwrap().mode, 0o755);
        assert_eq!(tree.notes.len(), 1);
    }

    #[test]
    fn an_overwrite_is_a_choice_that_is_remembered() {
        let a = manifest("a", &[("usr/x", "file")]);
        let b = manifest("b", &[("usr/x", "file")]);
        let taking = Contents { overwrites: true, ..contents(&a) };
        let tree = Tree::merge(vec![taking, contents(&b)], &[]).unwrap();
        assert_eq!(owner(&tree, "usr/x").as_deref(), Some("a"));
        let recorded = tree.overwrites.clone();
        let again = Tree::merge(vec![contents(&a), contents(&b)], &recorded).unwrap();
        assert_eq!(owner(&again, "usr/x").as_deref(), Some("a"));
        // It was a choice among these two: a third has to be chosen about again.
        let c = manifest("c", &[("usr/x", "file")]);
        let three = |third| Tree::merge(vec![contents(&a), contents(&b), third], &recorded);
        assert!(matches!(three(contents(&c)), Err(Error::Conflict(_))));
        let taken = three(Contents { overwrites: true, ..contents(&c) }).unwrap();
        assert_eq!(owner(&taken, "usr/x").as_deref(), Some("c"));
        // When the one that has it goes, one of the others does.
        let left = Tree::merge(vec![contents(&a), contents(&b)], &taken.overwrites).unwrap();
        assert_eq!(owner(&left, "usr/x").as_deref(), Some("a"));
        // Two that are both to take it leave it open which.
        let both = [&a, &b].map(|manifest| Contents { overwrites: true, ..contents(manifest) });
        assert!(matches!(Tree::merge(both.to_vec(), &[]), Err(Error::Conflict(_))));
    }

    #[test]
    fn links_out_of_the_tree_are_data_but_no_way() {
        let a = manifest("a", &[("out", "../../etc")]);
        let b = manifest("b", &[("out/x", "file")]);
        assert!(Tree::merge(vec![contents(&a)], &[]).is_ok());
        assert!(matches!(Tree::merge(vec![contents(&a), contents(&b)], &[]), Err(Error::Unplaceable { .. })));
    }

    #[test]
    fn what_a_package_ships_in_usr_local_is_the_machine_s() {
        let a = manifest("a", &[("usr/local/bin/x", "file"), ("usr/bin/y", "file")]);
        let tree = Tree::merge(vec![contents(&a)], &[]).unwrap();
        assert!(tree.at(b"var/usrlocal/bin/x").is_some());
        assert!(tree.at(b"usr/local").is_none());
    }
}
