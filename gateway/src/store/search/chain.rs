//! Conditions on other resources: chains (<https://hl7.org/fhir/R4/search.html#chaining>) and `_has`
//! (<https://hl7.org/fhir/R4/search.html#has>). What the permit hides is not there to be followed.

use mappers::search::query::Test;

use super::compiler::{Compiler, Reach, any};
use super::source::{self, Source};
use crate::store::dialect;

/// That a row of the directory refers to a resource of which a test holds.
pub(super) fn refers(
    compiler: &mut Compiler<'_>,
    paths: &[i32],
    targets: &[(&'static str, Test)],
    directory: &str,
) -> String {
    let (row, target) = (compiler.alias("i"), compiler.alias("d"));
    let kinds: Vec<&str> = targets.iter().map(|(kind, _)| *kind).collect();
    let (at, visible) = (compiler.at(paths, &row, Reach::Row), compiler.visible(&target, &kinds));
    let holds = |(kind, test): &(&'static str, Test)| {
        let kind = compiler.of_kinds(&target, &[kind]);
        let holds = compiler.holds(test, &target);
        format!("({kind} and {holds})")
    };
    let holds = any(targets.iter().map(holds).collect());
    let join = dialect::join_in_order(compiler.engine);
    format!(
        "exists (select 1 from index_reference {row} {join} directory {target} on {} \
         where {row}.rid = {directory}.rid and {at} and {visible} and {holds}{})",
        names(&row, &target, &compiler.organization),
        compiler.barrier()
    )
}

/// That a resource of this type, of which a test holds, refers to a row of the directory.
pub(super) fn referred(
    compiler: &mut Compiler<'_>,
    kind: &'static str,
    paths: &[i32],
    test: &Test,
    directory: &str,
) -> String {
    let (row, holder) = (compiler.alias("i"), compiler.alias("d"));
    let (at, visible) = (compiler.at(paths, &row, Reach::All), compiler.visible(&holder, &[kind]));
    let (kind, holds) = (compiler.of_kinds(&holder, &[kind]), compiler.holds(test, &holder));
    let join = dialect::join_in_order(compiler.engine);
    format!(
        "exists (select 1 from index_reference {row} {join} directory {holder} on {holder}.rid = {row}.rid \
         where {at} and {row}.target_id = {directory}.id and {row}.target_type = {directory}.type \
         and {visible} and {kind} and {holds}{})",
        compiler.barrier()
    )
}

/// Row ids of what refers to resources of which a test holds.
pub(super) fn source_of_chain(
    compiler: &mut Compiler<'_>,
    paths: &[i32],
    targets: &[(&'static str, Test)],
) -> Option<String> {
    let mut sources = Vec::new();
    for (kind, test) in targets {
        let Source { sql, is_exact } = source::of(compiler, &[kind], test)?;
        let (row, target) = (compiler.alias("i"), compiler.alias("d"));
        let (at, visible) = (compiler.at(paths, &row, Reach::All), compiler.visible(&target, &[kind]));
        let kind = compiler.of_kinds(&target, &[kind]);
        let holds = if is_exact { "true".to_owned() } else { compiler.holds(test, &target) };
        let join = dialect::join_in_order(compiler.engine);
        sources.push(format!(
            "select {row}.rid from ({sql}) as s {join} directory {target} on {target}.rid = s.rid \
             {join} index_reference {row} on {row}.target_type = {target}.type and {row}.target_id = {target}.id \
             where {at} and {visible} and {kind} and {holds}"
        ));
    }
    Some(sources.join(" union all "))
}

/// Row ids of what resources refer to, of which a test holds.
pub(super) fn source_of_has(
    compiler: &mut Compiler<'_>,
    kind: &'static str,
    paths: &[i32],
    test: &Test,
) -> Option<String> {
    let Source { sql, is_exact } = source::of(compiler, &[kind], test)?;
    let (row, holder, target) = (compiler.alias("i"), compiler.alias("d"), compiler.alias("d"));
    let (at, visible) = (compiler.at(paths, &row, Reach::Row), compiler.visible_among_all(&holder, &[kind]));
    let kind = compiler.of_kinds(&holder, &[kind]);
    let holds = if is_exact { "true".to_owned() } else { compiler.holds(test, &holder) };
    let join = dialect::join_in_order(compiler.engine);
    Some(format!(
        "select {target}.rid from ({sql}) as s {join} directory {holder} on {holder}.rid = s.rid \
         {join} index_reference {row} on {row}.rid = {holder}.rid \
         {join} directory {target} on {} where {at} and {visible} and {kind} and {holds}",
        names(&row, &target, &compiler.organization)
    ))
}

/// That a reference's index row names a row of the directory.
pub(super) fn names(row: &str, target: &str, organization: &str) -> String {
    format!(
        "{target}.organization_id = {organization} and {target}.type = {row}.target_type and {target}.id = {row}.target_id"
    )
}
