//! Where paths meet on disk: each path is resolved through the symlinks of the whole generation.
//!
//! One package may ship `lib → usr/lib` and another `lib/x`: on disk the second is `usr/lib/x`. So parents
//! are followed through links as the kernel would, with the tree as the root of absolute targets; a target
//! that climbs out of the tree cannot be a parent. `usr/local` stands for `var/usrlocal`, which belongs to
//! the machine.

use std::collections::HashMap;

/// How many links one path may lead through, as in the kernel.
const MAX_LINKS: usize = 40;
/// How often link positions are resolved through each other before they must have settled.
const MAX_ROUNDS: usize = 16;

/// Resolves paths through a set of links.
#[derive(Debug)]
pub(crate) struct Resolver {
    /// Target of each link, by its own resolved path.
    links: HashMap<Vec<u8>, Vec<u8>>,
    /// Resolved directories, by the path as written.
    cache: HashMap<Vec<u8>, Result<Vec<u8>, &'static str>>,
}

impl Resolver {
    /// A resolver for the links with these declared paths and targets.
    pub(crate) fn new<'a>(
        declared: impl Iterator<Item = (&'a [u8], &'a [u8])> + Clone,
    ) -> Result<Resolver, &'static str> {
        let links = declared.clone().map(|(path, target)| (path.to_vec(), target.to_vec())).collect();
        let mut resolver = Resolver { links, cache: HashMap::new() };
        for _ in 0..MAX_ROUNDS {
            let mut settled = HashMap::with_capacity(resolver.links.len());
            for (path, target) in declared.clone() {
                // A link whose parent cannot be resolved is reported where its entry is placed.
                if let Ok(path) = resolver.place(path) {
                    settled.insert(path, target.to_vec());
                }
            }
            resolver.cache.clear();
            if settled == resolver.links {
                return Ok(resolver);
            }
            resolver.links = settled;
        }
        Err("links lead through each other in a way that does not settle")
    }

    /// Where an entry at `path` is: its directory resolved, its own name kept.
    pub(crate) fn place(&mut self, path: &[u8]) -> Result<Vec<u8>, &'static str> {
        let (parent, name) = match path.iter().rposition(|&byte| byte == b'/') {
            Some(slash) => (&path[..slash], &path[slash + 1..]),
            None => (&b""[..], path),
        };
        let mut place = self.directory(parent)?;
        push(&mut place, name);
        if place == b"usr/local" {
            return Ok(b"var/usrlocal".to_vec());
        }
        Ok(place)
    }

    /// Where the directory written as `path` is, with links followed to the end.
    pub(crate) fn directory(&mut self, path: &[u8]) -> Result<Vec<u8>, &'static str> {
        if path.is_empty() {
            return Ok(Vec::new());
        }
        if let Some(known) = self.cache.get(path) {
            return known.clone();
        }
        let resolved = self.follow(path);
        self.cache.insert(path.to_vec(), resolved.clone());
        resolved
    }

    fn follow(&self, path: &[u8]) -> Result<Vec<u8>, &'static str> {
        let mut place: Vec<u8> = Vec::new();
        let mut rest: Vec<Vec<u8>> = components(path).rev().map(<[u8]>::to_vec).collect();
        let mut followed = 0;
        while let Some(component) = rest.pop() {
            if component == b".." {
                if place.is_empty() {
                    return Err("a link on the way leads out of the tree");
                }
                place.truncate(place.iter().rposition(|&byte| byte == b'/').unwrap_or(0));
                continue;
            }
            let before = place.len();
            push(&mut place, &component);
            if let Some(target) = self.links.get(&place) {
                followed += 1;
                if followed > MAX_LINKS {
                    return Err("links on the way lead in a circle");
                }
                place.truncate(if target.starts_with(b"/") { 0 } else { before });
                rest.extend(components(target).rev().map(<[u8]>::to_vec));
            } else if place == b"usr/local" {
                place = b"var/usrlocal".to_vec();
            }
        }
        Ok(place)
    }
}

fn components(path: &[u8]) -> impl DoubleEndedIterator<Item = &[u8]> {
    path.split(|&byte| byte == b'/').filter(|component| !component.is_empty() && *component != b".")
}

fn push(place: &mut Vec<u8>, component: &[u8]) {
    if !place.is_empty() {
        place.push(b'/');
    }
    place.extend_from_slice(component);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn resolver(links: &[(&str, &str)]) -> Resolver {
        Resolver::new(links.iter().map(|(path, target)| (path.as_bytes(), target.as_bytes()))).unwrap()
    }

    fn place(resolver: &mut Resolver, path: &str) -> Result<String, &'static str> {
        resolver.place(path.as_bytes()).map(|place| String::from_utf8(place).unwrap())
    }

    #[test]
    fn parents_are_followed_and_the_last_name_is_not() {
        let mut r = resolver(&[("lib", "usr/lib"), ("usr/lib/a", "../share/a"), ("abs", "/usr/share")]);
        assert_eq!(place(&mut r, "lib/x").as_deref(), Ok("usr/lib/x"));
        assert_eq!(place(&mut r, "lib").as_deref(), Ok("lib"));
        assert_eq!(place(&mut r, "lib/a/b").as_deref(), Ok("usr/share/a/b"));
        assert_eq!(place(&mut r, "abs/b").as_deref(), Ok("usr/share/b"));
        assert_eq!(place(&mut r, "bin/x").as_deref(), Ok("bin/x"));
    }

    #[test]
    fn links_below_links_are_found_where_they_are() {
        let mut r = resolver(&[("lib", "usr/lib"), ("lib/deep", "deeper")]);
        assert_eq!(place(&mut r, "usr/lib/deep/x").as_deref(), Ok("usr/lib/deeper/x"));
    }

    #[test]
    fn circles_and_ways_out_are_refused_as_parents() {
        let mut r = resolver(&[("a", "b"), ("b", "a"), ("out", "../etc"), ("deep/out", "../../x")]);
        assert!(place(&mut r, "a/x").is_err());
        assert!(place(&mut r, "out/x").is_err());
        assert!(place(&mut r, "deep/out/x").is_err());
        assert_eq!(place(&mut r, "out").as_deref(), Ok("out"));
    }

    #[test]
    fn usr_local_belongs_to_the_machine() {
        let mut r = resolver(&[]);
        assert_eq!(place(&mut r, "usr/local/bin/x").as_deref(), Ok("var/usrlocal/bin/x"));
        assert_eq!(place(&mut r, "usr/local").as_deref(), Ok("var/usrlocal"));
        assert_eq!(place(&mut r, "usr/locale/x").as_deref(), Ok("usr/locale/x"));
    }
}
