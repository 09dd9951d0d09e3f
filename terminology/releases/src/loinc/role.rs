//! LOINC's files, told by their columns: names and folders change from release to release.

pub(super) use crate::table::Role;

/// The terms. The variants in other languages have no status.
pub(super) const TERMS: Role =
    Role { file: "LoincTable/Loinc.csv", columns: &[&["LOINC_NUM"], &["COMPONENT"], &["TIME_ASPCT"], &["STATUS"]] };

/// What a deprecated term was replaced by.
pub(super) const REPLACED: Role =
    Role { file: "LoincTable/MapTo.csv", columns: &[&["LOINC", "LOINC_NUM"], &["MAP_TO"]] };

/// The parts that terms are made of.
pub(super) const PARTS: Role = Role {
    file: "AccessoryFiles/PartFile/Part.csv",
    columns: &[&["PartNumber"], &["PartTypeName"], &["PartName"], &["PartDisplayName"]],
};

/// Which term is made of which part.
pub(super) const LINKS: Role = Role {
    file: "AccessoryFiles/PartFile/LoincPartLink_Primary.csv",
    columns: &[&["LoincNumber"], &["PartNumber"], &["PartTypeName"], &["LinkTypeName"]],
};

/// What parts are in other systems.
pub(super) const MAPPED: Role = Role {
    file: "AccessoryFiles/PartFile/PartRelatedCodeMapping.csv",
    columns: &[&["PartNumber"], &["ExtCodeId"], &["ExtCodeSystem"], &["Equivalence"]],
};

/// Lists of answers, and the answers.
pub(super) const ANSWERS: Role = Role {
    file: "AccessoryFiles/AnswerFile/AnswerList.csv",
    columns: &[&["AnswerListId"], &["AnswerListName"], &["AnswerStringId"]],
};

/// Which term is answered from which list.
pub(super) const ANSWERED: Role = Role {
    file: "AccessoryFiles/AnswerFile/LoincAnswerListLink.csv",
    columns: &[&["LoincNumber"], &["AnswerListId"], &["AnswerListLinkType"]],
};

/// What is below what.
pub(super) const HIERARCHY: Role = Role {
    file: "AccessoryFiles/ComponentHierarchyBySystem/ComponentHierarchyBySystem.csv",
    columns: &[&["IMMEDIATE_PARENT"], &["CODE"], &["CODE_TEXT"]],
};

/// Names for patients.
pub(super) const CONSUMER: Role =
    Role { file: "AccessoryFiles/ConsumerName/ConsumerName.csv", columns: &[&["LoincNumber"], &["ConsumerName"]] };

/// Names in another language.
pub(super) const VARIANT: Role = Role {
    file: "AccessoryFiles/LinguisticVariants/*LinguisticVariant.csv",
    columns: &[&["LOINC_NUM"], &["COMPONENT"], &["LONG_COMMON_NAME"], &["LinguisticVariantDisplayName"]],
};
