-- select
select text(locations.id), text(locations.status), text(locations.mode), text(locations.name), text(locations.alias), text(locations.description), text(locations.type_code), text(locations.type_display), text(locations.type_text), text(locations.physical_type_code), text(locations.physical_type_display), text(locations.address_use), text(locations.address_text), text(locations.line1), text(locations.line2), text(locations.city), text(locations.district), text(locations.state), text(locations.postal_code), text(locations.country), text(locations.latitude), text(locations.longitude), text(locations.altitude), text(locations.managing_organization_id), text(locations.part_of_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(locations.managing_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(locations.managing_organization_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(locations.part_of_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(locations.part_of_id) and d.map is null)), text(locations.fhir_residue), 'true', text(locations.updated_at) from {keys} join locations on locations.id = k.key where locations.organization_id = $1

-- insert
insert into locations (id, organization_id, status, mode, name, alias, description, type_code, type_display, type_text, physical_type_code, physical_type_display, address_use, address_text, line1, line2, city, district, state, postal_code, country, latitude, longitude, altitude, managing_organization_id, part_of_id, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, numeric($22), numeric($23), numeric($24), $25, $26, $27, timestamptz($28)), ($29, bigint($30), $31, $32, $33, $34, $35, $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, numeric($50), numeric($51), numeric($52), $53, $54, $55, timestamptz($56)) returning text(id), text(status), text(mode), text(name), text(alias), text(description), text(type_code), text(type_display), text(type_text), text(physical_type_code), text(physical_type_display), text(address_use), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(latitude), text(longitude), text(altitude), text(managing_organization_id), text(part_of_id)

-- delete
delete from locations where locations.id in (select k.key from {keys}) and locations.organization_id = $1

-- left over
select text(locations.id) from {keys} join locations on locations.id = k.key where locations.organization_id = $1 and (true)

-- child select
select text(location_identifiers.location_id), cast(null as text), cast(location_identifiers.position as bigint), text(location_identifiers.identifier_use), text(location_identifiers.type_code), text(location_identifiers.type_text), text(location_identifiers.system), text(location_identifiers.value), text(location_identifiers.assigner_id), text(location_identifiers.valid_from), text(location_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(location_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(location_identifiers.assigner_id) and d.map is null)), text(location_identifiers.fhir_residue) from {keys} join location_identifiers on location_identifiers.location_id = k.key where location_identifiers.organization_id = $1

-- child insert
insert into location_identifiers (location_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(location_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from location_identifiers where location_identifiers.location_id in (select k.key from {keys}) and location_identifiers.organization_id = $1

-- child update
update location_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where location_identifiers.organization_id = $1 and location_identifiers.location_id = $2 and location_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from location_identifiers where location_identifiers.organization_id = $1 and location_identifiers.location_id = $2 and location_identifiers.position = integer($3)

-- child select
select text(location_telecoms.location_id), cast(null as text), cast(location_telecoms.position as bigint), text(location_telecoms.system), text(location_telecoms.value), text(location_telecoms.telecom_use), text(location_telecoms.preference), text(location_telecoms.valid_from), text(location_telecoms.valid_until), text(location_telecoms.fhir_residue) from {keys} join location_telecoms on location_telecoms.location_id = k.key where location_telecoms.organization_id = $1

-- child insert
insert into location_telecoms (location_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(location_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from location_telecoms where location_telecoms.location_id in (select k.key from {keys}) and location_telecoms.organization_id = $1

-- child update
update location_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where location_telecoms.organization_id = $1 and location_telecoms.location_id = $2 and location_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from location_telecoms where location_telecoms.organization_id = $1 and location_telecoms.location_id = $2 and location_telecoms.position = integer($3)

