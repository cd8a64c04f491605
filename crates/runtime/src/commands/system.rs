//! Commands that tell of the machine and of who runs: id, uname, free, df, ip….

use sim::{Gather as _, Sort as _};

use super::options::Options;
use crate::kernel::{Flavour, Sys};

/// (uid, gid) of a name or a number, by /etc/passwd.
pub fn user(sys: &mut Sys<'_>, name: &str) -> Option<(u32, u32)> {
    let text = String::from_utf8_lossy(&sys.read_file("/etc/passwd").unwrap_or_default()).into_owned();
    for line in text.lines() {
        let fields: Vec<&str> = line.split(':').gather();
        if fields.first() == Some(&name) {
            return Some((fields.get(2)?.parse().ok()?, fields.get(3)?.parse().ok()?));
        }
    }
    name.parse().ok().map(|it| (it, it))
}

/// The name of a number in /etc/passwd or /etc/group.
pub fn name_of(sys: &mut Sys<'_>, file: &str, number: u32) -> Option<String> {
    let text = String::from_utf8_lossy(&sys.read_file(file).unwrap_or_default()).into_owned();
    let wanted = number.to_string();
    let found = text.lines().find(|it| it.split(':').nth(2) == Some(&wanted));
    match found {
        Some(line) => line.split(':').next().map(str::to_owned),
        None => (number == 0).then(|| "root".to_owned()),
    }
}

pub fn id(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let me = sys.me().credentials.clone();
    let user = name_of(sys, "/etc/passwd", me.uid);
    if who == "whoami" || (options.has("u") && options.has("n")) {
        return match user {
            Some(name) => {
                sys.out(&format!("{name}\n"));
                0
            }
            None if who == "whoami" => {
                sys.err(&format!("whoami: unknown uid {}\n", me.uid));
                1
            }
            None => {
                sys.out(&format!("{}\n", me.uid));
                0
            }
        };
    }
    if options.has("u") {
        sys.out(&format!("{}\n", me.uid));
        return 0;
    }
    let mut groups = vec![me.gid];
    groups.extend(me.groups.iter().filter(|it| **it != me.gid));
    let named: Vec<(u32, Option<String>)> =
        groups.iter().map(|it| (*it, name_of(sys, "/etc/group", *it))).gather();
    // The kernel keeps them in order.
    let mut sorted = named.clone();
    sorted.put_in_order();
    let name_or_number = |it: &(u32, Option<String>)| it.1.clone().unwrap_or_else(|| it.0.to_string());
    if who == "groups" || options.any(&["g", "G"]) {
        let chosen = if options.has("g") { &named[..1] } else { &sorted[..] };
        let words: Vec<String> = chosen
            .iter()
            .map(|it| if who == "groups" || options.has("n") { name_or_number(it) } else { it.0.to_string() })
            .gather();
        sys.out(&format!("{}\n", words.join(" ")));
        return 0;
    }
    let show = |number: u32, name: &Option<String>| match name {
        Some(name) => format!("{number}({name})"),
        None => number.to_string(),
    };
    let mut text = format!("uid={} gid={}", show(me.uid, &user), show(me.gid, &named[0].1));
    if 1 < named.len() || named[0].1.is_some() {
        let all: Vec<String> = sorted.iter().map(|it| show(it.0, &it.1)).gather();
        text.push_str(&format!(" groups={}", all.join(",")));
    }
    sys.out(&(text + "\n"));
    0
}

pub fn hostname(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let facts = sys.facts();
    let options = Options::parse(&argv[1..], "");
    if !options.rest.is_empty() {
        sys.err(&format!("{who}: sethostname: Operation not permitted\n"));
        return 1;
    }
    let text = if options.any(&["i", "I"]) {
        facts.ip.clone()
    } else if options.has("s") {
        facts.hostname.split('.').next().unwrap_or("").to_owned()
    } else {
        facts.hostname.clone()
    };
    sys.out(&format!("{text}\n"));
    0
}

pub fn uname(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let facts = sys.facts();
    let options = Options::parse(&argv[1..], "");
    let all = options.has("a");
    let parts = [
        ("s", "Linux"),
        ("n", &facts.hostname),
        ("r", &facts.kernel_release),
        ("v", "#1 SMP PREEMPT_DYNAMIC"),
        ("m", "x86_64"),
        ("o", if facts.flavour == Flavour::Gnu { "GNU/Linux" } else { "Linux" }),
    ];
    let mut words: Vec<&str> = parts.iter().filter(|it| all || options.has(it.0)).map(|it| it.1).gather();
    if who == "arch" {
        words = vec!["x86_64"];
    } else if words.is_empty() {
        words = vec!["Linux"];
    }
    sys.out(&format!("{}\n", words.join(" ")));
    0
}

