//! Command-line parsing with pflag's rules and texts, driven by one line of text per verb.

/// Flags that every verb takes.
const GLOBAL: &str = "namespace,n= context= kubeconfig= server,s= request-timeout= v,v= as= as-group= as-uid= as-user-extra= cluster= user= token= password= username= cache-dir= certificate-authority= client-certificate= client-key= insecure-skip-tls-verify! match-server-version! tls-server-name= warnings-as-errors! disable-compression! profile= profile-output= vmodule= log-flush-frequency= kuberc= help,h!";

/// How a flag takes its value: the character that ends its name in a table.
#[derive(Clone, Copy, PartialEq)]
enum Takes {
    /// `!`
    Bool,
    /// `=`
    Text,
    /// `#`
    Number,
    /// `%`
    Duration,
    /// `~default`: a value may follow only after `=`.
    Optional(&'static str),
}

struct Flag {
    name: &'static str,
    short: char,
    takes: Takes,
}

fn table(spec: &'static str) -> impl Iterator<Item = Flag> {
    spec.split(' ').chain(GLOBAL.split(' ')).filter(|it| !it.is_empty()).map(|word| {
        let end = word.find(['!', '=', '#', '%', '~']).unwrap_or(word.len());
        let takes = match word.as_bytes().get(end) {
            Some(b'!') => Takes::Bool,
            Some(b'#') => Takes::Number,
            Some(b'%') => Takes::Duration,
            Some(b'~') => Takes::Optional(&word[end + 1..]),
            _ => Takes::Text,
        };
        let (name, short) = word[..end].split_once(',').unwrap_or((&word[..end], ""));
        Flag { name, short: short.chars().next().unwrap_or('\0'), takes }
    })
}

/// Flags as they are typed: `--follow`, `--tail=`.
pub fn spelled(spec: &'static str) -> impl Iterator<Item = String> {
    table(spec).map(|it| {
        let value = if matches!(it.takes, Takes::Bool | Takes::Optional(_)) { "" } else { "=" };
        ["--", it.name, value].concat()
    })
}

/// The flag whose value must follow `word`: `-n`, `--filename`.
pub fn awaits(spec: &'static str, word: &str) -> Option<&'static str> {
    let valued = |it: &Flag| !matches!(it.takes, Takes::Bool | Takes::Optional(_));
    if let Some(name) = word.strip_prefix("--") {
        return table(spec).find(|it| it.name == name && valued(it)).map(|it| it.name);
    }
    let last = word.strip_prefix('-')?.chars().last()?;
    table(spec).find(|it| it.short == last && valued(it)).map(|it| it.name)
}

/// The words that are neither flags nor their values.
pub fn arguments<'a>(spec: &'static str, words: &'a [String]) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut value = false;
    for word in words {
        if std::mem::take(&mut value) {
            continue;
        }
        if word.starts_with('-') {
            value = awaits(spec, word).is_some();
        } else {
            found.push(word.as_str());
        }
    }
    found
}

/// A parsed command line: plain data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Flags {
    values: Vec<(&'static str, String)>,
    pub args: Vec<String>,
    /// How many arguments stood before `--`.
    pub dash: Option<usize>,
}

impl Flags {
    pub fn parse(spec: &'static str, words: &[String]) -> Result<Flags, String> {
        let mut flags = Flags::default();
        let mut words = words.iter();
        while let Some(word) = words.next() {
            if word == "--" {
                flags.dash = Some(flags.args.len());
                flags.args.extend(words.cloned());
                break;
            } else if let Some(long) = word.strip_prefix("--") {
                flags.long(spec, long, &mut words)?;
            } else if word.len() > 1 && word.starts_with('-') {
                flags.shorts(spec, &word[1..], &mut words)?;
            } else {
                flags.args.push(word.clone());
            }
        }
        Ok(flags)
    }

    fn long(
        &mut self,
        spec: &'static str,
        word: &str,
        rest: &mut std::slice::Iter<String>,
    ) -> Result<(), String> {
        let (name, value) = word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
        if name.is_empty() || name.starts_with('-') {
            return Err(["bad flag syntax: --", word].concat());
        }
        let found = table(spec).find(|it| it.name == name);
        let flag = found.ok_or_else(|| ["unknown flag: --", name].concat())?;
        let value = match (value, flag.takes) {
            (Some(value), _) => value.to_owned(),
            (None, Takes::Bool) => "true".to_owned(),
            (None, Takes::Optional(default)) => default.to_owned(),
            (None, _) => {
                let next = rest.next().cloned();
                next.ok_or_else(|| ["flag needs an argument: --", name].concat())?
            }
        };
        self.set(&flag, value)
    }

    fn shorts(
        &mut self,
        spec: &'static str,
        cluster: &str,
        rest: &mut std::slice::Iter<String>,
    ) -> Result<(), String> {
        for (at, letter) in cluster.char_indices() {
            let found = table(spec).find(|it| it.short == letter);
            let flag =
                found.ok_or_else(|| format!("unknown shorthand flag: '{letter}' in -{}", &cluster[at..]))?;
            let after = &cluster[at + letter.len_utf8()..];
            if let Some(value) = after.strip_prefix('=') {
                return self.set(&flag, value.to_owned());
            }
            match flag.takes {
                Takes::Bool => self.set(&flag, "true".to_owned())?,
                Takes::Optional(default) => self.set(&flag, default.to_owned())?,
                _ if !after.is_empty() => return self.set(&flag, after.to_owned()),
                _ => {
                    let next = rest.next().cloned();
                    let value = next.ok_or_else(|| {
                        format!("flag needs an argument: '{letter}' in -{}", &cluster[at..])
                    })?;
                    return self.set(&flag, value);
                }
            }
        }
        Ok(())
    }

