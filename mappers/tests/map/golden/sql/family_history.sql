-- select
select text(family_history.id), text(family_history.status), text(family_history.patient_id), text(family_history.recorded_on), text(family_history.name), text(family_history.relationship_system), text(family_history.relationship_code), text(family_history.relationship), text(family_history.sex), text(family_history.born_on), text(family_history.born_text), text(family_history.age), text(family_history.age_unit), text(family_history.deceased), text(family_history.deceased_on), text(family_history.age_at_death), text(family_history.age_at_death_unit), text(family_history.reason), text(family_history.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(family_history.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(family_history.patient_id) and d.map is null)), text(family_history.fhir_residue), 'true', text(family_history.updated_at) from {keys} join family_history on family_history.id = k.key where family_history.organization_id = $1

-- insert
insert into family_history (id, organization_id, status, patient_id, recorded_on, name, relationship_system, relationship_code, relationship, sex, born_on, born_text, age, age_unit, deceased, deceased_on, age_at_death, age_at_death_unit, reason, note, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, date($5), $6, $7, $8, $9, $10, date($11), $12, numeric($13), $14, boolean($15), date($16), numeric($17), $18, $19, $20, $21, timestamptz($22)), ($23, bigint($24), $25, $26, date($27), $28, $29, $30, $31, $32, date($33), $34, numeric($35), $36, boolean($37), date($38), numeric($39), $40, $41, $42, $43, timestamptz($44)) returning text(id), text(status), text(patient_id), text(recorded_on), text(name), text(relationship_system), text(relationship_code), text(relationship), text(sex), text(born_on), text(born_text), text(age), text(age_unit), text(deceased), text(deceased_on), text(age_at_death), text(age_at_death_unit), text(reason), text(note)

-- delete
delete from family_history where family_history.id in (select k.key from {keys}) and family_history.organization_id = $1

-- left over
select text(family_history.id) from {keys} join family_history on family_history.id = k.key where family_history.organization_id = $1 and (true)

-- child select
select text(family_history_conditions.family_history_id), cast(null as text), cast(family_history_conditions.position as bigint), text(family_history_conditions.code_system), text(family_history_conditions.code), text(family_history_conditions.code_display), text(family_history_conditions.name), text(family_history_conditions.outcome), text(family_history_conditions.contributed_to_death), text(family_history_conditions.onset_age), text(family_history_conditions.onset_age_unit), text(family_history_conditions.onset_text), text(family_history_conditions.note), text(family_history_conditions.fhir_residue) from {keys} join family_history_conditions on family_history_conditions.family_history_id = k.key where family_history_conditions.organization_id = $1

-- child insert
insert into family_history_conditions (family_history_id, organization_id, position, code_system, code, code_display, name, outcome, contributed_to_death, onset_age, onset_age_unit, onset_text, note, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, boolean($9), numeric($10), $11, $12, $13, $14) returning text(family_history_id), text(code_system), text(code), text(code_display), text(name), text(outcome), text(contributed_to_death), text(onset_age), text(onset_age_unit), text(onset_text), text(note)

-- child delete all
delete from family_history_conditions where family_history_conditions.family_history_id in (select k.key from {keys}) and family_history_conditions.organization_id = $1

-- child update
update family_history_conditions set code_system = $4, code = $5, code_display = $6, name = $7, outcome = $8, contributed_to_death = boolean($9), onset_age = numeric($10), onset_age_unit = $11, onset_text = $12, note = $13, fhir_residue = $14 where family_history_conditions.organization_id = $1 and family_history_conditions.family_history_id = $2 and family_history_conditions.position = integer($3) returning text(code_system), text(code), text(code_display), text(name), text(outcome), text(contributed_to_death), text(onset_age), text(onset_age_unit), text(onset_text), text(note)

-- child delete
delete from family_history_conditions where family_history_conditions.organization_id = $1 and family_history_conditions.family_history_id = $2 and family_history_conditions.position = integer($3)

