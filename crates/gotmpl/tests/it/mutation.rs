//! Cases cut up and put together at random: every result is fine but a panic or an endless run.

use dodona_gotmpl::Template;
use dodona_langhost::runtime;
use dodona_value::{Document, Numbers, Scope};

/// How many templates are tried. The fuzz target `template` goes on where this ends.
const ROUNDS: usize = 3_000;

/// A small generator of numbers (SplitMix64), the same in every run.
struct Numbers64(u64);

impl Numbers64 {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % limit.max(1) as u64).expect("below a usize")
    }
}

fn sources() -> Vec<String> {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .expect("the folder exists")
        .map(|entry| entry.expect("an entry").path())
        .collect();
    files.sort();
    let texts = files.iter().filter(|path| path.extension().is_some_and(|extension| extension == "jsonl"));
    let lines: Vec<String> = texts
        .flat_map(|path| {
            std::fs::read_to_string(path).expect("a text file").lines().map(str::to_owned).collect::<Vec<_>>()
        })
        .collect();
    let case = |line: &String| serde_json::from_str::<serde_json::Value>(line).expect("JSON");
    lines.iter().step_by(3).map(|line| case(line)["src"].as_str().expect("a source").to_owned()).collect()
}

fn mutated(numbers: &mut Numbers64, sources: &[String]) -> String {
    let pick = |numbers: &mut Numbers64| sources[numbers.below(sources.len())].chars().collect::<Vec<char>>();
    let mut text = pick(numbers);
    for _ in 0..=numbers.below(3) {
        let at = numbers.below(text.len() + 1);
        match numbers.below(5) {
            0 => text.truncate(at),
            1 => text.insert(at, ['{', '}', '(', ')', '|', '$', '.', '"', '-', '9'][numbers.below(10)]),
            2 => {
                let other = pick(numbers);
                let from = numbers.below(other.len() + 1);
                text.splice(at..at, other[from..].iter().copied());
            }
            3 => {
                let end = (at + numbers.below(6)).min(text.len());
                text.drain(at..end);
            }
            _ => {
                let copy = text.clone();
                text.extend(copy.into_iter().skip(at));
            }
        }
    }
    text.into_iter().collect()
}

#[test]
fn no_mutation_of_a_case_panics_or_hangs() {
    let sources = sources();
    let data = r#"{"s":"hello","n":42,"f":3.5,"l":["b","a"],"m":{"a":1,"c":{"d":"x","n":null}},"nil":null,"ts":"2024-02-29T13:04:05Z","u":"hé"}"#;
    let value = Document::parse(data, Numbers::Kubernetes).expect("JSON").to_value();
    let scope = Scope::from_map(value.as_map().expect("an object"));
    let mut runtime = runtime();
    runtime.allow_key_generation = false;
    runtime.limits.steps = 200_000;
    runtime.limits.memory = 4 << 20;
    let mut numbers = Numbers64(7);
    for _ in 0..ROUNDS {
        let source = mutated(&mut numbers, &sources);
        let start = std::time::Instant::now();
        if let Ok(template) = Template::parse("t", &source) {
            let _outcome = template.render(&scope, &runtime);
        }
        assert!(start.elapsed() < crate::SOON, "{source:?} took {:?}", start.elapsed());
    }
}
