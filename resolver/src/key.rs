//! What constraints look at: fields with byte-sortable values, and tests on them.
//!
//! A package has a few *fields* (its version, its release, its slot ...), each a byte string that sorts as the
//! value does. A *test* compares one field with a value. Whoever fills a universe decides what the numbers of the
//! fields mean, and so which version order a value belongs to: a test on a field that a package does not have is
//! not met, so versions of two orders never compare.

/// Number of a field; 255 is [`Field::ANY`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Field(pub u8);

impl Field {
    /// Beside this field every test is met, whatever it looks at: what rpm says of capabilities that are
    /// provided without a version.
    pub const ANY: Field = Field(255);
}

/// How a test compares the value of a field, or how a provided value is meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Op {
    /// Less.
    Less = 0,
    /// Less or equal.
    AtMost = 1,
    /// Equal.
    Equal = 2,
    /// Greater or equal.
    AtLeast = 3,
    /// Greater.
    Greater = 4,
    /// Not equal.
    Unequal = 5,
    /// Begins with these bytes.
    Prefix = 6,
}

impl Op {
    fn from_code(code: u8) -> Option<Op> {
        Some(match code {
            0 => Op::Less,
            1 => Op::AtMost,
            2 => Op::Equal,
            3 => Op::AtLeast,
            4 => Op::Greater,
            5 => Op::Unequal,
            6 => Op::Prefix,
            _ => return None,
        })
    }

    /// Whether it is met by values below, at, and above the one it names.
    fn reach(self) -> (bool, bool, bool) {
        match self {
            Op::Less => (true, false, false),
            Op::AtMost => (true, true, false),
            Op::Equal | Op::Prefix => (false, true, false),
            Op::AtLeast => (false, true, true),
            Op::Greater => (false, false, true),
            Op::Unequal => (true, false, true),
        }
    }
}

/// A field of a package or of something that it provides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FieldValue<'a> {
    /// Which field.
    pub field: Field,
    /// [`Op::Equal`] usually; a capability may be provided in a range, which meets whatever it overlaps.
    pub op: Op,
    /// The value.
    pub key: &'a [u8],
}

impl<'a> FieldValue<'a> {
    /// A field with one value.
    #[must_use]
    pub fn new(field: Field, key: &'a [u8]) -> FieldValue<'a> {
        FieldValue { field, op: Op::Equal, key }
    }
}

/// A test: the first of `keys` whose field the candidate has is compared. Several keys are one value written in
/// several version orders.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Test<'a> {
    /// How.
    pub op: Op,
    /// With what, at most 255.
    pub keys: &'a [(Field, &'a [u8])],
}

/// Appends fields in their stored form: field, op, length (u16), bytes.
pub(crate) fn push_fields(out: &mut Vec<u8>, fields: &[FieldValue<'_>]) {
    for value in fields {
        let key = &value.key[..value.key.len().min(usize::from(u16::MAX))];
        out.extend_from_slice(&[value.field.0, value.op as u8]);
        out.extend_from_slice(&(key.len() as u16).to_le_bytes());
        out.extend_from_slice(key);
    }
}

/// Appends tests in their stored form: op, number of keys, and each key as field, length (u16), bytes.
pub(crate) fn push_tests(out: &mut Vec<u8>, tests: &[Test<'_>]) {
    for test in tests {
        let keys = &test.keys[..test.keys.len().min(255)];
        out.extend_from_slice(&[test.op as u8, keys.len() as u8]);
        for (field, key) in keys {
            let key = &key[..key.len().min(usize::from(u16::MAX))];
            out.push(field.0);
            out.extend_from_slice(&(key.len() as u16).to_le_bytes());
            out.extend_from_slice(key);
        }
    }
}

fn take<'a>(bytes: &mut &'a [u8], length: usize) -> Option<&'a [u8]> {
    let (head, tail) = bytes.split_at_checked(length)?;
    *bytes = tail;
    Some(head)
}

fn take_key<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = take(bytes, 2)?;
    take(bytes, usize::from(u16::from_le_bytes([length[0], length[1]])))
}

/// One stored field: number, op and value.
fn take_field<'a>(bytes: &mut &'a [u8]) -> Option<(u8, Op, &'a [u8])> {
    let head = take(bytes, 2)?;
    Some((head[0], Op::from_code(head[1])?, take_key(bytes)?))
}

