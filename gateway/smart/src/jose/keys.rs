//! Public keys: a JWK Set (<https://www.rfc-editor.org/rfc/rfc7517>, <https://www.rfc-editor.org/rfc/rfc7518#section-6>).

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RsaPublicKeyComponents, UnparsedPublicKey,
};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use super::object;

/// The longest key set, in bytes.
pub const LONGEST_SET: usize = 64 * 1024;

/// The most keys of a set.
pub const MOST_KEYS: usize = 100;

/// Octets of a coordinate on P-256.
const P256: usize = 32;

/// Octets of a coordinate on P-384.
const P384: usize = 48;

/// How a token is signed: <https://www.rfc-editor.org/rfc/rfc7518#section-3.1>.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Algorithm {
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    Rs256,
    /// RSASSA-PKCS1-v1_5 with SHA-384.
    Rs384,
    /// ECDSA on P-256 with SHA-256.
    Es256,
    /// ECDSA on P-384 with SHA-384.
    Es384,
}

impl Algorithm {
    /// As headers spell it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
        }
    }

    /// The one of these that is spelled so.
    pub(crate) fn among(all: &[Self], name: &str) -> Option<Self> {
        all.iter().copied().find(|algorithm| algorithm.name() == name)
    }

    fn kty(self) -> &'static str {
        match self {
            Self::Rs256 | Self::Rs384 => "RSA",
            Self::Es256 | Self::Es384 => "EC",
        }
    }

    fn crv(self) -> Option<&'static str> {
        match self {
            Self::Rs256 | Self::Rs384 => None,
            Self::Es256 => Some("P-256"),
            Self::Es384 => Some("P-384"),
        }
    }
}

/// Why no key of a set verifies.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum KeyError {
    /// No key has the `kid` and fits the algorithm.
    NoKey,
    /// More than one has.
    ManyKeys,
    /// The key is for something else (`use`, `key_ops`, `alg`) or of another curve.
    NotFit,
    /// The key is too short, too long, or no key.
    Refused,
    /// The signature does not verify.
    Signature,
}

/// Why a key set is refused.
#[derive(Clone, Copy, Debug, Eq, PartialEq, thiserror::Error)]
pub enum KeySetError {
    /// More than [`LONGEST_SET`] bytes.
    #[error("the key set is longer than {LONGEST_SET} bytes")]
    TooLong,
    /// More than [`MOST_KEYS`] keys.
    #[error("the key set has more than {MOST_KEYS} keys")]
    TooMany,
    /// Not a JWK Set.
    #[error("the key set is no JSON object with an array of keys")]
    Malformed,
    /// It has a private key, which is nobody's secret any more.
    #[error("the key set has a private key; make a new one, and give only what is public of it")]
    Private,
}

/// Public keys of a client, or of an issuer.
#[derive(Clone, Debug, Default)]
pub struct KeySet(Vec<Key>);

/// A key: which one it is and what it is for. `public` is why it cannot be used, where it cannot.
#[derive(Clone, Debug)]
struct Key {
    kid: Box<str>,
    kty: Box<str>,
    crv: Option<Box<str>>,
    /// What it is for alone, where it says so.
    alg: Option<Box<str>>,
    public: Result<Public, KeyError>,
}

#[derive(Clone, Debug)]
enum Public {
    Rsa {
        n: Vec<u8>,
        e: Vec<u8>,
    },
    /// The point, uncompressed.
    P256(Vec<u8>),
    /// The point, uncompressed.
    P384(Vec<u8>),
}

#[derive(Deserialize)]
struct Set<'a> {
    #[serde(borrow)]
    keys: Vec<&'a RawValue>,
}

/// <https://www.rfc-editor.org/rfc/rfc7517#section-4>.
#[derive(Deserialize)]
struct Jwk {
    kty: Box<str>,
    kid: Option<Box<str>>,
    r#use: Option<Box<str>>,
    key_ops: Option<Vec<Box<str>>>,
    alg: Option<Box<str>>,
    crv: Option<Box<str>>,
    n: Option<Box<str>>,
    e: Option<Box<str>>,
    x: Option<Box<str>>,
    y: Option<Box<str>>,
}

/// A private key has it, of whatever kind; symmetric keys have another and match no algorithm.
#[derive(Deserialize)]
struct Secret {
    d: Option<IgnoredAny>,
}

impl KeySet {
    /// Reads a set. Keys that cannot be read or have no `kid` are left out, as
    /// <https://www.rfc-editor.org/rfc/rfc7517#section-5> says: a set may serve others too.
    ///
    /// # Errors
    /// [`KeySetError`].
    pub fn parse(json: &[u8]) -> Result<Self, KeySetError> {
        if json.len() > LONGEST_SET {
            return Err(KeySetError::TooLong);
        }
        let set: Set<'_> = object(json).ok_or(KeySetError::Malformed)?;
        if set.keys.len() > MOST_KEYS {
            return Err(KeySetError::TooMany);
        }
        let has_secret = |key: &&RawValue| object(key.get().as_bytes()).is_some_and(|key: Secret| key.d.is_some());
        if set.keys.iter().any(has_secret) {
            return Err(KeySetError::Private);
        }
        let keys = set.keys.iter().filter_map(|key| object::<Jwk>(key.get().as_bytes()));
        Ok(Self(keys.filter_map(Jwk::key).collect()))
    }

