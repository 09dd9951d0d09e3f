-- select
select text(medications.id), text(medications.rxnorm_code), text(medications.rxnorm_display), text(medications.name), text(medications.status), text(medications.manufacturer_id), text(medications.form), text(medications.lot_number), text(medications.expires_on), coalesce((select d.id from directory d where d.organization_id = $1 and d.map in ('organization') and d.key = text(medications.manufacturer_id) limit 1), (select d.id from directory d where d.organization_id = $1 and d.type = 'Organization' and d.id = text(medications.manufacturer_id) and d.map is null)), text(medications.fhir_residue), 'true', text(medications.updated_at) from {keys} join medications on medications.id = k.key where medications.organization_id = $1

-- insert
insert into medications (id, organization_id, rxnorm_code, rxnorm_display, name, status, manufacturer_id, form, lot_number, expires_on, fhir_residue, updated_at) values ($1, bigint($2), $3, $4, $5, $6, $7, $8, $9, date($10), $11, timestamptz($12)), ($13, bigint($14), $15, $16, $17, $18, $19, $20, $21, date($22), $23, timestamptz($24)) returning text(id), text(rxnorm_code), text(rxnorm_display), text(name), text(status), text(manufacturer_id), text(form), text(lot_number), text(expires_on)

-- delete
delete from medications where medications.id in (select k.key from {keys}) and medications.organization_id = $1

-- left over
select text(medications.id) from {keys} join medications on medications.id = k.key where medications.organization_id = $1 and (true)

