//! Image pulls: one after the other on each machine, as the kubelet asks for them.

use std::sync::Arc;
use std::time::Duration;

use sim::{Gather as _, Outbox, SimTime};

use crate::cri::{ImageInfo, Notice, PullError, PullId, PulledImage};
use crate::images::{self, Missing, Reference, Spec};
use crate::{Event, Runtime};

/// What a machine gets of a registry.
const BYTES_PER_SECOND: u64 = 60_000_000;
/// Resolving a name: a few requests to the registry.
const RESOLVE: Duration = Duration::from_millis(620);
/// How long it takes to see that a registry does not answer.
const REGISTRY_TIMEOUT: Duration = Duration::from_secs(15);

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Pull {
    /// As it was asked for.
    image: String,
    reference: Reference,
    asked_at: SimTime,
    started_at: SimTime,
}

/// An image that only this cluster's registries have, or a change to one that is in the catalogue.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct CustomImage {
    /// Any way to write it.
    pub name: String,
    /// What it is like: an image of the catalogue. Empty: it does not exist.
    pub like: String,
    pub size_bytes: Option<u64>,
    /// More time to resolve it.
    pub delay: Duration,
    /// Files of its own by path, over those of what it is like.
    pub files: Vec<(String, String)>,
}

impl Runtime {
    /// Ends in `Notice::PullFinished`.
    pub fn pull_image(
        &mut self,
        machine: &str,
        image: &str,
        now: SimTime,
        outbox: &mut Outbox<Event>,
    ) -> Result<PullId, PullError> {
        let reference = images::parse(image)?;
        let Some(index) = self.index_of(machine) else {
            return Err(PullError::Failed(format!("machine {machine} is gone")));
        };
        let id = PullId(self.new_id(index));
        let took = self.pull_time(&reference, id, machine);
        let Some(machine) = self.of_mut(id.0) else { return Ok(id) };
        let started_at = machine.pulling_until.max(now);
        machine.pulling_until = started_at + took;
        outbox.at(machine.pulling_until, Event::PullDone { pull: id });
        let image = image.to_owned();
        machine.pulls.insert(id, Pull { image, reference, asked_at: now, started_at });
        Ok(id)
    }

    fn pull_time(&self, reference: &Reference, id: PullId, machine: &str) -> Duration {
        // A little different each time, without a draw that would shift others.
        let jitter = Duration::from_millis(sim::digest_of(&id) % 180);
        let custom = self.custom(reference).map_or(Duration::ZERO, |it| it.delay);
        if self.registry_down {
            return REGISTRY_TIMEOUT + jitter;
        }
        let present = self.machine(machine).is_some_and(|it| it.images.contains_key(&*reference.canonical()));
        match self.find_image(reference) {
            Ok(image) if !present => {
                let transfer = image.size_bytes.saturating_mul(1_000) / BYTES_PER_SECOND;
                RESOLVE + jitter + custom + Duration::from_millis(transfer)
            }
            Ok(_) => RESOLVE / 2 + jitter + custom,
            Err(_) => RESOLVE + jitter,
        }
    }

    fn custom(&self, reference: &Reference) -> Option<&CustomImage> {
        let canonical = reference.canonical();
        self.custom_images.get(&canonical)
    }

    /// What the registries of this cluster answer.
    pub(crate) fn find_image(&self, reference: &Reference) -> Result<Spec, Missing> {
        let Some(custom) = self.custom(reference) else { return images::find(reference) };
        let like = images::parse(&custom.like).map_err(|_| Missing::NoRepository)?;
        let mut spec = images::find(&like)?;
        spec.name = reference.canonical().into();
        spec.digest = images::digest(&spec.name);
        spec.size_bytes = custom.size_bytes.unwrap_or(spec.size_bytes);
        spec.own_files.clone_from(&custom.files);
        Ok(spec)
    }

    /// Puts an image into the registries, or takes it out.
    pub fn define_image(&mut self, image: CustomImage) {
        if let Ok(reference) = images::parse(&image.name) {
            Arc::make_mut(&mut self.custom_images).insert(reference.canonical(), image);
        }
    }

    /// The registries have what the catalogue says again.
    pub fn forget_image(&mut self, name: &str) {
        if let Ok(reference) = images::parse(name) {
            Arc::make_mut(&mut self.custom_images).remove(&reference.canonical());
        }
    }

    /// Registries that nobody can reach.
    pub fn set_registry_down(&mut self, down: bool) {
        self.registry_down = down;
    }

