//! The packed part of a link where there is no browser, which has streams for that: raw deflate in base64url.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use miniz_oxide::inflate::{TINFLStatus, decompress_to_vec_with_limit};

use crate::link::{LinkError, UNPACKED_MAX};

/// Of the compressor's levels.
const SMALLEST: u8 = 9;

pub fn pack(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(miniz_oxide::deflate::compress_to_vec(text.as_bytes(), SMALLEST))
}

pub fn unpack(packed: &str) -> Result<String, LinkError> {
    let bytes = URL_SAFE_NO_PAD.decode(packed).map_err(|_| LinkError::Damaged("z"))?;
    let text = decompress_to_vec_with_limit(&bytes, UNPACKED_MAX).map_err(|it| match it.status {
        TINFLStatus::HasMoreOutput => LinkError::TooLarge,
        _ => LinkError::Damaged("z"),
    })?;
    String::from_utf8(text).map_err(|_| LinkError::Damaged("z"))
}
