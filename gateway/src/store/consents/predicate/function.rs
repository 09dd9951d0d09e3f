//! The whole decision as a function of PostgreSQL. As an expression it has a dozen subqueries, and planning them took 8 ms, starting
//! them a quarter of one.

use std::sync::LazyLock;

use consent::Labels;

use super::Span;
use super::whole::{Masks, Terms, Texts};

/// Its name.
const NAME: &str = "fhir_gateway.consents_permit";

/// Parameters: of the row, then of the request.
const ROW: [(&str, &str); 12] = [
    ("organization_id", "bigint"),
    ("rid", "bigint"),
    ("type", "text"),
    ("id", "text"),
    ("patient", "text"),
    ("author", "text"),
    ("labels", "bigint"),
    ("labels_ever", "bigint"),
    ("deleted", "smallint"),
    ("version", "bigint"),
    ("span_low", "bigint"),
    ("span_high", "bigint"),
];
const REQUEST: [(&str, &str); 11] = [
    ("now", "bigint"),
    ("purpose", "text"),
    ("actors", "text[]"),
    ("own", "text[]"),
    ("permits", "bigint"),
    ("denies", "bigint"),
    ("default_permits", "boolean"),
    ("never", "bigint"),
    ("consent", "bigint"),
    ("named", "bigint"),
    ("glass", "boolean"),
];

/// What makes the functions; to be run by their owner.
pub(crate) static STATEMENTS: LazyLock<String> =
    LazyLock::new(|| [Span::Current, Span::Ever].map(|span| function(&terms(span))).join("\n"));

fn name(span: Span) -> String {
    match span {
        Span::Current => NAME.to_owned(),
        Span::Ever => format!("{NAME}_ever"),
    }
}

/// The same decision as [`Terms::permit`], rule by rule. A Consent's exceptions come before its base rule, denies before permits: the first
/// that matches is what the Consent comes to.
fn function(terms: &Terms<'_>) -> String {
    let parameters: Vec<String> = ROW.iter().chain(&REQUEST).map(|(name, kind)| format!("d_{name} {kind}")).collect();
    let [plain_deny, codes_deny, data_deny] = terms.parts("r", true);
    let [plain_permit, codes_permit, data_permit] = terms.parts("r", false);
    format!(
        "drop function if exists {name};
create function {name} ({parameters}) returns boolean
language plpgsql stable parallel safe security invoker cost 10000 as $$
declare
    r fhir_gateway.consent_rules;
    consent bigint;
    matched boolean;
    blocked boolean := false;
    excepted boolean := false;
    denied boolean := false;
    permitted boolean := false;
    psychotherapy boolean := false;
    named bigint := 0;
    own_labels bigint := {labels};
begin
    for r in select c.* from fhir_gateway.consent_rules c
        where c.organization_id = d_organization_id and c.patient = d_patient order by c.rid, c.nested desc, c.deny desc
    loop
        if consent is distinct from r.rid then
            consent := r.rid;
            blocked := false;
            excepted := false;
        end if;
        if r.deny = 1 then
            matched := {plain_deny};
            if matched and r.codes is not null then matched := {codes_deny}; end if;
            if matched and r.data is not null then matched := {data_deny}; end if;
            if matched then
                blocked := true;
                denied := denied or not excepted;
            end if;
        elsif not blocked then
            matched := {plain_permit};
            if matched and r.codes is not null then matched := {codes_permit}; end if;
            if matched and r.data is not null then matched := {data_permit}; end if;
            if matched then
                excepted := excepted or r.nested = 1;
                permitted := true;
                psychotherapy := psychotherapy or r.psychotherapy = 1;
                named := named | coalesce(r.labels, 0);
            end if;
        end if;
    end loop;
    if (own_labels & {never}) <> 0 then return false; end if;
    if (own_labels & {consent}) <> 0 and not ({own} or permitted) then return false; end if;
    if (own_labels & {named} & ~named) <> 0 and not {own} then return false; end if;
    if (own_labels & {psychotherapy}) <> 0 and not ({author} or psychotherapy) then return false; end if;
    return {glass} or {own} or (not denied and ({default} or permitted)) or (not {default} and {nobodys});
end $$;
revoke all on function {name} from public;
grant execute on function {name} to fhir_gateway_app;",
        name = name(terms.span),
        parameters = parameters.join(", "),
        labels = terms.any_labels(),
        psychotherapy = Labels::PSYCHOTHERAPY.bits(),
        never = terms.demands.never,
        consent = terms.demands.consent,
        named = terms.demands.named,
        own = terms.is_own(),
        author = terms.is_author(),
        glass = terms.glass,
        default = terms.default_permits,
        nobodys = terms.is_nobodys(),
    )
}

fn terms(span: Span) -> Terms<'static> {
    let name = |name: &str| format!("d_{name}");
    Terms {
        d: "d_",
        schema: "fhir_gateway.",
        span,
        now: name("now"),
        purpose: name("purpose"),
        actors: Texts::Array(name("actors")),
        authors: Texts::Array(name("actors")),
        own: Texts::Array(name("own")),
        permits: name("permits"),
        denies: name("denies"),
        default_permits: name("default_permits"),
        demands: Masks { never: name("never"), consent: name("consent"), named: name("named"), each: Vec::new() },
        glass: name("glass"),
    }
}

/// The call for a row and a request.
pub(super) fn call(terms: &Terms<'_>) -> String {
    let row = ROW.map(|(name, kind)| format!("{}{name}::{kind}", terms.d)).join(", ");
    let array = |texts: &Texts| match texts {
        Texts::Each(texts) => format!("array[{}]::text[]", texts.join(", ")),
        Texts::Array(array) => array.clone(),
    };
    let Terms { now, purpose, authors, own, permits, denies, default_permits, demands, glass, .. } = terms;
    let Masks { never, consent, named, .. } = demands;
    let (name, actors, own) = (name(terms.span), array(authors), array(own));
    format!(
        "{name}({row}, {now}, {purpose}, {actors}, {own}, {permits}, {denies}, {default_permits}, {never}, {consent}, \
         {named}, {glass})"
    )
}
