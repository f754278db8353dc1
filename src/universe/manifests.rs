//! From manifests to a universe.

use std::collections::BTreeMap;
use std::sync::Arc;

use ambar_pkgfmt::manifest::usual_slot;
use ambar_pkgfmt::relation::{Relation, RelationKind, Target, TargetKind};
use ambar_pkgfmt::version::release_key;
use ambar_pkgfmt::{ContentHasher, Manifest, VersionOrder};
use ambar_resolver::universe::{IDENTITY, flags};
use ambar_resolver::{AtomRef, Builder, Kind, Met, Op, PackageRef, PackageSpec, Universe};

use super::fields::{
    ANY_ARCH, ARCH, COINSTALLABLE, Fields, OwnTest, RELEASE, RELEASE_TEXT, REPOSITORY, SLOT, TAG,
    VERSION_TEXT, version_field, version_key, with_tests,
};
use crate::error::Error;

/// Packages that come from one place.
pub(crate) struct Source<'m> {
    /// What explanations call it; empty for none.
    pub(crate) name: String,
    /// Of two packages that are alike in all else, the one of the higher priority is taken.
    pub(crate) priority: i32,
    /// The packages; each with what makes it the same wherever it is found, if that is known.
    pub(crate) packages: Vec<(&'m Manifest, Option<[u8; 32]>)>,
    /// Leave relations out: the user said so.
    pub(crate) without_relations: bool,
}

/// A universe, and which of its packages each one that went in has become.
#[derive(Debug)]
pub(crate) struct Compiled {
    pub(crate) universe: Universe,
    /// For each source, for each of its packages: the id.
    pub(crate) ids: Vec<Vec<u32>>,
}

/// Compiles packages.
pub(crate) fn compile(sources: &[Source<'_>]) -> Result<Compiled, Error> {
    let mut builder = Builder::new();
    let members = members(sources);
    for (number, source) in sources.iter().enumerate() {
        let repository = builder.repository(&source.name, source.priority);
        for (position, (manifest, identity)) in source.packages.iter().enumerate() {
            let identity = identity.unwrap_or_else(|| stand_in(number, position, manifest));
            let rank = rank(manifest);
            let fields = package_fields(manifest, &source.name);
            let package = builder.package(&PackageSpec {
                name: &manifest.name,
                version: &manifest.full_version(),
                rank: &rank,
                arch: &manifest.arch,
                slot: &slot(manifest),
                identity,
                repository,
                flags: package_flags(manifest),
                fields: &fields.values(),
            });
            if !source.without_relations {
                for relation in &manifest.relations {
                    add_relation(&mut builder, package, manifest, relation, &members);
                }
            }
            if let Some(siblings) = siblings(&mut builder, manifest) {
                builder.obsolete(package, siblings);
            }
            for component in &manifest.components {
                builder.provide(package, &component_name(component), &[]);
            }
        }
    }
    let bytes = builder.finish().map_err(|error| Error::Usage(error.to_string()))?;
    let universe = Universe::open(Arc::new(bytes)).map_err(|error| Error::Usage(error.to_string()))?;
    let by_identity: BTreeMap<Vec<u8>, u32> =
        (0..universe.len()).map(|package| (universe.identity(package).to_vec(), package)).collect();
    let mut ids = Vec::with_capacity(sources.len());
    for (number, source) in sources.iter().enumerate() {
        let mut list = Vec::with_capacity(source.packages.len());
        for (position, (manifest, identity)) in source.packages.iter().enumerate() {
            let identity = identity.unwrap_or_else(|| stand_in(number, position, manifest));
            let id = by_identity.get(&identity[..IDENTITY]).copied();
            list.push(id.ok_or_else(|| Error::Usage(format!("{} was lost in compiling", manifest.name)))?);
        }
        ids.push(list);
    }
    Ok(Compiled { universe, ids })
}

/// What stands for the identity of a package whose id is not known before it is read.
fn stand_in(source: usize, position: usize, manifest: &Manifest) -> [u8; 32] {
    let mut hasher = ContentHasher::new(false);
    for part in [&manifest.name, &manifest.full_version(), &manifest.arch, &manifest.slot, &manifest.tag] {
        hasher.update(part.as_bytes());
        hasher.update(&[0]);
    }
    hasher.update(&(source as u64).to_le_bytes());
    hasher.update(&(position as u64).to_le_bytes());
    hasher.finish().1.0
}

/// The names of packages in each component.
fn members<'m>(sources: &[Source<'m>]) -> BTreeMap<&'m str, Vec<&'m str>> {
    let mut members: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (manifest, _) in sources.iter().flat_map(|source| &source.packages) {
        for component in &manifest.components {
            members.entry(component).or_default().push(&manifest.name);
        }
    }
    for names in members.values_mut() {
        names.sort_unstable();
        names.dedup();
    }
    members
}

