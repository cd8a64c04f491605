//! Backslash sequences of `echo -e`, `printf` and `$'…'`.

/// The text, and whether a `\c` ended it. `echo`: octal numbers begin with a zero.
pub fn unescape(text: &str, echo: bool) -> (String, bool) {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        rest = after;
        if *byte != b'\\' {
            bytes.push(*byte);
            continue;
        }
        let Some((what, after)) = rest.split_first() else {
            bytes.push(b'\\');
            break;
        };
        rest = after;
        let simple = b"n\nt\tr\ra\x07b\x08f\x0cv\x0be\x1b\\\\\"\"''";
        if let Some(pair) = simple.chunks(2).find(|it| it[0] == *what) {
            bytes.push(pair[1]);
            continue;
        }
        let (radix, most, start): (u32, usize, &[u8]) = match what {
            b'c' => return (String::from_utf8_lossy(&bytes).into_owned(), true),
            b'x' => (16, 2, rest),
            b'0' if echo => (8, 3, rest),
            b'0'..=b'7' => (8, 3, &text.as_bytes()[text.len() - rest.len() - 1..]),
            _ => {
                bytes.push(b'\\');
                bytes.push(*what);
                continue;
            }
        };
        let digits = start.iter().take(most).take_while(|it| char::from(**it).is_digit(radix)).count();
        let number =
            std::str::from_utf8(&start[..digits]).ok().and_then(|it| u32::from_str_radix(it, radix).ok());
        bytes.push(number.unwrap_or(0) as u8);
        rest = &start[digits..];
    }
    (String::from_utf8_lossy(&bytes).into_owned(), false)
}
