-- The same the other way round: what References say is in it again.
update search_parameters set state = 'indexing', at_type = '', at_rid = 0, percent = 0, looked_at = 0, unfit = 0 where state = 'ready';
update search_registry set version = version + 1;
