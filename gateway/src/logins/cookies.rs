//! The cookies: of a session, of a form before there is one, and of a login by a provider that is under way.

use hyper::{HeaderMap, header};

/// The longest value that is looked at, in bytes.
const LONGEST: usize = 128;
/// Of a login that is under way: browsers keep no longer one.
const LONGEST_OUTSIDE: usize = 4096;

/// How cookies are set. By https they are of this host alone: no other page of the domain can set or overwrite them.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cookies {
    pub(super) secure: bool,
}

/// Which one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Cookie {
    /// Of who has logged in.
    Session,
    /// Of who is about to.
    Form,
    /// Of who is about to, by a provider: what was begun, sealed.
    Outside,
}

impl Cookies {
    fn name(self, cookie: Cookie) -> &'static str {
        match (self.secure, cookie) {
            (true, Cookie::Session) => "__Host-fhir-gateway",
            (true, Cookie::Form) => "__Host-fhir-gateway-form",
            (true, Cookie::Outside) => "__Host-fhir-gateway-outside",
            (false, Cookie::Session) => "fhir-gateway-session",
            (false, Cookie::Form) => "fhir-gateway-form",
            (false, Cookie::Outside) => "fhir-gateway-outside",
        }
    }

    /// What a request brings; nothing where it brings two: nobody knows which is ours.
    pub(super) fn of(self, cookie: Cookie, headers: &HeaderMap) -> Option<&str> {
        let lines = headers.get_all(header::COOKIE).iter().filter_map(|line| line.to_str().ok());
        let pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut found = pairs.filter(|(name, _)| *name == self.name(cookie)).map(|(_, value)| value);
        let value = found.next()?;
        let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        let longest = if cookie == Cookie::Outside { LONGEST_OUTSIDE } else { LONGEST };
        let fits = found.next().is_none() && !value.is_empty() && value.len() <= longest && value.bytes().all(is_plain);
        fits.then_some(value)
    }

    /// Sets one, until the browser is closed.
    pub(super) fn set(self, cookie: Cookie, value: &str) -> String {
        let secure = if self.secure { "; Secure" } else { "" };
        format!("{}={value}; Path=/; HttpOnly; SameSite=Lax{secure}", self.name(cookie))
    }

    /// Takes one away.
    pub(super) fn clear(self, cookie: Cookie) -> String {
        format!("{}; Max-Age=0", self.set(cookie, ""))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(lines: &[&str]) -> Option<String> {
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(header::COOKIE, line.parse().unwrap());
        }
        Cookies { secure: true }.of(Cookie::Session, &headers).map(str::to_owned)
    }

    #[test]
    fn two_of_a_name_are_none() {
        assert_eq!(of(&["a=b; __Host-fhir-gateway=fgl_x-1"]).as_deref(), Some("fgl_x-1"));
        assert_eq!(of(&["__Host-fhir-gateway=a; __Host-fhir-gateway=b"]), None);
        assert_eq!(of(&["__Host-fhir-gateway=a", "__Host-fhir-gateway=a"]), None);
        for wrong in
            ["__Host-fhir-gateway=", "__Host-fhir-gateway=a b", "fhir-gateway-session=a", "__host-fhir-gateway=a"]
        {
            assert_eq!(of(&[wrong]), None, "{wrong}");
        }
    }

    #[test]
    fn a_session_is_of_this_host_alone() {
        let set = Cookies { secure: true }.set(Cookie::Session, "x");
        assert_eq!(set, "__Host-fhir-gateway=x; Path=/; HttpOnly; SameSite=Lax; Secure");
        assert!(!Cookies { secure: false }.set(Cookie::Session, "x").contains("Secure"));
        assert!(Cookies { secure: true }.clear(Cookie::Session).ends_with("Max-Age=0"));
    }
}
