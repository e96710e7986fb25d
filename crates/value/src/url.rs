//! Go's `net/url`: URLs are taken apart and put together as Go does it, mistakes that it forgives included.

/// Which characters may stand as they are.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    User,
    Host,
    Zone,
    Query,
    Fragment,
}

/// A URL in its parts. Texts are bytes, because escapes may stand for any.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Url {
    /// The scheme in lower case, without the colon.
    pub scheme: Vec<u8>,
    /// What follows the scheme when it does not begin with a slash.
    pub opaque: Vec<u8>,
    /// User name and password.
    pub user: Option<User>,
    /// Host and port.
    pub host: Vec<u8>,
    /// The path without escapes.
    pub path: Vec<u8>,
    /// The path as it was written, where escaping [`Url::path`] would not give it back.
    pub raw_path: Vec<u8>,
    /// The query as it was written, without the question mark.
    pub query: Vec<u8>,
    /// There was a question mark with nothing behind it.
    pub force_query: bool,
    /// The fragment without escapes.
    pub fragment: Vec<u8>,
    /// The fragment as it was written, where escaping would not give it back.
    pub raw_fragment: Vec<u8>,
    /// There was a scheme and a path, but no `//`.
    pub omit_host: bool,
}

/// The user part of a URL, without escapes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct User {
    /// The name.
    pub name: Vec<u8>,
    /// The password, if there was a colon.
    pub password: Option<Vec<u8>>,
}

/// Why a text is not a URL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UrlError(String);

impl std::fmt::Display for UrlError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for UrlError {}

impl User {
    /// The user part as it is written in a URL.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = escape(&self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            out.extend_from_slice(&escape(password, Part::User));
        }
        out
    }
}

impl Url {
    /// `url.Parse`
    pub fn parse(text: &[u8]) -> Result<Self, UrlError> {
        let (text, fragment) = cut(text, b'#').unwrap_or((text, b""));
        let mut url = Self::parse_without_fragment(text)?;
        if !fragment.is_empty() {
            url.fragment = unescape(fragment, Part::Fragment)?;
            if escape(&url.fragment, Part::Fragment) != fragment {
                url.raw_fragment = fragment.to_vec();
            }
        }
        Ok(url)
    }

