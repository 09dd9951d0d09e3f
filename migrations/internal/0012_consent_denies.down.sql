drop index consent_rules_denies;
