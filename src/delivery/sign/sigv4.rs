//! AWS Signature Version 4: how requests to AWS prove who sends them. Pure; the time is passed in.

use bytes::Bytes;
use http::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use http::{HeaderMap, Request};
use jiff::Timestamp;
use ring::{digest, hmac};

/// An access key.
#[derive(Clone, PartialEq, Eq)]
pub struct Keys {
    /// The access key's id, which is no secret.
    pub id: String,
    /// The secret key.
    pub secret: String,
    /// The session token that belongs to a temporary key.
    pub token: Option<String>,
}

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Keys({})", self.id)
    }
}

/// For which region and which service a signature is made.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The region, which may be empty.
    pub region: &'a str,
    /// The service's name in signatures: `sqs`.
    pub service: &'a str,
}

/// A header that cannot be signed or sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {0} contains characters that no header can hold")]
pub struct Unsendable(&'static str);

const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// Signs `request` as of `now`: adds `x-amz-date`, for temporary keys `x-amz-security-token`, and `authorization`.
///
/// Everything that is in the request at this moment is signed, so nothing may be added to its headers afterwards.
pub fn sign(
    request: &mut Request<Bytes>,
    keys: &Keys,
    scope: Scope<'_>,
    now: Timestamp,
) -> Result<(), Unsendable> {
    let time = now.strftime("%Y%m%dT%H%M%SZ").to_string();
    let headers = request.headers_mut();
    headers.insert("x-amz-date", value(&time, "date")?);
    if let Some(token) = &keys.token {
        let mut token = value(token, "session token")?;
        token.set_sensitive(true);
        headers.insert("x-amz-security-token", token);
    }
    let host = request.uri().authority().map(|authority| authority.as_str().to_owned()).unwrap_or_default();
    let mut signed = signed_headers(request.headers());
    if !signed.iter().any(|(name, _)| name == HOST.as_str()) {
        signed.push((HOST.as_str().to_owned(), host));
    }
    signed.sort();
    let uri = request.uri();
    let canonical = canonical(
        request.method().as_str(),
        uri.path(),
        uri.query().unwrap_or_default(),
        &signed,
        request.body(),
    );
    let authorization = authorization(&canonical, &names(&signed), keys, scope, &time);
    let mut authorization = value(&authorization, "access key or region")?;
    authorization.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, authorization);
    Ok(())
}

fn value(text: &str, what: &'static str) -> Result<HeaderValue, Unsendable> {
    HeaderValue::from_str(text).map_err(|_| Unsendable(what))
}

/// Headers as they are signed: names in small letters, values trimmed, values of one name joined, blanks made one.
fn signed_headers(headers: &HeaderMap) -> Vec<(String, String)> {
    // What a proxy on the way may change is not signed.
    let unsigned =
        ["authorization", "user-agent", "content-length", "connection", "expect", "transfer-encoding"];
    let names = headers.keys().filter(|name| !unsigned.contains(&name.as_str()));
    names
        .map(|name: &HeaderName| {
            let values = headers.get_all(name).iter();
            let values: Vec<String> =
                values.map(|value| one_blank(&String::from_utf8_lossy(value.as_bytes()))).collect();
            (name.as_str().to_owned(), values.join(","))
        })
        .collect()
}

fn one_blank(text: &str) -> String {
    text.split(' ').filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ")
}

fn names(headers: &[(String, String)]) -> String {
    headers.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(";")
}

/// The canonical request; `headers` are sorted by name.
fn canonical(method: &str, path: &str, query: &str, headers: &[(String, String)], body: &[u8]) -> String {
    let lines: Vec<String> = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let lines = lines.concat();
    let body = hex(digest::digest(&digest::SHA256, body).as_ref());
    let (path, query) = (canonical_path(path), canonical_query(query));
    format!("{method}\n{path}\n{query}\n{lines}\n{}\n{body}", names(headers))
}

/// The path without `.`, `..` and empty segments, escaped (once more, if it was escaped already).
fn canonical_path(path: &str) -> String {
    let mut segments: Vec<&str> = Vec::new();
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => drop(segments.pop()),
            segment => segments.push(segment),
        }
    }
    let segments: Vec<String> = segments.iter().map(|segment| format!("/{}", escape(segment))).collect();
    let mut canonical = segments.concat();
    if canonical.is_empty() || path.ends_with('/') {
        canonical.push('/');
    }
    canonical
}

