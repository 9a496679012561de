//! Signatures in minisign's format, and whose are trusted.
//!
//! A document goes about as one file with its signatures in it, so that nobody ever meets a new one beside an old signature. The
//! payload and a signature, each written to a file of its own, are what `minisign -V` checks
//! (<https://jedisct1.github.io/minisign/>).

use std::fmt;
use std::io::Cursor;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Who may be believed.
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(minisign::PublicKey);

impl PublicKey {
    /// The number by which signatures name it, as minisign shows it.
    pub fn id(&self) -> String {
        key_id(self.0.keynum())
    }
}

/// The one line that starts with `RW`.
impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_base64())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({self})")
    }
}

/// Why a text is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// It is no public key.
    #[error("`{0}` is no public key of minisign's format: it is one line that begins with RW")]
    NotPublic(String),
    /// It is no secret key, or its password is another.
    #[error("this is no secret key of minisign's format, or its password is another: {0}")]
    NotSecret(String),
    /// It has a password, which was not said.
    #[error("the signing key has a password: set MUSLCHAIN_KEY_PASSWORD to it")]
    Password,
    /// The system has no random numbers.
    #[error("no key can be made: {0}")]
    NotMade(String),
}

impl FromStr for PublicKey {
    type Err = KeyError;

    /// Takes the line alone, or the file that minisign writes, which has a comment before it.
    fn from_str(text: &str) -> Result<Self, KeyError> {
        minisign::PublicKey::from_base64(last_line(text))
            .map(Self)
            .map_err(|_| KeyError::NotPublic(text.trim().to_owned()))
    }
}

/// Who signs.
pub struct SigningKey {
    secret: minisign::SecretKey,
    public: PublicKey,
}

impl SigningKey {
    /// A new one, and the text of its file, which has a password where one is said.
    pub fn generate(password: Option<String>) -> Result<(Self, String), KeyError> {
        let made = |error: minisign::PError| KeyError::NotMade(error.to_string());
        let pair = match password.clone() {
            Some(password) => minisign::KeyPair::generate_encrypted_keypair(Some(password)),
            None => minisign::KeyPair::generate_unencrypted_keypair(),
        };
        let text = pair.and_then(|pair| pair.sk.to_box(Some("muslchain signing key"))).map_err(made)?.to_string();
        Ok((Self::from_text(&text, password)?, text))
    }

    /// From the text of its file, or the last line of that.
    pub fn from_text(text: &str, password: Option<String>) -> Result<Self, KeyError> {
        let text = &format!("untrusted comment: signing key\n{}\n", last_line(text));
        let wrong = |error: minisign::PError| KeyError::NotSecret(error.to_string());
        let file = || minisign::SecretKeyBox::from_string(text).map_err(wrong);
        let secret = match (file()?.into_unencrypted_secret_key(), password) {
            (Ok(secret), _) => secret,
            // Whoever is not asked for a password must not be waited for at a terminal.
            (Err(_), None) if is_encrypted(text) => return Err(KeyError::Password),
            (Err(error), None) => return Err(wrong(error)),
            (Err(_), password) => file()?.into_secret_key(password).map_err(wrong)?,
        };
        let public = PublicKey(minisign::PublicKey::from_secret_key(&secret).map_err(wrong)?);
        Ok(Self { secret, public })
    }

    /// What others trust.
    pub fn public(&self) -> &PublicKey {
        &self.public
    }

    /// Signs a document; `comment` is signed with it, for people.
    pub fn sign(&self, payload: String, comment: &str) -> Result<Signed, KeyError> {
        let signature = minisign::sign(
            Some(&self.public.0),
            &self.secret,
            Cursor::new(payload.as_bytes()),
            Some(comment),
            Some("signature of a muslchain artifact"),
        );
        let signature = signature.map_err(|error| KeyError::NotMade(error.to_string()))?.into_string();
        Ok(Signed { payload, signatures: vec![signature] })
    }
}

/// The letters behind the algorithm of signing say how the password becomes a key; two zeros say that there is none.
fn is_encrypted(text: &str) -> bool {
    last_line(text).starts_with("RWRTY")
}

/// What stands before it is for people.
fn last_line(text: &str) -> &str {
    text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or_default()
}

/// A document with its signatures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signed {
    /// The document.
    pub payload: String,
    /// Signatures of its bytes, each as a `.minisig` file has it.
    pub signatures: Vec<String>,
}

/// Why a document is not believed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// It is not in the form of [`Signed`].
    #[error("it is not a signed document ({})", plain(.0))]
    Form(String),
    /// Nobody signed it.
    #[error("it is not signed")]
    Unsigned,
    /// Nobody who is trusted did.
    #[error(
        "it is signed with key {}, which is not trusted; if you know whose it is: `muslchain key trust RW...`, with the \
         whole public key",
        .0.join(", ")
    )]
    NotTrusted(Vec<String>),
    /// A trusted key's signature is not one of these bytes.
    #[error("its signature by the trusted key {0} is wrong: somebody changed it")]
    Wrong(String),
}

