//! From flags to the repo server (core 5.11).

use std::path::PathBuf;
use std::sync::Arc;

use super::assemble::local_zone;
use super::controller::ControllerArgs;
use crate::lookup::{Address, LABEL, Patience, Protection, RepoServer, Surroundings};
use crate::model::{Lookup, NoLookup, Redactor, Resource};
use crate::source::{Shelf, Source, WatchSpec};

/// Where Argo CD mounts the certificates of its parts (core 5.10.3).
const DEFAULT_CONFIG_PATH: &str = "/app/config";

/// What the flags say about the repo server.
#[derive(Clone, Debug)]
pub(super) struct RepoServerFlags {
    pub(super) address: String,
    pub(super) plaintext: bool,
    pub(super) strict_tls: bool,
    pub(super) authority: String,
    pub(super) certificate: String,
    pub(super) key: String,
}

impl From<&ControllerArgs> for RepoServerFlags {
    fn from(arguments: &ControllerArgs) -> Self {
        let is = |text: &str| text.eq_ignore_ascii_case("true");
        Self {
            address: arguments.argocd_repo_server.clone(),
            plaintext: is(&arguments.argocd_repo_server_plaintext),
            strict_tls: is(&arguments.argocd_repo_server_strict_tls),
            authority: arguments.repo_server_ca_cert_path.clone(),
            certificate: arguments.repo_server_client_cert_path.clone(),
            key: arguments.repo_server_client_cert_key_path.clone(),
        }
    }
}

/// The repo server of a controller; nobody if there is no Application whose templates could ask it.
pub(super) fn lookup(
    arguments: &ControllerArgs,
    namespace: &str,
    redactor: &Redactor,
    source: impl Fn(WatchSpec) -> Arc<dyn Source>,
) -> Arc<dyn Lookup> {
    if !arguments.bindings.iter().any(|name| name == "app") {
        return Arc::new(NoLookup);
    }
    server(&arguments.into(), namespace, redactor, Some(&source))
}

/// The repo server that the flags name; nobody if they name none. Without a `source`, it is asked with no credentials of
/// repositories.
pub(super) fn server(
    flags: &RepoServerFlags,
    namespace: &str,
    redactor: &Redactor,
    source: Option<&dyn Fn(WatchSpec) -> Arc<dyn Source>>,
) -> Arc<dyn Lookup> {
    if flags.address.is_empty() {
        return Arc::new(NoLookup);
    }
    let address = Address { authority: flags.address.clone(), protection: protection(flags) };
    let (mut shelves, mut keepers) = (Vec::new(), Vec::new());
    let kinds = [
        ("secrets", "Secret", format!("{LABEL} in (repository,repo-creds)")),
        ("configmaps", "ConfigMap", "app.kubernetes.io/part-of=argocd".to_owned()),
    ];
    for (plural, kind, selector) in kinds {
        let mut spec = WatchSpec::new(plural, Resource::new("", "v1", plural, Some(kind)));
        spec.namespaces = vec![namespace.to_owned()];
        spec.label_selector = selector;
        let shelf = Shelf::new(Box::new(|_| false));
        match source {
            Some(source) => keepers.push(source(spec).keep(Arc::clone(&shelf))),
            None => shelf.completed(),
        }
        shelves.push(shelf);
    }
    let [secrets, config_maps] = shelves.as_slice() else { return Arc::new(NoLookup) };
    let surroundings = Surroundings {
        secrets: Arc::clone(secrets),
        config_maps: Arc::clone(config_maps),
        namespace: namespace.to_owned(),
        redactor: redactor.clone(),
        zone: local_zone(),
    };
    Arc::new(RepoServer::new(address, Patience::default(), surroundings, keepers))
}

fn protection(flags: &RepoServerFlags) -> Protection {
    if flags.plaintext {
        return Protection::Plaintext;
    }
    let authorities = if !flags.authority.is_empty() {
        vec![PathBuf::from(&flags.authority)]
    } else if flags.strict_tls {
        let base = super::environment("ARGOCD_APP_CONF_PATH").unwrap_or_else(|| DEFAULT_CONFIG_PATH.into());
        ["tls.crt", "ca.crt"].map(|name| PathBuf::from(&base).join("reposerver/tls").join(name)).into()
    } else {
        Vec::new()
    };
    Protection::Tls {
        authorities,
        client: Some((PathBuf::from(&flags.certificate), PathBuf::from(&flags.key))),
    }
}
