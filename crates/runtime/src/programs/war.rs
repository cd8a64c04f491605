//! Web archives: the stored files of a zip.

/// Path and content.
type File = (String, Vec<u8>);

/// Each file that is stored without compression.
pub(super) fn entries(bytes: &[u8]) -> Vec<File> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some((entry, next)) = entry(bytes, at) {
        found.extend(entry);
        at = next;
    }
    found
}

/// The file whose local header is at an offset, and where the next header is.
fn entry(bytes: &[u8], at: usize) -> Option<(Option<File>, usize)> {
    let header = bytes.get(at..at + 30)?;
    if !header.starts_with(b"PK\x03\x04") {
        return None;
    }
    let short = |from: usize| usize::from(u16::from_le_bytes([header[from], header[from + 1]]));
    let size = short(18) | short(20) << 16;
    let (name_length, extra) = (short(26), short(28));
    let start = at + 30 + name_length + extra;
    let name = String::from_utf8_lossy(bytes.get(at + 30..at + 30 + name_length)?).into_owned();
    let content = bytes.get(start..start.checked_add(size)?)?;
    let stored = short(8) == 0;
    Some((stored.then(|| (name, content.to_vec())), start + size))
}