impl Signed {
    /// Reads one; the signatures are not looked at.
    pub fn read(bytes: &[u8]) -> Result<Self, Distrust> {
        serde_json::from_slice(bytes).map_err(|error| Distrust::Form(error.to_string()))
    }

    /// The payload, if one of `trusted` signed it and none of their signatures is wrong.
    pub fn verify(&self, trusted: &[PublicKey]) -> Result<&str, Distrust> {
        let mut strangers = Vec::new();
        let mut believed = false;
        for text in &self.signatures {
            let signature =
                minisign::SignatureBox::from_string(text).map_err(|error| Distrust::Form(error.to_string()))?;
            let Some(key) = trusted.iter().find(|key| key.0.keynum() == signature.keynum()) else {
                strangers.push(key_id(signature.keynum()));
                continue;
            };
            minisign::verify(&key.0, &signature, Cursor::new(self.payload.as_bytes()), true, false, false)
                .map_err(|_| Distrust::Wrong(key.id()))?;
            believed = true;
        }
        match (believed, strangers.is_empty()) {
            (true, _) => Ok(&self.payload),
            (false, true) => Err(Distrust::Unsigned),
            (false, false) => Err(Distrust::NotTrusted(strangers)),
        }
    }
}

/// What somebody else wrote, for the user's terminal: on one line, and without what would move the cursor.
pub fn plain(text: &str) -> String {
    text.chars().map(|character| if character.is_control() { ' ' } else { character }).collect()
}

/// Minisign shows the number that is stored with its lowest byte first.
fn key_id(number: &[u8]) -> String {
    number.iter().rev().map(|byte| format!("{byte:02X}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed() -> (SigningKey, Signed) {
        let (key, _) = SigningKey::generate(None).unwrap();
        let signed = key.sign("{\"a\":1}".to_owned(), "for people").unwrap();
        (key, signed)
    }

    #[test]
    fn a_trusted_signature_is_believed_and_no_other() {
        let (key, signed) = signed();
        let (other, _) = SigningKey::generate(None).unwrap();
        let [trusted, stranger] = [&key, &other].map(|key| vec![key.public().clone()]);
        assert_eq!(signed.verify(&trusted).unwrap(), "{\"a\":1}");
        assert_eq!(signed.verify(&stranger), Err(Distrust::NotTrusted(vec![key.public().id()])));
        assert_eq!(signed.verify(&[]), Err(Distrust::NotTrusted(vec![key.public().id()])));
        let changed = Signed { payload: "{\"a\":2}".to_owned(), ..signed.clone() };
        assert_eq!(changed.verify(&trusted), Err(Distrust::Wrong(key.public().id())));
        let unsigned = Signed { signatures: vec![], ..signed.clone() };
        assert_eq!(unsigned.verify(&trusted), Err(Distrust::Unsigned));
        // The comment for people is signed too.
        let text = signed.signatures[0].replace("for people", "for nobody");
        let commented = Signed { signatures: vec![text], ..signed.clone() };
        assert_eq!(commented.verify(&trusted), Err(Distrust::Wrong(key.public().id())));
        // While a key is replaced by another, both sign.
        let both = Signed {
            signatures: [signed.signatures, other.sign(signed.payload.clone(), "").unwrap().signatures].concat(),
            payload: signed.payload,
        };
        assert!(both.verify(&trusted).is_ok() && both.verify(&stranger).is_ok());
    }

    #[test]
    fn keys_survive_being_written_with_and_without_a_password() {
        for password in [None, Some("secret".to_owned())] {
            let (key, text) = SigningKey::generate(password.clone()).unwrap();
            for text in [&text, text.lines().last().unwrap()] {
                let read = SigningKey::from_text(text, password.clone()).unwrap();
                assert_eq!(read.public(), key.public());
            }
            assert_eq!(key.public().to_string().parse::<PublicKey>().unwrap(), *key.public());
            if password.is_some() {
                assert!(matches!(SigningKey::from_text(&text, None), Err(KeyError::Password)));
                assert!(SigningKey::from_text(&text, Some("other".to_owned())).is_err());
            }
        }
        for wrong in ["", "RW", "something else", "untrusted comment: x\n"] {
            assert!(matches!(SigningKey::from_text(wrong, None), Err(KeyError::NotSecret(_))), "{wrong}");
            assert!(wrong.parse::<PublicKey>().is_err(), "{wrong}");
        }
    }
}
