//! What a permit carries into SQL, value by value: the store's tests show that SQL decides by it, these that it is what was asked.

use consent::statute::{Demand, Law};
use consent::{
    Action, Application, Asked, Asking, Breaker, Caller, CallerKind, Coding, Context, Labels, OrganizationId,
    OrganizationPolicy, PURPOSES, PolicyDefault, Predicate, Purpose, Refusal, Statutes, decide,
};

fn asking(purpose: &str, action: &str) -> Asking {
    Asking {
        actors: vec!["Practitioner/dr".into(), "Patient/ada".into(), "Group/g".into()],
        purpose: Some(Coding { system: PURPOSES.into(), code: purpose.into() }),
        break_glass: false,
        action: action.into(),
        at_ms: 86_400_000,
        statutes: Statutes::default(),
    }
}

fn asked(purpose: &str, action: &str) -> Asked {
    Asked::new(asking(purpose, action), PolicyDefault::Permit, None)
}

#[test]
fn who_why_and_when_stand_between_fences() {
    let asked = asked("TREAT", "access");
    assert_eq!(asked.purpose(), "\nTREAT\n");
    assert_eq!(asked.actors(), ["\nPractitioner/dr\n", "\nPatient/ada\n", "\nGroup/g\n"]);
    assert_eq!(asked.asking(), &asking("TREAT", "access"));
    assert_eq!(asked.ticks(), 864_000_000_000, "of 100 ns since 1970");
    let foreign = Coding { system: "https://clinic.example/p".into(), code: "x".into() };
    let foreign =
        Asked::new(Asking { purpose: Some(foreign), ..asking("TREAT", "access") }, PolicyDefault::Permit, None);
    assert_eq!(foreign.purpose(), "\nhttps://clinic.example/p|x\n");
    let nobody = Asked::new(Asking { purpose: None, ..asking("TREAT", "access") }, PolicyDefault::Permit, None);
    assert_eq!(nobody.purpose(), "\n\n");
}

#[test]
fn a_limit_to_one_patient_and_the_default_are_kept() {
    for default in [PolicyDefault::Permit, PolicyDefault::Deny] {
        let asked = Asked::new(asking("TREAT", "access"), default, Some("ada".into()));
        assert_eq!((asked.patient(), asked.default()), (Some("ada"), default));
    }
    assert_eq!(asked("TREAT", "access").patient(), None);
}

#[test]
fn officers_and_the_patient_itself_govern() {
    let plain = asked("TREAT", "access");
    assert!(plain.governs(Some("ada")) && !plain.governs(Some("ben")) && !plain.governs(None));
    let officer = plain.of_officer(true);
    assert!(officer.governs(Some("ben")) && officer.governs(None));
    assert!(!officer.of_officer(false).governs(Some("ben")));
}

#[test]
fn only_for_its_own_request_is_a_patient_its_own() {
    assert_eq!(asked("PATRQT", "access").own_patients().collect::<Vec<_>>(), ["ada"]);
    assert_eq!(asked("TREAT", "access").own_patients().count(), 0);
}

#[test]
fn a_deny_is_asked_for_more_actions_than_a_permit() {
    let bits = |action: &str, deny| asked("TREAT", action).actions(deny);
    let (access, used, disclosed) = (bits("access", false), bits("use", false), bits("disclose", false));
    let (collected, corrected) = (bits("collect", false), bits("correct", false));
    let all = [access, used, disclosed, collected, corrected];
    assert!(all.iter().all(|bit| bit.count_ones() == 1), "{all:?}");
    assert_eq!(all.iter().fold(0, |sum, bit| sum | bit).count_ones(), 5, "each is another");
    assert_eq!(bits("access", true), access | used | disclosed);
    assert_eq!(bits("correct", true), corrected | collected);
    assert_eq!(bits("collect", true), collected);
    assert_eq!(bits("sell", false), 0);
    assert_eq!(asked("TREAT", "access").with_action("collect").actions(false), collected);
}

