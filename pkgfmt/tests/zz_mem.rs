//! x
#![allow(warnings)]
mod common;
#[test]
fn mem() {
    let p = std::env::var("PKG").unwrap();
    let r = common::read(std::path::Path::new(&p));
    let s = std::fs::read_to_string("/proc/self/status").unwrap();
    let hwm = s.lines().find(|l| l.starts_with("VmHWM")).unwrap();
    println!("RESULT {} -> {} {}", p, hwm, match r { Ok(m) => format!("ok {}", m.entries.len()), Err(e) => e.to_string() });
}