/// What keeps a package apart from others of its name that may be installed beside it.
pub(crate) fn slot(manifest: &Manifest) -> String {
    manifest.slot_key()
}

/// What a package takes the place of beside its own slot: one that can be beside other architectures that of one that
/// cannot, and the other way round; see [`Instance::excludes`](ambar_pkgfmt::Instance::excludes).
fn siblings(builder: &mut Builder, manifest: &Manifest) -> Option<AtomRef> {
    if manifest.order != VersionOrder::Debian {
        return None;
    }
    let others = if manifest.is_coinstallable() { "no" } else { "yes" };
    let tests = [
        OwnTest::one(Op::Equal, COINSTALLABLE, others),
        OwnTest::one(Op::Equal, SLOT, usual_slot(&manifest.slot)),
        OwnTest::one(Op::Equal, TAG, manifest.tag.as_str()),
    ];
    let name = &manifest.name;
    Some(with_tests(&tests, |tests| {
        builder.atom(name, Met::ByName, tests, &format!("{name} of any architecture"))
    }))
}

/// The name under which a component is known.
pub(crate) fn component_name(component: &str) -> String {
    format!("@{component}")
}

fn target_name(target: &Target) -> String {
    match target.kind {
        TargetKind::Package => target.name.clone(),
        TargetKind::Component => component_name(&target.name),
        TargetKind::Capability => format!("capability {}", target.name),
    }
}

/// Age: greater is newer. PiSi goes by the release where there is one, everybody else by the version first. What is
/// no version in its order is in an order of its own, by its text.
pub(crate) fn rank(manifest: &Manifest) -> Vec<u8> {
    let order = version_field(manifest.order).0;
    let Some(version) = version_key(manifest.order, &manifest.version) else {
        let mut key = vec![order + 128];
        key.extend(manifest.full_version().bytes());
        return key;
    };
    let mut key = vec![order];
    let release = release_key(&manifest.release);
    if manifest.order == VersionOrder::Pisi {
        key.push(u8::from(release.is_some()));
        key.extend(release.unwrap_or_default());
        key.extend(version);
    } else {
        key.extend(version);
        key.extend(release.unwrap_or_default());
    }
    key
}

fn package_fields(manifest: &Manifest, repository: &str) -> Fields {
    let mut fields = Fields::default();
    fields.push_version(manifest.order, &manifest.version);
    if let Some(key) = release_key(&manifest.release) {
        fields.push(RELEASE, key);
    }
    fields.push(RELEASE_TEXT, manifest.release.as_str());
    fields.push(SLOT, usual_slot(&manifest.slot));
    fields.push(TAG, manifest.tag.as_str());
    if manifest.order == VersionOrder::Debian {
        fields.push(COINSTALLABLE, if manifest.is_coinstallable() { "yes" } else { "no" });
    }
    if !repository.is_empty() {
        fields.push(REPOSITORY, repository);
    }
    push_arch(&mut fields, manifest);
    fields
}

/// Which architectures' packages a package can serve: Debian's multi-arch rules; with others, any.
fn push_arch(fields: &mut Fields, manifest: &Manifest) {
    let foreign = property(manifest, "deb.multi-arch") == Some("foreign");
    if manifest.order != VersionOrder::Debian || manifest.arch == "all" || foreign {
        fields.push_any(ARCH);
    } else {
        fields.push(ARCH, manifest.arch.as_str());
    }
    if manifest.order != VersionOrder::Debian || property(manifest, "deb.multi-arch") == Some("allowed") {
        fields.push(ANY_ARCH, "");
    }
}

fn property<'m>(manifest: &'m Manifest, key: &str) -> Option<&'m str> {
    manifest.properties.iter().find(|(name, _)| name == key).map(|(_, value)| value.as_str())
}

fn package_flags(manifest: &Manifest) -> u32 {
    let is = |key| property(manifest, key) == Some("yes");
    let essential = is("deb.essential") || is("deb.protected") || is("deb.important");
    // What PiSi refuses to remove, too.
    let base = manifest.components.iter().any(|component| component == "system.base");
    let security = manifest
        .history
        .first()
        .is_some_and(|change| change.kinds.iter().any(|kind| kind.split('\t').next() == Some("security")));
    let mut bits = 0;
    if essential || base || property(manifest, "entropy.system-package") == Some("yes") {
        bits |= flags::PROTECTED;
    }
    if security {
        bits |= flags::SECURITY;
    }
    bits
}

