//! Going back to a generation: the machine's own files of `etc` go forward with it.

use rustix::fs::Stat;

use crate::build::{Build, From};
use crate::dir::{Dir, is_dir, is_symlink};
use crate::error::Error;
use crate::objects::copy_attributes;
use crate::private::{carry, is_always_machine};
use crate::tree::{Placed, Tree};

/// Brings the machine's files of `etc` forward into a tree that is about to be live again: `target` gets what
/// the live tree has and no package of either owns, and loses what the machine has no more. The tree is not
/// live, and doing this twice is doing it once, so a crash half-way costs nothing.
pub(crate) fn forward_etc(
    build: &mut Build<'_>,
    from: &From<'_>,
    to: &Tree<'_>,
    target: &Dir,
) -> Result<(), Error> {
    let live = from.dir.dir_if_any("etc")?;
    if live.is_none() && target.stat("etc")?.is_none() {
        return Ok(());
    }
    let etc = target.ensure_dir("etc", 0o755)?;
    let sides = Sides { path: b"etc".to_vec(), model: from.tree.at(b"etc"), node: to.at(b"etc") };
    forward_directory(build, live.as_ref(), &etc, &sides)?;
    if sides.node.is_none() && etc.list()?.is_empty() {
        target.remove_dir("etc")?;
    }
    build.barrier.directory(target);
    Ok(())
}

/// What the packages of both generations have at one path.
struct Sides<'t, 'a> {
    path: Vec<u8>,
    model: Option<Placed<'t, 'a>>,
    node: Option<Placed<'t, 'a>>,
}

fn forward_directory(
    build: &mut Build<'_>,
    live: Option<&Dir>,
    target: &Dir,
    sides: &Sides<'_, '_>,
) -> Result<(), Error> {
    let mut names: Vec<Vec<u8>> = target.list()?.into_iter().map(|(name, _)| name).collect();
    if let Some(live) = live {
        names.extend(live.list()?.into_iter().map(|(name, _)| name));
    }
    names.sort_unstable();
    names.dedup();
    for name in names {
        let path = [&sides.path[..], b"/", &name].concat();
        let model = sides.model.and_then(|model| model.child(&name));
        let node = sides.node.and_then(|node| node.child(&name));
        let here = match live {
            Some(live) => live.stat(&name)?.map(|stat| (live, stat)),
            None => None,
        };
        let there = target.stat(&name)?;
        let inner = Sides { path, model, node };
        match (here, there) {
            (Some((live, here)), Some(there)) if is_dir(&here) && is_dir(&there) => {
                forward_directory(build, Some(&live.dir(&name)?), &target.dir(&name)?, &inner)?;
            }
            // A directory that only the packages there have: the machine's files in it are gone since.
            (None, Some(there)) if is_dir(&there) && node.is_some() => {
                forward_directory(build, None, &target.dir(&name)?, &inner)?;
            }
            // A package's directory that is not there any more may hold the machine's files.
            (Some((live, here)), None) if is_dir(&here) && model.is_some() => {
                let (from, into) = (live.dir(&name)?, target.make_dir(&name, 0o700)?);
                forward_directory(build, Some(&from), &into, &inner)?;
                copy_attributes(&from, &here, &into, into.path())?;
                if into.list()?.is_empty() {
                    target.remove_dir(&name)?;
                }
                build.barrier.directory(target);
            }
            (here, there) => forward_name(build, target, &name, here, there, &inner)?,
        }
    }
    Ok(())
}

/// One name that is not a directory on both sides: a package's stays as it was left in the target, the
/// machine's is what it is now.
fn forward_name(
    build: &mut Build<'_>,
    target: &Dir,
    name: &[u8],
    here: Option<(&Dir, Stat)>,
    there: Option<Stat>,
    sides: &Sides<'_, '_>,
) -> Result<(), Error> {
    let packages = sides.model.is_some() || sides.node.is_some();
    if packages && !is_always_machine(&sides.path) {
        return Ok(());
    }
    if let (Some((_, a)), Some(b)) = (&here, &there)
        && same_on_both(a, b)
    {
        return Ok(());
    }
    if there.is_some() {
        target.remove_all(name)?;
        build.barrier.directory(target);
    }
    match here {
        Some((live, stat)) => carry(build, live, name, &stat, target),
        None => Ok(()),
    }
}

/// Two files that agree in type, size, time, mode and owner are taken to be the same: copies keep them all.
fn same_on_both(a: &Stat, b: &Stat) -> bool {
    let key = |stat: &Stat| {
        (stat.st_mode, stat.st_size, stat.st_mtime, stat.st_mtime_nsec, stat.st_uid, stat.st_gid)
    };
    !is_symlink(a) && !is_dir(a) && key(a) == key(b)
}
