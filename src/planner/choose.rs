//! Choosing packages: the root, the files that are named and the sources as a world for the resolver, what is
//! asked as jobs, and the answer as packages again.

use std::collections::{BTreeMap, BTreeSet};

use ambar_pkgfmt::relation::{Relation, RelationKind};
use ambar_pkgfmt::{Instance, Manifest, VersionOrder};
use ambar_resolver::{
    Answer, Change, Exclusion, Installed as State, Job, PackageId as Id, Policy as Limits, Request as Asked,
    Selector, Solution, Verb, World, solve,
};
use ambar_store::Reason;

use super::Base;
use super::candidates::Candidate;
use super::install::takes_place;
use super::wanted::{self, Known};
use crate::directory::{Available, Directory};
use crate::error::Error;
use crate::plan::Options;
use crate::policy::{Policy, Rule, Sets};
use crate::select::select;
use crate::universe::{Compiled, Source, compile};

/// What is asked, beside files.
pub(super) enum Wish {
    /// These come.
    Install { names: Vec<String> },
    /// These, or all, become the newest that there is.
    Upgrade { names: Vec<String> },
    /// These become older.
    Downgrade { names: Vec<String> },
}

/// What was chosen.
pub(super) struct Chosen {
    /// Packages of sources: number of the source, and number in it.
    pub(super) available: Vec<(usize, usize)>,
    /// Installed packages that are there no longer, by number in the record.
    pub(super) gone: BTreeSet<usize>,
    /// What was asked for, of what is there afterwards.
    pub(super) explicit: BTreeSet<Instance>,
    /// The order, each change by the name of its package.
    pub(super) steps: Vec<Vec<String>>,
    pub(super) notes: Vec<String>,
}

/// What there is to choose from, compiled.
pub(super) struct Ground<'g> {
    base: &'g Base,
    files: &'g [Candidate],
    sources: &'g [Directory],
    policy: &'g Policy,
    sets: &'g Sets,
    offers: Compiled,
    own: Compiled,
}