    fn parse_without_fragment(text: &[u8]) -> Result<Self, UrlError> {
        if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
            return Err(UrlError("invalid control character in URL".to_owned()));
        }
        if text == b"*" {
            return Ok(Self { path: text.to_vec(), ..Self::default() });
        }
        let (scheme, mut rest) = split_scheme(text)?;
        let mut url = Self { scheme: scheme.to_ascii_lowercase(), ..Self::default() };
        match rest.split_last() {
            Some((b'?', before)) if !before.contains(&b'?') => {
                url.force_query = true;
                rest = before;
            }
            _ => {
                if let Some((before, query)) = cut(rest, b'?') {
                    url.query = query.to_vec();
                    rest = before;
                }
            }
        }
        if !rest.starts_with(b"/") {
            if !url.scheme.is_empty() {
                url.opaque = rest.to_vec();
                return Ok(url);
            }
            let segment = cut(rest, b'/').map_or(rest, |(segment, _)| segment);
            if segment.contains(&b':') {
                return Err(UrlError("first path segment in URL cannot contain colon".to_owned()));
            }
        }
        if (!url.scheme.is_empty() || !rest.starts_with(b"///")) && rest.starts_with(b"//") {
            let authority = rest.get(2..).unwrap_or_default();
            let end = authority.iter().position(|byte| *byte == b'/').unwrap_or(authority.len());
            rest = authority.get(end..).unwrap_or_default();
            url.set_authority(authority.get(..end).unwrap_or_default())?;
        } else if !url.scheme.is_empty() && rest.starts_with(b"/") {
            url.omit_host = true;
        }
        url.path = unescape(rest, Part::Path)?;
        if escape(&url.path, Part::Path) != rest {
            url.raw_path = rest.to_vec();
        }
        Ok(url)
    }

    fn set_authority(&mut self, authority: &[u8]) -> Result<(), UrlError> {
        let Some(at) = authority.iter().rposition(|byte| *byte == b'@') else {
            self.host = parse_host(&self.scheme, authority)?;
            return Ok(());
        };
        self.host = parse_host(&self.scheme, authority.get(at + 1..).unwrap_or_default())?;
        let user = authority.get(..at).unwrap_or_default();
        if !user.iter().all(|byte| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte)) {
            return Err(UrlError("invalid userinfo".to_owned()));
        }
        self.user = Some(match cut(user, b':') {
            None => User { name: unescape(user, Part::User)?, password: None },
            Some((name, password)) => {
                User { name: unescape(name, Part::User)?, password: Some(unescape(password, Part::User)?) }
            }
        });
        Ok(())
    }

    /// `URL.Hostname`: the host without port and brackets.
    pub fn hostname(&self) -> &[u8] {
        let host = &self.host;
        let without_port = match host.iter().rposition(|byte| *byte == b':') {
            Some(colon) if valid_port(host.get(colon..).unwrap_or_default()) => {
                host.get(..colon).unwrap_or_default()
            }
            _ => host,
        };
        match without_port {
            [b'[', inner @ .., b']'] => inner,
            plain => plain,
        }
    }

    /// `URL.String`
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.write_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if self.force_query || !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            out.extend_from_slice(&escaped(&self.fragment, &self.raw_fragment, Part::Fragment));
        }
        out
    }

    fn write_hierarchy(&self, out: &mut Vec<u8>) {
        let has_authority = !self.scheme.is_empty() || !self.host.is_empty() || self.user.is_some();
        if has_authority && !(self.omit_host && self.host.is_empty() && self.user.is_none()) {
            if !self.host.is_empty() || !self.path.is_empty() || self.user.is_some() {
                out.extend_from_slice(b"//");
            }
            if let Some(user) = &self.user {
                out.extend_from_slice(&user.to_bytes());
                out.push(b'@');
            }
            out.extend_from_slice(&escape(&self.host, Part::Host));
        }
        let path = if self.path == b"*" && self.raw_path.is_empty() {
            self.path.clone()
        } else {
            escaped(&self.path, &self.raw_path, Part::Path)
        };
        if !self.host.is_empty() && path.first().is_some_and(|first| *first != b'/') {
            out.push(b'/');
        }
        if out.is_empty() && cut(&path, b'/').map_or(path.as_slice(), |(segment, _)| segment).contains(&b':')
        {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
}

/// `url.QueryEscape`: a blank becomes `+`.
pub fn query_escape(text: &[u8]) -> Vec<u8> {
    escape(text, Part::Query)
}

/// The written form, if it is a valid escape of the plain one, else the plain one escaped.
fn escaped(plain: &[u8], raw: &[u8], part: Part) -> Vec<u8> {
    let valid = |byte: &u8| b"!$&'()*+,;=:@[]%".contains(byte) || !must_escape(*byte, part);
    if !raw.is_empty() && raw.iter().all(valid) && unescape(raw, part).is_ok_and(|text| text == plain) {
        return raw.to_vec();
    }
    escape(plain, part)
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let position = text.iter().position(|byte| *byte == at)?;
    Some((text.get(..position)?, text.get(position + 1..)?))
}

fn split_scheme(text: &[u8]) -> Result<(&[u8], &[u8]), UrlError> {
    for (position, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if position > 0 => {}
            b':' if position == 0 => return Err(UrlError("missing protocol scheme".to_owned())),
            b':' => {
                return Ok((
                    text.get(..position).unwrap_or_default(),
                    text.get(position + 1..).unwrap_or_default(),
                ));
            }
            _ => return Ok((b"", text)),
        }
    }
    Ok((b"", text))
}

fn valid_port(port: &[u8]) -> bool {
    match port.split_first() {
        None => true,
        Some((first, digits)) => *first == b':' && digits.iter().all(u8::is_ascii_digit),
    }
}

