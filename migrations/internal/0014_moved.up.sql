-- The resource was another patient's once: its past versions are that one's data, and are shown to nobody to whom Consents apply.
alter table directory add column moved smallint not null default 0;
