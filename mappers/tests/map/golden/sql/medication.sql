-- select
select text(medications.id), text(medications.rxnorm_code), text(medications.rxnorm_display), text(medications.name), text(medications.status), text(medications.manufacturer_id), text(medications.form), text(medications.lot_number), text(medications.expires_on), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(medications.manufacturer_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(medications.manufacturer_id) and d.map is null)), text(medications.fhir_residue), 'true', text(medications.updated_at) from {keys} join medications on medications.id = k.key where medications.organization_id = $1

-- insert
insert into medications (id, organization_id, rxnorm_code, rxnorm_display, name, status, manufacturer_id, form, lot_number, expires_on, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, date($10), $11, timestamptz($12)), ($13, bigint($14), $15, $16, $17, $18, $19, $20, $21, date($22), $23, timestamptz($24)) returning text(id), text(rxnorm_code), text(rxnorm_display), text(name), text(status), text(manufacturer_id), text(form), text(lot_number), text(expires_on)

-- delete
delete from medications where medications.id in (select k.key from {keys}) and medications.organization_id = $1

-- left over
select text(medications.id) from {keys} join medications on medications.id = k.key where medications.organization_id = $1 and (true)

-- child select
select text(medication_ingredients.medication_id), cast(null as text), cast(medication_ingredients.position as bigint), text(medication_ingredients.rxnorm_code), text(medication_ingredients.rxnorm_display), text(medication_ingredients.name), text(medication_ingredients.is_active), text(medication_ingredients.strength_value), text(medication_ingredients.strength_unit), text(medication_ingredients.per_value), text(medication_ingredients.per_unit), text(medication_ingredients.fhir_residue) from {keys} join medication_ingredients on medication_ingredients.medication_id = k.key where medication_ingredients.organization_id = $1

-- child insert
insert into medication_ingredients (medication_id, organization_id, position, rxnorm_code, rxnorm_display, name, is_active, strength_value, strength_unit, per_value, per_unit, fhir_residue) values ($1, bigint($2), integer($3), $4, $5, $6, boolean($7), numeric($8), $9, numeric($10), $11, $12) returning text(medication_id), text(rxnorm_code), text(rxnorm_display), text(name), text(is_active), text(strength_value), text(strength_unit), text(per_value), text(per_unit)

-- child delete all
delete from medication_ingredients where medication_ingredients.medication_id in (select k.key from {keys}) and medication_ingredients.organization_id = $1

-- child update
update medication_ingredients set rxnorm_code = $4, rxnorm_display = $5, name = $6, is_active = boolean($7), strength_value = numeric($8), strength_unit = $9, per_value = numeric($10), per_unit = $11, fhir_residue = $12 where medication_ingredients.organization_id = $1 and medication_ingredients.medication_id = $2 and medication_ingredients.position = integer($3) returning text(rxnorm_code), text(rxnorm_display), text(name), text(is_active), text(strength_value), text(strength_unit), text(per_value), text(per_unit)

-- child delete
delete from medication_ingredients where medication_ingredients.organization_id = $1 and medication_ingredients.medication_id = $2 and medication_ingredients.position = integer($3)

