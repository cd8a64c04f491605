mod harness;
mod timelines;

#[test]
fn explore() {
    let Ok(path) = std::env::var("SCENARIO") else { return };
    let mut lab = harness::Lab::new(1);
    let text = std::fs::read_to_string(path).unwrap();
    lab.apply(&text);
    let until: f64 = std::env::var("UNTIL").map_or(30.0, |it| it.parse().unwrap());
    if let Ok(at) = std::env::var("DELETE") {
        let (at, name) = at.split_once(' ').unwrap();
        lab.run_to(at.parse().unwrap());
        lab.delete(name, std::env::var("GRACE").ok().map(|it| it.parse().unwrap()));
    }
    lab.run_to(until);
    println!("{}", lab.timeline());
}
