//! Options as most commands have them: `-a`, `-ab`, `-n 5`, `-n5`, `--name`, `--name=value`.

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Options {
    pub given: Vec<(String, String)>,
    pub rest: Vec<String>,
}

impl Options {
    /// `valued`: letters and long names (between blanks) that take a value.
    pub fn parse(arguments: &[String], valued: &str) -> Options {
        Options::parse_until(arguments, valued, false)
    }

    /// `strict`: the first word that is no option ends them (`timeout 5 ls -l`).
    pub fn parse_until(arguments: &[String], valued: &str, strict: bool) -> Options {
        let takes = |name: &str| valued.split(' ').any(|it| it == name);
        let mut options = Options::default();
        let mut at = 0;
        while let Some(argument) = arguments.get(at) {
            at += 1;
            if argument == "--" {
                options.rest.extend_from_slice(&arguments[at..]);
                break;
            }
            if let Some(name) = argument.strip_prefix("--") {
                let (name, value) = match name.split_once('=') {
                    Some((name, value)) => (name, Some(value.to_owned())),
                    None => (name, None),
                };
                let mut value = value;
                if value.is_none() && takes(name) {
                    value = arguments.get(at).cloned();
                    at += 1;
                }
                options.given.push((name.to_owned(), value.unwrap_or_default()));
                continue;
            }
            if argument.len() < 2 || !argument.starts_with('-') {
                if strict {
                    options.rest.extend_from_slice(&arguments[at - 1..]);
                    break;
                }
                options.rest.push(argument.clone());
                continue;
            }
            for (place, flag) in argument.char_indices().skip(1) {
                let name = flag.to_string();
                if takes(&name) {
                    let attached = &argument[place + flag.len_utf8()..];
                    let value = if attached.is_empty() {
                        at += 1;
                        arguments.get(at - 1).cloned().unwrap_or_default()
                    } else {
                        attached.to_owned()
                    };
                    options.given.push((name, value));
                    break;
                }
                options.given.push((name, String::new()));
            }
        }
        options
    }

    pub fn has(&self, name: &str) -> bool {
        self.given.iter().any(|it| it.0 == name)
    }

    pub fn any(&self, names: &[&str]) -> bool {
        names.iter().any(|it| self.has(it))
    }

    /// The last one counts.
    pub fn value(&self, name: &str) -> Option<&str> {
        self.given.iter().rev().find(|it| it.0 == name).map(|it| it.1.as_str())
    }

    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.given.iter().filter(move |it| it.0 == name).map(|it| it.1.as_str())
    }

    pub fn number(&self, name: &str) -> Option<i64> {
        self.value(name)?.parse().ok()
    }
}