impl<'g> Ground<'g> {
    pub(super) fn new(
        base: &'g Base,
        files: &'g [Candidate],
        sources: &'g [Directory],
        policy: &'g Policy,
        sets: &'g Sets,
        without_relations: bool,
    ) -> Result<Ground<'g>, Error> {
        let mut offers = Vec::new();
        for (number, directory) in sources.iter().enumerate() {
            offers.push(Source {
                name: directory.path.0.display().to_string(),
                // Of two that are alike the one of the directory named first is taken.
                priority: -i32::try_from(number).unwrap_or(i32::MAX),
                packages: directory.packages.iter().map(|one| (&one.manifest, None)).collect(),
                without_relations,
            });
        }
        let installed = base.manifests.iter().zip(base.installed());
        let own = [
            Source {
                name: String::new(),
                priority: 0,
                packages: installed.map(|(manifest, package)| (manifest, Some(package.id.0.0))).collect(),
                without_relations,
            },
            Source {
                name: "file".into(),
                priority: 1,
                packages: files.iter().map(|new| (&new.draft.manifest, None)).collect(),
                without_relations,
            },
        ];
        Ok(Ground { base, files, sources, policy, sets, offers: compile(&offers)?, own: compile(&own)? })
    }

    /// The world; `named` packages are not held.
    pub(super) fn world(&self, named: &dyn Fn(&Manifest) -> bool) -> World<'_> {
        let mut installed = Vec::new();
        for (position, package) in self.base.installed().iter().enumerate() {
            let manifest = &self.base.manifests[position];
            let state = State {
                automatic: package.reason == Reason::Automatic,
                held: self.policy.held(manifest).is_some() && !named(manifest),
                protected: self.policy.protected(manifest).is_some(),
            };
            installed.push((1, self.own.ids[0][position], state));
        }
        World::new(&[&self.offers.universe, &self.own.universe], &installed)
    }

    fn installed_id(&self, world: &World<'_>, position: usize) -> Option<Id> {
        world.id(1, self.own.ids[0][position])
    }

    /// The numbers in the record of the installed packages.
    pub(super) fn positions(&self, world: &World<'_>) -> BTreeMap<Id, usize> {
        let pair = |position| Some((self.installed_id(world, position)?, position));
        (0..self.base.manifests.len()).filter_map(pair).collect()
    }

    fn file_id(&self, world: &World<'_>, position: usize) -> Option<Id> {
        world.id(1, self.own.ids[1][position])
    }

    fn available(&self) -> impl Iterator<Item = ((usize, usize), &Available)> {
        self.sources.iter().enumerate().flat_map(|(source, directory)| {
            directory.packages.iter().enumerate().map(move |(position, one)| ((source, position), one))
        })
    }

    fn available_id(&self, world: &World<'_>, (source, position): (usize, usize)) -> Option<Id> {
        world.id(0, self.offers.ids[source][position])
    }

    /// Everything that can be named.
    pub(super) fn known(&self, world: &World<'_>) -> Vec<Known<'_>> {
        let mut known = Vec::new();
        for (position, manifest) in self.base.manifests.iter().enumerate() {
            known.extend(self.installed_id(world, position).map(|id| (id, manifest, None)));
        }
        for (position, new) in self.files.iter().enumerate() {
            known.extend(self.file_id(world, position).map(|id| (id, &new.draft.manifest, None)));
        }
        for (place, one) in self.available() {
            known.extend(self.available_id(world, place).map(|id| (id, &one.manifest, None)));
        }
        known
    }

    /// What a person calls each package.
    pub(super) fn instances(&self, world: &World<'_>) -> BTreeMap<Id, Instance> {
        self.known(world).into_iter().map(|(id, manifest, _)| (id, manifest.instance())).collect()
    }

    /// The installed packages that names mean, with their ids.
    pub(super) fn installed(&self, world: &World<'_>, names: &[String]) -> Result<Vec<Id>, Error> {
        let mut found = Vec::new();
        for text in names {
            if let Some(set) = text.strip_prefix('@').filter(|set| self.sets.has(set)) {
                let known = self.known(world);
                for member in self.sets.expand(set)? {
                    let named = wanted::matching(&known, &member.alternatives)?;
                    found.extend(named.iter().map(|(id, _, _)| *id).filter(|id| world.is_installed(*id)));
                }
                continue;
            }
            for package in select(self.base.installed(), text)? {
                let position = self.base.installed().iter().position(|one| one.id == package.id);
                found.extend(position.and_then(|position| self.installed_id(world, position)));
            }
        }
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// The limits that options and policy set: what must not come, and what may.
    pub(super) fn limits(&self, world: &World<'_>, options: &Options) -> Result<Limits, Error> {
        let mut limits = Limits {
            recommends: !options.no_recommends,
            removals: options.allow_removals,
            downgrades: options.allow_downgrades,
            eager: options.eager,
            ..Limits::default()
        };
        let mut archs: BTreeSet<&str> = native().iter().copied().collect();
        archs.extend(self.base.manifests.iter().map(|manifest| manifest.arch.as_str()));
        archs.extend(self.files.iter().map(|new| new.draft.manifest.arch.as_str()));
        let excluded = expressions(&options.exclude)?;
        let protected: Vec<(&Manifest, &Rule)> = self
            .base
            .manifests
            .iter()
            .filter_map(|manifest| Some((manifest, self.policy.protected(manifest)?)))
            .collect();
        for (place, one) in self.available() {
            let Some(package) = self.available_id(world, place) else { continue };
            let manifest = &one.manifest;
            let reason = if let Some(rule) = self.policy.masked(manifest) {
                format!("is masked by {rule}")
            } else if let Some((text, _)) = excluded.iter().find(|(_, matchers)| means(matchers, manifest)) {
                format!("is excluded by '{text}'")
            } else if let Some((old, rule)) = displaced(manifest, &protected) {
                format!("takes the place of {}, which is protected by {rule}", old.name)
            } else if !archs.contains(manifest.arch.as_str()) {
                format!("is for {}, and this machine is {}", manifest.arch, std::env::consts::ARCH)
            } else {
                continue;
            };
            limits.exclusions.push(Exclusion { package, reason });
        }
        Ok(limits)
    }

    /// Asks the resolver.
    pub(super) fn choose(&self, wish: &Wish, options: &Options) -> Result<Chosen, Error> {
        let texts = match wish {
            Wish::Install { names } | Wish::Upgrade { names } | Wish::Downgrade { names } => names,
        };
        let named = |manifest: &Manifest| {
            let by_file = self.files.iter().any(|new| new.draft.manifest.name == manifest.name);
            by_file || texts.iter().any(|text| is_about(text, &manifest.name))
        };
        let world = self.world(&named);
        let mut notes = Vec::new();
        let mut asked = Asked { jobs: Vec::new(), policy: self.limits(&world, options)? };
        for (position, new) in self.files.iter().enumerate() {
            let manifest = &new.draft.manifest;
            let text = format!("{} {}", manifest.name, manifest.full_version());
            let ids = self.file_id(&world, position).into_iter().collect();
            asked.jobs.push(Job::new(Verb::Install, Selector::Packages(ids), text).or_older());
        }
        let explicit_jobs = self.jobs(&world, wish, options, &mut asked, &mut notes)?;
        for (text, matchers) in expressions(&options.favour)? {
            let known = self.known(&world);
            let ids =
                known.iter().filter(|(_, manifest, _)| means(&matchers, manifest)).map(|(id, _, _)| *id);
            asked.jobs.push(Job::new(Verb::Favour, Selector::Packages(ids.collect()), text));
        }
        let solution = match solve(&world, &asked) {
            Answer::Solved(solution) => solution,
            Answer::Impossible(impossible) => return Err(Error::Impossible(Box::new(impossible))),
            Answer::Budget => return Err(Error::TooHard { steps: asked.policy.steps }),
        };
        if let Wish::Upgrade { names } = wish
            && !names.is_empty()
        {
            let left = self.installed(&world, names)?;
            let left = left.into_iter().filter(|id| solution.packages.binary_search(id).is_ok());
            notes.extend(left.filter_map(|id| not_taken(&world, &asked.policy, id)));
        }
        if !solution.proven {
            notes.push("a better choice of packages may exist: the search for it was given up".into());
        }
        Ok(self.chosen(&world, &solution, &explicit_jobs, notes))
    }

    /// Adds the jobs of a wish; gives what they ask for by name.
    fn jobs(
        &self,
        world: &World<'_>,
        wish: &Wish,
        options: &Options,
        asked: &mut Asked,
        notes: &mut Vec<String>,
    ) -> Result<BTreeSet<Id>, Error> {
        let mut explicit = BTreeSet::new();
        match wish {
            Wish::Install { names } => {
                let known = self.known(world);
                let mut missing = wanted::Missing::default();
                for text in names {
                    for mut job in missing.gather(wanted::jobs(world, &known, self.sets, text))? {
                        let mut ids = job.selector.packages(world);
                        explicit.extend(&ids);
                        if options.reinstall {
                            let again = |id: &Id| {
                                let there = world.installed().find(|(old, _)| {
                                    world.name(*old) == world.name(*id)
                                        && world.version(*old) == world.version(*id)
                                });
                                !world.is_installed(*id) && there.is_some()
                            };
                            let same: Vec<Id> = ids.iter().copied().filter(again).collect();
                            if ids.iter().all(|id| world.is_installed(*id)) {
                                return Err(Error::NoSource { names: vec![job.text], similar: Vec::new() });
                            }
                            if !same.is_empty() {
                                ids = same;
                                job = Job::new(Verb::Install, Selector::Packages(ids), job.text);
                            }
                        }
                        asked.jobs.push(if wanted::is_plain(text) { job } else { job.or_older() });
                    }
                }
                missing.none()?;
            }
            Wish::Upgrade { names } => {
                let all: Vec<Id> = world.installed().map(|(id, _)| id).collect();
                let mut wanted = if names.is_empty() { all } else { self.installed(world, names)? };
                if options.security_only {
                    let positions = self.positions(world);
                    wanted.retain(|id| {
                        let old = positions.get(id).map(|position| &self.base.manifests[*position]);
                        old.is_some_and(|old| self.has_security_update(old))
                    });
                }
                for id in wanted.iter().filter(|id| world.state(**id).is_some_and(|state| state.held)) {
                    notes.push(format!("{} is held and stays as it is", world.name(*id)));
                }
                let text = match (names.is_empty(), options.security_only) {
                    (true, false) => "everything that is installed".to_owned(),
                    (true, true) => "everything with a security problem".to_owned(),
                    (false, _) => names.join(", "),
                };
                asked.jobs.push(Job::new(Verb::Upgrade, Selector::Packages(wanted), text));
            }
            Wish::Downgrade { names } => {
                if names.is_empty() {
                    return Err(Error::Usage("no package names were given".into()));
                }
                for old in self.installed(world, names)? {
                    let older = world.older_versions(old);
                    if older.is_empty() {
                        return Err(Error::NoOlder {
                            name: world.name(old).into(),
                            version: world.version(old).into(),
                        });
                    }
                    let text = format!("{} before {}", world.name(old), world.version(old));
                    asked.jobs.push(Job::new(Verb::Install, Selector::Packages(older), text).or_older());
                }
            }
        }
        Ok(explicit)
    }

    fn has_security_update(&self, old: &Manifest) -> bool {
        self.available().any(|(_, one)| {
            one.manifest.instance() == old.instance() && wanted::is_security_update(&one.manifest, old)
        })
    }

    fn chosen(
        &self,
        world: &World<'_>,
        solution: &Solution,
        explicit_jobs: &BTreeSet<Id>,
        notes: Vec<String>,
    ) -> Chosen {
        let is_new = |id: Option<Id>| id.is_some_and(|id| solution.new.binary_search(&id).is_ok());
        let mut available: Vec<(usize, usize)> = self
            .available()
            .map(|(place, _)| place)
            .filter(|place| is_new(self.available_id(world, *place)))
            .collect();
        available.sort_unstable();
        let gone = (0..self.base.manifests.len()).filter(|position| {
            self.installed_id(world, *position).is_some_and(|id| solution.gone.binary_search(&id).is_ok())
        });
        let instances = self.instances(world);
        let explicit = solution.packages.iter().filter(|id| explicit_jobs.contains(id));
        Chosen {
            available,
            gone: gone.collect(),
            explicit: explicit.filter_map(|id| instances.get(id).cloned()).collect(),
            steps: self.steps(world, &solution.steps),
            notes,
        }
    }

    pub(super) fn steps(&self, world: &World<'_>, steps: &[ambar_resolver::Step]) -> Vec<Vec<String>> {
        let names = self.instances(world);
        let name =
            |change: &Change| names.get(&change.package()).map(ToString::to_string).unwrap_or_default();
        steps.iter().map(|step| step.changes.iter().map(name).collect()).collect()
    }
}

/// What is to be said of a package that was to be upgraded and stays, though there is a newer one.
fn not_taken(world: &World<'_>, limits: &Limits, old: Id) -> Option<String> {
    let newest = world.newer_versions(old).into_iter().min()?;
    let excluded = limits.exclusions.iter().find(|exclusion| exclusion.package == newest);
    let (name, version) = (world.name(newest), world.version(newest));
    Some(match excluded {
        Some(exclusion) => format!("{name} {version} is not taken: it {}", exclusion.reason),
        None => format!("{name} {version} is not taken: it does not fit what else is installed"),
    })
}

/// Whether an expression begins with a name, and goes on with conditions at most.
fn is_about(text: &str, name: &str) -> bool {
    text.strip_prefix(name)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '(', '<', '>', '=', '!', ':', '#']))
}

