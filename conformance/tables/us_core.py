#!/usr/bin/env python3
"""Writes mappers/src/us_core/facts.txt from the definitions of US Core 6.1.0.

Which elements each profile wants supported, which it requires, and by which fixed codes a resource is known as one of
the profile: paths, types and codes, and nothing else of the definitions (no sentence, no display, no SNOMED CT, no CPT).

    python3 conformance/tables/us_core.py [../shared/data/00-definitions/us-core-610] > mappers/src/us_core/facts.txt
"""

import gzip
import json
import pathlib
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
CLINICAL = ("snomed", "ama-assn")
# The profile binds its code to a list instead of fixing it; this is the list's one code of LOINC.
BOUND = {"us-core-smokingstatus": ["?code.coding.code=72166-2"]}


def records(folder, name):
    for path in sorted(folder.glob(name + ".ndjson*")):
        opened = gzip.open(path, "rt", encoding="utf-8") if path.suffix == ".gz" else open(path, encoding="utf-8")
        with opened as lines:
            yield from (json.loads(line) for line in lines if line.strip())


def fixed(element):
    """The value that the profile fixes for an element, or None."""
    return next((value for key, value in element.items() if key.startswith(("fixed", "pattern"))), None)


def leaves(value, path=""):
    """(path, text) of every text in a fixed value; of a coding only what its code needs."""
    if isinstance(value, list):
        for one in value:
            yield from leaves(one, path)
    elif isinstance(value, dict):
        for name, one in value.items():
            if name != "display":
                yield from leaves(one, f"{path}.{name}" if path else name)
    elif isinstance(value, str):
        yield path, value


class Profile:
    def __init__(self, definition):
        self.definition = definition
        self.elements = definition["snapshot"]["element"]
        self.by_id = {element["id"]: element for element in self.elements}
        self.conditions = []

    def selector(self, identity):
        """What tells a slice's items from others, as a map's path says it; None where the profile does not fix it."""
        element = self.by_id[identity]
        pairs = [(path, text) for path, text in leaves(fixed(element))] if fixed(element) is not None else []
        for other in self.elements:
            inner = other["id"].removeprefix(identity + ".")
            if inner != other["id"] and ":" not in inner and "[x]" not in inner and fixed(other) is not None:
                pairs += [(f"{inner}.{path}" if path else inner, text) for path, text in leaves(fixed(other))]
        types = element.get("type", [])
        if types and types[0]["code"] == "Extension" and types[0].get("profile"):
            pairs = [("url", types[0]["profile"][0])]
        if any(word in text for _, text in pairs for word in CLINICAL):
            return None
        codes = [pair for pair in pairs if pair[0].split(".")[-1] in ("code", "url")]
        return (codes or pairs or [None])[0]

    def path(self, identity):
        """An element as a map's path names it, or None where its slice has no fixed discriminator."""
        steps, at = [], self.definition["type"]
        for step in identity.split(".")[1:]:
            at += "." + step
            name, _, slice_name = step.partition(":")
            if name.endswith("[x]"):
                types = [one["code"] for one in self.by_id[at].get("type", [])]
                stem = name.removesuffix("[x]")
                steps.append(stem + types[0][0].upper() + types[0][1:] if len(types) == 1 else name)
            elif slice_name:
                pair = self.selector(at)
                if pair is None:
                    return None
                steps.append(f"{name}[{pair[0]}={pair[1]}]")
            else:
                steps.append(name)
        return ".".join(steps)

    def condition(self, element):
        """Fixed codes of `code` and of required slices of `category`: by them a resource is known as one of the profile."""
        identity = element["id"].split(".", 1)[1]
        if identity == "code" and fixed(element) is not None:
            yield from (f"?code.{path}={text}" for path, text in leaves(fixed(element)) if path == "coding.code")
        if identity.startswith("code.coding:") and identity.count(".") == 1 and element["min"] > 0 and not self.conditions:
            # The first code names the profile; further ones are asked for beside it.
            self.conditions.append(identity)
            yield f"?code.coding.code={self.selector(element['id'])[1]}"
        if identity.startswith("category:") and "." not in identity and element["min"] > 0:
            pair = self.selector(element["id"])
            if pair is not None:
                yield f"?category.{pair[0]}={pair[1]}"

    def line(self):
        words = [self.definition["id"], self.definition["type"]] + BOUND.get(self.definition["id"], [])
        for element in self.elements[1:]:
            words += self.condition(element)
        for element in self.elements[1:]:
            added = element["min"] > 0 and self.requires(element)
            if not (element.get("mustSupport") or added):
                continue
            path = self.path(element["id"])
            if path is None or path.count("extension") > 1:
                continue
            word = ("" if element.get("mustSupport") else "~") + path + ("!" if element["min"] > 0 else "")
            if word not in words:
                words.append(word)
        words = [word for word in words if not (word.startswith("~") and word[1:] in words)]
        assert not any(" " in word for word in words), words
        return " ".join(words)

    def requires(self, element):
        """Whether it is the profile, and not R4, that requires the element."""
        base = element.get("base", {})
        return base.get("min", 0) == 0 and ":" not in element["id"].rsplit(".", 1)[-1]


def main():
    folder = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "../shared/data/00-definitions/us-core-610"
    print("# Must-support and required elements of US Core 6.1.0 (CC0). Generated by conformance/tables/us_core.py; do not edit.")
    print("# profile type ?path=code (a resource of the profile has it) path[!] (! = required where its parent is there)")
    print("# ~path! = required and not must-support; a slice is named by what the profile fixes in it: name[path=value]")
    for definition in sorted(records(folder, "structure-definitions"), key=lambda one: (one["type"], one["id"])):
        if definition.get("kind") == "resource" and definition.get("derivation") == "constraint":
            print(Profile(definition).line())


if __name__ == "__main__":
    main()
