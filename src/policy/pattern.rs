//! Match expressions: what a rule or a member of a set says of packages.

use ambar_pkgfmt::Manifest;
use ambar_pkgfmt::relation::{Constraint, RelationKind, Target, TargetKind};
use ambar_pkgfmt::version::Candidate;
use globset::{GlobBuilder, GlobMatcher};

use super::error::PolicyProblem;

/// A package, as match expressions see it.
#[derive(Debug, Clone, Copy)]
pub struct Described<'p> {
    /// What it says of itself; its entries do not matter.
    pub manifest: &'p Manifest,
    /// Name of the repository that it comes from, where that is known.
    pub repository: Option<&'p str>,
}

impl<'p> From<&'p Manifest> for Described<'p> {
    fn from(manifest: &'p Manifest) -> Described<'p> {
        Described { manifest, repository: None }
    }
}

impl<'p> Described<'p> {
    fn candidate(self) -> Candidate<'p> {
        Candidate { repository: self.repository, ..Candidate::from(self.manifest) }
    }
}

/// A name that may hold `*` and `?`. Without a `/` it is compared with what follows the last `/` of a package's
/// name, so that `joe` is also `app-editors/joe`; `*` and `?` never stand for a `/`.
#[derive(Debug, Clone)]
pub(super) struct Pattern {
    text: String,
    glob: Option<GlobMatcher>,
}

impl Pattern {
    pub(super) fn new(text: &str) -> Result<Pattern, PolicyProblem> {
        let glob = text.contains(['*', '?']).then(|| glob(text, true)).transpose()?;
        Ok(Pattern { text: text.into(), glob })
    }

    /// One for texts in which a `/` means nothing; see [`is_whole`](Self::is_whole).
    pub(super) fn plain(text: &str) -> Result<Pattern, PolicyProblem> {
        let glob = text.contains(['*', '?']).then(|| glob(text, false)).transpose()?;
        Ok(Pattern { text: text.into(), glob })
    }

    /// Whether it stands for the whole of a text.
    pub(super) fn is_whole(&self, text: &str) -> bool {
        self.glob.as_ref().map_or_else(|| text == self.text, |glob| glob.is_match(text))
    }

    /// The text that a name must be, where it can only be one.
    pub(super) fn literal(&self) -> Option<&str> {
        self.glob.is_none().then_some(&*self.text)
    }

    pub(super) fn is_match(&self, name: &str) -> bool {
        let name = if self.text.contains('/') { name } else { last(name) };
        self.is_whole(name)
    }
}

/// What follows the last `/` of a name.
pub(super) fn last(name: &str) -> &str {
    name.rsplit_once('/').map_or(name, |(_, last)| last)
}

/// Only `*` and `?` mean something: whatever else does elsewhere stands for itself here.
fn glob(text: &str, has_parts: bool) -> Result<GlobMatcher, PolicyProblem> {
    let mut pattern = String::new();
    for c in text.chars() {
        match c {
            '[' | ']' | '{' | '}' | '\\' => pattern.extend(['[', c, ']']),
            // Two stars would cross a `/`, and mean no more than one.
            '*' if pattern.ends_with('*') => {}
            c => pattern.push(c),
        }
    }
    let built = GlobBuilder::new(&pattern).literal_separator(has_parts).backslash_escape(false).build();
    let reason = |error: globset::Error| error.kind().to_string();
    let wrong = |error| PolicyProblem::Pattern { name: text.into(), reason: reason(error) };
    Ok(built.map_err(wrong)?.compile_matcher())
}

/// A target whose name may be a pattern.
#[derive(Debug, Clone)]
pub(crate) struct Matcher {
    pub(super) target: Target,
    pub(super) name: Pattern,
}

impl Matcher {
    pub(crate) fn new(target: Target) -> Result<Matcher, PolicyProblem> {
        let name = Pattern::new(&target.name)?;
        Ok(Matcher { target, name })
    }

