//! Sets: names for several packages at once, each a text file `ROOT/.ambar/sets/NAME`.
//!
//! A line is a match expression or `@OTHER`, another set, up to [`DEPTH`] deep. `@NAME` that is no set is a
//! component, as everywhere else: that is for whoever knows the packages to expand.

use std::cell::OnceCell;
use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ambar_pkgfmt::relation::{Target, TargetKind};
use ambar_store::Dir;
use serde::Serialize;

use super::error::PolicyProblem;
use super::open_ambar;
use super::rules::parse;
use super::text::{Line, Text};
use crate::error::Error;
use crate::plan::OsPath;
use crate::query::similar;

/// The directory of sets, in `.ambar`.
pub(super) const SETS: &str = "sets";
/// How deep sets may be nested, the outermost counted.
const DEPTH: usize = 50;
/// Longest name of a set, in bytes.
const LONGEST: usize = 128;

/// What a set has, after the sets in it have been opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    /// Any one of these is meant; their names may hold `*` and `?`. Never a set, but perhaps a component.
    #[serde(skip)]
    pub alternatives: Vec<Target>,
    /// As it is written.
    pub expression: String,
    /// The set whose file it is in.
    pub set: String,
    /// That file.
    pub file: OsPath,
    /// The line in it, from 1.
    pub line: usize,
}

/// The sets of a root, in memory.
#[derive(Debug, Clone, Default)]
pub struct Sets {
    sets: BTreeMap<String, Text>,
}

impl Sets {
    /// Reads the sets of the root in the directory `root`.
    ///
    /// # Errors
    /// Whatever keeps a file from being read; a member that makes no sense is an error when it is asked for.
    pub fn load(root: &Path) -> Result<Sets, Error> {
        open_ambar(root)?.map_or_else(|| Ok(Sets::default()), |ambar| Sets::below(&ambar))
    }

    fn below(ambar: &Dir) -> Result<Sets, Error> {
        ambar.dir_if_any(SETS)?.map_or_else(|| Ok(Sets::default()), |dir| Sets::of(&dir))
    }

    /// Reads the sets in their directory. Files that have no set's name (what an editor left, say) are none.
    pub(super) fn of(dir: &Dir) -> Result<Sets, Error> {
        let mut sets = Sets::default();
        for (name, _) in dir.list()? {
            if let Ok(name) = String::from_utf8(name)
                && check_name(&name).is_ok()
            {
                let text = Text::read(dir, &name)?;
                sets.insert(&name, text);
            }
        }
        Ok(sets)
    }

    pub(super) fn insert(&mut self, name: &str, text: Text) {
        self.sets.insert(name.into(), text);
    }

    /// Their names, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.sets.keys().map(String::as_str)
    }

    /// Whether there is a set of that name.
    #[must_use]
    pub fn has(&self, name: &str) -> bool {
        self.sets.contains_key(name)
    }

    /// The members of a set as they are written, sets in it unopened.
    ///
    /// # Errors
    /// [`Error::NoSet`].
    pub fn written(&self, name: &str) -> Result<Vec<String>, Error> {
        let text = self.sets.get(name).ok_or_else(|| self.missing(name))?;
        Ok(text.lines().into_iter().map(|line| line.text).collect())
    }

    pub(super) fn missing(&self, name: &str) -> Error {
        Error::NoSet { name: name.into(), similar: similar(name, self.names()) }
    }

    /// The members of a set and of all sets in it, each once, in the order in which they are met.
    ///
    /// # Errors
    /// [`Error::NoSet`] for a set that is not there, [`Error::Policy`] with file and line for a member that makes no
    /// sense, for a set that is a member of itself, and for sets that are nested more than 50 deep.
    pub fn expand(&self, name: &str) -> Result<Vec<Member>, Error> {
        let mut members: Vec<Member> = Vec::new();
        let mut known: HashSet<Vec<Target>> = HashSet::new();
        // How deep each set goes that has been opened whole, itself counted.
        let mut heights: BTreeMap<&str, usize> = BTreeMap::new();
        let mut open = vec![self.open(name)?];
        while let Some(top) = open.last_mut() {
            let Some(line) = top.rest.next() else {
                let (name, height) = (top.name, top.below + 1);
                heights.insert(name, height);
                open.pop();
                if let Some(outer) = open.last_mut() {
                    outer.below = outer.below.max(height);
                }
                continue;
            };
            let (set, file) = (top.name, &top.text.file);
            let fail = |problem: PolicyProblem| top.text.error(&line, problem);
            let alternatives = parse(&line.text).map_err(fail)?;
            let Some(inner) = self.set_in(&alternatives) else {
                if known.insert(alternatives.clone()) {
                    let (file, number) = (OsPath(file.clone()), line.number);
                    let expression = line.text;
                    members.push(Member { alternatives, expression, set: set.into(), file, line: number });
                }
                continue;
            };
            let chain = |open: &[Open<'_>]| -> Vec<String> {
                open.iter().map(|one| one.name.to_owned()).chain([inner.to_owned()]).collect()
            };
            if let Some(first) = open.iter().position(|one| one.name == inner) {
                let chain = chain(open.get(first..).unwrap_or_default());
                return Err(self.at(set, &line, PolicyProblem::Cycle { chain }));
            }
            let height = heights.get(inner).copied();
            if open.len() + height.unwrap_or(1) > DEPTH {
                let problem = PolicyProblem::TooDeep { most: DEPTH, chain: chain(&open) };
                return Err(self.at(set, &line, problem));
            }
            match height {
                // Its members are there already.
                Some(height) => {
                    if let Some(top) = open.last_mut() {
                        top.below = top.below.max(height);
                    }
                }
                None => open.push(self.open(inner)?),
            }
        }
        Ok(members)
    }

    fn at(&self, set: &str, line: &Line, problem: PolicyProblem) -> Error {
        self.sets.get(set).map_or_else(|| self.missing(set), |text| text.error(line, problem))
    }

    fn open(&self, name: &str) -> Result<Open<'_>, Error> {
        let (name, text) = self.sets.get_key_value(name).ok_or_else(|| self.missing(name))?;
        Ok(Open { name, text, rest: text.lines().into_iter(), below: 0 })
    }

    /// The set that a member is, if it is one.
    fn set_in<'t>(&self, alternatives: &'t [Target]) -> Option<&'t str> {
        match alternatives {
            [target] if is_set_name(target) && self.has(&target.name) => Some(&target.name),
            _ => None,
        }
    }
}

