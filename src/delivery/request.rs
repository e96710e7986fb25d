//! Builds requests: URLs as Go escapes them, forms, JSON, headers.

use base64::Engine as _;
use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{Method, Request};
use url::Url;

use super::options::trim_line_end;
use super::{DeliveryError, ErrorKind};

/// A request in the making.
pub struct Outgoing {
    method: Method,
    url: Url,
    headers: http::HeaderMap,
    body: Bytes,
}

impl Outgoing {
    /// A request with `method`, sent as it is written, to `url`. User info in the URL becomes Basic authentication.
    pub fn new(method: &str, url: &str) -> Result<Self, DeliveryError> {
        let refuse = |detail: String| DeliveryError::permanent(ErrorKind::Config, detail);
        let method = Method::from_bytes(method.as_bytes())
            .map_err(|_| refuse(format!("`{}` is no HTTP method", method.escape_debug())))?;
        let mut url = parse_url(url).map_err(|error| refuse(format!("the URL cannot be used: {error}")))?;
        let mut headers = http::HeaderMap::new();
        if !url.username().is_empty() || url.password().is_some() {
            let user = percent_decoded(url.username());
            let password = percent_decoded(url.password().unwrap_or_default());
            headers.insert(AUTHORIZATION, basic(&user, &password)?);
            // Both fail only for URLs without a host, which cannot have user info.
            let cleared = url.set_username("").and_then(|()| url.set_password(None));
            cleared.map_err(|()| refuse("the URL has user info and no host".to_owned()))?;
        }
        Ok(Self { method, url, headers, body: Bytes::new() })
    }

    /// Sets a header; an earlier value of the same name is replaced.
    pub fn header(mut self, name: &str, value: &str) -> Result<Self, DeliveryError> {
        let refuse = |detail: String| DeliveryError::permanent(ErrorKind::Config, detail);
        let name = HeaderName::from_bytes(name.trim().as_bytes())
            .map_err(|_| refuse(format!("`{}` is no header name", name.escape_debug())))?;
        let mut value = HeaderValue::from_bytes(trim_line_end(value).as_bytes()).map_err(|_| {
            refuse(format!("the value of header `{name}` contains a line break or control character"))
        })?;
        value.set_sensitive(true);
        self.headers.insert(name, value);
        Ok(self)
    }

    /// `Authorization: Bearer …`.
    pub fn bearer(self, token: &str) -> Result<Self, DeliveryError> {
        self.header("authorization", &format!("Bearer {token}"))
    }

    /// `Authorization: Basic …`.
    pub fn basic(mut self, user: &str, password: &str) -> Result<Self, DeliveryError> {
        self.headers.insert(AUTHORIZATION, basic(user, password)?);
        Ok(self)
    }

    /// A JSON body.
    pub fn json(self, body: &serde_json::Value) -> Request<Bytes> {
        let mut request = self.raw(Bytes::from(body.to_string()));
        request.headers_mut().entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
        request
    }

    /// A form body; names may repeat.
    pub fn form(self, fields: &[(&str, String)]) -> Request<Bytes> {
        let mut body = url::form_urlencoded::Serializer::new(String::new());
        body.extend_pairs(fields);
        let mut request = self.raw(Bytes::from(body.finish()));
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        request.headers_mut().entry(CONTENT_TYPE).or_insert(form);
        request
    }

    /// A body as it is, without a content type unless one was set.
    pub fn raw(mut self, body: Bytes) -> Request<Bytes> {
        self.body = body;
        let mut request = Request::new(self.body);
        *request.method_mut() = self.method;
        // What `Url` prints is ASCII and escaped, which `Uri` always accepts.
        *request.uri_mut() = self.url.as_str().parse().unwrap_or_default();
        *request.headers_mut() = self.headers;
        request
    }
}

fn basic(user: &str, password: &str) -> Result<HeaderValue, DeliveryError> {
    let pair = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{password}"));
    let mut value = HeaderValue::try_from(format!("Basic {pair}"))
        .map_err(|_| DeliveryError::permanent(ErrorKind::Internal, "user and password cannot be encoded"))?;
    value.set_sensitive(true);
    Ok(value)
}

fn percent_decoded(text: &str) -> String {
    String::from_utf8_lossy(&unescape(text)).into_owned()
}

