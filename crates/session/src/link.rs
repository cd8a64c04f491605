//! A session as an address: what stands after `#`, readable at its head, compressed at its tail.
//!
//! `v=1&scenario=a11-liveness&t=42&seed=7&z=…`. Only what differs from the default is written; nothing leaves the page.
//! `z`, the packed part, is raw deflate in base64url. The page has the browser pack and unpack it, which takes a while: so
//! what is packed is told apart from the rest, and `read` and `write` do all at once where the feature `packing` is on.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC};
use serde_json::{Map, Value};
use sim::Gather as _;

use crate::input::Logged;
#[cfg(feature = "packing")]
use crate::packing::unpack;

/// A link that unpacks to more is refused.
pub const UNPACKED_MAX: usize = 4 << 20;
/// And one that is longer packed.
pub const PACKED_MAX: usize = 1 << 20;
const VERSION: &str = "1";
/// What an address may show as it is stays readable.
const ESCAPED: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'~')
    .remove(b':')
    .remove(b'/')
    .remove(b',');

/// What a link holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    pub scenario: String,
    pub seed: Option<u64>,
    /// Microseconds.
    pub time: u64,
    pub language: Option<String>,
    pub inputs: Vec<Logged>,
    /// The editor's text where it differs from the scenario's.
    pub manifest: Option<String>,
    /// Other pairs, such as `embed` and `readonly`, in their order.
    pub others: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    #[error("this link was made by another version of the playground (v={0})")]
    Version(String),
    #[error("this link is damaged: {0}")]
    Damaged(&'static str),
    #[error("this link is too large")]
    TooLarge,
    #[error("nothing here packs or unpacks links: is it an older browser?")]
    Packing,
}

impl Link {
    #[cfg(feature = "packing")]
    pub fn write(&self) -> String {
        let (mut text, to_pack) = self.write_head();
        text.extend(to_pack.map(|it| crate::packing::pack(&it)));
        text
    }

    /// Reads what stands after `#` (or `?`); an empty text is the default session.
    pub fn read(text: &str) -> Result<Link, LinkError> {
        let (mut link, packed) = Link::read_head(text)?;
        if let Some(packed) = packed {
            link.read_unpacked(&unpack(&packed)?)?;
        }
        Ok(link)
    }

    /// All but the packed part, which belongs at the end of it, and what is to be packed.
    pub fn write_head(&self) -> (String, Option<String>) {
        let mut text = format!("v={VERSION}");
        let mut pair = |key: &str, value: &str| {
            text.push('&');
            text.push_str(key);
            text.push('=');
            text.extend(percent_encoding::utf8_percent_encode(value, ESCAPED));
        };
        if !self.scenario.is_empty() {
            pair("scenario", &self.scenario);
        }
        if let Some(seed) = self.seed {
            pair("seed", &seed.to_string());
        }
        if self.time != 0 {
            pair("t", &seconds(self.time));
        }
        if let Some(language) = &self.language {
            pair("lang", language);
        }
        for (key, value) in &self.others {
            pair(key, value);
        }
        let to_pack = self.to_pack();
        if to_pack.is_some() {
            pair("z", "");
        }
        (text, to_pack)
    }

    /// `{"i":[…],"m":"kind: Pod"}`, each only if there is something.
    fn to_pack(&self) -> Option<String> {
        let mut fields = Map::new();
        if !self.inputs.is_empty() {
            let inputs = self.inputs.iter().map(Logged::to_value).gather();
            fields.insert("i".to_owned(), Value::Array(inputs));
        }
        if let Some(manifest) = &self.manifest {
            fields.insert("m".to_owned(), manifest.as_str().into());
        }
        (!fields.is_empty()).then(|| Value::Object(fields).to_string())
    }

    /// All but the packed part, and the packed part.
    pub fn read_head(text: &str) -> Result<(Link, Option<String>), LinkError> {
        let (mut link, mut packed) = (Link::default(), None);
        if PACKED_MAX < text.len() {
            return Err(LinkError::TooLarge);
        }
        for part in text.trim_start_matches(['#', '?']).split('&').filter(|it| !it.is_empty()) {
            let (key, value) = part.split_once('=').unwrap_or((part, ""));
            let value = percent_encoding::percent_decode_str(value).decode_utf8_lossy().into_owned();
            match key {
                "v" if value != VERSION => return Err(LinkError::Version(value)),
                "v" => {}
                "scenario" => link.scenario = value,
                "seed" => link.seed = Some(value.parse().map_err(|_| LinkError::Damaged("seed"))?),
                "t" => link.time = micros(&value).ok_or(LinkError::Damaged("t"))?,
                "lang" => link.language = Some(value),
                "z" => packed = Some(value),
                _ => link.others.push((key.to_owned(), value)),
            }
        }
        Ok((link, packed))
    }

    /// Takes in what was packed.
    pub fn read_unpacked(&mut self, json: &str) -> Result<(), LinkError> {
        let unpacked: Value = serde_json::from_str(json).map_err(|_| LinkError::Damaged("z"))?;
        (self.inputs, self.manifest) = inputs_and_manifest(&unpacked).ok_or(LinkError::Damaged("z"))?;
        Ok(())
    }
}

