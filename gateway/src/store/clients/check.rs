//! What may be kept of a client. Messages say what is wrong and what would be right.

use consent::Purpose;
use consent::asking::actor;
use ipnet::IpNet;
use mappers::search::parameters;
use smart::scope::{ContextKind, Other, Scope, Scopes, Unknown};

use super::{ClientError, is_ours};
use crate::auth::scopes::are_kept;
use crate::outward::Reach;

/// The most references.
const ACTORS: usize = 50;
/// The longest name, id, reference, address, in characters.
const NAME: usize = 200;
const ID: usize = 128;
const REFERENCE: usize = 500;
const ADDRESS: usize = 2000;
/// The most addresses that people are sent back to.
const REDIRECTS: usize = 20;
/// The longest id of a provider, the longest name that it has for an app, and the most whose ID tokens a client exchanges.
const PROVIDER: usize = 64;
const AUDIENCE: usize = 255;
const PROVIDERS: usize = 20;
/// The most networks of a client.
const NETWORKS: usize = 50;

fn invalid<T>(message: impl Into<String>) -> Result<T, ClientError> {
    Err(ClientError::Invalid(message.into()))
}

/// What people call it: a line.
pub(in crate::store) fn name(text: &str) -> Result<String, ClientError> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > NAME || text.chars().any(char::is_control) {
        return invalid(format!("a name is a line of at most {NAME} characters (--name)"));
    }
    Ok(text.to_owned())
}

/// Whether it can be a `client_id`: what needs no escaping anywhere, looks like no option, and is no secret or token that somebody
/// took for one.
#[must_use]
pub fn is_id(text: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    (3..=ID).contains(&text.len())
        && text.bytes().all(is_plain)
        && text.starts_with(|first: char| first.is_ascii_alphanumeric())
        && !is_ours(text)
}

/// What the audit trail calls callers that are no clients.
const TAKEN: [&str; 4] = ["development", "gateway", "operator", "unauthenticated"];

/// A `client_id` for a new client.
pub(super) fn id(text: &str) -> Result<(), ClientError> {
    if TAKEN.contains(&&*text.to_ascii_lowercase()) {
        return invalid("the audit trail calls somebody else so: give another id (--id)");
    }
    if is_id(text) {
        return Ok(());
    }
    invalid(format!(
        "a client id has 3 to {ID} letters, digits and - . _ ~, a letter or digit first, and is no secret (--id)"
    ))
}

/// What kind of client scopes are for.
#[derive(Clone, Copy, Debug)]
pub(super) struct For {
    /// People log in for it.
    pub(super) people: bool,
    /// It keeps no secret.
    pub(super) public: bool,
}

impl For {
    /// A client of whatever kind: what none may have is wrong.
    pub(super) const ANY: Self = Self { people: true, public: false };
}

/// Scopes of SMART with one space between, each once: those that such a client may ask for, and that every answer can keep to.
pub(super) fn scopes(text: &str, of: For) -> Result<String, ClientError> {
    let text: Vec<&str> = text.split_whitespace().collect();
    let is_type = |kind: &str| parameters::resource_type(kind).is_some();
    let scopes = Scopes::parse(&text.join(" "), Unknown::Refuse, &is_type);
    let scopes = scopes.or_else(|error| invalid(format!("{error} (--scope system/*.rs)")))?;
    let is_of_system = |scope: &Scope| scope.context() == ContextKind::System;
    // A launch is begun by a program of the EHR, for which nobody logs in.
    let is_about_people = |other: &Other| *other != Other::Launch;
    let has_people = scopes.others().iter().any(is_about_people) || !scopes.resources().iter().all(is_of_system);
    if scopes.is_empty() || (has_people && !of.people) {
        return invalid(
            "give scopes that begin with system/, as system/*.rs (--scope): for those of patients and users people have to log in, which takes \
             --redirect-uri",
        );
    }
    if of.public && scopes.resources().iter().any(is_of_system) {
        return invalid("a public client keeps no secret, so it has no scopes that begin with system/ (--scope)");
    }
    are_kept(&scopes).or_else(|why| invalid(format!("{why} (--scope)")))?;
    Ok(scopes.to_string())
}

