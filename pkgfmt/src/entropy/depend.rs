//! Dependency strings: Portage's (`|| ( a b ) use? ( c )`) and Entropy's (`a;b?`, `( a & b ) | c`).
//!
//! Conditions on USE flags are decided by the flags that the package was built with. What is left is a tree of
//! "all of" and "any of", which becomes a list of clauses, each of which must be met by one of its words. An "any
//! of" with groups inside is multiplied out, which means the same; past a bound it is given up.

use std::collections::BTreeSet;

use crate::error::Problem;
use crate::limits::Limits;

/// Most clauses that one "any of" may be multiplied out to.
const CLAUSES: usize = 256;

/// A clause: one of these words must hold.
pub(super) type Clause<'a> = Vec<&'a str>;

/// What a string asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Tree<'a> {
    /// A word: an atom, or a licence.
    Word(&'a str),
    /// All of these.
    All(Vec<Tree<'a>>),
    /// One of these.
    Any(Vec<Tree<'a>>),
}

/// A group that is being read.
struct Open<'a> {
    any: bool,
    /// The USE flags decided against it.
    dropped: bool,
    members: Vec<Tree<'a>>,
}

/// Reads a string of Portage's; `None` where it is not well formed.
pub(super) fn portage<'a>(
    text: &'a str,
    flags: &BTreeSet<&str>,
    limits: &Limits,
) -> Result<Option<Tree<'a>>, Problem> {
    let mut open = vec![Open { any: false, dropped: false, members: Vec::new() }];
    // What the next parenthesis opens, when a word said so.
    let mut announced: Option<(bool, bool)> = None;
    for token in text.split_whitespace() {
        match token {
            "(" => {
                if open.len() > limits.dependency_depth {
                    return Err(too_deep(limits));
                }
                let (any, dropped) = announced.take().unwrap_or((false, false));
                open.push(Open { any, dropped, members: Vec::new() });
            }
            _ if announced.is_some() => return Ok(None),
            ")" => {
                let (Some(group), Some(outer)) = (open.pop(), open.last_mut()) else { return Ok(None) };
                // An "any of" from which the flags took everything asks for nothing.
                let nothing = group.any && group.members.is_empty();
                if !group.dropped && !nothing {
                    let tree = if group.any { Tree::Any(group.members) } else { Tree::All(group.members) };
                    outer.members.push(tree);
                }
            }
            "||" => announced = Some((true, false)),
            "^^" | "??" => return Ok(None),
            _ => match token.strip_suffix('?') {
                Some(flag) => {
                    let (negated, flag) = match flag.strip_prefix('!') {
                        Some(flag) => (true, flag),
                        None => (false, flag),
                    };
                    if flag.is_empty() {
                        return Ok(None);
                    }
                    announced = Some((false, flags.contains(flag) == negated));
                }
                None => match open.last_mut() {
                    Some(group) => group.members.push(Tree::Word(token)),
                    None => return Ok(None),
                },
            },
        }
    }
    match (open.pop(), open.is_empty(), announced) {
        (Some(group), true, None) => Ok(Some(Tree::All(group.members))),
        _ => Ok(None),
    }
}

