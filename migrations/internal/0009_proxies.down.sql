alter table consent_rules drop column not_labels;
