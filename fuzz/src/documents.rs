//! Targets for the documents in a PiSi package; the container around them is honest.

use crate::package::open;
use crate::pisi::zip;

const METADATA: &[u8] = b"<PISI><Source><Name>a</Name></Source><Package><Name>a</Name>\
    <History><Update release=\"1\"><Version>1</Version></Update></History></Package></PISI>";
const FILES: &[u8] = b"<Files></Files>";

/// metadata.xml, with scripts for what it may name.
pub fn metadata_xml(data: &[u8]) {
    let bytes = zip(&[
        ("metadata.xml", data),
        ("files.xml", FILES),
        ("comar/package.py", b"def postInstall(): pass"),
        ("comar/service.py", b"from comar.service import *"),
    ]);
    if let Ok(package) = open("a.pisi", &bytes) {
        let texts = package.translations();
        assert_eq!(ambar_pkgfmt::Translations::decode(&texts.encode()).as_ref(), Ok(texts));
        assert_eq!(package.scripts().len(), package.draft().manifest.scripts.len());
    }
}

/// files.xml.
pub fn files_xml(data: &[u8]) {
    let _ = open("a.pisi", &zip(&[("metadata.xml", METADATA), ("files.xml", data)]));
}
