-- select
select text(patients.id), text(patients.active), text(patients.last_name), text(patients.first_name), text(patients.middle_name), text(patients.name_prefix), text(patients.name_suffix), text(patients.sex), text(patients.date_of_birth), text(patients.deceased), text(patients.deceased_at), text(patients.marital_status), text(patients.multiple_birth), text(patients.birth_order), text(patients.primary_provider_id), text(patients.managing_organization_id), text(patient_profiles.birth_sex), text(patient_profiles.mothers_maiden_name), text(patient_profiles.birth_city), text(patient_profiles.birth_state), text(patient_profiles.birth_country), text(patient_profiles.name_from), text(patient_profiles.name_until), text(patient_profiles.previous_first_name), text(patient_profiles.previous_middle_name), text(patient_profiles.previous_last_name), text(patient_profiles.previous_name_from), text(patient_profiles.previous_name_until), text(patient_profiles.maiden_name), text(patient_profiles.preferred_name), text(patient_profiles.race_system), text(patient_profiles.race_code), text(patient_profiles.race_display), text(patient_profiles.race_detailed_system), text(patient_profiles.race_detailed_code), text(patient_profiles.race_detailed_display), text(patient_profiles.race), text(patient_profiles.ethnicity_system), text(patient_profiles.ethnicity_code), text(patient_profiles.ethnicity_display), text(patient_profiles.ethnicity_detailed_system), text(patient_profiles.ethnicity_detailed_code), text(patient_profiles.ethnicity_detailed_display), text(patient_profiles.ethnicity), text(patient_profiles.tribe_system), text(patient_profiles.tribe_code), text(patient_profiles.tribe_display), text(patient_profiles.tribe), text(patient_profiles.tribe_enrolled), text(patient_profiles.gender_identity_system), text(patient_profiles.gender_identity_code), text(patient_profiles.gender_identity_display), text(patient_profiles.gender_identity), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('practitioner') and d.key = text(patients.primary_provider_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(patients.primary_provider_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(patients.managing_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patients.managing_organization_id) and d.map is null)), text(patients.fhir_residue), 'true', text(patients.updated_at) from {keys} join patients on patients.id = k.key left join patient_profiles on patient_profiles.patient_id = patients.id and patient_profiles.organization_id = $1 where patients.organization_id = $1

-- insert
insert into patients (id, organization_id, active, last_name, first_name, middle_name, name_prefix, name_suffix, sex, date_of_birth, deceased, deceased_at, marital_status, multiple_birth, birth_order, primary_provider_id, managing_organization_id, fhir_residue, updated_at) values ($1, bigint($2), boolean($3), $4, $5, $6, $7, $8, $9, date($10), boolean($11), timestamptz($12), $13, boolean($14), integer($15), $16, $17, $18, timestamptz($19)), ($20, bigint($21), boolean($22), $23, $24, $25, $26, $27, $28, date($29), boolean($30), timestamptz($31), $32, boolean($33), integer($34), $35, $36, $37, timestamptz($38)) returning text(id), text(active), text(last_name), text(first_name), text(middle_name), text(name_prefix), text(name_suffix), text(sex), text(date_of_birth), text(deceased), text(deceased_at), text(marital_status), text(multiple_birth), text(birth_order), text(primary_provider_id), text(managing_organization_id)

-- delete
delete from patients where patients.id in (select k.key from {keys}) and patients.organization_id = $1

-- left over
select text(patients.id) from {keys} join patients on patients.id = k.key left join patient_profiles on patient_profiles.patient_id = patients.id and patient_profiles.organization_id = $1 where patients.organization_id = $1 and (true)

