-- select
select text(goals.id), text(goals.status), text(goals.status_on), text(goals.status_reason), text(goals.achievement_status), text(goals.category), text(goals.priority), text(goals.code_system), text(goals.code), text(goals.display), text(goals.description), text(goals.patient_id), text(goals.starts_on), text(goals.expressed_by), text(goals.note), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('patient') and d.key = text(goals.patient_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Patient' and d.id = text(goals.patient_id) and d.map is null)), text(goals.fhir_residue), 'true', text(goals.updated_at) from {keys} join goals on goals.id = k.key where goals.organization_id = $1

-- insert
insert into goals (id, organization_id, status, status_on, status_reason, achievement_status, category, priority, code_system, code, display, description, patient_id, starts_on, expressed_by, note, fhir_residue, updated_at) values ($1, bigint($2), $3, date($4), $5, $6, $7, $8, $9, $10, $11, $12, $13, date($14), $15, $16, $17, timestamptz($18)), ($19, bigint($20), $21, date($22), $23, $24, $25, $26, $27, $28, $29, $30, $31, date($32), $33, $34, $35, timestamptz($36)) returning text(id), text(status), text(status_on), text(status_reason), text(achievement_status), text(category), text(priority), text(code_system), text(code), text(display), text(description), text(patient_id), text(starts_on), text(expressed_by), text(note)

-- delete
delete from goals where goals.id in (select k.key from {keys}) and goals.organization_id = $1

-- left over
select text(goals.id) from {keys} join goals on goals.id = k.key where goals.organization_id = $1 and (true)

-- child select
select text(goal_targets.goal_id), cast(null as text), cast(goal_targets.position as bigint), text(goal_targets.measure_system), text(goal_targets.measure_code), text(goal_targets.measure_display), text(goal_targets.measure), text(goal_targets.target_value), text(goal_targets.target_unit), text(goal_targets.low_value), text(goal_targets.low_unit), text(goal_targets.high_value), text(goal_targets.high_unit), text(goal_targets.target_text), text(goal_targets.due_on), text(goal_targets.fhir_residue) from {keys} join goal_targets on goal_targets.goal_id = k.key where goal_targets.organization_id = $1

-- child insert
insert into goal_targets (goal_id, organization_id, position, measure_system, measure_code, measure_display, measure, target_value, target_unit, low_value, low_unit, high_value, high_unit, target_text, due_on, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, $7, numeric($8), $9, numeric($10), $11, numeric($12), $13, $14, date($15), $16) returning text(goal_id), text(measure_system), text(measure_code), text(measure_display), text(measure), text(target_value), text(target_unit), text(low_value), text(low_unit), text(high_value), text(high_unit), text(target_text), text(due_on)

-- child delete all
delete from goal_targets where goal_targets.goal_id in (select k.key from {keys}) and goal_targets.organization_id = $1

-- child update
update goal_targets set measure_system = $4, measure_code = $5, measure_display = $6, measure = $7, target_value = numeric($8), target_unit = $9, low_value = numeric($10), low_unit = $11, high_value = numeric($12), high_unit = $13, target_text = $14, due_on = date($15), fhir_residue = $16 where goal_targets.organization_id = $1 and goal_targets.goal_id = $2 and goal_targets.position = integer($3) returning text(measure_system), text(measure_code), text(measure_display), text(measure), text(target_value), text(target_unit), text(low_value), text(low_unit), text(high_value), text(high_unit), text(target_text), text(due_on)

-- child delete
delete from goal_targets where goal_targets.organization_id = $1 and goal_targets.goal_id = $2 and goal_targets.position = integer($3)

-- child select
select text(goal_problems.goal_id), cast(null as text), cast(goal_problems.position as bigint), text(goal_problems.condition_id), text(goal_problems.label), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('problems', 'health_concerns', 'encounter_diagnoses', 'conditions') and d.key = text(goal_problems.condition_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Condition' and d.id = text(goal_problems.condition_id) and d.map is null)), text(goal_problems.fhir_residue) from {keys} join goal_problems on goal_problems.goal_id = k.key where goal_problems.organization_id = $1

-- child insert
insert into goal_problems (goal_id, organization_id, position, condition_id, label, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6) returning text(goal_id), text(condition_id), text(label)

-- child delete all
delete from goal_problems where goal_problems.goal_id in (select k.key from {keys}) and goal_problems.organization_id = $1

-- child update
update goal_problems set condition_id = $4, label = $5, fhir_residue = $6 where goal_problems.organization_id = $1 and goal_problems.goal_id = $2 and goal_problems.position = integer($3) returning text(condition_id), text(label)

-- child delete
delete from goal_problems where goal_problems.organization_id = $1 and goal_problems.goal_id = $2 and goal_problems.position = integer($3)