    /// How many of its keys can verify one of these: a registration without one is a mistake.
    pub(crate) fn fitting(&self, algorithms: &[Algorithm]) -> usize {
        self.0.iter().filter(|key| algorithms.iter().any(|algorithm| key.fit(*algorithm).is_ok())).count()
    }

    /// Whether a key has this id: where none has, keys that are fetched from a URL are fetched again.
    #[must_use]
    pub fn has(&self, kid: &str) -> bool {
        self.0.iter().any(|key| &*key.kid == kid)
    }

    /// Whether the one key with this id, of the kind that the algorithm wants, has signed this.
    pub(crate) fn verify(
        &self,
        kid: &str,
        algorithm: Algorithm,
        signed: &[u8],
        signature: &[u8],
    ) -> Result<(), KeyError> {
        self.one(kid, algorithm)?.verify(algorithm, signed, signature)
    }

    fn one(&self, kid: &str, algorithm: Algorithm) -> Result<&Public, KeyError> {
        let mut found = self.0.iter().filter(|key| &*key.kid == kid && &*key.kty == algorithm.kty());
        let key = found.next().ok_or(KeyError::NoKey)?;
        if found.next().is_some() {
            return Err(KeyError::ManyKeys);
        }
        key.fit(algorithm)
    }
}

impl Key {
    /// What verifies by this algorithm.
    fn fit(&self, algorithm: Algorithm) -> Result<&Public, KeyError> {
        let is_of_kind =
            &*self.kty == algorithm.kty() && algorithm.crv().is_none_or(|crv| self.crv.as_deref() == Some(crv));
        let is_for_it = self.alg.as_deref().is_none_or(|alg| alg == algorithm.name());
        if !is_of_kind || !is_for_it {
            return Err(KeyError::NotFit);
        }
        self.public.as_ref().map_err(|error| *error)
    }
}

impl Jwk {
    fn key(self) -> Option<Key> {
        let public = self.public();
        Some(Key { kid: self.kid?, kty: self.kty, crv: self.crv, alg: self.alg, public })
    }

    fn public(&self) -> Result<Public, KeyError> {
        let is_for_signatures = self.r#use.as_deref().is_none_or(|purpose| purpose == "sig")
            && self.key_ops.as_ref().is_none_or(|all| all.iter().any(|operation| &**operation == "verify"));
        if !is_for_signatures {
            return Err(KeyError::NotFit);
        }
        match (&*self.kty, self.crv.as_deref()) {
            ("RSA", _) => self.rsa().ok_or(KeyError::Refused),
            ("EC", Some("P-256")) => self.point(P256).map(Public::P256).ok_or(KeyError::Refused),
            ("EC", Some("P-384")) => self.point(P384).map(Public::P384).ok_or(KeyError::Refused),
            _ => Err(KeyError::NotFit),
        }
    }

    /// A modulus of 2048 to 8192 bits and an odd exponent from 3 on; with the exponent 1 anything would be a signature.
    fn rsa(&self) -> Option<Public> {
        let (n, e) = (integer(self.n.as_deref()?)?, integer(self.e.as_deref()?)?);
        let bits = n.len() * 8 - n.first()?.leading_zeros() as usize;
        let exponent = e.iter().try_fold(0_u64, |sum, octet| sum.checked_mul(256)?.checked_add(u64::from(*octet)))?;
        let fits = (2048..=8192).contains(&bits) && (3..1 << 33).contains(&exponent) && exponent % 2 == 1;
        fits.then_some(Public::Rsa { n, e })
    }

    /// Whether the point is on the curve, `ring` finds out whenever it verifies.
    fn point(&self, octets: usize) -> Option<Vec<u8>> {
        let mut point = vec![4];
        for coordinate in [&self.x, &self.y] {
            let coordinate = URL_SAFE_NO_PAD.decode(coordinate.as_deref()?).ok()?;
            if coordinate.len() != octets {
                return None;
            }
            point.extend(coordinate);
        }
        Some(point)
    }
}

impl Public {
    /// Verifies a signature; the algorithm is one that fits the key.
    fn verify(&self, algorithm: Algorithm, signed: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        let verified = match self {
            Self::Rsa { n, e } => {
                let parameters = match algorithm {
                    Algorithm::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
                    _ => &RSA_PKCS1_2048_8192_SHA384,
                };
                RsaPublicKeyComponents { n, e }.verify(parameters, signed, signature)
            }
            Self::P256(point) => UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).verify(signed, signature),
            Self::P384(point) => UnparsedPublicKey::new(&ECDSA_P384_SHA384_FIXED, point).verify(signed, signature),
        };
        verified.map_err(|_| KeyError::Signature)
    }
}

/// A number, without the zeros before it that some libraries write.
fn integer(text: &str) -> Option<Vec<u8>> {
    let octets = URL_SAFE_NO_PAD.decode(text).ok()?;
    let zeros = octets.iter().take_while(|octet| **octet == 0).count();
    Some(octets.into_iter().skip(zeros).collect())
}
