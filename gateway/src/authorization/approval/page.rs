//! The pages of an approval.

use hyper::StatusCode;
use smart::scope::{ContextKind, Other, Scope, Scopes};

use super::visit::{Visit, VisitShown};
use super::{DAYS, LONGEST, choice, words};
use crate::authorization::authorize::CONTINUE;
use crate::authorization::person::PatientShown;
use crate::pages::{ERROR, Field, Markup, Page, error_summary, html, page};

/// What all of them say.
pub(super) struct Frame<'f> {
    /// The app.
    pub(super) client: &'f str,
    /// Who logged in.
    pub(super) person: &'f str,
    /// The handle of the request.
    pub(super) request: &'f str,
    /// That a form is one of ours.
    pub(super) csrf: String,
    /// Where the app is answered.
    pub(super) redirect_uri: &'f str,
    /// Nobody here has looked at the app.
    pub(super) registered_itself: bool,
}

impl Frame<'_> {
    /// A form of this request.
    fn form(&self, body: &Markup) -> Markup {
        html! {
            form method="post" action=(CONTINUE) {
                input type="hidden" name="request" value=(self.request);
                input type="hidden" name="csrf" value=(self.csrf);
                (body)
            }
        }
    }

    /// That the app's name is its own word, and where it leads instead.
    fn unverified(&self) -> Markup {
        html! {
            @if self.registered_itself {
                div.warning role="note" {
                    p { strong { "Nobody here has checked this app." } " It registered itself, and " (self.client) " is what it calls itself." }
                    p { "What you approve goes to " strong { (self.host()) } ". Go on only if you began there and trust it." }
                }
            }
        }
    }

    /// Whose address the app is answered at; of an app's own scheme, that.
    fn host(&self) -> &str {
        let (scheme, rest) = self.redirect_uri.split_once(':').unwrap_or_default();
        let host = rest.strip_prefix("//").and_then(|rest| rest.split(['/', '?']).next()).unwrap_or_default();
        if matches!(scheme, "http" | "https") { host } else { scheme }
    }

    fn who(&self) -> Markup {
        html! { p.who { "You are logged in as " strong { (self.person) } "." } }
    }

    fn deny(&self) -> Markup {
        self.form(&html! { button.second name="action" value="deny" { "Deny and go back to " (self.client) } })
    }
}

/// Who may be chosen. `found`: `None` before anything was looked for.
pub(super) fn picker(frame: &Frame<'_>, text: &str, found: Option<&[PatientShown]>) -> Page {
    let field = Field {
        name: "q",
        label: "Name or record number",
        hint: "The beginning of a name is enough; a number has to be whole.",
        value: text,
        longest: LONGEST,
        is_first: true,
        ..Field::default()
    };
    let body = html! {
        p { strong { (frame.client) } " asks for the record of one patient." }
        (frame.unverified())
        (frame.who())
        (frame.form(&html! { (field.markup()) button name="action" value="find" { "Find" } }))
        @if let Some(found) = found {
            h2 { "Patients" }
            @if found.is_empty() {
                p role="status" { "Nobody whom you may see was found." }
            } @else {
                (choices(frame, found))
            }
        }
        (frame.deny())
    };
    page("Which patient?", &body).forms_to(frame.redirect_uri)
}

/// For whom somebody acts, who acts for several patients or for none.
pub(super) fn whom(frame: &Frame<'_>, found: &[PatientShown]) -> Page {
    let body = html! {
        p { strong { (frame.client) } " asks for the record of one patient." }
        (frame.who())
        @if found.is_empty() {
            p role="status" {
                "There is nobody here for whom you may decide now: that takes a relationship on record that gives authority, and of \
                 parents a child under age. Ask the clinic."
            }
        } @else {
            (choices(frame, found))
        }
        (frame.deny())
    };
    page("For whom?", &body).forms_to(frame.redirect_uri)
}

/// A button for each patient.
fn choices(frame: &Frame<'_>, found: &[PatientShown]) -> Markup {
    html! {
        ul.choices {
            @for patient in found {
                li {
                    (frame.form(&html! {
                        input type="hidden" name="patient" value=(patient.id);
                        button.pick name="action" value="choose" { (who(patient)) }
                    }))
                }
            }
        }
    }
}

/// Which of a patient's visits it is about, or none.
pub(super) fn visits(frame: &Frame<'_>, patient: &PatientShown, found: &[VisitShown]) -> Page {
    let choice = |name: &str, value: &str, label: &Markup| {
        frame.form(&html! {
            input type="hidden" name="patient" value=(patient.id);
            input type="hidden" name=(name) value=(value);
            button.pick name="action" value="choose" { (label) }
        })
    };
    let body = html! {
        p { strong { (frame.client) } " asks which visit this is about." }
        (frame.who())
        p.patient { (who(patient)) }
        @if found.is_empty() { p role="status" { "There is no visit that you may see." } }
        ul.choices {
            @for visit in found { li { (choice("encounter", &visit.id, &which(visit))) } }
            li { (choice("without", "yes", &html! { strong { "No visit" } })) }
        }
        (frame.deny())
    };
    page("Which visit?", &body).forms_to(frame.redirect_uri)
}

fn which(visit: &VisitShown) -> Markup {
    html! {
        strong { (visit.what) }
        @if let Some(began) = &visit.began { span.detail { (began) } }
        @if let Some(status) = &visit.status { span.detail { (status) } }
        span.detail { "visit " (visit.id) }
    }
}