    fn set(&mut self, flag: &Flag, value: String) -> Result<(), String> {
        let problem = match flag.takes {
            Takes::Bool if parse_bool(&value).is_none() => Some("strconv.ParseBool: parsing"),
            Takes::Number if value.parse::<i64>().is_err() => Some("strconv.ParseInt: parsing"),
            Takes::Duration if parse_duration(&value).is_none() => {
                let short = if flag.short == '\0' { String::new() } else { format!("-{}, ", flag.short) };
                let problem = if sim::parse_float(&value).is_some() {
                    "missing unit in duration"
                } else {
                    "invalid duration"
                };
                return Err(format!(
                    "invalid argument {value:?} for \"{short}--{}\" flag: time: {problem} {value:?}",
                    flag.name
                ));
            }
            _ => None,
        };
        if let Some(problem) = problem {
            let short = if flag.short == '\0' { String::new() } else { format!("-{}, ", flag.short) };
            return Err(format!(
                "invalid argument {value:?} for \"{short}--{}\" flag: {problem} {value:?}: invalid syntax",
                flag.name
            ));
        }
        self.values.push((flag.name, value));
        Ok(())
    }

    /// The last value given, or nothing.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    /// The last value given; empty when there is none.
    pub fn text(&self, name: &str) -> &str {
        self.value(name).unwrap_or("")
    }

    pub fn on(&self, name: &str) -> bool {
        self.value(name).and_then(parse_bool).unwrap_or(false)
    }

    /// A flag whose default is true.
    pub fn on_unless_off(&self, name: &str) -> bool {
        self.value(name).and_then(parse_bool).unwrap_or(true)
    }

    pub fn given(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(|it| it.parse().ok())
    }

    /// Microseconds.
    pub fn duration(&self, name: &str) -> Option<i64> {
        self.value(name).and_then(parse_duration)
    }

    /// A duration that may also be plain seconds, as `--request-timeout`; nothing for none.
    pub fn duration_or_text(&self, name: &str) -> Option<u64> {
        let text = self.value(name)?;
        let micros = text.parse::<i64>().map(|it| it * 1_000_000).ok().or_else(|| parse_duration(text))?;
        u64::try_from(micros).ok().filter(|it| *it != 0)
    }

    /// All values of a flag that may be repeated.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.values.iter().filter(move |it| it.0 == name).map(|it| it.1.as_str())
    }

    /// All values of a flag that may be repeated and holds lists.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.all(name).flat_map(|it| it.split(',')).filter(|it| !it.is_empty())
    }
}

fn parse_bool(text: &str) -> Option<bool> {
    match text {
        "1" | "t" | "T" | "true" | "TRUE" | "True" => Some(true),
        "0" | "f" | "F" | "false" | "FALSE" | "False" => Some(false),
        _ => None,
    }
}

/// Go's duration syntax (`1h30m`, `1.5s`), in microseconds.
pub fn parse_duration(text: &str) -> Option<i64> {
    let (sign, mut rest) = text.strip_prefix('-').map_or((1, text), |it| (-1, it));
    if rest == "0" {
        return Some(0);
    }
    let mut total = 0_i64;
    if rest.is_empty() {
        return None;
    }
    while !rest.is_empty() {
        let digits = rest.find(|it: char| !it.is_ascii_digit() && it != '.').unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        let letters = after.find(|it: char| it.is_ascii_digit() || it == '.').unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let micros = match unit {
            "us" | "µs" => 1,
            "ms" => 1_000,
            "s" => 1_000_000,
            "m" => 60_000_000,
            "h" => 3_600_000_000,
            _ => return None,
        };
        let (whole, part) = number.split_once('.').unwrap_or((number, ""));
        let mut value = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.checked_mul(micros)? };
        let mut scale = micros;
        for digit in part.bytes() {
            scale /= 10;
            value += i64::from(digit - b'0') * scale;
        }
        total = total.checked_add(value)?;
        rest = after;
    }
    Some(sign * total)
}

/// Splits off the verb: the first word that is neither a global flag nor its value.
pub fn verb_position(words: &[String]) -> Option<usize> {
    let mut index = 0;
    while let Some(word) = words.get(index) {
        if !word.starts_with('-') || word == "-" {
            return Some(index);
        }
        let takes_next = table("").any(|it| {
            it.takes == Takes::Text
                && (word.strip_prefix("--") == Some(it.name)
                    || (word.len() == 2 && word.chars().nth(1) == Some(it.short)))
        });
        index += if takes_next { 2 } else { 1 };
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        text.split(' ').map(str::to_owned).collect()
    }

    #[test]
    fn parses_as_pflag() {
        let spec = "output,o= watch,w! dry-run~unchanged grace-period#";
        let flags =
            Flags::parse(spec, &words("pod -owide -n x --dry-run -w a --grace-period=-1 -- -b")).unwrap();
        assert_eq!((flags.text("output"), flags.text("namespace"), flags.on("watch")), ("wide", "x", true));
        assert_eq!((flags.text("dry-run"), flags.number("grace-period")), ("unchanged", Some(-1)));
        assert_eq!((flags.args.len(), flags.dash), (3, Some(2)));
        assert_eq!(Flags::parse(spec, &words("-Z")).unwrap_err(), "unknown shorthand flag: 'Z' in -Z");
        assert_eq!(Flags::parse(spec, &words("--nope=1")).unwrap_err(), "unknown flag: --nope");
        assert_eq!(verb_position(&words("-n default get")), Some(2));
        assert_eq!(parse_duration("1m30.5s"), Some(90_500_000));
    }
}
