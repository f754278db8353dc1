//! What the resolver's field numbers mean: see [`Field`].

use ambar_pkgfmt::VersionOrder;
use ambar_resolver::Field;

/// The architecture, of packages that are for another than the root's.
pub(crate) const ARCH: Field = Field(32);

/// Packages have it that count as every architecture's where a relation asks for `NAME:any`. Its value is empty.
pub(crate) const ANY_ARCH: Field = Field(33);

/// The version, in one order: so versions of two orders never compare.
pub(crate) fn version(order: VersionOrder) -> Field {
    Field(order.code() as u8)
}