-- insert joined
insert into patient_profiles (patient_id, organization_id, birth_sex, mothers_maiden_name, birth_city, birth_state, birth_country, name_from, name_until, previous_first_name, previous_middle_name, previous_last_name, previous_name_from, previous_name_until, maiden_name, preferred_name, race_system, race_code, race_display, race_detailed_system, race_detailed_code, race_detailed_display, race, ethnicity_system, ethnicity_code, ethnicity_display, ethnicity_detailed_system, ethnicity_detailed_code, ethnicity_detailed_display, ethnicity, tribe_system, tribe_code, tribe_display, tribe, tribe_enrolled, gender_identity_system, gender_identity_code, gender_identity_display, gender_identity) values ($1, bigint($2), $3, $4, $5, $6, $7, date($8), date($9), $10, $11, $12, date($13), date($14), $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, boolean($35), $36, $37, $38, $39) returning text(patient_id), text(birth_sex), text(mothers_maiden_name), text(birth_city), text(birth_state), text(birth_country), text(name_from), text(name_until), text(previous_first_name), text(previous_middle_name), text(previous_last_name), text(previous_name_from), text(previous_name_until), text(maiden_name), text(preferred_name), text(race_system), text(race_code), text(race_display), text(race_detailed_system), text(race_detailed_code), text(race_detailed_display), text(race), text(ethnicity_system), text(ethnicity_code), text(ethnicity_display), text(ethnicity_detailed_system), text(ethnicity_detailed_code), text(ethnicity_detailed_display), text(ethnicity), text(tribe_system), text(tribe_code), text(tribe_display), text(tribe), text(tribe_enrolled), text(gender_identity_system), text(gender_identity_code), text(gender_identity_display), text(gender_identity)

-- delete joined
delete from patient_profiles where patient_profiles.patient_id in (select k.key from {keys}) and patient_profiles.organization_id = $1

-- child select
select text(patient_identifiers.patient_id), cast(null as text), cast(patient_identifiers.position as bigint), text(patient_identifiers.identifier_use), text(patient_identifiers.type_code), text(patient_identifiers.system), text(patient_identifiers.value), text(patient_identifiers.assigner_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(patient_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patient_identifiers.assigner_id) and d.map is null)), text(patient_identifiers.fhir_residue) from {keys} join patient_identifiers on patient_identifiers.patient_id = k.key where patient_identifiers.organization_id = $1

-- child insert
insert into patient_identifiers (patient_id, organization_id, position, identifier_use, type_code, system, value, assigner_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9) returning text(patient_id), text(identifier_use), text(type_code), text(system), text(value), text(assigner_id)

-- child delete all
delete from patient_identifiers where patient_identifiers.patient_id in (select k.key from {keys}) and patient_identifiers.organization_id = $1

-- child update
update patient_identifiers set identifier_use = $4, type_code = $5, system = $6, value = $7, assigner_id = $8, fhir_residue = $9 where patient_identifiers.organization_id = $1 and patient_identifiers.patient_id = $2 and patient_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(system), text(value), text(assigner_id)

-- child delete
delete from patient_identifiers where patient_identifiers.organization_id = $1 and patient_identifiers.patient_id = $2 and patient_identifiers.position = integer($3)

-- child select
select text(patient_telecoms.patient_id), cast(null as text), cast(patient_telecoms.position as bigint), text(patient_telecoms.system), text(patient_telecoms.value), text(patient_telecoms.telecom_use), text(patient_telecoms.preference), text(patient_telecoms.valid_from), text(patient_telecoms.valid_until), text(patient_telecoms.fhir_residue) from {keys} join patient_telecoms on patient_telecoms.patient_id = k.key where patient_telecoms.organization_id = $1

-- child insert
insert into patient_telecoms (patient_id, organization_id, position, system, value, telecom_use, preference, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), date($8), date($9), $10) returning text(patient_id), text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete all
delete from patient_telecoms where patient_telecoms.patient_id in (select k.key from {keys}) and patient_telecoms.organization_id = $1

-- child update
update patient_telecoms set system = $4, value = $5, telecom_use = $6, preference = integer($7), valid_from = date($8), valid_until = date($9), fhir_residue = $10 where patient_telecoms.organization_id = $1 and patient_telecoms.patient_id = $2 and patient_telecoms.position = integer($3) returning text(system), text(value), text(telecom_use), text(preference), text(valid_from), text(valid_until)