/// Match expressions with their texts.
fn expressions(texts: &[String]) -> Result<Vec<(String, Vec<crate::policy::Matcher>)>, Error> {
    let one = |text: &String| {
        let targets = ambar_pkgfmt::relation::parse_alternatives(text)
            .map_err(|error| Error::Usage(error.to_string()))?;
        let matchers: Result<Vec<_>, _> = targets.into_iter().map(crate::policy::Matcher::new).collect();
        Ok((text.clone(), matchers.map_err(|problem| Error::Usage(problem.to_string()))?))
    };
    texts.iter().map(one).collect()
}

fn means(matchers: &[crate::policy::Matcher], manifest: &Manifest) -> bool {
    matchers.iter().any(|matcher| matcher.matches(manifest.into()))
}

/// The first of these packages that a package pushes out.
fn displaced<'p, 'm>(
    new: &Manifest,
    protected: &'p [(&'m Manifest, &'m Rule)],
) -> Option<&'p (&'m Manifest, &'m Rule)> {
    // Few packages take the place of others, so few are compared with every protected one.
    let says =
        |relation: &Relation| matches!(relation.kind, RelationKind::Replaces | RelationKind::Obsoletes);
    if !new.relations.iter().any(says) {
        return None;
    }
    protected.iter().find(|(old, _)| displaces(new, old))
}

