//! The fields of packages that constraints look at, as the resolver compares them: bytes.

use ambar_pkgfmt::VersionOrder;
use ambar_pkgfmt::manifest::usual_slot;
use ambar_pkgfmt::relation::{Constraint, Op as Wanted, Subject};
use ambar_pkgfmt::version::{Order, Version, bare_key, component_key, prefix_key, release_key};
use ambar_resolver::{Field, FieldValue, Op, Test};

/// Release, an integer.
pub(crate) const RELEASE: Field = Field(1);
/// Slot, a text.
pub(crate) const SLOT: Field = Field(2);
/// Tag, a text.
pub(crate) const TAG: Field = Field(3);
/// Name of the repository, a text.
pub(crate) const REPOSITORY: Field = Field(4);
/// The version's very text.
pub(crate) const VERSION_TEXT: Field = Field(5);
/// The release's very text.
pub(crate) const RELEASE_TEXT: Field = Field(6);
/// An Entropy version without its revision.
pub(crate) const BARE_VERSION: Field = Field(7);
/// An Entropy version as components.
pub(crate) const COMPONENTS: Field = Field(8);
/// The architectures whose packages it can serve.
pub(crate) const ARCH: Field = Field(9);
/// Packages have it that serve every architecture where a relation asks for `NAME:any`: Debian's
/// `Multi-Arch: allowed`. Its value is empty.
pub(crate) const ANY_ARCH: Field = Field(10);

/// Whether packages of its name and other architectures can be beside it: `yes` or `no`.
pub(crate) const COINSTALLABLE: Field = Field(11);

/// The field of versions of an order: versions of two orders are in two fields, and so never meet.
pub(crate) fn version_field(order: VersionOrder) -> Field {
    Field(match order {
        VersionOrder::Plain => 16,
        VersionOrder::Pisi => 17,
        VersionOrder::Entropy => 18,
        VersionOrder::Debian => 19,
    })
}

/// A version's sort key in an order, if it is a version there.
pub(crate) fn version_key(order: VersionOrder, text: &str) -> Option<Vec<u8>> {
    Version::parse(Order::from(order), text).ok().map(|version| version.sort_key().to_vec())
}

/// Fields with values of their own.
#[derive(Debug, Default)]
pub(crate) struct Fields(Vec<(Field, Op, Vec<u8>)>);

impl Fields {
    pub(crate) fn push(&mut self, field: Field, key: impl Into<Vec<u8>>) {
        self.0.push((field, Op::Equal, key.into()));
    }

    /// A field that meets whatever is asked of it.
    pub(crate) fn push_any(&mut self, field: Field) {
        self.0.push((field, Op::AtLeast, Vec::new()));
    }

    /// The version, as far as constraints look at it.
    pub(crate) fn push_version(&mut self, order: VersionOrder, text: &str) {
        if let Some(key) = version_key(order, text) {
            self.push(version_field(order), key);
        }
        self.push(VERSION_TEXT, text);
        if order == VersionOrder::Entropy {
            if let Some(key) = bare_key(text) {
                self.push(BARE_VERSION, key);
            }
            if let Some(key) = component_key(text) {
                self.push(COMPONENTS, key);
            }
        }
    }

    pub(crate) fn values(&self) -> Vec<FieldValue<'_>> {
        self.0.iter().map(|(field, op, key)| FieldValue { field: *field, op: *op, key }).collect()
    }
}

/// A test with keys of its own.
#[derive(Debug)]
pub(crate) struct OwnTest {
    op: Op,
    keys: Vec<(Field, Vec<u8>)>,
}

impl OwnTest {
    pub(crate) fn one(op: Op, field: Field, key: impl Into<Vec<u8>>) -> OwnTest {
        OwnTest { op, keys: vec![(field, key.into())] }
    }

    /// A constraint as a test. One that is nothing in any order has no keys, and nothing meets it.
    pub(crate) fn of(constraint: &Constraint) -> OwnTest {
        let text = constraint.value.as_str();
        let op = match constraint.op {
            Wanted::Less => Op::Less,
            Wanted::AtMost => Op::AtMost,
            Wanted::Equal | Wanted::Same | Wanted::SameRevisionAside => Op::Equal,
            Wanted::AtLeast => Op::AtLeast,
            Wanted::Greater => Op::Greater,
            Wanted::Prefix => Op::Prefix,
            Wanted::Unequal => Op::Unequal,
        };
        let own = |field: Field| vec![(field, text.as_bytes().to_vec())];
        let keys = match (constraint.subject, constraint.op) {
            (Subject::Slot, _) => vec![(SLOT, usual_slot(text).as_bytes().to_vec())],
            (Subject::Tag, _) => own(TAG),
            (Subject::Repository, _) => own(REPOSITORY),
            (Subject::Version, Wanted::Same) => own(VERSION_TEXT),
            (Subject::Release, Wanted::Same) => own(RELEASE_TEXT),
            (Subject::Version, Wanted::Prefix) => vec![(COMPONENTS, prefix_key(text))],
            (Subject::Version, Wanted::SameRevisionAside) => {
                bare_key(text).map(|key| (BARE_VERSION, key)).into_iter().collect()
            }
            (Subject::Version, _) => VersionOrder::ALL
                .into_iter()
                .filter_map(|order| Some((version_field(order), version_key(order, text)?)))
                .collect(),
            (Subject::Release, _) => release_key(text).map(|key| (RELEASE, key)).into_iter().collect(),
        };
        OwnTest { op, keys }
    }
}

/// Calls `f` with tests as the resolver takes them.
pub(crate) fn with_tests<T>(tests: &[OwnTest], f: impl FnOnce(&[Test<'_>]) -> T) -> T {
    let keys: Vec<Vec<(Field, &[u8])>> = tests
        .iter()
        .map(|test| test.keys.iter().map(|(field, key)| (*field, key.as_slice())).collect())
        .collect();
    let tests: Vec<Test<'_>> =
        tests.iter().zip(&keys).map(|(test, keys)| Test { op: test.op, keys }).collect();
    f(&tests)
}
