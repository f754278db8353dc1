//! Settings of a root: `config.toml`. Flags of a command override them.

use std::path::Path;

use serde::Deserialize;

use crate::error::Error;

/// Settings, with the defaults of a root that has no `config.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// How many generations are kept; older ones go when a new one has become live. 0 keeps all.
    pub keep: u64,
    /// How trees get their files.
    pub link: LinkMode,
    /// Which modification times objects have.
    pub mtime: MtimePolicy,
}

/// How trees get their files from the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LinkMode {
    /// Hard links where a trial link works, otherwise copies (reflinks where the file system can).
    Auto,
    /// Copies (reflinks where the file system can).
    Copy,
}

/// Which modification times objects have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum MtimePolicy {
    /// One second after the epoch, unless a time matters.
    One,
    /// The declared one: content is then stored again at each rebuild.
    Exact,
}

impl Default for Config {
    fn default() -> Self {
        Config { keep: 10, link: LinkMode::Auto, mtime: MtimePolicy::One }
    }
}

impl Config {
    /// Reads the text of a `config.toml`.
    ///
    /// # Errors
    /// [`Error::Damaged`] naming `path` and the line.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Config, Error> {
        let text = std::str::from_utf8(bytes).map_err(|error| error.to_string());
        let config = text.and_then(|text| toml::from_str(text).map_err(|error| error.to_string()));
        config.map_err(|reason| Error::Damaged { path: path.into(), reason })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_are_read_and_misspelt_ones_refused() {
        let path = Path::new("config.toml");
        let config = Config::parse(b"keep = 3\nlink = \"copy\"\nmtime = \"exact\"\n", path).unwrap();
        assert_eq!(config, Config { keep: 3, link: LinkMode::Copy, mtime: MtimePolicy::Exact });
        assert_eq!(Config::parse(b"", path).unwrap(), Config::default());
        assert!(Config::parse(b"kepe = 3\n", path).is_err());
    }
}
