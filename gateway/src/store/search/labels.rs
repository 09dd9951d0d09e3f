//! Which profiles, security labels and tags are in use: `$meta` of a type and of all
//! (<https://hl7.org/fhir/R4/resource-operation-meta.html>). The index tells; no resource is read for it but those that
//! have a name too long for the index.

use consent::Permit;
use mappers::json::Document;
use mappers::labels::{self, LISTS, Name};
use mappers::search::parameters;

use super::compiler::{Compiler, Reach};
use super::statement::Statement;
use super::{of_keys, version};
use crate::store::Store;
use crate::store::core::Core;
use crate::store::dialect;
use crate::store::error::StoreError;
use crate::store::index::{self, key};
use crate::store::reading::Reading;

/// The most labels that one answer names.
const MOST: usize = 5000;
/// The most of them that a resource is read for.
const LONG: usize = 16;

/// The labels in use, each once, in order: those of each of [`LISTS`].
pub type Labels = [Vec<Name>; 3];

impl Store {
    /// The labels of what the permit shows, of one type or of all; `None` where there are too many to name. A profile with
    /// a version is named with and without it, as searches find it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn labels(&self, permit: &Permit, kind: Option<&'static str>) -> Result<Option<Labels>, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        let statement = in_use(self.core(), permit, kind);
        let rows = reading.fetch(&statement.sql, &statement.args()).await?;
        let mut found = Labels::default();
        let mut long: Vec<(usize, Name, i64)> = Vec::new();
        for row in &rows {
            let text = |column| row.text(column).unwrap_or_default().to_owned();
            let Some(list) = row.int(0).and_then(list_at) else { continue };
            let name = Name { system: text(1), code: text(2) };
            if index::is_cut(&name.system) || index::is_cut(&name.code) {
                long.push((list, name, row.int(3).unwrap_or_default()));
            } else {
                found[list].push(name);
            }
        }
        if rows.len() > MOST || long.len() > LONG {
            reading.finish();
            return Ok(None);
        }
        whole(self.core(), permit, &long, &mut found, &mut reading).await?;
        reading.finish();
        for names in &mut found {
            names.sort_unstable();
            names.dedup();
        }
        Ok(Some(found))
    }

    /// How [`Store::labels`] would be answered: its statement, and what the database says of it.
    ///
    /// # Errors
    /// [`StoreError`] where the database does not answer.
    pub async fn explain_labels(&self, permit: &Permit, kind: Option<&'static str>) -> Result<String, StoreError> {
        let mut reading = self.snapshot(permit).await?;
        let text = super::page::told(self.core(), &in_use(self.core(), permit, kind), &mut reading).await?;
        reading.finish();
        Ok(text)
    }
}

/// Names that the index has cut, from a resource that carries each.
async fn whole(
    core: &Core,
    permit: &Permit,
    long: &[(usize, Name, i64)],
    found: &mut Labels,
    reading: &mut Reading,
) -> Result<(), StoreError> {
    if long.is_empty() {
        return Ok(());
    }
    let mut rids: Vec<i64> = long.iter().map(|(_, _, rid)| *rid).collect();
    rids.sort_unstable();
    rids.dedup();
    let mut compiler = Compiler::new(core, permit);
    let sql = of_keys(&mut compiler, &[]);
    for row in reading.fetch_by_rids(&sql, &compiler.statement.args(), &rids).await? {
        let version = version(permit, &row, 1)?;
        let Ok(document) = Document::parse(&version.body) else { continue };
        let Some(meta) = document.root().member("meta") else { continue };
        for (list, cut, _) in long.iter().filter(|(_, _, rid)| row.int(0) == Some(*rid)) {
            let is_it = |name: &Name| key(&name.system) == cut.system.as_str() && key(&name.code) == cut.code.as_str();
            found[*list].extend(labels::names(meta, LISTS[*list]).find(is_it));
        }
    }
    Ok(())
}

fn in_use(core: &Core, permit: &Permit, kind: Option<&'static str>) -> Statement {
    let mut compiler = Compiler::new(core, permit);
    let paths: Vec<i32> = LISTS.into_iter().flat_map(paths).collect();
    let at = compiler.at(&paths, "i", Reach::All);
    let (visible, kinds) = (compiler.visible("d", kind.as_slice()), compiler.of_kinds("d", kind.as_slice()));
    let join = dialect::join_in_order(compiler.engine);
    compiler.statement.sql = format!(
        "select i.path, i.system, i.code, min(i.rid) from index_token i {join} directory d on d.rid = i.rid \
         where {at} and {visible} and {kinds} group by i.path, i.system, i.code limit {}",
        MOST + 1
    );
    compiler.statement
}

/// The places of a list in the index.
fn paths(list: &str) -> Vec<i32> {
    let definition = parameters::definition(parameters::COMMON, &format!("_{list}"));
    definition.map(|definition| definition.index_paths().collect()).unwrap_or_default()
}

fn list_at(path: i64) -> Option<usize> {
    LISTS.iter().position(|list| paths(list).iter().any(|own| i64::from(*own) == path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_its_place() {
        for (number, list) in LISTS.iter().enumerate() {
            let paths = paths(list);
            assert_eq!(paths.len(), 1, "{list}");
            assert_eq!(list_at(paths[0].into()), Some(number));
        }
    }
}
