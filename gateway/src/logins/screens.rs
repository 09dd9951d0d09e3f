//! The pages, as what they are made of. Who can do what is not decided here.

use secrecy::SecretSlice;

use super::{next, paths, totp};
use crate::clock::Clock;
use crate::pages::{Field, Markup, Page, error_summary, html, page};
use crate::store::accounts::Account;
use crate::store::providers::Provider;

/// The field that shows that a form is of one of our pages.
fn hidden(name: &str, value: &str) -> Markup {
    html! { input type="hidden" name=(name) value=(value); }
}

/// Hidden fields of every form.
pub(super) fn carried(csrf: &str, next: Option<&str>) -> Markup {
    html! {
        (hidden("csrf", csrf))
        @if let Some(next) = next { (hidden("next", next)) }
    }
}

fn password_field<'f>(name: &'f str, label: &'f str, autocomplete: &'f str) -> Field<'f> {
    // Longer ones than can be are refused with a sentence, not cut.
    Field { name, label, autocomplete, kind: "password", longest: 200, ..Field::default() }
}

/// A login.
pub(super) fn login(csrf: &str, next: Option<&str>, typed: &str, wrong: Option<&str>, providers: &[Provider]) -> Page {
    let login = Field {
        name: "login",
        label: "Login name",
        autocomplete: "username",
        value: typed,
        is_wrong: wrong.is_some(),
        is_first: true,
        ..Field::default()
    };
    let password = Field { is_wrong: wrong.is_some(), ..password_field("password", "Password", "current-password") };
    page(
        "Log in",
        &html! {
            (error_summary(wrong))
            // A link, not a form: a form's policy would hold the provider's address against it.
            @for provider in providers {
                p { a.button.second href=(to_provider(provider, next)) { "Log in with " (provider.name) } }
            }
            form method="post" action=(paths::LOGIN) {
                (carried(csrf, next))
                (login.markup())
                (password.markup())
                div.buttons { button type="submit" { "Log in" } }
            }
            p.hint { "No login, or the password is lost? Whoever looks after accounts at your clinic can send you a link." }
        },
    )
}

fn to_provider(provider: &Provider, next: Option<&str>) -> String {
    let address = format!("{}?provider={}", paths::TO_PROVIDER, provider.id);
    match next {
        Some(next) => next::adding(&address, next),
        None => address,
    }
}

/// Nobody was logged in by a provider.
pub(super) fn not_outside(says: &str, next: Option<&str>) -> Page {
    page(
        "You are not logged in",
        &html! {
            p { (says) }
            p { a.button href=(next::going_on(paths::LOGIN, next)) { "Log in" } }
        },
    )
}

/// The code of a second factor.
pub(super) fn second_factor(csrf: &str, next: Option<&str>, wrong: Option<&str>) -> Page {
    let code = Field {
        name: "code",
        label: "Code",
        hint: "The six digits that your authenticator app shows now, or one of your recovery codes.",
        autocomplete: "one-time-code",
        longest: 40,
        is_wrong: wrong.is_some(),
        is_first: true,
        ..Field::default()
    };
    page(
        "Second factor",
        &html! {
            (error_summary(wrong))
            form method="post" action=(paths::SECOND_FACTOR) {
                (carried(csrf, next))
                (code.markup())
                div.buttons { button type="submit" { "Go on" } }
            }
            form method="post" action=(paths::LOGOUT) {
                (carried(csrf, None))
                div.buttons { button.second type="submit" { "Stop" } }
            }
        },
    )
}

/// A first password, or one after a loss.
pub(super) fn activate(csrf: &str, path: &str, account: &Account, rule: &str, wrong: Option<&str>) -> Page {
    page(
        "Choose a password",
        &html! {
            (error_summary(wrong))
            dl { dt { "Name" } dd { (account.name) } dt { "Login name" } dd { (account.login) } }
            form method="post" action=(path) {
                (carried(csrf, None))
                // For what keeps passwords.
                input type="hidden" autocomplete="username" name="username" value=(account.login);
                (new_password(rule, wrong.is_some(), true))
                div.buttons { button type="submit" { "Set the password" } }
            }
        },
    )
}

fn new_password(rule: &str, is_wrong: bool, is_first: bool) -> Markup {
    let new = Field { hint: rule, is_wrong, is_first, ..password_field("new", "New password", "new-password") };
    let again = Field { is_wrong, ..password_field("again", "New password once more", "new-password") };
    html! { (new.markup()) (again.markup()) }
}

