//! Annotations that were written, one side file for each object: `.dodona/state/<binding>/<namespace>.<name>.yaml` below the folder.
//!
//! The file is laid over the object when it is read. A person may edit or delete it, as they may edit the annotation in a cluster.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::folder::Stamp;
use crate::config::yaml;
use crate::model::{NodeKind, ObjectKey};

/// Annotation to text, or to nothing where it was removed from an object whose manifest has it.
pub(super) type Annotations = BTreeMap<String, Option<String>>;

/// The side files of one binding.
pub(super) struct StateFiles {
    folder: PathBuf,
    known: BTreeMap<PathBuf, (Option<Stamp>, Annotations)>,
}

impl StateFiles {
    pub(super) fn new(root: &Path, binding: &str) -> Self {
        Self { folder: root.join(".dodona").join("state").join(safe(binding)), known: BTreeMap::new() }
    }

    /// What was written for an object. Reads the file only if it changed.
    pub(super) fn read(&mut self, key: &ObjectKey) -> &Annotations {
        let path = self.path(key);
        let stamp = std::fs::metadata(&path).ok().as_ref().map(Stamp::of);
        let known = self.known.entry(path.clone()).or_default();
        if known.0 != stamp {
            known.0 = stamp;
            match load(&path) {
                Ok(annotations) => known.1 = annotations,
                Err(error) => {
                    tracing::error!(file = %path.display(), error, "failed to read the state: its last good content stays in force");
                }
            }
        }
        &known.1
    }

    /// Writes one annotation. The file is replaced as a whole: a reader sees the old one or the new one.
    pub(super) fn write(
        &mut self,
        key: &ObjectKey,
        annotation: &str,
        value: Option<&str>,
    ) -> std::io::Result<()> {
        let mut annotations = self.read(key).clone();
        annotations.insert(annotation.to_owned(), value.map(str::to_owned));
        let path = self.path(key);
        std::fs::create_dir_all(&self.folder)?;
        let draft = path.with_extension("draft");
        let mut file = std::fs::File::create(&draft)?;
        file.write_all(render(key, &annotations).as_bytes())?;
        file.sync_all()?;
        drop(file);
        std::fs::rename(&draft, &path)?;
        let stamp = std::fs::metadata(&path).ok().as_ref().map(Stamp::of);
        self.known.insert(path, (stamp, annotations));
        Ok(())
    }

    /// The object is gone, and its annotations with it.
    pub(super) fn forget(&mut self, key: &ObjectKey) {
        let path = self.path(key);
        self.known.remove(&path);
        if let Err(error) = std::fs::remove_file(&path)
            && error.kind() != std::io::ErrorKind::NotFound
        {
            tracing::warn!(file = %path.display(), %error, "failed to remove the state of an object that is gone");
        }
    }

    fn path(&self, key: &ObjectKey) -> PathBuf {
        let namespace = if key.namespace.is_empty() { "_" } else { &key.namespace };
        self.folder.join(format!("{}.{}.yaml", safe(namespace), safe(&key.name)))
    }
}

/// A name that cannot leave the folder, different for different names.
fn safe(name: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::new();
    for (index, byte) in name.bytes().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'_' => out.push(byte.into()),
            b'.' if index > 0 => out.push('.'),
            // Writing to a String does not fail.
            _ => write!(out, "%{byte:02x}").unwrap_or_default(),
        }
    }
    out
}

fn load(path: &Path) -> Result<Annotations, String> {
    match std::fs::read_to_string(path) {
        Ok(text) => parse(&text),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Annotations::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// JSON texts are YAML; one annotation a line.
fn render(key: &ObjectKey, annotations: &Annotations) -> String {
    let head = format!("# What was told about {key}. Delete the file to have it told again.\nannotations:\n");
    let lines = annotations.iter().map(|(name, value)| {
        let value = value.as_deref().map_or(Value::Null, Value::from);
        format!("  {}: {value}\n", Value::from(name.as_str()))
    });
    head + &lines.collect::<String>()
}

fn parse(text: &str) -> Result<Annotations, String> {
    let node = yaml::parse_node(text).map_err(|error| format!("{}: {}", error.at, error.message))?;
    let NodeKind::Map(pairs) = node.kind else { return Ok(Annotations::new()) };
    let Some((_, annotations)) = pairs.into_iter().find(|(key, _)| key.text == "annotations") else {
        return Ok(Annotations::new());
    };
    match annotations.kind {
        NodeKind::Null => Ok(Annotations::new()),
        NodeKind::Map(pairs) => pairs
            .into_iter()
            .map(|(key, node)| match node.kind {
                NodeKind::Text(text) => Ok((key.text, Some(text))),
                NodeKind::Null => Ok((key.text, None)),
                _ => Err(format!("{}: `{}` must be a text", node.at, key.text)),
            })
            .collect(),
        _ => Err(format!("{}: `annotations` must be a mapping", annotations.at)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back_by_another_process() {
        let folder = tempfile::tempdir().unwrap();
        let key = ObjectKey::new("argocd", "guestbook");
        let mut files = StateFiles::new(folder.path(), "app");
        assert!(files.read(&key).is_empty());
        files.write(&key, "notified.example", Some("{\"a:\\u003c\":1}")).unwrap();
        files.write(&key, "other", None).unwrap();
        let mut again = StateFiles::new(folder.path(), "app");
        let expected = Annotations::from([
            ("notified.example".to_owned(), Some("{\"a:\\u003c\":1}".to_owned())),
            ("other".to_owned(), None),
        ]);
        assert_eq!(again.read(&key), &expected);
        again.forget(&key);
        assert!(files.read(&key).is_empty());
    }

    #[test]
    fn no_name_leaves_the_folder() {
        let files = StateFiles::new(Path::new("/f"), "../x");
        for (namespace, name) in [("..", ".."), ("a", "../../b"), ("", "/etc/passwd")] {
            let path = files.path(&ObjectKey::new(namespace, name));
            assert_eq!(path.parent(), Some(Path::new("/f/.dodona/state/%2e.%2fx")), "{}", path.display());
        }
    }
}
