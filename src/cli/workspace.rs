//! One configuration, read and compiled, with everything that a command needs to try it on an object.

use std::cell::{Cell, OnceCell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use clap::Args;
use dodona_value::{Runtime, Scope};

use super::assemble;
use super::connection::ConnectionArgs;
use super::controller::DEFAULT_REPO_SERVER;
use super::input::{Input, InputArgs, PresetArgs};
use super::output::{Paint, say};
use super::repo_server::{self, RepoServerFlags};
use crate::binding::{Binding, Facts, SharedFacts};
use crate::config::{BuildOptions, Config, yaml};
use crate::delivery::client::Clients;
use crate::engine::Reading;
use crate::lookup::answered;
use crate::model::{
    Clock, Companions, Destination, Lookup, NoLookup, Object, ObjectKey, Redactor, Resource, Secret, Secrets,
    Settings, Severity, SystemClock, Unanswered, language_runtime,
};
use crate::source::Source;
use crate::source::kube::KubeSource;

/// What is watched.
#[derive(Args, Clone, Debug)]
pub(crate) struct BindingArgs {
    /// Whose configuration and objects: `app`, `rollout`, or a file that describes any other kind
    #[arg(long, value_name = "NAME|FILE", default_value = "app", global = true)]
    pub(crate) binding: String,
}

/// What lies beside Applications: their AppProject, and Argo CD's repo server with the flags that upstream's tool has.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Repo server")]
pub(crate) struct ArgoCdArgs {
    /// File with the AppProject of the Application, `-` for standard input; from the cluster if absent
    #[arg(long, value_name = "FILE", global = true, help_heading = "Configuration")]
    project: Option<String>,
    /// Address of the repo server (for `repo.GetCommitMetadata` and `repo.GetAppDetails`)
    #[arg(
        long,
        value_name = "ADDRESS",
        default_value = "argocd-repo-server:8081",
        global = true,
        hide_short_help = true
    )]
    argocd_repo_server: String,
    /// Talk to the repo server without TLS
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set, value_parser = super::connection::go_bool, hide_default_value = true, global = true, hide_short_help = true)]
    argocd_repo_server_plaintext: bool,
    /// Deprecated by upstream, accepted
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_value = "false", default_missing_value = "true", action = clap::ArgAction::Set, value_parser = super::connection::go_bool, global = true, hide = true)]
    argocd_repo_server_strict_tls: bool,
    /// Certificate authority of the repo server
    #[arg(
        long,
        value_name = "FILE",
        default_value = "",
        hide_default_value = true,
        global = true,
        hide_short_help = true
    )]
    repo_server_ca_cert_path: String,
    /// Client certificate for the repo server
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/app/config/reposerver/mtls/client.crt",
        hide_default_value = true,
        global = true,
        hide_short_help = true
    )]
    repo_server_client_cert_path: String,
    /// Key of the client certificate for the repo server
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/app/config/reposerver/mtls/client.key",
        hide_default_value = true,
        global = true,
        hide_short_help = true
    )]
    repo_server_client_cert_key_path: String,
}

impl ArgoCdArgs {
    fn flags(&self) -> RepoServerFlags {
        RepoServerFlags {
            address: self.argocd_repo_server.clone(),
            plaintext: self.argocd_repo_server_plaintext,
            strict_tls: self.argocd_repo_server_strict_tls,
            authority: self.repo_server_ca_cert_path.clone(),
            certificate: self.repo_server_client_cert_path.clone(),
            key: self.repo_server_client_cert_key_path.clone(),
        }
    }
}

