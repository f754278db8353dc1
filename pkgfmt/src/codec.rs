//! The primitives of ambar's own encodings (`docs/manifest.md`): minimal LEB128 numbers, length-prefixed
//! bytes, fields with ascending tags.
//!
//! An encoding is *canonical*: one value has exactly one byte string, and [`Decoder`] refuses every other.

use crate::digest::Digest;

/// Why bytes are not a valid encoding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// The bytes end inside a value.
    #[error("the data ends early")]
    Truncated,
    /// A number has more bytes than it needs or does not fit its type.
    #[error("a number is not in its shortest form or too large")]
    Number,
    /// Text is not UTF-8.
    #[error("a text is not UTF-8")]
    Text,
    /// The magic bytes are not those of this document.
    #[error("this is not the expected kind of document")]
    Magic,
    /// The document's version, or a field or code in it, is newer than this reader.
    #[error("it needs a newer ambar: unknown {what} {value}")]
    Unknown {
        /// What is unknown: "version", "field", "relation kind" and so on.
        what: &'static str,
        /// Its number.
        value: u64,
    },
    /// Fields, entries or set members are out of order or repeated.
    #[error("{0} are out of order or repeated")]
    Order(&'static str),
    /// A value contradicts another or a rule of the document.
    #[error("{0}")]
    Rule(&'static str),
    /// Bytes are left over after the end.
    #[error("there is data after the end")]
    Trailing,
}

/// Writes primitives to a growing byte string.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
}

impl Encoder {
    /// An encoder that has written nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// What has been written.
    #[must_use]
    pub fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// One byte as it is.
    pub fn byte(&mut self, value: u8) {
        self.bytes.push(value);
    }

    /// Bytes as they are, without a length.
    pub fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// An unsigned number: LEB128, seven bits a byte, least first, as few bytes as it needs.
    pub fn number(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.bytes.push(value as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.push(value as u8);
    }

    /// A signed number, zigzag: 0, -1, 1, -2 … become 0, 1, 2, 3 …
    pub fn signed(&mut self, value: i64) {
        self.number((value << 1 ^ value >> 63) as u64);
    }

    /// A length, then the bytes.
    pub fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        self.raw(bytes);
    }

    /// A text as its UTF-8 bytes.
    pub fn text(&mut self, text: &str) {
        self.bytes(text.as_bytes());
    }

    /// A field: tag, length, and what `body` writes; nothing at all when `body` writes nothing.
    pub fn field(&mut self, tag: u64, body: impl FnOnce(&mut Encoder)) {
        let mut inner = Encoder::new();
        body(&mut inner);
        if !inner.bytes.is_empty() {
            self.number(tag);
            self.bytes(&inner.bytes);
        }
    }

    /// A list: how many items, then each as `write` writes it.
    pub fn list<T>(&mut self, items: &[T], mut write: impl FnMut(&mut Encoder, &T)) {
        self.number(items.len() as u64);
        for item in items {
            write(self, item);
        }
    }

    /// A field that holds one list; absent when the list is empty.
    pub fn list_field<T>(&mut self, tag: u64, items: &[T], write: impl FnMut(&mut Encoder, &T)) {
        self.field(tag, |inner| {
            if !items.is_empty() {
                inner.list(items, write);
            }
        });
    }

    /// A field that holds one text; absent when the text is empty.
    pub fn text_field(&mut self, tag: u64, text: &str) {
        self.field(tag, |inner| inner.raw(text.as_bytes()));
    }
}

/// Reads primitives from bytes, refusing what [`Encoder`] would not have written.
#[derive(Debug, Clone)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// A decoder at the start of `bytes`.
    #[must_use]
    pub fn new(bytes: &'a [u8]) -> Self {
        Decoder { rest: bytes }
    }

    /// Whether everything has been read.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// # Errors
    /// [`CodecError::Trailing`] when bytes are left.
    pub fn end(&self) -> Result<(), CodecError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CodecError::Trailing) }
    }

    /// The next `length` bytes as they are.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] when fewer are left.
    pub fn raw(&mut self, length: usize) -> Result<&'a [u8], CodecError> {
        let (head, tail) = self.rest.split_at_checked(length).ok_or(CodecError::Truncated)?;
        self.rest = tail;
        Ok(head)
    }

    /// One byte.
    ///
    /// # Errors
    /// [`CodecError::Truncated`] at the end.
    pub fn byte(&mut self) -> Result<u8, CodecError> {
        Ok(self.raw(1)?[0])
    }

    /// An unsigned number in its shortest form.
    ///
    /// # Errors
    /// [`CodecError::Truncated`], or [`CodecError::Number`] for a longer form or past 64 bits.
    pub fn number(&mut self) -> Result<u64, CodecError> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if shift == 63 && bits > 1 {
                return Err(CodecError::Number);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return if byte == 0 && shift > 0 { Err(CodecError::Number) } else { Ok(value) };
            }
        }
        Err(CodecError::Number)
    }

    /// An unsigned number that fits `T`.
    ///
    /// # Errors
    /// As [`number`](Self::number), and [`CodecError::Number`] when it does not fit.
    pub fn fitting<T: TryFrom<u64>>(&mut self) -> Result<T, CodecError> {
        T::try_from(self.number()?).map_err(|_| CodecError::Number)
    }

    /// A signed number.
    ///
    /// # Errors
    /// As [`number`](Self::number).
    pub fn signed(&mut self) -> Result<i64, CodecError> {
        let value = self.number()?;
        Ok((value >> 1) as i64 ^ -((value & 1) as i64))
    }

    /// A length, then as many bytes.
    ///
    /// # Errors
    /// [`CodecError::Number`] or [`CodecError::Truncated`].
    pub fn bytes(&mut self) -> Result<&'a [u8], CodecError> {
        let length = self.fitting()?;
        self.raw(length)
    }

    /// A text.
    ///
    /// # Errors
    /// As [`bytes`](Self::bytes), and [`CodecError::Text`].
    pub fn text(&mut self) -> Result<&'a str, CodecError> {
        text(self.bytes()?)
    }

    /// A digest: 32 bytes as they are.
    ///
    /// # Errors
    /// [`CodecError::Truncated`].
    pub fn digest(&mut self) -> Result<Digest, CodecError> {
        self.raw(32)?.try_into().map(Digest).map_err(|_| CodecError::Truncated)
    }

    /// A list whose items take at least `each` bytes apiece, read by `read`.
    ///
    /// # Errors
    /// As [`count`](Self::count), or what `read` returns.
    pub fn list<T>(
        &mut self,
        each: usize,
        mut read: impl FnMut(&mut Decoder<'a>) -> Result<T, CodecError>,
    ) -> Result<Vec<T>, CodecError> {
        let count = self.count(each)?;
        let mut items = Vec::new();
        for _ in 0..count {
            items.push(read(self)?);
        }
        Ok(items)
    }

    /// A count of items that take at least `each` bytes apiece, so that no count can ask for more memory
    /// than the data could fill.
    ///
    /// # Errors
    /// [`CodecError::Number`], or [`CodecError::Truncated`] when so many cannot follow.
    pub fn count(&mut self, each: usize) -> Result<usize, CodecError> {
        let count: usize = self.fitting()?;
        match count.checked_mul(each) {
            Some(bytes) if bytes <= self.rest.len() => Ok(count),
            _ => Err(CodecError::Truncated),
        }
    }
}

