//! Conditions that terminology must tell (`:in`, `:not-in`, `:above`, `:below`), turned into the codes they mean
//! (<https://hl7.org/fhir/R4/search.html#token>): by the `ValueSet`s and `CodeSystem`s that the store holds.

mod code_system;
mod value_set;

use mappers::search::Search;
use mappers::search::query::{CodeRelation, IndexTest, Test, TokenValue, Values};

use crate::interaction::Exchange;
use crate::interaction::canonical::canonical;
use crate::outcome::{Code, Failure};

/// The most codes that one condition may mean.
const MOST_CODES: usize = 1000;

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
                let mut tokens = Vec::new();
                for value in values.iter() {
                    tokens.extend(meant(exchange, *relation, value).await?);
                }
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

async fn meant(
    exchange: &Exchange<'_>,
    relation: CodeRelation,
    value: &TokenValue,
) -> Result<Vec<TokenValue>, Failure> {
    let code = value.code.as_deref().unwrap_or_default();
    match relation {
        CodeRelation::In => {
            let set = canonical(exchange, "ValueSet", code).await?.ok_or_else(|| {
                refused("The value set is not known here; store it as a ValueSet, or ask for its codes.".to_owned())
            })?;
            value_set::codes(&set).map_err(refused)
        }
        CodeRelation::Above | CodeRelation::Below => {
            let system = value.system.as_deref().filter(|system| !system.is_empty()).ok_or_else(|| {
                refused("The codes above or below a code depend on its system; give system|code.".to_owned())
            })?;
            let found = canonical(exchange, "CodeSystem", system).await?.ok_or_else(|| {
                refused("The code system is not known here; store it as a CodeSystem, or ask for the codes.".to_owned())
            })?;
            Ok(code_system::related(&found, relation, system, code))
        }
    }
}

fn refused(text: String) -> Failure {
    Failure::bad_request(Code::NotSupported, text)
}
