//! SNOMED CT: a snapshot of any edition in Release Format 2
//! (<https://confluence.ihtsdotools.org/display/DOCRELFMT>).

mod concepts;
mod descriptions;
mod edition;
mod files;
pub(crate) mod id;
mod refsets;
mod relationships;

use serde_json::{Value, json};
use terminology::index::{Draft, Kind};

use self::concepts::Concepts;
use self::edition::Modules;
use self::files::Files;
use crate::Loaded;
use crate::fault::Fault;
use crate::reading::{Progress, Reading};
use crate::report::Report;
use crate::source::Source;
use crate::stated::Texts;

const RELEASE: &str = "SNOMED CT";

/// Whether a snapshot is there, by the names of the files.
pub fn is_there(source: &Source) -> bool {
    files::is_there(source)
}

/// Reads a snapshot.
///
/// # Errors
/// [`Fault`]: a file cannot be read, is not there, or a row of it is not as it should be; the hierarchy runs in a circle.
pub fn load(source: &Source, progress: Progress<'_>) -> Result<Loaded, Fault> {
    let mut reading = Reading { source, report: Report::default(), progress };
    let files = Files::find(&reading)?;
    check(&files, &mut reading.report)?;
    let mut draft = Draft::new(Value::Null);
    let concepts = Concepts::read(&mut reading, &files.concepts, &mut draft)?;
    let modules = Modules::read(&mut reading, &files.dependencies)?;
    descriptions::read(&mut reading, &files, &concepts, &mut draft)?;
    concepts.pour(&mut draft)?;
    let mut properties = relationships::read(&mut reading, &files.relationships, &concepts, &mut draft)?
        .into_iter()
        .map(|name| (name, Kind::Code))
        .collect::<Vec<_>>();
    properties.extend(relationships::values(&mut reading, &files.values, &concepts, &mut draft)?);
    refsets::simple(&mut reading, &files.simple, &concepts, &mut draft)?;
    let associations = refsets::associations(&mut reading, &files.associations, &concepts, &mut draft)?;
    properties.extend(associations.into_iter().map(|name| (name, Kind::Code)));
    let mut maps = Texts::default();
    refsets::simple_maps(&mut reading, &files.simple_maps, &concepts, &mut maps)?;
    refsets::maps(&mut reading, (&files.maps, true), &concepts, &mut maps)?;
    refsets::maps(&mut reading, (&files.complex_maps, false), &concepts, &mut maps)?;
    properties.extend(refsets::pour_maps(maps, &mut draft)?.into_iter().map(|name| (name, Kind::String)));
    let version = modules.version(&concepts);
    draft.set_header(header(&version, &properties, &draft));
    Ok(Loaded { draft, report: reading.report })
}

/// Files that it cannot do without, and others that are not there.
fn check(files: &Files, report: &mut Report) -> Result<(), Fault> {
    let needed = [
        (&files.concepts, "sct2_Concept_Snapshot"),
        (&files.descriptions, "sct2_Description_Snapshot"),
        (&files.relationships, "sct2_Relationship_Snapshot"),
    ];
    for (list, file) in needed {
        if list.is_empty() {
            return Err(Fault::Missing { release: RELEASE, file });
        }
    }
    let others = [
        (&files.languages, "der2_cRefset_LanguageSnapshot", "no name is preferred in a language"),
        (&files.definitions, "sct2_TextDefinition_Snapshot", "definitions in words"),
        (&files.values, "sct2_RelationshipConcreteValues_Snapshot", "attributes with numbers and texts"),
        (&files.simple, "der2_Refset_SimpleSnapshot", "members of simple refsets"),
        (&files.associations, "der2_cRefset_AssociationSnapshot", "what stands for inactive concepts"),
        (&files.simple_maps, "der2_sRefset_SimpleMapSnapshot", "simple maps"),
        (&files.maps, "der2_iisssccRefset_ExtendedMapSnapshot", "maps by rules"),
        (&files.dependencies, "der2_ssRefset_ModuleDependencySnapshot", "which edition it is, for certain"),
    ];
    report
        .missing
        .extend(others.into_iter().filter(|(list, ..)| list.is_empty()).map(|(_, file, without)| (file, without)));
    Ok(())
}

/// The code system without its concepts.
fn header(version: &str, properties: &[(String, Kind)], draft: &Draft) -> Value {
    let concept = "http://hl7.org/fhir/concept-properties";
    let mut defined = vec![
        json!({"code": "inactive", "uri": format!("{concept}#inactive"), "type": "boolean"}),
        json!({"code": "sufficientlyDefined", "uri": "http://snomed.info/field/sufficientlyDefined", "type": "boolean"}),
        json!({"code": "moduleId", "uri": "http://snomed.info/field/moduleId", "type": "code"}),
        json!({"code": "effectiveTime", "uri": "http://snomed.info/field/effectiveTime", "type": "string"}),
        json!({"code": "parent", "uri": format!("{concept}#parent"), "type": "code"}),
        json!({"code": "child", "uri": format!("{concept}#child"), "type": "code"}),
        json!({"code": "memberOf", "description": "Simple reference sets that it is in", "type": "code"}),
    ];
    let mut sorted: Vec<&(String, Kind)> = properties.iter().collect();
    sorted.sort_by(|one, other| one.0.cmp(&other.0));
    // An attribute may have concepts here and numbers there; a property is defined once.
    sorted.dedup_by(|one, other| one.0 == other.0);
    defined.extend(sorted.into_iter().map(|(name, kind)| {
        let code = name.strip_prefix("map-").unwrap_or(name);
        let mut property = json!({"code": name, "type": of(*kind)});
        if code == name {
            property["uri"] = json!(format!("http://snomed.info/id/{code}"));
        }
        if let Some(display) = draft.find(code).map(|at| draft.display_of(at)).filter(|display| !display.is_empty()) {
            property["description"] = json!(display);
        }
        property
    }));
    json!({
        "resourceType": "CodeSystem",
        "url": "http://snomed.info/sct",
        "version": version,
        "name": "SNOMED_CT",
        "title": "SNOMED CT",
        "status": "active",
        "language": "en",
        "caseSensitive": true,
        "hierarchyMeaning": "is-a",
        "content": "complete",
        "property": defined,
    })
}

/// What FHIR calls a property's type.
fn of(kind: Kind) -> &'static str {
    match kind {
        Kind::Code => "code",
        Kind::Coding => "Coding",
        Kind::String => "string",
        Kind::Integer => "integer",
        Kind::Boolean => "boolean",
        Kind::DateTime => "dateTime",
        Kind::Decimal => "decimal",
    }
}