-- child delete
delete from patient_telecoms where patient_telecoms.organization_id = $1 and patient_telecoms.patient_id = $2 and patient_telecoms.position = integer($3)

-- child select
select text(patient_addresses.patient_id), cast(null as text), cast(patient_addresses.position as bigint), text(patient_addresses.address_use), text(patient_addresses.address_type), text(patient_addresses.address_text), text(patient_addresses.line1), text(patient_addresses.line2), text(patient_addresses.city), text(patient_addresses.district), text(patient_addresses.state), text(patient_addresses.postal_code), text(patient_addresses.country), text(patient_addresses.valid_from), text(patient_addresses.valid_until), text(patient_addresses.fhir_residue) from {keys} join patient_addresses on patient_addresses.patient_id = k.key where patient_addresses.organization_id = $1

-- child insert
insert into patient_addresses (patient_id, organization_id, position, address_use, address_type, address_text, line1, line2, city, district, state, postal_code, country, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), date($15), $16) returning text(patient_id), text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete all
delete from patient_addresses where patient_addresses.patient_id in (select k.key from {keys}) and patient_addresses.organization_id = $1

-- child update
update patient_addresses set address_use = $4, address_type = $5, address_text = $6, line1 = $7, line2 = $8, city = $9, district = $10, state = $11, postal_code = $12, country = $13, valid_from = date($14), valid_until = date($15), fhir_residue = $16 where patient_addresses.organization_id = $1 and patient_addresses.patient_id = $2 and patient_addresses.position = integer($3) returning text(address_use), text(address_type), text(address_text), text(line1), text(line2), text(city), text(district), text(state), text(postal_code), text(country), text(valid_from), text(valid_until)

-- child delete
delete from patient_addresses where patient_addresses.organization_id = $1 and patient_addresses.patient_id = $2 and patient_addresses.position = integer($3)

-- child select
select text(patient_contacts.patient_id), cast(null as text), cast(patient_contacts.position as bigint), text(patient_contacts.relationship_code), text(patient_contacts.relationship), text(patient_contacts.last_name), text(patient_contacts.first_name), text(patient_contacts.middle_name), text(patient_contacts.phone), text(patient_contacts.email), text(patient_contacts.line1), text(patient_contacts.line2), text(patient_contacts.city), text(patient_contacts.state), text(patient_contacts.postal_code), text(patient_contacts.country), text(patient_contacts.sex), text(patient_contacts.contact_organization_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(patient_contacts.contact_organization_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(patient_contacts.contact_organization_id) and d.map is null)), text(patient_contacts.fhir_residue) from {keys} join patient_contacts on patient_contacts.patient_id = k.key where patient_contacts.organization_id = $1

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

-- child select
select text(patient_links.patient_id), cast(null as text), cast(patient_links.position as bigint), text(patient_links.other_patient_id), text(patient_links.link_type), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(patient_links.other_patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(patient_links.other_patient_id) and d.map is null)), text(patient_links.fhir_residue) from {keys} join patient_links on patient_links.patient_id = k.key where patient_links.organization_id = $1

-- child insert
insert into patient_links (patient_id, organization_id, position, other_patient_id, link_type, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(patient_id), text(other_patient_id), text(link_type)

-- child delete all
delete from patient_links where patient_links.patient_id in (select k.key from {keys}) and patient_links.organization_id = $1

-- child update
update patient_links set other_patient_id = $4, link_type = $5, fhir_residue = $6 where patient_links.organization_id = $1 and patient_links.patient_id = $2 and patient_links.position = integer($3) returning text(other_patient_id), text(link_type)

-- child delete
delete from patient_links where patient_links.organization_id = $1 and patient_links.patient_id = $2 and patient_links.position = integer($3)