fn check_port(port: &[u8]) -> Result<(), UrlError> {
    if valid_port(port) {
        return Ok(());
    }
    Err(UrlError(format!("invalid port {:?} after host", String::from_utf8_lossy(port))))
}

fn parse_host(scheme: &[u8], host: &[u8]) -> Result<Vec<u8>, UrlError> {
    let invalid = || UrlError("invalid IP-literal".to_owned());
    match host.iter().rposition(|byte| *byte == b'[') {
        Some(0) => parse_bracketed(host),
        Some(_) => Err(invalid()),
        None => {
            let first = host.iter().position(|byte| *byte == b':');
            let last = host.iter().rposition(|byte| *byte == b':');
            let strict = scheme == b"http" || scheme == b"https";
            if let (Some(first), Some(last)) = (first, last) {
                check_port(host.get(if strict { first } else { last }..).unwrap_or_default())?;
            }
            unescape(host, Part::Host)
        }
    }
}

/// An IPv6 address in brackets, with an optional port.
fn parse_bracketed(host: &[u8]) -> Result<Vec<u8>, UrlError> {
    let end = host
        .iter()
        .rposition(|byte| *byte == b']')
        .ok_or_else(|| UrlError("missing ']' in host".to_owned()))?;
    let port = host.get(end + 1..).unwrap_or_default();
    check_port(port)?;
    let inner = host.get(1..end).unwrap_or_default();
    let zone = inner.windows(3).position(|window| window == b"%25");
    let mut name = unescape(inner.get(..zone.unwrap_or(inner.len())).unwrap_or_default(), Part::Host)?;
    if let Some(zone) = zone {
        name.extend_from_slice(&unescape(inner.get(zone..).unwrap_or_default(), Part::Zone)?);
    }
    let text = String::from_utf8_lossy(&name).into_owned();
    let (address, zone) =
        text.split_once('%').map_or((text.as_str(), None), |(address, zone)| (address, Some(zone)));
    if address.parse::<std::net::Ipv6Addr>().is_err() || zone.is_some_and(str::is_empty) {
        return Err(UrlError(format!("invalid host {text:?}")));
    }
    Ok([b"[", name.as_slice(), b"]", port].concat())
}

fn must_escape(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    let free: &[u8] = match part {
        Part::Host | Part::Zone => b"!$&'()*+,;=:[]<>\"",
        Part::Path => b"$&+,/:;=@",
        Part::User => b"$&+,;=",
        Part::Query => b"",
        Part::Fragment => b"$&+,/:;=?@!()*",
    };
    !free.contains(&byte)
}

fn escape(text: &[u8], part: Part) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    let digit = |value: u8| DIGITS.get(usize::from(value)).copied().unwrap_or(b'0');
    let mut out = Vec::with_capacity(text.len());
    for byte in text {
        if *byte == b' ' && part == Part::Query {
            out.push(b'+');
        } else if must_escape(*byte, part) {
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
    out
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, UrlError> {
    let bad = |piece: &[u8]| UrlError(format!("invalid URL escape {:?}", String::from_utf8_lossy(piece)));
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'%' {
            let digits = tail.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
            let value = digits
                .filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))
                .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                .ok_or_else(|| bad(&[b"%", tail.get(..tail.len().min(2)).unwrap_or_default()].concat()))?;
            let refused = match part {
                Part::Host => value < 0x80 && value != b'%',
                Part::Zone => value != b'%' && value != b' ' && must_escape(value, Part::Host),
                _ => false,
            };
            if refused {
                return Err(bad(&[b"%", tail.get(..2).unwrap_or_default()].concat()));
            }
            out.push(value);
            rest = tail.get(2..).unwrap_or_default();
        } else if *byte == b'+' && part == Part::Query {
            out.push(b' ');
        } else if matches!(part, Part::Host | Part::Zone) && byte.is_ascii() && must_escape(*byte, part) {
            return Err(UrlError(format!("invalid character {:?} in host name", char::from(*byte))));
        } else {
            out.push(*byte);
        }
    }
    Ok(out)
}
