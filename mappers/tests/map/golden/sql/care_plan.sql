-- select
select text(care_plans.id), text(care_plans.status), text(care_plans.intent), text(care_plans.category), text(care_plans.category_text), text(care_plans.title), text(care_plans.description), text(care_plans.patient_id), text(care_plans.encounter_id), text(care_plans.starts_on), text(care_plans.ends_on), text(care_plans.created_at), text(care_plans.author_id), text(care_plans.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(care_plans.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(care_plans.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('encounter') and d.key = text(care_plans.encounter_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(care_plans.encounter_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('practitioner') and d.key = text(care_plans.author_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(care_plans.author_id) and d.map is null)), text(care_plans.fhir_residue), 'true', text(care_plans.updated_at) from {keys} join care_plans on care_plans.id = k.key where care_plans.organization_id = $1

-- insert
insert into care_plans (id, organization_id, status, intent, category, category_text, title, description, patient_id, encounter_id, starts_on, ends_on, created_at, author_id, note, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, date($11), date($12), timestamptz($13), $14, $15, $16, timestamptz($17)), ($18, bigint($19), $20, $21, $22, $23, $24, $25, $26, $27, date($28), date($29), timestamptz($30), $31, $32, $33, timestamptz($34)) returning text(id), text(status), text(intent), text(category), text(category_text), text(title), text(description), text(patient_id), text(encounter_id), text(starts_on), text(ends_on), text(created_at), text(author_id), text(note)

-- delete
delete from care_plans where care_plans.id in (select k.key from {keys}) and care_plans.organization_id = $1

-- left over
select text(care_plans.id) from {keys} join care_plans on care_plans.id = k.key where care_plans.organization_id = $1 and (true)

-- child select
select text(care_plan_activities.care_plan_id), cast(null as text), cast(care_plan_activities.position as bigint), text(care_plan_activities.service_request_id), text(care_plan_activities.kind), text(care_plan_activities.code_system), text(care_plan_activities.code), text(care_plan_activities.display), text(care_plan_activities.name), text(care_plan_activities.status), text(care_plan_activities.status_reason), text(care_plan_activities.do_not_perform), text(care_plan_activities.scheduled_text), text(care_plan_activities.scheduled_from), text(care_plan_activities.scheduled_until), text(care_plan_activities.location_id), text(care_plan_activities.performer_id), text(care_plan_activities.description), text(care_plan_activities.progress), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('orders') and d.key = text(care_plan_activities.service_request_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'ServiceRequest' and d.id = text(care_plan_activities.service_request_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(care_plan_activities.location_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(care_plan_activities.location_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('practitioner') and d.key = text(care_plan_activities.performer_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(care_plan_activities.performer_id) and d.map is null)), text(care_plan_activities.fhir_residue) from {keys} join care_plan_activities on care_plan_activities.care_plan_id = k.key where care_plan_activities.organization_id = $1

-- child insert
insert into care_plan_activities (care_plan_id, organization_id, position, service_request_id, kind, code_system, code, display, name, status, status_reason, do_not_perform, scheduled_text, scheduled_from, scheduled_until, location_id, performer_id, description, progress, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, boolean($12), $13, date($14), date($15), $16, $17, $18, $19, $20) returning text(care_plan_id), text(service_request_id), text(kind), text(code_system), text(code), text(display), text(name), text(status), text(status_reason), text(do_not_perform), text(scheduled_text), text(scheduled_from), text(scheduled_until), text(location_id), text(performer_id), text(description), text(progress)

-- child delete all
delete from care_plan_activities where care_plan_activities.care_plan_id in (select k.key from {keys}) and care_plan_activities.organization_id = $1

-- child update
update care_plan_activities set service_request_id = $4, kind = $5, code_system = $6, code = $7, display = $8, name = $9, status = $10, status_reason = $11, do_not_perform = boolean($12), scheduled_text = $13, scheduled_from = date($14), scheduled_until = date($15), location_id = $16, performer_id = $17, description = $18, progress = $19, fhir_residue = $20 where care_plan_activities.organization_id = $1 and care_plan_activities.care_plan_id = $2 and care_plan_activities.position = integer($3) returning text(service_request_id), text(kind), text(code_system), text(code), text(display), text(name), text(status), text(status_reason), text(do_not_perform), text(scheduled_text), text(scheduled_from), text(scheduled_until), text(location_id), text(performer_id), text(description), text(progress)

-- child delete
delete from care_plan_activities where care_plan_activities.organization_id = $1 and care_plan_activities.care_plan_id = $2 and care_plan_activities.position = integer($3)

-- child select
select text(care_plan_goals.care_plan_id), cast(null as text), cast(care_plan_goals.position as bigint), text(care_plan_goals.goal_id), text(care_plan_goals.label), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('goal') and d.key = text(care_plan_goals.goal_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Goal' and d.id = text(care_plan_goals.goal_id) and d.map is null)), text(care_plan_goals.fhir_residue) from {keys} join care_plan_goals on care_plan_goals.care_plan_id = k.key where care_plan_goals.organization_id = $1

-- child insert
insert into care_plan_goals (care_plan_id, organization_id, position, goal_id, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(care_plan_id), text(goal_id), text(label)

-- child delete all
delete from care_plan_goals where care_plan_goals.care_plan_id in (select k.key from {keys}) and care_plan_goals.organization_id = $1

-- child update
update care_plan_goals set goal_id = $4, label = $5, fhir_residue = $6 where care_plan_goals.organization_id = $1 and care_plan_goals.care_plan_id = $2 and care_plan_goals.position = integer($3) returning text(goal_id), text(label)

-- child delete
delete from care_plan_goals where care_plan_goals.organization_id = $1 and care_plan_goals.care_plan_id = $2 and care_plan_goals.position = integer($3)

-- child select
select text(care_plan_teams.care_plan_id), cast(null as text), cast(care_plan_teams.position as bigint), text(care_plan_teams.care_team_id), text(care_plan_teams.label), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('care_team') and d.key = text(care_plan_teams.care_team_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'CareTeam' and d.id = text(care_plan_teams.care_team_id) and d.map is null)), text(care_plan_teams.fhir_residue) from {keys} join care_plan_teams on care_plan_teams.care_plan_id = k.key where care_plan_teams.organization_id = $1

-- child insert
insert into care_plan_teams (care_plan_id, organization_id, position, care_team_id, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(care_plan_id), text(care_team_id), text(label)

-- child delete all
delete from care_plan_teams where care_plan_teams.care_plan_id in (select k.key from {keys}) and care_plan_teams.organization_id = $1

-- child update
update care_plan_teams set care_team_id = $4, label = $5, fhir_residue = $6 where care_plan_teams.organization_id = $1 and care_plan_teams.care_plan_id = $2 and care_plan_teams.position = integer($3) returning text(care_team_id), text(label)

-- child delete
delete from care_plan_teams where care_plan_teams.organization_id = $1 and care_plan_teams.care_plan_id = $2 and care_plan_teams.position = integer($3)

-- child select
select text(care_plan_problems.care_plan_id), cast(null as text), cast(care_plan_problems.position as bigint), text(care_plan_problems.condition_id), text(care_plan_problems.label), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('problems', 'health_concerns', 'encounter_diagnoses', 'conditions') and d.key = text(care_plan_problems.condition_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Condition' and d.id = text(care_plan_problems.condition_id) and d.map is null)), text(care_plan_problems.fhir_residue) from {keys} join care_plan_problems on care_plan_problems.care_plan_id = k.key where care_plan_problems.organization_id = $1

-- child insert
insert into care_plan_problems (care_plan_id, organization_id, position, condition_id, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(care_plan_id), text(condition_id), text(label)

-- child delete all
delete from care_plan_problems where care_plan_problems.care_plan_id in (select k.key from {keys}) and care_plan_problems.organization_id = $1

-- child update
update care_plan_problems set condition_id = $4, label = $5, fhir_residue = $6 where care_plan_problems.organization_id = $1 and care_plan_problems.care_plan_id = $2 and care_plan_problems.position = integer($3) returning text(condition_id), text(label)

-- child delete
delete from care_plan_problems where care_plan_problems.organization_id = $1 and care_plan_problems.care_plan_id = $2 and care_plan_problems.position = integer($3)