/// Whether a package pushes out one of another name: Debian's `Replaces` alone takes no more than files.
fn displaces(new: &Manifest, old: &Manifest) -> bool {
    let provides = |relation: &Relation| {
        relation.kind == RelationKind::Provides
            && relation.alternatives.iter().any(|target| target.name == old.name)
    };
    takes_place(new, old) && (new.order != VersionOrder::Debian || new.relations.iter().any(provides))
}

/// What packages for this machine call its architecture.
fn native() -> &'static [&'static str] {
    match std::env::consts::ARCH {
        "x86_64" => &["", "all", "any", "noarch", "x86_64", "amd64"],
        "x86" => &["", "all", "any", "noarch", "i386", "i486", "i586", "i686", "x86"],
        "aarch64" => &["", "all", "any", "noarch", "aarch64", "arm64"],
        "arm" => &["", "all", "any", "noarch", "arm", "armhf", "armv7", "armv7l"],
        "riscv64" => &["", "all", "any", "noarch", "riscv64"],
        "powerpc64" => &["", "all", "any", "noarch", "ppc64el", "ppc64le"],
        "s390x" => &["", "all", "any", "noarch", "s390x"],
        "loongarch64" => &["", "all", "any", "noarch", "loong64", "loongarch64"],
        _ => &["", "all", "any", "noarch"],
    }
}
