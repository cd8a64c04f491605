//! What comes from outside: the log of inputs, the seed and the scenario are the whole session.

use cluster::Fault;
use serde_json::{Map, Value};
use sim::SimTime;

/// One thing that the person did.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Input {
    /// Keys typed at the terminal.
    Keys(String),
    /// A command line run beside the terminal's foreground, as the page's buttons do.
    Run(String),
    /// The editor's text becomes a file of the workstation and is applied.
    Apply {
        file: String,
        text: String,
    },
    /// A file is put on the workstation.
    File {
        path: String,
        text: String,
    },
    Fault(Fault),
}

/// An input and its instant.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Logged {
    /// Microseconds.
    pub at: u64,
    pub input: Input,
}

impl Logged {
    pub fn at(&self) -> SimTime {
        SimTime(self.at)
    }

    /// As JSON: `{"t":5,"i":{"k":"ls\r"}}`.
    pub fn to_value(&self) -> Value {
        let texts = |name: &str, file: &str, text: &str| object([(name, file.into()), ("text", text.into())]);
        let input = match &self.input {
            Input::Keys(keys) => ("k", keys.as_str().into()),
            Input::Run(line) => ("r", line.as_str().into()),
            Input::Apply { file, text } => ("a", texts("file", file, text)),
            Input::File { path, text } => ("f", texts("path", path, text)),
            Input::Fault(fault) => ("x", fault.to_value()),
        };
        let input = object([input]);
        object([("t", self.at.into()), ("i", input)])
    }

    /// What [`Logged::to_value`] makes, and nothing else.
    pub fn of_value(logged: &Value) -> Option<Logged> {
        let text = |it: &Value| it.as_str().map(str::to_owned);
        let mut inputs = logged.get("i")?.as_object()?.iter();
        let (kind, it) = inputs.next()?;
        let input = match kind.as_str() {
            "k" => Input::Keys(text(it)?),
            "r" => Input::Run(text(it)?),
            "a" => Input::Apply { file: text(it.get("file")?)?, text: text(it.get("text")?)? },
            "f" => Input::File { path: text(it.get("path")?)?, text: text(it.get("text")?)? },
            "x" => Input::Fault(Fault::of_value(it).ok()?),
            _ => return None,
        };
        let alone = inputs.next().is_none();
        alone.then_some(Logged { at: logged.get("t")?.as_u64()?, input })
    }
}

fn object<const N: usize>(fields: [(&str, Value); N]) -> Value {
    let mut object = Map::new();
    for (name, value) in fields {
        object.insert(name.to_owned(), value);
    }
    Value::Object(object)
}

/// The line that ended with the keys at `index`: shells are given whole lines, other programs keys.
pub fn typed_line(inputs: &[Logged], index: usize) -> String {
    let mut line = String::new();
    for (step, logged) in inputs[..inputs.len().min(index + 1)].iter().rev().enumerate() {
        let Input::Keys(keys) = &logged.input else { break };
        let body = keys.trim_end_matches(['\r', '\n']);
        if step > 0 && body.len() < keys.len() {
            break;
        }
        line.insert_str(0, body);
    }
    line.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_it_writes() {
        let text = || "kind: Pod".to_owned();
        for (input, json) in [
            (Input::Keys("ls\r".to_owned()), r#"{"k":"ls\r"}"#),
            (Input::Run("ls".to_owned()), r#"{"r":"ls"}"#),
            (
                Input::Apply { file: "a.yaml".to_owned(), text: text() },
                r#"{"a":{"file":"a.yaml","text":"kind: Pod"}}"#,
            ),
            (
                Input::File { path: "/a".to_owned(), text: text() },
                r#"{"f":{"path":"/a","text":"kind: Pod"}}"#,
            ),
            (Input::Fault(Fault::RegistryDown), r#"{"x":{"fault":"registry-down"}}"#),
        ] {
            let (logged, json) =
                (Logged { at: u64::MAX, input }, format!(r#"{{"i":{json},"t":{}}}"#, u64::MAX));
            assert_eq!(logged.to_value().to_string(), json);
            assert_eq!(Logged::of_value(&logged.to_value()), Some(logged));
        }
    }

    #[test]
    fn takes_nothing_else() {
        for json in [
            "null",
            r#"[5,{"k":"ls"}]"#,
            r#"{"i":{"k":"ls"}}"#,
            r#"{"t":-1,"i":{"k":"ls"}}"#,
            r#"{"t":1.5,"i":{"k":"ls"}}"#,
            r#"{"t":5}"#,
            r#"{"t":5,"i":"k"}"#,
            r#"{"t":5,"i":{}}"#,
            r#"{"t":5,"i":{"k":5}}"#,
            r#"{"t":5,"i":{"q":"ls"}}"#,
            r#"{"t":5,"i":{"k":"ls","r":"ls"}}"#,
            r#"{"t":5,"i":{"a":{"text":"kind: Pod"}}}"#,
            r#"{"t":5,"i":{"x":{"fault":"rain"}}}"#,
        ] {
            assert_eq!(Logged::of_value(&serde_json::from_str(json).expect("JSON")), None, "{json}");
        }
    }

    #[test]
    fn a_line_is_put_together_from_keys() {
        let keys = |text: &str| Logged { at: 0, input: Input::Keys(text.to_owned()) };
        let inputs = [keys("ls\r"), keys("kub"), keys("ectl get po"), keys("\r"), keys("pwd\r")];
        assert_eq!(typed_line(&inputs, 3), "kubectl get po");
        assert_eq!(typed_line(&inputs, 4), "pwd");
        assert_eq!(typed_line(&[], 4), "");
    }
}