fn who(patient: &PatientShown) -> Markup {
    html! {
        strong { (patient.name) }
        @if let Some(born) = &patient.born { span.detail { "born " (born) } }
        @if let Some(gender) = &patient.gender { span.detail { (gender) } }
        span.detail { "record " (patient.id) }
    }
}

/// What the app asks, and what of it is switched on.
pub(super) fn approval(
    frame: &Frame<'_>,
    asked: &Scopes,
    (patient, visit): (Option<&PatientShown>, &Visit),
    wrong: Option<&str>,
) -> Page {
    let mut known: Vec<&str> = asked.others().iter().filter_map(|other| words::other(*other)).collect();
    known.sort_unstable();
    known.dedup();
    let of = |context| asked.resources().iter().filter(move |scope| scope.context() == context);
    let groups = [
        (ContextKind::Patient, "From the record of this patient"),
        (ContextKind::User, "From all records that you may see"),
    ];
    let form = html! {
        (error_summary(wrong))
        @if let Some(patient) = patient {
            input type="hidden" name="patient" value=(patient.id);
            h2 { "Whose record" }
            p.patient { (who(patient)) }
        }
        @match visit {
            Visit::Of(visit) => {
                input type="hidden" name="encounter" value=(visit.id);
                p.patient { (which(visit)) }
            }
            Visit::Without => { input type="hidden" name="without" value="yes"; }
            Visit::NotAsked | Visit::Open => {}
        }
        @for (context, title) in groups {
            @if of(context).next().is_some() {
                fieldset aria-describedby=[wrong.map(|_| ERROR)] {
                    legend { (title) }
                    @for scope in of(context) { (switch(scope)) }
                }
            }
        }
        @for other in asked.others() {
            @if *other != Other::OfflineAccess { input type="hidden" name="scope" value=(other.as_str()); }
        }
        @if !known.is_empty() {
            h2 { "It will also" }
            ul { @for what in &known { li { (what) } } }
        }
        (duration(asked))
        div.buttons { button name="action" value="approve" { "Approve" } }
    };
    let body = html! {
        p { strong { (frame.client) } " asks for access. Switch off what it shall not have." }
        (frame.unverified())
        (frame.who())
        (frame.form(&form))
        (frame.deny())
        p.hint { "You go back to " (frame.redirect_uri.split(['?', '#']).next().unwrap_or_default()) ". You can end the access at any time under /oauth/manage." }
    };
    page("What may it have?", &body)
}

/// A scope that can be switched off; a wide one can be narrowed instead.
fn switch(scope: &Scope) -> Markup {
    let parts = choice::parts(scope);
    html! {
        div.switch {
            label {
                input type="checkbox" name="scope" value=(scope.as_str()) checked;
                span { strong { (words::subject(scope)) } span.detail { (words::deed(scope)) } }
            }
            @if !parts.is_empty() {
                details {
                    summary { "Or only a part of it" }
                    p.hint { "Switch off the whole above, and on what it may have." }
                    @for part in &parts {
                        label.part {
                            input type="checkbox" name="scope" value=(part.as_str());
                            span { (words::subject(part)) }
                        }
                    }
                }
            }
        }
    }
}

fn duration(asked: &Scopes) -> Markup {
    let words = |days: u32| match days {
        1 => "1 day".to_owned(),
        365 => "1 year".to_owned(),
        days => format!("{days} days"),
    };
    html! {
        h2 { "For how long" }
        @if asked.has(Other::OfflineAccess) {
            div.switch {
                label {
                    input type="checkbox" name="scope" value=(Other::OfflineAccess.as_str()) checked;
                    span { strong { "Also when you are not there" } span.detail { "Without it the access ends within the hour." } }
                }
            }
            div.field {
                label for="days" { "Ends by itself after" }
                select id="days" name="days" {
                    @for days in DAYS { option value=(days) selected[days == DAYS[0]] { (words(days)) } }
                }
            }
        } @else if asked.has(Other::OnlineAccess) {
            p { "Until you log out here, or your login ends." }
        } @else {
            p { "For one hour." }
        }
    }
}

/// The request is none any more.
pub(super) fn too_late() -> Page {
    let body = html! {
        p { "This request is not known here any more: it was answered, it took too long, or the app was changed." }
        p { "Go back to the app and begin again." }
    };
    page("Begin again in the app", &body).with_status(StatusCode::BAD_REQUEST)
}

/// A form that is not of this login.
pub(super) fn foreign() -> Page {
    let body = html! {
        p { "The form was not made for your login: you logged in again, or somebody else's page has sent it. Nothing was approved." }
        p { "Go back to the app and begin again." }
    };
    page("Nothing was done", &body).with_status(StatusCode::FORBIDDEN)
}

/// What cannot go on.
pub(super) fn stopped(title: &str, status: StatusCode) -> Page {
    page(title, &html! { p { "Go back to the app and begin again." } }).with_status(status)
}

/// The account is not one that could approve it.
pub(super) fn not_for_them(person: &str, client: &str, csrf: &str, here: &str) -> Page {
    let body = html! {
        p {
            "You are logged in as " strong { (person) } ". This login cannot approve what " strong { (client) }
            " asks: it is of another organization, the app is not for such logins, or the app was opened for somebody else."
        }
        form method="post" action="/oauth/logout" {
            input type="hidden" name="csrf" value=(csrf);
            input type="hidden" name="next" value=(here);
            button { "Log in as somebody else" }
        }
    };
    page("Not with this login", &body).with_status(StatusCode::FORBIDDEN)
}