    /// Whether a package of that name may be meant, whatever its version.
    pub(super) fn may_mean(&self, name: &str) -> bool {
        self.target.kind == TargetKind::Package && self.name.is_match(name)
    }

    /// Whether a package is meant. A condition that cannot be decided is not met.
    pub(crate) fn matches(&self, package: Described<'_>) -> bool {
        let manifest = package.manifest;
        if !matches!(&*self.target.arch, "" | "any") && self.target.arch != manifest.arch {
            return false;
        }
        let candidate = package.candidate();
        match self.target.kind {
            TargetKind::Package => {
                self.name.is_match(&manifest.name) && meets(&candidate, &self.target.constraints)
            }
            TargetKind::Component => {
                manifest.components.iter().any(|component| self.name.is_match(component))
                    && meets(&candidate, &self.target.constraints)
            }
            TargetKind::Capability => provided(manifest).any(|target| {
                let version = target.constraints.first().map(|constraint| constraint.value.as_str());
                target.kind == TargetKind::Capability
                    && self.name.is_match(&target.name)
                    && match version {
                        Some(version) => {
                            let provided = Candidate { version, release: "", ..candidate };
                            meets(&provided, &self.target.constraints)
                        }
                        None => self.target.constraints.is_empty(),
                    }
            }),
        }
    }
}

fn provided(manifest: &Manifest) -> impl Iterator<Item = &Target> {
    let provides = manifest.relations.iter().filter(|relation| relation.kind == RelationKind::Provides);
    provides.flat_map(|relation| &relation.alternatives)
}

fn meets(candidate: &Candidate<'_>, constraints: &[Constraint]) -> bool {
    constraints.iter().all(|constraint| candidate.meets(constraint).unwrap_or(false))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::VersionOrder;

    fn matches(expression: &str, name: &str, version: &str) -> bool {
        let mut manifest = Manifest::new(name, version, VersionOrder::Debian);
        manifest.arch = "amd64".into();
        manifest.components = vec!["system.base".into()];
        let target = expression.parse().unwrap_or_else(|error| panic!("{error}"));
        let matcher = Matcher::new(target).unwrap_or_else(|error| panic!("{error}"));
        matcher.matches(Described { manifest: &manifest, repository: Some("main") })
    }

    #[test]
    fn names_are_whole_and_stars_stay_within_a_part() {
        for (expression, name, expected) in [
            ("joe", "joe", true),
            ("joe", "joed", false),
            ("joe", "app-editors/joe", true),
            ("app-editors/joe", "app-editors/joe", true),
            ("app-editors/joe", "joe", false),
            ("app-*/joe", "app-editors/joe", true),
            ("*/joe", "joe", false),
            ("lib*", "libx11", true),
            ("lib*", "x11-libs/libx11", true),
            ("*", "x11-libs/libx11", true),
            ("x*", "x11-libs/libx11", false),
            ("**", "a/b", true),
            ("gtk+?", "gtk+3", true),
            ("gtk+?", "gtk+", false),
            ("a[b]*", "ab", false),
            ("a[b]*", "a[b]c", true),
        ] {
            assert_eq!(matches(expression, name, "1"), expected, "{expression} {name}");
        }
    }

    #[test]
    fn conditions_are_on_version_architecture_component_and_repository() {
        for (expression, expected) in [
            ("joe >= 1.2", true),
            ("joe (>= 1.2, < 1.3)", false),
            ("joe (>= 1.2, < 1.4)", true),
            ("joe:amd64", true),
            ("joe:arm64", false),
            ("joe:any", true),
            ("@system.base", true),
            ("@system.*", true),
            ("@system.devel", false),
            ("joe (repository = main)", true),
            ("joe (repository = other)", false),
            ("joe (release >= 1)", false),
            ("pkgconfig(joe)", false),
        ] {
            assert_eq!(matches(expression, "joe", "1.3"), expected, "{expression}");
        }
    }
}
