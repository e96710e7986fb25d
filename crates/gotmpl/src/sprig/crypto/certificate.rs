//! X.509 certificates, as Go writes them for Sprig.

use std::any::Any;
use std::net::IpAddr;

use dodona_value::{CallCx, CallError, Duration, Host, Kind, Time, Value};
use sha1::{Digest as _, Sha1};

use super::super::base64;
use super::key::{self, PrivateKey};
use super::{der, pem};

type Result<T> = std::result::Result<T, CallError>;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
const SUBJECT_KEY_ID: &[u8] = &[0x55, 0x1d, 0x0e];
const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
const SUBJECT_NAMES: &[u8] = &[0x55, 0x1d, 0x11];
const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
const AUTHORITY_KEY_ID: &[u8] = &[0x55, 0x1d, 0x23];
const EXTENDED_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const CLIENT_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02];

/// Sprig's `certificate`: a certificate and its key, both in PEM.
struct Certificate {
    cert: String,
    key: String,
}

impl Host for Certificate {
    fn type_name(&self) -> &'static str {
        "sprig.certificate"
    }

    fn fields(&self) -> &[&str] {
        &["Cert", "Key"]
    }

    fn field(&self, name: &str) -> Option<Value> {
        match name {
            "Cert" => Some(Value::from(self.cert.as_str())),
            "Key" => Some(Value::from(self.key.as_str())),
            _ => None,
        }
    }

    fn kind(&self) -> Kind {
        Kind::Struct
    }

    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// `buildCustomCert`.
pub(super) fn custom(cx: &mut CallCx<'_>, cert: &[u8], key: &[u8]) -> Result<Value> {
    cx.budget.memory(cert.len() + key.len())?;
    let cert = base64::decode(cert).map_err(|_| CallError::new("the certificate is not base64"))?;
    let key = base64::decode(key).map_err(|_| CallError::new("the private key is not base64"))?;
    let block =
        pem::decode(&cert).ok_or_else(|| CallError::new("there is no PEM block in the certificate"))?;
    Signer::read(&block.content)?;
    key::read(cx, &key)?;
    let text = |bytes: Vec<u8>| String::from_utf8_lossy(&bytes).into_owned();
    Ok(Value::host(Certificate { cert: text(cert), key: text(key) }))
}

/// What a certificate shall say.
pub(super) struct Request<'a> {
    pub(super) name: &'a [u8],
    pub(super) addresses: &'a [Value],
    pub(super) hosts: &'a [Value],
    pub(super) days: i64,
    pub(super) authority: bool,
}

/// What a new certificate takes over from the one that signs it.
struct Signer {
    subject: Vec<u8>,
    public_info: Vec<u8>,
    key_id: Option<Vec<u8>>,
}

impl Signer {
    /// Takes apart a certificate in DER.
    fn read(certificate: &[u8]) -> Result<Self> {
        Self::parts(certificate).ok_or_else(|| CallError::new("the certificate is damaged"))
    }

    fn parts(certificate: &[u8]) -> Option<Self> {
        let mut outer = der::Elements(der::content(certificate, der::SEQUENCE)?);
        let body = outer.next().filter(|body| body.tag == der::SEQUENCE)?;
        // Algorithm and signature follow.
        outer.next().filter(|part| part.tag == der::SEQUENCE)?;
        outer.next().filter(|part| part.tag == der::BIT_STRING)?;
        let mut parts = der::Elements(body.content).skip_while(|part| part.tag == 0xa0);
        // Serial number, algorithm, issuer, validity, subject.
        let subject = parts.nth(4).filter(|part| part.tag == der::SEQUENCE)?;
        let public_info = parts.next().filter(|part| part.tag == der::SEQUENCE)?;
        let extensions = parts.find(|part| part.tag == 0xa3);
        let extensions =
            extensions.and_then(|part| der::content(part.content, der::SEQUENCE)).unwrap_or_default();
        let key_id = der::Elements(extensions).find_map(|extension| {
            let mut parts = der::Elements(extension.content);
            parts.next().filter(|id| id.content == SUBJECT_KEY_ID)?;
            let value = parts.find(|part| part.tag == der::OCTET_STRING)?;
            der::content(value.content, der::OCTET_STRING).map(<[u8]>::to_vec)
        });
        Some(Self { subject: subject.whole.to_vec(), public_info: public_info.whole.to_vec(), key_id })
    }
}

