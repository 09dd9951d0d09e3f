-- select
select text(organizations.id), text(organizations.active), text(organizations.name), text(organizations.alias), text(organizations.type_code), text(organizations.type_display), text(organizations.type_text), text(organizations.part_of_id), text(organizations.endpoint_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(organizations.part_of_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(organizations.part_of_id) and d.map is null)), (select d.id from directory d where d.organization_id = $1 and d.type = 'Endpoint' and d.id = text(organizations.endpoint_id) and d.map is null), text(organizations.fhir_residue), 'true', text(organizations.updated_at) from {keys} join organizations on organizations.id = k.key where organizations.organization_id = $1

-- insert
insert into organizations (id, organization_id, active, name, alias, type_code, type_display, type_text, part_of_id, endpoint_id, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), $4, $5, $6, $7, $8, $9, $10, $11, timestamptz($12)), ($13, bigint($14), boolean($15), $16, $17, $18, $19, $20, $21, $22, $23, timestamptz($24)) returning text(id), text(active), text(name), text(alias), text(type_code), text(type_display), text(type_text), text(part_of_id), text(endpoint_id)

-- delete
delete from organizations where organizations.id in (select k.key from {keys}) and organizations.organization_id = $1

-- left over
select text(organizations.id) from {keys} join organizations on organizations.id = k.key where organizations.organization_id = $1 and (true)

-- child select
select text(organization_identifiers.of_organization_id), cast(null as text), cast(organization_identifiers.position as bigint), text(organization_identifiers.identifier_use), text(organization_identifiers.type_code), text(organization_identifiers.type_text), text(organization_identifiers.system), text(organization_identifiers.value), text(organization_identifiers.assigner_id), text(organization_identifiers.valid_from), text(organization_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(organization_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(organization_identifiers.assigner_id) and d.map is null)), text(organization_identifiers.fhir_residue) from {keys} join organization_identifiers on organization_identifiers.of_organization_id = k.key where organization_identifiers.organization_id = $1

-- child insert
insert into organization_identifiers (of_organization_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(of_organization_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from organization_identifiers where organization_identifiers.of_organization_id in (select k.key from {keys}) and organization_identifiers.organization_id = $1

-- child update
update organization_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where organization_identifiers.organization_id = $1 and organization_identifiers.of_organization_id = $2 and organization_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from organization_identifiers where organization_identifiers.organization_id = $1 and organization_identifiers.of_organization_id = $2 and organization_identifiers.position = integer($3)

-- child select
select text(organization_telecoms.of_organization_id), cast(null as text), cast(organization_telecoms.position as bigint), text(organization_telecoms.system), text(organization_telecoms.value), text(organization_telecoms.telecom_use), text(organization_telecoms.preference), text(organization_telecoms.valid_from), text(organization_telecoms.valid_until), text(organization_telecoms.fhir_residue) from {keys} join organization_telecoms on organization_telecoms.of_organization_id = k.key where organization_telecoms.organization_id = $1

-- child insert
insert into organization_telecoms (of_organization_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(of_organization_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from organization_telecoms where organization_telecoms.of_organization_id in (select k.key from {keys}) and organization_telecoms.organization_id = $1

-- child update
update organization_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where organization_telecoms.organization_id = $1 and organization_telecoms.of_organization_id = $2 and organization_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from organization_telecoms where organization_telecoms.organization_id = $1 and organization_telecoms.of_organization_id = $2 and organization_telecoms.position = integer($3)

-- child select
select text(organization_addresses.of_organization_id), cast(null as text), cast(organization_addresses.position as bigint), text(organization_addresses.address_use), text(organization_addresses.address_type), text(organization_addresses.address_text), text(organization_addresses.line1), text(organization_addresses.line2), text(organization_addresses.city), text(organization_addresses.district), text(organization_addresses.state), text(organization_addresses.postal_code), text(organization_addresses.country), text(organization_addresses.valid_from), text(organization_addresses.valid_until), text(organization_addresses.fhir_residue) from {keys} join organization_addresses on organization_addresses.of_organization_id = k.key where organization_addresses.organization_id = $1

-- child insert
insert into organization_addresses (of_organization_id, organization_id, position, address_use, address_type, address_text, line1, line2, city, district, state, postal_code, country, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), date($15), $16) returning text(of_organization_id), text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete all
delete from organization_addresses where organization_addresses.of_organization_id in (select k.key from {keys}) and organization_addresses.organization_id = $1

-- child update
update organization_addresses set address_use = $4, address_type = $5, address_text = $6, line1 = $7, line2 = $8, city = $9, district = $10, state = $11, postal_code = $12, country = $13, valid_from = date($14), valid_until = date($15), fhir_residue = $16 where organization_addresses.organization_id = $1 and organization_addresses.of_organization_id = $2 and organization_addresses.position = integer($3) returning text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete
delete from organization_addresses where organization_addresses.organization_id = $1 and organization_addresses.of_organization_id = $2 and organization_addresses.position = integer($3)

