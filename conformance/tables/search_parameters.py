#!/usr/bin/env python3
"""Writes mappers/src/search/table.rs and mappers/src/search/facts/table.rs from the definitions of FHIR R4 (4.0.1, CC0).

    conformance/tables/search_parameters.py [FOLDER WITH search-parameters.ndjson.gz AND structure-definitions.ndjson.gz]

Only facts are taken over: names, kinds, element paths, types. Expressions become member names of the JSON, choices
spelled out (`Observation.value as Quantity` is `valueQuantity`), so that nothing has to know FHIRPath at run time.
"""

import gzip
import json
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
DEFAULT = ROOT.parent / "shared/data/00-definitions/r4-core-4.0.1"
PARAMETERS = ROOT / "mappers/src/search/table.rs"
FACTS = ROOT / "mappers/src/search/facts/table.rs"
NOT_NORMATIVE = re.compile(r"example|-extensions-|-genetic-")
# Which element types a parameter of a kind can be read from; used where a choice is not narrowed.
READABLE = {
    "date": {"date", "dateTime", "instant", "Period", "Timing"},
    "number": {"decimal", "integer", "positiveInt", "unsignedInt", "Range"},
    "quantity": {"Quantity", "Age", "Count", "Distance", "Duration", "Money", "SimpleQuantity", "Range", "SampledData"},
    "reference": {"Reference", "canonical", "uri", "url", "Resource"},
    "string": {"string", "markdown", "HumanName", "Address"},
    "token": {"CodeableConcept", "Coding", "Identifier", "ContactPoint", "code", "boolean", "string", "uri", "id",
              "canonical", "url", "oid"},
    "uri": {"uri", "url", "canonical", "oid", "uuid"},
}
# Facts that neither the `patient` parameter nor the five-W mappings of the definitions tell.
FACT_PATHS = {
    ("Composition", "codes"): ["type"],
    ("Condition", "occurred"): ["onset", "recordedDate"],
    ("DocumentReference", "author"): ["author"],
    ("DocumentReference", "codes"): ["type"],
    ("DocumentReference", "occurred"): ["context.period", "date"],
    ("Encounter", "author"): ["participant.individual"],
    ("Encounter", "codes"): ["type"],
    ("EpisodeOfCare", "author"): ["careManager"],
    ("Flag", "occurred"): ["period"],
    ("Goal", "occurred"): ["start", "statusDate"],
    ("ImmunizationRecommendation", "occurred"): ["date"],
    ("MedicationAdministration", "author"): ["performer.actor"],
    ("MedicationDispense", "author"): ["performer.actor"],
    ("MedicationDispense", "occurred"): ["whenHandedOver", "whenPrepared"],
    ("Procedure", "author"): ["performer.actor", "recorder", "asserter"],
}
# Whose data a resource without such a parameter is.
PATIENTS = {"Binary": [("securityContext", "Reference", "Patient")]}
# About many patients, about none, or (Patient) known from the id.
NOBODYS = {"Group", "Patient", "Schedule"}


def ndjson(path):
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


class Structures:
    """Children and types of every element."""

    def __init__(self, rows):
        self.elements, self.mappings, self.resources = {}, {}, []
        for row in rows:
            if row.get("derivation") == "constraint" or row["kind"] not in ("resource", "complex-type"):
                continue
            if row["kind"] == "resource" and not row.get("abstract"):
                self.resources.append(row["type"])
            for element in row["snapshot"]["element"]:
                self.elements[element["path"]] = element
                for mapping in element.get("mapping") or []:
                    if mapping["identity"] == "w5":
                        key = (row["type"], mapping["map"].removeprefix("FiveWs.").removesuffix("[x]"))
                        self.mappings.setdefault(key, []).append(element["path"].split(".", 1)[1])
        self.resources.sort()

    def step(self, node, name, wanted):
        """From a definition path to its child `name`: [(JSON name, definition path, type)]."""
        element = self.elements.get(f"{node}.{name}") or self.elements.get(f"{node}.{name}[x]")
        if element is None:
            return []
        if "contentReference" in element:
            return [(name, element["contentReference"][1:], "BackboneElement")]
        found = []
        for kind in element.get("type", []):
            code = kind["code"].removeprefix("http://hl7.org/fhirpath/System.")
            if code == "String":  # Element.id, Resource.id and Extension.url
                code = "id"
            if element["path"].endswith("[x]"):
                if wanted and code != wanted:
                    continue
                found.append((name + code[0].upper() + code[1:], code, code))
            elif code in ("BackboneElement", "Element"):
                found.append((name, element["path"], "BackboneElement"))
            else:
                found.append((name, code, code))
        return found

    def walk(self, root, steps, wanted=None):
        """[(JSON path, type)] of a path of names; a name may carry a filter in brackets."""
        places = [("", root, "Resource")]
        for number, step in enumerate(steps):
            name, bracket, test = step.partition("[")
            last = number == len(steps) - 1
            onward = []
            for path, node, _ in places:
                for json_name, definition, kind in self.step(node, name, wanted if last else None):
                    onward.append((f"{path}.{json_name}{bracket}{test}".lstrip("."), definition, kind))
            places = onward
        return [(path, kind) for path, _, kind in places]


