//! Which options may hold a secret, and what of their values anybody may see.

use std::borrow::Cow;

use clap::Arg;
use reqwest::Url;

/// Options whose value is an address that holds a secret only as its password.
const ADDRESSES: [&str; 2] = ["content-store", "database"];

/// Schemes of addresses without a host: what stands there is a path.
const FILES: [&str; 2] = ["file", "sqlite"];

/// The parameter of a database's address that is its password.
const PASSWORD: &str = "password";

/// What may be shown of a value; `None` where nothing may. Options that may hold a secret are those whose value `--help` does not show
/// (`hide_env_values`).
pub(super) fn shown<'v>(arg: &Arg, value: &'v str) -> Option<Cow<'v, str>> {
    // A file that holds the secret is none.
    if !arg.is_hide_env_values_set() || value.starts_with('@') {
        return Some(Cow::Borrowed(value));
    }
    if !arg.get_long().is_some_and(|name| ADDRESSES.contains(&name)) {
        return None;
    }
    let parsed = Url::parse(value).ok();
    let Some(mut url) = parsed.filter(|url| url.has_host() || FILES.contains(&url.scheme())) else {
        // A path; what looks like somebody at a host is none that can be shown.
        return (!value.contains('@')).then_some(Cow::Borrowed(value));
    };
    let in_query = url.query_pairs().any(|(name, _)| name.eq_ignore_ascii_case(PASSWORD));
    if url.password().is_none() && !in_query {
        return Some(Cow::Borrowed(value));
    }
    url.set_password(None).ok()?;
    if in_query {
        url.set_query(None);
    }
    Some(Cow::Owned(url.to_string()))
}

/// Whether a value holds a secret, as far as that can be told.
pub(super) fn is_secret(arg: &Arg, value: &str) -> bool {
    !matches!(shown(arg, value), Some(Cow::Borrowed(_)))
}

#[cfg(test)]
mod tests {
    use clap::Arg;

    use super::*;

    #[test]
    fn no_password_and_no_address_of_a_webhook_is_shown() {
        let database = Arg::new("database").long("database").hide_env_values(true);
        let webhook = Arg::new("alert_webhook").long("alert-webhook").hide_env_values(true);
        for (arg, value, wanted) in [
            (&database, "postgres://gateway@db/clinic", Some("postgres://gateway@db/clinic")),
            (&database, "postgres://gateway:hush@db/clinic", Some("postgres://gateway@db/clinic")),
            (&database, "postgres://db/clinic?user=gateway&password=hush", Some("postgres://db/clinic")),
            (&database, "sqlite:clinic.db", Some("sqlite:clinic.db")),
            (&database, "sqlite:/srv/a@b.db", Some("sqlite:/srv/a@b.db")),
            (&database, "/srv/clinic.db", Some("/srv/clinic.db")),
            (&database, "gateway:hush@db", None),
            (&webhook, "https://alerts.example/hush", None),
            (&webhook, "@url.txt", Some("@url.txt")),
            (&Arg::new("listen").long("listen"), "u:p@x", Some("u:p@x")),
        ] {
            assert_eq!(shown(arg, value).as_deref(), wanted, "{value}");
            assert_eq!(is_secret(arg, value), wanted != Some(value), "{value}");
        }
    }
}
