-- select
select text(consents.id), text(consents.status), text(consents.scope), text(consents.category_system), text(consents.category_code), text(consents.category_display), text(consents.patient_id), text(consents.consented_at), text(consents.performer), text(consents.custodian_organization_id), text(consents.source_document_id), text(consents.source_title), text(consents.source_url), text(consents.source_content_type), text(consents.policy_rule_system), text(consents.policy_rule_code), text(consents.verified), text(consents.verified_at), text(consents.provision_type), text(consents.valid_from), text(consents.valid_until), text(consents.data_from), text(consents.data_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(consents.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(consents.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(consents.custodian_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(consents.custodian_organization_id) and d.map is null)), (select d.id from directory d where d.organization_id = $1 and d.type = 'DocumentReference' and d.id = text(consents.source_document_id) and d.map is null), text(consents.fhir_residue), 'true', text(consents.updated_at) from {keys} join consents on consents.id = k.key where consents.organization_id = $1

-- insert
insert into consents (id, organization_id, status, scope, category_system, category_code, category_display, patient_id, consented_at, performer, custodian_organization_id, source_document_id, source_title, source_url, source_content_type, policy_rule_system, policy_rule_code, verified, verified_at, provision_type, valid_from, valid_until, data_from, data_until, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, timestamptz($9), $10, $11, $12, $13, $14, $15, $16, $17, boolean($18), timestamptz($19), $20, date($21), date($22), date($23), date($24), $25, timestamptz($26)), ($27, bigint($28), $29, $30, $31, $32, $33, $34, timestamptz($35), $36, $37, $38, $39, $40, $41, $42, $43, boolean($44), timestamptz($45), $46, date($47), date($48), date($49), date($50), $51, timestamptz($52)) returning text(id), text(status), text(scope), text(category_system), text(category_code), text(category_display), text(patient_id), text(consented_at), text(performer), text(custodian_organization_id), text(source_document_id), text(source_title), text(source_url), text(source_content_type), text(policy_rule_system), text(policy_rule_code), text(verified), text(verified_at), text(provision_type), text(valid_from), text(valid_until), text(data_from), text(data_until)

-- delete
delete from consents where consents.id in (select k.key from {keys}) and consents.organization_id = $1

-- left over
select text(consents.id) from {keys} join consents on consents.id = k.key where consents.organization_id = $1 and (true)

-- child select
select text(consent_policies.consent_id), cast(null as text), cast(consent_policies.position as bigint), text(consent_policies.authority), text(consent_policies.uri), text(consent_policies.fhir_residue) from {keys} join consent_policies on consent_policies.consent_id = k.key where consent_policies.organization_id = $1

-- child insert
insert into consent_policies (consent_id, organization_id, position, authority, uri, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(consent_id), text(authority), text(uri)

-- child delete all
delete from consent_policies where consent_policies.consent_id in (select k.key from {keys}) and consent_policies.organization_id = $1

-- child update
update consent_policies set authority = $4, uri = $5, fhir_residue = $6 where consent_policies.organization_id = $1 and consent_policies.consent_id = $2 and consent_policies.position = integer($3) returning text(authority), text(uri)

-- child delete
delete from consent_policies where consent_policies.organization_id = $1 and consent_policies.consent_id = $2 and consent_policies.position = integer($3)

-- child select
select text(consent_purposes.consent_id), cast(null as text), cast(consent_purposes.position as bigint), text(consent_purposes.system), text(consent_purposes.code), text(consent_purposes.display), text(consent_purposes.fhir_residue) from {keys} join consent_purposes on consent_purposes.consent_id = k.key where consent_purposes.organization_id = $1

-- child insert
insert into consent_purposes (consent_id, organization_id, position, system, code, display, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7) returning text(consent_id), text(system), text(code), text(display)

-- child delete all
delete from consent_purposes where consent_purposes.consent_id in (select k.key from {keys}) and consent_purposes.organization_id = $1

-- child update
update consent_purposes set system = $4, code = $5, display = $6, fhir_residue = $7 where consent_purposes.organization_id = $1 and consent_purposes.consent_id = $2 and consent_purposes.position = integer($3) returning text(system), text(code), text(display)

-- child delete
delete from consent_purposes where consent_purposes.organization_id = $1 and consent_purposes.consent_id = $2 and consent_purposes.position = integer($3)

-- child select
select text(consent_actors.consent_id), cast(null as text), cast(consent_actors.position as bigint), text(consent_actors.role_system), text(consent_actors.role_code), text(consent_actors.role_display), text(consent_actors.actor), text(consent_actors.actor_name), text(consent_actors.fhir_residue) from {keys} join consent_actors on consent_actors.consent_id = k.key where consent_actors.organization_id = $1

-- child insert
insert into consent_actors (consent_id, organization_id, position, role_system, role_code, role_display, actor, actor_name, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9) returning text(consent_id), text(role_system), text(role_code), text(role_display), text(actor), text(actor_name)

-- child delete all
delete from consent_actors where consent_actors.consent_id in (select k.key from {keys}) and consent_actors.organization_id = $1

-- child update
update consent_actors set role_system = $4, role_code = $5, role_display = $6, actor = $7, actor_name = $8, fhir_residue = $9 where consent_actors.organization_id = $1 and consent_actors.consent_id = $2 and consent_actors.position = integer($3) returning text(role_system), text(role_code), text(role_display), text(actor), text(actor_name)

-- child delete
delete from consent_actors where consent_actors.organization_id = $1 and consent_actors.consent_id = $2 and consent_actors.position = integer($3)

-- child select
select text(consent_actions.consent_id), cast(null as text), cast(consent_actions.position as bigint), text(consent_actions.system), text(consent_actions.code), text(consent_actions.display), text(consent_actions.action), text(consent_actions.fhir_residue) from {keys} join consent_actions on consent_actions.consent_id = k.key where consent_actions.organization_id = $1

-- child insert
insert into consent_actions (consent_id, organization_id, position, system, code, display, action, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8) returning text(consent_id), text(system), text(code), text(display), text(action)

-- child delete all
delete from consent_actions where consent_actions.consent_id in (select k.key from {keys}) and consent_actions.organization_id = $1

-- child update
update consent_actions set system = $4, code = $5, display = $6, action = $7, fhir_residue = $8 where consent_actions.organization_id = $1 and consent_actions.consent_id = $2 and consent_actions.position = integer($3) returning text(system), text(code), text(display), text(action)

-- child delete
delete from consent_actions where consent_actions.organization_id = $1 and consent_actions.consent_id = $2 and consent_actions.position = integer($3)

-- child select
select text(consent_classes.consent_id), cast(null as text), cast(consent_classes.position as bigint), text(consent_classes.system), text(consent_classes.code), text(consent_classes.display), text(consent_classes.fhir_residue) from {keys} join consent_classes on consent_classes.consent_id = k.key where consent_classes.organization_id = $1

-- child insert
insert into consent_classes (consent_id, organization_id, position, system, code, display, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7) returning text(consent_id), text(system), text(code), text(display)

-- child delete all
delete from consent_classes where consent_classes.consent_id in (select k.key from {keys}) and consent_classes.organization_id = $1

-- child update
update consent_classes set system = $4, code = $5, display = $6, fhir_residue = $7 where consent_classes.organization_id = $1 and consent_classes.consent_id = $2 and consent_classes.position = integer($3) returning text(system), text(code), text(display)

-- child delete
delete from consent_classes where consent_classes.organization_id = $1 and consent_classes.consent_id = $2 and consent_classes.position = integer($3)

-- child select
select text(consent_codes.consent_id), cast(null as text), cast(consent_codes.position as bigint), text(consent_codes.system), text(consent_codes.code), text(consent_codes.display), text(consent_codes.label), text(consent_codes.fhir_residue) from {keys} join consent_codes on consent_codes.consent_id = k.key where consent_codes.organization_id = $1

-- child insert
insert into consent_codes (consent_id, organization_id, position, system, code, display, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8) returning text(consent_id), text(system), text(code), text(display), text(label)

-- child delete all
delete from consent_codes where consent_codes.consent_id in (select k.key from {keys}) and consent_codes.organization_id = $1

-- child update
update consent_codes set system = $4, code = $5, display = $6, label = $7, fhir_residue = $8 where consent_codes.organization_id = $1 and consent_codes.consent_id = $2 and consent_codes.position = integer($3) returning text(system), text(code), text(display), text(label)

-- child delete
delete from consent_codes where consent_codes.organization_id = $1 and consent_codes.consent_id = $2 and consent_codes.position = integer($3)

-- child select
select text(consent_labels.consent_id), cast(null as text), cast(consent_labels.position as bigint), text(consent_labels.system), text(consent_labels.code), text(consent_labels.display), text(consent_labels.fhir_residue) from {keys} join consent_labels on consent_labels.consent_id = k.key where consent_labels.organization_id = $1

-- child insert
insert into consent_labels (consent_id, organization_id, position, system, code, display, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7) returning text(consent_id), text(system), text(code), text(display)

-- child delete all
delete from consent_labels where consent_labels.consent_id in (select k.key from {keys}) and consent_labels.organization_id = $1

-- child update
update consent_labels set system = $4, code = $5, display = $6, fhir_residue = $7 where consent_labels.organization_id = $1 and consent_labels.consent_id = $2 and consent_labels.position = integer($3) returning text(system), text(code), text(display)

-- child delete
delete from consent_labels where consent_labels.organization_id = $1 and consent_labels.consent_id = $2 and consent_labels.position = integer($3)

