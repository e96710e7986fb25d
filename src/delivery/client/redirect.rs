//! How redirects are followed: Go's rules, which differ from reqwest's for PUT and friends (services 1.4).

use bytes::Bytes;
use http::header::{AUTHORIZATION, COOKIE, HOST, HeaderName, LOCATION, PROXY_AUTHORIZATION};
use http::{HeaderMap, Method, Request, StatusCode};
use url::Url;

use super::Failure;

/// Requests in all, the first one included.
pub(super) const MOST_REQUESTS: usize = 10;

/// The request that `status` and its `Location` ask for; `None` if it is no redirect that can be followed.
///
/// 301, 302 and 303 turn every method but GET and HEAD into GET and drop the body; 307 and 308 repeat both. Credentials
/// in headers do not travel to another host or port.
pub(super) fn next(
    request: &Request<Bytes>,
    url: &Url,
    status: StatusCode,
    headers: &HeaderMap,
) -> Result<Option<(Request<Bytes>, Url)>, Failure> {
    let keeps_body = match status.as_u16() {
        301..=303 => false,
        307 | 308 => true,
        _ => return Ok(None),
    };
    let Some(location) = headers.get(LOCATION) else { return Ok(None) };
    let location = String::from_utf8_lossy(location.as_bytes());
    let target = url
        .join(&location)
        .map_err(|error| Failure::useless_answer(format!("redirect to an invalid URL: {error}")))?;
    if !matches!(target.scheme(), "http" | "https") {
        let scheme = target.scheme();
        return Err(Failure::useless_answer(format!(
            "redirect to a URL with the unsupported scheme `{scheme}`"
        )));
    }
    let mut next = request.clone();
    if !keeps_body {
        *next.body_mut() = Bytes::new();
        if !matches!(*next.method(), Method::GET | Method::HEAD) {
            *next.method_mut() = Method::GET;
        }
    }
    if target.origin() != url.origin() {
        let names: Vec<HeaderName> = next.headers().keys().filter(|name| stays_home(name)).cloned().collect();
        for name in names {
            next.headers_mut().remove(name);
        }
    }
    Ok(Some((next, target)))
}

/// Headers that do not travel to another host: credentials by their standard names, and by the names that services give
/// them (`X-Api-Key`, `X-Auth-Token`).
fn stays_home(name: &HeaderName) -> bool {
    let telling = ["api-key", "apikey", "token", "secret", "password"];
    [AUTHORIZATION, COOKIE, PROXY_AUTHORIZATION, HOST].contains(name)
        || telling.iter().any(|part| name.as_str().contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn follow(method: &str, status: u16, location: &str) -> Option<(String, String, bool)> {
        let request =
            Request::builder().method(method).uri("http://a.example/x").header("authorization", "secret");
        let request = request.body(Bytes::from_static(b"body")).unwrap();
        let mut headers = HeaderMap::new();
        headers.insert(LOCATION, location.parse().unwrap());
        let url = Url::parse("http://a.example/x").unwrap();
        let (next, url) = next(&request, &url, StatusCode::from_u16(status).unwrap(), &headers).unwrap()?;
        assert_eq!(next.headers().contains_key(AUTHORIZATION), url.host_str() == Some("a.example"));
        Some((next.method().to_string(), url.to_string(), !next.body().is_empty()))
    }

    #[test]
    fn methods_and_bodies_follow_go() {
        for (method, status, after, body) in [
            ("POST", 302, "GET", false),
            ("PUT", 301, "GET", false),
            ("GET", 303, "GET", false),
            ("HEAD", 302, "HEAD", false),
            ("POST", 307, "POST", true),
            ("DELETE", 308, "DELETE", true),
        ] {
            let expected = Some((after.into(), "http://a.example/y".into(), body));
            assert_eq!(follow(method, status, "/y"), expected, "{method} {status}");
        }
        assert_eq!(follow("GET", 304, "/y"), None);
        assert!(follow("GET", 302, "https://b.example/").is_some());
    }
}