/// Reads a string of Entropy's, in which conditions are decided already; `None` where it is not well formed.
pub(super) fn entropy<'a>(text: &'a str, limits: &Limits) -> Result<Option<Tree<'a>>, Problem> {
    let text = text.trim();
    if let Some(words) = text.strip_suffix('?').filter(|words| words.contains(';')) {
        let words: Vec<&str> = words.split(';').map(str::trim).collect();
        let whole = words.iter().all(|word| !word.is_empty() && !word.contains(char::is_whitespace));
        return Ok(whole.then(|| Tree::Any(words.into_iter().map(Tree::Word).collect())));
    }
    // Each level holds alternatives, the last of which is still being read.
    let mut levels: Vec<Vec<Vec<Tree<'a>>>> = vec![vec![Vec::new()]];
    // Whether a word or a group comes next, rather than what joins two.
    let mut wanted = true;
    for token in text.split_whitespace() {
        match (token, wanted) {
            ("(", true) => {
                if levels.len() > limits.dependency_depth {
                    return Err(too_deep(limits));
                }
                levels.push(vec![Vec::new()]);
            }
            (")", false) => {
                let (Some(group), Some(outer)) = (levels.pop(), levels.last_mut()) else { return Ok(None) };
                match outer.last_mut() {
                    Some(last) => last.push(alternatives(group)),
                    None => return Ok(None),
                }
            }
            ("&", false) => wanted = true,
            ("|", false) => {
                wanted = true;
                match levels.last_mut() {
                    Some(level) => level.push(Vec::new()),
                    None => return Ok(None),
                }
            }
            ("(" | ")" | "&" | "|", _) | (_, false) => return Ok(None),
            (word, true) => {
                wanted = false;
                match levels.last_mut().and_then(|level| level.last_mut()) {
                    Some(last) => last.push(Tree::Word(word)),
                    None => return Ok(None),
                }
            }
        }
    }
    match (levels.pop(), levels.is_empty() && !wanted) {
        (Some(level), true) => Ok(Some(alternatives(level))),
        _ => Ok(None),
    }
}

fn alternatives(mut level: Vec<Vec<Tree<'_>>>) -> Tree<'_> {
    match level.len() {
        1 => Tree::All(level.pop().unwrap_or_default()),
        _ => Tree::Any(level.into_iter().map(Tree::All).collect()),
    }
}

fn too_deep(limits: &Limits) -> Problem {
    Problem::limit("the depth of a dependency", limits.dependency_depth as u64)
}

impl<'a> Tree<'a> {
    /// The parts that must hold, each for itself.
    pub(super) fn parts(self) -> Vec<Tree<'a>> {
        match self {
            Tree::All(members) => members.into_iter().flat_map(Tree::parts).collect(),
            other => vec![other],
        }
    }

    /// Its words, in order.
    pub(super) fn words(&self) -> Vec<&'a str> {
        match self {
            Tree::Word(word) => vec![word],
            Tree::All(members) | Tree::Any(members) => members.iter().flat_map(Tree::words).collect(),
        }
    }

    /// The clauses that mean the same; `None` when they are too many, or have more than `words` words.
    pub(super) fn clauses(&self, words: usize) -> Option<Vec<Clause<'a>>> {
        match self {
            Tree::Word(word) => Some(vec![vec![word]]),
            Tree::All(members) => {
                let mut all = Vec::new();
                for member in members {
                    all.extend(member.clauses(words)?);
                }
                bounded(all, words)
            }
            Tree::Any(members) => {
                let mut product: Vec<Clause<'a>> = vec![Vec::new()];
                for member in members {
                    let clauses = member.clauses(words)?;
                    // The common case adds to what is there: a copy for each member would take quadratic time.
                    if let [clause] = clauses.as_slice() {
                        product.iter_mut().for_each(|left| left.extend(clause));
                        product = bounded(product, words)?;
                        continue;
                    }
                    if product.len().checked_mul(clauses.len())? > CLAUSES {
                        return None;
                    }
                    product = product
                        .iter()
                        .flat_map(|left| clauses.iter().map(move |right| [left.as_slice(), right].concat()))
                        .collect();
                    product = bounded(product, words)?;
                }
                Some(product)
            }
        }
    }
}

