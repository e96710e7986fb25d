//! Keys, certificates, password hashes and ciphers.
//!
//! Every random byte comes from the host, and the date of a certificate from the host's clock. Functions that cost milliseconds charge the budget for it,
//! so that a template holds no worker for longer than a second or two; those that look for primes are for trusted configurations only.

mod aes;
mod certificate;
mod der;
mod dsa;
mod key;
mod password;
mod pem;

use dodona_value::{CallCx, CallError, Value};
use rand_core::{CryptoRng, RngCore};

use self::certificate::Request;
use super::made;
use crate::function::{Args, FunctionDef, Param};

type Result<T> = std::result::Result<T, CallError>;

const TEXT: &[Param] = &[Param::Str];
const TWO: &[Param] = &[Param::Str, Param::Str];
const CERT: &[Param] = &[Param::Str, Param::List, Param::List, Param::INT];
const CERT_KEY: &[Param] = &[Param::Str, Param::List, Param::List, Param::INT, Param::Str];
const SIGNED: &[Param] = &[Param::Str, Param::List, Param::List, Param::INT, Param::Certificate];
const SIGNED_KEY: &[Param] =
    &[Param::Str, Param::List, Param::List, Param::INT, Param::Certificate, Param::Str];

/// The functions of this family.
pub(super) const FUNCTIONS: &[FunctionDef] = &[
    FunctionDef::new(
        "bcrypt",
        TEXT,
        |cx, args| {
            let hash = password::bcrypt(cx, args.str(0))?;
            made(cx, hash)
        },
        "The bcrypt hash of a password.",
        &[("{{bcrypt \"secret\" | hasPrefix \"$2a$10$\"}}", "true")],
    ),
    FunctionDef::new(
        "htpasswd",
        TWO,
        |cx, args| password::htpasswd(cx, &args),
        "A line for an htpasswd file: the user and the bcrypt hash of the password.",
        &[
            ("{{htpasswd \"ada\" \"secret\" | hasPrefix \"ada:$2a$10$\"}}", "true"),
            ("{{htpasswd \"a:b\" \"x\"}}", "invalid username: a:b"),
        ],
    ),
    FunctionDef::new(
        "derivePassword",
        &[Param::Unsigned(dodona_value::UintKind::Uint32), Param::Str, Param::Str, Param::Str, Param::Str],
        |cx, args| password::derive(cx, &args),
        "The password for a site that follows from a counter, a kind (`maximum`, `long`, `medium`, `short`, `basic`, `pin`), a master password, a user and the site.",
        &[("{{derivePassword 1 \"pin\" \"master\" \"ada\" \"example.org\" | len}}", "4")],
    ),
    FunctionDef::new(
        "encryptAES",
        TWO,
        |cx, args| aes::encrypt(cx, args.str(0), args.str(1)),
        "The text (second), encrypted with AES-256 in CBC mode under a password (first), in base64.",
        &[("{{encryptAES \"key\" \"text\" | decryptAES \"key\"}}", "text")],
    ),
    FunctionDef::new(
        "decryptAES",
        TWO,
        |cx, args| aes::decrypt(cx, args.str(0), args.str(1)),
        "The text that `encryptAES` has encrypted (second) under a password (first).",
        &[("{{decryptAES \"k1\" \"Bmwq7jxb3PBDxyh5gcimO7MSJygC4RM7oxGX1GHpijo=\"}}", "plain text")],
    ),
    FunctionDef::new(
        "genPrivateKey",
        TEXT,
        |cx, args| generate_key(cx, &args),
        "A new private key in PEM: `rsa` (also for the empty text), `dsa`, `ecdsa` or `ed25519`. Not available in configurations of tenants.",
        &[
            ("{{genPrivateKey \"ed25519\" | contains \"PRIVATE KEY\"}}", "true"),
            ("{{genPrivateKey \"x\"}}", "Unknown type x"),
        ],
    ),
    FunctionDef::new(
        "buildCustomCert",
        TWO,
        |cx, args| certificate::custom(cx, args.str(0), args.str(1)),
        "A certificate made of a certificate and its key, both PEM in base64; for `genSignedCert`.",
        &[(
            "{{$c := genSelfSignedCertWithKey \"a.b\" nil nil 1 (genPrivateKey \"ecdsa\")}}{{(buildCustomCert (b64enc $c.Cert) (b64enc $c.Key)).Cert | hasPrefix \"-----BEGIN\"}}",
            "true",
        )],
    ),
    FunctionDef::new(
        "genCA",
        &[Param::Str, Param::INT],
        |cx, args| {
            let key = new_rsa(cx, "genCA")?;
            Request { name: args.str(0), addresses: &[], hosts: &[], days: args.int(1), authority: true }
                .self_signed(cx, &key)
        },
        "A new certificate authority with a name, valid for so many days: `.Cert` and `.Key`. Not available in configurations of tenants.",
        &[("{{(genCA \"test\" 1).Cert | hasPrefix \"-----BEGIN CERTIFICATE-----\"}}", "true")],
    ),
    FunctionDef::new(
        "genCAWithKey",
        &[Param::Str, Param::INT, Param::Str],
        |cx, args| {
            let key = key::read(cx, args.str(2))?;
            Request { name: args.str(0), addresses: &[], hosts: &[], days: args.int(1), authority: true }
                .self_signed(cx, &key)
        },
        "A certificate authority for a private key in PEM.",
        &[(
            "{{(genCAWithKey \"test\" 1 (genPrivateKey \"ecdsa\")).Key | hasPrefix \"-----BEGIN EC PRIVATE KEY-----\"}}",
            "true",
        )],
    ),
    FunctionDef::new(
        "genSelfSignedCert",
        CERT,
        |cx, args| {
            let (addresses, hosts) = names(&args);
            let request = request(&args, &addresses, &hosts);
            request.check()?;
            let key = new_rsa(cx, "genSelfSignedCert")?;
            request.self_signed(cx, &key)
        },
        "A certificate signed with its own new key, for a name, IP addresses, other host names and so many days. Not available in configurations of tenants.",
        &[(
            "{{(genSelfSignedCert \"a.example\" (list \"10.0.0.1\") (list \"b.example\") 30).Cert | hasPrefix \"-----BEGIN\"}}",
            "true",
        )],
    ),
    FunctionDef::new(
        "genSelfSignedCertWithKey",
        CERT_KEY,
        |cx, args| {
            let (addresses, hosts) = names(&args);
            let key = key::read(cx, args.str(4))?;
            request(&args, &addresses, &hosts).self_signed(cx, &key)
        },
        "A certificate signed with its own key, which is given in PEM.",
        &[(
            "{{(genSelfSignedCertWithKey \"a.example\" nil nil 30 (genPrivateKey \"ed25519\")).Cert | hasPrefix \"-----BEGIN\"}}",
            "true",
        )],
    ),
    FunctionDef::new(
        "genSignedCert",
        SIGNED,
        |cx, args| {
            let (addresses, hosts) = names(&args);
            let request = request(&args, &addresses, &hosts);
            request.check()?;
            let key = new_rsa(cx, "genSignedCert")?;
            request.signed(cx, &key, args.get(4))
        },
        "A certificate with a new key, signed by a certificate authority. Not available in configurations of tenants.",
        &[(
            "{{$ca := genCAWithKey \"ca\" 1 (genPrivateKey \"ecdsa\")}}{{(genSignedCert \"a.example\" nil nil 1 $ca).Key | hasPrefix \"-----BEGIN RSA\"}}",
            "true",
        )],
    ),
    FunctionDef::new(
        "genSignedCertWithKey",
        SIGNED_KEY,
        |cx, args| {
            let (addresses, hosts) = names(&args);
            let key = key::read(cx, args.str(5))?;
            request(&args, &addresses, &hosts).signed(cx, &key, args.get(4))
        },
        "A certificate for a private key in PEM, signed by a certificate authority.",
        &[(
            "{{$ca := genCAWithKey \"ca\" 1 (genPrivateKey \"ecdsa\")}}{{(genSignedCertWithKey \"a\" nil nil 1 $ca (genPrivateKey \"ecdsa\")).Cert | hasPrefix \"-----\"}}",
            "true",
        )],
    ),
];

