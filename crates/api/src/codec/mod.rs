//! Kubernetes types to and from JSON values, in little code.
//!
//! serde's own implementations are generic over the format and weigh hundreds of KiB in WebAssembly; here a field is
//! one call. A struct is one entry of `codec!`, which names each field and its JSON key: one that is missing, or one
//! too many, does not compile.

mod core;
mod groups;

use std::collections::BTreeMap;

use k8s_openapi::ByteString;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{FieldsV1, MicroTime};
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
    /// `None` leaves the field out.
    fn write(&self) -> Option<Value>;
}

/// Reads a typed value; unknown fields are dropped.
pub fn from_value<T: Codec>(value: Value) -> Result<T, WrongType> {
    let mut wrong = None;
    let read = T::read(value, &mut wrong);
    wrong.map_or(Ok(read), Err)
}

pub fn to_value<T: Codec>(it: &T) -> Value {
    it.write().unwrap_or(Value::Null)
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

#[inline(never)]
fn put<T: Codec>(fields: &mut Map<String, Value>, name: &str, it: &T) {
    if let Some(value) = it.write() {
        insert(fields, name, value);
    }
}

#[inline(never)]
fn insert(fields: &mut Map<String, Value>, name: &str, value: Value) {
    fields.insert(name.to_owned(), value);
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
            #[allow(unused_mut)]
            fn write(&self) -> Option<serde_json::Value> {
                let mut fields = serde_json::Map::new();
                $(super::put(&mut fields, $name, &self.$field);)*
                Some(serde_json::Value::Object(fields))
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

    fn write(&self) -> Option<Value> {
        self.as_ref().and_then(T::write)
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

    fn write(&self) -> Option<Value> {
        let mut items = Vec::with_capacity(self.len());
        for it in self {
            items.push(to_value(it));
        }
        Some(Value::Array(items))
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

    fn write(&self) -> Option<Value> {
        let mut fields = Map::new();
        for (name, it) in self {
            put(&mut fields, name, it);
        }
        Some(Value::Object(fields))
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

/// The types at the leaves: how each is read, what it is when absent, how it is written.
macro_rules! leaf {
    ($($type:ty, $wanted:literal, $absent:expr, $read:expr, $write:expr;)*) => { $(
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
            fn write(&self) -> Option<Value> {
                let write: fn(&$type) -> Value = $write;
                Some(write(self))
            }
        }
    )* };
}

fn int32(value: &Value) -> Option<i32> {
    value.as_i64().and_then(|it| it.try_into().ok())
}

leaf! {
    bool, "a boolean", false, Value::as_bool, |it| Value::Bool(*it);
    i32, "i32", 0, int32, |it| Value::from(*it);
    i64, "i64", 0, Value::as_i64, |it| Value::from(*it);
    Quantity, "a quantity", Quantity::default(), |value| match value {
        Value::String(text) => Some(Quantity(text.clone())),
        Value::Number(number) => Some(Quantity(number.to_string())),
        _ => None,
    }, |it| Value::String(it.0.clone());
    IntOrString, "a number or a string", IntOrString::Int(0), |value| match value {
        Value::String(text) => Some(IntOrString::String(text.clone())),
        other => int32(other).map(IntOrString::Int),
    }, |it| match it {
        IntOrString::Int(it) => Value::from(*it),
        IntOrString::String(it) => Value::String(it.clone()),
    };
    Time, "a time", Time(k8s_openapi::jiff::Timestamp::UNIX_EPOCH), |value| {
        time::parse(value.as_str()?).map(Time)
    }, |it| Value::String(time::text(it.0));
    MicroTime, "a time", MicroTime(k8s_openapi::jiff::Timestamp::UNIX_EPOCH), |value| {
        time::parse(value.as_str()?).map(MicroTime)
    }, |it| Value::String(time::micro_text(it.0));
    ByteString, "base64", ByteString::default(), |value| {
        base64::Engine::decode(&base64::engine::general_purpose::STANDARD, value.as_str()?).ok().map(ByteString)
    }, |it| Value::String(base64::Engine::encode(&base64::engine::general_purpose::STANDARD, &it.0));
    FieldsV1, "an object", FieldsV1::default(), |value| Some(FieldsV1(value.clone())), |it| it.0.clone();
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
    fn write(&self) -> Option<Value> {
        Some(Value::String(self.clone()))
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