    pub(crate) fn finish_pull(&mut self, id: PullId, now: SimTime) {
        let Some(pull) = self.of_mut(id.0).filter(|it| it.powered).and_then(|it| it.pulls.remove(&id)) else {
            return;
        };
        let result = if self.registry_down {
            let host = api_host(&pull.reference.host);
            Err(PullError::Failed(failure(
                &pull.reference,
                &format!(
                    "failed to do request: Head \"https://{host}/v2/{}/manifests/{}\": dial tcp: lookup {host}: i/o timeout",
                    pull.reference.path, pull.reference.tag
                ),
            )))
        } else {
            self.find_image(&pull.reference)
                .map_err(|missing| PullError::Failed(missing_text(&pull.reference, missing)))
        };
        let result = result.map(|spec| {
            let size_bytes = spec.size_bytes;
            if let Some(machine) = self.of_mut(id.0) {
                machine.put_image(spec);
            }
            let (took, took_with_waiting) = (now.since(pull.started_at), now.since(pull.asked_at));
            PulledImage { image: pull.image, size_bytes, took, took_with_waiting }
        });
        self.notify(id.0, Notice::PullFinished { pull: id, result });
    }

    /// `Err` for a name that cannot be parsed.
    pub fn image_present(&self, machine: &str, image: &str) -> Result<bool, PullError> {
        let name = images::parse(image)?.canonical();
        Ok(self.machine(machine).is_some_and(|it| it.images.contains_key(&*name)))
    }

    /// None when it is not on the machine.
    pub fn image_info(&self, machine: &str, image: &str) -> Option<ImageInfo> {
        self.machine(machine)?.image(image).map(|it| info(it))
    }

    pub fn list_images(&self, machine: &str) -> Vec<ImageInfo> {
        self.machine(machine).map_or_else(Vec::new, |it| it.images.values().map(|it| info(it)).gather())
    }

    pub fn remove_image(&mut self, machine: &str, image: &str) {
        if let (Some(machine), Ok(reference)) = (self.machine_mut(machine), images::parse(image)) {
            machine.image_changes += 1;
            machine.images.remove(&*reference.canonical());
        }
    }

    /// A file of an image, as the registries have it.
    pub fn image_file(&self, image: &str, path: &str) -> Option<Vec<u8>> {
        let spec = self.find_image(&images::parse(image).ok()?).ok()?;
        let own = spec.own_files.iter().find(|it| it.0 == path).map(|it| it.1.clone().into_bytes());
        own.or_else(|| spec.files.iter().find(|it| it.0 == path).map(|it| it.1.to_vec()))
    }

    /// Puts an image on a machine without a pull; false when no registry has it.
    pub fn load_image(&mut self, machine: &str, image: &str) -> bool {
        let Some(spec) = images::parse(image).ok().and_then(|it| self.find_image(&it).ok()) else {
            return false;
        };
        let Some(machine) = self.machine_mut(machine) else { return false };
        machine.put_image(spec);
        true
    }
}

fn info(image: &Spec) -> ImageInfo {
    ImageInfo {
        name: image.name.to_string(),
        id: format!("{}@{}", image.repository(), image.digest),
        size_bytes: image.size_bytes,
        user: image.user.clone(),
        uid: image.uid().map(i64::from),
        assumed: image.program == "generic",
    }
}

/// Docker Hub answers under another name than its images have.
fn api_host(host: &str) -> &str {
    if host == "docker.io" { "registry-1.docker.io" } else { host }
}

fn failure(reference: &Reference, why: &str) -> String {
    let name = reference.canonical();
    format!("failed to pull and unpack image \"{name}\": failed to resolve reference \"{name}\": {why}")
}

/// containerd's words; only what has a code of its own carries it.
fn missing_text(reference: &Reference, missing: Missing) -> String {
    match missing {
        Missing::NoRepository => failure(
            reference,
            "pull access denied, repository does not exist or may require authorization: server message: insufficient_scope: authorization failed",
        ),
        Missing::NoTag => {
            let text = failure(reference, &format!("{}: not found", reference.canonical()));
            format!("rpc error: code = NotFound desc = {text}")
        }
        Missing::NoSuchHost => {
            let host = &reference.host;
            let name = host.split(':').next().unwrap_or(host);
            let url = format!("https://{host}/v2/{}/manifests/{}", reference.path, reference.tag);
            failure(
                reference,
                &format!("failed to do request: Head \"{url}\": dial tcp: lookup {name}: no such host"),
            )
        }
    }
}
