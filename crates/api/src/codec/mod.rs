//! Kubernetes types to and from JSON values, in little code.
//!
//! serde's own implementations are generic over the format and weigh hundreds of KiB in WebAssembly; here a field is
//! one call, and who listens decides what becomes of it: a JSON value, or what equal values have in common. A struct is
//! one entry of `codec!`, which names each field and its JSON key: one that is missing, or one too many, does not compile.

mod core;
mod groups;

use std::collections::BTreeMap;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, MicroTime};
use k8s_openapi::jiff::Timestamp;
use serde_json::{Map, Value};

use crate::{IntOrString, Quantity, Time, time};

/// What a JSON value failed to be; strict decoding has seen user's input before.
#[derive(Debug, Clone, Default, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WrongType(String);

/// A Kubernetes type that can be read from JSON and written to it.
pub trait Codec: Sized {
    /// Never fails: what does not fit is noted in `wrong` and read as zero.
    fn read(value: Value, wrong: &mut Option<WrongType>) -> Self;
    /// What an absent field holds.
    fn absent() -> Self;
    /// Says all that it holds, under its name in what it is part of. What says nothing is left out.
    fn tell(&self, name: &str, to: &mut Listener<'_>);
}

/// Who is told what a value holds.
pub struct Listener<'a>(&'a mut dyn Listen);

