//! Tokens of any kind, made by hand: signed rightly by three algorithms, and in the ways that attackers try.

use aws_lc_rs::{
    encoding::{AsDer as _, PublicKeyX509Der},
    hmac,
    rand::{self, SystemRandom},
    rsa::{self, KeySize},
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _,
        RSA_PKCS1_SHA256,
    },
};
use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD},
};
use serde_json::{Value, json};

/// How a token is signed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Algorithm {
    Rs256,
    Es256,
    EdDsa,
}

/// A key that signs tokens.
pub(crate) struct Key {
    kid: String,
    pair: Pair,
}

enum Pair {
    Rsa(rsa::KeyPair),
    Ec(EcdsaKeyPair),
    Ed(Ed25519KeyPair),
}

impl Key {
    /// A new one, with an id that no other has.
    pub(crate) fn new(algorithm: Algorithm) -> Self {
        let pair = match algorithm {
            Algorithm::Rs256 => Pair::Rsa(rsa::KeyPair::generate(KeySize::Rsa2048).expect("a key")),
            Algorithm::Es256 => {
                Pair::Ec(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).expect("a key"))
            }
            Algorithm::EdDsa => Pair::Ed(Ed25519KeyPair::generate().expect("a key")),
        };
        let mut kid = [0; 9];
        rand::fill(&mut kid).expect("randomness");
        Self {
            kid: encoded(&kid),
            pair,
        }
    }

    /// Its id, `kid`.
    pub(crate) fn id(&self) -> &str {
        &self.kid
    }

    /// What its algorithm is called in a token.
    pub(crate) fn algorithm(&self) -> &'static str {
        match self.pair {
            Pair::Rsa(_) => "RS256",
            Pair::Ec(_) => "ES256",
            Pair::Ed(_) => "EdDSA",
        }
    }

    /// The public key as a JWK, with its id.
    pub(crate) fn public(&self) -> Value {
        let mut jwk = self.bare();
        jwk["kid"] = json!(self.kid);
        jwk["use"] = json!("sig");
        jwk["alg"] = json!(self.algorithm());
        jwk
    }

    /// The public key as a JWK of nothing but what makes it, as DPoP has it (RFC 9449).
    pub(crate) fn bare(&self) -> Value {
        match &self.pair {
            Pair::Rsa(pair) => {
                // RSAPublicKey (RFC 8017) of 2048 bits: the modulus at byte 9, then 65537.
                let der = pair.public_key().as_ref();
                assert_eq!(der.len(), 270, "a key of 2048 bits");
                json!({ "kty": "RSA", "n": encoded(&der[9..265]), "e": "AQAB" })
            }
            Pair::Ec(pair) => {
                let point = pair.public_key().as_ref();
                json!({ "kty": "EC", "crv": "P-256", "x": encoded(&point[1..33]), "y": encoded(&point[33..]) })
            }
            Pair::Ed(pair) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encoded(pair.public_key().as_ref()) })
            }
        }
    }

    /// A token with these claims.
    pub(crate) fn sign(&self, claims: &Value) -> String {
        self.sign_as(&self.header(), claims)
    }

    /// What stands at the head of its tokens.
    pub(crate) fn header(&self) -> Value {
        json!({ "typ": "JWT", "alg": self.algorithm(), "kid": self.kid })
    }

    /// A token with this header, whatever it claims to be, signed by this key.
    pub(crate) fn sign_as(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.signature(message.as_bytes());
        format!("{message}.{}", encoded(&signature))
    }

    /// The claims without a signature, under `alg: none` in that spelling.
    pub(crate) fn unsigned(&self, none: &str, claims: &Value) -> String {
        let mut header = self.header();
        header["alg"] = json!(none);
        message(&header, claims) + "."
    }

    /// The claims under `HS256`, with each form of the public key that might pass for a shared secret.
    pub(crate) fn confused(&self, claims: &Value) -> Vec<String> {
        let mut header = self.header();
        header["alg"] = json!("HS256");
        let message = message(&header, claims);
        let signed = |secret: &Vec<u8>| {
            let key = hmac::Key::new(hmac::HMAC_SHA256, secret);
            let tag = hmac::sign(&key, message.as_bytes());
            format!("{message}.{}", encoded(tag.as_ref()))
        };
        self.as_secrets().iter().map(signed).collect()
    }

    fn as_secrets(&self) -> Vec<Vec<u8>> {
        let jwk = self.public().to_string().into_bytes();
        let (raw, spki) = match &self.pair {
            Pair::Rsa(pair) => {
                let public = pair.public_key();
                let spki: PublicKeyX509Der<'_> = public.as_der().expect("DER");
                (public.as_ref().to_vec(), spki.as_ref().to_vec())
            }
            Pair::Ec(pair) => {
                let public = pair.public_key();
                let spki: PublicKeyX509Der<'_> = public.as_der().expect("DER");
                (public.as_ref().to_vec(), spki.as_ref().to_vec())
            }
            Pair::Ed(pair) => {
                let public = pair.public_key();
                let spki: PublicKeyX509Der<'_> = public.as_der().expect("DER");
                (public.as_ref().to_vec(), spki.as_ref().to_vec())
            }
        };
        let lines: Vec<String> = STANDARD
            .encode(&spki)
            .as_bytes()
            .chunks(64)
            .map(|line| String::from_utf8_lossy(line).into_owned())
            .collect();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            lines.join("\n")
        );
        vec![raw, spki, pem.into_bytes(), jwk]
    }

    fn signature(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match &self.pair {
            Pair::Rsa(pair) => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature)
                    .expect("a signature");
                signature
            }
            Pair::Ec(pair) => {
                let signature = pair.sign(&random, message).expect("a signature");
                signature.as_ref().to_vec()
            }
            Pair::Ed(pair) => pair.sign(message).as_ref().to_vec(),
        }
    }
}

/// What a token claims, unchecked.
pub(crate) fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("three parts");
    let bytes = URL_SAFE_NO_PAD.decode(payload).expect("base64url");
    serde_json::from_slice(&bytes).expect("JSON")
}

fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| encoded(value.to_string().as_bytes());
    format!("{}.{}", part(header), part(claims))
}

fn encoded(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
