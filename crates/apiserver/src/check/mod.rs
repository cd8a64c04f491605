//! What the editor tells while one types: the server's own words at the right place, a hint, and a fix to click.

mod hints;
mod no_effect;

use api::schema;
use api::yaml::{self, Document, Mark, Place, Step, YamlError};
use api::{Kind, Object, known};
use serde_json::Value;
use sim::{Gather as _, Sort as _};

use crate::field::FieldError;
use crate::store::Store;
use crate::{defaults, validation};

/// More would help nobody.
pub const DIAGNOSTICS_MAX: usize = 50;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    pub start: Mark,
    pub end: Mark,
    pub severity: Severity,
    /// Kubernetes' words.
    pub message: String,
    pub hint: Option<Hint>,
    pub fix: Option<Fix>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    Error,
    /// Accepted, yet not what it looks like.
    Warning,
    /// Right, and without effect here.
    Info,
}

/// What the mistake probably is; the page has words for each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hint {
    /// A name that exists, close to the one that is written.
    DidYouMean {
        wrong: String,
        right: String,
    },
    /// The field exists elsewhere: in `parent`, one or more levels up (`deeper` false) or below.
    MisIndented {
        field: String,
        parent: String,
        deeper: bool,
    },
    /// The text is no YAML because this line stands at a column where nothing else does.
    OddIndentation {
        column: u32,
    },
    WrongApiVersion {
        kind: String,
        found: String,
        right: String,
    },
    /// A list is wanted and its dash is missing.
    MissingDash {
        field: String,
    },
    /// A number or boolean where text is wanted.
    QuoteIt {
        value: String,
    },
    /// YAML forbids tabs in indentation.
    Tab,
    /// Real Kubernetes knows the kind; this playground does not simulate it.
    NotSimulated {
        kind: String,
    },
    /// Real Kubernetes acts on the field; this playground accepts it only.
    NoEffect {
        field: String,
    },
}

/// One click: all edits together, none overlapping.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Fix {
    pub edits: Vec<Edit>,
}

/// Replaces the bytes from `start` to `end`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edit {
    pub start: Mark,
    pub end: Mark,
    pub text: String,
}

impl Fix {
    pub fn apply(&self, text: &str) -> String {
        let mut edits: Vec<&Edit> = self.edits.iter().gather();
        edits.put_in_order_by_key(|it| it.start.offset);
        let mut out = text.to_owned();
        for edit in edits.into_iter().rev() {
            let range = edit.start.offset as usize..edit.end.offset as usize;
            if out.get(range.clone()).is_some() {
                out.replace_range(range, &edit.text);
            }
        }
        out
    }
}

/// Everything that is wrong with a manifest, in reading order.
pub fn check(text: &str) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for document in yaml::read(text) {
        match document {
            Ok(document) => Checker { text, document: &document, found: &mut found }.document(),
            Err(error) => found.push(yaml_error(text, &error)),
        }
        if DIAGNOSTICS_MAX <= found.len() {
            break;
        }
    }
    found.put_in_order_by_key(|it| it.start);
    found.truncate(DIAGNOSTICS_MAX);
    found
}

fn yaml_error(text: &str, error: &YamlError) -> Diagnostic {
    let place = error.place.unwrap_or_default();
    let line = text.lines().nth(place.line as usize).unwrap_or("");
    let width = line.chars().count() as u32;
    let start = Mark { column: place.column.min(width), ..place };
    let end = Mark {
        line: place.line,
        column: width.max(start.column),
        offset: start.offset
            + line.chars().skip(start.column as usize).map(char::len_utf8).sum::<usize>() as u32,
    };
    let (hint, fix) = hints::yaml(text, error);
    Diagnostic { start, end, severity: Severity::Error, message: error.message.clone(), hint, fix }
}

struct Checker<'a> {
    text: &'a str,
    document: &'a Document,
    found: &'a mut Vec<Diagnostic>,
}

