-- select
select text(patients.id), text(patients.active), text(patients.last_name), text(patients.first_name), text(patients.middle_name), text(patients.name_prefix), text(patients.name_suffix), text(patients.sex), text(patients.date_of_birth), text(patients.deceased), text(patients.deceased_at), text(patients.marital_status), text(patients.multiple_birth), text(patients.birth_order), text(patients.primary_provider_id), text(patients.managing_organization_id), text(patient_profiles.birth_sex), text(patient_profiles.mothers_maiden_name), text(patient_profiles.birth_city), text(patient_profiles.birth_state), text(patient_profiles.birth_country), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(patients.primary_provider_id) and d.map is null), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patients.managing_organization_id) and d.map is null), text(patients.fhir_residue), 'true', text(patients.updated_at) from {keys} join patients on patients.id = k.key left join patient_profiles on patient_profiles.patient_id = patients.id and patient_profiles.organization_id = $1 where patients.organization_id = $1

-- insert
insert into patients (id, organization_id, active, last_name, first_name, middle_name, name_prefix, name_suffix, sex, date_of_birth, deceased, deceased_at, marital_status, multiple_birth, birth_order, primary_provider_id, managing_organization_id, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), $4, $5, $6, $7, $8, $9, date($10), boolean($11), timestamptz($12), $13, boolean($14), integer($15), $16, $17, $18, timestamptz($19)), ($20, bigint($21), boolean($22), $23, $24, $25, $26, $27, $28, date($29), boolean($30), timestamptz($31), $32, boolean($33), integer($34), $35, $36, $37, timestamptz($38)) returning text(id), text(active), text(last_name), text(first_name), text(middle_name), text(name_prefix), text(name_suffix), text(sex), text(date_of_birth), text(deceased), text(deceased_at), text(marital_status), text(multiple_birth), text(birth_order), text(primary_provider_id), text(managing_organization_id)

-- delete
delete from patients where patients.id in (select k.key from {keys}) and patients.organization_id = $1

-- left over
select text(patients.id) from {keys} join patients on patients.id = k.key left join patient_profiles on patient_profiles.patient_id = patients.id and patient_profiles.organization_id = $1 where patients.organization_id = $1 and (true)

-- insert joined
insert into patient_profiles (patient_id, organization_id, birth_sex, mothers_maiden_name, birth_city, birth_state, birth_country) values ($1, bigint($2), $3, $4, $5, $6, $7) returning text(patient_id), text(birth_sex), text(mothers_maiden_name), text(birth_city), text(birth_state), text(birth_country)

-- delete joined
delete from patient_profiles where patient_profiles.patient_id in (select k.key from {keys}) and patient_profiles.organization_id = $1

-- child select
select text(patient_identifiers.patient_id), cast(null as text), cast(patient_identifiers.position as bigint), text(patient_identifiers.identifier_use), text(patient_identifiers.type_code), text(patient_identifiers.system), text(patient_identifiers.value), text(patient_identifiers.assigner_id), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patient_identifiers.assigner_id) and d.map is null), text(patient_identifiers.fhir_residue) from {keys} join patient_identifiers on patient_identifiers.patient_id = k.key where patient_identifiers.organization_id = $1

-- child insert
insert into patient_identifiers (patient_id, organization_id, position, identifier_use, type_code, system, value, assigner_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9) returning text(patient_id), text(identifier_use), text(type_code), text(system), text(value), text(assigner_id)

-- child delete all
delete from patient_identifiers where patient_identifiers.patient_id in (select k.key from {keys}) and patient_identifiers.organization_id = $1

-- child update
update patient_identifiers set identifier_use = $4, type_code = $5, system = $6, value = $7, assigner_id = $8, fhir_residue = $9 where patient_identifiers.organization_id = $1 and patient_identifiers.patient_id = $2 and patient_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(system), text(value), text(assigner_id)

-- child delete
delete from patient_identifiers where patient_identifiers.organization_id = $1 and patient_identifiers.patient_id = $2 and patient_identifiers.position = integer($3)

-- child select
select text(patient_telecoms.patient_id), cast(null as text), cast(patient_telecoms.position as bigint), text(patient_telecoms.system), text(patient_telecoms.value), text(patient_telecoms.telecom_use), text(patient_telecoms.preference), text(patient_telecoms.fhir_residue) from {keys} join patient_telecoms on patient_telecoms.patient_id = k.key where patient_telecoms.organization_id = $1

-- child insert
insert into patient_telecoms (patient_id, organization_id, position, system, value, telecom_use, preference, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), $8) returning text(patient_id), text(system), text(value), text(telecom_use), text(preference)

-- child delete all
delete from patient_telecoms where patient_telecoms.patient_id in (select k.key from {keys}) and patient_telecoms.organization_id = $1

-- child update
update patient_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), fhir_residue = $8 where patient_telecoms.organization_id = $1 and patient_telecoms.patient_id = $2 and patient_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference)

