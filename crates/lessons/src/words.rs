//! Reads a lesson's words in one language; the build and the program do it alike.

/// The words of one language, as `Text` has them.
pub struct Words<'a> {
    pub title: &'a str,
    pub summary: &'a str,
    pub intro: String,
    pub question: &'a str,
    pub steps: Vec<StepWords<'a>>,
    pub why: &'a str,
}

pub struct StepWords<'a> {
    pub title: &'a str,
    pub body: String,
    pub hint: &'a str,
}

/// `# title`, `> summary`, introduction, `? question`, `## step` with its text and `! hint`, after `---` the reason why.
/// What is missing is empty.
pub fn read(text: &str) -> Words<'_> {
    let (head, why) = text.split_once("\n---\n").unwrap_or((text, ""));
    let mut sections = head.split("\n## ");
    let mut words = Words {
        title: "",
        summary: "",
        intro: String::new(),
        question: "",
        steps: Vec::new(),
        why: why.trim(),
    };
    for line in sections.next().unwrap_or("").lines() {
        if let Some(it) = line.strip_prefix("# ") {
            words.title = it.trim();
        } else if let Some(it) = line.strip_prefix("> ") {
            words.summary = it.trim();
        } else if let Some(it) = line.strip_prefix("? ") {
            words.question = it.trim();
        } else {
            words.intro.push_str(line);
            words.intro.push('\n');
        }
    }
    words.intro = words.intro.trim().to_owned();
    words.steps = sections.map(read_step).collect();
    words
}

fn read_step(section: &str) -> StepWords<'_> {
    let (title, text) = section.split_once('\n').unwrap_or((section, ""));
    let (mut body, mut hint) = (String::new(), "");
    for line in text.lines() {
        if let Some(it) = line.strip_prefix("! ") {
            hint = it.trim();
        } else {
            body.push_str(line);
            body.push('\n');
        }
    }
    StepWords { title: title.trim(), body: body.trim().to_owned(), hint }
}
