//! Draws a plan from a seed.

use sim::Rng;

use super::manifest;
use super::plan::{Act, Plan, Step, Worker};

/// The stream of a seed that plans are drawn from; the cluster uses others.
const STREAM: u64 = 4_242;
/// The last step comes by then.
const SPAN_MILLIS: u64 = 100_000;

pub struct Dice(Rng);

impl Dice {
    pub fn below(&mut self, bound: u64) -> u64 {
        self.0.below(bound)
    }

    pub fn one_in(&mut self, odds: u64) -> bool {
        self.below(odds) == 0
    }

    pub fn pick<T: Copy>(&mut self, all: &[T]) -> T {
        all[self.below(all.len() as u64) as usize]
    }
}

pub fn plan_of(seed: u64) -> Plan {
    let mut dice = Dice(Rng::from_seed(seed).child(STREAM));
    let worker = |dice: &mut Dice| Worker {
        cpu_milli: dice.pick(&[1_000, 2_000, 4_000]),
        memory_mib: dice.pick(&[1_024, 2_048, 8_192]),
        pods: dice.pick(&[4, 8, 110]),
    };
    let workers: Vec<Worker> = (0..=dice.below(3)).map(|_| worker(&mut dice)).collect();
    let mut steps = vec![Step { at: 1_500, act: Act::Apply(manifest::surroundings(&mut dice)) }];
    let mut at = 2_000;
    let mut made = 0;
    for number in 0..6 + dice.below(18) {
        at += match dice.below(4) {
            0 => dice.below(40),
            1 => dice.below(1_500),
            _ => dice.below(9_000),
        };
        if SPAN_MILLIS < at {
            break;
        }
        // First there has to be something.
        let act = if number < 2 || (made < 9 && dice.one_in(4)) {
            made += 1;
            let text = if dice.one_in(3) {
                manifest::deployment(&mut dice, made % 3)
            } else {
                manifest::pod(&mut dice, made)
            };
            Act::Apply(text)
        } else if dice.one_in(2) {
            Act::Run(fault(&mut dice))
        } else {
            Act::Run(command(&mut dice))
        };
        steps.push(Step { at, act });
    }
    Plan { seed, workers, steps }
}

fn fault(dice: &mut Dice) -> String {
    let (a, b) = (dice.below(40), dice.below(4));
    match dice.below(26) {
        0..=3 => format!("fault container kill {{pod {a}}} {{container {a} {b}}}"),
        4..=6 => format!("fault sandbox kill {{pod {a}}}"),
        7..=9 => format!("fault process kill {{process {a}}}"),
        10..=11 => format!("fault kubelet stop {{node {b}}}"),
        12..=13 => format!("fault kubelet continue {{node {b}}}"),
        14 => format!("fault kubelet restart {{node {b}}}"),
        15 => format!("fault runtime freeze {{node {b}}}"),
        16 => format!("fault runtime continue {{node {b}}}"),
        17 => format!("fault node fail {{node {b}}}"),
        18 => format!("fault node recover {{node {b}}}"),
        19 => format!("fault network cut {{node {b}}}"),
        20 => format!("fault network heal {{node {b}}}"),
        21 => "fault registry down".to_owned(),
        22 => "fault registry up".to_owned(),
        23 => format!("fault image remove {}", dice.pick(manifest::IMAGES)),
        24 => format!("fault image restore {}", dice.pick(manifest::IMAGES)),
        // A memory leak, and a disk that fills.
        _ => {
            let what = dice.pick(&["tail /dev/zero", "dd if=/dev/zero of=/tmp/full bs=1M count=300"]);
            format!("kubectl exec {{pod {a}}} -c {{container {a} {b}}} -- {what}")
        }
    }
}

fn command(dice: &mut Dice) -> String {
    let (a, b) = (dice.below(40), dice.below(4));
    let web = format!("web-{}", dice.below(3));
    match dice.below(30) {
        0..=4 => format!("kubectl delete pod {{pod {a}}} --wait=false"),
        5 => format!("kubectl delete pod {{pod {a}}} --wait=false --grace-period={}", dice.pick(&[1, 3, 60])),
        6..=7 => format!("kubectl delete pod {{pod {a}}} --force --grace-period=0"),
        8 => format!("kubectl label pod {{pod {a}}} app={} --overwrite", dice.pick(&["a", "b", "none"])),
        9 => format!("kubectl label node {{node {b}}} disk={} --overwrite", dice.pick(&["ssd", "hdd"])),
        10 => format!(
            "kubectl taint node {{node {b}}} simulated=x:{} --overwrite",
            dice.pick(&["NoExecute", "NoSchedule"])
        ),
        11 => format!("kubectl taint node {{node {b}}} simulated-"),
        12 => format!("kubectl cordon {{node {b}}}"),
        13 => format!("kubectl uncordon {{node {b}}}"),
        14 => format!(
            "kubectl drain {{node {b}}} --force --ignore-daemonsets --delete-emptydir-data --timeout=20s"
        ),
        15..=17 => format!("kubectl scale deployment {web} --replicas={}", dice.below(5)),
        18 => format!(
            "kubectl set image deployment {web} app-0={}",
            dice.pick(&["nginx:1.25", "nginx:nosuch", "busybox:1.36"])
        ),
        19 => format!(
            "kubectl set image pod {{pod {a}}} {{container {a} 0}}={}",
            dice.pick(&["nginx:1.25", "busybox:1.36", "redis:7"])
        ),
        20 => format!("kubectl rollout restart deployment {web}"),
        21 => format!("kubectl rollout undo deployment {web}"),
        22 => format!(
            "kubectl exec {{pod {a}}} -c {{container {a} {b}}} -- sh -c '{}'",
            dice.pick(&["rm -f /tmp/ok", "touch /tmp/ok", "kill 1", "kill -9 -1", "echo x >/data/x"])
        ),
        23..=24 => {
            let cpu = dice.pick(&["100m", "700m", "3"]);
            format!(
                "kubectl patch pod {{pod {a}}} --subresource resize -p '{{\"spec\":{{\"containers\":[{{\"name\":\"app-0\",\"resources\":{{\"requests\":{{\"cpu\":\"{cpu}\"}},\"limits\":{{\"cpu\":\"{cpu}\"}}}}}}]}}}}'"
            )
        }
        25 => format!(
            "kubectl delete deployment {web} --wait=false --cascade={}",
            dice.pick(&["background", "orphan", "foreground"])
        ),
        26 => format!("kubectl delete node {{node {b}}} --wait=false"),
        27 => "kubectl delete configmap settings --wait=false".to_owned(),
        28 => "kubectl create configmap settings --from-literal=key=new".to_owned(),
        _ => format!("kubectl delete service service-{}", dice.pick(&["a", "b"])),
    }
}