/// A configuration at hand.
pub(crate) struct Workspace {
    pub(crate) input: Rc<Input>,
    pub(crate) binding: Arc<dyn Binding>,
    pub(crate) config: Config,
    /// The namespace of the tenant whose configuration it is; `None` for the central one.
    pub(crate) tenant: Option<String>,
    /// What it was made of.
    pub(crate) settings: Settings,
    /// Clock, zone and limits of the languages.
    pub(crate) runtime: Runtime,
    /// Knows the values of the Secret.
    pub(crate) redactor: Redactor,
    /// What a configuration that names no presets brings in.
    presets: PresetArgs,
    facts: SharedFacts,
    /// File in the place of the cluster's AppProject.
    project: Option<String>,
    /// What was looked for beside an object, and what came of it.
    found_beside: RefCell<BTreeMap<ObjectKey, Result<Arc<Object>, String>>>,
    /// Whether it was said that something beside the object is not known.
    warned: Cell<bool>,
    /// How to reach the repo server, if somebody may ask it.
    repo_server: Option<RepoServerFlags>,
    /// Who answers `repo.…`, once somebody has asked.
    lookup: OnceCell<Option<Arc<dyn Lookup>>>,
}

impl Workspace {
    /// Reads and compiles the configuration of `binding`.
    pub(crate) fn open(
        binding: Arc<dyn Binding>,
        flags: &InputArgs,
        connection: &ConnectionArgs,
    ) -> anyhow::Result<Self> {
        Self::open_with(binding, flags, connection, |_| assemble::clients())
    }

    /// The same for commands that send nothing: without `--secret` beside `--config-map FILE`, something stands in for each
    /// secret that the configuration names. `clients` makes what services send with.
    pub(crate) fn open_dry(
        binding: Arc<dyn Binding>,
        flags: &InputArgs,
        connection: &ConnectionArgs,
        clients: impl FnOnce(&Redactor) -> Clients,
    ) -> anyhow::Result<Self> {
        if flags.config_map.is_none() || flags.secret.is_some() {
            return Self::open_with(binding, flags, connection, clients);
        }
        let flags = InputArgs { secret: Some(":empty".to_owned()), ..flags.clone() };
        let input = Input::new(connection)?;
        let mut settings = input.settings(&flags, binding.settings_names())?;
        settings.secret = settings.config_map.as_ref().map(stand_ins);
        let input = Rc::new(input);
        Ok(Self::build(input, binding, settings, &Redactor::default(), clients, &flags.presets, None))
    }

    fn open_with(
        binding: Arc<dyn Binding>,
        flags: &InputArgs,
        connection: &ConnectionArgs,
        clients: impl FnOnce(&Redactor) -> Clients,
    ) -> anyhow::Result<Self> {
        let input = Input::new(connection)?;
        let settings = input.settings(flags, binding.settings_names())?;
        let redactor = Redactor::default();
        redactor.set("configuration", settings.secret.iter().flatten().map(|(_, secret)| secret));
        Ok(Self::build(Rc::new(input), binding, settings, &redactor, clients, &flags.presets, None))
    }

    fn build(
        input: Rc<Input>,
        binding: Arc<dyn Binding>,
        settings: Settings,
        redactor: &Redactor,
        clients: impl FnOnce(&Redactor) -> Clients,
        presets: &PresetArgs,
        tenant: Option<&str>,
    ) -> Self {
        let options = BuildOptions {
            namespace: tenant.or(input.cluster.given_namespace()).unwrap_or_default().to_owned(),
            self_service: tenant.is_some(),
            legacy: binding.name() == "app",
            clients: clients(redactor),
            presets: presets.sets.clone(),
            ..BuildOptions::default()
        };
        let config = Config::build(&settings, None, &options);
        let facts = SharedFacts::new(&config.context, &config.secrets, Arc::new(NoLookup));
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let mut runtime = language_runtime(clock, assemble::local_zone());
        runtime.allow_key_generation &= tenant.is_none();
        Self {
            input,
            binding,
            config,
            tenant: tenant.map(str::to_owned),
            settings,
            runtime,
            redactor: redactor.clone(),
            presets: presets.clone(),
            facts,
            project: None,
            found_beside: RefCell::default(),
            warned: Cell::default(),
            repo_server: None,
            lookup: OnceCell::new(),
        }
    }

