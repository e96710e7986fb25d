//! What the process itself may use and lends to its services: environment variables, small files, the metadata server.
//!
//! Tenants get nothing of it (services 1.5, FIX!): their settings must bring their own credentials.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::io::AsyncReadExt as _;

use super::client::Clients;

/// The beginnings of the names of variables that some service reads; the command line passes these on and no others.
pub const VARIABLES: &[&str] = &["AWS_", "GOOGLE_", "PUBSUB_", "GCE_METADATA_", "CLOUDSDK_", "HOME"];

/// The longest file that is read, in bytes: keys and tokens are much shorter.
const LONGEST_FILE: u64 = 1 << 20;

/// What is lent to one service.
#[derive(Clone)]
pub struct Ambient {
    environment: Arc<BTreeMap<String, String>>,
    lends: bool,
}

impl Ambient {
    /// What `clients` lend.
    pub fn new(clients: &Clients) -> Self {
        Self { environment: Arc::clone(&clients.reach().environment), lends: !clients.is_guarded() }
    }

    /// Whether anything is lent at all.
    pub fn lends(&self) -> bool {
        self.lends
    }

    /// An environment variable; one that is set to nothing counts as absent.
    pub fn var(&self, name: &str) -> Option<&str> {
        let value = self.environment.get(name).filter(|_| self.lends)?;
        Some(value.as_str()).filter(|value| !value.is_empty())
    }

    /// Whether a variable says yes.
    pub fn flag(&self, name: &str) -> bool {
        self.var(name).is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    /// The file that the variable `name` names, or else `path` below the home folder.
    pub fn file(&self, name: &str, path: &str) -> Option<PathBuf> {
        let named = self.var(name).map(PathBuf::from);
        named.or_else(|| self.var("HOME").map(|home| Path::new(home).join(path)))
    }

    /// Reads a small text file. The error names the file.
    pub async fn read(&self, path: &Path) -> Result<String, String> {
        let shown = path.display();
        if !self.lends {
            return Err(format!("open {shown}: files of the controller are not open to this configuration"));
        }
        let read = async {
            // A pipe or a device might never end.
            if !tokio::fs::metadata(path).await?.is_file() {
                return Err(std::io::Error::other("it is no file"));
            }
            let mut text = String::new();
            tokio::fs::File::open(path).await?.take(LONGEST_FILE).read_to_string(&mut text).await?;
            Ok::<_, std::io::Error>(text)
        };
        read.await.map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => format!("open {shown}: no such file or directory"),
            _ => format!("open {shown}: {error}"),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::delivery::client::{Egress, Reach};

    #[tokio::test]
    async fn tenants_get_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        std::fs::write(&file, "t0ken").unwrap();
        let environment = BTreeMap::from([("AWS_REGION".to_owned(), "eu-west-1".to_owned())]);
        let reach = Reach { environment: Arc::new(environment), ..Reach::default() };
        let clients = Clients::new(reach);
        let own = Ambient::new(&clients);
        assert_eq!(own.var("AWS_REGION"), Some("eu-west-1"));
        assert_eq!(own.read(&file).await.as_deref(), Ok("t0ken"));
        let tenant = Ambient::new(&clients.guarded(Egress::default()));
        assert_eq!(tenant.var("AWS_REGION"), None);
        assert!(tenant.read(&file).await.is_err());
        assert!(own.read(&folder.path().join("none")).await.unwrap_err().contains("no such file"));
    }
}
