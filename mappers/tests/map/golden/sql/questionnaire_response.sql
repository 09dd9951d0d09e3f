-- select
select text(questionnaire_responses.id), text(questionnaire_responses.identifier_system), text(questionnaire_responses.identifier), text(questionnaire_responses.questionnaire), text(questionnaire_responses.status), text(questionnaire_responses.patient_id), text(questionnaire_responses.encounter_id), text(questionnaire_responses.authored_at), text(questionnaire_responses.author), text(questionnaire_responses.source), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(questionnaire_responses.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(questionnaire_responses.patient_id) and d.map is null)), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('encounter') and d.key = text(questionnaire_responses.encounter_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Encounter' and d.id = text(questionnaire_responses.encounter_id) and d.map is null)), text(questionnaire_responses.fhir_residue), 'true', text(questionnaire_responses.updated_at) from {keys} join questionnaire_responses on questionnaire_responses.id = k.key where questionnaire_responses.organization_id = $1

-- insert
insert into questionnaire_responses (id, organization_id, identifier_system, identifier, questionnaire, status, patient_id, encounter_id, authored_at, author, source, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, timestamptz($9), $10, $11, $12, timestamptz($13)), ($14, bigint($15), $16, $17, $18, $19, $20, $21, timestamptz($22), $23, $24, $25, timestamptz($26)) returning text(id), text(identifier_system), text(identifier), text(questionnaire), text(status), text(patient_id), text(encounter_id), text(authored_at), text(author), text(source)

-- delete
delete from questionnaire_responses where questionnaire_responses.id in (select k.key from {keys}) and questionnaire_responses.organization_id = $1

-- left over
select text(questionnaire_responses.id) from {keys} join questionnaire_responses on questionnaire_responses.id = k.key where questionnaire_responses.organization_id = $1 and (true)

-- child select
select text(questionnaire_answers.questionnaire_response_id), cast(null as text), cast(questionnaire_answers.position as bigint), text(questionnaire_answers.link_id), text(questionnaire_answers.question), text(questionnaire_answers.answer_boolean), text(questionnaire_answers.answer_decimal), text(questionnaire_answers.answer_integer), text(questionnaire_answers.answer_date), text(questionnaire_answers.answer_at), text(questionnaire_answers.answer_text), text(questionnaire_answers.answer_system), text(questionnaire_answers.answer_code), text(questionnaire_answers.answer_display), text(questionnaire_answers.answer_quantity), text(questionnaire_answers.answer_unit), text(questionnaire_answers.fhir_residue) from {keys} join questionnaire_answers on questionnaire_answers.questionnaire_response_id = k.key where questionnaire_answers.organization_id = $1

-- child insert
insert into questionnaire_answers (questionnaire_response_id, organization_id, position, link_id, question, answer_boolean, answer_decimal, answer_integer, answer_date, answer_at, answer_text, answer_system, answer_code, answer_display, answer_quantity, answer_unit, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, boolean($6), numeric($7), integer($8), date($9), timestamptz($10), $11, $12, $13, $14, numeric($15), $16, $17) returning text(questionnaire_response_id), text(link_id), text(question), text(answer_boolean), text(answer_decimal), text(answer_integer), text(answer_date), text(answer_at), text(answer_text), text(answer_system), text(answer_code), text(answer_display), text(answer_quantity), text(answer_unit)

-- child delete all
delete from questionnaire_answers where questionnaire_answers.questionnaire_response_id in (select k.key from {keys}) and questionnaire_answers.organization_id = $1

-- child update
update questionnaire_answers set link_id = $4, question = $5, answer_boolean = boolean($6), answer_decimal = numeric($7), answer_integer = integer($8), answer_date = date($9), answer_at = timestamptz($10), answer_text = $11, answer_system = $12, answer_code = $13, answer_display = $14, answer_quantity = numeric($15), answer_unit = $16, fhir_residue = $17 where questionnaire_answers.organization_id = $1 and questionnaire_answers.questionnaire_response_id = $2 and questionnaire_answers.position = integer($3) returning text(link_id), text(question), text(answer_boolean), text(answer_decimal), text(answer_integer), text(answer_date), text(answer_at), text(answer_text), text(answer_system), text(answer_code), text(answer_display), text(answer_quantity), text(answer_unit)

-- child delete
delete from questionnaire_answers where questionnaire_answers.organization_id = $1 and questionnaire_answers.questionnaire_response_id = $2 and questionnaire_answers.position = integer($3)

