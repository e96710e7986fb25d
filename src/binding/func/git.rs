//! Git repository URLs as upstream reads them (core 4.3): known transports, then the scp form, then a local path.

/// Transports that are read as URLs; anything else with a scheme is not.
const TRANSPORTS: [&str; 9] = ["ssh", "git", "git+ssh", "http", "https", "ftp", "ftps", "rsync", "file"];

/// A repository address in parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GitUrl {
    /// Host with port; empty for local paths.
    pub host: String,
    /// Path as it stands.
    pub path: String,
    /// Query without the question mark.
    pub query: String,
}

impl GitUrl {
    /// Reads `url`; every text is some address.
    pub fn parse(url: &str) -> Self {
        if let Some((scheme, rest)) = url.split_once("://")
            && TRANSPORTS.contains(&scheme)
        {
            return Self::transport(rest);
        }
        Self::scp(url).unwrap_or_else(|| Self {
            host: String::new(),
            path: url.to_owned(),
            query: String::new(),
        })
    }

    fn transport(rest: &str) -> Self {
        let rest = rest.split('#').next().unwrap_or_default();
        let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
        let split = rest.find('/').unwrap_or(rest.len());
        let (authority, path) = rest.split_at(split);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        Self { host: host.to_owned(), path: path.to_owned(), query: query.to_owned() }
    }

    /// `user@host:path`, the user being optional.
    fn scp(url: &str) -> Option<Self> {
        let (authority, path) = url.split_once(':')?;
        let (user, host) = authority.split_once('@').unwrap_or(("", authority));
        let word =
            |text: &str| !text.is_empty() && text.chars().all(|c| c.is_alphanumeric() || "._-".contains(c));
        let user_fits = user.is_empty() && !authority.contains('@')
            || user.chars().all(|c| c.is_alphanumeric() || c == '_');
        (word(host) && user_fits).then(|| Self {
            host: host.to_owned(),
            path: path.to_owned(),
            query: String::new(),
        })
    }

    /// The address as an https URL without user (`RepoURLToHTTPS`).
    pub fn https(&self) -> String {
        let mut url = String::from("https:");
        if !self.host.is_empty() || self.path.starts_with("//") {
            url.push_str("//");
            url.push_str(&self.host);
        }
        if !self.host.is_empty() && !self.path.is_empty() && !self.path.starts_with('/') {
            url.push('/');
        }
        url.push_str(&self.path);
        if !self.query.is_empty() {
            url.push('?');
            url.push_str(&self.query);
        }
        url
    }

    /// `owner/repository`: the first two parts of the path without `.git`; the path unchanged if there are fewer (`FullNameByRepoURL`).
    pub fn full_name(&self) -> String {
        let path = self.path.strip_suffix(".git").unwrap_or(&self.path);
        let mut parts = path.split('/').filter(|part| !part.is_empty());
        match (parts.next(), parts.next()) {
            (Some(owner), Some(repository)) => format!("{owner}/{repository}"),
            _ => path.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::GitUrl;

    /// The verified table of core 4.3.
    #[test]
    fn the_table_of_the_contract() {
        for (url, https, name) in [
            (
                "git@github.com:argoproj/argo-cd.git",
                "https://github.com/argoproj/argo-cd.git",
                "argoproj/argo-cd",
            ),
            ("https://user:pw@bitbucket.org/a/b.git", "https://bitbucket.org/a/b.git", "a/b"),
            ("ssh://git@host:2222/a/b/c.git", "https://host:2222/a/b/c.git", "a/b"),
            ("https://gitlab.com/g/sub/proj.git", "https://gitlab.com/g/sub/proj.git", "g/sub"),
            ("https://charts.example.com", "https://charts.example.com", ""),
            ("oci://reg/x", "https://oci//reg/x", "reg/x"),
            ("", "https:", ""),
        ] {
            let parsed = GitUrl::parse(url);
            assert_eq!((parsed.https().as_str(), parsed.full_name().as_str()), (https, name), "{url}");
        }
    }
}