pub fn nproc(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    let cpus = sys.facts().cpus;
    sys.out(&format!("{cpus}\n"));
    0
}

pub fn printenv(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    if argv.len() < 2 {
        let text: String = sys.me().environment.iter().map(|it| format!("{}={}\n", it.0, it.1)).fill();
        sys.out(&text);
        return 0;
    }
    let mut status = 0;
    for name in &argv[1..] {
        match sys.environment(name).map(|it| format!("{it}\n")) {
            Some(text) => sys.out(&text),
            None => status = 1,
        }
    }
    status
}

/// In KiB, or for people.
pub fn size(bytes: u64, human: bool) -> String {
    if !human {
        return bytes.div_ceil(1024).to_string();
    }
    let mut value = bytes * 10;
    for unit in ["", "K", "M", "G"] {
        if value < 10_240 {
            return if unit.is_empty() {
                bytes.to_string()
            } else {
                format!("{}.{}{unit}", value / 10, value % 10)
            };
        }
        value = value.div_ceil(1024);
    }
    format!("{}.{}T", value / 10, value % 10)
}

pub fn free(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    let options = Options::parse(&argv[1..], "");
    let total = sys.facts().memory_bytes;
    let used: u64 = sys.kernel().processes().map(|it| it.memory_bytes).sum();
    let unit = if options.has("m") {
        1 << 20
    } else if options.has("g") {
        1 << 30
    } else if options.has("b") {
        1
    } else {
        1 << 10
    };
    let show = |it: u64| if options.has("h") { size(it, true) } else { (it / unit).to_string() };
    let left = total.saturating_sub(used);
    let row = [show(total), show(used), show(left), show(0), show(0), show(left)];
    let memory: Vec<String> = row.iter().map(|it| format!("{it:>11}")).gather();
    let (memory, zero) = (memory.join(" "), show(0));
    sys.out(&format!(
        "              total        used        free      shared  buff/cache   available\nMem:    {memory}\nSwap:   {zero:>11} {zero:>11} {zero:>11}\n"
    ));
    0
}

pub fn df(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    const DISK_BYTES: u64 = 100 << 30;
    let options = Options::parse(&argv[1..], "t");
    let human = options.has("h");
    let head = if human { "Size" } else { "1K-blocks" };
    let mut text =
        format!("{:<20} {head:>9} {:>9} {:>9} Use% Mounted on\n", "Filesystem", "Used", "Available");
    let mounts = std::sync::Arc::clone(&sys.space().mounts);
    for mount in &mounts.0 {
        let Some(tree) = sys.trees.get(mount.tree) else { continue };
        let total = tree.limit.unwrap_or(DISK_BYTES);
        let used = tree.used();
        let at = if mount.at.is_empty() { "/" } else { &mount.at };
        if options.rest.iter().any(|it| it != at) {
            continue;
        }
        text.push_str(&format!(
            "{:<20} {:>9} {:>9} {:>9} {:>3}% {at}\n",
            mount.device,
            size(total, human),
            size(used, human),
            size(total.saturating_sub(used), human),
            used * 100 / total.max(1)
        ));
    }
    sys.out(&text);
    0
}

pub fn mount(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    if 1 < argv.len() {
        sys.err(&format!("{who}: permission denied (are you root?)\n"));
        return 1;
    }
    let text: String = sys
        .mounts_text()
        .lines()
        .filter_map(|line| {
            let words: Vec<&str> = line.split(' ').fill();
            Some(format!(
                "{} on {} type {} ({})\n",
                words.first()?,
                words.get(1)?,
                words.get(2)?,
                words.get(3)?
            ))
        })
        .fill();
    sys.out(&text);
    0
}

pub fn ip(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let facts = sys.facts();
    let what = argv[1..].iter().find(|it| !it.starts_with('-')).map_or("", String::as_str);
    let text = match what {
        "a" | "ad" | "addr" | "address" => {
            const VALID: &str = "       valid_lft forever preferred_lft forever\n";
            let [lo, eth0] = links(&facts.ip);
            format!(
                "{lo}    inet 127.0.0.1/8 scope host lo\n{VALID}    inet6 ::1/128 scope host \n{VALID}{eth0}    inet {ip}/24 brd {net}.255 scope global eth0\n{VALID}    inet6 {}/64 scope link \n{VALID}",
                link_local(&facts.ip),
                ip = facts.ip,
                net = network(&facts.ip),
            )
        }
        "l" | "link" => links(&facts.ip).concat(),
        "r" | "route" => {
            let gateway = gateway(&facts.gateway, &facts.ip);
            format!(
                "default via {gateway} dev eth0 \n{0}.0/24 dev eth0 scope link  src {1} \n",
                network(&facts.ip),
                facts.ip
            )
        }
        _ => {
            sys.err(&format!("Usage: {who} [OPTIONS] address|route|link|neigh|rule [ARGS]\n"));
            return 1;
        }
    };
    sys.out(&text);
    0
}

