//! `$((…))`: integers of 64 bits, as C has them.

/// Where variables are read and written.
pub trait Variables {
    fn get(&mut self, name: &str) -> i64;
    fn set(&mut self, name: &str, value: i64);
}

const DEPTH_MAX: u32 = 60;

/// The value, or what is wrong: `divide by zero`, `arithmetic syntax error`.
pub fn evaluate(text: &str, variables: &mut dyn Variables) -> Result<i64, &'static str> {
    let mut reader = Reader { text: text.as_bytes(), at: 0, variables, quiet: 0, depth: 0 };
    reader.blanks();
    if reader.at == reader.text.len() {
        return Ok(0);
    }
    let value = reader.comma()?;
    reader.blanks();
    if reader.at == reader.text.len() { Ok(value) } else { Err(SYNTAX) }
}

const SYNTAX: &str = "arithmetic syntax error";

struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    variables: &'a mut dyn Variables,
    /// In the part of `&&`, `||`, `?:` that is not chosen.
    quiet: u32,
    depth: u32,
}

/// (sign, precedence), longer signs first.
const BINARY: [(&str, u8); 18] = [
    ("||", 1),
    ("&&", 2),
    ("==", 6),
    ("!=", 6),
    ("<=", 7),
    (">=", 7),
    ("<<", 8),
    (">>", 8),
    ("**", 11),
    ("|", 3),
    ("^", 4),
    ("&", 5),
    ("<", 7),
    (">", 7),
    ("+", 9),
    ("-", 9),
    ("*", 10),
    ("/", 10),
];

