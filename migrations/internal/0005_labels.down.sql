drop index directory_hears;
drop index directory_unlabelled;
alter table directory drop column hears;
alter table directory drop column labels_ever;
drop table encounter_labels;
drop table labellings;
