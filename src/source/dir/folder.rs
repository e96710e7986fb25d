//! What is in the folder now. A file that cannot be read keeps what it said before, and says so once.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::manifest::{self, Manifest};
use crate::model::ObjectKey;

/// Folders inside folders are followed this deep.
const DEPTH: usize = 16;
/// Looks at a file after it changed, whatever its time stamp says: stamps are coarse, and two edits may have the same one.
const FURTHER_LOOKS: u8 = 4;
/// Looks that follow each other sooner than this share one answer.
const FRESH: Duration = Duration::from_millis(50);
/// A manifest larger than this is none.
const FILE_LIMIT: u64 = 16 << 20;

/// A folder of manifests, shared by all sources that read it.
pub struct Folder {
    root: PathBuf,
    namespace: String,
    seen: Mutex<Seen>,
}

/// `apiVersion`, kind, namespace and name.
pub(super) type Identity = (String, String, ObjectKey);

/// The objects of all files.
pub(super) type Contents = Arc<BTreeMap<Identity, Arc<Manifest>>>;

#[derive(Default)]
struct Seen {
    files: BTreeMap<PathBuf, File>,
    contents: Contents,
    looked: Option<Instant>,
    unreadable: String,
}

struct File {
    stamp: Stamp,
    text: String,
    looks: u8,
    manifests: Vec<Arc<Manifest>>,
    missing: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stamp {
    changed: Option<SystemTime>,
    length: u64,
}

impl Stamp {
    pub(super) fn of(meta: &std::fs::Metadata) -> Self {
        Self { changed: meta.modified().ok(), length: meta.len() }
    }
}

impl Folder {
    /// The folder `root`; objects without a namespace are in `namespace`. Nothing is read yet, and the folder need not exist yet.
    pub fn new(root: impl Into<PathBuf>, namespace: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { root: root.into(), namespace: namespace.into(), seen: Mutex::default() })
    }

    /// The namespace of objects that name none.
    pub fn namespace(&self) -> &str {
        &self.namespace
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Reads what changed and returns everything. Blocks on the file system.
    pub(super) fn look(&self) -> Contents {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.looked.is_some_and(|at| at.elapsed() < FRESH) {
            return Arc::clone(&seen.contents);
        }
        let mut found = BTreeMap::new();
        match list(&self.root, DEPTH, &mut found) {
            Ok(()) => seen.unreadable.clear(),
            Err(error) => {
                let error = error.to_string();
                if seen.unreadable != error {
                    tracing::warn!(folder = %self.root.display(), error, "failed to read the folder: going on with what was there");
                    seen.unreadable = error;
                }
                seen.looked = Some(Instant::now());
                return Arc::clone(&seen.contents);
            }
        }
        if seen.update(found, &self.namespace) {
            seen.collect();
        }
        seen.looked = Some(Instant::now());
        Arc::clone(&seen.contents)
    }
}

impl Seen {
    /// Whether anything changed.
    fn update(&mut self, found: BTreeMap<PathBuf, Stamp>, namespace: &str) -> bool {
        let mut changed = false;
        // Editors replace files: for a moment there may be none. Only the second look without a file counts.
        self.files.retain(|path, file| {
            let keep = found.contains_key(path) || !std::mem::replace(&mut file.missing, true);
            changed |= !keep;
            keep
        });
        for (path, stamp) in found {
            if let Some(file) = self.files.get_mut(&path) {
                file.missing = false;
                if file.stamp == stamp && file.looks == 0 {
                    continue;
                }
                file.looks = if file.stamp == stamp { file.looks - 1 } else { FURTHER_LOOKS };
                file.stamp = stamp;
            }
            let text = match std::fs::read_to_string(&path) {
                Ok(text) => text,
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                Err(error) => {
                    // The stamp is remembered, so this is said once for each change.
                    if self.files.get(&path).is_none_or(|file| file.looks == FURTHER_LOOKS) {
                        tracing::error!(file = %path.display(), %error, "failed to read the manifest: its last good content stays in force");
                    }
                    let file = self.files.entry(path).or_insert_with(|| File::empty(stamp));
                    file.looks = 0;
                    continue;
                }
            };
            changed |= self
                .files
                .entry(path.clone())
                .or_insert_with(|| File::empty(stamp))
                .read(&path, text, namespace);
        }
        changed
    }

    fn collect(&mut self) {
        let mut contents = BTreeMap::new();
        for (path, file) in &self.files {
            for manifest in &file.manifests {
                let identity = (manifest.api_version.clone(), manifest.kind.clone(), manifest.key.clone());
                if contents.insert(identity, Arc::clone(manifest)).is_some() {
                    tracing::warn!(file = %path.display(), kind = manifest.kind, object = %manifest.key, "the object is there twice: this file counts");
                }
            }
        }
        self.contents = Arc::new(contents);
    }
}

impl File {
    fn empty(stamp: Stamp) -> Self {
        Self { stamp, text: String::new(), looks: FURTHER_LOOKS, manifests: Vec::new(), missing: false }
    }

    /// Takes the text if it is new; whether the objects changed.
    fn read(&mut self, path: &Path, text: String, namespace: &str) -> bool {
        if self.text == text {
            return false;
        }
        let result = manifest::read(&text, namespace);
        self.text = text;
        match result {
            Ok(manifests) => {
                self.manifests = manifests.into_iter().map(Arc::new).collect();
                true
            }
            Err(problem) => {
                tracing::error!(
                    file = %path.display(), line = problem.at.line, column = problem.at.column, error = problem.message,
                    "failed to read the manifest: its last good content stays in force"
                );
                false
            }
        }
    }
}

/// Manifest files below `folder`. Hidden files and folders are not looked at: editors keep their copies there, and we our state.
fn list(folder: &Path, depth: usize, found: &mut BTreeMap<PathBuf, Stamp>) -> std::io::Result<()> {
    for entry in std::fs::read_dir(folder)? {
        let path = entry?.path();
        let hidden = path.file_name().is_none_or(|name| name.to_string_lossy().starts_with('.'));
        let Ok(meta) = std::fs::metadata(&path) else { continue };
        if hidden {
            continue;
        }
        if meta.is_dir() && depth > 0 {
            list(&path, depth - 1, found)?;
        } else if meta.is_file() && is_manifest(&path) && meta.len() <= FILE_LIMIT {
            found.insert(path, Stamp::of(&meta));
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    path.extension().is_some_and(|extension| {
        ["yaml", "yml", "json"].iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}
