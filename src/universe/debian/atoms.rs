//! Debian's alternatives as the resolver's atoms, and versions as keys.

use std::borrow::Cow;

use ambar_pkgfmt::VersionOrder;
use ambar_pkgfmt::deb::alternative::{Alternative, Piece};
use ambar_pkgfmt::deb::stanza::{Field, InvalidStanza, Stanza};
use ambar_pkgfmt::path::Shown;
use ambar_pkgfmt::relation::Op;
use ambar_pkgfmt::version::Version;
use ambar_resolver::{self as resolver, AtomRef, Met, Test};

use super::super::fields::{ANY_ARCH, ARCH, version_field};
use super::super::texts::{Known, Unknown};
use super::Filler;

/// A key in [`Keys`]: where it starts and ends.
pub(super) type Span = (u32, u32);

/// Sort keys of versions, made once for each text.
pub(super) struct Keys {
    spans: Known<Span>,
    bytes: Vec<u8>,
}

impl Keys {
    /// Room for the keys of so many versions.
    pub(super) fn with_capacity(versions: usize) -> Keys {
        Keys { spans: Known::with_capacity(versions), bytes: Vec::new() }
    }

    /// The key of a version, after a byte for the order; `None` for a text that is no version, and past
    /// 4 GiB of keys.
    fn of(&mut self, text: &str) -> Option<Span> {
        let place = match self.spans.of(text) {
            Ok(span) => return Some(span),
            Err(place) => place,
        };
        let version = Version::parse(VersionOrder::Debian, text).ok()?;
        let start = u32::try_from(self.bytes.len()).ok()?;
        self.bytes.push(version_field(VersionOrder::Debian).0);
        self.bytes.extend_from_slice(version.sort_key());
        let span = (start, u32::try_from(self.bytes.len()).ok()?);
        self.spans.learn(place, text, span);
        Some(span)
    }

    /// With the byte for the order.
    pub(super) fn rank(&self, (start, end): Span) -> &[u8] {
        &self.bytes[start as usize..end as usize]
    }

    /// Without it.
    pub(super) fn key(&self, (start, end): Span) -> &[u8] {
        &self.bytes[start as usize + 1..end as usize]
    }
}

/// A condition on a version.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Condition<'t> {
    op: Op,
    version: &'t str,
    key: Span,
}

impl<'t> Filler<'_, 't> {
    /// The atom of a dependency that has not been met before.
    #[cold]
    pub(super) fn wanted(
        &mut self,
        place: Unknown,
        stanza: &Stanza<'t>,
        field: Field,
        piece: Piece<'t>,
    ) -> Result<AtomRef, InvalidStanza> {
        let found = stanza.alternative(field, piece)?;
        let condition = self.condition(stanza, field, &found)?;
        let atom = self.atom(&found, Met::ByAny, [condition, None], found.arch);
        self.wanted.learn(place, piece.text, atom);
        Ok(atom)
    }

    /// The atom of a conflict that has not been met before.
    #[cold]
    pub(super) fn rival(
        &mut self,
        place: Unknown,
        stanza: &Stanza<'t>,
        field: Field,
        piece: Piece<'t>,
    ) -> Result<AtomRef, InvalidStanza> {
        let found = stanza.alternative(field, piece)?;
        let condition = self.condition(stanza, field, &found)?;
        let arch = if found.arch == "any" { "" } else { found.arch };
        let atom = self.atom(&found, Met::ByAny, [condition, None], arch);
        self.rivals.learn(place, piece.text, atom);
        Ok(atom)
    }

    /// The condition of an alternative.
    pub(super) fn condition(
        &mut self,
        stanza: &Stanza<'t>,
        field: Field,
        found: &Alternative<'t>,
    ) -> Result<Option<Condition<'t>>, InvalidStanza> {
        let Some((op, version)) = found.condition else { return Ok(None) };
        Ok(Some(Condition { op, version, key: self.version(stanza, field, version)? }))
    }

    /// The key of a version in a field.
    pub(super) fn version(
        &mut self,
        stanza: &Stanza<'t>,
        field: Field,
        text: &'t str,
    ) -> Result<Span, InvalidStanza> {
        self.keys.of(text).ok_or_else(|| {
            let shown = Shown(text.as_bytes());
            stanza.invalid(field, format!("'{shown}' is no version"))
        })
    }

    /// The atom of an alternative under these conditions; `arch` is what counts of its architecture.
    pub(super) fn atom(
        &mut self,
        found: &Alternative<'_>,
        met: Met,
        conditions: [Option<Condition<'t>>; 2],
        arch: &str,
    ) -> AtomRef {
        let name = lower(found.name);
        // As `ambar_pkgfmt::relation::Target` is shown.
        let text = &mut self.text;
        text.clear();
        text.push_str(&name);
        if !found.arch.is_empty() {
            text.push(':');
            text.push_str(found.arch);
        }
        for (number, condition) in conditions.iter().flatten().enumerate() {
            text.push_str(if number == 0 { " (" } else { ", " });
            let (sign, _) = meaning(condition.op);
            text.push_str(sign);
            text.push(' ');
            text.push_str(condition.version);
        }
        if conditions != [None; 2] {
            text.push(')');
        }
        let order = version_field(VersionOrder::Debian);
        let keys = conditions.map(|condition| {
            let key = condition.map_or(&[][..], |condition| self.keys.key(condition.key));
            [(order, key)]
        });
        let arch_key = match arch {
            "any" => [(ANY_ARCH, &[][..])],
            other => [(ARCH, other.as_bytes())],
        };
        let mut tests = [Test { op: resolver::Op::Equal, keys: &[] }; 3];
        let mut count = 0;
        for (condition, keys) in conditions.iter().zip(&keys) {
            if let Some(condition) = condition {
                tests[count] = Test { op: meaning(condition.op).1, keys };
                count += 1;
            }
        }
        if !arch.is_empty() && arch != self.arch {
            tests[count] = Test { op: resolver::Op::Equal, keys: &arch_key };
            count += 1;
        }
        self.builder.atom(&name, met, &tests[..count], &self.text)
    }
}

/// How an operator of Debian's is shown, and the resolver's.
fn meaning(op: Op) -> (&'static str, resolver::Op) {
    match op {
        Op::Less => ("<", resolver::Op::Less),
        Op::AtMost => ("<=", resolver::Op::AtMost),
        Op::AtLeast => (">=", resolver::Op::AtLeast),
        Op::Greater => (">", resolver::Op::Greater),
        // No field of Debian's has another.
        _ => ("=", resolver::Op::Equal),
    }
}

/// A name in lower case: dpkg takes names that differ in case alone for one.
pub(super) fn lower(name: &str) -> Cow<'_, str> {
    match name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        true => Cow::Owned(name.to_ascii_lowercase()),
        false => Cow::Borrowed(name),
    }
}