/// Reads a field's body that is one value and nothing after it.
///
/// # Errors
/// What `read` returns, or [`CodecError::Trailing`].
pub fn whole<'a, T>(
    body: &'a [u8],
    read: impl FnOnce(&mut Decoder<'a>) -> Result<T, CodecError>,
) -> Result<T, CodecError> {
    let mut decoder = Decoder::new(body);
    let value = read(&mut decoder)?;
    decoder.end()?;
    Ok(value)
}

/// Reads a field's body that is one list; an empty list would have been left out.
///
/// # Errors
/// As [`Decoder::list`], and [`CodecError::Rule`] for an empty list.
pub fn list_field<'a, T>(
    body: &'a [u8],
    each: usize,
    read: impl FnMut(&mut Decoder<'a>) -> Result<T, CodecError>,
) -> Result<Vec<T>, CodecError> {
    let items = whole(body, |d| d.list(each, read))?;
    if items.is_empty() {
        Err(CodecError::Rule("a list is empty; an absent field is left out"))
    } else {
        Ok(items)
    }
}

/// `bytes` as text.
///
/// # Errors
/// [`CodecError::Text`] when they are not UTF-8.
pub fn text(bytes: &[u8]) -> Result<&str, CodecError> {
    std::str::from_utf8(bytes).map_err(|_| CodecError::Text)
}

/// The fields of a document, in order: each tag greater than the last, no field empty.
#[derive(Debug)]
pub struct Fields<'a> {
    decoder: Decoder<'a>,
    last: Option<u64>,
}

impl<'a> Fields<'a> {
    /// The fields that `decoder` still has to read, up to its end.
    #[must_use]
    pub fn new(decoder: Decoder<'a>) -> Self {
        Fields { decoder, last: None }
    }

    /// The next field's tag and body, or `None` at the end.
    ///
    /// # Errors
    /// [`CodecError::Order`] for a tag that does not ascend, [`CodecError::Rule`] for an empty body.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Result<Option<(u64, &'a [u8])>, CodecError> {
        if self.decoder.is_empty() {
            return Ok(None);
        }
        let tag = self.decoder.number()?;
        let body = self.decoder.bytes()?;
        if self.last.is_some_and(|last| last >= tag) {
            return Err(CodecError::Order("fields"));
        }
        if body.is_empty() {
            return Err(CodecError::Rule("a field is empty; an absent field is left out"));
        }
        self.last = Some(tag);
        Ok(Some((tag, body)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        for value in [0, 1, 127, 128, 300, u64::from(u32::MAX), u64::MAX] {
            let mut encoder = Encoder::new();
            encoder.number(value);
            let bytes = encoder.finish();
            assert_eq!(Decoder::new(&bytes).number(), Ok(value));
        }
        assert_eq!(Decoder::new(&[0x80, 0x00]).number(), Err(CodecError::Number));
        assert_eq!(Decoder::new(&[0xff; 11]).number(), Err(CodecError::Number));
        assert_eq!(Decoder::new(&[0x80]).number(), Err(CodecError::Truncated));
    }

    #[test]
    fn signed_numbers_survive() {
        for value in [0, -1, 1, i64::MIN, i64::MAX, 1_355_000_000] {
            let mut encoder = Encoder::new();
            encoder.signed(value);
            assert_eq!(Decoder::new(&encoder.finish()).signed(), Ok(value));
        }
    }

    #[test]
    fn a_count_cannot_promise_more_than_there_is() {
        let mut encoder = Encoder::new();
        encoder.number(1 << 40);
        assert_eq!(Decoder::new(&encoder.finish()).count(1), Err(CodecError::Truncated));
    }
}
