//! Whose log answers a request for a container's log: the Pod's status tells.

use api::k8s_openapi::api::core::v1::{ContainerState, ContainerStateTerminated, PodStatus};

/// The id of the instance, as the status names it; or what the kubelet answers instead.
// Follows kubernetes v1.36 pkg/kubelet/kubelet_pods.go: validateContainerLogStatus.
pub fn instance_of(pod: &str, status: &PodStatus, container: &str, previous: bool) -> Result<String, String> {
    let lists =
        [&status.container_statuses, &status.init_container_statuses, &status.ephemeral_container_statuses];
    let Some(found) = lists.into_iter().flatten().flatten().find(|it| it.name == container) else {
        return Err(format!("container \"{container}\" in pod \"{pod}\" is not available"));
    };
    let id_of = |state: &ContainerStateTerminated| state.container_id.clone().filter(|it| !it.is_empty());
    let last = found.last_state.as_ref().and_then(|it| it.terminated.as_ref());
    let ended = || format!("container \"{container}\" in pod \"{pod}\" is terminated");
    if previous {
        return last.and_then(id_of).ok_or_else(|| {
            format!("previous terminated container \"{container}\" in pod \"{pod}\" not found")
        });
    }
    match found.state.as_ref() {
        Some(ContainerState { running: Some(_), .. }) => Ok(found.container_id.clone().unwrap_or_default()),
        // What never started has no log of its own; the instance before it may have.
        Some(ContainerState { terminated: Some(state), .. }) => {
            id_of(state).or_else(|| last.and_then(id_of)).ok_or_else(ended)
        }
        state => match (last, state.and_then(|it| it.waiting.as_ref())) {
            (Some(last), _) => id_of(last).ok_or_else(ended),
            (None, waiting) => {
                let why = match waiting.map(|it| it.reason.as_deref().unwrap_or("")) {
                    None => " - no logs yet",
                    Some("ErrImagePull") => ": image can't be pulled",
                    Some("ImagePullBackOff") => ": trying and failing to pull image",
                    Some(reason) => &[": ", reason].concat(),
                };
                Err(format!("container \"{container}\" in pod \"{pod}\" is waiting to start{why}"))
            }
        },
    }
}

#[cfg(test)]
mod tests {
    use api::k8s_openapi::api::core::v1::{ContainerStateRunning, ContainerStateWaiting, ContainerStatus};

    use super::*;

    fn ended(id: &str) -> ContainerState {
        let terminated = ContainerStateTerminated {
            container_id: Some(id.to_owned()),
            ..ContainerStateTerminated::default()
        };
        ContainerState { terminated: Some(terminated), ..ContainerState::default() }
    }

    fn waiting(reason: &str) -> ContainerState {
        let waiting =
            ContainerStateWaiting { reason: Some(reason.to_owned()), ..ContainerStateWaiting::default() };
        ContainerState { waiting: Some(waiting), ..ContainerState::default() }
    }

    fn answer(state: ContainerState, last: Option<ContainerState>, previous: bool) -> Result<String, String> {
        let one = ContainerStatus {
            name: "app".to_owned(),
            container_id: Some("now".to_owned()),
            state: Some(state),
            last_state: last,
            ..ContainerStatus::default()
        };
        let status = PodStatus { container_statuses: Some(vec![one]), ..PodStatus::default() };
        instance_of("web", &status, "app", previous)
    }

    #[test]
    fn the_status_tells_whose_log_it_is() {
        let running =
            ContainerState { running: Some(ContainerStateRunning::default()), ..ContainerState::default() };
        assert_eq!(answer(running.clone(), None, false), Ok("now".to_owned()));
        assert_eq!(answer(running.clone(), Some(ended("before")), true), Ok("before".to_owned()));
        assert_eq!(answer(ended("now"), Some(ended("before")), false), Ok("now".to_owned()));
        assert_eq!(answer(ended(""), Some(ended("before")), false), Ok("before".to_owned()));
        assert_eq!(
            answer(waiting("CrashLoopBackOff"), Some(ended("before")), false),
            Ok("before".to_owned())
        );
    }

    #[test]
    fn without_an_instance_it_says_why() {
        let says = |state, previous| answer(state, None, previous).unwrap_err();
        let why = "container \"app\" in pod \"web\" is waiting to start: ";
        assert_eq!(says(waiting("PodInitializing"), false), [why, "PodInitializing"].concat());
        assert_eq!(says(waiting("ErrImagePull"), false), [why, "image can't be pulled"].concat());
        assert_eq!(
            says(waiting("ImagePullBackOff"), false),
            [why, "trying and failing to pull image"].concat()
        );
        assert_eq!(
            says(waiting("ErrImagePull"), true),
            "previous terminated container \"app\" in pod \"web\" not found"
        );
        let nothing = instance_of("web", &PodStatus::default(), "app", false);
        assert_eq!(nothing, Err("container \"app\" in pod \"web\" is not available".to_owned()));
    }
}
