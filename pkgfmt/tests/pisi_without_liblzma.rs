//! Without liblzma packages are read and none is written.
#![allow(clippy::unwrap_used, clippy::print_stdout)]
#![cfg(not(feature = "liblzma"))]

mod pisi_common;

use ambar_pkgfmt::Format;
use pisi_common::hello;

#[test]
fn writing_is_refused_in_words() {
    for format in [Format::Pisi11, Format::Pisi12] {
        let mut package = hello();
        // Nothing is read for nothing.
        package.contents.0.clear();
        let problem = package.try_write(format).unwrap_err().to_string();
        assert_eq!(problem, "writing PiSi packages: this build has no liblzma, and lzma-rs cannot compress");
    }
}