impl Request<'_> {
    /// Whether the addresses and host names are such; worth asking before a key is generated.
    pub(super) fn check(&self) -> Result<()> {
        self.names().map(drop)
    }

    /// A certificate signed with its own key.
    pub(super) fn self_signed(&self, cx: &mut CallCx<'_>, key: &PrivateKey) -> Result<Value> {
        let signer = Signer { subject: self.subject(), public_info: key.public_info()?, key_id: None };
        self.write(cx, key, &signer, key)
    }

    /// A certificate signed by an authority, which is a certificate value.
    pub(super) fn signed(&self, cx: &mut CallCx<'_>, key: &PrivateKey, authority: &Value) -> Result<Value> {
        let authority = match authority {
            Value::Host(host) => host.as_any().downcast_ref::<Certificate>(),
            _ => None,
        };
        let authority =
            authority.ok_or_else(|| CallError::new("expected a certificate authority made by `genCA`"))?;
        let block = pem::decode(authority.cert.as_bytes());
        let block = block
            .ok_or_else(|| CallError::new("there is no PEM block in the certificate of the authority"))?;
        let signer = Signer::read(&block.content)?;
        let signing_key = key::read(cx, authority.key.as_bytes())?;
        if signing_key.public_info()? != signer.public_info {
            return Err(CallError::new(
                "the private key of the authority does not belong to its certificate",
            ));
        }
        self.write(cx, key, &signer, &signing_key)
    }

    fn write(
        &self,
        cx: &mut CallCx<'_>,
        key: &PrivateKey,
        signer: &Signer,
        signing_key: &PrivateKey,
    ) -> Result<Value> {
        let mut serial = [0; 16];
        cx.runtime.random.fill(&mut serial);
        let now = cx.runtime.clock.now();
        let day = Duration::HOUR.nanoseconds().wrapping_mul(24);
        let end = now.add(Duration::from_nanoseconds(day.wrapping_mul(self.days)));
        let validity = der::element(der::SEQUENCE, &[&moment(&now), &moment(&end)]);
        let algorithm = signing_key.signature_algorithm()?;
        let version = der::element(0xa0, &[&der::integer(&[2])]);
        let extensions = der::element(der::SEQUENCE, &[&self.extensions(key, signer)?]);
        let body = der::element(
            der::SEQUENCE,
            &[
                &version,
                &der::integer(&serial),
                &algorithm,
                &signer.subject,
                &validity,
                &self.subject(),
                &key.public_info()?,
                &der::element(0xa3, &[&extensions]),
            ],
        );
        let signature = signing_key.sign(cx, &body)?;
        let certificate = der::element(der::SEQUENCE, &[&body, &algorithm, &der::bits(&signature)]);
        let (cert, key) = (pem::encode("CERTIFICATE", &certificate), key.to_pem()?);
        cx.budget.memory(cert.len() + key.len())?;
        Ok(Value::host(Certificate { cert, key }))
    }

    /// The name as a distinguished name with a common name only.
    fn subject(&self) -> Vec<u8> {
        if self.name.is_empty() {
            return der::element(der::SEQUENCE, &[]);
        }
        let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" '()+,-./:=?".contains(byte);
        let tag = if self.name.iter().all(plain) { der::PRINTABLE_STRING } else { der::UTF8_STRING };
        let attribute =
            der::element(der::SEQUENCE, &[&der::object(COMMON_NAME), &der::element(tag, &[self.name])]);
        der::element(der::SEQUENCE, &[&der::element(der::SET, &[&attribute])])
    }

    fn extensions(&self, key: &PrivateKey, signer: &Signer) -> Result<Vec<u8>> {
        // Bits from the left: digital signature, key encipherment, certificate signing; the first byte counts unused bits.
        let usage: &[u8] = if self.authority { &[2, 0xa4] } else { &[5, 0xa0] };
        let constraints: &[u8] = if self.authority { &[0x01, 0x01, 0xff] } else { &[] };
        let mut out = extension(KEY_USAGE, true, &der::element(der::BIT_STRING, &[usage]));
        let purposes = der::element(der::SEQUENCE, &[&der::object(SERVER_AUTH), &der::object(CLIENT_AUTH)]);
        out.extend(extension(EXTENDED_USAGE, false, &purposes));
        out.extend(extension(BASIC_CONSTRAINTS, true, &der::element(der::SEQUENCE, &[constraints])));
        if self.authority {
            let id = Sha1::digest(key.public_bits()?);
            out.extend(extension(SUBJECT_KEY_ID, false, &der::element(der::OCTET_STRING, &[&id])));
        }
        if let Some(id) = &signer.key_id
            && signer.subject != self.subject()
        {
            let id = der::element(der::SEQUENCE, &[&der::element(0x80, &[id])]);
            out.extend(extension(AUTHORITY_KEY_ID, false, &id));
        }
        let names = self.names()?;
        if !names.is_empty() {
            out.extend(extension(
                SUBJECT_NAMES,
                self.name.is_empty(),
                &der::element(der::SEQUENCE, &[&names]),
            ));
        }
        Ok(out)
    }

    /// Host names and addresses.
    fn names(&self) -> Result<Vec<u8>> {
        let mut out = Vec::new();
        for host in self.hosts {
            let Value::Str(host) = host else {
                return Err(CallError::new(format!("the host name {host} is not a text")));
            };
            if !host.is_ascii() {
                return Err(CallError::new(format!("the host name {host} is not ASCII")));
            }
            out.extend(der::element(0x82, &[host]));
        }
        for address in self.addresses {
            let parsed = address.as_str().and_then(|text| text.to_str()?.parse::<IpAddr>().ok());
            out.extend(match parsed {
                Some(IpAddr::V4(address)) => der::element(0x87, &[&address.octets()]),
                Some(IpAddr::V6(address)) => match address.to_ipv4_mapped() {
                    Some(address) => der::element(0x87, &[&address.octets()]),
                    None => der::element(0x87, &[&address.octets()]),
                },
                None => return Err(CallError::new(format!("{address} is not an IP address"))),
            });
        }
        Ok(out)
    }
}

fn extension(id: &[u8], critical: bool, value: &[u8]) -> Vec<u8> {
    let critical: &[u8] = if critical { &[0x01, 0x01, 0xff] } else { &[] };
    der::element(der::SEQUENCE, &[&der::object(id), critical, &der::element(der::OCTET_STRING, &[value])])
}

/// A moment: two digits for the year up to 2049, four after it.
fn moment(time: &Time) -> Vec<u8> {
    let utc = time.utc();
    if (1950..2050).contains(&utc.civil().0) {
        return der::element(der::UTC_TIME, &[dodona_value::time::format(&utc, "060102150405Z").as_bytes()]);
    }
    der::element(der::GENERALIZED_TIME, &[dodona_value::time::format(&utc, "20060102150405Z").as_bytes()])
}