def branches(expression):
    """One expression's alternatives: (root, steps, wanted type or None, wanted target or None)."""
    for part in expression.split("|"):
        part = part.strip()
        if not part:
            continue
        only = re.search(r"\.where\(resolve\(\) is (\w+)\)$", part)
        if only:
            part = part[: only.start()]
        part = part.replace(".exists() and Patient.deceased != false", "")
        part = re.sub(r"\.where\((\w+)='([\w-]+)'\)", r"[\1=\2]", part)
        wanted = None
        cast = re.fullmatch(r"\((\S+) as (\w+)\)(?:\.(\w+))?", part) or re.fullmatch(r"(\S+)\.as\((\w+)\)(.*)", part)
        if cast:
            part, wanted = cast[1], cast[2]
            if cast[3]:
                part, wanted = f"{part}{wanted}.{cast[3]}", None
        steps = re.split(r"\.(?![^\[]*\])", part)
        yield steps[0], steps[1:], wanted, only and only[1]


def paths_of(structures, parameter, base):
    """[(path, type, wanted target)] of a parameter on one type."""
    found = []
    if parameter["type"] in ("composite", "special"):
        readable = None
    else:
        readable = READABLE[parameter["type"]]
    for root, steps, wanted, only in branches(parameter.get("expression") or ""):
        if root[0].islower():  # `id`, `name | alias`: relative to the resource
            root, steps = base, [root, *steps]
        if root != base:
            continue
        if steps and steps[0].startswith("valueCodeableConcept"):
            places = [("valueCodeableConcept.text", "string")]
        else:
            places = structures.walk(base, steps, wanted) if steps else []
        if readable and not wanted and parameter["code"] != "deceased":  # a date of death is a `true`
            places = [place for place in places if place[1] in readable]
        if parameter["code"] == "patient":
            only = "Patient"
        for place in places:
            if (*place, only) not in found:
                found.append((*place, only))
    return found


def targets_of(parameter, paths, resources):
    """Types a reference may name: `[]` means any."""
    if parameter["type"] != "reference":
        return []
    if parameter["code"] == "patient":
        return ["Patient"]
    if paths and all(path[2] for path in paths):
        return sorted({path[2] for path in paths})
    targets = sorted(set(parameter.get("target") or []))
    return [] if len(targets) >= len(resources) - 3 else targets


def variant(name):
    return name[0].upper() + name[1:]


def rust_path(path):
    text, kind, only = path
    return f'only("{text}", "{only}")' if only else f'at("{text}", E::{variant(kind)})'


def rust_list(items):
    return "&[" + ", ".join(items) + "]"


def parameter_rows(structures, parameters):
    names = {row["url"]: row["code"] for row in parameters}
    rows = {}
    for parameter in parameters:
        if NOT_NORMATIVE.search(parameter["id"]):
            continue
        for base in parameter["base"]:
            paths = paths_of(structures, parameter, base)
            targets = targets_of(parameter, paths, structures.resources)
            components = [names[part["definition"]] for part in parameter.get("component") or []]
            tail = components if parameter["type"] == "composite" else targets
            key = (base, parameter["code"])
            assert key not in rows, key
            rows[key] = (
                f'    {"compound" if components else "single"}("{base}.{parameter["code"]}", '
                f'K::{variant(parameter["type"])}, {rust_list(map(rust_path, paths))}, '
                f'{rust_list(json.dumps(name) for name in tail)}),'
            )
            if not paths and parameter["type"] not in ("composite", "special"):
                print("no path:", *key, parameter["type"], parameter.get("expression"), file=sys.stderr)
    return [rows[key] for key in sorted(rows)]