fn inputs_and_manifest(unpacked: &Value) -> Option<(Vec<Logged>, Option<String>)> {
    let fields = unpacked.as_object()?;
    let mut inputs = Vec::new();
    if let Some(logged) = fields.get("i") {
        for it in logged.as_array()? {
            inputs.push(Logged::of_value(it)?);
        }
    }
    let manifest = match fields.get("m") {
        None | Some(Value::Null) => None,
        Some(it) => Some(it.as_str()?.to_owned()),
    };
    Some((inputs, manifest))
}

#[cfg(not(feature = "packing"))]
fn unpack(_: &str) -> Result<String, LinkError> {
    Err(LinkError::Packing)
}

/// `42` or `42.5`
fn seconds(micros: u64) -> String {
    let text = format!("{}.{:06}", micros / 1_000_000, micros % 1_000_000);
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

fn micros(text: &str) -> Option<u64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let fraction = format!("{fraction:0<6}");
    whole.parse::<u64>().ok()?.checked_mul(1_000_000)?.checked_add(fraction.get(..6)?.parse().ok()?)
}

#[cfg(all(test, feature = "packing"))]
mod tests {
    use super::*;
    use crate::input::Input;
    use crate::packing::pack;

    fn link() -> Link {
        Link {
            scenario: "a11-liveness".to_owned(),
            seed: Some(7),
            time: 42_500_000,
            language: Some("zh-CN".to_owned()),
            inputs: vec![Logged { at: 5, input: Input::Keys("kubectl get pods\r".to_owned()) }],
            manifest: Some("kind: Pod # 一个 Pod".to_owned()),
            others: vec![("embed".to_owned(), "1".to_owned())],
        }
    }

    #[test]
    fn there_and_back() {
        let text = link().write();
        assert!(text.starts_with("v=1&scenario=a11-liveness&seed=7&t=42.5&lang=zh-CN&embed=1&z="), "{text}");
        assert_eq!(Link::read(&format!("#{text}")), Ok(link()));
        assert_eq!(Link::read(""), Ok(Link::default()));
    }

    #[test]
    fn links_made_before_open() {
        let z = "q1bKVLKKrlYqUbIyNQADHZBItVK2kpVSdmlSanJJjkJ6aolCQX5KcUyRUm2tDlixGYriChCRlliaUwLSlZmTo1tQlJ-cWlyspKOUl5\
                 -SChQFUbqGQH5BZoqSlXltbW2sjlIuWHleipVCQH6KgrLCkx0NT3asAnGUagE";
        let kill = Input::Fault(cluster::Fault::KillProcess { node: "node-1".to_owned(), pid: 7 });
        let keys = Input::Keys("kubectl get pods\r".to_owned());
        let inputs = vec![Logged { at: 5_000_000, input: keys }, Logged { at: 6_000_000, input: kill }];
        let manifest = Some("kind: Pod # 一个 Pod".to_owned());
        assert_eq!(Link::read(&format!("z={z}")), Ok(Link { inputs, manifest, ..Link::default() }));
    }

    #[test]
    fn damaged_insides_are_refused() {
        for json in ["[]", r#"{"i":{}}"#, r#"{"i":[{}]}"#, r#"{"m":5}"#, r#"{"i":[]"#, "\u{feff}{}"] {
            assert_eq!(Link::read(&format!("z={}", pack(json))), Err(LinkError::Damaged("z")), "{json}");
        }
        for json in ["{}", r#"{"m":null}"#, r#"{"i":[],"new":1}"#] {
            assert_eq!(Link::read(&format!("z={}", pack(json))), Ok(Link::default()), "{json}");
        }
    }

    #[test]
    fn in_two_steps() {
        let (head, to_pack) = link().write_head();
        let to_pack = to_pack.expect("it has inputs");
        assert_eq!([&*head, &pack(&to_pack)].concat(), link().write());
        let (mut read, packed) = Link::read_head(&link().write()).expect("as it was written");
        assert_eq!(packed.as_deref().map(unpack), Some(Ok(to_pack.clone())));
        assert_eq!(read, Link { inputs: Vec::new(), manifest: None, ..link() });
        assert_eq!(read.read_unpacked(&to_pack), Ok(()));
        assert_eq!(read, link());
    }

    #[test]
    fn hostile_links_are_refused() {
        assert_eq!(Link::read("v=9"), Err(LinkError::Version("9".to_owned())));
        assert_eq!(Link::read("v=1&z=$$$"), Err(LinkError::Damaged("z")));
        assert_eq!(Link::read("v=1&z=A"), Err(LinkError::Damaged("z")));
        assert_eq!(Link::read("t=-5"), Err(LinkError::Damaged("t")));
        assert_eq!(Link::read("t=99999999999999999999"), Err(LinkError::Damaged("t")));
        let bomb = pack(&" ".repeat(5 << 20));
        assert_eq!(Link::read(&format!("z={bomb}")), Err(LinkError::TooLarge));
        assert_eq!(Link::read("scenario=%ff%zz").map(|it| it.scenario), Ok("\u{fffd}%zz".to_owned()));
    }
}