/// The link is none, or none any more.
pub(super) fn no_activation() -> Page {
    page(
        "This link does not work",
        &html! {
            p { "It was used before, or is too old. Whoever looks after accounts at your clinic can send you another one." }
            p { a href=(paths::LOGIN) { "Log in" } }
        },
    )
}

/// The password is set.
pub(super) fn activated() -> Page {
    page(
        "Your password is set",
        &html! { p { "The link counts no more." } p { a.button href=(paths::LOGIN) { "Log in" } } },
    )
}

/// Another password.
pub(super) fn password(csrf: &str, next: Option<&str>, rule: &str, must: bool, wrong: Option<&str>) -> Page {
    let current = Field {
        is_first: true,
        is_wrong: wrong.is_some(),
        ..password_field("current", "Password now", "current-password")
    };
    page(
        "Change your password",
        &html! {
            (error_summary(wrong))
            @if must { p.note { "Your password has to be changed before you go on." } }
            form method="post" action=(paths::PASSWORD) {
                (carried(csrf, next))
                (current.markup())
                (new_password(rule, wrong.is_some(), false))
                div.buttons {
                    button type="submit" { "Change the password" }
                    @if !must { a.button.second href=(paths::ACCOUNT) { "Back" } }
                }
            }
        },
    )
}

/// A second factor that is to be.
pub(super) struct Enrolment<'e> {
    pub(super) csrf: &'e str,
    pub(super) next: Option<&'e str>,
    pub(super) secret: &'e SecretSlice<u8>,
    pub(super) sealed: &'e str,
    pub(super) issuer: &'e str,
    pub(super) must: bool,
}

impl Enrolment<'_> {
    pub(super) fn page(&self, account: &Account, wrong: Option<&str>) -> Page {
        let address = totp::address(self.secret, self.issuer, &account.login);
        let text = totp::text(self.secret);
        let grouped: Vec<&str> =
            (0..text.len().div_ceil(4)).filter_map(|part| text.get(part * 4..(part * 4 + 4).min(text.len()))).collect();
        let code = Field {
            name: "code",
            label: "Code",
            hint: "The six digits that the app shows now.",
            autocomplete: "one-time-code",
            inputmode: "numeric",
            longest: 12,
            is_wrong: wrong.is_some(),
            ..Field::default()
        };
        let password =
            Field { is_wrong: wrong.is_some(), ..password_field("password", "Your password", "current-password") };
        page(
            "Set up a second factor",
            &html! {
                (error_summary(wrong))
                @if self.must { p.note { "Nobody works here without a second factor: set yours up before you go on." } }
                ol {
                    li { "Open an authenticator app on your phone and scan this picture, or type the key." }
                    li {
                        "Type the code that the app then shows"
                        @if account.has_password() { ", and your password" }
                        "."
                    }
                }
                (totp::picture(&address))
                dl {
                    dt { "Key" } dd { code { (grouped.join(" ")) } }
                    dt { "On this device" } dd { a href=(address) { "Open it in an app" } }
                }
                form method="post" action=(paths::AUTHENTICATOR) {
                    (carried(self.csrf, self.next))
                    (hidden("secret", self.sealed))
                    (code.markup())
                    @if account.has_password() { (password.markup()) }
                    div.buttons {
                        button type="submit" { "Turn it on" }
                        @if !self.must { a.button.second href=(paths::ACCOUNT) { "Back" } }
                    }
                }
            },
        )
    }
}

/// It is on: the codes, once.
pub(super) fn recovery(codes: &[String], next: &str) -> Page {
    page(
        "Keep your recovery codes",
        &html! {
            p.note role="status" { "The second factor is on." }
            p { "Each of these codes opens your account once, where your phone is lost. Print them, or write them down, and keep them apart \
                 from it. They are shown this once." }
            ul.codes { @for code in codes { li { code { (code) } } } }
            p { a.button href=(next) { "I have them: go on" } }
        },
    )
}

