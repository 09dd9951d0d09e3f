-- The trail of a gateway of 2026-11-29, from before client, on_behalf, source and policy were filled: a write, a read, a read
-- without a token, a search, a read of what is not there. {t} is where the trail's tables lie. Its signature is left out with its key.
insert into {t}audit_events (organization_id, at, request, caller, purpose, interaction, type, id, patient, status, decision, chain, place, mark, client, on_behalf, source, version, policy) values
(1, 1795950894068, 'old-1', 'development', 'TREAT', 'update', 'Patient', 'old', 'old', 201, 'permit', 7242375049902536, 1, -5102070366563858094, null, null, null, 1, null),
(1, 1795950894088, 'old-2', 'development', 'TREAT', 'read', 'Patient', 'old', 'old', 200, 'permit', 7242375049902536, 2, 6336272141996939525, null, null, null, 1, null),
(1, 1795950894108, 'old-3', 'unauthenticated', 'TREAT', 'read', 'Patient', 'old', null, 401, 'unauthenticated', 7242375049902536, 3, 2166778442096479142, null, null, null, null, null),
(1, 1795950894120, 'old-4', 'development', 'TREAT', 'search', 'Patient', 'old', 'old', 200, 'permit', 7242375049902536, 4, 8090977359075364807, null, null, null, 1, null),
(1, 1795950894142, 'old-5', 'development', 'TREAT', 'read', 'Patient', 'none', null, 404, 'permit', 7242375049902536, 5, 7234037917801568142, null, null, null, null, null);
insert into {t}audit_chains (organization_id, chain, began, joined, before_count, before_root, head) values
(1, 7242375049902536, 1795950894068, '', 0, 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855', '1922d8730d66ebea1e09b0209c84b47ac171a71f9b571b34fea4faf7d9d30ee5');
insert into {t}audit_links (organization_id, chain, number, first, last, at, previous, root, head) values
(1, 7242375049902536, 1, 1, 1, 1795950894068, '1922d8730d66ebea1e09b0209c84b47ac171a71f9b571b34fea4faf7d9d30ee5', 'b931ce0895ea0952ce56bfcada24bac9ed2dcda60e7ef0337ba5c73cb08ff9c4', '69109eb1527d57302e4489645b4b94d0780e2e6b79ce076d17f1b69ef9a56a35'),
(1, 7242375049902536, 2, 2, 2, 1795950894088, '69109eb1527d57302e4489645b4b94d0780e2e6b79ce076d17f1b69ef9a56a35', '57eef5f12fee5905de9f293865904f358052f564294753c72fb43b01dea6c116', 'f284b64099fb3642ad25956ed957300fc2d83202844f5dafdc0d63e70f51727e'),
(1, 7242375049902536, 3, 3, 3, 1795950894108, 'f284b64099fb3642ad25956ed957300fc2d83202844f5dafdc0d63e70f51727e', '1e11f18354228ba61fb9467a3b417f14c4ee40830fa39cbb708a27c38723d530', '53fb110af19b8eac3174c95eac629ec7bf1aa3f245bcffa1b1d3fb42f42ab854'),
(1, 7242375049902536, 4, 4, 4, 1795950894120, '53fb110af19b8eac3174c95eac629ec7bf1aa3f245bcffa1b1d3fb42f42ab854', '7048ed0a4d6a4fc7d41388464f83cf89815223d77f741cd383e06ffef8c02451', '44987af8bee784973def271a51b3c548390cf285b7ba06bd70aed1fb1d2a2e46'),
(1, 7242375049902536, 5, 5, 5, 1795950894142, '44987af8bee784973def271a51b3c548390cf285b7ba06bd70aed1fb1d2a2e46', '646477289e44d78e91bef8d44f44b9f2c873131d8160970b931de8f59ef5a4d9', '20cb3bd5657b49eb26c1efea5db9e6d080531249d518c94368f3e61941f782fc');
