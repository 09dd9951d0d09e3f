-- select
select text(related_persons.id), text(related_persons.active), text(related_persons.patient_id), text(related_persons.relationship_system), text(related_persons.relationship_code), text(related_persons.relationship_display), text(related_persons.relationship), text(related_persons.name_use), text(related_persons.name_text), text(related_persons.last_name), text(related_persons.first_name), text(related_persons.middle_name), text(related_persons.name_prefix), text(related_persons.name_suffix), text(related_persons.sex), text(related_persons.date_of_birth), text(related_persons.language), text(related_persons.starts_on), text(related_persons.ends_on), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(related_persons.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(related_persons.patient_id) and d.map is null)), text(related_persons.fhir_residue), 'true', text(related_persons.updated_at) from {keys} join related_persons on related_persons.id = k.key where related_persons.organization_id = $1

-- insert
insert into related_persons (id, organization_id, active, patient_id, relationship_system, relationship_code, relationship_display, relationship, name_use, name_text, last_name, first_name, middle_name, name_prefix, name_suffix, sex, date_of_birth, language, starts_on, ends_on, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, date($17), $18, date($19), date($20), $21, timestamptz($22)), ($23, bigint($24), boolean($25), $26, $27, $28, $29, $30, $31, $32, $33, $34, $35, $36, $37, $38, date($39), $40, date($41), date($42), $43, timestamptz($44)) returning text(id), text(active), text(patient_id), text(relationship_system), text(relationship_code), text(relationship_display), text(relationship), text(name_use), text(name_text), text(last_name), text(first_name), text(middle_name), text(name_prefix), text(name_suffix), text(sex), text(date_of_birth), text(language), text(starts_on), text(ends_on)

-- delete
delete from related_persons where related_persons.id in (select k.key from {keys}) and related_persons.organization_id = $1

-- left over
select text(related_persons.id) from {keys} join related_persons on related_persons.id = k.key where related_persons.organization_id = $1 and (true)

-- child select
select text(related_person_identifiers.related_person_id), cast(null as text), cast(related_person_identifiers.position as bigint), text(related_person_identifiers.identifier_use), text(related_person_identifiers.type_code), text(related_person_identifiers.type_text), text(related_person_identifiers.system), text(related_person_identifiers.value), text(related_person_identifiers.assigner_id), text(related_person_identifiers.valid_from), text(related_person_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(related_person_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(related_person_identifiers.assigner_id) and d.map is null)), text(related_person_identifiers.fhir_residue) from {keys} join related_person_identifiers on related_person_identifiers.related_person_id = k.key where related_person_identifiers.organization_id = $1

-- child insert
insert into related_person_identifiers (related_person_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(related_person_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from related_person_identifiers where related_person_identifiers.related_person_id in (select k.key from {keys}) and related_person_identifiers.organization_id = $1

-- child update
update related_person_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where related_person_identifiers.organization_id = $1 and related_person_identifiers.related_person_id = $2 and related_person_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from related_person_identifiers where related_person_identifiers.organization_id = $1 and related_person_identifiers.related_person_id = $2 and related_person_identifiers.position = integer($3)

-- child select
select text(related_person_telecoms.related_person_id), cast(null as text), cast(related_person_telecoms.position as bigint), text(related_person_telecoms.system), text(related_person_telecoms.value), text(related_person_telecoms.telecom_use), text(related_person_telecoms.preference), text(related_person_telecoms.valid_from), text(related_person_telecoms.valid_until), text(related_person_telecoms.fhir_residue) from {keys} join related_person_telecoms on related_person_telecoms.related_person_id = k.key where related_person_telecoms.organization_id = $1

-- child insert
insert into related_person_telecoms (related_person_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(related_person_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from related_person_telecoms where related_person_telecoms.related_person_id in (select k.key from {keys}) and related_person_telecoms.organization_id = $1

-- child update
update related_person_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where related_person_telecoms.organization_id = $1 and related_person_telecoms.related_person_id = $2 and related_person_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from related_person_telecoms where related_person_telecoms.organization_id = $1 and related_person_telecoms.related_person_id = $2 and related_person_telecoms.position = integer($3)

-- child select
select text(related_person_addresses.related_person_id), cast(null as text), cast(related_person_addresses.position as bigint), text(related_person_addresses.address_use), text(related_person_addresses.address_type), text(related_person_addresses.address_text), text(related_person_addresses.line1), text(related_person_addresses.line2), text(related_person_addresses.city), text(related_person_addresses.district), text(related_person_addresses.state), text(related_person_addresses.postal_code), text(related_person_addresses.country), text(related_person_addresses.valid_from), text(related_person_addresses.valid_until), text(related_person_addresses.fhir_residue) from {keys} join related_person_addresses on related_person_addresses.related_person_id = k.key where related_person_addresses.organization_id = $1

-- child insert
insert into related_person_addresses (related_person_id, organization_id, position, address_use, address_type, address_text, line1, line2, city, district, state, postal_code, country, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), date($15), $16) returning text(related_person_id), text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete all
delete from related_person_addresses where related_person_addresses.related_person_id in (select k.key from {keys}) and related_person_addresses.organization_id = $1

-- child update
update related_person_addresses set address_use = $4, address_type = $5, address_text = $6, line1 = $7, line2 = $8, city = $9, district = $10, state = $11, postal_code = $12, country = $13, valid_from = date($14), valid_until = date($15), fhir_residue = $16 where related_person_addresses.organization_id = $1 and related_person_addresses.related_person_id = $2 and related_person_addresses.position = integer($3) returning text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete
delete from related_person_addresses where related_person_addresses.organization_id = $1 and related_person_addresses.related_person_id = $2 and related_person_addresses.position = integer($3)

