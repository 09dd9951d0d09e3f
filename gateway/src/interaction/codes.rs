//! Conditions that terminology must tell (`:in`, `:not-in`, `:above`, `:below`), turned into the codes they mean
//! (<https://hl7.org/fhir/R4/search.html#token>): by the `ValueSet`s and `CodeSystem`s that the store holds.

use hyper::StatusCode;
use mappers::search::Search;
use mappers::search::query::{CodeRelation, IndexTest, Test, TokenValue, Values};
use terminology::compose::{Composer, Member};
use terminology::library::Library;
use terminology::model::code_system::Content;
use terminology::model::parts;
use terminology::options::{Given, Options};

use crate::interaction::{Exchange, library};
use crate::outcome::{Code, Failure};

/// The most codes that one condition may mean.
const MOST_CODES: usize = 1000;
/// The most members of a value set of a release that are looked at for a condition: headings among them do not count in the end.
const MOST_LOOKED_AT: usize = 10 * MOST_CODES;
/// The same for a binding.
const MOST_BOUND: usize = 50_000;
/// Value sets that are asked about at once.
const TOGETHER: usize = 20;

/// Replaces every condition on codes by a list of tokens.
///
/// # Errors
/// 400 where a value set or code system is not known here, or means more codes than a search can ask for.
pub(crate) async fn resolve(exchange: &Exchange<'_>, search: &mut Search) -> Result<(), Failure> {
    let mut wanted: Vec<&mut Test> = search.tests.iter_mut().collect();
    while let Some(test) = wanted.pop() {
        match test {
            Test::All(tests) | Test::Any(tests) => wanted.extend(tests),
            Test::Chain { targets, .. } => wanted.extend(targets.iter_mut().map(|(_, test)| test)),
            Test::Has { test, .. } | Test::Not(test) => wanted.push(test),
            Test::Codes { paths, relation, values } => {
                let tokens = meant(exchange, *relation, values.to_vec()).await?;
                if tokens.len() > MOST_CODES {
                    return Err(refused(format!(
                        "The condition means more than {MOST_CODES} codes; ask for the codes themselves, in parts."
                    )));
                }
                *test = if tokens.is_empty() {
                    Test::Any(Vec::new())
                } else {
                    Test::Index(IndexTest { paths: std::mem::take(paths), values: Values::Tokens(tokens) })
                };
            }
            Test::Id(_) | Test::Index(_) | Test::LastUpdated(_) | Test::Near(_) | Test::Told(_) | Test::Together(_) => {
            }
        }
    }
    Ok(())
}

/// All that the values of a condition mean: one question, however many there are.
async fn meant(
    exchange: &Exchange<'_>,
    relation: CodeRelation,
    values: Vec<TokenValue>,
) -> Result<Vec<TokenValue>, Failure> {
    let question = move |library: &Library| -> Result<Vec<TokenValue>, String> {
        // All are asked before one is refused: what they lack is looked up together.
        let each: Vec<Result<Vec<TokenValue>, String>> =
            values.iter().map(|value| of_value(library, relation, value)).collect();
        each.into_iter().try_fold(Vec::new(), |mut all, tokens| {
            all.extend(tokens?);
            Ok(all)
        })
    };
    library::ask(exchange, Library::default(), question).await?.0.map_err(refused)
}

fn of_value(library: &Library, relation: CodeRelation, value: &TokenValue) -> Result<Vec<TokenValue>, String> {
    let code = value.code.as_deref().unwrap_or_default();
    match (relation, value.system.as_deref().filter(|system| !system.is_empty())) {
        (CodeRelation::In, _) => contained(library, code),
        (CodeRelation::Above | CodeRelation::Below, Some(system)) => related(library, relation, system, code),
        (CodeRelation::Above | CodeRelation::Below, None) => {
            Err("The codes above or below a code depend on its system; give system|code.".to_owned())
        }
    }
}