impl Checker<'_> {
    fn tell(&mut self, at: Place, whole_value: bool, message: String, hint: Option<Hint>, fix: Option<Fix>) {
        // A key is where one looks; a value is marked when it is the value that is wrong.
        let span = if whole_value && at.exact { at.value } else { at.key.unwrap_or(at.value) };
        let mut end = span.end;
        if at.key.is_none() && !at.exact && span.start.line != end.line {
            end = span.start;
        }
        let severity = Severity::Error;
        self.found.push(Diagnostic { start: span.start, end, severity, message, hint, fix });
    }

    fn document(&mut self) {
        let Some(kind) = self.kind() else { return };
        let mut value = self.document.value.clone();
        let decoded = schema::decode(kind.name(), &mut value);
        for problem in decoded.fatal.iter().chain(&decoded.mismatches) {
            let (hint, fix) = hints::mismatch(self.document, self.text, kind, problem);
            let place = self.document.locate_steps(&problem.path);
            self.tell(place, true, problem.message.clone(), hint, fix);
        }
        for problem in &decoded.unknown {
            let (hint, fix) = hints::unknown_field(self.document, self.text, kind, &problem.path);
            let place = self.document.locate_steps(&problem.path);
            let message = format!("unknown field \"{}\"", problem.message);
            self.tell(place, false, message, hint, fix);
        }
        if decoded.fatal.is_some() || !decoded.mismatches.is_empty() {
            return;
        }
        self.without_effect(kind, &value);
        let Ok(mut object) = Object::from_value(kind, value) else { return };
        if kind.info().namespaced && object.metadata().namespace.is_none() {
            object.metadata_mut().namespace = Some("default".to_owned());
        }
        defaults::apply(&mut object);
        for error in validation::validate(&object, &Store::default()) {
            self.field_error(&error);
        }
    }

    fn without_effect(&mut self, kind: Kind, value: &Value) {
        for steps in no_effect::fields(kind, value) {
            let Some(Step::Key(field)) = steps.last() else { continue };
            let place = self.document.locate_steps(&steps);
            let hint = Hint::NoEffect { field: field.clone() };
            self.tell(place, false, format!("{field} has no effect here"), Some(hint), None);
            if let Some(last) = self.found.last_mut() {
                last.severity = Severity::Info;
            }
        }
    }

    fn field_error(&mut self, error: &FieldError) {
        let steps = yaml::parse_path(&error.field);
        let place = self.document.locate_steps(&steps);
        let (hint, fix) = hints::unsupported(place, error);
        self.tell(place, true, error.to_string(), hint, fix);
    }

    /// None when there is nothing more to say about the document.
    fn kind(&mut self) -> Option<Kind> {
        let text =
            |name: &str| self.document.value.get(name).and_then(Value::as_str).unwrap_or("").to_owned();
        let (version, name) = (text("apiVersion"), text("kind"));
        let missing = match (version.is_empty(), name.is_empty()) {
            (true, true) => Some("[apiVersion not set, kind not set]"),
            (true, false) => Some("apiVersion not set"),
            (false, true) => Some("kind not set"),
            (false, false) => None,
        };
        let at = |step: &str| self.document.locate_steps(&[Step::Key(step.to_owned())]);
        let is_version = Kind::ALL.iter().find(|it| it.name().eq_ignore_ascii_case(&name)).copied();
        if let Some(missing) = missing {
            let place = at(if name.is_empty() { "apiVersion" } else { "kind" });
            let right = is_version.map(|it| it.info().api_version());
            let hint = right.clone().map(|right| Hint::WrongApiVersion { kind: name, found: version, right });
            let start = self.document.absolute(self.document.root.span).start;
            let fix = right.filter(|_| missing == "apiVersion not set").map(|it| Fix {
                edits: vec![Edit { start, end: start, text: format!("apiVersion: {it}\n") }],
            });
            self.tell(place, true, missing.to_owned(), hint, fix);
            return is_version.filter(|_| missing == "apiVersion not set");
        }
        if let Some(kind) = Kind::find(&version, &name) {
            return Some(kind);
        }
        if known::find(&version, &name).is_some() {
            let place = at("kind");
            let message = format!("{name} ({version}) is not simulated here");
            self.tell(place, true, message, Some(Hint::NotSimulated { kind: name }), None);
            if let Some(last) = self.found.last_mut() {
                last.severity = Severity::Warning;
            }
            return None;
        }
        let message = format!("no matches for kind \"{name}\" in version \"{version}\"");
        let (hint, fix, place) = match is_version {
            Some(kind) if kind.name() == name => {
                let place = at("apiVersion");
                let right = kind.info().api_version();
                let hint = Hint::WrongApiVersion { kind: name, found: version, right: right.clone() };
                (Some(hint), Some(hints::replace(place, right)), place)
            }
            _ => {
                let names = Kind::ALL.iter().map(|it| it.name());
                let right = is_version.map(Kind::name).or_else(|| hints::nearest(&name, names));
                let place = at("kind");
                let fix = right.map(|it| hints::replace(place, it.to_owned()));
                (right.map(|it| Hint::DidYouMean { wrong: name, right: it.to_owned() }), fix, place)
            }
        };
        self.tell(place, true, message, hint, fix);
        is_version
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn only(text: &str) -> Diagnostic {
        let mut all = check(text);
        assert_eq!(all.len(), 1, "{all:#?}");
        all.remove(0)
    }

    const POD: &str = "apiVersion: v1\nkind: Pod\nmetadata:\n  name: web\nspec:\n  containers:\n  - name: c\n    image: nginx:1.27\n";

    #[test]
    fn fields_without_effect_are_named_where_they_stand() {
        let text = format!(
            "{POD}    securityContext:\n      readOnlyRootFilesystem: true\n      privileged: true\n    stdinOnce: false\n  runtimeClassName: kata\n  dnsPolicy: ClusterFirst\n  volumes:\n  - name: v\n    nfs: {{server: s, path: /p}}\n"
        );
        let found: Vec<(u32, Severity, Option<Hint>)> =
            check(&text).into_iter().map(|it| (it.start.line, it.severity, it.hint)).collect();
        let info =
            |line, field: &str| (line, Severity::Info, Some(Hint::NoEffect { field: field.to_owned() }));
        assert_eq!(found, [info(10, "privileged"), info(12, "runtimeClassName"), info(16, "nfs")]);
        let template = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: d}\nspec:\n  selector: {matchLabels: {a: b}}\n  template:\n    metadata: {labels: {a: b}}\n    spec:\n      hostIPC: true\n      containers:\n      - {name: c, image: nginx}\n";
        assert_eq!(only(template).hint, Some(Hint::NoEffect { field: "hostIPC".to_owned() }));
    }

    #[test]
    fn a_good_manifest_is_good() {
        assert_eq!(check(POD), []);
    }

    #[test]
    fn misspelt_fields_are_renamed() {
        let text = POD.replace("image:", "imgae:");
        let all = check(&text);
        assert_eq!(all.len(), 2);
        let typo = all.iter().find(|it| it.hint.is_some()).expect("a hint");
        assert_eq!(typo.message, "unknown field \"spec.containers[0].imgae\"");
        assert_eq!((typo.start.line, typo.start.column, typo.end.column), (7, 4, 9));
        assert_eq!(typo.fix.as_ref().map(|it| it.apply(&text)).as_deref(), Some(POD));
    }

    #[test]
    fn the_article_of_exceptions_and_executions() {
        let text = format!(
            "{POD}  affinity:\n    nodeAffinity:\n      requiredDuringSchedulingIgnoredDuringException:\n        nodeSelectorTerms: []\n"
        );
        let right = "requiredDuringSchedulingIgnoredDuringExecution".to_owned();
        let wrong = "requiredDuringSchedulingIgnoredDuringException".to_owned();
        assert_eq!(only(&text).hint, Some(Hint::DidYouMean { wrong, right }));
    }

    #[test]
    fn a_wrong_version_is_corrected() {
        let text = POD.replace("apiVersion: v1", "apiVersion: apps/v1");
        let diagnostic = only(&text);
        assert_eq!(diagnostic.message, "no matches for kind \"Pod\" in version \"apps/v1\"");
        assert_eq!(diagnostic.fix.map(|it| it.apply(&text)).as_deref(), Some(POD));
    }

    #[test]
    fn fields_beside_their_list_are_moved_into_it() {
        let text = format!(
            "{POD}  tolerations:\n  - key: env\n  operator: Equal\n  value: dev\n  effect: NoSchedule\n"
        );
        let all = check(&text);
        let hints: Vec<_> = all.iter().filter_map(|it| it.hint.clone()).collect();
        assert_eq!(
            hints[0],
            Hint::MisIndented {
                field: "operator".to_owned(),
                parent: "tolerations".to_owned(),
                deeper: true
            }
        );
        let mut fixed = text.clone();
        for _ in 0..3 {
            let fix = check(&fixed).into_iter().find_map(|it| it.fix).expect("a fix");
            fixed = fix.apply(&fixed);
        }
        assert_eq!(check(&fixed), [], "{fixed}");
    }

    #[test]
    fn fields_too_deep_are_moved_up() {
        let text = format!("{POD}    nodeSelector:\n      env: dev\n");
        let diagnostic = only(&text);
        let (field, parent) = ("nodeSelector".to_owned(), "spec".to_owned());
        assert_eq!(diagnostic.hint, Some(Hint::MisIndented { field, parent, deeper: false }));
        let fixed = diagnostic.fix.expect("a fix").apply(&text);
        assert_eq!(check(&fixed), [], "{fixed}");
    }

    #[test]
    fn numbers_that_should_be_text_are_quoted() {
        let text = format!("{POD}    env:\n    - name: A\n      value: 1\n");
        let diagnostic = only(&text);
        assert!(diagnostic.message.contains("cannot unmarshal number"));
        let fixed = diagnostic.fix.expect("a fix").apply(&text);
        assert_eq!(check(&fixed), [], "{fixed}");
    }

    #[test]
    fn a_missing_dash_is_added() {
        let text = POD.replace("  - name: c", "    name: c");
        let diagnostic = only(&text);
        assert_eq!(diagnostic.hint, Some(Hint::MissingDash { field: "containers".to_owned() }));
        let fixed = diagnostic.fix.expect("a fix").apply(&text);
        assert_eq!(check(&fixed), [], "{fixed}");
    }

    #[test]
    fn wrong_values_stand_on_their_line() {
        let text = format!("{POD}  restartPolicy: always\n");
        let diagnostic = only(&text);
        assert_eq!((diagnostic.start.line, diagnostic.start.column), (8, 17));
        assert!(diagnostic.message.starts_with("spec.restartPolicy: Unsupported value: \"always\""));
        let fixed = diagnostic.fix.expect("a fix").apply(&text);
        assert_eq!(check(&fixed), [], "{fixed}");
    }

    #[test]
    fn broken_indentation_is_repaired() {
        let text = POD.replace("    image", "   image");
        let diagnostic = only(&text);
        assert!(diagnostic.message.starts_with("yaml: line"));
        assert_eq!(diagnostic.start.line, 7);
        assert_eq!(diagnostic.fix.map(|it| it.apply(&text)).as_deref(), Some(POD));
    }

    #[test]
    fn kinds_of_real_kubernetes_are_known() {
        let text = "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: pi\n";
        let diagnostic = only(text);
        assert_eq!(diagnostic.hint, Some(Hint::NotSimulated { kind: "Job".to_owned() }));
        assert_eq!(diagnostic.severity, Severity::Warning);
    }

    #[test]
    fn hostile_text_is_refused_fast() {
        for text in ["x".repeat(5_000_000), "[".repeat(10_000), "- ".repeat(100_000), "{a: ".repeat(10_000)] {
            assert_eq!(check(&text).len(), 1);
        }
    }
}
