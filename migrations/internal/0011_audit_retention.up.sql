-- How far chains of the trail were exported and dropped: all records and links up to `link`, whose head is `head`. Chain 0 stands
-- for records from before there were chains: `last` is their number, `head` their Merkle root. Signed as `heads` are.
create table audit_retired (
    organization_id bigint not null,
    chain           bigint not null,
    link            bigint not null,
    last            bigint not null,
    head            text not null,
    cutoff          bigint not null,
    made            bigint not null,
    manifest        text not null,
    signer          text not null,
    signature       text not null,
    primary key (organization_id, chain)
);