/// `base` with `path` below it: slashes that are doubled or at the end, `.` and `..` are cleaned away, a query of `base`
/// stays behind the path.
pub fn below(base: &str, path: &str) -> String {
    let base = base.split('#').next().unwrap_or_default();
    let (address, query) =
        base.split_once('?').map_or((base, None), |(address, query)| (address, Some(query)));
    let (scheme, rest) = address.split_once("://").map_or(("", address), |(scheme, rest)| (scheme, rest));
    let (authority, own) = rest.split_once('/').unwrap_or((rest, ""));
    let mut segments: Vec<&str> = Vec::new();
    for segment in own.split('/').chain(path.split('/')) {
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mark = if scheme.is_empty() { "" } else { "://" };
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    format!("{scheme}{mark}{authority}/{}{query}", segments.join("/"))
}

/// `url` with `pairs` behind what its query has already.
pub fn with_query(url: &str, pairs: &[(&str, &str)]) -> Result<String, DeliveryError> {
    let mut url = Url::parse(url).map_err(|error| {
        DeliveryError::permanent(ErrorKind::Config, format!("the URL cannot be used: {error}"))
    })?;
    url.query_pairs_mut().extend_pairs(pairs);
    Ok(url.into())
}

/// `text` as one segment of a path: slashes in it too are escaped.
pub fn segment(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    text.bytes().for_each(|byte| escape_byte(byte, b"-_.~$&+:=@", &mut escaped));
    escaped
}

/// A URL with its path escaped as Go escapes it.
///
/// A path whose characters are all allowed in a URL stays as it is written; any other path is unescaped and escaped again
/// as a whole. Control characters are errors, as in Go, where other parsers drop them silently.
pub fn parse_url(text: &str) -> Result<Url, String> {
    if text.chars().any(|letter| letter.is_ascii_control()) {
        return Err("it contains a control character".to_owned());
    }
    let Some((scheme, rest)) = text.split_once("://") else {
        return Err("it has no scheme; it must begin with `http://` or `https://`".to_owned());
    };
    if !scheme.eq_ignore_ascii_case("http") && !scheme.eq_ignore_ascii_case("https") {
        return Err("its scheme is neither `http` nor `https`".to_owned());
    }
    let rest = rest.split('#').next().unwrap_or_default();
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.is_empty() {
        // A URL parser would take the first part of the path for the host.
        return Err("it has no host".to_owned());
    }
    let (path, query) = tail.split_once('?').map_or((tail, None), |(path, query)| (path, Some(query)));
    let query = query.map_or_else(String::new, |query| format!("?{query}"));
    let url = format!("{scheme}://{authority}{}{query}", escape_path(path)?);
    Url::parse(&url).map_err(|error| error.to_string())
}

fn escape_path(path: &str) -> Result<String, String> {
    let is_hex_pair = |pair: &[u8]| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit);
    let bad_escape =
        path.split('%').skip(1).any(|rest| !is_hex_pair(rest.as_bytes().get(..2).unwrap_or_default()));
    if bad_escape {
        return Err("it contains a `%` that is not followed by two hexadecimal digits".to_owned());
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~$&+,/:;=@!'()*[]%".contains(&byte);
    if path.bytes().all(allowed) {
        return Ok(path.to_owned());
    }
    let mut escaped = String::with_capacity(path.len() * 2);
    for byte in unescape(path) {
        escape_byte(byte, b"-_.~$&+,/:;=@", &mut escaped);
    }
    Ok(escaped)
}

/// Appends `byte` as it is if it is a letter, a digit or in `plain`, otherwise as `%XX`.
fn escape_byte(byte: u8, plain: &[u8], into: &mut String) {
    if byte.is_ascii_alphanumeric() || plain.contains(&byte) {
        into.push(char::from(byte));
    } else {
        let digit = |value: u8| char::from(*b"0123456789ABCDEF".get(usize::from(value)).unwrap_or(&b'0'));
        into.extend(['%', digit(byte >> 4), digit(byte & 15)]);
    }
}

/// `text` with its `%XX` replaced; what is no escape stays.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let hex = after.get(..2).and_then(|pair| std::str::from_utf8(pair).ok());
        let escaped = hex.filter(|_| first == b'%').and_then(|pair| u8::from_str_radix(pair, 16).ok());
        bytes.push(escaped.unwrap_or(first));
        rest = if escaped.is_some() { after.get(2..).unwrap_or_default() } else { after };
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_escaped_as_go_does() {
        for (path, escaped) in [
            ("/naïve café/a%20b", "/na%C3%AFve%20caf%C3%A9/a%20b"),
            ("/a//b/", "/a//b/"),
            ("/x(1)!*'[2]", "/x(1)!*'[2]"),
            ("/x(1) |", "/x%281%29%20%7C"),
            ("/a%2Fb", "/a%2Fb"),
            ("", ""),
        ] {
            assert_eq!(escape_path(path).as_deref(), Ok(escaped), "{path}");
        }
        assert!(escape_path("/a%zz").is_err());
        assert!(escape_path("/a%").is_err());
    }

    #[test]
    fn paths_are_put_below_a_base() {
        for (base, url) in [
            ("http://h", "http://h/a/b"),
            ("http://h/", "http://h/a/b"),
            ("http://h/x//y/./", "http://h/x/y/a/b"),
            ("http://h/../x/../y?q=1#f", "http://h/y/a/b?q=1"),
            ("http://u:p@h:1/x", "http://u:p@h:1/x/a/b"),
            ("h/x", "h/x/a/b"),
        ] {
            assert_eq!(below(base, "/a/b"), url, "{base}");
        }
        assert_eq!(segment("a b/ü%:~"), "a%20b%2F%C3%BC%25:~");
    }

    #[test]
    fn urls_that_cannot_be_used_are_errors() {
        for url in ["", "example.com/x", "http://127.0.0.1:x/", "ftp://x/", "http://a\nb/", "http:///x"] {
            assert!(parse_url(url).is_err(), "{url}");
        }
        assert_eq!(parse_url("http://h/base?x=1/zz#f").unwrap().as_str(), "http://h/base?x=1/zz");
    }

    #[test]
    fn user_info_becomes_basic_authentication() {
        let request = Outgoing::new("GET", "http://u1:p%401@h/x").unwrap().raw(Bytes::new());
        assert_eq!(request.uri(), "http://h/x");
        assert_eq!(request.headers().get(AUTHORIZATION).unwrap(), "Basic dTE6cEAx");
    }
}
