//! What a kubelet asks of its machine, in the words of the Container Runtime Interface.

use std::sync::Arc;
use std::time::Duration;

use sim::SimTime;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident;)*) => { $(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub u64);
    )* };
}
id! {
    /// A Pod sandbox: the pause container and the namespaces it holds.
    SandboxId;
    ContainerId;
    /// A command run inside a container (`exec`), by a probe, a hook or a person.
    ExecId;
    /// A directory tree that containers mount: emptyDir, configMap, secret, projected.
    VolumeId;
    /// An image pull under way.
    PullId;
    /// A request (HTTP or TCP) under way, asked by a probe or a hook.
    RequestId;
}

/// A machine that joins: a node, or the workstation that the person types at.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MachineSpec {
    pub name: Arc<str>,
    pub ip: String,
    /// Pods get addresses of this /24, such as `10.244.1`.
    pub pod_network: String,
    pub cpu_milli: u64,
    pub memory_bytes: u64,
    /// Images that are there from the start.
    pub images: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct SandboxConfig {
    pub pod_uid: String,
    pub pod_name: String,
    pub namespace: String,
    pub hostname: String,
    pub host_network: bool,
    pub host_pid: bool,
    pub share_process_namespace: bool,
    /// Empty: the cluster's DNS.
    pub dns_servers: Vec<String>,
    /// Empty: `ndots:5` when there are search domains.
    pub dns_options: Vec<String>,
    /// Extra lines of /etc/hosts: (address, names).
    pub host_aliases: Vec<(String, Vec<String>)>,
    pub dns_search: Vec<String>,
    /// (host port, container port, protocol `TCP`…): the machine forwards these.
    pub host_ports: Vec<(u16, u16, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum MountSource {
    Volume(VolumeId),
    /// A path of the machine's own tree.
    HostPath(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Mount {
    pub source: MountSource,
    /// Below the source; empty for all of it.
    pub sub_path: String,
    pub path: String,
    pub read_only: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ContainerConfig {
    pub name: String,
    /// 0 for the first instance.
    pub attempt: u32,
    pub image: String,
    /// Overrides ENTRYPOINT when not empty; variables are expanded already.
    pub command: Vec<String>,
    /// Overrides CMD when not empty.
    pub args: Vec<String>,
    pub env: Vec<(String, String)>,
    /// Empty: the image's.
    pub working_dir: String,
    pub mounts: Vec<Mount>,
    pub run_as_user: Option<i64>,
    pub run_as_group: Option<i64>,
    pub read_only_root: bool,
    pub memory_limit_bytes: Option<u64>,
    pub cpu_limit_milli: Option<u64>,
    /// Ports the manifest declares: what an unknown image listens on.
    pub declared_ports: Vec<u16>,
    pub termination_message_path: String,
    pub stdin: bool,
    pub tty: bool,
    /// Joins the process namespace of another container of the sandbox (an ephemeral container's target).
    pub target: Option<ContainerId>,
    /// Added to the primary group: `fsGroup` and `supplementalGroups`.
    pub groups: Vec<i64>,
    /// `playground.dev/…` annotations that script this container: (key without prefix, value).
    pub script: Vec<(String, String)>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ContainerState {
    Created,
    Running { started_at: SimTime },
    Exited { started_at: SimTime, finished_at: SimTime, exit_code: i32, reason: ExitReason },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ExitReason {
    /// The process ended; `Completed` or `Error` by its code.
    Exit,
    OomKilled,
    /// The command could not be started; the code is 128.
    StartError,
}

/// What the kubelet sees of a container.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ContainerStatus {
    pub id: ContainerId,
    pub sandbox: SandboxId,
    pub name: String,
    pub attempt: u32,
    pub image: String,
    pub image_id: String,
    pub state: ContainerState,
    /// The end of what was written to the termination message path (for `FallbackToLogsOnError` see `logs`).
    pub message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct SandboxStatus {
    pub id: SandboxId,
    pub pod_uid: String,
    pub ready: bool,
    pub ip: String,
    pub created_at: SimTime,
}

/// Ends of things that take time; the cluster hands each to the kubelet of `machine`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Notice {
    ContainerExited {
        container: ContainerId,
    },
    SandboxDied {
        sandbox: SandboxId,
    },
    PullFinished {
        pull: PullId,
        result: Result<PulledImage, PullError>,
    },
    ExecFinished {
        exec: ExecId,
        result: ExecResult,
    },
    RequestFinished {
        request: RequestId,
        result: Result<HttpAnswer, ConnectError>,
    },
    /// The machine's directory of static Pods holds something else than before.
    ManifestsChanged,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct PulledImage {
    pub image: String,
    pub size_bytes: u64,
    /// Time of the pull itself, and including the wait for its turn.
    pub took: Duration,
    pub took_with_waiting: Duration,
}

/// Carries the runtime's own text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum PullError {
    #[error("{0}")]
    Failed(String),
    /// `why`: empty, or what stands after the colon.
    #[error("couldn't parse image name \"{image}\": invalid reference format{why}")]
    InvalidName { image: String, why: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ExecResult {
    /// Standard output and standard error as they came, bounded.
    pub output: Vec<u8>,
    pub outcome: ExecOutcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ExecOutcome {
    Exited(i32),
    TimedOut,
    /// The command could not be started; the runtime's text.
    Failed(String),
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct HttpAnswer {
    /// 0 for a plain TCP connection.
    pub status: u16,
    pub body: Arc<Vec<u8>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
pub enum ConnectError {
    /// `dial tcp 10.244.1.5:8080: connect: connection refused`
    #[error("{0}")]
    Refused(String),
    /// `context deadline exceeded (Client.Timeout exceeded while awaiting headers)` and the like.
    #[error("{0}")]
    TimedOut(String),
    #[error("{0}")]
    Other(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Request {
    Http {
        host: String,
        port: u16,
        path: String,
        https: bool,
        headers: Vec<(String, String)>,
    },
    Tcp {
        host: String,
        port: u16,
    },
    /// gRPC health check.
    Grpc {
        host: String,
        port: u16,
        service: String,
    },
}

/// A command to run inside a running container.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct ExecConfig {
    pub argv: Vec<String>,
    pub tty: bool,
    /// Standard input stays open for `exec_write` until `exec_close_stdin`; else it is empty.
    pub stdin: bool,
    /// None: as long as it takes.
    pub timeout: Option<Duration>,
    /// Output can be read while it runs (`exec_read`), and is not kept for the result.
    pub interactive: bool,
    /// Starts at this very instant: what a person types runs also while the clock stands still.
    pub at_once: bool,
}

/// A directory that containers of a Pod mount.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VolumeConfig {
    /// The volume's name in its Pod, and what it is (`emptyDir`, `configMap`…): for people to read.
    pub name: String,
    pub kind: String,
    pub pod_uid: String,
    /// Owns the tree and what is created in it (`fsGroup`).
    pub group: Option<i64>,
    /// Not on disk: counts as memory.
    pub memory: bool,
}

/// A file that the kubelet puts into a volume; `path` is relative.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct VolumeFile {
    pub path: String,
    pub content: Vec<u8>,
    /// Permission bits, such as `0o644`.
    pub mode: u32,
}

/// A file as the page lists it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileView {
    pub path: String,
    pub directory: bool,
    pub size_bytes: u64,
    pub mode: u32,
    /// The beginning of the content, when it is text.
    pub text: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum HostPathKind {
    Directory,
    File,
    Socket,
    CharDevice,
    BlockDevice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LogStream {
    Stdout,
    Stderr,
}

/// One line that a container wrote; `text` has no newline at its end unless the line was cut for its length.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LogLine {
    /// Counts the lines of this instance from 0: what to ask from next when following.
    pub number: u64,
    pub at: SimTime,
    pub stream: LogStream,
    pub text: Arc<str>,
    /// False for a last line that has no newline yet.
    pub whole: bool,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct LogOptions {
    /// Only the last so many lines.
    pub tail: Option<u64>,
    /// Only lines written at or after.
    pub since: Option<SimTime>,
    /// Only lines numbered at least so.
    pub from: u64,
}

/// What an image says about itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ImageInfo {
    /// Canonical: `docker.io/library/nginx:1.25`.
    pub name: String,
    /// `docker.io/library/nginx@sha256:…`
    pub id: String,
    pub size_bytes: u64,
    /// As in the image's USER: empty, a name or a number.
    pub user: String,
    /// The number of that user; None when it is a name that the image does not define as root.
    pub uid: Option<i64>,
    /// Nothing is known of this image: it is taken to be a server that runs and listens.
    pub assumed: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ContainerStats {
    pub memory_bytes: u64,
    pub cpu_milli: u64,
    /// Written into its own layer.
    pub disk_bytes: u64,
    /// Written to its log.
    pub log_bytes: u64,
}

/// A Service as the nodes' proxies and the cluster DNS know it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ServiceEntry {
    pub namespace: String,
    pub name: String,
    /// Empty for a headless Service.
    pub cluster_ip: String,
    /// Where an ExternalName Service points; else empty.
    pub external_name: String,
    pub ports: Vec<ServicePort>,
    /// Addresses that a headless Service's name stands for: (hostname or empty, IP).
    pub addresses: Vec<(String, String)>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct ServicePort {
    pub name: String,
    pub port: u16,
    /// 0 for none.
    pub node_port: u16,
    /// Ready targets: (IP, port).
    pub endpoints: Vec<(String, u16)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Kill,
    Usr1,
    Usr2,
    Term,
    Chld,
    Stop,
    Cont,
    Winch,
}

/// A call that the runtime refused, with containerd's text.
#[derive(Debug, Clone, PartialEq, Eq, Hash, thiserror::Error)]
#[error("{0}")]
pub struct RuntimeError(pub String);
