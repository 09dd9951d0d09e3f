//! <https://hl7.org/fhir/R4/http.html#search>, with the parameters in the address or in a form.

mod place;

use mappers::json::write_string;
use mappers::search::{Handling, Ignored, Part, Results, Search, TotalMode, canonical, compartment};

use crate::http::{negotiation, preference};
use crate::interaction::codes;
use crate::interaction::cursor::Query;
use crate::interaction::searchset::{Head, Page};
use crate::interaction::{Answer, Exchange, Request, Touched, parameters as own_parameters, trail};
use crate::outcome::{self, Code, Failure, Issue, Severity};
use crate::router::Interaction;
use crate::store::{ResourceKey, SearchPage, SearchRequest, Version};

/// Matches per page where the client does not say.
pub(super) const COUNT: u32 = 50;

/// A page of matches.
pub(super) async fn search(exchange: &Exchange<'_>, request: &Request) -> Result<Answer, Failure> {
    let base = &exchange.endpoint.base;
    let query = parameters(request)?;
    let (mut search, results, ignored) =
        own_parameters::read(exchange, request.kind, &query, handling(request)).await?;
    check_format(&results)?;
    // A cursor belongs to what is searched for, not to how the page looks.
    let chosen = canonical(&search, &Results::default());
    within(&mut search, request, base);
    if trail::is_asked(request, &search) {
        return trail::search(exchange, trail::Asked { path: path(request), chosen, search, results, ignored }).await;
    }
    codes::resolve(exchange, &mut search).await?;
    page(exchange, Asked { path: path(request), chosen, search, results, ignored, count: COUNT }).await
}

/// What a page is of.
pub(crate) struct Asked {
    /// The path under the base.
    pub(crate) path: String,
    /// The parameters that choose the matches, encoded.
    pub(crate) chosen: String,
    /// What they mean.
    pub(crate) search: Search,
    /// How the page should look.
    pub(crate) results: Results,
    /// What was left out.
    pub(crate) ignored: Vec<Ignored>,
    /// Matches per page where the client does not say.
    pub(crate) count: u32,
}

/// A page of matches, with its links.
pub(crate) async fn page(exchange: &Exchange<'_>, asked: Asked) -> Result<Answer, Failure> {
    let endpoint = exchange.endpoint;
    let Asked { path, chosen, search, results, ignored, count } = asked;
    // Nor does it go on in the pages of a parameter of the organization's own that is another one since.
    let asked = if search.custom.is_empty() { chosen.clone() } else { format!("{chosen}#{:?}", search.custom) };
    let (organization, purpose) = (exchange.permit.organization().0, exchange.permit.purpose());
    let bound = Query { organization, path: &path, parameters: &asked, purpose };
    let after = match results.cursor.as_deref() {
        Some(text) => Some(endpoint.cursors.open_sealed(&bound, text, place::read)?),
        None => None,
    };
    let link = |results: &Results| link(&endpoint.base, &path, &chosen, results);
    let here = link(&results);
    let only_count = results.is_count_only();
    let wanted = SearchRequest {
        count: if only_count { 0 } else { results.count.unwrap_or(count) as usize },
        after,
        total: only_count || matches!(results.total, Some(TotalMode::Accurate | TotalMode::Estimate)),
        search,
    };
    let page = endpoint.gateway.store.search(&exchange.permit, &wanted).await?;
    let part = Part::of(&results).map(|part| (part, part.of_included()));
    let next = page.next.as_ref().map(|last| {
        let sealed = endpoint.cursors.seal(&bound, &place::write(last));
        link(&Results { cursor: Some(sealed.into()), ..results.clone() })
    });
    let frame = Frame { base: &endpoint.base, here: &here, part, ignored: &ignored };
    Ok(frame.answer(next.as_deref(), &page))
}

/// The answer of matches that have no other pages.
pub(crate) fn whole(
    exchange: &Exchange<'_>,
    here: &str,
    results: &Results,
    ignored: &[Ignored],
    page: &SearchPage,
) -> Answer {
    framed(exchange, (here, None), results, ignored, page)
}

/// The answer of matches of which the addresses of this page and the next are known.
pub(super) fn framed(
    exchange: &Exchange<'_>,
    (here, next): (&str, Option<&str>),
    results: &Results,
    ignored: &[Ignored],
    page: &SearchPage,
) -> Answer {
    let part = Part::of(results).map(|part| (part, part.of_included()));
    Frame { base: &exchange.endpoint.base, here, part, ignored }.answer(next, page)
}

/// The address of a page of what was chosen.
pub(super) fn link(base: &str, path: &str, chosen: &str, results: &Results) -> String {
    let shown = canonical(&Search::default(), results);
    let mark = if chosen.is_empty() || shown.is_empty() { "" } else { "&" };
    address(base, path, &format!("{chosen}{mark}{shown}"))
}

