-- select
select text(allergies.id), text(allergies.clinical_status), text(allergies.verification_status), text(allergies.allergy_type), text(allergies.category), text(allergies.criticality), text(allergies.code_system), text(allergies.code), text(allergies.code_display), text(allergies.substance), text(allergies.patient_id), text(allergies.encounter_id), text(allergies.onset_on), text(allergies.recorded_at), text(allergies.recorder_id), text(allergies.asserter_id), text(allergies.last_occurred_on), text(allergies.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(allergies.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(allergies.patient_id) and d.map is null)), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(allergies.encounter_id) and d.map is null), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(allergies.recorder_id) and d.map is null), (select d.id from directory d where d.organization_id = $1 and d.type = 'Practitioner' and d.id = text(allergies.asserter_id) and d.map is null), text(allergies.fhir_residue), 'true', text(allergies.updated_at) from {keys} join allergies on allergies.id = k.key where allergies.organization_id = $1

-- insert
insert into allergies (id, organization_id, clinical_status, verification_status, allergy_type, category, criticality, code_system, code, code_display, substance, patient_id, encounter_id, onset_on, recorded_at, recorder_id, asserter_id, last_occurred_on, note, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), timestamptz($15), $16, $17, date($18), $19, $20, timestamptz($21)), ($22, bigint($23), $24, $25, $26, $27, $28, $29, $30, $31, $32, $33, $34, date($35), timestamptz($36), $37, $38, date($39), $40, $41, timestamptz($42)) returning text(id), text(clinical_status), text(verification_status), text(allergy_type), text(category), text(criticality), text(code_system), text(code), text(code_display), text(substance), text(patient_id), text(encounter_id), text(onset_on), text(recorded_at), text(recorder_id), text(asserter_id), text(last_occurred_on), text(note)

-- delete
delete from allergies where allergies.id in (select k.key from {keys}) and allergies.organization_id = $1

-- left over
select text(allergies.id) from {keys} join allergies on allergies.id = k.key where allergies.organization_id = $1 and (true)

-- child select
select text(allergy_reactions.allergy_id), cast(null as text), cast(allergy_reactions.position as bigint), text(allergy_reactions.substance_system), text(allergy_reactions.substance_code), text(allergy_reactions.substance_display), text(allergy_reactions.substance), text(allergy_reactions.manifestation_system), text(allergy_reactions.manifestation_code), text(allergy_reactions.manifestation_display), text(allergy_reactions.manifestation), text(allergy_reactions.further_manifestation), text(allergy_reactions.description), text(allergy_reactions.onset_at), text(allergy_reactions.severity), text(allergy_reactions.exposure_route), text(allergy_reactions.note), text(allergy_reactions.fhir_residue) from {keys} join allergy_reactions on allergy_reactions.allergy_id = k.key where allergy_reactions.organization_id = $1

-- child insert
insert into allergy_reactions (allergy_id, organization_id, position, substance_system, substance_code, substance_display, substance, manifestation_system, manifestation_code, manifestation_display, manifestation, further_manifestation, description, onset_at, severity, exposure_route, note, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, timestamptz($14), $15, $16, $17, $18) returning text(allergy_id), text(substance_system), text(substance_code), text(substance_display), text(substance), text(manifestation_system), text(manifestation_code), text(manifestation_display), text(manifestation), text(further_manifestation), text(description), text(onset_at), text(severity), text(exposure_route), text(note)

-- child delete all
delete from allergy_reactions where allergy_reactions.allergy_id in (select k.key from {keys}) and allergy_reactions.organization_id = $1

-- child update
update allergy_reactions set substance_system = $4, substance_code = $5, substance_display = $6, substance = $7, manifestation_system = $8, manifestation_code = $9, manifestation_display = $10, manifestation = $11, further_manifestation = $12, description = $13, onset_at = timestamptz($14), severity = $15, exposure_route = $16, note = $17, fhir_residue = $18 where allergy_reactions.organization_id = $1 and allergy_reactions.allergy_id = $2 and allergy_reactions.position = integer($3) returning text(substance_system), text(substance_code), text(substance_display), text(substance), text(manifestation_system), text(manifestation_code), text(manifestation_display), text(manifestation), text(further_manifestation), text(description), text(onset_at), text(severity), text(exposure_route), text(note)

-- child delete
delete from allergy_reactions where allergy_reactions.organization_id = $1 and allergy_reactions.allergy_id = $2 and allergy_reactions.position = integer($3)

