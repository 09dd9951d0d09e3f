use proptest::prelude::*;

use super::*;

#[test]
fn scopes_are_those_of_systems_that_can_be_kept_to() {
    let alone = For { people: false, public: false };
    let scopes = |text: &str| scopes(text, alone);
    assert_eq!(scopes(" system/*.rs  system/Patient.r system/*.rs\n").unwrap(), "system/*.rs system/Patient.r");
    let lab = "system/Observation.rs?category=urn:s|laboratory";
    assert_eq!(scopes(lab).unwrap(), lab);
    let many = (0..301).map(|number| format!("system/*.r?status=s{number}")).collect::<Vec<_>>().join(" ");
    for wrong in [
        "",
        "  ",
        "a\"b",
        "caf\u{e9}",
        "email",
        "openid",
        "launch/patient",
        "patient/*.rs",
        "user/Patient.read",
        "system/Patients.rs",
        "system/Patient.sr",
        "system/Observation.rs?date=ap2020",
        "system/Patient.rs?category=x",
        "system/*.rs?nonsense=x",
        &many,
    ] {
        assert!(scopes(wrong).is_err(), "{wrong:?}");
    }
}

#[test]
fn scopes_of_people_take_somewhere_to_send_them() {
    let app = For { people: true, public: true };
    let all = "openid fhirUser launch launch/patient offline_access patient/*.rs user/*.cruds patient/Observation.read";
    assert!(scopes(all, app).is_ok() && scopes(all, For { people: false, public: false }).is_err());
    assert!(scopes("system/*.rs", app).is_err());
    assert!(scopes("system/*.rs patient/*.rs", For::ANY).is_ok());
    assert!(scopes("launch system/Patient.r", For { people: false, public: false }).is_ok());
    for writes in ["patient/*.cruds", "patient/Observation.write", "patient/*.*", "patient/Observation.c"] {
        assert!(scopes(writes, app).is_ok(), "{writes}");
    }
}

#[test]
fn people_are_sent_back_where_nobody_else_waits() {
    for right in [
        "https://app.example/cb",
        "https://app.example:8443/cb?a=b",
        "http://127.0.0.1:3000/cb",
        "http://localhost/cb",
        "com.example.app:/cb",
        "com.example.app://cb",
    ] {
        assert!(redirects(&[right.to_owned()], true).is_ok(), "{right}");
    }
    for wrong in [
        "http://app.example/cb",
        "https://app.example/cb#x",
        "https://user@app.example/cb",
        "https://app.example/../cb",
        "https://*.app.example/cb",
        "javascript:alert(1)",
        "data:text/html,x",
        "myapp:/cb",
        "com.example.app:cb",
        "Com.example.app:/cb",
        "https://app.example/c b",
        "//app.example/cb",
        "/cb",
        "",
    ] {
        assert!(redirects(&[wrong.to_owned()], true).is_err(), "{wrong}");
    }
    assert!(redirects(&["com.example.app:/cb".to_owned()], false).is_err(), "it would keep a secret on a phone");
}

proptest! {
    /// What is kept is kept as it is, however often it is looked at.
    #[test]
    fn scopes_that_are_kept_stay(text in "( ?(system|user)/(Patient|\\*|Observation)\\.(rs|read|c|write|x)(\\?category=[a-z|:]{1,9})?\n?){0,5}") {
        if let Ok(kept) = scopes(&text, For::ANY) {
            prop_assert_eq!(&scopes(&kept, For::ANY).unwrap(), &kept);
            prop_assert!(text.split_whitespace().all(|scope| kept.split(' ').any(|kept| kept == scope)));
        }
    }
}

#[test]
fn a_default_is_one_of_the_purposes() {
    let (treat, payment) = (Purpose::Treat, Purpose::Hpaymt);
    assert_eq!(purposes(&[treat, treat], None).unwrap(), (vec![treat], Some(treat)));
    assert_eq!(purposes(&[treat, payment], None).unwrap().1, None);
    assert_eq!(purposes(&[treat, payment], Some(payment)).unwrap().1, Some(payment));
    assert!(purposes(&[treat], Some(payment)).is_err() && purposes(&[], None).is_err());
}

#[test]
fn addresses_are_https() {
    for right in ["https://c.example/jwks.json", "https://c.example:8443/a?b=c", "https://127.0.0.1/k"] {
        assert_eq!(address(right).unwrap(), right);
    }
    for wrong in [
        "http://c.example/jwks.json",
        "https://user:secret@c.example/k",
        "https:///k",
        "https://",
        "https://c.example/k#x",
        "https://c.example/a b",
        "ftp://c.example",
        "c.example",
        "",
    ] {
        assert!(address(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_program_is_told_nothing_of_options() {
    assert_eq!(over_http("a name is a line (--name)"), "a name is a line");
    assert_eq!(over_http("say why (--purpose TREAT, ...): nobody is answered"), "say why: nobody is answered");
    assert_eq!(over_http("open (--x"), "open");
    for says in [super::super::wanted::UNSAID, super::super::wanted::ELSEWHERE, super::super::wanted::NOWHERE] {
        assert!(!over_http(says).contains("--"), "{says}");
    }
    assert_eq!(over_http("people log in, which takes --redirect-uri"), "people log in, which takes a redirect URI");
}

#[test]
fn ids_and_names_are_plain() {
    assert!(id("warehouse-1").is_ok() && id("a.b_c~d").is_ok());
    for wrong in ["", "ab", "-abc", "a b c", "a/b/c", "caf\u{e9}", &"x".repeat(129)] {
        assert!(id(wrong).is_err(), "{wrong}");
    }
    assert!(!is_id("fgs_abc") && !is_id("fgt_abc"), "a secret that was pasted");
    assert!(name(" Nightly job ").is_ok_and(|name| name == "Nightly job"));
    assert!(name(" ").is_err() && name("a\nb").is_err() && name(&"x".repeat(201)).is_err());
    assert!(actors(&["Organization/1".to_owned(), "somebody".to_owned()]).is_err());
}
