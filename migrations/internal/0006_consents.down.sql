drop index directory_consents;
alter table directory drop column span_low;
alter table directory drop column span_high;
drop table consent_rule_related;
drop table consent_rules;
drop table consent_epochs;
