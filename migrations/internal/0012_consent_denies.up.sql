-- Denies that can reach a resource without a sensitive label: whether a patient has one is asked of most rows that are shown.
create index consent_rules_denies on consent_rules (organization_id, patient) where deny = 1 and (labels is null or (labels & 15) <> 0);