trait Listen {
    fn leaf(&mut self, name: &str, leaf: Leaf<'_>);
    /// What is told next is part of an object, or of a list, in which it has no name.
    fn open(&mut self, name: &str, is_list: bool);
    fn close(&mut self);
}

#[derive(Debug, Clone, Copy)]
enum Leaf<'a> {
    Bool(bool),
    Number(i64),
    Text(&'a str),
    Time(Timestamp),
    MicroTime(Timestamp),
    Bytes(&'a [u8]),
    Json(&'a Value),
}

/// Reads a typed value; unknown fields are dropped.
pub fn from_value<T: Codec>(value: Value) -> Result<T, WrongType> {
    let mut wrong = None;
    let read = T::read(value, &mut wrong);
    wrong.map_or(Ok(read), Err)
}

pub fn to_value<T: Codec>(it: &T) -> Value {
    let mut built = Built::default();
    it.tell("", &mut Listener(&mut built));
    built.done
}

/// A JSON value from what is told.
#[derive(Default)]
struct Built {
    open: Vec<(String, Value)>,
    done: Value,
}

impl Built {
    fn add(&mut self, name: &str, value: Value) {
        match self.open.last_mut() {
            Some((_, Value::Object(fields))) => {
                fields.insert(name.to_owned(), value);
            }
            Some((_, Value::Array(items))) => items.push(value),
            _ => self.done = value,
        }
    }
}

impl Listen for Built {
    fn leaf(&mut self, name: &str, leaf: Leaf<'_>) {
        let value = match leaf {
            Leaf::Bool(it) => Value::Bool(it),
            Leaf::Number(it) => Value::from(it),
            Leaf::Text(it) => Value::String(it.to_owned()),
            Leaf::Time(it) => Value::String(time::text(it)),
            Leaf::MicroTime(it) => Value::String(time::micro_text(it)),
            Leaf::Bytes(it) => Value::String(STANDARD.encode(it)),
            Leaf::Json(it) => it.clone(),
        };
        self.add(name, value);
    }

    fn open(&mut self, name: &str, is_list: bool) {
        let value = if is_list { Value::Array(Vec::new()) } else { Value::Object(Map::new()) };
        self.open.push((name.to_owned(), value));
    }

    fn close(&mut self) {
        if let Some((name, value)) = self.open.pop() {
            self.add(&name, value);
        }
    }
}

/// Whether two values are equal, as `==` says; that is code of its own for each type and place.
pub fn same<T: Codec>(one: &T, other: &T) -> bool {
    trace(one) == trace(other)
}

/// Whether two lists are.
pub fn all_same<T: Codec>(one: &[T], other: &[T]) -> bool {
    one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
}

#[inline(never)]
fn trace<T: Codec>(it: &T) -> Vec<u8> {
    let mut trace = Trace(Vec::with_capacity(512));
    it.tell("", &mut Listener(&mut trace));
    trace.0
}

/// Bytes that are the same for equal values only: all that is told, with its length where that is not known.
struct Trace(Vec<u8>);

impl Trace {
    fn text(&mut self, text: &[u8]) {
        self.0.extend_from_slice(&text.len().to_le_bytes());
        self.0.extend_from_slice(text);
    }

    fn number(&mut self, number: i64) {
        self.0.extend_from_slice(&number.to_le_bytes());
    }
}

impl Listen for Trace {
    fn leaf(&mut self, name: &str, leaf: Leaf<'_>) {
        self.text(name.as_bytes());
        match leaf {
            Leaf::Bool(it) => self.0.push(u8::from(it)),
            // A field may hold either a number or a text.
            Leaf::Number(it) => {
                self.0.push(b'0');
                self.number(it);
            }
            Leaf::Text(it) => {
                self.0.push(b'"');
                self.text(it.as_bytes());
            }
            Leaf::Time(it) | Leaf::MicroTime(it) => {
                self.number(it.as_second());
                self.number(it.subsec_nanosecond().into());
            }
            Leaf::Bytes(it) => self.text(it),
            Leaf::Json(it) => self.text(it.to_string().as_bytes()),
        }
    }

    fn open(&mut self, name: &str, _: bool) {
        self.text(name.as_bytes());
        self.0.push(b'{');
    }

    fn close(&mut self) {
        self.0.push(b'}');
    }
}

/// In one line, as Go's `json.Marshal` has it.
pub fn to_text<T: Codec>(it: &T) -> String {
    to_value(it).to_string()
}

#[cold]
fn note(wrong: &mut Option<WrongType>, value: &Value, wanted: &str) {
    wrong.get_or_insert_with(|| WrongType(format!("invalid value: {value}, expected {wanted}")));
}

/// Takes one field out of its object. One call a field: this is what keeps readers small.
#[inline(never)]
fn take<T: Codec>(fields: &mut Value, name: &str, wrong: &mut Option<WrongType>) -> T {
    match field(fields, name) {
        Value::Null => T::absent(),
        value => T::read(value, wrong),
    }
}

#[inline(never)]
fn field(fields: &mut Value, name: &str) -> Value {
    match fields {
        Value::Object(fields) => fields.get_mut(name).map_or(Value::Null, Value::take),
        _ => Value::Null,
    }
}

/// Notes a value that should be an object and is none.
fn check_object(value: &Value, name: &str, wrong: &mut Option<WrongType>) {
    if !value.is_object() {
        note(wrong, value, name);
    }
}

macro_rules! codec {
    ($($type:ident { $($field:ident $name:literal),* $(,)? })*) => { $(
        impl super::Codec for $type {
            #[inline(never)]
            fn read(mut value: serde_json::Value, wrong: &mut Option<super::WrongType>) -> Self {
                super::check_object(&value, stringify!($type), wrong);
                $type { $($field: super::take(&mut value, $name, wrong)),* }
            }

            fn absent() -> Self {
                Self::read(serde_json::Value::Object(serde_json::Map::new()), &mut None)
            }

            #[inline(never)]
            fn tell(&self, name: &str, to: &mut super::Listener<'_>) {
                to.0.open(name, false);
                $(self.$field.tell($name, to);)*
                to.0.close();
            }
        }
    )* };
}
use codec;

impl<T: Codec> Codec for Option<T> {
    fn read(value: Value, wrong: &mut Option<WrongType>) -> Self {
        Some(T::read(value, wrong))
    }

    fn absent() -> Self {
        None
    }

    #[inline(never)]
    fn tell(&self, name: &str, to: &mut Listener<'_>) {
        if let Some(it) = self {
            it.tell(name, to);
        }
    }
}

impl<T: Codec> Codec for Vec<T> {
    fn read(value: Value, wrong: &mut Option<WrongType>) -> Self {
        let items = items(value, wrong);
        let mut read = Vec::with_capacity(items.len());
        for item in items {
            read.push(T::read(item, wrong));
        }
        read
    }

    fn absent() -> Self {
        Vec::new()
    }

    fn tell(&self, name: &str, to: &mut Listener<'_>) {
        to.0.open(name, true);
        for it in self {
            it.tell("", to);
        }
        to.0.close();
    }
}

#[inline(never)]
fn items(value: Value, wrong: &mut Option<WrongType>) -> Vec<Value> {
    match value {
        Value::Array(items) => items,
        other => {
            note(wrong, &other, "a list");
            Vec::new()
        }
    }
}

impl<T: Codec> Codec for BTreeMap<String, T> {
    fn read(value: Value, wrong: &mut Option<WrongType>) -> Self {
        let mut read = BTreeMap::new();
        for (name, item) in entries(value, wrong) {
            read.insert(name, T::read(item, wrong));
        }
        read
    }

    fn absent() -> Self {
        BTreeMap::new()
    }

    fn tell(&self, name: &str, to: &mut Listener<'_>) {
        to.0.open(name, false);
        for (name, it) in self {
            it.tell(name, to);
        }
        to.0.close();
    }
}

#[inline(never)]
fn entries(value: Value, wrong: &mut Option<WrongType>) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        other => {
            note(wrong, &other, "a map");
            Map::new()
        }
    }
}

/// The types at the leaves: how each is read, what it is when absent, what it tells.
macro_rules! leaf {
    ($($type:ty, $wanted:literal, $absent:expr, $read:expr, $leaf:expr;)*) => { $(
        impl Codec for $type {
            #[inline(never)]
            fn read(value: Value, wrong: &mut Option<WrongType>) -> Self {
                let read: fn(&Value) -> Option<$type> = $read;
                read(&value).unwrap_or_else(|| {
                    note(wrong, &value, $wanted);
                    $absent
                })
            }

            fn absent() -> Self {
                $absent
            }

            #[inline(never)]
            fn tell(&self, name: &str, to: &mut Listener<'_>) {
                let leaf: for<'a> fn(&'a $type) -> Leaf<'a> = $leaf;
                to.0.leaf(name, leaf(self));
            }
        }
    )* };
}