fn network(ip: &str) -> &str {
    ip.rsplit_once('.').map_or(ip, |it| it.0)
}

fn gateway(given: &str, ip: &str) -> String {
    if given.is_empty() { format!("{}.1", network(ip)) } else { given.to_owned() }
}

/// Made of the address, so that each is its own.
/// The two network devices of a Pod, as busybox's `ip` shows them.
fn links(ip: &str) -> [String; 2] {
    [
        "1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536 qdisc noqueue qlen 1000\n    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00\n".to_owned(),
        format!(
            "2: eth0@if7: <BROADCAST,MULTICAST,UP,LOWER_UP,M-DOWN> mtu 1500 qdisc noqueue \n    link/ether {} brd ff:ff:ff:ff:ff:ff\n",
            mac(ip)
        ),
    ]
}

/// Made of the hardware address, as the kernel makes it.
fn link_local(ip: &str) -> String {
    let part = |at: usize| ip.split('.').nth(at).and_then(|it| it.parse::<u16>().ok()).unwrap_or(0);
    format!("fe80::858:{:x}ff:fe{:02x}:{:x}", part(0), part(1), part(2) << 8 | part(3))
}

fn mac(ip: &str) -> String {
    let parts: Vec<u8> = ip.split('.').filter_map(|it| it.parse().ok()).gather();
    let part = |at: usize| parts.get(at).copied().unwrap_or(0);
    format!("0a:58:{:02x}:{:02x}:{:02x}:{:02x}", part(0), part(1), part(2), part(3))
}

pub fn ifconfig(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    let facts = sys.facts();
    let (ip, net) = (&facts.ip, network(&facts.ip));
    sys.out(&format!(
        "eth0      Link encap:Ethernet  HWaddr {}  \n          inet addr:{ip}  Bcast:{net}.255  Mask:255.255.255.0\n          UP BROADCAST RUNNING MULTICAST  MTU:1500  Metric:1\n\nlo        Link encap:Local Loopback  \n          inet addr:127.0.0.1  Mask:255.0.0.0\n          UP LOOPBACK RUNNING  MTU:65536  Metric:1\n\n",
        mac(ip).to_ascii_uppercase()
    ));
    0
}

pub fn netstat(sys: &mut Sys<'_>, argv: &[String], who: &str) -> i32 {
    let programs = Options::parse(&argv[1..], "").has("p");
    let mut text = if who == "ss" {
        "State  Recv-Q Send-Q Local Address:Port Peer Address:Port\n".to_owned()
    } else {
        "Active Internet connections (only servers)\nProto Recv-Q Send-Q Local Address           Foreign Address         State       \n".to_owned()
    };
    let listeners: Vec<_> = sys.kernel().listeners().iter().map(|it| (*it.0, *it.1)).gather();
    for (port, pid) in listeners {
        let local = format!("0.0.0.0:{port}");
        if who == "ss" {
            text.push_str(&format!("LISTEN 0      128    {local:>18} 0.0.0.0:*\n"));
            continue;
        }
        let process = sys.kernel().process(pid).map(|it| format!("{}/{}", it.number, it.name()));
        // nginx's own configuration listens on both kinds of address.
        let both = process.as_deref().is_some_and(|it| it.contains("/nginx"));
        let process = process.filter(|_| programs).unwrap_or_default();
        text.push_str(&format!(
            "tcp        0      0 {local:<23} 0.0.0.0:*               LISTEN      {process}\n"
        ));
        if both {
            let local = format!(":::{port}");
            text.push_str(&format!(
                "tcp        0      0 {local:<23} :::*                    LISTEN      {process}\n"
            ));
        }
    }
    sys.out(&text);
    0
}

pub fn which(sys: &mut Sys<'_>, argv: &[String], _who: &str) -> i32 {
    let mut status = 0;
    for name in &argv[1..] {
        match sys.which(name, None) {
            Ok(stat) => sys.out(&format!("{}\n", stat.path)),
            Err(_) => status = 1,
        }
    }
    status
}

pub fn clear(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    sys.out("\x1b[H\x1b[J");
    0
}

pub fn tty(sys: &mut Sys<'_>, _argv: &[String], _who: &str) -> i32 {
    let yes = sys.is_tty(0);
    sys.out(if yes { "/dev/pts/0\n" } else { "not a tty\n" });
    i32::from(!yes)
}

pub fn no_editor(sys: &mut Sys<'_>, _argv: &[String], who: &str) -> i32 {
    sys.err(&format!(
        "{who}: no full-screen editor in this simulated container; use echo, printf or cat with >\n"
    ));
    1
}
