//! Licences that want acceptance, and those that were accepted: the policy file `licences`.
//!
//! `ask NAME` makes a licence of that name a question before a package under it is installed; `*` and `?` may stand
//! in the name. A package can ask by itself with the property `licence.ask`, whose first line is a licence's name and
//! whose other lines are what there is to read. `accept NAME` answers for good; that name is meant literally,
//! because it may come from a package.

use std::collections::{BTreeMap, BTreeSet};

use ambar_pkgfmt::Manifest;
use ambar_store::Dir;

use super::error::PolicyProblem;
use super::pattern::Pattern;
use super::text::Text;
use super::{POLICY, edit};
use crate::error::Error;
use crate::plan::{Question, QuestionKind};

/// The file's name.
const NAME: &str = "licences";
/// The property with which a package asks by itself.
const ASK: &str = "licence.ask";

/// Most lines that ask.
const ASKED: usize = 10_000;

/// What the file says.
#[derive(Debug, Clone, Default)]
pub(super) struct Licences {
    ask: Vec<Pattern>,
    accepted: BTreeSet<String>,
}

impl Licences {
    pub(super) fn load(dir: &Dir) -> Result<Licences, Error> {
        let text = Text::read(dir, NAME)?;
        let mut licences = Licences::default();
        for line in text.lines() {
            match line.text.split_once(char::is_whitespace).map(|(verb, name)| (verb, plain(name))) {
                Some(("ask", name)) => {
                    if licences.ask.len() >= ASKED {
                        let problem = PolicyProblem::TooMany { targets: ASKED, patterns: ASKED };
                        return Err(text.error(&line, problem));
                    }
                    licences.ask.push(Pattern::plain(&name).map_err(|problem| text.error(&line, problem))?);
                }
                Some(("accept", name)) => drop(licences.accepted.insert(name)),
                _ => return Err(text.error(&line, PolicyProblem::Licence(line.text.clone()))),
            }
        }
        Ok(licences)
    }

    /// The questions that these packages raise and that nobody has answered for good, sorted by name.
    pub(super) fn questions<'m>(&self, packages: impl Iterator<Item = &'m Manifest>) -> Vec<Question> {
        let mut asked: BTreeMap<String, (BTreeSet<&str>, Option<String>)> = BTreeMap::new();
        for manifest in packages {
            let listed = manifest.licences.iter().map(|name| plain(name));
            let listed = listed.filter(|name| self.ask.iter().any(|pattern| pattern.is_whole(name)));
            let own = manifest.properties.iter().filter(|(key, _)| key == ASK).map(|(_, value)| {
                let (name, text) = value.split_once('\n').unwrap_or((value, ""));
                (plain(name), Some(text.trim()).filter(|text| !text.is_empty()))
            });
            for (name, text) in listed.map(|name| (name, None)).chain(own) {
                if name.is_empty() || self.accepted.contains(&name) {
                    continue;
                }
                let (packages, known) = asked.entry(name).or_default();
                packages.insert(&manifest.name);
                // Of several texts the longest: none may be hidden behind a shorter one.
                if text.map_or(0, str::len) > known.as_ref().map_or(0, String::len) {
                    *known = text.map(str::to_owned);
                }
            }
        }
        let question = |(name, (packages, text)): (String, (BTreeSet<&str>, Option<String>))| Question {
            kind: QuestionKind::Licence,
            name,
            packages: packages.into_iter().map(str::to_owned).collect(),
            text,
        };
        asked.into_iter().map(question).collect()
    }
}

/// A licence's name with single blanks in it, so that it is the same wherever it was written.
fn plain(name: &str) -> String {
    name.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Remembers that the licences were accepted that the questions are about.
pub(crate) fn remember(root: &ambar_store::Root, questions: &[Question]) -> Result<(), Error> {
    let is_storable = |name: &&str| !name.contains(char::is_control);
    let names: Vec<&str> =
        questions.iter().map(|question| question.name.as_str()).filter(is_storable).collect();
    if names.is_empty() {
        return Ok(());
    }
    let locked = edit::Locked::begin(root, POLICY)?;
    let dir = locked.dir();
    let known = Licences::load(dir)?.accepted;
    let mut text = Text::read(dir, NAME)?;
    for name in names.into_iter().filter(|name| !known.contains(*name)) {
        text.add(&format!("accept {name}"), None);
    }
    text.write(dir, NAME)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ambar_pkgfmt::VersionOrder;

    fn package(name: &str, licences: &[&str], own: &[&str]) -> Manifest {
        let mut manifest = Manifest::new(name, "1", VersionOrder::Plain);
        manifest.licences = licences.iter().map(|name| (*name).to_owned()).collect();
        manifest.properties = own.iter().map(|text| (ASK.to_owned(), (*text).to_owned())).collect();
        manifest
    }

    fn names(questions: &[Question]) -> Vec<String> {
        questions
            .iter()
            .map(|question| format!("{} {}", question.name, question.packages.join(",")))
            .collect()
    }

    #[test]
    fn what_the_policy_or_a_package_asks_is_a_question_until_it_is_accepted() {
        let all = [
            package("a", &["MIT", "Sun BCL"], &[]),
            package("b", &["Sun  BCL"], &["Own\nRead this.\nAnd this."]),
            package("c", &["MIT"], &["Own"]),
        ];
        let mut licences = Licences::default();
        assert_eq!(names(&licences.questions(all.iter())), ["Own b,c"]);
        licences.ask.push(Pattern::plain("Sun*").unwrap_or_else(|error| panic!("{error}")));
        let questions = licences.questions(all.iter());
        assert_eq!(names(&questions), ["Own b,c", "Sun BCL a,b"]);
        assert_eq!(questions[0].text.as_deref(), Some("Read this.\nAnd this."));
        licences.accepted.insert("Own".into());
        assert_eq!(names(&licences.questions(all.iter())), ["Sun BCL a,b"]);
        // A package cannot have everything accepted by calling its licence a pattern.
        licences.accepted.insert("*".into());
        assert_eq!(names(&licences.questions(all.iter())), ["Sun BCL a,b"]);
    }
}