    /// The configuration of the tenant in `namespace`, which applies beside this one (core 5.4.3): out of a file, or of the
    /// cluster; `None` if there is none.
    pub(crate) fn of_tenant(&self, namespace: &str, file: Option<&str>) -> anyhow::Result<Option<Self>> {
        let names = self.binding.settings_names();
        let settings = match file {
            Some(file) => {
                let flags = InputArgs {
                    config_map: Some(file.to_owned()),
                    secret: Some(":empty".to_owned()),
                    ..InputArgs::default()
                };
                let mut settings = self.input.settings(&flags, names)?;
                settings.secret = settings.config_map.as_ref().map(stand_ins);
                Some(settings)
            }
            None => self.input.settings_in(namespace, names)?,
        };
        let Some(settings) = settings else { return Ok(None) };
        let secrets = settings.secret.iter().filter(|_| file.is_none()).flatten();
        self.redactor.set("tenant", secrets.map(|(_, secret)| secret));
        let (input, binding) = (Rc::clone(&self.input), Arc::clone(&self.binding));
        let clients = |_: &Redactor| assemble::clients();
        let mut tenant =
            Self::build(input, binding, settings, &self.redactor, clients, &self.presets, Some(namespace));
        tenant.project.clone_from(&self.project);
        tenant.repo_server.clone_from(&self.repo_server);
        Ok(Some(tenant))
    }

    /// Prints what is wrong with the configuration to standard error.
    pub(crate) fn show_reports(&self) {
        let paint = Paint::stderr();
        for report in &self.config.reports {
            let level = match report.severity {
                Severity::Error => paint.red("error"),
                Severity::Warning => paint.yellow("warning"),
            };
            say(&format!("{level}: {}", self.redactor.redact(&report.to_string())));
        }
    }