/// The query, decoded, escaped as AWS escapes, and sorted.
fn canonical_query(query: &str) -> String {
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut pairs: Vec<String> =
        pairs.map(|(name, value)| format!("{}={}", escape(&name), escape(&value))).collect();
    pairs.sort();
    pairs.join("&")
}

/// All but letters, digits and `-_.~` as `%XX`.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            let digits = hex(&[byte]).to_ascii_uppercase();
            escaped.extend(["%", &digits]);
        }
    }
    escaped
}

fn authorization(canonical: &str, names: &str, keys: &Keys, scope: Scope<'_>, time: &str) -> String {
    let Scope { region, service } = scope;
    let date = time.get(..8).unwrap_or(time);
    let place = format!("{date}/{region}/{service}/aws4_request");
    let hash = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("{ALGORITHM}\n{time}\n{place}\n{hash}");
    let first = format!("AWS4{}", keys.secret);
    let key = [date, region, service, "aws4_request"]
        .iter()
        .fold(first.into_bytes(), |key, part| keyed(&key, part.as_bytes()));
    let signature = hex(&keyed(&key, text.as_bytes()));
    format!("{ALGORITHM} Credential={}/{place}, SignedHeaders={names}, Signature={signature}", keys.id)
}

fn keyed(key: &[u8], text: &[u8]) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, key), text).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or_default();
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The key, the time and the place of AWS's published test suite.
    fn suite(method: &str, target: &str, headers: &[(&str, &str)], body: &str) -> String {
        let keys = Keys {
            id: "AKIDEXAMPLE".to_owned(),
            secret: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned(),
            token: None,
        };
        let (path, query) = target.split_once('?').unwrap_or((target, ""));
        let mut signed: Vec<(String, String)> =
            headers.iter().map(|(name, value)| (name.to_lowercase(), one_blank(value))).collect();
        signed.push(("host".to_owned(), "example.amazonaws.com".to_owned()));
        signed.push(("x-amz-date".to_owned(), "20150830T123600Z".to_owned()));
        signed.sort();
        let canonical = canonical(method, path, query, &signed, body.as_bytes());
        let scope = Scope { region: "us-east-1", service: "service" };
        let text = authorization(&canonical, &names(&signed), &keys, scope, "20150830T123600Z");
        text.rsplit_once('=').unwrap().1.to_owned()
    }

    #[test]
    fn the_published_vectors_come_out() {
        let form = [("Content-Type", "application/x-www-form-urlencoded")];
        for (name, found, expected) in [
            (
                "get-vanilla",
                suite("GET", "/", &[], ""),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "get-vanilla-query-order-key-case",
                suite("GET", "/?Param2=value2&Param1=value1", &[], ""),
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "get-utf8",
                suite("GET", "/ሴ", &[], ""),
                "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85",
            ),
            (
                "get-space",
                suite("GET", "/example space/", &[], ""),
                "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741",
            ),
            (
                "get-relative",
                suite("GET", "/example/..", &[], ""),
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "post-vanilla",
                suite("POST", "/", &[], ""),
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-x-www-form-urlencoded",
                suite("POST", "/", &form, "Param1=value1"),
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
            (
                "get-header-value-trim",
                suite("GET", "/", &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")], ""),
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
        ] {
            assert_eq!(found, expected, "{name}");
        }
    }

    #[test]
    fn a_request_gets_its_headers() {
        let keys = Keys { id: "AKID".into(), secret: "SECRET".into(), token: Some("session".into()) };
        let request = Request::post("http://127.0.0.1:8080/").header("content-type", "text/plain");
        let mut request = request.body(Bytes::from_static(b"x")).unwrap();
        let now: Timestamp = "2026-01-02T03:04:05.678Z".parse().unwrap();
        sign(&mut request, &keys, Scope { region: "", service: "sqs" }, now).unwrap();
        let header = |name: &str| request.headers().get(name).unwrap().to_str().unwrap();
        assert_eq!(header("x-amz-date"), "20260102T030405Z");
        assert_eq!(header("x-amz-security-token"), "session");
        let wanted = "AWS4-HMAC-SHA256 Credential=AKID/20260102//sqs/aws4_request, \
                      SignedHeaders=content-type;host;x-amz-date;x-amz-security-token, Signature=";
        assert!(header("authorization").starts_with(wanted), "{}", header("authorization"));
        let broken = Keys { id: "AK\nID".into(), ..keys };
        assert!(sign(&mut request, &broken, Scope { region: "", service: "sqs" }, now).is_err());
    }
}
