//! A package's texts in other languages. They travel with a package and are no part of its identity.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::codec::{CodecError, Decoder, Encoder};

/// First bytes of the encoding; the last one is its version.
const MAGIC: &[u8; 8] = b"ambartr\x01";

/// Texts by language tag (BCP 47, `-` or `_` between the parts, as the package wrote them).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Translations {
    /// Summaries by language.
    pub summary: BTreeMap<String, String>,
    /// Descriptions by language.
    pub description: BTreeMap<String, String>,
}

impl Translations {
    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.summary.is_empty() && self.description.is_empty()
    }

    /// The canonical encoding (`docs/manifest.md`, "Translations").
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut e = Encoder::new();
        e.raw(MAGIC);
        for texts in [&self.summary, &self.description] {
            e.number(texts.len() as u64);
            for (language, text) in texts {
                e.text(language);
                e.text(text);
            }
        }
        e.finish()
    }

    /// Reads a canonical encoding.
    ///
    /// # Errors
    /// Whatever makes the bytes not canonical.
    pub fn decode(bytes: &[u8]) -> Result<Translations, CodecError> {
        let mut d = Decoder::new(bytes);
        let magic = d.raw(MAGIC.len())?;
        if magic[..7] != MAGIC[..7] {
            return Err(CodecError::Magic);
        }
        if magic[7] != MAGIC[7] {
            return Err(CodecError::Unknown { what: "translations version", value: u64::from(magic[7]) });
        }
        let mut maps = [BTreeMap::new(), BTreeMap::new()];
        for map in &mut maps {
            let mut last: Option<&str> = None;
            for _ in 0..d.count(2)? {
                let (language, text) = (d.text()?, d.text()?);
                if last.is_some_and(|last| last >= language) {
                    return Err(CodecError::Order("languages"));
                }
                last = Some(language);
                map.insert(language.to_owned(), text.to_owned());
            }
        }
        d.end()?;
        let [summary, description] = maps;
        Ok(Translations { summary, description })
    }

    /// The summary and description for a reader of `locale` (`pt_BR.UTF-8`, `pt-BR`, `tr` …): the text of the
    /// closest language, or `None` where the package's own text is the best there is.
    #[must_use]
    pub fn best<'a>(texts: &'a BTreeMap<String, String>, locale: &str) -> Option<&'a str> {
        let wanted = locale.split(['.', '@']).next().unwrap_or("").replace('_', "-").to_ascii_lowercase();
        let mut tag = wanted.as_str();
        while !tag.is_empty() {
            let found =
                texts.iter().find(|(language, _)| language.replace('_', "-").eq_ignore_ascii_case(tag));
            if let Some((_, text)) = found {
                return Some(text);
            }
            tag = tag.rsplit_once('-').map_or("", |(head, _)| head);
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_gets_the_closest_language() {
        let texts: BTreeMap<String, String> =
            [("pt", "pt"), ("pt_BR", "br"), ("tr", "tr")].map(|(a, b)| (a.into(), b.into())).into();
        assert_eq!(Translations::best(&texts, "pt_BR.UTF-8"), Some("br"));
        assert_eq!(Translations::best(&texts, "pt_PT"), Some("pt"));
        assert_eq!(Translations::best(&texts, "de_DE"), None);
        assert_eq!(Translations::best(&texts, "C"), None);
    }

    #[test]
    fn an_encoding_reads_back() {
        let translations = Translations {
            summary: [("tr".into(), "özet".into()), ("de".into(), "Zusammenfassung".into())].into(),
            description: BTreeMap::new(),
        };
        let bytes = translations.encode();
        assert_eq!(Translations::decode(&bytes), Ok(translations));
        assert_eq!(Translations::decode(&bytes[..bytes.len() - 1]), Err(CodecError::Truncated));
    }
}
