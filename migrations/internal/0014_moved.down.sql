alter table directory drop column moved;
