-- Keys that the gateway signs ID tokens with. They are the gateway's, not an organization's. The private part is sealed under a key
-- that is not in the database, and goes when it signs no more. Times are in milliseconds since 1970 (UTC).
create table signing_keys (
    -- RFC 7638: the SHA-256 of the public key
    kid         text collate "C" not null primary key,
    algorithm   text not null,
    -- the public key: a JSON Web Key
    public      text not null,
    sealed      text,
    created     bigint not null,
    created_by  text not null,
    -- a new key is published before it signs, so that whoever keeps the key set has it in time
    signs_from  bigint not null,
    signs_until bigint,
    -- nobody trusts it any more, whatever it signed
    retired     bigint,
    retired_by  text
);

-- One key has no end: several processes that find none make one, and several that rotate do it once.
create unique index signing_keys_open on signing_keys (algorithm) where signs_until is null and retired is null;