def compartment(folder, kind):
    for line in open(folder / "compartment-definitions.ndjson", encoding="utf-8"):
        row = json.loads(line)
        if row["code"] == "Patient":
            return next((entry.get("param", []) for entry in row["resource"] if entry["code"] == kind), [])
    return []


def fact_rows(structures, parameters, folder):
    by_key = {(base, row["code"]): row for row in parameters if not NOT_NORMATIVE.search(row["id"]) for base in row["base"]}

    def typed(kind, dotted, types):
        found = []
        for text in dotted:
            for path, code in structures.walk(kind, text.replace("[x]", "").split(".")):
                if code in types and (path, code, None) not in found:
                    found.append((path, code, None))
        return found

    def from_parameters(kind, names):
        for name in names:
            if (kind, name) in by_key:
                found = [path for path in paths_of(structures, by_key[kind, name], kind) if path[1] == "Reference"]
                if found:
                    return found
        return []

    for kind in structures.resources:
        w5 = lambda *names: [path for name in names for path in structures.mappings.get((kind, name), [])]
        fixed = lambda fact, otherwise: FACT_PATHS.get((kind, fact), otherwise)
        names = [] if kind in NOBODYS else ["patient", *compartment(folder, kind)]
        patient = [(path, code, "Patient") for path, code, _ in from_parameters(kind, names)] or PATIENTS.get(kind, [])
        author = typed(kind, fixed("author", w5("author", "actor", "source")), {"Reference"})
        encounter = [(path, code, "Encounter") for path, code, _ in from_parameters(kind, ["encounter", "context"])]
        occurred = typed(kind, fixed("occurred", [path for path in w5("init", "done", "planned", "recorded") if path.count(".") < 2]),
                         {"date", "dateTime", "instant", "Period"})
        codes = typed(kind, fixed("codes", [path for path in w5("what") if "." not in path]), {"CodeableConcept"})
        columns = [patient[:2], author[:3], encounter[:1], occurred[:4], codes[:2]]
        if any(columns):
            yield f'    row("{kind}", {", ".join(rust_list(map(rust_path, column)) for column in columns)}),'


def write(path, head, name, item, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = "\n".join([*head, f"pub(super) static {name}: &[{item}] = &[", *rows, "];", ""])
    path.write_text(text, encoding="utf-8")
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows", file=sys.stderr)


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else DEFAULT
    structures = Structures(ndjson(folder / "structure-definitions.ndjson.gz"))
    parameters = [row for row in ndjson(folder / "search-parameters.ndjson.gz") if row.get("base")]
    source = "//! Written by `conformance/tables/search_parameters.py` from the definitions of FHIR R4 (CC0): do not edit."
    types = ['    "' + '", "'.join(structures.resources[start:start + 6]) + '",' for start in range(0, len(structures.resources), 6)]
    rows = parameter_rows(structures, parameters)
    shapes = sorted(set(re.findall(r'at\("[^"]*", E::(\w+)\)', "\n".join(rows))))
    print("element types:", *shapes, file=sys.stderr)
    write(PARAMETERS, [source, "", "use super::parameters::{Definition, ElementType as E, ParameterKind as K, at, compound, only, single};", "",
                       "/// Every concrete resource type, sorted.", "pub(super) static RESOURCE_TYPES: &[&str] = &[", *types, "];", "",
                       "/// Every base search parameter, sorted by type and name."], "TABLE", "Definition", rows)
    write(FACTS, [source, "", "use super::{Row, row};", "use crate::search::parameters::{ElementType as E, at, only};", "",
                  "/// By type, sorted: patient, author, encounter, occurred, codes."], "TABLE", "Row", list(fact_rows(structures, parameters, folder)))


main()