    /// How annotations are read.
    pub(crate) fn reading(&self) -> Reading<'_> {
        Reading {
            prefix: self.binding.annotation_prefix(),
            legacy: self.binding.legacy_recipients(),
            yaml: yaml::parse_node,
        }
    }

    /// The object beside `object` whose annotations subscribe it too (its AppProject), with its name; a cluster that is not
    /// there has none.
    pub(crate) fn beside(&self, object: &Object) -> Option<(String, anyhow::Result<Arc<Object>>)> {
        let key = self.binding.subscribed_by(object).ok().flatten()?;
        let (resource, _) = self.binding.companions()?;
        let kind = resource.kind.as_deref().unwrap_or(&resource.plural);
        Some((format!("{kind} {}", key.name), self.find_beside(resource, &key)))
    }

    /// An object that lies beside others: out of the file of the flags, or of the cluster. It is looked for once.
    fn find_beside(&self, resource: &Resource, key: &ObjectKey) -> anyhow::Result<Arc<Object>> {
        if let Some(known) = self.found_beside.borrow().get(key) {
            return known.clone().map_err(anyhow::Error::msg);
        }
        let kind = resource.kind.as_deref().unwrap_or(&resource.plural);
        let found = if let Some(file) = &self.project {
            self.input.beside(file, kind, &key.name, self.binding.numbers())
        } else {
            let namespace = Some(&*key.namespace).filter(|namespace| !namespace.is_empty());
            let found = self.input.wait(self.input.cluster.get(resource, namespace, &key.name));
            found.context("no file is given with --project")
        };
        let found = found.map(Arc::new).map_err(|error| format!("{error:#}"));
        self.found_beside.borrow_mut().insert(key.clone(), found.clone());
        found.map_err(anyhow::Error::msg)
    }

    /// The object that `name` stands for.
    pub(crate) fn object(&self, name: &str) -> anyhow::Result<Arc<Object>> {
        let object = self.input.object(name, self.binding.resource(), self.binding.numbers())?;
        Ok(Arc::new(object))
    }

    /// The same configuration, for Applications with what lies beside them.
    pub(crate) fn with_argo_cd(mut self, flags: &ArgoCdArgs) -> Self {
        if self.binding.name() == "app" {
            self.repo_server = Some(flags.flags());
            self.project = flags.project.clone().filter(|file| !file.is_empty());
        }
        self
    }

    /// The repo server. A cluster says which credentials its repositories have; without one it has to be named.
    fn lookup(&self) -> Option<&Arc<dyn Lookup>> {
        let find = || {
            let flags = self.repo_server.as_ref()?;
            let api = match self.input.wait(self.input.cluster.api()) {
                Ok(api) => api.clone(),
                Err(_) if flags.address == DEFAULT_REPO_SERVER => return None,
                Err(error) => {
                    let what =
                        format!("the repo server is asked without credentials of repositories: {error:#}");
                    say(&format!("{}: {what}", Paint::stderr().yellow("warning")));
                    return Some(repo_server::server(flags, "", &self.redactor, None));
                }
            };
            let namespace = api.default_namespace().to_owned();
            let source = |spec| Arc::new(KubeSource::new(api.clone(), spec)) as Arc<dyn Source>;
            Some(repo_server::server(flags, &namespace, &self.redactor, Some(&source)))
        };
        self.lookup.get_or_init(find).as_ref()
    }

    /// Runs `program` with the variables of `object`. `asked` says whether it may use a variable of this name: what lies
    /// beside the object (its AppProject) and what the repo server knows is looked for only then.
    pub(crate) fn run<T>(
        &self,
        object: &Arc<Object>,
        destination: Option<&Destination>,
        asked: impl Fn(&str) -> bool,
        program: impl Fn(&Scope) -> T,
    ) -> anyhow::Result<T> {
        let facts = self.facts.facts(destination);
        let beside = self.companion(object, facts, &asked)?;
        let facts = facts.beside(&beside);
        let Some(lookup) = Some("repo").filter(|name| asked(name)).and_then(|_| self.lookup()) else {
            return Ok(program(&self.binding.scope(object, &facts)?));
        };
        let attempt = |lookup: &Arc<dyn Lookup>| -> anyhow::Result<T> {
            Ok(program(&self.binding.scope(object, &facts.asking(lookup))?))
        };
        self.input.wait(answered(lookup, Unanswered::Refused, attempt)).0
    }

    /// What lies beside the object, if somebody asks for it.
    fn companion(
        &self,
        object: &Arc<Object>,
        facts: Facts<'_>,
        asked: impl Fn(&str) -> bool,
    ) -> anyhow::Result<Beside> {
        let mut beside = Beside::default();
        let variable = self.binding.companion_variable();
        if !asked(variable) {
            return Ok(beside);
        }
        self.binding.scope(object, &facts.beside(&beside))?;
        let (Some(key), Some((resource, _))) = (beside.asked.get().cloned(), self.binding.companions())
        else {
            return Ok(beside);
        };
        match self.find_beside(resource, &key) {
            Ok(found) => beside.found = Some(found),
            Err(error) if self.project.is_some() => return Err(error),
            Err(error) => {
                if !self.warned.replace(true) {
                    say(&format!("{}: `{variable}` is empty: {error:#}", Paint::stderr().yellow("warning")));
                }
            }
        }
        Ok(beside)
    }
}

/// What lies beside one object: what was asked for, and what was found of it.
#[derive(Default)]
struct Beside {
    asked: OnceLock<ObjectKey>,
    found: Option<Arc<Object>>,
}

impl Companions for Beside {
    fn find(&self, key: &ObjectKey) -> Option<Arc<Object>> {
        self.asked.get_or_init(|| key.clone());
        self.found.clone()
    }
}

/// Something for each secret that a service names: an address where one is probably meant, otherwise the reference itself.
fn stand_ins(config_map: &BTreeMap<String, String>) -> Secrets {
    let services = config_map.iter().filter(|(key, _)| key.starts_with("service."));
    let names = services.flat_map(|(_, text)| text.split('$').skip(1)).map(|rest| {
        let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_'));
        rest.get(..end.unwrap_or(rest.len())).unwrap_or_default()
    });
    let stand_in = |name: &str| {
        let address = ["url", "hook"].iter().any(|word| name.to_ascii_lowercase().contains(word));
        if address { format!("https://{}.invalid/", name.replace('_', "-")) } else { format!("${name}") }
    };
    names
        .filter(|name| !name.is_empty())
        .map(|name| (name.to_owned(), Secret::from(stand_in(name).as_str())))
        .collect()
}