/// The clauses, when they have few enough words.
fn bounded(clauses: Vec<Clause<'_>>, words: usize) -> Option<Vec<Clause<'_>>> {
    (clauses.iter().map(Vec::len).sum::<usize>() <= words).then_some(clauses)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    /// Whether the tree holds when exactly these words do.
    fn holds(tree: &Tree<'_>, true_words: &BTreeSet<&str>) -> bool {
        match tree {
            Tree::Word(word) => true_words.contains(word),
            Tree::All(members) => members.iter().all(|member| holds(member, true_words)),
            Tree::Any(members) => members.iter().any(|member| holds(member, true_words)),
        }
    }

    proptest! {
        #[test]
        fn clauses_mean_what_the_tree_means(
            tokens in prop::collection::vec(prop::sample::select(vec!["a", "b", "c", "d", "(", ")", "||", "x?", "!x?"]), 0..24),
            mask in 0_u8..16,
        ) {
            let text = tokens.join(" ");
            let true_words: BTreeSet<&str> =
                ["a", "b", "c", "d"].into_iter().enumerate().filter(|(bit, _)| mask >> bit & 1 == 1).map(|(_, word)| word).collect();
            if let Some(tree) = portage(&text, &["x"].into(), &Limits::default()).unwrap() {
                let met = |clause: &Clause<'_>| clause.iter().any(|word| true_words.contains(word));
                if let Some(clauses) = tree.clauses(10_000) {
                    prop_assert_eq!(holds(&tree, &true_words), clauses.iter().all(met));
                }
            }
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[ab();?!|& /=<>~*:\\[\\]#@0-9.é-]{0,40}") {
            let _ = portage(&text, &BTreeSet::new(), &Limits::default());
            let _ = entropy(&text, &Limits::default());
            for word in text.split_whitespace() {
                if let Some(atom) = crate::entropy::atom::parse(word) {
                    for target in &atom.targets {
                        prop_assert!(crate::entropy::atom::is_qualified(&target.name));
                    }
                }
            }
        }
    }

    fn clauses(tree: Option<Tree<'_>>) -> Option<String> {
        let clauses = tree?.clauses(1000)?;
        Some(clauses.iter().map(|clause| clause.join("|")).collect::<Vec<_>>().join(" "))
    }

    fn of(text: &str, flags: &[&str]) -> Option<String> {
        clauses(portage(text, &flags.iter().copied().collect(), &Limits::default()).ok()?)
    }

    #[test]
    fn flags_decide_and_groups_are_multiplied_out() {
        assert_eq!(of("a b", &[]).unwrap(), "a b");
        assert_eq!(of("ssl? ( a ) !ssl? ( b )", &["ssl"]).unwrap(), "a");
        assert_eq!(of("ssl? ( a ) !ssl? ( b )", &[]).unwrap(), "b");
        assert_eq!(of("|| ( a b ) c", &[]).unwrap(), "a|b c");
        assert_eq!(of("|| ( ( a b ) c )", &[]).unwrap(), "a|c b|c");
        assert_eq!(of("|| ( a || ( b c ) )", &[]).unwrap(), "a|b|c");
        assert_eq!(of("|| ( x? ( a ) b )", &[]).unwrap(), "b");
        assert_eq!(of("|| ( x? ( a ) )", &[]).unwrap(), "", "nothing is left to choose from");
        assert_eq!(of("", &[]).unwrap(), "");
    }

    #[test]
    fn what_is_not_well_formed_is_none() {
        for text in
            ["(", ")", "|| a", "a? b", "|| (", "x? ( a ) )", "^^ ( a b )", "|| || ( a )", "? ( a )", "x?"]
        {
            assert_eq!(of(text, &[]), None, "{text}");
        }
    }

    #[test]
    fn depth_and_products_are_bounded() {
        let deep = format!("{} a {}", "( ".repeat(100_000), ") ".repeat(100_000));
        assert!(matches!(portage(&deep, &BTreeSet::new(), &Limits::default()), Err(Problem::Limit { .. })));
        assert!(matches!(entropy(&deep, &Limits::default()), Err(Problem::Limit { .. })));
        let wide = format!("|| ( {} )", "( a b ) ".repeat(20));
        assert_eq!(of(&wide, &[]), None);
    }

    #[test]
    fn entropy_joins_with_its_own_signs() {
        let of = |text| clauses(entropy(text, &Limits::default()).unwrap());
        assert_eq!(of("a").unwrap(), "a");
        assert_eq!(of("a;b;c?").unwrap(), "a|b|c");
        assert_eq!(of("( a & b ) | c").unwrap(), "a|c b|c");
        assert_eq!(of("a & b | c").unwrap(), "a|c b|c");
        for text in ["", "a b", "a &", "| a", "( a", "a )", "a;;b?", "( )"] {
            assert_eq!(of(text), None, "{text}");
        }
    }
}
