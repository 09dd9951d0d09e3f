-- select
select text(encounters.id), text(encounters.status), text(encounters.class_system), text(encounters.class_code), text(encounters.class_display), text(encounters.type_system), text(encounters.type_code), text(encounters.type_display), text(encounters.type_text), text(encounters.service_type_system), text(encounters.service_type_code), text(encounters.service_type_display), text(encounters.service_type_text), text(encounters.priority_system), text(encounters.priority_code), text(encounters.priority_display), text(encounters.patient_id), text(encounters.starts_at), text(encounters.ends_at), text(encounters.length_value), text(encounters.length_unit), text(encounters.reason_condition_id), text(encounters.appointment_id), text(encounters.service_provider_id), text(encounters.part_of_id), text(encounters.admit_source), text(encounters.discharge_system), text(encounters.discharge_code), text(encounters.discharge_display), text(encounters.discharge_text), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(encounters.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(encounters.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('problems', 'health_concerns', 'encounter_diagnoses', 'conditions') and d.key = text(encounters.reason_condition_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Condition' and d.id = text(encounters.reason_condition_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('appointment') and d.key = text(encounters.appointment_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Appointment' and d.id = text(encounters.appointment_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(encounters.service_provider_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(encounters.service_provider_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('encounter') and d.key = text(encounters.part_of_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(encounters.part_of_id) and d.map is null)), text(encounters.fhir_residue), 'true', text(encounters.updated_at) from {keys} join encounters on encounters.id = k.key where encounters.organization_id = $1

-- insert
insert into encounters (id, organization_id, status, class_system, class_code, class_display, type_system, type_code, type_display, type_text, service_type_system, service_type_code, service_type_display, service_type_text, priority_system, priority_code, priority_display, patient_id, starts_at, ends_at, length_value, length_unit, reason_condition_id, appointment_id, service_provider_id, part_of_id, admit_source, discharge_system, discharge_code, discharge_display, discharge_text, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, timestamptz($19), timestamptz($20), numeric($21), $22, $23, $24, $25, $26, $27, $28, $29, $30, $31, $32, timestamptz($33)), ($34, bigint($35), $36, $37, $38, $39, $40, $41, $42, $43, $44, $45, $46, $47, $48, $49, $50, $51, timestamptz($52), timestamptz($53), numeric($54), $55, $56, $57, $58, $59, $60, $61, $62, $63, $64, $65, timestamptz($66)) returning text(id), text(status), text(class_system), text(class_code), text(class_display), text(type_system), text(type_code), text(type_display), text(type_text), text(service_type_system), text(service_type_code), text(service_type_display), text(service_type_text), text(priority_system), text(priority_code), text(priority_display), text(patient_id), text(starts_at), text(ends_at), text(length_value), text(length_unit), text(reason_condition_id), text(appointment_id), text(service_provider_id), text(part_of_id), text(admit_source), text(discharge_system), text(discharge_code), text(discharge_display), text(discharge_text)

-- delete
delete from encounters where encounters.id in (select k.key from {keys}) and encounters.organization_id = $1

-- left over
select text(encounters.id) from {keys} join encounters on encounters.id = k.key where encounters.organization_id = $1 and (true)

-- child select
select text(encounter_identifiers.encounter_id), cast(null as text), cast(encounter_identifiers.position as bigint), text(encounter_identifiers.identifier_use), text(encounter_identifiers.type_code), text(encounter_identifiers.type_text), text(encounter_identifiers.system), text(encounter_identifiers.value), text(encounter_identifiers.assigner_id), text(encounter_identifiers.valid_from), text(encounter_identifiers.valid_until), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(encounter_identifiers.assigner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(encounter_identifiers.assigner_id) and d.map is null)), text(encounter_identifiers.fhir_residue) from {keys} join encounter_identifiers on encounter_identifiers.encounter_id = k.key where encounter_identifiers.organization_id = $1

-- child insert
insert into encounter_identifiers (encounter_id, organization_id, position, identifier_use, type_code, type_text, system, value, assigner_id, valid_from, valid_until, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, date($10), date($11), $12) returning text(encounter_id), text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete all
delete from encounter_identifiers where encounter_identifiers.encounter_id in (select k.key from {keys}) and encounter_identifiers.organization_id = $1

-- child update
update encounter_identifiers set identifier_use = $4, type_code = $5, type_text = $6, system = $7, value = $8, assigner_id = $9, valid_from = date($10), valid_until = date($11), fhir_residue = $12 where encounter_identifiers.organization_id = $1 and encounter_identifiers.encounter_id = $2 and encounter_identifiers.position = integer($3) returning text(identifier_use), text(type_code), text(type_text), text(system), text(value), text(assigner_id), text(valid_from), text(valid_until)

-- child delete
delete from encounter_identifiers where encounter_identifiers.organization_id = $1 and encounter_identifiers.encounter_id = $2 and encounter_identifiers.position = integer($3)

-- child select
select text(encounter_participants.encounter_id), cast(null as text), cast(encounter_participants.position as bigint), text(encounter_participants.type_code), text(encounter_participants.type_display), text(encounter_participants.type_text), text(encounter_participants.starts_at), text(encounter_participants.ends_at), text(encounter_participants.practitioner_id), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('practitioner') and d.key = text(encounter_participants.practitioner_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(encounter_participants.practitioner_id) and d.map is null)), text(encounter_participants.fhir_residue) from {keys} join encounter_participants on encounter_participants.encounter_id = k.key where encounter_participants.organization_id = $1

-- child insert
insert into encounter_participants (encounter_id, organization_id, position, type_code, type_display, type_text, starts_at, ends_at, practitioner_id, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, timestamptz($7), timestamptz($8), $9, $10) returning text(encounter_id), text(type_code), text(type_display), text(type_text), text(starts_at), text(ends_at), text(practitioner_id)

-- child delete all
delete from encounter_participants where encounter_participants.encounter_id in (select k.key from {keys}) and encounter_participants.organization_id = $1

-- child update
update encounter_participants set type_code = $4, type_display = $5, type_text = $6, starts_at = timestamptz($7), ends_at = timestamptz($8), practitioner_id = $9, fhir_residue = $10 where encounter_participants.organization_id = $1 and encounter_participants.encounter_id = $2 and encounter_participants.position = integer($3) returning text(type_code), text(type_display), text(type_text), text(starts_at), text(ends_at), text(practitioner_id)

-- child delete
delete from encounter_participants where encounter_participants.organization_id = $1 and encounter_participants.encounter_id = $2 and encounter_participants.position = integer($3)

-- child select
select text(encounter_reasons.encounter_id), cast(null as text), cast(encounter_reasons.position as bigint), text(encounter_reasons.code_system), text(encounter_reasons.code), text(encounter_reasons.display), text(encounter_reasons.name), text(encounter_reasons.fhir_residue) from {keys} join encounter_reasons on encounter_reasons.encounter_id = k.key where encounter_reasons.organization_id = $1

-- child insert
insert into encounter_reasons (encounter_id, organization_id, position, code_system, code, display, name, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8) returning text(encounter_id), text(code_system), text(code), text(display), text(name)

-- child delete all
delete from encounter_reasons where encounter_reasons.encounter_id in (select k.key from {keys}) and encounter_reasons.organization_id = $1

-- child update
update encounter_reasons set code_system = $4, code = $5, display = $6, name = $7, fhir_residue = $8 where encounter_reasons.organization_id = $1 and encounter_reasons.encounter_id = $2 and encounter_reasons.position = integer($3) returning text(code_system), text(code), text(display), text(name)

-- child delete
delete from encounter_reasons where encounter_reasons.organization_id = $1 and encounter_reasons.encounter_id = $2 and encounter_reasons.position = integer($3)

-- child select
select text(encounter_conditions.encounter_id), cast(null as text), cast(encounter_conditions.position as bigint), text(encounter_conditions.condition_id), text(encounter_conditions.use_code), text(encounter_conditions.use_display), text(encounter_conditions.rank), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('problems', 'health_concerns', 'encounter_diagnoses', 'conditions') and d.key = text(encounter_conditions.condition_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Condition' and d.id = text(encounter_conditions.condition_id) and d.map is null)), text(encounter_conditions.fhir_residue) from {keys} join encounter_conditions on encounter_conditions.encounter_id = k.key where encounter_conditions.organization_id = $1

-- child insert
insert into encounter_conditions (encounter_id, organization_id, position, condition_id, use_code, use_display, rank, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, integer($7), $8) returning text(encounter_id), text(condition_id), text(use_code), text(use_display), text(rank)

-- child delete all
delete from encounter_conditions where encounter_conditions.encounter_id in (select k.key from {keys}) and encounter_conditions.organization_id = $1

-- child update
update encounter_conditions set condition_id = $4, use_code = $5, use_display = $6, rank = integer($7), fhir_residue = $8 where encounter_conditions.organization_id = $1 and encounter_conditions.encounter_id = $2 and encounter_conditions.position = integer($3) returning text(condition_id), text(use_code), text(use_display), text(rank)

-- child delete
delete from encounter_conditions where encounter_conditions.organization_id = $1 and encounter_conditions.encounter_id = $2 and encounter_conditions.position = integer($3)

-- child select
select text(encounter_locations.encounter_id), cast(null as text), cast(encounter_locations.position as bigint), text(encounter_locations.location_id), text(encounter_locations.status), text(encounter_locations.starts_at), text(encounter_locations.ends_at), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('location') and d.key = text(encounter_locations.location_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Location' and d.id = text(encounter_locations.location_id) and d.map is null)), text(encounter_locations.fhir_residue) from {keys} join encounter_locations on encounter_locations.encounter_id = k.key where encounter_locations.organization_id = $1

-- child insert
insert into encounter_locations (encounter_id, organization_id, position, location_id, status, starts_at, ends_at, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, timestamptz($6), timestamptz($7), $8) returning text(encounter_id), text(location_id), text(status), text(starts_at), text(ends_at)

-- child delete all
delete from encounter_locations where encounter_locations.encounter_id in (select k.key from {keys}) and encounter_locations.organization_id = $1

-- child update
update encounter_locations set location_id = $4, status = $5, starts_at = timestamptz($6), ends_at = timestamptz($7), fhir_residue = $8 where encounter_locations.organization_id = $1 and encounter_locations.encounter_id = $2 and encounter_locations.position = integer($3) returning text(location_id), text(status), text(starts_at), text(ends_at)

-- child delete
delete from encounter_locations where encounter_locations.organization_id = $1 and encounter_locations.encounter_id = $2 and encounter_locations.position = integer($3)

