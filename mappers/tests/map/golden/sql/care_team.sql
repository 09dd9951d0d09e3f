-- select
select text(care_teams.id), text(care_teams.status), text(care_teams.category), text(care_teams.name), text(care_teams.patient_id), text(care_teams.encounter_id), text(care_teams.starts_on), text(care_teams.ends_on), text(care_teams.reason), text(care_teams.managing_organization_id), text(care_teams.phone), text(care_teams.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(care_teams.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(care_teams.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('encounter') and d.key = text(care_teams.encounter_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(care_teams.encounter_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(care_teams.managing_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(care_teams.managing_organization_id) and d.map is null)), text(care_teams.fhir_residue), 'true', text(care_teams.updated_at) from {keys} join care_teams on care_teams.id = k.key where care_teams.organization_id = $1

-- insert
insert into care_teams (id, organization_id, status, category, name, patient_id, encounter_id, starts_on, ends_on, reason, managing_organization_id, phone, note, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, date($8), date($9), $10, $11, $12, $13, $14, timestamptz($15)), ($16, bigint($17), $18, $19, $20, $21, $22, date($23), date($24), $25, $26, $27, $28, $29, timestamptz($30)) returning text(id), text(status), text(category), text(name), text(patient_id), text(encounter_id), text(starts_on), text(ends_on), text(reason), text(managing_organization_id), text(phone), text(note)

-- delete
delete from care_teams where care_teams.id in (select k.key from {keys}) and care_teams.organization_id = $1

-- left over
select text(care_teams.id) from {keys} join care_teams on care_teams.id = k.key where care_teams.organization_id = $1 and (true)

-- child select
select text(care_team_members.care_team_id), cast(null as text), cast(care_team_members.position as bigint), text(care_team_members.role_system), text(care_team_members.role_code), text(care_team_members.role_display), text(care_team_members.role), text(care_team_members.member), text(care_team_members.member_name), text(care_team_members.on_behalf_of_organization_id), text(care_team_members.starts_on), text(care_team_members.ends_on), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(care_team_members.on_behalf_of_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(care_team_members.on_behalf_of_organization_id) and d.map is null)), text(care_team_members.fhir_residue) from {keys} join care_team_members on care_team_members.care_team_id = k.key where care_team_members.organization_id = $1

-- child insert
insert into care_team_members (care_team_id, organization_id, position, role_system, role_code, role_display, role, member, member_name, on_behalf_of_organization_id, starts_on, ends_on, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, date($11), date($12), $13) returning text(care_team_id), text(role_system), text(role_code), text(role_display), text(role), text(member), text(member_name), text(on_behalf_of_organization_id), text(starts_on), text(ends_on)

-- child delete all
delete from care_team_members where care_team_members.care_team_id in (select k.key from {keys}) and care_team_members.organization_id = $1

-- child update
update care_team_members set role_system = $4, role_code = $5, role_display = $6, role = $7, member = $8, member_name = $9, on_behalf_of_organization_id = $10, starts_on = date($11), ends_on = date($12), fhir_residue = $13 where care_team_members.organization_id = $1 and care_team_members.care_team_id = $2 and care_team_members.position = integer($3) returning text(role_system), text(role_code), text(role_display), text(role), text(member), text(member_name), text(on_behalf_of_organization_id), text(starts_on), text(ends_on)

-- child delete
delete from care_team_members where care_team_members.organization_id = $1 and care_team_members.care_team_id = $2 and care_team_members.position = integer($3)

