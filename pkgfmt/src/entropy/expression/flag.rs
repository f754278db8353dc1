//! Conditions on the USE flags that a package was built with.

use std::fmt;

/// A condition on one flag.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flag {
    /// The flag.
    pub name: String,
    /// What is asked of it.
    pub wish: FlagWish,
    /// What a package counts as that does not know the flag: on (`(+)`), off (`(-)`); or no match.
    pub unknown: Option<bool>,
}

/// What is asked of a flag. All but the first two depend on the flags of the package that has this dependency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlagWish {
    /// `flag`.
    On,
    /// `-flag`.
    Off,
    /// `flag=`: as the dependant has it.
    Equal,
    /// `!flag=`: the opposite of what the dependant has.
    Opposite,
    /// `flag?`: on when the dependant has it on.
    OnIfOn,
    /// `!flag?`: off when the dependant has it off.
    OffIfOff,
}

impl Flag {
    /// Reads one condition; `None` for what is none.
    pub(super) fn parse(text: &str) -> Option<Flag> {
        let (rest, off) = text.strip_prefix('-').map_or((text, false), |rest| (rest, true));
        let (rest, not) = rest.strip_prefix('!').map_or((rest, false), |rest| (rest, true));
        let (rest, end) = match rest.strip_suffix('=') {
            Some(rest) => (rest, Some('=')),
            None => rest.strip_suffix('?').map_or((rest, None), |rest| (rest, Some('?'))),
        };
        let (name, unknown) = match (rest.strip_suffix("(+)"), rest.strip_suffix("(-)")) {
            (Some(name), _) => (name, Some(true)),
            (_, Some(name)) => (name, Some(false)),
            _ => (rest, None),
        };
        let wish = match (off, not, end) {
            (false, false, None) => FlagWish::On,
            (true, false, None) => FlagWish::Off,
            (false, false, Some('=')) => FlagWish::Equal,
            (false, true, Some('=')) => FlagWish::Opposite,
            (false, false, Some('?')) => FlagWish::OnIfOn,
            (false, true, Some('?')) => FlagWish::OffIfOff,
            _ => return None,
        };
        let known = |byte: u8| byte.is_ascii_alphanumeric() || b"+_@.-".contains(&byte);
        let named = name.starts_with(|c: char| c.is_ascii_alphanumeric()) && name.bytes().all(known);
        named.then(|| Flag { name: name.into(), wish, unknown })
    }

    /// Whether a package of these flags (`-` before those that are off) meets it. What depends on a dependant
    /// holds: none is asking.
    pub(super) fn is_met(&self, flags: &[&str]) -> bool {
        let wanted = match self.wish {
            FlagWish::On => true,
            FlagWish::Off => false,
            FlagWish::Equal | FlagWish::Opposite | FlagWish::OnIfOn | FlagWish::OffIfOff => return true,
        };
        let said = flags.iter().find_map(|flag| match flag.strip_prefix('-') {
            Some(off) if off == self.name => Some(false),
            None if *flag == self.name => Some(true),
            _ => None,
        });
        said.or(self.unknown) == Some(wanted)
    }
}

impl fmt::Display for Flag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (before, after) = match self.wish {
            FlagWish::On => ("", ""),
            FlagWish::Off => ("-", ""),
            FlagWish::Equal => ("", "="),
            FlagWish::Opposite => ("!", "="),
            FlagWish::OnIfOn => ("", "?"),
            FlagWish::OffIfOff => ("!", "?"),
        };
        let unknown = match self.unknown {
            None => "",
            Some(true) => "(+)",
            Some(false) => "(-)",
        };
        write!(f, "{before}{}{unknown}{after}", self.name)
    }
}