/// System and code of all that each of some value sets holds; `None` where it is not known, or what it is made of is not, or is more
/// than is looked at.
///
/// # Errors
/// What the store says.
pub(crate) async fn of_value_sets(
    exchange: &Exchange<'_>,
    canonicals: &[&str],
) -> Result<Vec<Option<Vec<(String, String)>>>, Failure> {
    let mut all = Vec::with_capacity(canonicals.len());
    for some in canonicals.chunks(TOGETHER) {
        let some: Vec<String> = some.iter().map(|&canonical| canonical.to_owned()).collect();
        let many = some.len();
        let question = move |library: &Library| -> Vec<Option<Vec<(String, String)>>> {
            let codes = |members: Vec<Member>| members.into_iter().map(|member| (member.system, member.code)).collect();
            some.iter().map(|canonical| members(library, canonical, MOST_BOUND).ok().map(codes)).collect()
        };
        match library::ask(exchange, Library::default(), question).await {
            Ok((found, _)) => all.extend(found),
            Err(failure) if failure.status == StatusCode::UNPROCESSABLE_ENTITY => all.extend(vec![None; many]),
            Err(failure) => return Err(failure),
        }
    }
    Ok(all)
}

/// The codes of a value set.
fn contained(library: &Library, canonical: &str) -> Result<Vec<TokenValue>, String> {
    // A heading is no code that something could be said by.
    let members = members(library, canonical, MOST_LOOKED_AT)?.into_iter().filter(|member| !member.is_abstract());
    Ok(members.map(|member| token(&member.system, &member.code)).collect())
}

/// The members of a value set; of one rule about a release no more than `most`.
fn members(library: &Library, canonical: &str, most: usize) -> Result<Vec<Member>, String> {
    let (url, version) = parts(canonical);
    let unknown = || "The value set is not known here; store it as a ValueSet, or ask for its codes.".to_owned();
    let set = library.set(url, version).ok_or_else(unknown)?;
    let options = Options::of(&Given::default(), None, Some(&set), library).map_err(|fault| fault.issue.text)?;
    let composer = Composer::new(library, &options);
    let untold = |why: &str| {
        format!(
            "The codes of the value set cannot be told: {why}. Store what is missing, or the set with its expansion."
        )
    };
    // Of a release it is known how many there are before any is made.
    let indexed = composer.indexed(&set).map_err(|fault| untold(&fault.issue.text))?;
    if let Some(many) = indexed.map(|indexed| indexed.len()).filter(|many| *many > most) {
        return Err(untold(&format!("there are {many}, more than {most}")));
    }
    let members = composer.members(&set).map_err(|fault| untold(&fault.issue.text))?;
    // Some of them would pass for all of them.
    match composer.used().partial.first() {
        Some(system) => Err(untold(&format!("the CodeSystem '{system}' is here in part"))),
        None => Ok(members),
    }
}

/// A code and all above or below it; the code alone where its system does not have it.
fn related(library: &Library, relation: CodeRelation, url: &str, code: &str) -> Result<Vec<TokenValue>, String> {
    let unknown = || "The code system is not known here; store it as a CodeSystem, or ask for the codes.".to_owned();
    let system = library.systems(url).into_iter().next().ok_or_else(unknown)?;
    if system.content != Content::Complete {
        return Err(
            "The code system is here in part, so what is above or below a code cannot be told; ask for the codes."
                .to_owned(),
        );
    }
    let mut tokens = vec![token(url, code)];
    if let Some(at) = system.find(code) {
        let others = if relation == CodeRelation::Above { system.above(at) } else { system.below(at) };
        // One more than may be tells that there are too many.
        tokens.extend(others.into_iter().take(MOST_CODES).map(|other| token(url, system.code(other))));
    }
    Ok(tokens)
}

fn token(system: &str, code: &str) -> TokenValue {
    TokenValue { system: Some(system).filter(|system| !system.is_empty()).map(Box::from), code: Some(code.into()) }
}

fn refused(text: String) -> Failure {
    Failure::bad_request(Code::NotSupported, text)
}
