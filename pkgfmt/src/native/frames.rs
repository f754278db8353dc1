//! Single zstd frames: packing, and unpacking that believes nothing.

use std::fmt::Display;

use zstd::zstd_safe::{self, CCtx, CParameter, DCtx};

/// The frame of `bytes` at that level: content size in its header, no checksum, no dictionary.
pub(super) fn pack(level: i32, bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut context = CCtx::try_create().ok_or("no memory for the compressor")?;
    compress(&mut context, level, bytes)
}

/// The frame of `bytes` with `base` before them, which a decoder needs as well.
pub(super) fn pack_patch(level: i32, base: &[u8], bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut context = CCtx::try_create().ok_or("no memory for the compressor")?;
    let reach = (base.len() + bytes.len()).max(2);
    let log = (reach - 1).ilog2() + 1;
    set(&mut context, CParameter::WindowLog(log.clamp(10, 27)))?;
    // Matches far away are found by hashes of long pieces; the match finder of the level looks nearby.
    set(&mut context, CParameter::EnableLongDistanceMatching(true))?;
    context.ref_prefix(base).map_err(message)?;
    compress(&mut context, level, bytes)
}

fn compress(context: &mut CCtx<'_>, level: i32, bytes: &[u8]) -> Result<Vec<u8>, String> {
    set(context, CParameter::CompressionLevel(level))?;
    set(context, CParameter::ContentSizeFlag(true))?;
    set(context, CParameter::ChecksumFlag(false))?;
    let mut packed: Vec<u8> = Vec::with_capacity(zstd_safe::compress_bound(bytes.len()));
    context.compress2(&mut packed, bytes).map_err(message)?;
    packed.shrink_to_fit();
    Ok(packed)
}

fn set(context: &mut CCtx<'_>, parameter: CParameter) -> Result<(), String> {
    context.set_parameter(parameter).map(|_| ()).map_err(message)
}

/// The `size` bytes in `packed`, which must be one frame that says so, and nothing else.
pub(super) fn unpack(packed: &[u8], size: u64) -> Result<Vec<u8>, String> {
    let mut context = DCtx::try_create().ok_or("no memory for the decompressor")?;
    decompress(&mut context, packed, size)
}

/// As [`unpack`], with the base that the frame was packed with.
pub(super) fn unpack_patch(base: &[u8], packed: &[u8], size: u64) -> Result<Vec<u8>, String> {
    let mut context = DCtx::try_create().ok_or("no memory for the decompressor")?;
    context.ref_prefix(base).map_err(message)?;
    decompress(&mut context, packed, size)
}

fn decompress(context: &mut DCtx<'_>, packed: &[u8], size: u64) -> Result<Vec<u8>, String> {
    match zstd_safe::get_frame_content_size(packed) {
        Ok(Some(found)) if found == size => {}
        Ok(Some(found)) => return Err(format!("a zstd frame of {found} bytes where {size} belong")),
        Ok(None) => return Err("a zstd frame that does not say its size".into()),
        Err(_) => return Err("no zstd frame".into()),
    }
    match zstd_safe::find_frame_compressed_size(packed) {
        Ok(length) if length == packed.len() => {}
        Ok(_) => return Err("data follows the end of the zstd frame".into()),
        Err(code) => return Err(message(code)),
    }
    let capacity = usize::try_from(size).map_err(|_| "a zstd frame past the memory")?;
    let mut unpacked: Vec<u8> = Vec::new();
    unpacked.try_reserve_exact(capacity).map_err(display)?;
    context.decompress(&mut unpacked, packed).map_err(message)?;
    if unpacked.len() != capacity {
        return Err(format!("a zstd frame that unpacks to {} bytes, not {size}", unpacked.len()));
    }
    Ok(unpacked)
}

fn message(code: usize) -> String {
    zstd_safe::get_error_name(code).to_owned()
}

fn display(error: impl Display) -> String {
    error.to_string()
}