#[test]
fn without_rules_statute_and_doubt_are_what_is_asked() {
    let normal = Labels::NORMAL.bits();
    let open = asked("TREAT", "access");
    assert!(open.is_permitted_without_rules(normal));
    assert!(!open.is_permitted_without_rules(0), "nobody has looked");
    for law in [Labels::PART2, Labels::PSYCHOTHERAPY] {
        assert!(!open.is_permitted_without_rules(normal | law.bits()));
    }
    let limited = Asked::new(asking("TREAT", "access"), PolicyDefault::Permit, Some("ada".into()));
    assert!(!limited.is_permitted_without_rules(normal));
    let closed = Asked::new(asking("TREAT", "access"), PolicyDefault::Deny, None);
    assert!(!closed.is_permitted_without_rules(normal));
}

#[test]
fn who_may_break_the_glass_is_named_whole() {
    let breaker =
        Breaker::new(Some("c"), &["Group/g".into(), "Practitioner/dr".into(), "Group/g".into()], "ETREAT").unwrap();
    assert_eq!(
        (breaker.caller(), breaker.actors(), breaker.purpose()),
        (Some("c"), "\nGroup/g\n\nPractitioner/dr\n", "ETREAT")
    );
    let other = Breaker::new(None, &["Group/\ng".into()], "TREAT").unwrap();
    assert_eq!((other.caller(), other.actors()), (None, ""), "what holds a fence is nobody's");
    assert_eq!(asked("TREAT", "access").breaking(Some(breaker.clone())).breaker(), Some(&breaker));
    assert_eq!(asked("TREAT", "access").breaker(), None);
}

fn caller(kind: CallerKind) -> Caller {
    Caller {
        id: "c".into(),
        client: None,
        kind,
        organization: OrganizationId(7),
        actors: vec!["Practitioner/dr".into()],
        officer: true,
        scoped: None,
    }
}

#[test]
fn a_permit_says_who_why_what_and_where() {
    let (caller, policy) = (caller(CallerKind::System), OrganizationPolicy::treatment_opt_out());
    let row =
        Law { labels: Labels::RESTRICTED, purposes: None, demand: Demand::Never, emergency: true, source: "s".into() };
    let statutes = Statutes::new(vec![row], Vec::new());
    let context = Context {
        action: Action::Read,
        caller: &caller,
        policy: &policy,
        purpose: Purpose::Treat,
        patient: None,
        application: Some(Application { at_ms: 5, may_break_glass: true }),
        observation: None,
        statutes: &statutes,
    };
    let permit = decide(&context).unwrap();
    assert_eq!(
        (permit.action(), permit.caller(), permit.organization(), permit.purpose()),
        (Action::Read, "c", OrganizationId(7), Purpose::Treat)
    );
    assert!(!permit.allows_change() && permit.observed().is_none());
    let Predicate::Consents(asked) = permit.predicate() else { panic!("Consents are applied") };
    assert_eq!(
        (asked.purpose(), asked.asking().at_ms, &*asked.asking().action, asked.patient()),
        ("\nTREAT\n", 5, "access", None)
    );
    assert_eq!(asked.demands().never, Labels::RESTRICTED);
    assert!(asked.governs(None) && asked.breaker().is_some_and(|breaker| breaker.caller() == Some("c")));
    assert!(!permit.predicate().is_unrestricted() && permit.predicate().admits(Some("anybody")));
    let whole = Context {
        application: Some(Application { at_ms: 5, may_break_glass: false }),
        patient: Some("ada"),
        ..context.clone()
    };
    let permit = decide(&Context { action: Action::Change, ..whole }).unwrap();
    let Predicate::Consents(asked) = permit.predicate() else { panic!("Consents are applied") };
    assert!(asked.breaker().is_none() && asked.patient() == Some("ada") && permit.allows_change());
    assert!(
        permit.predicate().admits(Some("ada"))
            && !permit.predicate().admits(Some("ben"))
            && !permit.predicate().admits(None)
    );
    let observed = Context { application: None, observation: context.application, ..context.clone() };
    let permit = decide(&observed).unwrap();
    assert!(permit.predicate().is_unrestricted() && matches!(permit.observed(), Some(Predicate::Consents(_))));
    let one = decide(&Context { application: None, patient: Some("ada"), ..context.clone() }).unwrap();
    assert_eq!(one.predicate(), &Predicate::Patient("ada".into()));
    assert!(!one.predicate().is_unrestricted() && one.predicate().admits(Some("ada")) && !one.predicate().admits(None));
    // Where Consents are applied, a default that denies is one of their layers, and no refusal.
    let research = Context { purpose: Purpose::Hresch, ..context.clone() };
    assert!(decide(&research).is_ok());
    assert_eq!(decide(&Context { application: None, ..research }).unwrap_err(), Refusal::DefaultDeny(Purpose::Hresch));
    assert!(Refusal::DefaultDeny(Purpose::Hresch).to_string().contains("HRESCH"));
    assert!(Refusal::NotTheGateway.to_string().contains("gateway"));
}