impl Reader<'_> {
    fn blanks(&mut self) {
        while self.text.get(self.at).is_some_and(u8::is_ascii_whitespace) {
            self.at += 1;
        }
    }

    fn eat(&mut self, sign: &str) -> bool {
        self.blanks();
        let found = self.text[self.at..].starts_with(sign.as_bytes());
        if found {
            self.at += sign.len();
        }
        found
    }

    fn comma(&mut self) -> Result<i64, &'static str> {
        let mut value = self.ternary()?;
        while self.eat(",") {
            value = self.ternary()?;
        }
        Ok(value)
    }

    fn ternary(&mut self) -> Result<i64, &'static str> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err("expression recursion level exceeded");
        }
        let condition = self.binary(1)?;
        let mut value = condition;
        if self.eat("?") {
            let quiet = self.quiet;
            self.quiet += u32::from(condition == 0);
            let yes = self.ternary()?;
            self.quiet = quiet;
            if !self.eat(":") {
                return Err(SYNTAX);
            }
            self.quiet += u32::from(condition != 0);
            let no = self.ternary()?;
            self.quiet = quiet;
            value = if condition == 0 { no } else { yes };
        }
        self.depth -= 1;
        Ok(value)
    }

    fn operator(&mut self, least: u8) -> Option<(&'static str, u8)> {
        self.blanks();
        let rest = &self.text[self.at..];
        if rest.starts_with(b"%") && 10 >= least && rest.get(1) != Some(&b'=') {
            return Some(("%", 10));
        }
        let found = BINARY.iter().find(|it| rest.starts_with(it.0.as_bytes()))?;
        let assigns = !matches!(found.0, "==" | "!=" | "<=" | ">=") && rest.get(found.0.len()) == Some(&b'=');
        (least <= found.1 && !assigns).then_some(*found)
    }

    fn binary(&mut self, least: u8) -> Result<i64, &'static str> {
        let mut left = self.unary()?;
        while let Some((sign, precedence)) = self.operator(least) {
            self.at += sign.len();
            let skip = (sign == "&&" && left == 0) || (sign == "||" && left != 0);
            self.quiet += u32::from(skip);
            let right = self.binary(precedence + u8::from(sign != "**"))?;
            self.quiet -= u32::from(skip);
            left = self.apply(sign, left, right)?;
        }
        Ok(left)
    }

    fn apply(&self, sign: &str, a: i64, b: i64) -> Result<i64, &'static str> {
        Ok(match sign {
            "||" => i64::from(a != 0 || b != 0),
            "&&" => i64::from(a != 0 && b != 0),
            "==" => i64::from(a == b),
            "!=" => i64::from(a != b),
            "<=" => i64::from(a <= b),
            ">=" => i64::from(a >= b),
            "<" => i64::from(a < b),
            ">" => i64::from(a > b),
            "<<" => a.wrapping_shl(b as u32),
            ">>" => a.wrapping_shr(b as u32),
            "**" => a.wrapping_pow(b.clamp(0, 1 << 20) as u32),
            "|" => a | b,
            "^" => a ^ b,
            "&" => a & b,
            "+" => a.wrapping_add(b),
            "-" => a.wrapping_sub(b),
            "*" => a.wrapping_mul(b),
            _ if b == 0 => {
                if 0 < self.quiet {
                    return Ok(0);
                }
                return Err("divide by zero");
            }
            "/" => a.wrapping_div(b),
            _ => a.wrapping_rem(b),
        })
    }

    fn unary(&mut self) -> Result<i64, &'static str> {
        self.blanks();
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.eat(sign) {
                self.blanks();
                let name = self.name();
                if name.is_empty() {
                    return Err(SYNTAX);
                }
                let value = self.variables.get(&name).wrapping_add(step);
                self.assign(&name, value);
                return Ok(value);
            }
        }
        let Some(byte) = self.text.get(self.at).copied() else { return Err(SYNTAX) };
        let not_equal = self.text.get(self.at + 1) == Some(&b'=');
        match byte {
            b'-' | b'+' | b'~' => {
                self.at += 1;
                let value = self.unary()?;
                Ok(match byte {
                    b'-' => value.wrapping_neg(),
                    b'+' => value,
                    _ => !value,
                })
            }
            b'!' if !not_equal => {
                self.at += 1;
                Ok(i64::from(self.unary()? == 0))
            }
            b'(' => {
                self.at += 1;
                let value = self.comma()?;
                if self.eat(")") { Ok(value) } else { Err(SYNTAX) }
            }
            b'0'..=b'9' => self.number(),
            _ => self.variable(),
        }
    }

    fn number(&mut self) -> Result<i64, &'static str> {
        let end = self.text[self.at..].iter().take_while(|it| it.is_ascii_alphanumeric()).count();
        let text = std::str::from_utf8(&self.text[self.at..self.at + end]).map_err(|_| SYNTAX)?;
        self.at += end;
        let parsed = if let Some(hex) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            i64::from_str_radix(hex, 16)
        } else if 1 < text.len() && text.starts_with('0') {
            i64::from_str_radix(&text[1..], 8)
        } else {
            text.parse()
        };
        parsed.map_err(|_| SYNTAX)
    }

    fn name(&mut self) -> String {
        let rest = &self.text[self.at..];
        let end = rest.iter().take_while(|it| **it == b'_' || it.is_ascii_alphanumeric()).count();
        self.at += end;
        String::from_utf8_lossy(&rest[..end]).into_owned()
    }

    fn assign(&mut self, name: &str, value: i64) {
        if self.quiet == 0 {
            self.variables.set(name, value);
        }
    }

    fn variable(&mut self) -> Result<i64, &'static str> {
        let name = self.name();
        if name.is_empty() {
            return Err(SYNTAX);
        }
        let old = self.variables.get(&name);
        for (sign, step) in [("++", 1), ("--", -1)] {
            if self.eat(sign) {
                self.assign(&name, old.wrapping_add(step));
                return Ok(old);
            }
        }
        self.blanks();
        for sign in ["<<", ">>", "**", "+", "-", "*", "/", "%", "&", "|", "^"] {
            if self.text[self.at..].starts_with(sign.as_bytes())
                && self.text.get(self.at + sign.len()) == Some(&b'=')
            {
                self.at += sign.len() + 1;
                let right = self.ternary()?;
                let value = self.apply(sign, old, right)?;
                self.assign(&name, value);
                return Ok(value);
            }
        }
        if self.text.get(self.at) == Some(&b'=') && self.text.get(self.at + 1) != Some(&b'=') {
            self.at += 1;
            let value = self.ternary()?;
            self.assign(&name, value);
            return Ok(value);
        }
        Ok(old)
    }
}