/// A second factor that there is.
pub(super) fn authenticator_off(csrf: &str, account: &Account, may: bool, wrong: Option<&str>) -> Page {
    let code = Field {
        name: "code",
        label: "Code",
        hint: "Of your authenticator app, or a recovery code.",
        autocomplete: "one-time-code",
        longest: 40,
        is_wrong: wrong.is_some(),
        ..Field::default()
    };
    let password =
        Field { is_wrong: wrong.is_some(), ..password_field("password", "Your password", "current-password") };
    page(
        "Second factor",
        &html! {
            (error_summary(wrong))
            p { "It is on. Recovery codes left: " (account.recovery_left) "." }
            @if may {
                p { "To use another phone or get new codes, turn it off and set it up again." }
                form method="post" action=(paths::AUTHENTICATOR) {
                    (carried(csrf, None))
                    (hidden("off", "1"))
                    (code.markup())
                    @if account.has_password() { (password.markup()) }
                    div.buttons {
                        button type="submit" { "Turn it off" }
                        a.button.second href=(paths::ACCOUNT) { "Back" }
                    }
                }
            } @else {
                p { "Nobody works here without one. Is your phone lost? Whoever looks after accounts can take it away, and you set up another." }
                p { a.button.second href=(paths::ACCOUNT) { "Back" } }
            }
        },
    )
}

/// Who I am.
pub(super) fn account(csrf: &str, account: &Account, others: &[(i64, i64)], said: Option<&str>) -> Page {
    let minute = |ms: i64| Clock::format(ms).get(..16).unwrap_or_default().replace('T', " ") + " UTC";
    let roles: Vec<&str> = account.roles.iter().map(|role| role.as_str()).collect();
    page(
        "Your account",
        &html! {
            @if let Some(said) = said { p.note role="status" { (said) } }
            dl {
                dt { "Name" } dd { (account.name) }
                dt { "Login name" } dd { (account.login) }
                dt { "Role" } dd { (roles.join(", ")) }
                @if !account.actors.is_empty() { dt { "In records" } dd { (account.actors.join(", ")) } }
            }
            @if account.has_password() {
                h2 { "Password" }
                @if let Some(set) = account.password_set_ms { p { "Set on " (minute(set)) "." } }
                p { a.button.second href=(paths::PASSWORD) { "Change the password" } }
            }
            h2 { "Second factor" }
            @if account.has_second_factor() {
                p { "On. Recovery codes left: " (account.recovery_left) "." }
                p { a.button.second href=(paths::AUTHENTICATOR) { "Change it" } }
            } @else {
                p { "Off. With one, a stolen password alone opens nothing." }
                p { a.button.second href=(paths::AUTHENTICATOR) { "Set it up" } }
            }
            h2 { "Other browsers" }
            @if others.is_empty() {
                p { "You are logged in in this browser alone." }
            } @else {
                @for (began, seen) in others {
                    div.session { p { "Logged in " (minute(*began)) ", used last " (minute(*seen)) } }
                }
                form method="post" action=(paths::SESSIONS) {
                    (carried(csrf, None))
                    div.buttons { button.second type="submit" { "Log out there" } }
                }
            }
            form method="post" action=(paths::LOGOUT) {
                (carried(csrf, None))
                div.buttons { button type="submit" { "Log out" } }
            }
        },
    )
}

/// It is over.
pub(super) fn logged_out(was_outside: bool) -> Page {
    page(
        "You are logged out",
        &html! {
            @if was_outside {
                p.note { "Here. Where you logged in you may still be: on a computer that others use, log out there, too." }
            }
            p { a.button href=(paths::LOGIN) { "Log in" } }
        },
    )
}

/// A form that is none of ours, or is too old.
pub(super) fn stale(again: &str) -> Page {
    let mut page = page(
        "This page was open for too long",
        &html! {
            p { "Nothing was done. Your browser has to keep cookies of this site for it." }
            p { a.button href=(again) { "Try again" } }
        },
    );
    page.looked_at_nothing = true;
    page
}

/// Too much failed from where somebody is.
pub(super) fn too_often(seconds: u32) -> Page {
    let wait = match seconds {
        1 => "a second".to_owned(),
        2..=119 => format!("{seconds} seconds"),
        _ => format!("{} minutes", seconds.div_ceil(60)),
    };
    page(
        "Please wait a while",
        &html! {
            p { "Too many attempts failed from where you are, yours or somebody else's. This one was not looked at." }
            p { "Wait " (wait) ", then try again. Is a password or a phone lost? Whoever looks after accounts at your clinic can help." }
            p { a.button href=(paths::LOGIN) { "Log in" } }
        },
    )
}

/// Something does not answer.
pub(super) fn unavailable() -> Page {
    page(
        "Please try again",
        &html! { p { "Something does not answer for the moment, and nothing was done that is not on record. Try again in a minute." } },
    )
}