/// Steps for a millisecond of computing, roughly.
const MILLISECOND: u64 = 10_000;

fn names(args: &Args<'_>) -> (Vec<Value>, Vec<Value>) {
    let list = |index| args.get(index).as_list().map(dodona_value::List::to_vec).unwrap_or_default();
    (list(1), list(2))
}

fn request<'a>(args: &'a Args<'_>, addresses: &'a [Value], hosts: &'a [Value]) -> Request<'a> {
    Request { name: args.str(0), addresses, hosts, days: args.int(3), authority: false }
}

/// Refuses to look for primes where the host does not allow it.
fn allow_generation(cx: &CallCx<'_>, function: &str) -> Result<()> {
    if cx.runtime.allow_key_generation {
        return Ok(());
    }
    Err(CallError::new(format!(
        "{function} is not available in this configuration, because it generates keys"
    )))
}

fn new_rsa(cx: &mut CallCx<'_>, function: &str) -> Result<key::PrivateKey> {
    allow_generation(cx, function)?;
    cx.budget.step(200 * MILLISECOND)?;
    key::new_rsa(&mut HostRandom(cx), 2048)
}

fn generate_key(cx: &mut CallCx<'_>, args: &Args<'_>) -> Result<Value> {
    let kind = args.text(0);
    let (cost, generate): (u64, fn(&mut HostRandom<'_, '_>) -> Result<key::PrivateKey>) = match &*kind {
        "" | "rsa" => (700, |random| key::new_rsa(random, 4096)),
        "dsa" => (700, |random| Ok(key::PrivateKey::Dsa(Box::new(dsa::Key::generate(random))))),
        "ecdsa" => (1, |random| Ok(key::new_ecdsa(random))),
        "ed25519" => (1, |random| Ok(key::new_ed25519(random))),
        _ => return made(cx, format!("Unknown type {kind}")),
    };
    allow_generation(cx, "genPrivateKey")?;
    cx.budget.step(cost * MILLISECOND)?;
    let key = generate(&mut HostRandom(cx))?;
    let pem = key.to_pem()?;
    made(cx, pem)
}

/// The randomness of the host, as the libraries want it.
struct HostRandom<'c, 'r>(&'c CallCx<'r>);

impl RngCore for HostRandom<'_, '_> {
    fn next_u32(&mut self) -> u32 {
        let mut bytes = [0; 4];
        self.fill_bytes(&mut bytes);
        u32::from_le_bytes(bytes)
    }

    fn next_u64(&mut self) -> u64 {
        let mut bytes = [0; 8];
        self.fill_bytes(&mut bytes);
        u64::from_le_bytes(bytes)
    }

    fn fill_bytes(&mut self, buffer: &mut [u8]) {
        self.0.runtime.random.fill(buffer);
    }

    fn try_fill_bytes(&mut self, buffer: &mut [u8]) -> std::result::Result<(), rand_core::Error> {
        self.fill_bytes(buffer);
        Ok(())
    }
}

impl CryptoRng for HostRandom<'_, '_> {}