/// The path under the base.
fn path(request: &Request) -> String {
    let kind = request.kind.unwrap_or_default();
    match (request.compartment, request.id.as_deref()) {
        (Some(compartment), Some(id)) => {
            let kind = if kind.is_empty() { "*" } else { kind };
            format!("{compartment}/{id}/{kind}")
        }
        _ => kind.to_owned(),
    }
}

/// Limits a search to a compartment, where its address names one (<https://hl7.org/fhir/R4/http.html#vsearch>).
fn within(search: &mut Search, request: &Request, base: &str) {
    let (Some(owner), Some(id)) = (request.compartment, request.id.as_deref()) else { return };
    if search.kinds.is_empty() {
        search.kinds = compartment::members(owner).collect();
    }
    search.tests.extend(compartment::test(owner, id, &search.kinds, base));
}

/// Reads `Type/id`.
pub(super) fn resource(place: &str) -> Option<ResourceKey> {
    let (kind, id) = place.split_once('/')?;
    Some(ResourceKey { kind: kind.into(), id: id.into() })
}

/// The format of a form; that of an address was looked at before.
fn check_format(results: &Results) -> Result<(), Failure> {
    results.format.as_deref().map_or(Ok(()), |format| negotiation::of_parameter(format).map(|_| ()))
}

/// The parameters as one query; those of a form stand beside those of its address.
fn parameters(request: &Request) -> Result<String, Failure> {
    if request.interaction == Interaction::Search {
        return Ok(request.query.to_string());
    }
    let form = std::str::from_utf8(&request.body)
        .map_err(|_| Failure::bad_request(Code::Structure, "The form is not UTF-8."))?
        .trim();
    Ok(match (request.query.is_empty(), form.is_empty()) {
        (false, false) => format!("{}&{form}", request.query),
        (false, true) => request.query.to_string(),
        (true, _) => form.to_owned(),
    })
}

/// What is not understood is refused, unless the client wants it otherwise: a filter that is left out shows more than
/// was asked for.
pub(crate) fn handling(request: &Request) -> Handling {
    match request.preference.handling {
        Some(preference::Handling::Lenient) => Handling::Lenient,
        Some(preference::Handling::Strict) | None => Handling::Strict,
    }
}

/// What is the same for all entries of a page.
struct Frame<'f> {
    base: &'f str,
    here: &'f str,
    part: Option<(Part<'f>, Option<Part<'f>>)>,
    ignored: &'f [Ignored],
}

impl Frame<'_> {
    fn answer(&self, next: Option<&str>, page: &SearchPage) -> Answer {
        let versions = page.matches.iter().chain(&page.included);
        let size = versions.clone().map(|version| version.body.len() + self.base.len() + 160).sum();
        let mut bundle = Page::new(&Head { kind: "searchset", total: page.total, here: self.here, next }, size);
        for version in &page.matches {
            bundle.entry(|out| self.entry(out, version, self.part.map(|(part, _)| part), "match"));
        }
        for version in &page.included {
            bundle.entry(|out| self.entry(out, version, self.part.and_then(|(_, part)| part), "include"));
        }
        let issues = warnings(self.ignored, page.cut);
        if !issues.is_empty() {
            bundle.entry(|out| {
                out.extend_from_slice(br#""resource":"#);
                out.extend_from_slice(&outcome::outcome(&issues));
                out.extend_from_slice(br#","search":{"mode":"outcome"}"#);
            });
        }
        Answer::document(bundle.finish(), versions.map(Touched::of).collect())
    }

    fn entry(&self, out: &mut Vec<u8>, version: &Version, part: Option<Part<'_>>, mode: &str) {
        full_url(out, self.base, version);
        out.extend_from_slice(br#","resource":"#);
        match part {
            Some(part) => out.extend_from_slice(&part.cut(&version.body)),
            None => out.extend_from_slice(&version.body),
        }
        out.extend_from_slice(format!(r#","search":{{"mode":"{mode}"}}"#).as_bytes());
    }
}

/// `base/path?query`
pub(crate) fn address(base: &str, path: &str, query: &str) -> String {
    let slash = if path.is_empty() { "" } else { "/" };
    let mark = if query.is_empty() { "" } else { "?" };
    format!("{base}{slash}{path}{mark}{query}")
}

/// `"fullUrl":...`
pub(crate) fn full_url(out: &mut Vec<u8>, base: &str, version: &Version) {
    out.extend_from_slice(br#""fullUrl":"#);
    write_string(out, &format!("{base}/{}/{}", version.kind, version.id));
}

fn warnings(ignored: &[Ignored], cut: bool) -> Vec<Issue> {
    let left_out = ignored.iter().map(|ignored| Issue {
        expression: vec![format!("http.{}", ignored.parameter)],
        ..Issue::new(Severity::Warning, Code::NotSupported, ignored.details.clone())
    });
    let more = cut.then(|| {
        let text = "More resources belong to this page by _include or _revinclude than one answer may hold, and some are left \
                    out. Ask for fewer matches a page with _count.";
        Issue::new(Severity::Warning, Code::TooCostly, text)
    });
    left_out.chain(more).collect()
}
