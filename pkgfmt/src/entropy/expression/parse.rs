//! Reading match expressions.

use std::str::FromStr;

use super::super::atom::{is_half, split_version};
use super::{Blocker, Expression, Flag, InvalidExpression, Operator, Revision, SlotWish, VersionWish};
use crate::manifest::is_package_name;

/// Longest expression, in bytes.
const LONGEST: usize = 4096;

/// What begins a part after the name.
const PARTS: [char; 5] = [':', '[', '#', '~', '@'];

impl FromStr for Expression {
    type Err = InvalidExpression;

    fn from_str(text: &str) -> Result<Expression, InvalidExpression> {
        parse(text).map_err(|reason| InvalidExpression { text: text.chars().take(200).collect(), reason })
    }
}

fn parse(text: &str) -> Result<Expression, &'static str> {
    if text.len() > LONGEST {
        return Err("it is longer than 4096 bytes");
    }
    let (blocker, text) = match (text.strip_prefix("!!"), text.strip_prefix('!')) {
        (Some(rest), _) => (Some(Blocker::Strong), rest),
        (_, Some(rest)) => (Some(Blocker::Weak), rest),
        _ => (None, text),
    };
    let (operator, text) = operator(text);
    let (head, mut rest) = text.split_at(text.find(PARTS).unwrap_or(text.len()));
    let (head, prefix) = head.strip_suffix('*').map_or((head, false), |head| (head, true));
    if prefix && operator != Some(Operator::Equal) {
        return Err("'*' stands after a version with '='");
    }
    let operator = if prefix { Some(Operator::Prefix) } else { operator };
    let (name, version) = match (split_version(head), operator) {
        (Some((name, version)), operator) => {
            let operator = operator.unwrap_or(Operator::Equal);
            (name, Some(VersionWish { operator, version: version.into() }))
        }
        (None, None) => (head, None),
        (None, Some(_)) => return Err("an operator wants a version after the name"),
    };
    let (category, name) = match name.split_once('/') {
        Some((category, name)) if is_half(category) => (category, name),
        Some(_) => return Err("this is no category"),
        None => ("", name),
    };
    let length = category.len() + 1 + name.len();
    if !is_half(name) || !is_package_name(name) || length > 255 {
        return Err("this is no name");
    }
    let mut expression = Expression {
        blocker,
        category: category.into(),
        name: name.into(),
        version,
        slot: SlotWish::default(),
        flags: Vec::new(),
        tag: String::new(),
        revision: None,
        repositories: Vec::new(),
    };
    let mut seen = Vec::new();
    while let Some(sign) = rest.chars().next() {
        let after;
        let portage = rest.strip_prefix("::");
        let sign = if portage.is_some() { '@' } else { sign };
        if seen.contains(&sign) {
            return Err("it says one thing twice");
        }
        seen.push(sign);
        let body = portage.or(rest.get(1..)).unwrap_or_default();
        (after, rest) = match sign {
            '[' => body.split_once(']').ok_or("'[' wants a ']'")?,
            _ => body.split_at(body.find(PARTS).unwrap_or(body.len())),
        };
        if !rest.is_empty() && !rest.starts_with(PARTS) {
            return Err("after ']' stands something else than a part");
        }
        part(&mut expression, sign, after)?;
    }
    Ok(expression)
}

/// Reads what follows the sign of a part.
fn part(expression: &mut Expression, sign: char, text: &str) -> Result<(), &'static str> {
    match sign {
        ':' => expression.slot = slot(text).ok_or("this is no slot")?,
        '[' => {
            let flags = text.split(',').map(Flag::parse).collect::<Option<Vec<_>>>();
            expression.flags = flags.ok_or("this is no USE flag")?;
        }
        '#' if is_label(text) => expression.tag = text.into(),
        '~' if text == "-1" => expression.revision = Some(Revision::Newest),
        '~' if text.bytes().all(|byte| byte.is_ascii_digit()) => {
            let revision = text.parse().map_err(|_| "this is no revision")?;
            expression.revision = Some(Revision::Number(revision));
        }
        '@' if text.split(',').all(is_label) => {
            expression.repositories = text.split(',').map(String::from).collect();
        }
        '#' => return Err("this is no tag"),
        '~' => return Err("this is no revision"),
        _ => return Err("this is no repository"),
    }
    Ok(())
}

fn slot(text: &str) -> Option<SlotWish> {
    if text == "*" {
        return Some(SlotWish::default());
    }
    let (text, rebuild) = text.strip_suffix('=').map_or((text, false), |text| (text, true));
    if text.is_empty() {
        return rebuild.then(|| SlotWish { rebuild, ..SlotWish::default() });
    }
    let (slot, subslot) = match text.split_once('/') {
        Some((slot, subslot)) => (slot, Some(subslot)),
        None => (text, None),
    };
    (is_label(slot) && subslot.is_none_or(is_label)).then(|| SlotWish {
        slot: slot.into(),
        subslot: subslot.unwrap_or_default().into(),
        rebuild,
    })
}

/// Whether a text can be a slot, a tag or a repository's name.
fn is_label(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-._".contains(&byte))
}

fn operator(text: &str) -> (Option<Operator>, &str) {
    for (sign, operator) in [
        (">=", Operator::AtLeast),
        ("<=", Operator::AtMost),
        (">", Operator::Greater),
        ("<", Operator::Less),
        ("=", Operator::Equal),
        ("~", Operator::RevisionAside),
    ] {
        if let Some(rest) = text.strip_prefix(sign) {
            return (Some(operator), rest);
        }
    }
    (None, text)
}