fn int32(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|it| it.try_into().ok())
}

leaf! {
    bool, "a boolean", false, Value::as_bool, |it| Leaf::Bool(*it);
    i32, "i32", 0, int32, |it| Leaf::Number((*it).into());
    i64, "i64", 0, Value::as_i64, |it| Leaf::Number(*it);
    Quantity, "a quantity", Quantity::default(), |value| match value {
        Value::String(text) => Some(Quantity(text.clone())),
        Value::Number(number) => Some(Quantity(number.to_string())),
        _ => None,
    }, |it| Leaf::Text(&it.0);
    IntOrString, "a number or a string", IntOrString::Int(0), |value| match value {
        Value::String(text) => Some(IntOrString::String(text.clone())),
        other => int32(other).map(IntOrString::Int),
    }, |it| match it {
        IntOrString::Int(it) => Leaf::Number((*it).into()),
        IntOrString::String(it) => Leaf::Text(it),
    };
    Time, "a time", Time(Timestamp::UNIX_EPOCH), |value| time::parse(value.as_str()?).map(Time), |it| {
        Leaf::Time(it.0)
    };
    MicroTime, "a time", MicroTime(Timestamp::UNIX_EPOCH), |value| {
        time::parse(value.as_str()?).map(MicroTime)
    }, |it| Leaf::MicroTime(it.0);
    ByteString, "base64", ByteString::default(), |value| STANDARD.decode(value.as_str()?).ok().map(ByteString), |it| {
        Leaf::Bytes(&it.0)
    };
    FieldsV1, "an object", FieldsV1::default(), |value| Some(FieldsV1(value.clone())), |it| Leaf::Json(&it.0);
}

impl Codec for String {
    #[inline(never)]
    fn read(value: Value, wrong: &mut Option<WrongType>) -> Self {
        match value {
            Value::String(text) => text,
            other => {
                note(wrong, &other, "a string");
                String::new()
            }
        }
    }

    fn absent() -> Self {
        String::new()
    }

    #[inline(never)]
    fn tell(&self, name: &str, to: &mut Listener<'_>) {
        to.0.leaf(name, Leaf::Text(self));
    }
}

#[cfg(test)]
mod tests {
    use serde::{Serialize, de::DeserializeOwned};
    use serde_json::json;

    use super::*;
    use crate::schema::{Shape, Type};
    use crate::{Kind, Pod, Status};

