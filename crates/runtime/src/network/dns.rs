//! Names: a container's /etc/hosts, and what the cluster's DNS answers.

use sim::Gather as _;

use crate::Runtime;
use crate::cri::ServiceEntry;
use crate::kernel::net::Resolved;
use crate::machine::{Machine, Sandbox};

const DOMAIN: &str = "cluster.local";
const DNS_SERVER: &str = "10.96.0.10";
/// Dots from which a name is tried as it stands first.
const NDOTS: usize = 5;

pub(crate) fn is_address(text: &str) -> bool {
    let mut parts = text.split('.');
    text.contains(':') || (parts.clone().count() == 4 && parts.all(|it| it.parse::<u8>().is_ok()))
}

impl Runtime {
    /// Addresses of a name as a process of the sandbox gets them; /etc/hosts first.
    pub(crate) fn addresses(&self, place: Option<(&Machine, &Sandbox)>, name: &str) -> Vec<String> {
        if is_address(name) {
            return vec![name.to_owned()];
        }
        if name == "localhost" {
            return vec!["127.0.0.1".to_owned()];
        }
        if let Some(found) = place.and_then(|it| in_hosts(it.0, it.1, name)) {
            return vec![found];
        }
        self.resolve(place, name).addresses
    }

    /// What the DNS server says, with the search domains tried.
    pub(crate) fn resolve(&self, place: Option<(&Machine, &Sandbox)>, name: &str) -> Resolved {
        let empty = Vec::new();
        let config = place.map(|it| &it.1.config);
        let server = config.and_then(|it| it.dns_servers.first()).map_or(DNS_SERVER, String::as_str);
        let missing = Resolved { server: server.to_owned(), name: name.to_owned(), addresses: Vec::new() };
        // A name server outside of the cluster is not reached.
        if self.dns_down || server != DNS_SERVER {
            return missing;
        }
        let search = config.map_or(&empty, |it| &it.dns_search);
        let plain = name.trim_end_matches('.');
        let searched = search.iter().map(|it| format!("{plain}.{it}"));
        let candidates: Vec<String> = if name.ends_with('.') {
            vec![plain.to_owned()]
        } else if NDOTS <= plain.matches('.').count() {
            std::iter::once(plain.to_owned()).chain(searched).gather()
        } else {
            searched.chain([plain.to_owned()]).gather()
        };
        for candidate in candidates {
            let addresses = self.records(&candidate);
            if !addresses.is_empty() {
                return Resolved { name: candidate, addresses, ..missing };
            }
        }
        missing
    }

    /// Follows github.com/coredns/coredns plugin/kubernetes, for A records.
    fn records(&self, name: &str) -> Vec<String> {
        let Some(rest) = name.strip_suffix(DOMAIN).and_then(|it| it.strip_suffix('.')) else {
            return Vec::new();
        };
        let parts: Vec<&str> = rest.split('.').gather();
        match parts.as_slice() {
            [service, namespace, "svc"] => self.service(service, namespace).map_or_else(Vec::new, |it| {
                if it.cluster_ip.is_empty() {
                    it.addresses.iter().map(|it| it.1.clone()).gather()
                } else {
                    vec![it.cluster_ip.clone()]
                }
            }),
            [host, service, namespace, "svc"] => {
                self.service(service, namespace).map_or_else(Vec::new, |it| {
                    let fits = |one: &&(String, String)| one.0 == *host || one.1.replace('.', "-") == *host;
                    it.addresses.iter().filter(fits).map(|it| it.1.clone()).gather()
                })
            }
            [address, _, "pod"] => {
                let address = address.replace('-', ".");
                if is_address(&address) { vec![address] } else { Vec::new() }
            }
            _ => Vec::new(),
        }
    }

    fn service(&self, name: &str, namespace: &str) -> Option<&ServiceEntry> {
        self.services
            .iter()
            .find(|it| it.name == name && it.namespace == namespace && it.external_name.is_empty())
    }
}

fn in_hosts(machine: &Machine, sandbox: &Sandbox, name: &str) -> Option<String> {
    let tree = machine.trees.get(sandbox.files)?;
    let bytes = tree.read(tree.find("hosts")?, 0, crate::files::FILE_BYTES_MAX).ok()?;
    String::from_utf8_lossy(&bytes).lines().find_map(|line| {
        let line = line.split('#').next().unwrap_or_default();
        let mut words = line.split_whitespace();
        let address = words.next()?;
        (!address.contains(':') && words.any(|it| it == name)).then(|| address.to_owned())
    })
}
