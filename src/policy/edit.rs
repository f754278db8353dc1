//! Changing policy files and sets: one writer at a time, each file in one go, and nothing of what people wrote
//! beside it is touched.

use ambar_store::Dir;
use rustix::fs::FlockOperation;

use super::rules::parse;
use super::sets::{SETS, Sets, check_name};
use super::text::Text;
use super::{List, POLICY, open_ambar};
use crate::error::Error;
use crate::root::Root;

/// A directory of text files whose writers' lock this process has; let go when dropped.
#[derive(Debug)]
pub(super) struct Locked(Dir);

impl Locked {
    /// Takes the lock, which nobody has for longer than it takes to write a file, so it is waited for.
    pub(super) fn begin(root: &ambar_store::Root, name: &str) -> Result<Locked, Error> {
        let ambar = root.ambar();
        let owner = ambar.stat_self()?.st_uid;
        let user = rustix::process::geteuid().as_raw();
        if owner != user {
            return Err(ambar_store::Error::NotOwner { path: ambar.path().into(), owner, user }.into());
        }
        let dir = ambar.ensure_dir(name, 0o755)?;
        rustix::fs::flock(&dir, FlockOperation::LockExclusive).map_err(|error| Error::Io {
            operation: "lock",
            path: dir.path().into(),
            source: error.into(),
        })?;
        Ok(Locked(dir))
    }

    pub(super) fn dir(&self) -> &Dir {
        &self.0
    }
}

impl Drop for Locked {
    /// Closing is not enough: a child that another thread is just starting holds a copy of the descriptor.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.0, FlockOperation::Unlock);
    }
}

impl Root {
    /// Adds rules to a list, each once, with the reason above each; rules of the same meaning on the opposite list
    /// (a mask and its unmask) go. Makes the root if it is not there yet. Returns those that were not there yet; with
    /// `dry_run` that is all.
    ///
    /// # Errors
    /// [`Error::Usage`] for what is no match expression, or whatever keeps the files from being read and written.
    pub fn add_rules(
        &self,
        list: List,
        rules: &[String],
        reason: Option<&str>,
        dry_run: bool,
    ) -> Result<Vec<String>, Error> {
        check(rules)?;
        if dry_run {
            return Ok(add(&mut self.text(POLICY, list.name())?, rules, reason));
        }
        let (root, _) = self.made()?;
        let locked = Locked::begin(&root, POLICY)?;
        let mut text = Text::read(locked.dir(), list.name())?;
        let added = add(&mut text, rules, reason);
        // The new rule is there before the old one goes: a crash between leaves both, and unmask has the last word.
        if !added.is_empty() {
            text.write(locked.dir(), list.name())?;
        }
        if let Some(opposite) = list.opposite() {
            let mut text = Text::read(locked.dir(), opposite.name())?;
            if !remove(&mut text, rules).is_empty() {
                text.write(locked.dir(), opposite.name())?;
            }
        }
        Ok(added)
    }

    /// Takes rules off a list. Returns those that were there; with `dry_run` that is all.
    ///
    /// # Errors
    /// As [`add_rules`](Self::add_rules).
    pub fn remove_rules(&self, list: List, rules: &[String], dry_run: bool) -> Result<Vec<String>, Error> {
        check(rules)?;
        if dry_run {
            return Ok(remove(&mut self.text(POLICY, list.name())?, rules));
        }
        let Some(root) = self.found()? else { return Ok(Vec::new()) };
        let locked = Locked::begin(&root, POLICY)?;
        let mut text = Text::read(locked.dir(), list.name())?;
        let removed = remove(&mut text, rules);
        if !removed.is_empty() {
            text.write(locked.dir(), list.name())?;
        }
        Ok(removed)
    }