/// A set whose members are being gone through.
struct Open<'s> {
    name: &'s str,
    text: &'s Text,
    rest: std::vec::IntoIter<Line>,
    /// How deep the sets in it go that have been opened so far.
    below: usize,
}

/// Whether a target may be a set: `@NAME` and nothing else.
fn is_set_name(target: &Target) -> bool {
    target.kind == TargetKind::Component && target.constraints.is_empty()
}

/// Makes sure that a set can have that name, which is a file's: letters, digits and `._+-`, of which the first is a
/// letter or digit.
pub(super) fn check_name(name: &str) -> Result<(), Error> {
    let is_inner = |c: char| c.is_ascii_alphanumeric() || "._+-".contains(c);
    let starts = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    // A file is written under another name first.
    if starts && name.chars().all(is_inner) && name.len() <= LONGEST && !name.ends_with(".new") {
        return Ok(());
    }
    Err(Error::Usage(format!(
        "'{name}' cannot be the name of a set: that is at most {LONGEST} letters, digits and . _ + -, begins with a \
         letter or digit and does not end in .new"
    )))
}

/// The sets of a root, read when the first of them is asked for.
#[derive(Debug)]
pub(super) struct Lazy<'d> {
    ambar: &'d Dir,
    sets: OnceCell<Sets>,
}

impl<'d> Lazy<'d> {
    pub(super) fn new(ambar: &'d Dir) -> Lazy<'d> {
        Lazy { ambar, sets: OnceCell::new() }
    }

    /// The target itself, or where it is a set what that has.
    pub(super) fn expanded(&self, target: Target) -> Result<Vec<Target>, Error> {
        if !is_set_name(&target) {
            return Ok(vec![target]);
        }
        let sets = match self.sets.get() {
            Some(sets) => sets,
            None => {
                let sets = Sets::below(self.ambar)?;
                self.sets.get_or_init(|| sets)
            }
        };
        if !sets.has(&target.name) {
            return Ok(vec![target]);
        }
        Ok(sets.expand(&target.name)?.into_iter().flat_map(|member| member.alternatives).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sets(files: &[(&str, &str)]) -> Sets {
        let mut sets = Sets::default();
        for (name, content) in files {
            let text =
                Text::of(Path::new(name), content.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
            sets.insert(name, text);
        }
        sets
    }

    fn expanded(sets: &Sets, name: &str) -> Vec<String> {
        let members = sets.expand(name).unwrap_or_else(|error| panic!("{error}"));
        members
            .into_iter()
            .map(|member| format!("{} in {}:{}", member.expression, member.set, member.line))
            .collect()
    }

    #[test]
    fn sets_in_sets_are_opened_and_members_come_once() {
        let sets = sets(&[
            ("all", "@editors\njoe\n@system.base\n@desktop\n"),
            ("editors", "# mine\njoe\nnano (>= 2)\n"),
            ("desktop", "@editors\nkde*\nnano>=2\n"),
        ]);
        assert_eq!(
            expanded(&sets, "all"),
            ["joe in editors:2", "nano (>= 2) in editors:3", "@system.base in all:3", "kde* in desktop:2"]
        );
    }

    #[test]
    fn a_set_that_is_its_own_member_is_refused_by_name() {
        let sets = sets(&[("a", "@b\n"), ("b", "x\n@c\n"), ("c", "@b\n"), ("self", "@self\n")]);
        let error = sets.expand("a").unwrap_err().to_string();
        assert_eq!(error, "c:1: set b is a member of itself: @b > @c > @b");
        assert!(sets.expand("self").unwrap_err().to_string().contains("set self is a member of itself"));
        assert!(matches!(sets.expand("d").unwrap_err(), Error::NoSet { .. }));
    }

    #[test]
    fn sets_are_nested_fifty_deep_and_no_deeper_whichever_way_they_are_met() {
        let name = |number: usize| format!("s{number}");
        let mut files: Vec<(String, String)> =
            (1..DEPTH).map(|number| (name(number), format!("@{}\n", name(number + 1)))).collect();
        files.push((name(DEPTH), "joe\n".into()));
        // It meets the inner ones first, so that they are known when it comes to the outer ones.
        files.push(("over".into(), format!("@{}\n@{}\n", name(20), name(1))));
        let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (&**name, &**text)).collect();
        let sets = sets(&files);
        assert_eq!(expanded(&sets, "s1"), ["joe in s50:1"]);
        let error = sets.expand("over").unwrap_err().to_string();
        assert!(error.contains("sets are nested more than 50 deep: @over > @s1 > @s2 >"), "{error}");
    }

    #[test]
    fn names_of_sets_are_plain() {
        for name in ["kde", "kde-4.10", "a_b+c"] {
            assert!(check_name(name).is_ok(), "{name}");
        }
        for name in ["", ".", "..", "a/b", ".hidden", "a b", "x.new", "ä", "-x"] {
            assert!(check_name(name).is_err(), "{name}");
        }
    }
}
