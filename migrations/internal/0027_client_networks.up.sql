-- Networks (CIDR) from which a client is answered; words with spaces between. None: from anywhere.
alter table oauth_clients add column networks text not null default '';
