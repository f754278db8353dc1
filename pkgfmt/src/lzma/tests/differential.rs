use std::io::Write;

use lzma_rust2::{CheckType, LzmaOptions, LzmaReader, LzmaWriter, XzOptions, XzReader, XzWriter};
use proptest::prelude::*;

use super::*;

/// What one decoder makes of a stream that must take all of its source.
fn read_all(mut reader: impl Read) -> Option<Vec<u8>> {
    let mut output = Vec::new();
    reader.read_to_end(&mut output).ok().map(|_| output)
}

/// lzma-rust2, held to the same rules: one stream, nothing after it.
fn lzma_rust2(stream: &[u8], coding: Coding) -> Option<Vec<u8>> {
    let mut rest = stream;
    let kib = (MEMORY >> 10) as u32;
    let output = match coding {
        Coding::Lzma => LzmaReader::new_mem_limit(&mut rest, kib, None).ok().and_then(read_all),
        Coding::Xz => read_all(XzReader::new_mem_limit(&mut rest, false, kib)),
    };
    output.filter(|_| rest.is_empty())
}

fn lzma_rs(stream: &[u8], coding: Coding) -> Option<Vec<u8>> {
    read_all(RustDecoder::start(Bytes::new(stream), coding, MEMORY).unwrap())
}

#[cfg(feature = "liblzma")]
fn liblzma(stream: &[u8], coding: Coding) -> Option<Vec<u8>> {
    read_all(super::super::native::NativeDecoder::new(stream, coding, MEMORY).unwrap())
}

fn rust2_lzma(content: &[u8], o: &LzmaOptions, size: bool) -> Vec<u8> {
    let mut w = LzmaWriter::new_use_header(Vec::new(), o, size.then_some(content.len() as u64)).unwrap();
    w.write_all(content).unwrap();
    w.finish().unwrap()
}

fn rust2_xz(content: &[u8], o: &LzmaOptions, check: CheckType) -> Vec<u8> {
    let mut x = XzOptions::with_preset(1);
    x.lzma_options = o.clone();
    x.check_type = check;
    let mut w = XzWriter::new(Vec::new(), x).unwrap();
    w.write_all(content).unwrap();
    w.finish().unwrap()
}

#[cfg(feature = "liblzma")]
#[test]
#[ignore]
fn measure() {
    use std::collections::BTreeMap;
    let mut seed = 88172645463325252u64;
    let mut rnd = move |n: usize| {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        (seed >> 11) as usize % n
    };
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    let mut shown: BTreeMap<String, usize> = BTreeMap::new();
    for round in 0..60_000 {
        let length = rnd(400);
        let content: Vec<u8> =
            (0..length).map(|_| if rnd(3) == 0 { rnd(256) as u8 } else { b'a' + rnd(3) as u8 }).collect();
        let mut o = LzmaOptions::with_preset(1);
        o.dict_size = 4096;
        (o.lc, o.lp, o.pb) = [(3, 0, 2), (0, 2, 0), (4, 0, 4), (1, 3, 1)][rnd(4)];
        let kind = rnd(4);
        let (mut s, coding) = match kind {
            0 => (rust2_lzma(&content, &o, true), Coding::Lzma),
            1 => (rust2_lzma(&content, &o, false), Coding::Lzma),
            2 => (rust2_xz(&content, &o, CheckType::None), Coding::Xz),
            _ => (rust2_xz(&content, &o, CheckType::Crc32), Coding::Xz),
        };
        let m = rnd(6);
        let at = rnd(s.len());
        match m {
            0 => {}
            1 => s[at] ^= 1 << rnd(8),
            2 => s[at] = rnd(256) as u8,
            3 => s.truncate(at),
            4 => {
                s.remove(at);
            }
            _ => {
                s.push(rnd(2) as u8);
            }
        }
        let all = [liblzma(&s, coding), lzma_rs(&s, coding), lzma_rust2(&s, coding)];
        let yes: String = all.iter().map(|a| if a.is_some() { 'y' } else { 'n' }).collect();
        let mut some: Vec<_> = all.iter().flatten().collect();
        some.dedup();
        let differ = some.len() > 1;
        let key = format!("kind {kind} mutation {m}: {yes} differ={differ}");
        *counts.entry(key.clone()).or_default() += 1;
        if (yes != "yyy" && yes != "nnn") || differ {
            let n = shown.entry(key.clone()).or_default();
            *n += 1;
            if *n <= 4 {
                let lens: Vec<_> = all.iter().map(|a| a.as_ref().map(Vec::len)).collect();
                println!("{round} {key} at {at} of {} content {} {lens:?} same={}", s.len(), content.len(), some[0]==&content);
            }
        }
    }
    for (k, n) in counts {
        println!("{n:6} {k}");
    }
}