    /// A value in which every field of the schema table is set.
    fn full(of: Type, depth: usize) -> Value {
        match of.shape() {
            Shape::Struct(it) => {
                let fields = it.fields.iter().filter(|_| depth < 14);
                Value::Object(fields.map(|it| (it.name.to_owned(), full(it.type_, depth + 1))).collect())
            }
            Shape::List(item) => json!([full(item, depth), full(item, depth)]),
            Shape::Map(item) => json!({"a": full(item, depth), "b": full(item, depth)}),
            Shape::Text => json!("text"),
            Shape::Bool => json!(true),
            Shape::Int32 => json!(-7),
            Shape::Int64 => json!(1_i64 << 40),
            Shape::Bytes => json!("aGVsbG8="),
            Shape::Quantity => json!("1500m"),
            Shape::IntOrString => json!("50%"),
            Shape::Time => json!("2026-01-02T03:04:05Z"),
            Shape::Any => json!({"f:x": {}}),
        }
    }

    fn as_serde<T: Codec + Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(value: &Value) {
        let ours: T = from_value(value.clone()).expect("it fits");
        let theirs: T = serde_json::from_value(value.clone()).expect("it fits");
        assert_eq!(ours, theirs);
        let mut written = serde_json::to_value(&theirs).expect("string keys only");
        if let Value::Object(fields) = &mut written {
            fields.retain(|name, _| name != "apiVersion" && name != "kind");
        }
        assert_eq!(to_value(&ours), written);
    }

    #[test]
    fn every_field_of_every_kind_is_read_and_written_as_serde_does() {
        macro_rules! all {
            ($($kind:ident)*) => { $({
                let mut value = full(Type(stringify!($kind)), 0);
                value["kind"] = stringify!($kind).into();
                value["apiVersion"] = Kind::$kind.info().api_version().into();
                as_serde::<crate::$kind>(&value);
                as_serde::<crate::$kind>(&json!({
                    "kind": stringify!($kind), "apiVersion": Kind::$kind.info().api_version(), "spec": null,
                }));
            })* };
        }
        all! {
            Namespace Node ServiceAccount ConfigMap Secret Service Pod Event Deployment ReplicaSet EndpointSlice
            PodDisruptionBudget PriorityClass Lease
        }
        as_serde::<Status>(&json!({"code": 404, "details": {"causes": [{"field": "spec"}], "name": "x"}}));
    }

    /// The addresses of all fields and items.
    fn places(of: &Value, at: &str, found: &mut Vec<String>) {
        let inner: Vec<(String, &Value)> = match of {
            Value::Object(fields) => fields.iter().map(|(name, it)| (format!("{at}/{name}"), it)).collect(),
            Value::Array(items) => {
                items.iter().enumerate().map(|(n, it)| (format!("{at}/{n}"), it)).collect()
            }
            _ => return,
        };
        for (place, it) in inner {
            places(it, &place, found);
            found.push(place);
        }
    }

    #[test]
    fn values_are_the_same_that_are_equal() {
        let value = full(Type("Pod"), 0);
        let read = |it: &Value| from_value::<Pod>(it.clone()).expect("it fits");
        let whole = read(&value);
        assert!(same(&whole, &read(&value)));
        let mut all = Vec::new();
        places(&value, "", &mut all);
        // A part of them is enough: each kind of field is among them.
        for place in all.iter().step_by(all.len() / 500 + 1) {
            let mut other = value.clone();
            *other.pointer_mut(place).expect("it is there") = Value::Null;
            if let Ok(other) = from_value::<Pod>(other) {
                assert_eq!(same(&whole, &other), whole == other, "without {place}");
            }
        }
        let port = |it: Value| from_value::<IntOrString>(it).expect("it fits");
        assert!(!same(&port(json!(80)), &port(json!("80"))));
        assert!(!same(&Some(Vec::<String>::new()), &None));
        let texts = |it: &[&str]| it.iter().map(|it| (*it).to_owned()).collect::<Vec<_>>();
        assert!(!same(&texts(&["ab", "c"]), &texts(&["a", "bc"])));
        assert!(!all_same(&texts(&["a"]), &texts(&["a", ""])));
    }

    #[test]
    fn what_does_not_fit_is_told() {
        for (value, message) in [
            (json!({"spec": {"containers": 1}}), "invalid value: 1, expected a list"),
            (json!({"spec": {"containers": ["x"]}}), "invalid value: \"x\", expected Container"),
            (json!({"spec": {"priority": 1_i64 << 40}}), "invalid value: 1099511627776, expected i32"),
            (json!({"metadata": {"creationTimestamp": "soon"}}), "invalid value: \"soon\", expected a time"),
        ] {
            let wrong = from_value::<Pod>(value).expect_err("it does not fit");
            assert_eq!(wrong.to_string(), message);
        }
    }
}
