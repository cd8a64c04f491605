//! `-o`: the formats that print objects.

use serde_json::{Value, json};
use sim::{Gather as _, SimTime};

use crate::client::{Failure, fail};
use crate::flags::Flags;
use crate::json::{list, remove, text};
use crate::jsonpath::{self, Template};
use crate::resources::{self, Resource};
use crate::template;

const FORMATS: &str = "go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,yaml";
const FORMATS_GET: &str = "custom-columns,custom-columns-file,go-template,go-template-file,json,jsonpath,jsonpath-as-json,jsonpath-file,kyaml,name,template,templatefile,wide,yaml";

/// A parsed `-o`.
pub enum Format {
    Human,
    Wide,
    Name,
    Json,
    Yaml,
    JsonPath(Template, bool),
    Columns(Vec<(String, Template)>),
    GoTemplate(template::Template),
}

impl Format {
    /// For the verbs that change something.
    pub fn of_change(flags: &Flags) -> Result<Format, Failure> {
        Format::parse(flags, FORMATS)
    }

    pub fn of_get(flags: &Flags) -> Result<Format, Failure> {
        Format::parse(flags, FORMATS_GET)
    }

    fn parse(flags: &Flags, allowed: &str) -> Result<Format, Failure> {
        let output = flags.text("output");
        let (mut name, mut argument) = output.split_once('=').unwrap_or((output, ""));
        if flags.given("template") && argument.is_empty() {
            argument = flags.text("template");
            if name.is_empty() {
                name = "go-template";
            }
        }
        let known = allowed.split(',').any(|it| it == name);
        if !name.is_empty() && !known {
            return fail(format!(
                "unable to match a printer suitable for the output format {output:?}, allowed formats are: {allowed}"
            ));
        }
        Ok(match name {
            "" => Format::Human,
            "wide" => Format::Wide,
            "name" => Format::Name,
            "json" => Format::Json,
            "yaml" | "kyaml" => Format::Yaml,
            "jsonpath" | "jsonpath-as-json" => {
                if argument.is_empty() {
                    return fail("template format specified but no template given");
                }
                let parsed = Template::parse(argument);
                let template =
                    parsed.map_err(|e| Failure::Text(format!("error parsing jsonpath {argument}, {e}")))?;
                Format::JsonPath(template, name == "jsonpath-as-json")
            }
            "custom-columns" => Format::Columns(columns(argument)?),
            "go-template" | "template" => {
                if argument.is_empty() {
                    return fail("template format specified but no template given");
                }
                Format::GoTemplate(template::Template::parse(argument).map_err(Failure::Text)?)
            }
            other => {
                return fail(format!("output format {other:?} reads a file, which is not supported here"));
            }
        })
    }

    pub fn is_table(&self) -> bool {
        matches!(self, Format::Human | Format::Wide)
    }

    /// One object or list, in every format but the tables.
    pub fn print(&self, object: &Value, managed_fields: bool, _now: SimTime) -> Result<String, Failure> {
        let mut object = object.clone();
        if !managed_fields {
            remove(&mut object, "metadata", "managedFields");
            if let Some(items) = object.get_mut("items").and_then(Value::as_array_mut) {
                for item in items {
                    remove(item, "metadata", "managedFields");
                }
            }
        }
        Ok(match self {
            Format::Human | Format::Wide => String::new(),
            Format::Name => {
                let mut out = String::new();
                let is_list = object.get("items").is_some() && text(&object, "kind").ends_with("List");
                let one = [object.clone()];
                for item in if is_list { list(&object, "items") } else { &one } {
                    out = format!("{out}{}\n", name_of(item));
                }
                out
            }
            Format::Json => pretty(&object) + "\n",
            Format::Yaml => api::yaml::emit(&object),
            Format::JsonPath(template, false) => template
                .render(&object)
                .map_err(|e| Failure::Text(format!("error executing jsonpath: {e}")))?,
            Format::JsonPath(template, true) => {
                let found = template.find(&object).map_err(Failure::Text)?;
                pretty(&json!(found)) + "\n"
            }
            Format::Columns(columns) => custom(columns, &object),
            Format::GoTemplate(template) => template.render(&object),
        })
    }
}

/// JSON with four spaces, as kubectl prints it.
fn pretty(value: &Value) -> String {
    let mut out = Vec::new();
    let formatter = serde_json::ser::PrettyFormatter::with_indent(b"    ");
    let mut serializer = serde_json::Serializer::with_formatter(&mut out, formatter);
    serde::Serialize::serialize(value, &mut serializer).expect("a JSON value is printable");
    let text = String::from_utf8(out).expect("JSON is text");
    // Go's encoder escapes these for HTML.
    text.replace('&', "\\u0026").replace('<', "\\u003c").replace('>', "\\u003e")
}

/// `pod/web`, `deployment.apps/web`
pub fn name_of(object: &Value) -> String {
    let (api_version, kind) = (text(object, "apiVersion"), text(object, "kind"));
    let name = text(object, "metadata.name");
    match resources::of_kind(api_version, kind) {
        Some(resource) => named(&resource, name),
        None => format!("{}/{name}", kind.to_ascii_lowercase()),
    }
}

pub fn named(resource: &Resource, name: &str) -> String {
    format!("{}/{name}", resource.qualified_singular())
}

fn columns(spec: &str) -> Result<Vec<(String, Template)>, Failure> {
    if spec.is_empty() {
        return fail("custom-columns format specified but no custom columns given");
    }
    let mut columns = Vec::new();
    for part in spec.split(',') {
        let Some((header, path)) = part.split_once(':') else {
            return fail(format!(
                "unexpected custom-columns spec: {part}, expected <header>:<json-path-expr>"
            ));
        };
        let path = jsonpath::relaxed(path).map_err(Failure::Text)?;
        columns.push((header.to_owned(), Template::parse(&path).map_err(Failure::Text)?));
    }
    Ok(columns)
}

fn custom(columns: &[(String, Template)], object: &Value) -> String {
    let one = [object.clone()];
    let is_list = object.get("items").is_some() && text(object, "kind").ends_with("List");
    let items = if is_list { list(object, "items") } else { &one };
    let mut rows: Vec<Vec<String>> = vec![columns.iter().map(|it| it.0.clone()).gather()];
    for item in items {
        let mut row = Vec::new();
        for (_, template) in columns {
            let found = template.find(item).unwrap_or_default();
            let shown: Vec<String> =
                found.into_iter().filter(|it| !it.is_null()).map(template::go_value).gather();
            row.push(if shown.is_empty() { "<none>".to_owned() } else { shown.join(",") });
        }
        rows.push(row);
    }
    let mut out = String::new();
    crate::columns::Widths::default().print(&rows, &mut out);
    out
}

/// Several objects as the `List` that kubectl makes of them.
pub fn list_of(items: &[Value]) -> Value {
    json!({"apiVersion": "v1", "kind": "List", "items": items, "metadata": {"resourceVersion": ""}})
}