/// Scopes that apps which register themselves may have at most, in the form in which they are kept.
///
/// # Errors
/// What is wrong, and what would be right.
pub fn check_scopes_of_apps(text: &str) -> Result<String, String> {
    scopes(text, For { people: true, public: true }).map_err(|error| error.to_string())
}

/// What is wrong, told to a program: without the options of commands, of which it knows nothing.
#[must_use]
pub fn over_http(says: &str) -> String {
    let mut told = String::with_capacity(says.len());
    let mut rest = says;
    while let Some((before, after)) = rest.split_once(" (--") {
        told.push_str(before);
        rest = after.split_once(')').map_or("", |(_, after)| after);
    }
    told.push_str(rest);
    told.replace(" --redirect-uri", " a redirect URI").replace(" --", " ")
}

/// That scopes are all a program's own or all people's: whose a token of a provider's is shows by them.
pub(super) fn of_one_kind(text: &str) -> Result<(), ClientError> {
    let own = text.split_whitespace().filter(|scope| scope.starts_with("system/")).count();
    if own == 0 || own == text.split_whitespace().count() {
        return Ok(());
    }
    invalid(
        "a client of a provider's is a program (all scopes begin with system/) or acts for people (none does): add one for each (--scope)",
    )
}

/// Providers by their ids, with the name that each has for the client where that is said, each once. Whether they are there shows in the
/// database.
pub(super) fn providers(words: &[String]) -> Result<Vec<String>, ClientError> {
    let mut kept: Vec<String> = Vec::new();
    for word in words {
        let (id, audience) = exchange(word);
        if id.is_empty() || id.len() > PROVIDER || !id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        {
            return invalid("a provider is named by its id, as `provider list` shows it (--exchange)");
        }
        let fits = |name: &str| {
            let is_plain = |letter: char| !letter.is_whitespace() && !letter.is_control();
            (1..=AUDIENCE).contains(&name.len()) && name.chars().all(is_plain)
        };
        if audience.is_some_and(|name| !fits(name)) {
            return invalid(format!(
                "after PROVIDER= stands what it calls the client in aud: a word of 1 to {AUDIENCE} bytes (--exchange)"
            ));
        }
        if !kept.contains(word) {
            kept.push(word.clone());
        }
    }
    if kept.len() > PROVIDERS {
        return invalid(format!("at most {PROVIDERS} providers (--exchange)"));
    }
    Ok(kept)
}

/// A provider, and what it calls the client, of a word of [`super::Client::exchanges`].
pub(super) fn exchange(word: &str) -> (&str, Option<&str>) {
    word.split_once('=').map_or((word, None), |(id, audience)| (id, Some(audience)))
}

/// Networks from which a client is answered, each once.
pub(super) fn networks(networks: &[IpNet]) -> Result<Vec<IpNet>, ClientError> {
    let mut kept: Vec<IpNet> = Vec::new();
    for network in networks.iter().map(IpNet::trunc) {
        if !kept.contains(&network) {
            kept.push(network);
        }
    }
    if kept.len() > NETWORKS {
        return invalid(format!("at most {NETWORKS} networks (--from)"));
    }
    Ok(kept)
}

/// Where people are sent back to, each once, to the letter.
pub(super) fn redirects(uris: &[String], is_public: bool) -> Result<Vec<String>, ClientError> {
    let mut kept: Vec<String> = Vec::new();
    for uri in uris {
        if !is_redirect(uri, is_public) {
            return invalid(
                "people are sent back to an https address, to http on their own machine (http://127.0.0.1:PORT/...), or, for a public client, to \
                 a scheme of its own with a dot in it (com.example.app:/callback); without user and fragment, to the letter as the client sends it (--redirect-uri)",
            );
        }
        if !kept.contains(uri) {
            kept.push(uri.clone());
        }
    }
    if kept.len() > REDIRECTS {
        return invalid(format!("at most {REDIRECTS} addresses (--redirect-uri)"));
    }
    Ok(kept)
}

