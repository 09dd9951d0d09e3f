-- select
select text(practitioners.id), text(practitioners.active), text(practitioners.name_use), text(practitioners.name_text), text(practitioners.last_name), text(practitioners.first_name), text(practitioners.middle_name), text(practitioners.name_prefix), text(practitioners.name_suffix), text(practitioners.sex), text(practitioners.date_of_birth), text(practitioners.language), text(practitioners.fhir_residue), 'true', text(practitioners.updated_at) from {keys} join practitioners on practitioners.id = k.key where practitioners.organization_id = $1

-- insert
insert into practitioners (id, organization_id, active, name_use, name_text, last_name, first_name, middle_name, name_prefix, name_suffix, sex, date_of_birth, language, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), $4, $5, $6, $7, $8, $9, $10, $11, date($12), $13, $14, timestamptz($15)), ($16, bigint($17), boolean($18), $19, $20, $21, $22, $23, $24, $25, $26, date($27), $28, $29, timestamptz($30)) returning text(id), text(active), text(name_use), text(name_text), text(last_name), text(first_name), text(middle_name), text(name_prefix), text(name_suffix), text(sex), text(date_of_birth), text(language)

-- delete
delete from practitioners where practitioners.id in (select k.key from {keys}) and practitioners.organization_id = $1

-- left over
select text(practitioners.id) from {keys} join practitioners on practitioners.id = k.key where practitioners.organization_id = $1 and (true)

-- child select
select text(practitioner_identifiers.practitioner_id), cast(null as text), cast(practitioner_identifiers.position as bigint), text(practitioner_identifiers.identifier_use), text(practitioner_identifiers.type_code), text(practitioner_identifiers.type_text), text(practitioner_identifiers.system), text(practitioner_identifiers.value), text(practitioner_identifiers.assigner_id), text(practitioner_identifiers.valid_from), text(practitioner_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(practitioner_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(practitioner_identifiers.assigner_id) and d.map is null)), text(practitioner_identifiers.fhir_residue) from {keys} join practitioner_identifiers on practitioner_identifiers.practitioner_id = k.key where practitioner_identifiers.organization_id = $1

-- child insert
insert into practitioner_identifiers (practitioner_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(practitioner_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from practitioner_identifiers where practitioner_identifiers.practitioner_id in (select k.key from {keys}) and practitioner_identifiers.organization_id = $1

-- child update
update practitioner_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where practitioner_identifiers.organization_id = $1 and practitioner_identifiers.practitioner_id = $2 and practitioner_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from practitioner_identifiers where practitioner_identifiers.organization_id = $1 and practitioner_identifiers.practitioner_id = $2 and practitioner_identifiers.position = integer($3)

-- child select
select text(practitioner_telecoms.practitioner_id), cast(null as text), cast(practitioner_telecoms.position as bigint), text(practitioner_telecoms.system), text(practitioner_telecoms.value), text(practitioner_telecoms.telecom_use), text(practitioner_telecoms.preference), text(practitioner_telecoms.valid_from), text(practitioner_telecoms.valid_until), text(practitioner_telecoms.fhir_residue) from {keys} join practitioner_telecoms on practitioner_telecoms.practitioner_id = k.key where practitioner_telecoms.organization_id = $1

-- child insert
insert into practitioner_telecoms (practitioner_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(practitioner_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from practitioner_telecoms where practitioner_telecoms.practitioner_id in (select k.key from {keys}) and practitioner_telecoms.organization_id = $1

-- child update
update practitioner_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where practitioner_telecoms.organization_id = $1 and practitioner_telecoms.practitioner_id = $2 and practitioner_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from practitioner_telecoms where practitioner_telecoms.organization_id = $1 and practitioner_telecoms.practitioner_id = $2 and practitioner_telecoms.position = integer($3)

-- child select
select text(practitioner_addresses.practitioner_id), cast(null as text), cast(practitioner_addresses.position as bigint), text(practitioner_addresses.address_use), text(practitioner_addresses.address_type), text(practitioner_addresses.address_text), text(practitioner_addresses.line1), text(practitioner_addresses.line2), text(practitioner_addresses.city), text(practitioner_addresses.district), text(practitioner_addresses.state), text(practitioner_addresses.postal_code), text(practitioner_addresses.country), text(practitioner_addresses.valid_from), text(practitioner_addresses.valid_until), text(practitioner_addresses.fhir_residue) from {keys} join practitioner_addresses on practitioner_addresses.practitioner_id = k.key where practitioner_addresses.organization_id = $1

-- child insert
insert into practitioner_addresses (practitioner_id, organization_id, position, address_use, address_type, address_text, line1, line2, city, district, state, postal_code, country, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), date($15), $16) returning text(practitioner_id), text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete all
delete from practitioner_addresses where practitioner_addresses.practitioner_id in (select k.key from {keys}) and practitioner_addresses.organization_id = $1

-- child update
update practitioner_addresses set address_use = $4, address_type = $5, address_text = $6, line1 = $7, line2 = $8, city = $9, district = $10, state = $11, postal_code = $12, country = $13, valid_from = date($14), valid_until = date($15), fhir_residue = $16 where practitioner_addresses.organization_id = $1 and practitioner_addresses.practitioner_id = $2 and practitioner_addresses.position = integer($3) returning text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete
delete from practitioner_addresses where practitioner_addresses.organization_id = $1 and practitioner_addresses.practitioner_id = $2 and practitioner_addresses.position = integer($3)

-- child select
select text(practitioner_qualifications.practitioner_id), cast(null as text), cast(practitioner_qualifications.position as bigint), text(practitioner_qualifications.identifier_system), text(practitioner_qualifications.identifier_value), text(practitioner_qualifications.code_system), text(practitioner_qualifications.code), text(practitioner_qualifications.display), text(practitioner_qualifications.name), text(practitioner_qualifications.valid_from), text(practitioner_qualifications.valid_until), text(practitioner_qualifications.issuer_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(practitioner_qualifications.issuer_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(practitioner_qualifications.issuer_id) and d.map is null)), text(practitioner_qualifications.fhir_residue) from {keys} join practitioner_qualifications on practitioner_qualifications.practitioner_id = k.key where practitioner_qualifications.organization_id = $1

-- child insert
insert into practitioner_qualifications (practitioner_id, organization_id, position, identifier_system, identifier_value, code_system, code, display, name, valid_from, valid_until, issuer_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12, $13) returning text(practitioner_id), text(identifier_system), text(identifier_value), text(code_system), text(code), text(display), text(name), text(valid_from), text(valid_until), text(issuer_id)

-- child delete all
delete from practitioner_qualifications where practitioner_qualifications.practitioner_id in (select k.key from {keys}) and practitioner_qualifications.organization_id = $1

-- child update
update practitioner_qualifications set identifier_system = $4, identifier_value = $5, code_system = $6, code = $7, display = $8, name = $9, valid_from = date($10), valid_until = date($11), issuer_id = $12, fhir_residue = $13 where practitioner_qualifications.organization_id = $1 and practitioner_qualifications.practitioner_id = $2 and practitioner_qualifications.position = integer($3) returning text(identifier_system), text(identifier_value), text(code_system), text(code), text(display), text(name), text(valid_from), text(valid_until), text(issuer_id)

-- child delete
delete from practitioner_qualifications where practitioner_qualifications.organization_id = $1 and practitioner_qualifications.practitioner_id = $2 and practitioner_qualifications.position = integer($3)

