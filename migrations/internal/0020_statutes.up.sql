-- The customer's table of law, as it was signed; the last of them is in force. Whoever can write to the database cannot make one: the
-- key that may sign is named to the gateway, and never here alone.
create table statutes (
    id        bigint not null primary key,
    document  text not null,
    signed_by text not null,
    signer    text not null,
    signature text not null,
    kept_at   bigint not null
);
