//! AUTH: which mechanism, and what it says (services 2.2, step 4).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::{Digest as _, Md5};

use super::reply::Reply;
use super::{Session, SmtpError};

/// Upstream's choice: CRAM-MD5 if listed; LOGIN if listed and PLAIN is not; PLAIN otherwise, even if not listed.
pub(super) async fn authenticate(
    session: &mut Session,
    mechanisms: &[String],
    host: &str,
    user: &str,
    password: &str,
) -> Result<(), SmtpError> {
    let lists = |name: &str| mechanisms.iter().any(|mechanism| mechanism == name);
    let reply = if lists("CRAM-MD5") {
        let challenge = ask(session, "AUTH CRAM-MD5").await?;
        session.command(&STANDARD.encode(cram_md5(user, password, &challenge))).await?
    } else if lists("LOGIN") && !lists("PLAIN") {
        ask(session, "AUTH LOGIN").await?;
        ask(session, &STANDARD.encode(user)).await?;
        session.command(&STANDARD.encode(password)).await?
    } else {
        if !session.encrypted && !matches!(host, "localhost" | "127.0.0.1" | "::1") {
            return Err(SmtpError::Unsafe(
                "the connection is not encrypted, and the password would be readable by everybody on the way; use a port \
                 with TLS or a server that offers STARTTLS",
            ));
        }
        session.command(&format!("AUTH PLAIN {}", STANDARD.encode(format!("\0{user}\0{password}")))).await?
    };
    reply.expect(235, "AUTH").map(drop)
}

/// Sends `line` and returns the decoded challenge.
async fn ask(session: &mut Session, line: &str) -> Result<Vec<u8>, SmtpError> {
    let reply: Reply = session.command(line).await?.expect(334, "AUTH")?;
    STANDARD
        .decode(reply.text().trim())
        .map_err(|_| SmtpError::Broken("the server's challenge is no base64".to_owned()))
}

/// RFC 2195: the name and the keyed digest of the challenge.
fn cram_md5(user: &str, password: &str, challenge: &[u8]) -> String {
    let digest = u128::from_be_bytes(hmac_md5(password.as_bytes(), challenge));
    format!("{user} {digest:032x}")
}

/// RFC 2104 with MD5.
fn hmac_md5(key: &[u8], text: &[u8]) -> [u8; 16] {
    const BLOCK: usize = 64;
    let mut block = [0u8; BLOCK];
    let hashed = Md5::digest(key);
    let key = if key.len() > BLOCK { hashed.as_slice() } else { key };
    block.iter_mut().zip(key).for_each(|(place, byte)| *place = *byte);
    let inner = Md5::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(text).finalize();
    Md5::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_rfc_2195_comes_out() {
        let answer = cram_md5("tim", "tanstaaftanstaaf", b"<1896.697170952@postoffice.reston.mci.net>");
        assert_eq!(answer, "tim b913a602c7eda7a495b4e6e7334d3890");
    }
}
