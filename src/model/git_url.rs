//! Git repository addresses as upstream reads them (core 4.3, services 2.10): known transports as URLs, then the scp form,
//! then a local path. Every text is some address.

use dodona_value::url::Url;

/// Transports that are read as URLs; anything else with a scheme is not.
const TRANSPORTS: [&[u8]; 9] =
    [b"ssh", b"git", b"git+ssh", b"http", b"https", b"ftp", b"ftps", b"rsync", b"file"];

/// A repository address in parts.
#[derive(Clone, Debug, PartialEq)]
pub struct GitUrl(Url);

impl GitUrl {
    /// Reads `text`.
    pub fn parse(text: &str) -> Self {
        let transport = Url::parse(text.as_bytes()).ok();
        let transport = transport.filter(|url| TRANSPORTS.contains(&url.scheme.as_slice()));
        let local = || Url { path: text.as_bytes().to_vec(), ..Url::default() };
        Self(transport.or_else(|| scp(text)).unwrap_or_else(local))
    }

    /// The address as an https URL without user (`RepoURLToHTTPS`).
    pub fn https(&self) -> String {
        let url = Url { scheme: b"https".to_vec(), user: None, ..self.0.clone() };
        String::from_utf8_lossy(&url.to_bytes()).into_owned()
    }

    /// `owner/repository`: the first two parts of the path without `.git`; the path unchanged if there are fewer
    /// (`FullNameByRepoURL`).
    pub fn full_name(&self) -> String {
        match self.repository() {
            Some((owner, repository)) => format!("{owner}/{repository}"),
            None => self.path(),
        }
    }

    /// Owner and repository, if the path has two parts.
    pub fn repository(&self) -> Option<(String, String)> {
        let path = self.path();
        let mut parts = path.split('/').filter(|part| !part.is_empty()).map(ToOwned::to_owned);
        Some((parts.next()?, parts.next()?))
    }

    fn path(&self) -> String {
        let path = String::from_utf8_lossy(&self.0.path).into_owned();
        path.strip_suffix(".git").map(ToOwned::to_owned).unwrap_or(path)
    }
}

/// `user@host:path`, the user being optional. The path ends before the first character that it cannot have; what follows
/// is a query.
fn scp(text: &str) -> Option<Url> {
    let (authority, rest) = text.split_once(':')?;
    let word = |text: &str, more: &str| {
        !text.is_empty() && text.chars().all(|letter| letter.is_ascii_alphanumeric() || more.contains(letter))
    };
    let (user, host) = authority.split_once('@').map_or((None, authority), |(user, host)| (Some(user), host));
    let fits = word(host, "._-") && user.is_none_or(|user| word(user, "_")) && !rest.contains('\n');
    let end = rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !"./_-".contains(letter));
    let (path, query) = rest.split_at_checked(end.unwrap_or(rest.len()))?;
    let query = query.strip_prefix('?').unwrap_or(query);
    (fits && !path.is_empty()).then(|| Url {
        scheme: b"ssh".to_vec(),
        host: host.as_bytes().to_vec(),
        path: path.as_bytes().to_vec(),
        query: query.as_bytes().to_vec(),
        ..Url::default()
    })
}

#[cfg(test)]
mod tests {
    use super::GitUrl;

    /// The verified table of core 4.3, and what services 2.10 adds to it.
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
            ("HTTPS://github.com/a/b", "https://github.com/a/b", "a/b"),
            ("host:a/b", "https://host/a/b", "a/b"),
            ("git@host:a/b?x=1", "https://host/a/b?x=1", "a/b"),
            ("git@host:a/b+c", "https://host/a/b?+c", "a/b"),
            ("https://github.com/a%20b/c", "https://github.com/a%20b/c", "a b/c"),
        ] {
            let parsed = GitUrl::parse(url);
            assert_eq!((parsed.https().as_str(), parsed.full_name().as_str()), (https, name), "{url}");
        }
    }

    #[test]
    fn addresses_without_two_parts_name_no_repository() {
        for text in
            ["", "repo", "<no value>", "https://github.com/repo", "https://github.com/%zz/x", "host:a+b/c"]
        {
            assert_eq!(GitUrl::parse(text).repository(), None, "{text}");
        }
    }
}