    /// Adds members to a set, which is made if it is not there yet. Returns those that it did not have; with `dry_run`
    /// that is all.
    ///
    /// # Errors
    /// [`Error::Usage`] for a name that no set can have or a member that is no match expression,
    /// [`Error::Policy`] when the set would be a member of itself, or whatever keeps the files from being read and
    /// written.
    pub fn add_members(&self, set: &str, members: &[String], dry_run: bool) -> Result<Vec<String>, Error> {
        check_name(set)?;
        check(members)?;
        let change = |mut sets: Sets, mut text: Text| {
            let added = add(&mut text, members, None);
            sets.insert(set, text.clone());
            sets.expand(set)?;
            Ok::<_, Error>((added, text))
        };
        if dry_run {
            return Ok(change(self.sets()?, self.text(SETS, set)?)?.0);
        }
        let (root, _) = self.made()?;
        let locked = Locked::begin(&root, SETS)?;
        let (added, text) = change(Sets::of(locked.dir())?, Text::read(locked.dir(), set)?)?;
        if !added.is_empty() {
            text.write(locked.dir(), set)?;
        }
        Ok(added)
    }

    /// Takes members out of a set; without members, takes the set away. Returns the members that went; with
    /// `dry_run` that is all.
    ///
    /// # Errors
    /// [`Error::NoSet`], or as [`add_members`](Self::add_members).
    pub fn remove_members(&self, set: &str, members: &[String], dry_run: bool) -> Result<Vec<String>, Error> {
        check_name(set)?;
        check(members)?;
        let sets = self.sets()?;
        let change = |text: &mut Text| match members {
            [] => text.lines().into_iter().map(|line| line.text).collect(),
            members => remove(text, members),
        };
        let Some(root) = self.found()?.filter(|_| sets.has(set)) else { return Err(sets.missing(set)) };
        if dry_run {
            return Ok(change(&mut self.text(SETS, set)?));
        }
        let locked = Locked::begin(&root, SETS)?;
        let mut text = Text::read(locked.dir(), set)?;
        let removed = change(&mut text);
        if members.is_empty() {
            locked.dir().unlink_if_any(set)?;
            locked.dir().sync()?;
        } else if !removed.is_empty() {
            text.write(locked.dir(), set)?;
        }
        Ok(removed)
    }

    /// A file below `.ambar` as it is; one that is not there is empty.
    fn text(&self, directory: &str, name: &str) -> Result<Text, Error> {
        let dir = match open_ambar(self.path())? {
            Some(ambar) => ambar.dir_if_any(directory)?,
            None => None,
        };
        dir.map_or_else(|| Text::of(name.as_ref(), b""), |dir| Text::read(&dir, name))
    }
}

/// Makes sure that each is one line and a match expression.
fn check(expressions: &[String]) -> Result<(), Error> {
    for expression in expressions {
        if expression.trim().starts_with('#') {
            return Err(Error::Usage(format!("'{expression}' would be a comment")));
        }
        let targets = parse(expression).map_err(|problem| Error::Usage(problem.to_string()))?;
        for target in targets {
            super::pattern::Matcher::new(target).map_err(|problem| Error::Usage(problem.to_string()))?;
        }
    }
    Ok(())
}

/// Whether two lines say the same.
fn is_same(a: &str, b: &str) -> bool {
    a == b || parse(a).is_ok_and(|a| parse(b).is_ok_and(|b| a == b))
}

fn add(text: &mut Text, expressions: &[String], reason: Option<&str>) -> Vec<String> {
    let mut added = Vec::new();
    for expression in expressions.iter().map(|expression| expression.trim()) {
        if text.lines().iter().any(|line| is_same(&line.text, expression)) {
            continue;
        }
        text.add(expression, reason);
        added.push(expression.to_owned());
    }
    added
}

fn remove(text: &mut Text, expressions: &[String]) -> Vec<String> {
    let mut removed = Vec::new();
    for expression in expressions.iter().map(|expression| expression.trim()) {
        while let Some(line) = text.lines().into_iter().find(|line| is_same(&line.text, expression)) {
            text.remove(line.number);
            removed.push(line.text);
        }
    }
    removed
}