/// <https://www.rfc-editor.org/rfc/rfc8252#section-7>
fn is_redirect(uri: &str, is_public: bool) -> bool {
    let is_plain = uri.len() <= ADDRESS
        && uri.bytes().all(|byte| byte.is_ascii_graphic())
        && !uri.contains(['#', '"', '\'', '\\', '<', '>', '`', '{', '}', '|', '^', ';', ',', '*'])
        && !uri.contains("..");
    let Some((scheme, rest)) = uri.split_once(':').filter(|_| is_plain) else { return false };
    match scheme {
        "https" | "http" => address(uri).is_ok(),
        // Of an app's own, by the reversed name of a domain that its makers have.
        _ => {
            let is_word = |part: &str| {
                !part.is_empty()
                    && part.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-')
            };
            let is_own = scheme.contains('.')
                && scheme.split('.').all(is_word)
                && scheme.starts_with(|first: char| first.is_ascii_lowercase());
            is_public && is_own && rest.starts_with('/') && !rest.contains('@')
        }
    }
}

/// Purposes of use, each once, and the default, which is one of them; of one alone it is that.
pub(super) fn purposes(
    purposes: &[Purpose],
    default: Option<Purpose>,
) -> Result<(Vec<Purpose>, Option<Purpose>), ClientError> {
    let mut kept = purposes.to_vec();
    kept.sort_unstable();
    kept.dedup();
    match (default, &kept[..]) {
        (_, []) => invalid("say why it may ask (--purpose TREAT, ...): nobody is answered without a purpose"),
        (None, [only]) => Ok((vec![*only], Some(*only))),
        (Some(purpose), all) if !all.contains(&purpose) => invalid(format!(
            "the default purpose {} is none of its purposes: add --purpose {0}, or give another --default-purpose",
            purpose.code()
        )),
        (default, _) => Ok((kept, default)),
    }
}

/// References that Consents can name.
pub(in crate::store) fn actors(actors: &[String]) -> Result<Vec<String>, ClientError> {
    let mut kept: Vec<String> = Vec::new();
    for text in actors {
        let Some(reference) = actor(text).filter(|text| text.len() <= REFERENCE && !text.contains(' ')) else {
            return invalid("who it is to Consents is Type/id, or the whole address of a resource (--actor)");
        };
        if !kept.contains(&reference) {
            kept.push(reference);
        }
    }
    if kept.len() > ACTORS {
        return invalid(format!("at most {ACTORS} references (--actor)"));
    }
    Ok(kept)
}

/// Where keys are fetched from: by https, so that nobody between puts in another's, or from this machine.
pub(super) fn address(text: &str) -> Result<String, ClientError> {
    let uri = text.parse::<hyper::Uri>().ok();
    let fits = text.len() <= ADDRESS
        && text.bytes().all(|byte| byte.is_ascii_graphic())
        && !text.contains(['#', '"', '\\', '<', '>'])
        && uri.is_some_and(|uri| {
            let whole = uri.authority().is_some_and(|authority| !authority.as_str().contains('@'));
            let is_here = matches!(uri.host(), Some("127.0.0.1" | "[::1]" | "localhost"));
            let is_safe = uri.scheme_str() == Some("https") || (uri.scheme_str() == Some("http") && is_here);
            is_safe && uri.host().is_some_and(|host| !host.is_empty()) && whole
        });
    if fits {
        return Ok(text.to_owned());
    }
    invalid(
        "keys are fetched from an https address without user and fragment, as https://client.example/jwks.json (--jwks-url)",
    )
}

/// Where a client's keys are fetched from: an address that is asked for what an administrator names.
pub(super) fn keys_at(text: &str) -> Result<String, ClientError> {
    let kept = address(text)?;
    if Reach::Named.url(&kept).is_some() {
        return Ok(kept);
    }
    invalid("keys are never fetched from a link-local, multicast or unspecified address (--jwks-url)")
}

#[cfg(test)]
mod tests;