#[test]
fn upkeep_is_the_gateways_and_sees_all() {
    let (gateway, policy) = (caller(CallerKind::Gateway), OrganizationPolicy::deny_all());
    let application = Some(Application { at_ms: 5, may_break_glass: false });
    let statutes = Statutes::default();
    let context = Context {
        action: Action::Maintain,
        caller: &gateway,
        policy: &policy,
        purpose: Purpose::Hoperat,
        patient: None,
        application,
        observation: None,
        statutes: &statutes,
    };
    let permit = decide(&context).unwrap();
    assert!(permit.predicate().is_unrestricted() && permit.allows_change());
    for kind in [CallerKind::Operator, CallerKind::System] {
        let other = caller(kind);
        assert_eq!(decide(&Context { caller: &other, ..context.clone() }).unwrap_err(), Refusal::NotTheGateway);
    }
}

#[test]
fn words_of_the_trail_are_told_apart() {
    let words = [Action::Change, Action::Maintain, Action::Read].map(Action::as_str);
    assert_eq!(words, ["change", "maintain", "read"]);
    let kinds = [CallerKind::Gateway, CallerKind::Operator, CallerKind::System].map(CallerKind::as_str);
    assert_eq!(kinds, ["gateway", "operator", "system"]);
    for purpose in Purpose::ALL {
        assert_eq!(Purpose::parse(purpose.code()), Some(purpose));
    }
    assert_eq!(Purpose::parse("treat"), None);
}

#[test]
fn presets_permit_what_their_sources_say() {
    use Purpose::{Etreat, Hoperat, Hpaymt, Hresch, Patrqt, Pubhlth, Treat};
    let all = [Etreat, Hoperat, Hpaymt, Hresch, Patrqt, Pubhlth, Treat];
    for (policy, name, permitted) in [
        (OrganizationPolicy::treatment_opt_out(), "treatment-opt-out", &[Etreat, Hoperat, Hpaymt, Patrqt, Treat][..]),
        (OrganizationPolicy::opt_in(), "opt-in", &[Patrqt]),
        (OrganizationPolicy::pcf_basic_normal(), "pcf-basic-normal", &[Etreat, Treat]),
        (OrganizationPolicy::pcf_all_normal(), "pcf-all-normal", &all),
        (OrganizationPolicy::pcf_break_glass_only(), "pcf-break-glass-only", &[]),
        (OrganizationPolicy::deny_all(), "pcf-deny", &[]),
    ] {
        assert_eq!((policy.name(), policy.permitted()), (name, permitted));
        for purpose in all {
            let default = if permitted.contains(&purpose) { PolicyDefault::Permit } else { PolicyDefault::Deny };
            assert_eq!(policy.default_for(purpose), default, "{name} {purpose:?}");
        }
    }
}
