-- select
select text(practitioner_roles.id), text(practitioner_roles.active), text(practitioner_roles.starts_on), text(practitioner_roles.ends_on), text(practitioner_roles.practitioner_id), text(practitioner_roles.for_organization_id), text(practitioner_roles.availability_exceptions), text(practitioner_roles.endpoint_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('practitioner') and d.key = text(practitioner_roles.practitioner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(practitioner_roles.practitioner_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(practitioner_roles.for_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(practitioner_roles.for_organization_id) and d.map is null)), (select d.id from directory d where d.organization_id = $1 and d.type = 'Endpoint' and d.id = text(practitioner_roles.endpoint_id) and d.map is null), text(practitioner_roles.fhir_residue), 'true', text(practitioner_roles.updated_at) from {keys} join practitioner_roles on practitioner_roles.id = k.key where practitioner_roles.organization_id = $1

-- insert
insert into practitioner_roles (id, organization_id, active, starts_on, ends_on, practitioner_id, for_organization_id, availability_exceptions, endpoint_id, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), date($4), date($5), $6, $7, $8, $9, $10, timestamptz($11)), ($12, bigint($13), boolean($14), date($15), date($16), $17, $18, $19, $20, $21, timestamptz($22)) returning text(id), text(active), text(starts_on), text(ends_on), text(practitioner_id), text(for_organization_id), text(availability_exceptions), text(endpoint_id)

-- delete
delete from practitioner_roles where practitioner_roles.id in (select k.key from {keys}) and practitioner_roles.organization_id = $1

-- left over
select text(practitioner_roles.id) from {keys} join practitioner_roles on practitioner_roles.id = k.key where practitioner_roles.organization_id = $1 and (true)

-- child select
select text(practitioner_role_identifiers.practitioner_role_id), cast(null as text), cast(practitioner_role_identifiers.position as bigint), text(practitioner_role_identifiers.identifier_use), text(practitioner_role_identifiers.type_code), text(practitioner_role_identifiers.type_text), text(practitioner_role_identifiers.system), text(practitioner_role_identifiers.value), text(practitioner_role_identifiers.assigner_id), text(practitioner_role_identifiers.valid_from), text(practitioner_role_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(practitioner_role_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(practitioner_role_identifiers.assigner_id) and d.map is null)), text(practitioner_role_identifiers.fhir_residue) from {keys} join practitioner_role_identifiers on practitioner_role_identifiers.practitioner_role_id = k.key where practitioner_role_identifiers.organization_id = $1

-- child insert
insert into practitioner_role_identifiers (practitioner_role_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(practitioner_role_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from practitioner_role_identifiers where practitioner_role_identifiers.practitioner_role_id in (select k.key from {keys}) and practitioner_role_identifiers.organization_id = $1

-- child update
update practitioner_role_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where practitioner_role_identifiers.organization_id = $1 and practitioner_role_identifiers.practitioner_role_id = $2 and practitioner_role_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from practitioner_role_identifiers where practitioner_role_identifiers.organization_id = $1 and practitioner_role_identifiers.practitioner_role_id = $2 and practitioner_role_identifiers.position = integer($3)

-- child select
select text(practitioner_role_codes.practitioner_role_id), cast(null as text), cast(practitioner_role_codes.position as bigint), text(practitioner_role_codes.code_system), text(practitioner_role_codes.code), text(practitioner_role_codes.display), text(practitioner_role_codes.name), text(practitioner_role_codes.fhir_residue) from {keys} join practitioner_role_codes on practitioner_role_codes.practitioner_role_id = k.key where practitioner_role_codes.organization_id = $1

-- child insert
insert into practitioner_role_codes (practitioner_role_id, organization_id, position, code_system, code, display, name, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8) returning text(practitioner_role_id), text(code_system), text(code), text(display), text(name)

-- child delete all
delete from practitioner_role_codes where practitioner_role_codes.practitioner_role_id in (select k.key from {keys}) and practitioner_role_codes.organization_id = $1

-- child update
update practitioner_role_codes set code_system = $4, code = $5, display = $6, name = $7, fhir_residue = $8 where practitioner_role_codes.organization_id = $1 and practitioner_role_codes.practitioner_role_id = $2 and practitioner_role_codes.position = integer($3) returning text(code_system), text(code), text(display), text(name)

-- child delete
delete from practitioner_role_codes where practitioner_role_codes.organization_id = $1 and practitioner_role_codes.practitioner_role_id = $2 and practitioner_role_codes.position = integer($3)

-- child select
select text(practitioner_role_specialties.practitioner_role_id), cast(null as text), cast(practitioner_role_specialties.position as bigint), text(practitioner_role_specialties.code_system), text(practitioner_role_specialties.code), text(practitioner_role_specialties.display), text(practitioner_role_specialties.name), text(practitioner_role_specialties.fhir_residue) from {keys} join practitioner_role_specialties on practitioner_role_specialties.practitioner_role_id = k.key where practitioner_role_specialties.organization_id = $1

-- child insert
insert into practitioner_role_specialties (practitioner_role_id, organization_id, position, code_system, code, display, name, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8) returning text(practitioner_role_id), text(code_system), text(code), text(display), text(name)

-- child delete all
delete from practitioner_role_specialties where practitioner_role_specialties.practitioner_role_id in (select k.key from {keys}) and practitioner_role_specialties.organization_id = $1

-- child update
update practitioner_role_specialties set code_system = $4, code = $5, display = $6, name = $7, fhir_residue = $8 where practitioner_role_specialties.organization_id = $1 and practitioner_role_specialties.practitioner_role_id = $2 and practitioner_role_specialties.position = integer($3) returning text(code_system), text(code), text(display), text(name)

-- child delete
delete from practitioner_role_specialties where practitioner_role_specialties.organization_id = $1 and practitioner_role_specialties.practitioner_role_id = $2 and practitioner_role_specialties.position = integer($3)

-- child select
select text(practitioner_role_locations.practitioner_role_id), cast(null as text), cast(practitioner_role_locations.position as bigint), text(practitioner_role_locations.location_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(practitioner_role_locations.location_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(practitioner_role_locations.location_id) and d.map is null)), text(practitioner_role_locations.fhir_residue) from {keys} join practitioner_role_locations on practitioner_role_locations.practitioner_role_id = k.key where practitioner_role_locations.organization_id = $1

-- child insert
insert into practitioner_role_locations (practitioner_role_id, organization_id, position, location_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5) returning text(practitioner_role_id), text(location_id)

-- child delete all
delete from practitioner_role_locations where practitioner_role_locations.practitioner_role_id in (select k.key from {keys}) and practitioner_role_locations.organization_id = $1

-- child update
update practitioner_role_locations set location_id = $4, fhir_residue = $5 where practitioner_role_locations.organization_id = $1 and practitioner_role_locations.practitioner_role_id = $2 and practitioner_role_locations.position = integer($3) returning text(location_id)

-- child delete
delete from practitioner_role_locations where practitioner_role_locations.organization_id = $1 and practitioner_role_locations.practitioner_role_id = $2 and practitioner_role_locations.position = integer($3)

-- child select
select text(practitioner_role_telecoms.practitioner_role_id), cast(null as text), cast(practitioner_role_telecoms.position as bigint), text(practitioner_role_telecoms.system), text(practitioner_role_telecoms.value), text(practitioner_role_telecoms.telecom_use), text(practitioner_role_telecoms.preference), text(practitioner_role_telecoms.valid_from), text(practitioner_role_telecoms.valid_until), text(practitioner_role_telecoms.fhir_residue) from {keys} join practitioner_role_telecoms on practitioner_role_telecoms.practitioner_role_id = k.key where practitioner_role_telecoms.organization_id = $1

-- child insert
insert into practitioner_role_telecoms (practitioner_role_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(practitioner_role_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from practitioner_role_telecoms where practitioner_role_telecoms.practitioner_role_id in (select k.key from {keys}) and practitioner_role_telecoms.organization_id = $1

-- child update
update practitioner_role_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where practitioner_role_telecoms.organization_id = $1 and practitioner_role_telecoms.practitioner_role_id = $2 and practitioner_role_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from practitioner_role_telecoms where practitioner_role_telecoms.organization_id = $1 and practitioner_role_telecoms.practitioner_role_id = $2 and practitioner_role_telecoms.position = integer($3)

