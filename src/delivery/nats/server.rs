//! Addresses of servers: `nats://user:password@host:4222`, several with commas between them.

use url::Url;

/// The port where the address names none.
const PORT: u16 = 4222;

/// One server.
#[derive(Clone, PartialEq, Eq)]
pub struct Server {
    /// Host name or address, without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
    /// Whether the address asks for TLS (`tls://`).
    pub tls: bool,
    /// The user in the address, or a token if there is no password.
    pub user: Option<String>,
    /// The password in the address.
    pub password: Option<String>,
}

impl std::fmt::Debug for Server {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Server {
    /// The servers in a list; empty items are ignored. Problems show no user info.
    pub fn list(text: &str) -> Result<Vec<Self>, String> {
        let items = text.split(',').map(str::trim).filter(|item| !item.is_empty());
        items.map(Self::parse).collect()
    }

    fn parse(text: &str) -> Result<Self, String> {
        let (scheme, rest) = text.split_once("://").unwrap_or(("nats", text));
        let tls = match scheme.to_ascii_lowercase().as_str() {
            "nats" => false,
            "tls" => true,
            "ws" | "wss" => {
                return Err("addresses of websockets (`ws://`) are not supported; use `nats://`".to_owned());
            }
            _ => return Err("an address begins with `nats://` or `tls://`".to_owned()),
        };
        // A scheme with a known port would hide that port.
        let url = Url::parse(&format!("nats://{rest}"))
            .map_err(|error| format!("an address is no URL: {error}"))?;
        let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        if host.is_empty() {
            return Err("an address has no host".to_owned());
        }
        let decoded = |text: &str| percent_decoded(text);
        // `user:@host` is a user with an empty password, of which the parser knows nothing.
        let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
        let has_password = authority.rsplit_once('@').is_some_and(|(user, _)| user.contains(':'));
        Ok(Self {
            host: host.to_owned(),
            port: url.port().unwrap_or(PORT),
            tls,
            user: Some(url.username()).filter(|user| !user.is_empty()).map(decoded),
            password: has_password.then(|| decoded(url.password().unwrap_or_default())),
        })
    }
}

fn percent_decoded(text: &str) -> String {
    // A form's `+` is a blank, that of user info is not.
    let text = text.replace('+', "%2B");
    let pairs = format!("x={}", text.replace('&', "%26"));
    url::form_urlencoded::parse(pairs.as_bytes()).map(|(_, value)| value.into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_read() {
        let server = |host: &str, port, tls, user: Option<&str>, password: Option<&str>| Server {
            host: host.into(),
            port,
            tls,
            user: user.map(Into::into),
            password: password.map(Into::into),
        };
        for (text, expected) in [
            ("localhost", server("localhost", 4222, false, None, None)),
            ("127.0.0.1:1234/", server("127.0.0.1", 1234, false, None, None)),
            ("nats://ann:p%40+w@[::1]:80", server("::1", 80, false, Some("ann"), Some("p@+w"))),
            ("nats://ann:@h", server("h", 4222, false, Some("ann"), Some(""))),
            ("tls://t0ken@h.example:443", server("h.example", 443, true, Some("t0ken"), None)),
        ] {
            assert_eq!(Server::list(text).as_deref(), Ok([expected].as_slice()), "{text}");
        }
        let hosts: Vec<String> =
            Server::list(" a, nats://b:1 ,,").unwrap().iter().map(|server| format!("{server:?}")).collect();
        assert_eq!(hosts, ["a:4222", "b:1"]);
        for text in ["ws://h", "http://h", "nats://", "nats://u:secret@h:port"] {
            let problem = Server::list(text).unwrap_err();
            assert!(!problem.contains("secret"), "{problem}");
        }
    }
}
