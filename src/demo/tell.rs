//! The demo in the terminal: steps and notifications as people would see them.

use super::inbox::Note;
use super::story::Step;

/// The line that opens a step.
pub(super) fn step(number: usize, of: usize, step: &Step) -> String {
    format!("\n{number}/{of}  {}  (changes {})", step.what, step.file)
}

/// A notification as a card.
pub(super) fn note(note: &Note) -> String {
    let service = match note.service {
        "slack" => "Slack",
        "email" => "E-mail",
        _ => "Webhook",
    };
    let mut lines = vec![format!("      ┌ {service} {}  {}", note.to, note.at)];
    let mut body = Vec::new();
    // Slack shows the text first and the attachment below it; a mail has its subject first.
    if note.service == "slack" {
        body.extend(note.text.lines().map(emoji));
        body.extend((!note.title.is_empty()).then(|| bold(&note.title)));
    } else {
        body.extend((!note.title.is_empty()).then(|| bold(&note.title)));
        body.extend(note.text.lines().map(emoji));
    }
    for (name, value) in &note.fields {
        let mut values = value.lines();
        body.push(format!("{name}: {}", values.next().unwrap_or_default()));
        body.extend(values.map(|line| format!("{:width$}  {line}", "", width = name.chars().count())));
    }
    lines.extend(body.into_iter().map(|line| format!("      │ {line}")));
    lines.push("      └".into());
    lines.join("\n")
}

fn bold(text: &str) -> String {
    format!("[{text}]")
}

fn emoji(line: &str) -> String {
    line.replace(":white_check_mark:", "✅").replace(":exclamation:", "❗")
}