fn add_relation(
    builder: &mut Builder,
    package: PackageRef,
    manifest: &Manifest,
    relation: &Relation,
    members: &BTreeMap<&str, Vec<&str>>,
) {
    let kind = match relation.kind {
        RelationKind::Depends => Kind::Depends,
        RelationKind::PreDepends => Kind::PreDepends,
        RelationKind::Recommends => Kind::Recommends,
        RelationKind::Suggests => Kind::Suggests,
        RelationKind::Conflicts | RelationKind::Breaks => {
            for target in &relation.alternatives {
                let atom = atom(builder, target, &Serving::Anything, Met::ByAny);
                builder.conflict(package, atom);
            }
            return;
        }
        RelationKind::Replaces | RelationKind::Obsoletes => {
            for target in &relation.alternatives {
                replace(builder, package, manifest, target);
            }
            return;
        }
        RelationKind::Provides => {
            for target in &relation.alternatives {
                provide(builder, package, manifest, target);
            }
            return;
        }
        RelationKind::Enhances | RelationKind::BuildDepends | RelationKind::Overwrites => return,
    };
    // A component means each of its packages.
    if let [target] = relation.alternatives.as_slice()
        && target.kind == TargetKind::Component
        && let Some(names) = members.get(target.name.as_str())
    {
        for name in names.iter().filter(|name| **name != manifest.name) {
            let atom = builder.atom(name, Met::ByAny, &[], name);
            builder.clause(package, kind, &[atom]);
        }
        return;
    }
    let serving = match (manifest.order, manifest.arch.as_str()) {
        (VersionOrder::Debian, "all") => Serving::All,
        (VersionOrder::Debian, arch) => Serving::Arch(arch),
        _ => Serving::Anything,
    };
    let atoms: Vec<AtomRef> =
        relation.alternatives.iter().map(|target| atom(builder, target, &serving, Met::ByAny)).collect();
    builder.clause(package, kind, &atoms);
}

/// Whom the target of a relation has to serve, where it does not say so itself.
enum Serving<'a> {
    /// A Debian package of that architecture.
    Arch(&'a str),
    /// A Debian package for all architectures.
    All,
    /// Nobody: the relation forbids, or is not Debian's.
    Anything,
}

fn atom(builder: &mut Builder, target: &Target, serving: &Serving<'_>, met: Met) -> AtomRef {
    let mut tests: Vec<OwnTest> = target.constraints.iter().map(OwnTest::of).collect();
    match (target.arch.as_str(), serving) {
        ("", Serving::Arch(arch)) => tests.push(OwnTest::one(Op::Equal, ARCH, *arch)),
        ("any", Serving::Arch(_) | Serving::All) => tests.push(OwnTest::one(Op::Equal, ANY_ARCH, "")),
        ("" | "any" | "native", _) => {}
        (arch, _) => tests.push(OwnTest::one(Op::Equal, ARCH, arch)),
    }
    with_tests(&tests, |tests| builder.atom(&target_name(target), met, tests, &target.to_string()))
}

/// What a package replaces it is a newer form of; only of Debian's that is not sure, where other programs for the
/// same end say the same. They displace each other, and are newer forms of packages whose very names they provide.
fn replace(builder: &mut Builder, package: PackageRef, manifest: &Manifest, target: &Target) {
    if manifest.order != VersionOrder::Debian {
        let atom = atom(builder, target, &Serving::Anything, Met::ByAny);
        return builder.obsolete(package, atom);
    }
    let displaced = atom(builder, target, &Serving::Anything, Met::ByAny);
    builder.displace(package, displaced);
    let mut provided = manifest.relations.iter().filter(|one| one.kind == RelationKind::Provides);
    if provided.any(|one| one.alternatives.iter().any(|provided| provided.name == target.name)) {
        let renamed = atom(builder, target, &Serving::Anything, Met::ByName);
        builder.obsolete(package, renamed);
    }
}

/// A capability has the version that it is provided in; without one only an unconditional wish is met.
fn provide(builder: &mut Builder, package: PackageRef, manifest: &Manifest, target: &Target) {
    let mut fields = Fields::default();
    if let Some(version) = target.constraints.first() {
        for order in VersionOrder::ALL {
            if let Some(key) = version_key(order, &version.value) {
                fields.push(version_field(order), key);
            }
        }
        fields.push(VERSION_TEXT, version.value.as_str());
    }
    push_arch(&mut fields, manifest);
    builder.provide(package, &target_name(target), &fields.values());
}
