-- select
select text(provenances.id), text(provenances.occurred_at), text(provenances.occurred_from), text(provenances.occurred_until), text(provenances.recorded_at), text(provenances.policy), text(provenances.location_id), text(provenances.reason), text(provenances.activity_system), text(provenances.activity_code), text(provenances.activity_display), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(provenances.location_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(provenances.location_id) and d.map is null)), text(provenances.fhir_residue), 'true', text(provenances.updated_at) from {keys} join provenances on provenances.id = k.key where provenances.organization_id = $1

-- insert
insert into provenances (id, organization_id, occurred_at, occurred_from, occurred_until, recorded_at, policy, location_id, reason, activity_system, activity_code, activity_display, fhir_residue, updated_at) values ($1, bigint($2), timestamptz($3), timestamptz($4), timestamptz($5), timestamptz($6), $7, $8, $9, $10, $11, $12, $13, timestamptz($14)), ($15, bigint($16), timestamptz($17), timestamptz($18), timestamptz($19), timestamptz($20), $21, $22, $23, $24, $25, $26, $27, timestamptz($28)) returning text(id), text(occurred_at), text(occurred_from), text(occurred_until), text(recorded_at), text(policy), text(location_id), text(reason), text(activity_system), text(activity_code), text(activity_display)

-- delete
delete from provenances where provenances.id in (select k.key from {keys}) and provenances.organization_id = $1

-- left over
select text(provenances.id) from {keys} join provenances on provenances.id = k.key where provenances.organization_id = $1 and (true)

-- child select
select text(provenance_targets.provenance_id), cast(null as text), cast(provenance_targets.position as bigint), text(provenance_targets.target), text(provenance_targets.label), text(provenance_targets.fhir_residue) from {keys} join provenance_targets on provenance_targets.provenance_id = k.key where provenance_targets.organization_id = $1

-- child insert
insert into provenance_targets (provenance_id, organization_id, position, target, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(provenance_id), text(target), text(label)

-- child delete all
delete from provenance_targets where provenance_targets.provenance_id in (select k.key from {keys}) and provenance_targets.organization_id = $1

-- child update
update provenance_targets set target = $4, label = $5, fhir_residue = $6 where provenance_targets.organization_id = $1 and provenance_targets.provenance_id = $2 and provenance_targets.position = integer($3) returning text(target), text(label)

-- child delete
delete from provenance_targets where provenance_targets.organization_id = $1 and provenance_targets.provenance_id = $2 and provenance_targets.position = integer($3)

-- child select
select text(provenance_agents.provenance_id), cast(null as text), cast(provenance_agents.position as bigint), text(provenance_agents.agent_system), text(provenance_agents.agent_type), text(provenance_agents.agent_display), text(provenance_agents.agent_text), text(provenance_agents.role_system), text(provenance_agents.role_code), text(provenance_agents.who), text(provenance_agents.who_name), text(provenance_agents.on_behalf_of_organization_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(provenance_agents.on_behalf_of_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(provenance_agents.on_behalf_of_organization_id) and d.map is null)), text(provenance_agents.fhir_residue) from {keys} join provenance_agents on provenance_agents.provenance_id = k.key where provenance_agents.organization_id = $1

-- child insert
insert into provenance_agents (provenance_id, organization_id, position, agent_system, agent_type, agent_display, agent_text, role_system, role_code, who, who_name, on_behalf_of_organization_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) returning text(provenance_id), text(agent_system), text(agent_type), text(agent_display), text(agent_text), text(role_system), text(role_code), text(who), text(who_name), text(on_behalf_of_organization_id)

-- child delete all
delete from provenance_agents where provenance_agents.provenance_id in (select k.key from {keys}) and provenance_agents.organization_id = $1

-- child update
update provenance_agents set agent_system = $4, agent_type = $5, agent_display = $6, agent_text = $7, role_system = $8, role_code = $9, who = $10, who_name = $11, on_behalf_of_organization_id = $12, fhir_residue = $13 where provenance_agents.organization_id = $1 and provenance_agents.provenance_id = $2 and provenance_agents.position = integer($3) returning text(agent_system), text(agent_type), text(agent_display), text(agent_text), text(role_system), text(role_code), text(who), text(who_name), text(on_behalf_of_organization_id)

-- child delete
delete from provenance_agents where provenance_agents.organization_id = $1 and provenance_agents.provenance_id = $2 and provenance_agents.position = integer($3)