-- child delete
delete from patient_telecoms where patient_telecoms.organization_id = $1 and patient_telecoms.patient_id = $2 and patient_telecoms.position = integer($3)

-- child select
select text(patient_addresses.patient_id), cast(null as text), cast(patient_addresses.position as bigint), text(patient_addresses.address_use), text(patient_addresses.address_type), text(patient_addresses.address_text), text(patient_addresses.line1), text(patient_addresses.line2), text(patient_addresses.city), text(patient_addresses.district), text(patient_addresses.state), text(patient_addresses.postal_code), text(patient_addresses.country), text(patient_addresses.fhir_residue) from {keys} join patient_addresses on patient_addresses.patient_id = k.key where patient_addresses.organization_id = $1

-- child insert
insert into patient_addresses (patient_id, organization_id, position, address_use, address_type, address_text, line1, line2, city, district, state, postal_code, country, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) returning text(patient_id), text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country)

-- child delete all
delete from patient_addresses where patient_addresses.patient_id in (select k.key from {keys}) and patient_addresses.organization_id = $1

-- child update
update patient_addresses set address_use = $4, address_type = $5, address_text = $6, line1 = $7, line2 = $8, city = $9, district = $10, state = $11, postal_code = $12, country = $13, fhir_residue = $14 where patient_addresses.organization_id = $1 and patient_addresses.patient_id = $2 and patient_addresses.position = integer($3) returning text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country)

-- child delete
delete from patient_addresses where patient_addresses.organization_id = $1 and patient_addresses.patient_id = $2 and patient_addresses.position = integer($3)

-- child select
select text(patient_contacts.patient_id), cast(null as text), cast(patient_contacts.position as bigint), text(patient_contacts.relationship_code), text(patient_contacts.relationship), text(patient_contacts.last_name), text(patient_contacts.first_name), text(patient_contacts.middle_name), text(patient_contacts.phone), text(patient_contacts.email), text(patient_contacts.line1), text(patient_contacts.line2), text(patient_contacts.city), text(patient_contacts.state), text(patient_contacts.postal_code), text(patient_contacts.country), text(patient_contacts.sex), text(patient_contacts.contact_organization_id), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patient_contacts.contact_organization_id) and d.map is null), text(patient_contacts.fhir_residue) from {keys} join patient_contacts on patient_contacts.patient_id = k.key where patient_contacts.organization_id = $1

-- child insert
insert into patient_contacts (patient_id, organization_id, position, relationship_code, relationship, last_name, first_name, middle_name, phone, email, line1, line2, city, state, postal_code, country, sex, contact_organization_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19) returning text(patient_id), text(relationship_code), text(relationship), text(last_name), text(first_name), text(middle_name), text(phone), text(email), text(line1), text(line2), text(city), text(state), text(postal_code), text(country), text(sex), text(contact_organization_id)

-- child delete all
delete from patient_contacts where patient_contacts.patient_id in (select k.key from {keys}) and patient_contacts.organization_id = $1

-- child update
update patient_contacts set relationship_code = $4, relationship = $5, last_name = $6, first_name = $7, middle_name = $8, phone = $9, email = $10, line1 = $11, line2 = $12, city = $13, state = $14, postal_code = $15, country = $16, sex = $17, contact_organization_id = $18, fhir_residue = $19 where patient_contacts.organization_id = $1 and patient_contacts.patient_id = $2 and patient_contacts.position = integer($3) returning text(relationship_code), text(relationship), text(last_name), text(first_name), text(middle_name), text(phone), text(email), text(line1), text(line2), text(city), text(state), text(postal_code), text(country), text(sex), text(contact_organization_id)

-- child delete
delete from patient_contacts where patient_contacts.organization_id = $1 and patient_contacts.patient_id = $2 and patient_contacts.position = integer($3)

-- child select
select text(patient_communications.patient_id), cast(null as text), cast(patient_communications.position as bigint), text(patient_communications.language), text(patient_communications.preferred), text(patient_communications.fhir_residue) from {keys} join patient_communications on patient_communications.patient_id = k.key where patient_communications.organization_id = $1

-- child insert
insert into patient_communications (patient_id, organization_id, position, language, preferred, fhir_residue) values ($1, bigint($2), integer($3), $4, boolean($5), $6) returning text(patient_id), text(language), text(preferred)

-- child delete all
delete from patient_communications where patient_communications.patient_id in (select k.key from {keys}) and patient_communications.organization_id = $1

-- child update
update patient_communications set language = $4, preferred = boolean($5), fhir_residue = $6 where patient_communications.organization_id = $1 and patient_communications.patient_id = $2 and patient_communications.position = integer($3) returning text(language), text(preferred)

-- child delete
delete from patient_communications where patient_communications.organization_id = $1 and patient_communications.patient_id = $2 and patient_communications.position = integer($3)