/// Whether stored `fields` meet all of the stored `tests`. What is not well formed is not met.
pub(crate) fn meets(mut tests: &[u8], fields: &[u8]) -> bool {
    while !tests.is_empty() {
        let Some(head) = take(&mut tests, 2) else { return false };
        let Some(op) = Op::from_code(head[0]) else { return false };
        let mut met = false;
        let mut decided = false;
        for _ in 0..head[1] {
            let Some(field) = take(&mut tests, 1) else { return false };
            let Some(key) = take_key(&mut tests) else { return false };
            if !decided && let Some(answer) = compare(fields, field[0], op, key) {
                (met, decided) = (answer, true);
            }
        }
        if !met {
            return false;
        }
    }
    true
}

/// Whether the field has a value and the test on it is met; `None` when there is no such field.
fn compare(mut fields: &[u8], field: u8, op: Op, key: &[u8]) -> Option<bool> {
    while !fields.is_empty() {
        let (number, meant, value) = take_field(&mut fields)?;
        if number == Field::ANY.0 {
            return Some(true);
        }
        if number != field {
            continue;
        }
        if op == Op::Prefix {
            return Some(value.starts_with(key));
        }
        let ordering = value.cmp(key);
        if meant == Op::Equal {
            let (below, at, above) = op.reach();
            return Some(match ordering {
                std::cmp::Ordering::Less => below,
                std::cmp::Ordering::Equal => at,
                std::cmp::Ordering::Greater => above,
            });
        }
        return Some(overlaps(meant, ordering, op));
    }
    None
}

/// Whether a range `meant` about its own value, which stands in `ordering` to the test's, overlaps the test's.
fn overlaps(meant: Op, ordering: std::cmp::Ordering, op: Op) -> bool {
    let (a_below, a_at, a_above) = meant.reach();
    let (b_below, b_at, b_above) = op.reach();
    match ordering {
        std::cmp::Ordering::Equal => (a_below && b_below) || (a_at && b_at) || (a_above && b_above),
        // The provided value is the smaller one: between the two, and at them, something may lie in both.
        std::cmp::Ordering::Less => {
            a_above && (b_below || b_at || b_above) || b_below && (a_at || a_below) || (a_below && b_below)
        }
        std::cmp::Ordering::Greater => {
            a_below && (b_below || b_at || b_above) || b_above && (a_at || a_above) || (a_above && b_above)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERSION: Field = Field(1);

    fn holds(op: Op, wanted: &[u8], meant: Op, value: &[u8]) -> bool {
        let (mut tests, mut fields) = (Vec::new(), Vec::new());
        push_tests(&mut tests, &[Test { op, keys: &[(Field(9), b"x"), (VERSION, wanted)] }]);
        push_fields(&mut fields, &[FieldValue { field: VERSION, op: meant, key: value }]);
        meets(&tests, &fields)
    }

    #[test]
    fn a_value_is_compared_as_bytes() {
        assert!(holds(Op::AtLeast, b"2", Op::Equal, b"2"));
        assert!(holds(Op::Less, b"2", Op::Equal, b"1"));
        assert!(!holds(Op::Greater, b"2", Op::Equal, b"2"));
        assert!(holds(Op::Prefix, b"ab", Op::Equal, b"abc"));
        assert!(holds(Op::Unequal, b"ab", Op::Equal, b"abc"));
    }

    #[test]
    fn a_field_that_is_not_there_meets_nothing_and_any_meets_all() {
        let (mut tests, mut fields) = (Vec::new(), Vec::new());
        push_tests(&mut tests, &[Test { op: Op::AtLeast, keys: &[(VERSION, b"")] }]);
        assert!(!meets(&tests, &fields));
        push_fields(&mut fields, &[FieldValue::new(Field::ANY, b"")]);
        assert!(meets(&tests, &fields));
        assert!(meets(&[], &[]));
    }

    /// Values 0 to 8 stand for a dense order in which only even ones are named.
    #[test]
    fn ranges_overlap_when_some_value_is_in_both() {
        let ops = [Op::Less, Op::AtMost, Op::Equal, Op::AtLeast, Op::Greater, Op::Unequal];
        let within = |op: Op, value: u8, named: u8| {
            let (below, at, above) = op.reach();
            match value.cmp(&named) {
                std::cmp::Ordering::Less => below,
                std::cmp::Ordering::Equal => at,
                std::cmp::Ordering::Greater => above,
            }
        };
        for meant in ops {
            for op in ops {
                for (a, b) in [(2, 2), (2, 4), (4, 2), (2, 6)] {
                    let both = (0..=8).any(|value| within(meant, value, a) && within(op, value, b));
                    assert_eq!(holds(op, &[b], meant, &[a]), both, "{meant:?} {a} against {op:?} {b}");
                }
            }
        }
    }
}
