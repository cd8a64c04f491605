//! What a Pod asks of its node.
//!
//! Follows kubernetes v1.36 component-helpers/resource: PodRequests, PodLimits.

use std::collections::BTreeMap;

use api::k8s_openapi::api::core::v1::{Container, ResourceRequirements};
use api::quantity::{self, Amount, Format};
use api::{Pod, Quantity};
use sim::{Gather as _, VecMap};

use crate::pod;

type Amounts = VecMap<String, Amount>;
type List = BTreeMap<String, Quantity>;

/// None when nothing is asked for.
pub fn pod_requests(pod: &Pod) -> Option<List> {
    quantities(&total(pod, |it| it.resources.as_ref()?.requests.as_ref()))
}

pub fn pod_requirements(pod: &Pod) -> ResourceRequirements {
    ResourceRequirements {
        requests: pod_requests(pod),
        limits: quantities(&total(pod, |it| it.resources.as_ref()?.limits.as_ref())),
        ..ResourceRequirements::default()
    }
}

/// Requests by resource name, for admission.
pub fn request_amounts(pod: &Pod) -> Amounts {
    total(pod, |it| it.resources.as_ref()?.requests.as_ref())
}

fn total(pod: &Pod, list: impl Fn(&Container) -> Option<&List>) -> Amounts {
    let mut sum = Amounts::new();
    for container in pod::app_containers(pod) {
        add(&mut sum, list(container));
    }
    // An init container runs beside the sidecars that started before it.
    let (mut sidecars, mut peak) = (Amounts::new(), Amounts::new());
    for container in pod::init_containers(pod) {
        let mut at_once = sidecars.clone();
        add(&mut at_once, list(container));
        if pod::is_sidecar(container) {
            add(&mut sum, list(container));
            sidecars.clone_from(&at_once);
        }
        raise(&mut peak, &at_once);
    }
    raise(&mut sum, &peak);
    if let Some(overhead) = &pod::spec(pod).overhead {
        add(&mut sum, Some(overhead));
    }
    sum
}

fn add(sum: &mut Amounts, list: Option<&List>) {
    for (name, quantity) in list.into_iter().flatten() {
        let amount = quantity::of(quantity);
        let entry = sum.entry(name.clone()).or_default();
        *entry = Amount::from_milli(entry.milli_value().saturating_add(amount.milli_value()));
    }
}

fn raise(sum: &mut Amounts, other: &Amounts) {
    for (name, amount) in other {
        let entry = sum.entry(name.clone()).or_default();
        *entry = (*entry).max(*amount);
    }
}

fn quantities(amounts: &Amounts) -> Option<List> {
    let format = |name: &str| if name == "cpu" { Format::DecimalSI } else { Format::BinarySI };
    let list: List =
        amounts.iter().map(|(name, amount)| (name.clone(), amount.to_quantity(format(name)))).fill();
    (!list.is_empty()).then_some(list)
}
