//! What a package may ask of the machine that reads it. Every reader takes a [`Limits`]; the defaults are
//! here and nowhere else.

/// Upper bounds that readers enforce before they take memory or time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Members of a container.
    pub container_members: usize,
    /// Entries of a payload.
    pub entries: usize,
    /// Bytes of one metadata document (metadata.xml, control).
    pub metadata_bytes: u64,
    /// Fields of one control file.
    pub metadata_fields: usize,
    /// Targets of all relations of a package, alternatives included, where short texts can ask for many (Debian,
    /// Portage, Entropy).
    pub relation_targets: usize,
    /// Bytes of one file list (files.xml, conffiles, md5sums).
    pub file_list_bytes: u64,
    /// Bytes of a native package's manifest, unpacked.
    pub manifest_bytes: u64,
    /// Bytes of one field of a native package's manifest, its entries aside: short texts take many times as much
    /// memory.
    pub manifest_field_bytes: u64,
    /// Bytes of a native package's index, unpacked, and of its frame table.
    pub index_bytes: u64,
    /// Bytes of a repository's index, unpacked.
    pub repository_index_bytes: u64,
    /// Bytes of the extended attributes of one entry of a native package, names and values together.
    pub xattr_bytes: u64,
    /// Bytes of all foreign scripts of a package together.
    pub script_bytes: u64,
    /// Bytes of an embedded database (Entropy); the largest known have 31 MB.
    pub database_bytes: u64,
    /// Steps of SQLite's virtual machine that reading an embedded database may take.
    pub database_steps: u64,
    /// Depth of groups in a dependency (Portage, Entropy).
    pub dependency_depth: usize,
    /// Elements of one XML document.
    pub xml_elements: usize,
    /// Depth of an XML document.
    pub xml_depth: usize,
    /// Bytes of the unpacked payload.
    pub payload_bytes: u64,
    /// Unpacked bytes for each packed byte, once more than [`ratio_floor`](Self::ratio_floor) are unpacked.
    pub ratio: u64,
    /// Unpacked bytes that are never counted as a bomb.
    pub ratio_floor: u64,
    /// Bytes of memory that a decoder's dictionary or window may take.
    pub decoder_memory: u64,
    /// Files up to this many bytes are hashed in memory; larger ones are streamed.
    pub small_file: u64,
}

impl Limits {
    /// Most bytes that a payload packed into so many may unpack to.
    pub(crate) fn most_unpacked(&self, packed: u64) -> u64 {
        packed.saturating_mul(self.ratio).max(self.ratio_floor)
    }
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            container_members: 250_000,
            entries: 250_000,
            metadata_bytes: 16 << 20,
            metadata_fields: 1_000,
            file_list_bytes: 128 << 20,
            manifest_bytes: 64 << 20,
            manifest_field_bytes: 4 << 20,
            index_bytes: 16 << 20,
            repository_index_bytes: 1 << 30,
            xattr_bytes: 64 << 10,
            script_bytes: 16 << 20,
            database_bytes: 64 << 20,
            database_steps: 20_000_000,
            dependency_depth: 32,
            relation_targets: 65_536,
            xml_elements: 900_000,
            xml_depth: 32,
            payload_bytes: 64 << 30,
            ratio: 500,
            ratio_floor: 64 << 20,
            decoder_memory: 128 << 20,
            small_file: 8 << 20,
        }
    }
}
