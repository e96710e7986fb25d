//! The shared files of AWS's tools: `~/.aws/config` and `~/.aws/credentials`.

use std::collections::BTreeMap;

use super::super::ambient::Ambient;

/// The settings of all profiles, by profile.
type Profiles = BTreeMap<String, BTreeMap<String, String>>;

/// One profile of the shared files, and the others that it may name.
#[derive(Debug, Default)]
pub(super) struct Profile {
    name: String,
    all: Profiles,
}

impl Profile {
    /// Reads the profile that `AWS_PROFILE` names, or `default`. A profile that is named and is in neither file is an error,
    /// as it is for AWS's own tools; files that are not there are not.
    pub(super) async fn load(ambient: &Ambient) -> Result<Self, String> {
        let named = ambient.var("AWS_PROFILE").or_else(|| ambient.var("AWS_DEFAULT_PROFILE"));
        let mut all = Profiles::new();
        let config = ambient.file("AWS_CONFIG_FILE", ".aws/config");
        let credentials = ambient.file("AWS_SHARED_CREDENTIALS_FILE", ".aws/credentials");
        // What is in the credentials file wins.
        for (file, prefixed) in [(config, true), (credentials, false)] {
            let Some(file) = file else { continue };
            let Ok(text) = ambient.read(&file).await else { continue };
            for (name, pairs) in parse(&text, prefixed) {
                all.entry(name).or_default().extend(pairs);
            }
        }
        let name = named.unwrap_or("default").to_owned();
        if named.is_some() && !all.contains_key(&name) {
            return Err(format!(
                "failed to get shared config profile, {name}: AWS_PROFILE names it, and it is in neither of the shared files"
            ));
        }
        Ok(Self { name, all })
    }

    /// A setting of the profile.
    pub(super) fn get(&self, key: &str) -> Option<String> {
        self.all.get(&self.name)?.get(key).filter(|value| !value.is_empty()).cloned()
    }

    /// The profile's name.
    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Another profile of the same files; `None` if there is none.
    pub(super) fn other(&self, name: &str) -> Option<Self> {
        self.all.contains_key(name).then(|| Self { name: name.to_owned(), all: self.all.clone() })
    }
}

/// Reads a file of sections. In the config file (`prefixed`) profiles are called `[profile x]`, and `[default]` is one too.
fn parse(text: &str, prefixed: bool) -> Profiles {
    let mut profiles = Profiles::new();
    let mut current: Option<String> = None;
    for line in text.lines() {
        let is_nested = line.starts_with([' ', '\t']);
        let line = line.trim();
        if line.is_empty() || line.starts_with(['#', ';']) {
            continue;
        }
        if let Some(section) = line.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
            current = profile_name(section, prefixed);
            if let Some(name) = &current {
                profiles.entry(name.clone()).or_default();
            }
        } else if let (Some(name), Some((key, value)), false) = (&current, line.split_once('='), is_nested) {
            // A comment behind a value begins after a blank.
            let value = value.split(" #").next().and_then(|value| value.split(" ;").next()).unwrap_or(value);
            let pairs = profiles.entry(name.clone()).or_default();
            pairs.insert(key.trim().to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    profiles
}

fn profile_name(section: &str, prefixed: bool) -> Option<String> {
    let section = section.trim();
    let named = section.strip_prefix("profile").filter(|rest| rest.starts_with([' ', '\t']));
    match (named, prefixed) {
        (Some(name), _) => Some(name.trim().trim_matches(['"', '\'']).to_owned()),
        (None, true) if section != "default" => None,
        (None, _) => Some(section.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::delivery::client::{Clients, Reach};

    #[tokio::test]
    async fn the_files_are_read_as_the_tools_do() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join(".aws")).unwrap();
        let write =
            |name: &str, text: &str| std::fs::write(folder.path().join(".aws").join(name), text).unwrap();
        write(
            "config",
            "[default]\nregion = eu-west-1 # here\n\n[profile other]\nrole_arn=arn\n  nested = x\n[services x]\nsqs = y\n",
        );
        write("credentials", "[other]\naws_access_key_id = A\nrole_arn = from-credentials\n");
        let ambient = |profile: &str| {
            let home = folder.path().display().to_string();
            let pairs = [("HOME".to_owned(), home), ("AWS_PROFILE".to_owned(), profile.to_owned())];
            Ambient::new(&Clients::new(Reach { environment: Arc::new(pairs.into()), ..Reach::default() }))
        };
        let default = Profile::load(&ambient("")).await.unwrap();
        assert_eq!(default.get("region").as_deref(), Some("eu-west-1"));
        let other = Profile::load(&ambient("other")).await.unwrap();
        assert_eq!(other.get("role_arn").as_deref(), Some("from-credentials"));
        assert_eq!((other.get("nested"), other.get("region")), (None, None));
        assert!(other.other("default").is_some() && other.other("services x").is_none());
        assert!(Profile::load(&ambient("nobody")).await.unwrap_err().contains("nobody"));
    }
}
