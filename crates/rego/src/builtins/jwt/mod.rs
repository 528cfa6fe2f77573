//! `io.jwt.*`: tokens decoded, verified and signed. HMAC, RSA (PKCS 1 and PSS), ECDSA on P-256, P-384 and P-521, and
//! Ed25519.

mod algorithm;
mod keys;
mod sign;
mod token;
mod verify;

use super::{Builtin, Outcome, args, impure, pure, some};
use crate::bytes::bytes;
use crate::value::Value;
use algorithm::Algorithm;
use token::Token;

pub const ALL: &[Builtin] = &[
    pure("io.jwt.decode", 1, |a, _| token::decode(args::string(a, 1)?, token::NESTED)),
    pure("io.jwt.verify_hs256", 2, |a, _| by_secret(a, Algorithm::Hs256)),
    pure("io.jwt.verify_hs384", 2, |a, _| by_secret(a, Algorithm::Hs384)),
    pure("io.jwt.verify_hs512", 2, |a, _| by_secret(a, Algorithm::Hs512)),
    pure("io.jwt.verify_rs256", 2, |a, _| by_key(a, Algorithm::Rs256)),
    pure("io.jwt.verify_rs384", 2, |a, _| by_key(a, Algorithm::Rs384)),
    pure("io.jwt.verify_rs512", 2, |a, _| by_key(a, Algorithm::Rs512)),
    pure("io.jwt.verify_ps256", 2, |a, _| by_key(a, Algorithm::Ps256)),
    pure("io.jwt.verify_ps384", 2, |a, _| by_key(a, Algorithm::Ps384)),
    pure("io.jwt.verify_ps512", 2, |a, _| by_key(a, Algorithm::Ps512)),
    pure("io.jwt.verify_es256", 2, |a, _| by_key(a, Algorithm::Es256)),
    pure("io.jwt.verify_es384", 2, |a, _| by_key(a, Algorithm::Es384)),
    pure("io.jwt.verify_es512", 2, |a, _| by_key(a, Algorithm::Es512)),
    pure("io.jwt.verify_eddsa", 2, |a, _| by_key(a, Algorithm::EdDsa)),
    impure("io.jwt.decode_verify", 2, verify::decode_verify),
    impure("io.jwt.encode_sign", 3, |a, _| sign::encode_sign(a)),
    impure("io.jwt.encode_sign_raw", 3, |a, _| {
        sign::encode_sign_raw(args::string(a, 1)?, args::string(a, 2)?, args::string(a, 3)?)
    }),
];

fn by_secret(a: &[Value], algorithm: Algorithm) -> Outcome {
    let (text, secret) = (args::string(a, 1)?, args::string(a, 2)?);
    let token = Token::split(text)?;
    let signature = token.signature()?;
    some(algorithm.verify_secret(&bytes(secret), &bytes(token.signed()), &signature))
}

fn by_key(a: &[Value], algorithm: Algorithm) -> Outcome {
    let token = Token::split(args::string(a, 1)?)?;
    let keys = keys::trusted(args::string(a, 2)?)?;
    let signature = token.signature()?;
    let header = token.header()?;
    let fields = token::Fields::of(&header)?;
    let signed = bytes(token.signed());
    some(keys::any(&keys, &fields.kid, &fields.alg, |key| algorithm.verify(key, &signed, &signature)))
}
