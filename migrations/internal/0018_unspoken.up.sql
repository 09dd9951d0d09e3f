-- What References say of resources that Consents can hide is not in the index of an organization's own search parameters any more:
-- they are indexed anew.
update search_parameters set state = 'indexing', at_type = '', at_rid = 0, percent = 0, looked_at = 0, unfit = 0 where state = 'ready';
update search_registry set version = version + 1;
