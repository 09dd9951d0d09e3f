//! Short lists of common given and family names, and of streets and towns that do not exist.

/// Given names with the administrative gender they go with.
pub(super) const FEMALE: &[&str] = &[
    "Amara", "Beatriz", "Chloe", "Dana", "Elena", "Fatima", "Grace", "Hannah", "Ingrid", "Jasmine", "Keiko", "Leila",
    "Maria", "Nora", "Olivia", "Priya", "Quinn", "Rosa", "Sofia", "Thuy", "Uma", "Vera", "Wanda", "Ximena", "Yara",
    "Zoë",
];

/// Given names, male.
pub(super) const MALE: &[&str] = &[
    "Ahmed", "Bruno", "Carlos", "David", "Ethan", "Felix", "Gabriel", "Hiro", "Isaac", "José", "Kwame", "Liam",
    "Miguel", "Nikolai", "Omar", "Pedro", "Quentin", "Rafael", "Samuel", "Tomás", "Ulrich", "Victor", "Walter",
    "Xavier", "Yusuf", "Zane",
];

/// Family names.
pub(super) const FAMILY: &[&str] = &[
    "Abbott",
    "Alvarez",
    "Andersen",
    "Banerjee",
    "Brooks",
    "Castillo",
    "Chen",
    "Cohen",
    "Dubois",
    "Edwards",
    "Fischer",
    "Garcia",
    "Haddad",
    "Ivanova",
    "Jackson",
    "Kim",
    "Kowalski",
    "Lindqvist",
    "Lopez",
    "Mbeki",
    "Müller",
    "Nguyen",
    "O'Brien",
    "Okafor",
    "Patel",
    "Reyes",
    "Rossi",
    "Sato",
    "Smith",
    "Tanaka",
    "Thompson",
    "Vargas",
    "Walker",
    "Yilmaz",
];

/// Streets.
pub(super) const STREETS: &[&str] = &[
    "Alder Loop",
    "Bluebird Lane",
    "Cinnamon Court",
    "Dandelion Drive",
    "Elderberry Way",
    "Foxglove Street",
    "Gristmill Road",
    "Hawthorn Avenue",
    "Juniper Terrace",
    "Larkspur Circle",
    "Millrace Road",
    "Windrow Street",
];

/// Towns (not on any map) with their state and a postal code that is not given out.
pub(super) const TOWNS: &[(&str, &str, &str)] = &[
    ("Alderbrook Falls", "MA", "00011"),
    ("Copper Hollow", "CO", "00021"),
    ("East Marrowby", "OH", "00031"),
    ("Fennimore Point", "WA", "00041"),
    ("Larkhaven", "TX", "00051"),
    ("Quillwater", "NY", "00061"),
];

/// Languages (BCP 47) patients prefer.
pub(super) const LANGUAGES: &[(&str, &str)] = &[
    ("en", "English"),
    ("en", "English"),
    ("en", "English"),
    ("es", "Spanish"),
    ("vi", "Vietnamese"),
    ("fr", "French"),
];
